"""Questions over stored history: the right rows, nobody singled out, and values that are never SQL."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from golf_pipeline.cli import app
from golf_pipeline.settings import get_settings
from golf_pipeline.storage.history import FEWEST_GOLFERS, SwingHistory
from golf_pipeline.storage.history_tables import metric_table, swing_table
from golf_pipeline.storage.keys import metric_history_key, swing_history_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.swing.documents import (
    EventName,
    Finding,
    Findings,
    Handedness,
    Metric,
    NotJudged,
    Severity,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, ProfileSwing

FIRST = datetime(2026, 5, 1, tzinfo=UTC)
TOP, FACE_ON, DOWN = EventName.TOP, View.FACE_ON, View.DOWN_THE_LINE
HOSTILE = "x'); DROP TABLE golfers; --"


def reading(value: float | None, trust: Trust = Trust.MEASURED, unit: str = "deg", name: str = "tilt") -> Metric:
    return Metric(
        id=name,
        name=name,
        phase=TOP,
        value=value,
        unit=unit,
        trust=trust if value is not None else Trust.UNAVAILABLE,
        reason="" if value is not None else "not seen",
        noise=1.0,
        valid_views=(FACE_ON,),
        corridor=(None, 9.0),
        frames=(),
    )


def swing(
    day: int,
    *metrics: Metric,
    view: View = FACE_ON,
    faults: tuple[str, ...] = (),
    not_judged: tuple[str, ...] = (),
    **more: Any,
) -> ProfileSwing:
    return ProfileSwing(
        analysis_id=f"swing{day:03}",
        recorded_at=FIRST + timedelta(days=day),
        view=view,
        metrics=metrics,
        findings=Findings(
            overall_level="one main fault",
            findings=tuple(
                Finding(
                    fault_id=one,
                    name=one,
                    severity=Severity.MAJOR,
                    confidence="high",
                    explanation="",
                    evidence=(),
                    ball_flight=(),
                    causes=(),
                    drill_ids=(),
                )
                for one in faults
            ),
            positives=(),
            not_judged=tuple(NotJudged(fault_id=one, name=one, reason="") for one in not_judged),
        ),
        coaching_response="",
        **({"metrics_version": "1", "findings_version": "1"} | more),
    )


def keep(store: ObjectStore, user_id: str, *swings: ProfileSwing) -> None:
    store.put_bytes(metric_history_key(user_id, ALGORITHM_VERSION), metric_table(user_id, swings), "x/x")
    store.put_bytes(swing_history_key(user_id, ALGORITHM_VERSION), swing_table(user_id, swings), "x/x")


def keep_golfers(store: ObjectStore, count: int) -> None:
    for number in range(count):
        keep(store, f"golfer{number:02}", swing(0, reading(float(number))))


@pytest.fixture
def history(store: ObjectStore) -> Iterator[SwingHistory]:
    with SwingHistory(store) as history:
        yield history


def test_a_golfers_readings_come_newest_first_in_pages_and_with_what_was_not_measured(
    store: ObjectStore, history: SwingHistory
) -> None:
    values: list[float | None] = [1.0, None, 3.0, 4.0, 5.0]
    keep(store, "ann", *(swing(day, reading(value), handedness=Handedness.LEFT) for day, value in enumerate(values)))
    first = history.metric_history("ann", "tilt", TOP, FACE_ON, limit=3)
    last = first[-1]
    second = history.metric_history("ann", "tilt", TOP, FACE_ON, limit=3, before=(last.recorded_at, last.analysis_id))
    assert [one.value for one in (*first, *second)] == [5.0, 4.0, 3.0, None, 1.0]
    assert (last.analysis_id, last.recorded_at) == ("swing002", FIRST + timedelta(days=2))
    assert {one.handedness for one in first} == {"left"}
    assert (second[0].trust, second[0].unit) == ("unavailable", "deg")


def test_another_view_phase_metric_or_golfer_is_another_history(store: ObjectStore, history: SwingHistory) -> None:
    keep(store, "ann", swing(0, reading(1.0)), swing(1, reading(2.0), view=DOWN))
    assert [one.value for one in history.metric_history("ann", "tilt", TOP, DOWN)] == [2.0]
    assert history.metric_history("ann", "tilt", None, FACE_ON) == ()
    assert history.metric_history("ann", "lift", TOP, FACE_ON) == ()
    assert history.metric_history("bob", "tilt", TOP, FACE_ON) == ()


def test_no_cohort_of_few_golfers_is_told_whatever_is_asked_for(store: ObjectStore, history: SwingHistory) -> None:
    assert history.cohort("tilt", TOP, FACE_ON) is None
    keep_golfers(store, FEWEST_GOLFERS - 1)
    assert history.cohort("tilt", TOP, FACE_ON, min_golfers=1) is None
    keep_golfers(store, FEWEST_GOLFERS)
    cohort = history.cohort("tilt", TOP, FACE_ON, min_golfers=1)
    assert cohort is not None
    assert (cohort.golfers, cohort.unit) == (11, "deg")
    assert cohort.percentiles == {10: 1.0, 25: 2.5, 50: 5.0, 75: 7.5, 90: 9.0}
    assert history.cohort("tilt", TOP, FACE_ON, min_golfers=12) is None


def test_a_golfer_counts_once_however_many_swings_they_have(store: ObjectStore, history: SwingHistory) -> None:
    keep_golfers(store, 11)
    keep(store, "golfer00", *(swing(day, reading(0.0)) for day in range(500)))
    cohort = history.cohort("tilt", TOP, FACE_ON)
    assert cohort is not None
    assert (cohort.golfers, cohort.percentiles[50]) == (11, 5.0)


@pytest.mark.parametrize(
    "twelfth",
    [
        swing(0, reading(None)),
        swing(0, reading(99.0, Trust.DIRECTION_ONLY)),
        swing(0, reading(float("nan"))),
        swing(0, reading(99.0), view=DOWN),
        swing(0, reading(99.0), metrics_version="2"),
        swing(0, reading(99.0, unit="s"), time_base=TimeBase.SLOW_MOTION),
        swing(0),
    ],
    ids=["unavailable", "direction only", "not a number", "other view", "other version", "slow motion", "nothing"],
)
def test_what_does_not_compare_is_not_in_the_cohort(
    store: ObjectStore, history: SwingHistory, twelfth: ProfileSwing
) -> None:
    keep_golfers(store, 11)
    keep(store, "twelfth", twelfth)
    cohort = history.cohort("tilt", TOP, FACE_ON)
    assert cohort is not None
    assert cohort.golfers == 11


def test_strangers_who_share_the_guests_id_are_no_golfer(store: ObjectStore, history: SwingHistory) -> None:
    keep_golfers(store, 10)
    keep(store, "guest", swing(0, reading(99.0)))
    assert history.cohort("tilt", TOP, FACE_ON) is None


def test_a_golfer_is_ranked_among_the_others_and_not_among_few(store: ObjectStore, history: SwingHistory) -> None:
    keep_golfers(store, 11)
    assert history.percentile_of("golfer03", "tilt", TOP, FACE_ON) is None
    keep_golfers(store, 12)
    assert history.percentile_of("golfer00", "tilt", TOP, FACE_ON) == 0.0
    assert history.percentile_of("golfer11", "tilt", TOP, FACE_ON) == 100.0
    keep(store, "twin", swing(0, reading(5.0)))
    assert history.percentile_of("twin", "tilt", TOP, FACE_ON) == pytest.approx(100 * 5.5 / 12, abs=0.05)
    assert history.percentile_of("nobody", "tilt", TOP, FACE_ON) is None


def test_oblique_cameras_make_no_cohort(store: ObjectStore, history: SwingHistory) -> None:
    for number in range(12):
        keep(store, f"golfer{number:02}", swing(0, reading(1.0), view=View.OBLIQUE))
    assert history.cohort("tilt", TOP, View.OBLIQUE) is None
    assert history.percentile_of("golfer00", "tilt", TOP, View.OBLIQUE) is None


def test_a_fault_is_counted_by_golfer_and_only_where_it_could_be_judged(
    store: ObjectStore, history: SwingHistory
) -> None:
    for number in range(12):
        mostly = [swing(day, faults=("sway",)) for day in range(3)] if number < 3 else [swing(0)]
        keep(store, f"golfer{number:02}", *mostly, swing(9), swing(10, not_judged=("sway",)))
    keep(store, "golfer99", swing(0, faults=("rare",), not_judged=("sway",)), swing(0, faults=("sway",), view=DOWN))
    found = {one.fault_id: one for one in history.fault_prevalence(FACE_ON)}
    assert found["sway"].golfers == 12
    assert found["sway"].share_of_swings == pytest.approx(3 * 0.75 / 12)
    assert found["sway"].share_of_golfers == pytest.approx(3 / 12)
    assert found["rare"].golfers == 13
    assert history.fault_prevalence(DOWN) == ()


def test_what_is_asked_is_a_value_and_never_sql(store: ObjectStore, history: SwingHistory) -> None:
    keep(store, HOSTILE, swing(0, reading(1.0, name=HOSTILE)))
    keep_golfers(store, 11)
    assert [one.value for one in history.metric_history(HOSTILE, HOSTILE, TOP, FACE_ON)] == [1.0]
    assert history.cohort(HOSTILE, TOP, FACE_ON) is None
    assert history.percentile_of(HOSTILE, "tilt' OR '1'='1", TOP, FACE_ON) is None
    assert history.cohort("tilt", TOP, FACE_ON) is not None


def test_what_changed_is_read_again_and_who_was_deleted_is_gone(store: ObjectStore, history: SwingHistory) -> None:
    keep(store, "ann", swing(0, reading(1.0)))
    assert len(history.metric_history("ann", "tilt", TOP, FACE_ON)) == 1
    keep(store, "ann", swing(0, reading(1.0)), swing(1, reading(2.0)))
    assert len(history.metric_history("ann", "tilt", TOP, FACE_ON)) == 2
    store.client.delete_object(Bucket=store.bucket, Key=metric_history_key("ann", ALGORITHM_VERSION))
    assert history.metric_history("ann", "tilt", TOP, FACE_ON) == ()


def test_the_history_of_an_older_profile_version_is_not_mixed_in(store: ObjectStore, history: SwingHistory) -> None:
    keep_golfers(store, 10)
    store.put_bytes(metric_history_key("old", "0"), metric_table("old", [swing(0, reading(1.0))]), "x/x")
    assert history.cohort("tilt", TOP, FACE_ON) is None


@pytest.mark.parametrize("body", [b"", b"no table", b"PAR1 and no more PAR1"])
def test_a_file_that_is_no_parquet_is_a_typed_error(store: ObjectStore, history: SwingHistory, body: bytes) -> None:
    store.put_bytes(metric_history_key("ann", ALGORITHM_VERSION), body, "x/x")
    with pytest.raises(SwingError) as caught:
        history.metric_history("ann", "tilt", TOP, FACE_ON)
    assert caught.value.code == ErrorCode.INTERNAL


def test_more_history_than_fits_is_refused_and_not_cut(store: ObjectStore) -> None:
    keep_golfers(store, 12)
    with SwingHistory(store, most_bytes=5000) as history, pytest.raises(SwingError, match="more than the 5000"):
        history.cohort("tilt", TOP, FACE_ON)


def test_a_golfer_without_a_swing_has_tables_that_can_be_asked(store: ObjectStore, history: SwingHistory) -> None:
    keep(store, "ann")
    assert history.metric_history("ann", "tilt", TOP, FACE_ON) == ()
    assert history.cohort("tilt", TOP, FACE_ON) is None
    assert history.fault_prevalence(FACE_ON) == ()


def test_the_same_swings_in_any_order_give_the_same_bytes() -> None:
    swings = [swing(day, reading(float(day)), faults=("sway",)) for day in range(5)]
    for table in (metric_table, swing_table):
        assert table("ann", swings) == table("ann", reversed(swings))


@pytest.fixture
def ask(store: ObjectStore, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """`golf-pipeline cohort` over the store's bucket."""
    monkeypatch.setenv("GOLF_BUCKET", store.bucket)
    monkeypatch.setenv("GOLF_S3_ENDPOINT_URL", s3_url)
    monkeypatch.setenv("COLUMNS", "120")
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, ["cohort", *arguments])
    get_settings.cache_clear()


def test_the_command_shows_a_cohort_and_the_faults_of_one_view(store: ObjectStore, ask: Callable[..., Result]) -> None:
    for number in range(FEWEST_GOLFERS):
        faults = ("sway",) if number else ()
        keep(store, f"golfer{number:02}", swing(0, reading(float(number), name="secondary_axis_tilt"), faults=faults))
    shown = ask("--view", "face-on", "--metric", "secondary_axis_tilt", "--phase", "top")
    assert (shown.exit_code, "50 %" in shown.output) == (0, True)
    assert [cell.strip() for cell in shown.output.splitlines()[-2].strip("│").split("│")][::3] == ["11", "5"]
    faults_shown = ask("--view", "face-on").output
    assert "sway" in faults_shown
    assert "91%" in faults_shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--view", "face-on"), "Fewer than 11 golfers were judged face-on"),
        (("--view", "face-on", "--metric", "tempo"), "Fewer than 11 golfers have tempo at swing"),
        (("--view", "face-on", "--metric", "x"), "There is no metric x. There are: spine_forward_bend"),
        (("--view", "face-on", "--metric", "pelvis_sway"), "It is read at: mid_backswing, top"),
    ],
)
def test_a_question_without_an_answer_ends_with_1_and_says_why(
    ask: Callable[..., Result], arguments: tuple[str, ...], says: str
) -> None:
    result = ask(*arguments)
    assert result.exit_code == 1
    assert says in " ".join(result.output.split())
