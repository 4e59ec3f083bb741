"""`golf-pipeline backfill`: what it says, what it writes down, how it ends."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from rich.console import Console
from sqlalchemy import Engine, delete, update
from typer.testing import CliRunner, Result

from golf_pipeline.backfill_follow import IDLE, follow
from golf_pipeline.backfill_options import present_stages
from golf_pipeline.backfill_words import duration
from golf_pipeline.cli import app
from golf_pipeline.settings import get_settings
from golf_pipeline.storage import database
from golf_pipeline.storage.backfills import Backfills, BackfillState, ItemState, Selection
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import backfills, metadata, stage_outputs
from golf_pipeline_tests.storage.backfilled_swings import add_swing
from golf_pipeline_tests.storage.conftest import s3_url
from golf_pipeline_tests.storage.test_backfill_report import told

__all__ = ["s3_url"]

PRESENT = {stage.name: stage.version for stage in present_stages()}
FACTS = {
    "metrics": {"compute_seconds": 2.0, "reused": False},
    "findings": {"compute_seconds": 1.0, "reused": False},
    "coaching": {"compute_seconds": 1.0, "reused": False, "model": "gpt-4.1-mini", "cost_usd": 0.01},
    "result": {"compute_seconds": 1.0, "reused": False},
    "report": {"compute_seconds": 0.0, "reused": True},
}


@pytest.fixture(scope="module")
def swings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A catalog of three swings, two of which have old metrics, and a failed one."""
    engine = database.connect(f"sqlite:///{tmp_path_factory.mktemp('backfill') / 'catalog.db'}")
    metadata.create_all(engine)
    for name, version in (("a", "1"), ("b", "1"), ("c", PRESENT["metrics"])):
        add_swing(engine, name, versions=PRESENT | {"metrics": version}, facts=FACTS)
    add_swing(engine, "failed", status=Status.FAILED, error_code="NO_COMPLETE_SWING", error_message="No swing.")
    with engine.begin() as connection:
        connection.execute(update(stage_outputs).values(fingerprint="f"))
    yield engine
    engine.dispose()


@pytest.fixture
def engine(swings: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The catalog that the settings name, without a backfill."""
    with swings.begin() as connection:
        connection.execute(delete(backfills))
    monkeypatch.setenv("GOLF_CATALOG_URL", str(swings.url))
    get_settings.cache_clear()
    yield swings
    get_settings.cache_clear()


def backfill(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["backfill", *arguments])


def started(engine: Engine, *arguments: str) -> str:
    ended = backfill("start", *arguments, "--yes", "--no-follow")
    assert ended.exit_code == 0, ended.output
    return Backfills(engine).list(1)[0].backfill_id


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(engine: Engine) -> None:
    ended = backfill("--outdated", "--dry-run")
    assert ended.exit_code == 0, ended.output
    assert "2 swings: with an output of another version" in ended.stdout
    assert "No video is opened." in ended.stdout
    # Metrics surely (2 x 2 s); findings, coaching, report and result if these change (2 x 3 s more); two at once.
    assert "Time: 2 s to 5 s with 2 at once, while no uploads come; 4 s to 10 s of work." in ended.stdout
    assert "Without report: how long that takes was never recorded." in ended.stdout
    assert "Money: none, no model is configured" in ended.stdout
    assert Backfills(engine).list(10) == []


@pytest.mark.usefixtures("engine")
def test_a_dry_run_says_what_a_days_budget_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLF_OPENAI_API_KEY", "no key of anybody")
    monkeypatch.setenv("GOLF_COACH_USD_PER_DAY", "0.01")
    get_settings.cache_clear()
    ended = backfill("--outdated", "--dry-run", "--runs", "1")
    assert "Money: 0.00 to 0.02 USD for 0 to 2 coachings at 0.0100 USD each" in ended.stdout
    assert "a day pays for about 1 coachings" in ended.stdout
    assert "with 1 at once" in ended.stdout


@pytest.mark.usefixtures("engine")
def test_a_dry_run_of_everything_by_force_opens_every_video() -> None:
    ended = backfill("--all", "--force", "--dry-run")
    assert "3 swings: all swings; every stage anew" in ended.stdout
    assert "The video is opened of 3 swings." in ended.stdout


@pytest.mark.usefixtures("engine")
def test_a_dry_run_over_swings_that_are_up_to_date_says_so() -> None:
    assert "Every stage is up to date" in backfill("--swing", "c", "--dry-run").stdout


def test_start_puts_the_selection_on_the_list(engine: Engine) -> None:
    backfill_id = started(
        engine, "--golfer", "ann", "--since", "2026-05-01", "--until", "2026-05-01", "--older-than", "metrics=2"
    )
    record = Backfills(engine).get(backfill_id)
    assert record is not None and record.total == 2
    begin = record.selection.since
    assert begin is not None and begin.isoformat() == "2026-05-01T00:00:00+00:00"
    assert record.selection == Selection(
        user_id="ann", since=begin, until=begin.replace(day=2), older_than={"metrics": "2"}
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["start"], 2, "say which swings, or --all"),
        (["--all", "--failed", "--dry-run"], 2, "leave the other conditions out"),
        (["--since", "2026-05", "--dry-run"], 2, "'2026-05' is no day"),
        (["--until", "9999-12-31", "--dry-run"], 2, "'9999-12-31' is no day"),
        (["--since", "2026-05-02", "--until", "2026-05-01", "--dry-run"], 2, "`since` must be before `until`"),
        (["--failed", "--outdated", "--dry-run"], 2, "failed swings have no outputs"),
        (["--older-than", "metric=2", "--dry-run"], 2, "'metric' is none of"),
        (["--older-than", "metrics", "--dry-run"], 2, "write metrics=3"),
        (["--golfer", "nobody", "--dry-run"], 2, "No swing is chosen"),
        (["--swing", "nothing", "--dry-run"], 1, "There is no swing nothing."),
        (["--swing", "failed", "--dry-run"], 2, "failed for good (NO_COMPLETE_SWING)"),
        (["--swing", "a", "--golfer", "bob", "--dry-run"], 2, "not of golfer bob"),
        (["--swing", "c", "--outdated", "--dry-run"], 2, "does not meet the other conditions"),
        (["--swing", "a"], 2, "give --yes"),
        (["show", "no-such"], 1, "There is no backfill no-such."),
        (["pause", "no-such"], 1, "There is no backfill no-such."),
        (["follow", "no-such"], 1, "There is no backfill no-such."),
        (["report", "no-such", "--out", "x"], 1, "There is no backfill no-such."),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_with_a_code(
    engine: Engine, arguments: list[str], code: int, said: str
) -> None:
    ended = backfill(*arguments)
    # A usage error is printed in a frame whose lines are folded.
    words = " ".join(ended.stderr.replace("│", " ").split())
    assert said in words
    assert ended.exit_code == code
    assert Backfills(engine).list(10) == []


def test_without_a_catalog_there_is_none_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLF_CATALOG_URL", f"sqlite:///{tmp_path / 'none.db'}")
    get_settings.cache_clear()
    ended = backfill("list")
    get_settings.cache_clear()
    assert ended.exit_code == 1 and "There is no catalog at" in ended.stderr
    assert not (tmp_path / "none.db").exists()


def test_a_catalog_without_the_tables_is_one_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.db").touch()
    monkeypatch.setenv("GOLF_CATALOG_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    get_settings.cache_clear()
    ended = backfill("list")
    get_settings.cache_clear()
    assert ended.exit_code == 1 and "The catalog does not answer: no such table" in ended.stderr


def test_a_backfill_is_paused_resumed_and_canceled_once(engine: Engine) -> None:
    backfill_id = started(engine, "--all")
    assert backfill("pause", backfill_id).exit_code == 0
    again = backfill("pause", backfill_id)
    assert again.exit_code == 1 and "It is paused" in again.stderr
    assert backfill("resume", backfill_id).exit_code == 0
    assert backfill("cancel", backfill_id).exit_code == 0
    late = backfill("resume", backfill_id)
    assert late.exit_code == 1 and "It is canceled" in late.stderr
    assert f"{backfill_id}  canceled  3 of 3 ended" in backfill("list").stdout


def test_show_tells_how_it_stands_and_what_failed(engine: Engine) -> None:
    backfill_id, work = started(engine, "--all"), Backfills(engine)
    first, second = work.next_items(2)
    work.finish_item(first.backfill_id, first.analysis_id, ItemState.DONE, seconds=90.0, usd=0.02)
    why = {"error_code": "STORAGE_UNAVAILABLE", "error_message": "[The store] did not answer."}
    work.finish_item(second.backfill_id, second.analysis_id, ItemState.FAILED, seconds=0.0, **why)
    shown = backfill("show", backfill_id).stdout
    assert "of 3: 1 done, 1 failed, 1 to come" in shown
    assert "2 min of work, 0.02 USD" in shown
    assert "1 x STORAGE_UNAVAILABLE" in shown and "b: STORAGE_UNAVAILABLE [The store] did not answer." in shown
    assert f"{backfill_id}  running   2 of 3 ended, 1 failed" in backfill("list").stdout


def test_the_bar_ends_with_the_backfill_and_tells_once_that_nothing_happens(engine: Engine) -> None:
    backfill_id, work = started(engine, "--all"), Backfills(engine)
    passed, seen = [0.0], [0]

    def sleep(seconds: float) -> None:
        passed[0] += max(seconds, 10.0)
        seen[0] += 1
        if seen[0] > 20:  # nobody worked until now
            for item in work.next_items(2):
                work.finish_item(item.backfill_id, item.analysis_id, ItemState.DONE, seconds=1.0)

    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        console = Console(file=nowhere, record=True, width=200)
        progress = follow(work, backfill_id, console, sleep, lambda: passed[0])
    assert progress.backfill.state == BackfillState.FINISHED and progress.done == 3
    assert console.export_text().count(IDLE) == 1


def test_a_paused_backfill_is_waited_for_without_a_word(engine: Engine) -> None:
    backfill_id, work = started(engine, "--all"), Backfills(engine)
    work.pause(backfill_id)
    passed = [0.0]

    def sleep(_: float) -> None:
        passed[0] += 30.0
        if passed[0] > 300:
            work.cancel(backfill_id)

    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        console = Console(file=nowhere, record=True, width=200)
        progress = follow(work, backfill_id, console, sleep, lambda: passed[0])
    assert progress.canceled == 3
    assert IDLE not in console.export_text()


def test_leaving_the_bar_leaves_the_backfill(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("golf_pipeline.backfill_follow.follow", leave)
    ended = backfill("--all", "--yes")
    (record,) = Backfills(engine).list(10)
    assert ended.exit_code == 130 and record.state == BackfillState.RUNNING
    assert f"backfill pause {record.backfill_id}" in ended.stdout


def test_follow_ends_with_1_where_swings_failed(engine: Engine) -> None:
    backfill_id, work = started(engine, "--swing", "a"), Backfills(engine)
    (item,) = work.next_items(1)
    work.finish_item(item.backfill_id, "a", ItemState.FAILED, seconds=1.0, error_code="INTERNAL")
    work.next_items(1)
    ended = backfill("follow", backfill_id)
    assert ended.exit_code == 1 and "1 failed" in ended.stdout


def test_report_writes_the_comparison_of_a_backfill(
    engine: Engine, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "GOLF_BUCKET": f"swings-{uuid4().hex[:12]}",
        "GOLF_S3_ENDPOINT_URL": s3_url,
    }.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    settings = get_settings()
    store = ObjectStore.connect(settings.bucket, s3_url, settings.region)
    backfill_id, work = started(engine, "--swing", "a"), Backfills(engine)
    work.next_items(1)
    work.finish_item(backfill_id, "a", ItemState.DONE, seconds=1.0, old_result_key="old", new_result_key="new")
    unreadable = backfill("report", backfill_id, "--out", str(tmp_path / "out"))
    assert unreadable.exit_code == 1 and "Check GOLF_BUCKET" in unreadable.stderr
    store.client.create_bucket(Bucket=settings.bucket)
    store.put_bytes("old", told("a", 1.0, "sway").model_dump_json().encode(), "application/json")
    store.put_bytes("new", told("a", 1.0, "slide").model_dump_json().encode(), "application/json")
    ended = backfill("report", backfill_id, "--out", str(tmp_path / "out"))
    assert ended.exit_code == 0, ended.output
    assert "1 results compared: 1 with another main fault, 0 with another verdict." in ended.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.json", "report.html"}
    (tmp_path / "file").touch()
    blocked = backfill("report", backfill_id, "--out", str(tmp_path / "file"))
    assert blocked.exit_code == 1 and "Cannot write the report" in blocked.stderr


def test_times_are_said_in_the_unit_that_fits() -> None:
    told_times = [duration(seconds) for seconds in (0.2, 45, 89, 90, 5_399, 5_400, 40_000, 129_600, 10**6)]
    assert told_times == ["0 s", "45 s", "89 s", "2 min", "90 min", "1.5 h", "11 h", "1.5 days", "12 days"]
