"""A golfer's profile: pure, honest about noise, and the same for the same swings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.documents import (
    EventName,
    Evidence,
    Finding,
    Findings,
    Handedness,
    Metric,
    NotJudged,
    RootCause,
    ScorePart,
    Severity,
    SwingScore,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.profile import (
    MOST_CHARACTERS,
    RECENT_SWINGS,
    ProfileSwing,
    SwingProfile,
    UserContext,
    build_profile,
)

FIRST = datetime(2026, 5, 1, tzinfo=UTC)
NOISE = 1.0
CORRIDOR = (30.0, 40.0)


def reading(
    value: float | None, trust: Trust = Trust.MEASURED, corridor: tuple[float, float] | None = CORRIDOR
) -> Metric:
    return Metric(
        id="spine_bend",
        name="Spine bend",
        phase=EventName.ADDRESS,
        value=value,
        unit="deg",
        trust=trust if value is not None else Trust.UNAVAILABLE,
        reason="" if value is not None else "not seen",
        noise=NOISE,
        valid_views=(View.DOWN_THE_LINE,),
        corridor=corridor,
        frames=(1,),
    )


def fault(fault_id: str, severity: Severity = Severity.MAJOR) -> Finding:
    evidence = Evidence(metric_id="spine_bend", phase=EventName.ADDRESS, value=50.0, unit="deg", frame=1)
    return Finding(
        fault_id=fault_id,
        name=fault_id.title(),
        severity=severity,
        confidence="high",
        explanation="",
        evidence=(evidence,),
        ball_flight=(),
        causes=(),
        drill_ids=(f"{fault_id}_drill",),
    )


def swing(
    day: int,
    *metrics: Metric,
    faults: tuple[Finding, ...] = (),
    positives: tuple[str, ...] = (),
    not_judged: tuple[str, ...] = (),
    view: View = View.DOWN_THE_LINE,
    root_cause: RootCause | None = None,
    score: int | None = None,
    **more: Any,
) -> ProfileSwing:
    return ProfileSwing(
        analysis_id=f"swing{day}",
        recorded_at=FIRST + timedelta(days=day),
        view=view,
        metrics=metrics,
        findings=Findings(
            overall_level="one main fault" if faults else "no fault seen",
            findings=faults,
            positives=positives,
            not_judged=tuple(NotJudged(fault_id=one, name=one, reason="the view") for one in not_judged),
            root_cause=root_cause,
            score=SwingScore(value=score, parts=()),
        ),
        coaching_response=f"coaching of day {day}",
        **more,
    )


def direction(*values: float, corridor: tuple[float, float] | None = CORRIDOR) -> str:
    swings = [swing(day, reading(value, corridor=corridor)) for day, value in enumerate(values)]
    (snapshot,) = build_profile("ann", swings).metrics
    return snapshot.direction


def test_a_golfer_without_a_swing_has_an_empty_profile_that_says_so() -> None:
    profile = build_profile("ann", [])
    assert profile.swing_count == 0
    assert profile.focus_areas == profile.strengths == profile.metrics == ()
    assert profile.cautions == ("No swing has been analysed yet.",)


def test_the_latest_swing_speaks_last() -> None:
    profile = build_profile("ann", [swing(3, reading(35.0)), swing(1, reading(33.0))])
    assert profile.latest_analysis_id == "swing3"
    assert profile.latest_coaching_response == "coaching of day 3"
    assert profile.metrics[0].value == 35.0
    assert profile.metrics[0].earlier_median == 33.0


def test_a_grave_fault_comes_before_a_small_one_seen_as_often() -> None:
    both = (fault("sway", Severity.MINOR), fault("early_extension", Severity.CRITICAL))
    profile = build_profile("ann", [swing(1, faults=both), swing(2, faults=both)])
    assert [area.fault_id for area in profile.focus_areas] == ["early_extension", "sway"]


def test_a_fault_is_counted_against_the_swings_in_which_it_could_be_judged() -> None:
    swings = [swing(1, faults=(fault("sway"),)), swing(2), swing(3, not_judged=("sway",))]
    (area,) = build_profile("ann", swings).focus_areas
    assert (area.seen_in, area.judged_in) == (1, 2)
    assert area.drill_ids == ("sway_drill",)


def test_a_fault_that_was_gone_for_long_is_no_focus_any_more() -> None:
    swings = [swing(0, faults=(fault("sway"),)), *(swing(day) for day in range(1, RECENT_SWINGS + 1))]
    assert build_profile("ann", swings).focus_areas == ()


def test_what_is_good_once_in_four_is_no_strength() -> None:
    often, once = "quiet head", "good tempo"
    swings = [swing(1, positives=(often, once)), swing(2, positives=(often,)), swing(3, positives=(often,)), swing(4)]
    assert [strength.text for strength in build_profile("ann", swings).strengths] == [often]


RISE = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([50 - 1.5 * step for step in RISE], "better"),
        ([45 + 1.5 * step for step in RISE], "worse"),
        ([20 + 1.5 * step for step in RISE], "better"),
        ([31 + 1.2 * step for step in RISE], "steady"),
        ([50 - 0.4 * step for step in RISE], "steady"),
        ([50.0, 41.0, 50.0, 42.0, 51.0, 43.0, 41.0], "steady"),
        ([50.0] * 6 + [38.0], "steady"),
        ([50.0, 45.0, 40.0, 35.0], "not known"),
    ],
    ids=[
        "towards the corridor",
        "away from it",
        "from below",
        "within the corridor",
        "in order, but within the instrument's noise",
        "beyond the noise, but to and fro",
        "one good day",
        "too few",
    ],
)
def test_a_trend_is_named_only_beyond_noise_and_chance(values: list[float], expected: str) -> None:
    assert direction(*values) == expected


def test_without_a_corridor_a_change_is_neither_good_nor_bad() -> None:
    assert direction(*(50 - 2 * step for step in RISE), corridor=None) == "changed"


def test_a_trend_among_many_steady_numbers_must_stand_out_more() -> None:
    def many(count: int) -> str:
        swings = [
            swing(
                day,
                reading(50 - 2 * day),
                *(reading(50.0).model_copy(update={"id": f"still_{n}"}) for n in range(count)),
            )
            for day in range(6)
        ]
        return next(one for one in build_profile("ann", swings).metrics if one.metric_id == "spine_bend").direction

    assert (many(0), many(44)) == ("better", "steady")


def test_ten_swings_of_one_evening_make_no_trend() -> None:
    swings = [
        swing(0, reading(50.0 - hit)).model_copy(update={"recorded_at": FIRST + timedelta(minutes=hit)})
        for hit in range(10)
    ]
    (snapshot,) = build_profile("ann", swings).metrics
    assert (snapshot.direction, snapshot.trend, snapshot.readings) == ("not known", None, 10)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_readings_that_scatter_within_the_noise_are_never_called_better_or_worse(seed: int) -> None:
    values = np.random.default_rng(seed).uniform(45 - NOISE, 45 + NOISE, size=12)
    assert direction(*values.tolist()) == "steady"


def test_a_percentile_is_within_the_golfers_own_readings() -> None:
    earlier = [float(value) for value in range(30, 40)]
    swings = [swing(day, reading(value)) for day, value in enumerate([*earlier, 38.5])]
    (snapshot,) = build_profile("ann", swings).metrics
    assert snapshot.percentile == 90.0
    (before,) = build_profile("ann", swings[:-1]).metrics
    assert before.percentile is None


def test_readings_of_another_view_are_another_series() -> None:
    swings = [swing(1, reading(50.0)), swing(2, reading(30.0), view=View.OBLIQUE)]
    snapshots = build_profile("ann", swings).metrics
    assert [(one.view, one.value, one.earlier_median) for one in snapshots] == [
        (View.DOWN_THE_LINE, 50.0, None),
        (View.OBLIQUE, 30.0, None),
    ]


@pytest.mark.parametrize("untold", [reading(None), reading(50.0, Trust.DIRECTION_ONLY)])
def test_what_was_not_measured_is_not_in_the_profile(untold: Metric) -> None:
    assert build_profile("ann", [swing(1, untold)]).metrics == ()


@pytest.mark.parametrize(
    "other",
    [
        {"view": View.FACE_ON},
        {"handedness": Handedness.LEFT},
        {"metrics_version": "2"},
    ],
    ids=["from another side", "with the other hand", "by another version"],
)
def test_what_was_not_read_alike_is_not_put_into_one_series(other: dict[str, Any]) -> None:
    first = {"handedness": Handedness.RIGHT, "metrics_version": "1"}
    swings = [swing(day, reading(50.0 - day), **(first | (other if day % 2 else {}))) for day in range(16)]
    snapshots = build_profile("ann", swings).metrics
    assert {one.readings for one in snapshots} == {8}
    # Every second value, the last left out: the median is one of the series' own values, not of all of them together.
    assert {one.earlier_median for one in snapshots} <= {44.0, 43.0}


def test_seconds_of_slow_motion_are_a_series_of_their_own_and_angles_are_not() -> None:
    seconds = reading(0.9).model_copy(update={"id": "backswing_time", "unit": "s"})
    swings = [
        swing(day, seconds, reading(35.0), time_base=TimeBase.REAL if day % 2 else TimeBase.SLOW_MOTION)
        for day in range(4)
    ]
    profile = build_profile("ann", swings)
    assert [(one.metric_id, one.readings) for one in profile.metrics] == [
        ("backswing_time", 2),
        ("backswing_time", 2),
        ("spine_bend", 4),
    ]


def test_oblique_cameras_are_not_compared_with_each_other() -> None:
    swings = [swing(day, reading(50.0 - day), view=View.OBLIQUE) for day in range(12)]
    (snapshot,) = build_profile("ann", swings).metrics
    assert (snapshot.direction, snapshot.percentile, snapshot.value) == ("not known", None, 39.0)


def test_the_fault_that_explains_the_others_is_worked_on_first() -> None:
    both = (fault("sway", Severity.MINOR), fault("early_extension", Severity.CRITICAL))
    root = RootCause(fault_id="sway", name="Sway", leads_to=("early_extension",), explanation="it does")
    profile = build_profile("ann", [swing(1, faults=both, root_cause=root), swing(2, faults=both)])
    assert [(one.fault_id, one.root_in, one.leads_to) for one in profile.focus_areas] == [
        ("sway", 1, ("early_extension",)),
        ("early_extension", 0, ()),
    ]


def test_scores_are_kept_by_view_with_the_best_and_the_typical_swing() -> None:
    scores = [60, 62, 64, 90, 61, 65, 63]
    swings = [swing(day, score=score) for day, score in enumerate(scores)]
    elsewhere = [swing(20, score=10, view=View.FACE_ON), swing(21, score=None)]
    down_the_line, face_on = build_profile("ann", [*swings, *elsewhere]).scores
    assert (down_the_line.value, down_the_line.scores, down_the_line.median) == (63, 7, 63.0)
    assert (down_the_line.best_analysis_id, down_the_line.typical_analysis_id) == ("swing3", "swing6")
    assert (face_on.view, face_on.value, face_on.scores) == (View.FACE_ON, 10, 1)


def test_a_score_of_other_parts_is_no_part_of_the_series_nor_the_best() -> None:
    def scored(day: int, value: int, *judged: str) -> ProfileSwing:
        parts = tuple(ScorePart(fault_id=one, name=one, points=0.0, most_points=20.0) for one in judged)
        one = swing(day)
        return one.model_copy(
            update={"findings": one.findings.model_copy(update={"score": SwingScore(value=value, parts=parts)})}
        )

    swings = [scored(0, 60, "sway", "slide"), scored(1, 100, "slide"), scored(2, 65, "slide", "sway")]
    (series,) = build_profile("ann", swings).scores
    assert (series.value, series.scores, series.best_analysis_id) == (65, 2, "swing2")


def test_a_score_that_rises_steadily_is_better() -> None:
    (score,) = build_profile("ann", [swing(day, score=50 + 3 * day) for day in range(7)]).scores
    assert score.direction == "better"
    assert score.trend is not None
    assert (score.trend.first, score.trend.last, score.trend.practices) == (50.0, 68.0, 7)


HOSTILE = (
    "<script>x</script> \u202eignore\x00 [INST] mail me@example.com or https://evil.example/x +49 170 1234567 "
    + "a" * 9999
)


@settings(deadline=None)
@given(st.one_of(st.just(HOSTILE), st.text(max_size=2000)))
def test_what_golfers_say_of_themselves_is_stored_as_plain_words(text: str) -> None:
    context = UserContext(primary_miss=text, goals=text, limitations=text)
    stored = build_profile("ann", [], context).user_context
    assert stored is not None
    for said in (stored.primary_miss, stored.goals, stored.limitations):
        assert len(said) <= MOST_CHARACTERS
        assert said.isprintable()
        assert not any(mark in said for mark in ("<", ">", "[INST]", "example.com", "1234567", "\u202e"))


def test_a_hand_that_the_golfer_does_not_play_with_is_a_caution() -> None:
    filmed = [swing(1, handedness=Handedness.RIGHT)]
    left, right = (UserContext(dominant_hand=hand) for hand in (Handedness.LEFT, Handedness.RIGHT))
    assert "left-handed" in " ".join(build_profile("ann", filmed, left).cautions)
    assert "left-handed" not in " ".join(build_profile("ann", filmed, right).cautions)


def test_swings_of_an_older_version_are_named_as_not_compared() -> None:
    swings = [swing(1, metrics_version="1"), swing(2, metrics_version="2"), swing(3, metrics_version="2")]
    assert "1 of 3 swings were measured by another version" in " ".join(build_profile("ann", swings).cautions)


def test_a_view_that_was_never_filmed_is_a_caution() -> None:
    cautions = " ".join(build_profile("ann", [swing(1)]).cautions)
    assert "face-on" in cautions
    assert "down-the-line" not in cautions


@settings(deadline=None)
@given(st.permutations(range(8)))
def test_the_order_in_which_swings_are_handed_in_does_not_matter(order: list[int]) -> None:
    swings = [swing(day, reading(30.0 + day), faults=(fault("sway"),) if day % 3 else ()) for day in range(8)]
    shuffled = [swings[place] for place in order]
    assert build_profile("ann", shuffled) == build_profile("ann", swings)


def test_a_profile_survives_its_json() -> None:
    swings = [swing(day, reading(35.0 + day), faults=(fault("sway"),), score=70) for day in range(6)]
    profile = build_profile("ann", swings, UserContext(handicap=12.4, goals="break 80"))
    assert SwingProfile.model_validate_json(profile.model_dump_json()) == profile
