"""Two swings: what is called a change, what is left to noise, and what is not compared at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.swing.analysis import assemble_analysis
from golf_pipeline.swing.compare import (
    TREND_SIGMAS,
    ComparedMetric,
    NothingToCompare,
    SwingComparison,
    compare_swings,
    distance_to_corridor,
    is_beyond_noise,
    noise_of_difference,
)
from golf_pipeline.swing.compare_files import comparison_page
from golf_pipeline.swing.documents import (
    EventName,
    Evidence,
    Finding,
    Findings,
    Handedness,
    Metric,
    NotJudged,
    Refusal,
    ScorePart,
    Severity,
    SwingAnalysis,
    SwingScore,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.posed import WIDTH, segmentation, standing, track_of

DTL = (View.DOWN_THE_LINE,)
SIZES = st.floats(0, 1e6)
NUMBERS = st.floats(-1e6, 1e6)


def metric(value: float | None, **changed: object) -> Metric:
    facts: dict[str, object] = {
        "id": "posture_change",
        "name": "Posture",
        "phase": EventName.IMPACT,
        "value": value,
        "unit": "deg",
        "trust": Trust.MEASURED if value is not None else Trust.UNAVAILABLE,
        "reason": "" if value is not None else "it was hidden",
        "noise": 2.0,
        "valid_views": DTL,
        "corridor": (-6.0, 6.0),
        "frames": (52,),
    }
    return Metric.model_validate(facts | changed)


def fault(severity: Severity = Severity.MAJOR) -> Finding:
    evidence = Evidence(metric_id="posture_change", phase=EventName.IMPACT, value=-9.0, unit="deg", frame=52)
    return Finding(
        fault_id="early_extension",
        name="Early extension",
        severity=severity,
        confidence="high",
        explanation="",
        evidence=(evidence,),
        ball_flight=(),
        causes=(),
        drill_ids=(),
    )


def findings(*found: Finding, unjudged: tuple[NotJudged, ...] = ()) -> Findings:
    return Findings(overall_level="one main fault", findings=found, positives=(), not_judged=unjudged)


def swing(
    *metrics: Metric,
    view: View = View.DOWN_THE_LINE,
    hand: Handedness = Handedness.RIGHT,
    time_base: TimeBase = TimeBase.REAL,
    found: Findings | None = None,
) -> SwingAnalysis:
    return assemble_analysis(segmentation=segmentation(view, hand, time_base), measured=metrics, findings=found)


def only(comparison: SwingComparison) -> ComparedMetric:
    (compared,) = comparison.metrics
    return compared


@given(SIZES, SIZES, NUMBERS)
def test_the_noise_of_a_difference_is_the_root_of_the_sum_of_squares(a: float, b: float, difference: float) -> None:
    assert noise_of_difference(a, b) == pytest.approx((a * a + b * b) ** 0.5)
    assert is_beyond_noise(difference, a, b) == is_beyond_noise(-difference, b, a)
    assert is_beyond_noise(difference, a, b) == (abs(difference) > TREND_SIGMAS * noise_of_difference(a, b))


@given(NUMBERS, st.one_of(st.none(), NUMBERS), SIZES)
def test_no_value_inside_a_corridor_is_away_from_it_and_outside_the_way_is_to_the_nearest_end(
    value: float, low: float | None, width: float
) -> None:
    high = None if low is None else low + width
    away = distance_to_corridor(value, (low, high))
    assert away >= 0
    if low is not None and high is not None:
        assert (away == 0) == (low <= value <= high)
        assert away == pytest.approx(max(low - value, value - high, 0))


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (-12.0, -3.0, "better"),
        (-3.0, -12.0, "worse"),
        (-12.0, -7.0, "within noise"),
        (-5.0, 5.0, "changed"),
        (-12.0, 12.0, "changed"),
    ],
)
def test_a_change_beyond_noise_is_judged_by_the_way_to_the_corridor(before: float, after: float, verdict: str) -> None:
    compared = only(compare_swings(swing(metric(before)), swing(metric(after))))
    assert compared.verdict == verdict
    assert compared.difference == pytest.approx(after - before)
    assert compared.noise == pytest.approx(8**0.5, abs=1e-3)


def test_without_a_corridor_a_change_is_neither_better_nor_worse() -> None:
    pair = (metric(value, corridor=None) for value in (0.0, 20.0))
    assert only(compare_swings(*(swing(one) for one in pair))).verdict == "changed"


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (metric(None), metric(1.0), "not measured in the first swing: it was hidden"),
        (metric(1.0), metric(None), "not measured in the second swing"),
        (metric(1.0, trust="direction only"), metric(30.0), "direction only"),
        (metric(1.0, noise=None), metric(30.0), "noise is not known"),
        (metric(1.0, unit="rad"), metric(30.0), "different units"),
    ],
)
def test_what_cannot_be_compared_says_why_and_has_no_difference(first: Metric, second: Metric, words: str) -> None:
    compared = only(compare_swings(swing(first), swing(second)))
    assert compared.verdict == "not comparable"
    assert words in compared.reason
    assert compared.difference is None


def test_low_trust_is_compared_and_said() -> None:
    compared = only(compare_swings(swing(metric(-12.0, trust="low")), swing(metric(0.0))))
    assert compared.verdict == "better"
    assert "low trust" in compared.reason


def test_from_different_sides_only_what_every_camera_shows_is_compared() -> None:
    tempo = {"id": "tempo", "unit": "ratio", "valid_views": tuple(View), "noise": 0.2, "corridor": (2.6, 5.3)}
    both = (View.DOWN_THE_LINE, View.FACE_ON)
    first = swing(metric(6.0, **tempo), metric(1.0, valid_views=both))
    second = swing(metric(3.0, **tempo), metric(30.0, valid_views=both), view=View.FACE_ON)
    comparison = compare_swings(first, second)
    assert not comparison.comparable
    assert "different sides" in comparison.reason
    assert [one.verdict for one in comparison.metrics] == ["better", "not comparable"]


def test_two_oblique_cameras_are_not_compared_for_each_has_its_own_angle() -> None:
    pair = [swing(metric(value), view=View.OBLIQUE) for value in (1.0, 30.0)]
    assert only(compare_swings(*pair)).verdict == "not comparable"


def test_seconds_of_real_time_are_not_compared_with_seconds_of_slow_motion() -> None:
    seconds = [metric(value, unit="s", noise=0.03, corridor=None) for value in (0.8, 1.4)]
    slow = swing(seconds[1], time_base=TimeBase.SLOW_MOTION)
    assert "slow motion" in only(compare_swings(swing(seconds[0]), slow)).reason
    assert only(compare_swings(swing(seconds[0]), swing(seconds[1]))).verdict == "changed"


@pytest.mark.parametrize("view", [View.FACE_ON, View.DOWN_THE_LINE])
def test_the_mirrored_swing_of_a_left_hander_compares_as_the_same_swing(view: View) -> None:
    poses = {EventName.ADDRESS: standing(30), EventName.TOP: standing(25, (350, 690)), EventName.IMPACT: standing(20)}
    track = track_of(poses)
    right, left = segmentation(view, Handedness.RIGHT), segmentation(view, Handedness.LEFT)
    first = assemble_analysis(segmentation=right, measured=measure_swing(track, right))
    second = assemble_analysis(segmentation=left, measured=measure_swing(track.mirrored(), left))
    comparison = compare_swings(first, second)
    assert track.mirrored().width == WIDTH
    assert comparison.mirrored
    assert {one.verdict for one in comparison.metrics} == {"within noise", "not comparable"}
    differences = [one.difference for one in comparison.metrics if one.difference is not None]
    assert len(differences) >= 10
    assert differences == pytest.approx([0.0] * len(differences), abs=2e-3)


def test_faults_are_gained_lost_or_kept_and_one_within_noise_is_not_celebrated() -> None:
    bad, good = swing(metric(-12.0), found=findings(fault())), swing(metric(0.0), found=findings())
    assert [(one.change, one.reason) for one in compare_swings(bad, good).faults] == [("lost", "")]
    assert [one.change for one in compare_swings(good, bad).faults] == ["gained"]
    assert [one.change for one in compare_swings(bad, bad).faults] == ["kept"]
    (near,) = compare_swings(bad, swing(metric(-9.0), found=findings())).faults
    assert (near.change, near.first_severity, near.second_severity) == ("lost", Severity.MAJOR, None)
    assert "less than its noise" in near.reason


def test_a_fault_that_was_not_judged_in_the_other_swing_is_not_called_lost() -> None:
    unjudged = NotJudged(fault_id="early_extension", name="Early extension", reason="it was hidden")
    (compared,) = compare_swings(
        swing(metric(-12.0), found=findings(fault())), swing(metric(None), found=findings(unjudged=(unjudged,)))
    ).faults
    assert compared.change == "not comparable"
    assert compared.reason == "not judged in the second swing: it was hidden"


def test_a_refused_clip_is_not_compared_and_the_message_says_which() -> None:
    refused = assemble_analysis(refusal=Refusal(code="NO_GOLFER", message="Nobody is seen."))
    with pytest.raises(NothingToCompare, match=r"The second clip was refused: Nobody is seen\."):
        compare_swings(swing(), refused)
    with pytest.raises(NothingToCompare, match="first"):
        compare_swings(refused, swing())


@pytest.mark.parametrize("stage", ["pose", "events", "metrics"])
def test_numbers_of_different_versions_are_not_compared(stage: str) -> None:
    now = swing(metric(0.0), found=findings())
    before = swing(metric(-30.0), found=findings(fault()))
    before = before.model_copy(update={"algorithm_versions": now.algorithm_versions | {stage: "0"}})
    comparison = compare_swings(before, now)
    assert not comparison.comparable
    assert f"different versions of the program ({stage} 0 and" in only(comparison).reason
    assert [one.change for one in comparison.faults] == ["not comparable"]


def test_verdicts_of_different_rules_are_not_compared_where_their_numbers_are() -> None:
    now = swing(metric(0.0), found=findings())
    before = swing(metric(-30.0), found=findings(fault()))
    before = before.model_copy(update={"algorithm_versions": now.algorithm_versions | {"findings": "0"}})
    comparison = compare_swings(before, now)
    assert (comparison.comparable, only(comparison).verdict) == (True, "better")
    assert [one.change for one in comparison.faults] == ["not comparable"]
    assert "findings 0 and" in comparison.score_reason


def test_scores_compare_where_they_are_made_of_the_same_parts() -> None:
    def scored(value: int | None, *judged: str) -> SwingAnalysis:
        parts = tuple(ScorePart(fault_id=one, name=one, points=20.0, most_points=20.0) for one in judged)
        return swing(found=findings().model_copy(update={"score": SwingScore(value=value, parts=parts)}))

    alike = compare_swings(scored(65, "sway", "slide"), scored(80, "sway", "slide"))
    apart = compare_swings(scored(65, "sway", "slide"), scored(100, "slide", "hanging_back"))
    missing = compare_swings(scored(65, "sway", "slide"), scored(None, "slide"))
    assert (alike.score_reason, missing.score_reason) == ("", "")
    assert "not the same faults" in apart.score_reason
    said = [("The scores do not compare" in comparison_page(one, {}, ("a", "b"))) for one in (alike, apart, missing)]
    assert said == [False, True, False]
