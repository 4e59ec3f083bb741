"""A golfer's profile: pure, honest about noise, and the same for the same swings."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.swing.documents import (
    EventName,
    Evidence,
    Finding,
    Findings,
    Metric,
    NotJudged,
    Severity,
    Trust,
    View,
)
from golf_pipeline.swing.profile import RECENT_SWINGS, ProfileSwing, SwingProfile, build_profile

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
        ),
        coaching_response=f"coaching of day {day}",
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


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((50.0, 50.0, 41.0), "better"),
        ((50.0, 50.0, 52.9), "worse"),
        ((50.0, 50.0, 52.8), "steady"),
        ((35.0, 35.0, 50.0), "worse"),
        ((20.0, 20.0, 29.0), "better"),
        ((31.0, 31.0, 39.0), "steady"),
        ((50.0, 35.0), "not known"),
    ],
    ids=[
        "towards the corridor",
        "away, just over the noise",
        "within the noise",
        "out of the corridor",
        "from below",
        "within the corridor",
        "too few",
    ],
)
def test_a_trend_is_named_only_beyond_the_noise(values: tuple[float, ...], expected: str) -> None:
    assert direction(*values) == expected


def test_without_a_corridor_a_change_is_neither_good_nor_bad() -> None:
    assert direction(50.0, 50.0, 40.0, corridor=None) == "changed"


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


def test_a_view_that_was_never_filmed_is_a_caution() -> None:
    cautions = " ".join(build_profile("ann", [swing(1)]).cautions)
    assert "face-on" in cautions
    assert "down-the-line" not in cautions


@given(st.permutations(range(8)))
def test_the_order_in_which_swings_are_handed_in_does_not_matter(order: list[int]) -> None:
    swings = [swing(day, reading(30.0 + day), faults=(fault("sway"),) if day % 3 else ()) for day in range(8)]
    shuffled = [swings[place] for place in order]
    assert build_profile("ann", shuffled) == build_profile("ann", swings)


def test_a_profile_survives_its_json() -> None:
    profile = build_profile("ann", [swing(1, reading(35.0), faults=(fault("sway"),))])
    assert SwingProfile.model_validate_json(profile.model_dump_json()) == profile
