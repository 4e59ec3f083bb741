"""Findings: thresholds, the rule of two signs, and what is left unjudged."""

import pytest

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName, Findings, Metric, Severity, SwingSegmentation, Trust, View
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.posed import segmentation, standing, track_of

DTL = segmentation(View.DOWN_THE_LINE)


def metric(name: str, phase: EventName, value: float | None, trust: Trust = Trust.MEASURED) -> Metric:
    definition = knowledge.load().metrics[name]
    reading = next(one for one in definition.readings if one.phase == phase)
    return Metric(
        id=name,
        name=definition.name,
        phase=phase,
        value=value,
        unit=definition.unit,
        trust=Trust.UNAVAILABLE if value is None else trust,
        reason="not seen" if value is None else "",
        noise=definition.noise,
        valid_views=definition.views,
        corridor=reading.bounds,
        frames=(52,),
    )


def found(*metrics: Metric, seen: SwingSegmentation = DTL) -> Findings:
    return find_faults(metrics, seen)


def test_both_signs_clear_of_the_noise_make_a_major_fault_of_high_confidence() -> None:
    (fault,) = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.16), metric("posture_change", EventName.IMPACT, -9.0)
    ).findings
    assert (fault.fault_id, fault.severity, fault.confidence) == ("early_extension", Severity.MAJOR, "high")
    assert [(one.metric_id, one.value, one.frame) for one in fault.evidence] == [
        ("pelvis_thrust", 0.16, 52),
        ("posture_change", -9.0, 52),
    ]


def test_both_signs_but_the_first_within_its_noise_of_the_limit_are_of_medium_confidence() -> None:
    (fault,) = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.11), metric("posture_change", EventName.IMPACT, -9.0)
    ).findings
    assert (fault.severity, fault.confidence) == (Severity.MAJOR, "medium")


@pytest.mark.parametrize(("thrust", "posture"), [(0.099, -9.0), (0.16, -7.9)])
def test_just_under_either_limit_there_is_no_early_extension(thrust: float, posture: float) -> None:
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


def test_a_second_sign_that_is_absent_makes_a_finding_less_sure() -> None:
    (fault,) = found(
        metric("pelvis_sway", EventName.TOP, -0.2),
        metric("balance_position", EventName.TOP, 0.0),
        seen=segmentation(View.FACE_ON),
    ).findings
    assert (fault.severity, fault.confidence, len(fault.evidence)) == (Severity.MINOR, "low", 1)


def test_a_number_that_is_not_trusted_makes_a_minor_finding_of_low_confidence() -> None:
    (fault,) = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.3, Trust.LOW), metric("posture_change", EventName.IMPACT, -9.0)
    ).findings
    assert (fault.severity, fault.confidence) == (Severity.MINOR, "low")


def test_far_beyond_the_limit_is_critical_with_both_signs_and_major_with_one() -> None:
    far = metric("pelvis_thrust", EventName.IMPACT, 0.3)
    assert [one.severity for one in found(far).findings] == [Severity.MAJOR]
    both = found(far, metric("posture_change", EventName.IMPACT, -9.0))
    assert [one.severity for one in both.findings] == [Severity.CRITICAL]


def test_the_numbers_of_an_oblique_camera_are_told_and_not_judged() -> None:
    findings = found(metric("pelvis_thrust", EventName.IMPACT, 0.3, Trust.LOW), seen=segmentation(View.OBLIQUE))
    assert (findings.findings, findings.overall_level) == ((), "not enough evidence")
    assert "oblique" in {one.fault_id: one.reason for one in findings.not_judged}["early_extension"]


def test_every_fault_of_the_knowledge_base_can_be_found_just_past_its_limit_and_not_just_before() -> None:
    for fault in knowledge.load().faults.values():
        if fault.primary is None:
            continue
        step = 0.01 if fault.primary.beyond == "above" else -0.01
        view = segmentation(knowledge.load().metrics[fault.primary.metric].views[0])
        for sign, is_found in ((step, True), (-step, False)):
            signals = [one for one in (fault.primary, fault.supporting) if one]
            limits = [one.threshold + (sign if one is fault.primary else 0.0) for one in signals]
            metrics = [metric(one.metric, one.phase, limit) for one, limit in zip(signals, limits, strict=True)]
            ids = {one.fault_id for one in found(*metrics, seen=view).findings}
            assert (fault.id in ids) == is_found, fault.id


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


def test_the_gravest_fault_comes_first() -> None:
    findings = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.13),
        metric("posture_change", EventName.IMPACT, -20.0),
        metric("head_lift", EventName.IMPACT, 0.1),
    )
    assert [(one.fault_id, one.severity) for one in findings.findings] == [
        ("loss_of_posture", Severity.CRITICAL),
        ("early_extension", Severity.MAJOR),
    ]
    assert findings.overall_level == "several faults"
