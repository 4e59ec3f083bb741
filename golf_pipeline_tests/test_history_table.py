"""`golf-pipeline history`: the table of one golfer, and what it says of files that it cannot use."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from golf_pipeline.cli import app
from golf_pipeline.history_table import NoHistory, profile_of_folders, trend_tables
from golf_pipeline.swing.documents import (
    Capture,
    EventName,
    Findings,
    Handedness,
    Metric,
    Refusal,
    SwingAnalysis,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.errors import ErrorCode, SwingError


def analysis(value: float) -> SwingAnalysis:
    capture = Capture(
        view=View.FACE_ON,
        view_confidence=1,
        handedness=Handedness.LEFT,
        handedness_confidence=1,
        time_base=TimeBase.REAL,
        slow_motion_factor=1,
    )
    metric = Metric(
        id="tilt",
        name="Tilt [bold]",
        phase=EventName.TOP,
        value=value,
        unit="deg",
        trust=Trust.MEASURED,
        noise=1.0,
        valid_views=(View.FACE_ON,),
        corridor=(0.0, 10.0),
        frames=(),
    )
    findings = Findings(overall_level="no fault seen", findings=(), positives=(), not_judged=())
    return SwingAnalysis(
        status="analysed", algorithm_versions={"metrics": "1"}, capture=capture, metrics=(metric,), findings=findings
    )


def keep(folder: Path, document: SwingAnalysis) -> Path:
    folder.mkdir(parents=True)
    (folder / "analysis.json").write_text(document.model_dump_json())
    return folder


def printed(folders: list[Path], width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        for table in trend_tables(profile_of_folders("you", folders)[0]):
            console.print(table)
    return captured.get()


def test_folders_with_dates_in_any_order_give_a_trend(tmp_path: Path) -> None:
    for day in (5, 1, 3, 6, 2, 4):
        keep(tmp_path / f"2026-05-{day:02}_range", analysis(40.0 - 4 * day))
    table = printed([tmp_path])
    assert "better: 36.0 to 16.0" in table
    assert "Tilt [bold]" in table
    assert "face-on, left-handed" in table


def test_nothing_is_cut_off_in_a_narrow_terminal(tmp_path: Path) -> None:
    for day in range(1, 7):
        keep(tmp_path / f"2026-05-{day:02}_range", analysis(40.0 - 4 * day))
    table = printed([tmp_path], width=80)
    assert "…" not in table
    assert {"16.0", "1°", "28.0", "36.0"} <= set(table.split())
    assert max(map(len, table.splitlines())) <= 80


def test_without_a_date_a_swing_is_of_the_time_of_its_analysis(tmp_path: Path) -> None:
    folders = [keep(tmp_path / f"2026-99-99_{number}", analysis(40.0 - 4 * number)) for number in range(6)]
    profile, _ = profile_of_folders("you", folders)
    assert profile.metrics[0].direction == "not known"
    assert profile.latest_swing_at is not None
    assert abs((profile.latest_swing_at - datetime.now(UTC)).total_seconds()) < 3600


def test_a_folder_named_twice_counts_once(tmp_path: Path) -> None:
    folder = keep(tmp_path / "one", analysis(3.0))
    assert profile_of_folders("you", [folder, tmp_path, folder])[0].swing_count == 1


def test_a_refused_clip_is_left_out_with_its_reason(tmp_path: Path) -> None:
    refusal = Refusal(code="NO_GOLFER", message="We see nobody.")
    keep(tmp_path / "bad", SwingAnalysis(status="refused", algorithm_versions={}, refusal=refusal))
    with pytest.raises(NoHistory, match="We see nobody"):
        profile_of_folders("you", [tmp_path])
    keep(tmp_path / "good", analysis(3.0))
    profile, left_out = profile_of_folders("you", [tmp_path])
    assert profile.swing_count == 1
    assert len(left_out) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "holds no analysis.json"), ("{", "JSON"), ('{"status": "odd"}', "status")],
    ids=["no file", "no JSON", "another document"],
)
def test_what_is_no_analysis_ends_with_1_and_names_the_file(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "analysis.json").write_text(content)
    ended = CliRunner().invoke(app, ["history", str(tmp_path)])
    assert ended.exit_code == 1
    assert says in ended.stderr
    assert str(tmp_path) in ended.stderr.replace("\n", "")


@pytest.mark.parametrize("arguments", [[], ["somewhere", "--user", "ann"]])
def test_folders_and_a_user_exclude_each_other(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["history", *arguments]).exit_code == 2


def test_a_bucket_that_cannot_be_read_names_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SwingError(ErrorCode.STORAGE_UNAVAILABLE, "The video is safe.", detail="NoCredentialsError")

    monkeypatch.setattr("golf_pipeline.history_table.stored_profile", fail)
    ended = CliRunner().invoke(app, ["history", "--user", "ann"])
    assert ended.exit_code == 1
    assert "NoCredentialsError" in ended.stderr
    assert "GOLF_S3_ENDPOINT_URL" in ended.stderr
    assert "video" not in ended.stderr


def test_the_command_prints_the_table_and_the_cautions(tmp_path: Path) -> None:
    keep(tmp_path / "one", analysis(3.0))
    ended = CliRunner().invoke(app, ["history", str(tmp_path)], env={"COLUMNS": "200"})
    assert ended.exit_code == 0, ended.output
    assert "swings of you: 1" in ended.stdout
    assert "No swing was filmed down-the-line" in ended.stdout
