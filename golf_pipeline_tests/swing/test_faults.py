"""Findings: thresholds, the rule of two signs, and what is left unjudged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import (
    CaptureCode,
    CaptureIssue,
    EventName,
    Findings,
    Handedness,
    Metric,
    Severity,
    SwingSegmentation,
    Trust,
    View,
)
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.knowledge import FaultDefinition, Signal
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.posed import segmentation, standing, track_of

DTL = segmentation(View.DOWN_THE_LINE)
FACE_ON = segmentation(View.FACE_ON)


def metric(name: str, phase: EventName | None, value: float | None, trust: Trust = Trust.MEASURED) -> Metric:
    definition = knowledge.load().metrics[name]
    reading = next(one for one in definition.readings if one.event == phase)
    return Metric(
        id=name,
        name=definition.name,
        phase=phase,
        value=value,
        unit=definition.unit,
        trust=Trust.UNAVAILABLE if value is None else trust,
        reason="not seen" if value is None else "",
        noise=definition.noise_at(phase),
        valid_views=definition.views,
        corridor=reading.bounds,
        frames=(52,),
    )


def found(*metrics: Metric, seen: SwingSegmentation = DTL) -> Findings:
    return find_faults(metrics, seen)


def test_both_signs_clear_of_the_noise_make_a_major_fault_of_high_confidence() -> None:
    (fault,) = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.16), metric("posture_change", EventName.IMPACT, -12.0)
    ).findings
    assert (fault.fault_id, fault.severity, fault.confidence) == ("early_extension", Severity.MAJOR, "high")
    assert [(one.metric_id, one.value, one.frame) for one in fault.evidence] == [
        ("pelvis_thrust", 0.16, 52),
        ("posture_change", -12.0, 52),
    ]


@pytest.mark.parametrize(("thrust", "posture"), [(0.11, -12.0), (0.16, -9.0)])
def test_one_clear_sign_and_one_within_its_noise_make_a_hint(thrust: float, posture: float) -> None:
    (fault,) = found(
        metric("pelvis_thrust", EventName.IMPACT, thrust), metric("posture_change", EventName.IMPACT, posture)
    ).findings
    assert (fault.severity, fault.confidence, len(fault.evidence)) == (Severity.MINOR, "low", 2)


def test_both_signs_within_their_noise_of_the_limit_are_not_judged_and_a_way_out_is_told() -> None:
    findings = found(metric("pelvis_thrust", EventName.IMPACT, 0.11), metric("posture_change", EventName.IMPACT, -9.0))
    (fault,) = [one for one in findings.not_judged if one.fault_id == "early_extension"]
    assert "less than the measurement can tell" in fault.reason
    assert "three more swings" in fault.how
    assert findings.findings == ()


@pytest.mark.parametrize(("thrust", "posture"), [(0.099, -9.0), (0.16, -4.5)])
def test_under_the_first_limit_or_clearly_under_the_second_there_is_no_early_extension(
    thrust: float, posture: float
) -> None:
    findings = found(
        metric("pelvis_thrust", EventName.IMPACT, thrust), metric("posture_change", EventName.IMPACT, posture)
    )
    assert "early_extension" not in {one.fault_id for one in findings.findings}
    assert "early_extension" not in {one.fault_id for one in findings.not_judged}


@pytest.mark.parametrize(("value", "is_found"), [(-0.149, False), (-0.151, True)])
def test_one_sign_alone_must_go_further_and_makes_a_minor_fault(value: float, is_found: bool) -> None:
    findings = found(metric("pelvis_sway", EventName.TOP, value), seen=segmentation(View.FACE_ON))
    assert bool(findings.findings) == is_found
    assert ("sway" in {one.fault_id for one in findings.not_judged}) == (not is_found)
    assert all((one.severity, one.confidence) == (Severity.MINOR, "medium") for one in findings.findings)


def test_a_second_sign_that_is_absent_makes_a_hint_however_far_the_first_one_goes() -> None:
    for sway in (-0.2, -0.5):
        (fault,) = found(
            metric("pelvis_sway", EventName.TOP, sway), metric("chest_sway", EventName.TOP, 0.0), seen=FACE_ON
        ).findings
        assert (fault.severity, fault.confidence, len(fault.evidence)) == (Severity.MINOR, "low", 1)


@pytest.mark.parametrize(("change", "is_edge"), [(-7.4, True), (-2.0, False)])
def test_a_second_sign_denies_only_when_it_is_clearly_absent(change: float, is_edge: bool) -> None:
    thrust, bend = "pelvis_thrust", "posture_change"
    findings = found(metric(thrust, EventName.IMPACT, 0.16), metric(bend, EventName.IMPACT, change))
    assert findings.findings == ()
    reasons = {one.fault_id: one.reason for one in findings.not_judged}
    assert ("its second sign is short of its limit" in reasons.get("early_extension", "")) == is_edge


def test_a_second_sign_that_is_seen_as_a_direction_only_denies_nothing() -> None:
    (fault,) = found(
        metric("pelvis_sway", EventName.IMPACT, 0.55),
        metric("pelvis_turn", EventName.IMPACT, 40.0, Trust.DIRECTION_ONLY),
        seen=FACE_ON,
    ).findings
    assert (fault.fault_id, fault.confidence, len(fault.evidence)) == ("slide", "medium", 1)


def test_a_fault_that_has_no_second_sign_is_a_hint() -> None:
    trusted = metric("hand_path_outside", EventName.MID_DOWNSWING, 0.5)
    (fault,) = found(trusted).findings
    assert (fault.fault_id, fault.severity, fault.confidence) == ("over_the_top", Severity.MINOR, "low")


def test_a_number_that_is_not_trusted_makes_a_minor_finding_of_low_confidence() -> None:
    (fault,) = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.3, Trust.LOW), metric("posture_change", EventName.IMPACT, -9.0)
    ).findings
    assert (fault.severity, fault.confidence) == (Severity.MINOR, "low")


def test_far_beyond_the_limit_is_critical_with_both_signs_and_major_with_one() -> None:
    far = metric("pelvis_thrust", EventName.IMPACT, 0.3)
    posture = metric("posture_change", EventName.IMPACT, -25.0)
    assert [(one.severity, one.confidence) for one in found(posture).findings] == [(Severity.MAJOR, "medium")]
    both = found(far, metric("posture_change", EventName.IMPACT, -12.0))
    assert [one.severity for one in both.findings] == [Severity.CRITICAL]


def test_the_numbers_of_an_oblique_camera_are_told_and_not_judged() -> None:
    findings = found(metric("pelvis_thrust", EventName.IMPACT, 0.3, Trust.LOW), seen=segmentation(View.OBLIQUE))
    assert (findings.findings, findings.overall_level) == ((), "not enough evidence")
    assert "oblique" in {one.fault_id: one.reason for one in findings.not_judged}["early_extension"]


FINDABLE = [fault for fault in knowledge.load().faults.values() if fault.primary is not None]


def reading(signal: Signal, value: float) -> Metric:
    return metric(signal.metric, signal.event, value)


def seen_from(fault: FaultDefinition) -> SwingSegmentation:
    assert fault.primary is not None
    return segmentation(knowledge.load().metrics[fault.primary.metric].views[0])


def past(signal: Signal, noises: float) -> float:
    """A value so many noises past a signal's limit."""
    step = noises * (knowledge.load().metrics[signal.metric].noise_at(signal.event) or 0.0)
    return signal.threshold + (step if signal.beyond == "above" else -step)


def verdict(fault: FaultDefinition, first: float, second: float | None = None) -> str:
    """What the rule says of one fault: "absent", "not judged", "hint", or its severity and confidence."""
    signals = [one for one, value in zip((fault.primary, fault.supporting), (first, second), strict=True) if one]
    values = (first, second)[: len(signals)]
    metrics = [reading(one, value) for one, value in zip(signals, values, strict=True) if value is not None]
    findings = find_faults(tuple(metrics), seen_from(fault))
    if fault.id in {one.fault_id for one in findings.not_judged}:
        return "not judged"
    finding = next((one for one in findings.findings if one.fault_id == fault.id), None)
    if finding is None:
        return "absent"
    return "hint" if finding.confidence == "low" else f"{finding.severity} {finding.confidence}"


@pytest.mark.parametrize("fault", FINDABLE, ids=lambda fault: fault.id)
def test_every_fault_is_found_with_its_signs_clearly_past_their_limits_and_not_before_the_first_one(
    fault: FaultDefinition,
) -> None:
    assert fault.primary is not None
    second = past(fault.supporting, 3) if fault.supporting else None
    # A second sign that only shows a direction has a noise as wide as its range: it makes nothing sure.
    assert verdict(fault, past(fault.primary, 3), second) not in {"absent", "not judged"}
    assert verdict(fault, past(fault.primary, -0.01), second) == "absent"


@pytest.mark.parametrize("fault", FINDABLE, ids=lambda fault: fault.id)
@given(noises=st.floats(0, 0.99), second_noises=st.floats(-5, 5))
@settings(max_examples=30, deadline=None)
def test_within_the_noise_of_its_limit_a_number_makes_a_hint_at_most(
    fault: FaultDefinition, noises: float, second_noises: float
) -> None:
    assert fault.primary is not None
    second = past(fault.supporting, second_noises) if fault.supporting else None
    assert verdict(fault, past(fault.primary, noises), second) in {"absent", "not judged", "hint"}


@pytest.mark.parametrize("fault", [one for one in FINDABLE if one.supporting], ids=lambda fault: fault.id)
@given(noises=st.floats(1.01, 8), second_noises=st.floats(0.01, 0.99))
@settings(max_examples=30, deadline=None)
def test_a_second_sign_within_its_noise_never_turns_nothing_into_a_sure_fault(
    fault: FaultDefinition, noises: float, second_noises: float
) -> None:
    assert fault.primary is not None
    assert fault.supporting is not None
    without = verdict(fault, past(fault.primary, noises), past(fault.supporting, -0.01))
    near = verdict(fault, past(fault.primary, noises), past(fault.supporting, second_noises))
    if without == "absent":
        assert near in {"hint", "minor medium", "major medium"}
        assert near == "hint" or knowledge.is_beyond(fault.primary, past(fault.primary, noises), fault.primary.alone), (
            "medium needs a first sign that is enough by itself"
        )


def test_a_left_hander_s_mirrored_swing_is_judged_alike() -> None:
    poses = {
        EventName.ADDRESS: standing(),
        EventName.TOP: standing(hip=(300, 700)),
        EventName.IMPACT: standing(-10, hip=(300, 700)),
        EventName.FINISH: standing(-10, hip=(300, 700)),
    }
    track = track_of(poses)
    left = segmentation(View.FACE_ON, hand=Handedness.LEFT)
    one = find_faults(measure_swing(track, FACE_ON), FACE_ON)
    other = find_faults(measure_swing(track.mirrored(), left), left)
    assert one.findings
    assert [(f.fault_id, f.severity, f.confidence) for f in one.findings] == [
        (f.fault_id, f.severity, f.confidence) for f in other.findings
    ]
    assert one.score == other.score
    assert (one.positives, one.root_cause) == (other.positives, other.root_cause)


def test_what_was_not_measured_is_not_judged_and_never_fine() -> None:
    findings = found(metric("pelvis_thrust", EventName.IMPACT, None))
    assert findings.overall_level == "not enough evidence"
    reasons = {one.fault_id: one.reason for one in findings.not_judged}
    assert reasons["early_extension"] == "not seen"
    assert set(reasons) == set(knowledge.load().faults)
    assert findings.positives == ()


@pytest.mark.parametrize("fault_id", ["casting", "scooping", "s_posture"])
def test_faults_that_need_the_club_or_the_lower_spine_are_never_found(fault_id: str) -> None:
    track = track_of({EventName.ADDRESS: standing(35), EventName.TOP: standing(5), EventName.IMPACT: standing(0)})
    findings = find_faults(measure_swing(track, DTL), DTL)
    assert fault_id in {one.fault_id for one in findings.not_judged}
    assert fault_id not in {one.fault_id for one in findings.findings}


def test_praise_needs_a_measured_value_inside_its_corridor() -> None:
    inside = metric("posture_change", EventName.IMPACT, 1.0)
    assert found(inside).positives == ("You keep your posture from address to impact.",)
    assert found(inside.model_copy(update={"trust": Trust.LOW})).positives == ()
    assert found(metric("posture_change", EventName.IMPACT, 7.0)).positives == ()
    assert found(metric("posture_change", EventName.IMPACT, 5.0)).positives == (), "inside by less than the noise"


def test_what_explains_another_finding_comes_first_and_is_the_root_cause() -> None:
    findings = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.18),
        metric("posture_change", EventName.IMPACT, -25.0),
        metric("head_lift", EventName.IMPACT, 0.2),
    )
    assert [(one.fault_id, one.severity) for one in findings.findings] == [
        ("early_extension", Severity.MAJOR),
        ("loss_of_posture", Severity.CRITICAL),
    ]
    assert findings.root_cause is not None
    assert findings.root_cause.leads_to == ("loss_of_posture",)
    assert findings.overall_level == "several faults"


def test_the_same_numbers_in_another_order_give_the_same_findings() -> None:
    metrics = (
        metric("pelvis_thrust", EventName.IMPACT, 0.3),
        metric("posture_change", EventName.IMPACT, -20.0),
        metric("head_lift", EventName.IMPACT, 0.2),
        metric("ear_forward", EventName.ADDRESS, 0.5, Trust.LOW),
    )
    assert found(*metrics) == found(*reversed(metrics))


def praised(*metrics: Metric, seen: SwingSegmentation = DTL) -> tuple[str, ...]:
    return found(*metrics, seen=seen).positives


def test_neither_a_fault_nor_what_it_brings_with_it_is_praised() -> None:
    good = metric("pelvis_sway", EventName.IMPACT, 0.2)
    swaying = (metric("pelvis_sway", EventName.TOP, -0.25), metric("chest_sway", EventName.TOP, -0.5))
    assert praised(good, seen=FACE_ON)
    assert praised(good, *swaying, seen=FACE_ON) == ()
    lean = metric("secondary_axis_tilt", EventName.IMPACT, 15.0)
    assert praised(lean, seen=FACE_ON)
    assert praised(lean, *swaying, seen=FACE_ON) == (), "a sway brings a reverse spine angle, of which a lean is a sign"


def test_what_is_in_doubt_is_not_praised() -> None:
    thrust = metric("pelvis_thrust", EventName.IMPACT, 0.0)
    assert praised(thrust)
    at_the_limit = metric("posture_change", EventName.IMPACT, -8.5)
    assert praised(thrust, at_the_limit) == praised(thrust)
    top = metric("pelvis_sway", EventName.TOP, -0.02)
    hanging = metric("pelvis_sway", EventName.IMPACT, 0.03)
    assert praised(top, seen=FACE_ON)
    assert praised(top, hanging, seen=FACE_ON) == ()


def how_to_film(fault_id: str, *metrics: Metric, seen: SwingSegmentation = DTL) -> str:
    return {one.fault_id: one.how for one in found(*metrics, seen=seen).not_judged}[fault_id]


def test_a_fault_of_another_view_is_told_with_how_to_film_that_view() -> None:
    assert how_to_film("sway").startswith("Film face-on")
    assert how_to_film("early_extension", seen=FACE_ON).startswith("Film down-the-line")
    assert how_to_film("sway", seen=segmentation(View.OBLIQUE)).startswith("Film face-on")


def test_what_no_video_can_show_has_no_way_out() -> None:
    assert [how_to_film(one) for one in ("casting", "scooping", "s_posture")] == ["", "", ""]


def test_an_unknown_hand_is_to_be_set_not_filmed() -> None:
    unknown = segmentation(View.FACE_ON, hand=Handedness.UNKNOWN)
    findings = find_faults(measure_swing(track_of({event: standing() for event in EventName}), unknown), unknown)
    assert "profile" in {one.fault_id: one.how for one in findings.not_judged}["sway"]


def test_what_the_capture_check_saw_is_the_way_out_of_what_was_not_seen() -> None:
    issue = CaptureIssue(code=CaptureCode.FEET_OUTSIDE, message="The feet are missing.", how="Step back.")
    seen = DTL.model_copy(update={"capture": DTL.capture.model_copy(update={"issues": (issue,)})})
    hidden = metric("pelvis_thrust", EventName.IMPACT, None)
    assert how_to_film("early_extension", hidden, seen=seen) == "Step back."
    assert "whole body" in how_to_film("early_extension", hidden)


def test_every_fault_that_was_not_judged_has_a_way_out_or_can_never_be_judged() -> None:
    for view in View:
        for fault in found(seen=segmentation(view)).not_judged:
            assert bool(fault.how) == (knowledge.load().faults[fault.fault_id].primary is not None), fault
