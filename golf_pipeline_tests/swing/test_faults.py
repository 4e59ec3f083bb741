"""Findings: thresholds, the rule of two signs, and what is left unjudged."""

import pytest

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName, Findings, Metric, Severity, Trust, View
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.posed import segmentation, standing, track_of

DTL = segmentation(View.DOWN_THE_LINE)


def metric(name: str, phase: EventName, value: float | None, trust: Trust = Trust.MEASURED) -> Metric:
    definition = knowledge.load().metrics[name]
    reading = next(one for one in definition.readings if one.phase == phase)
    corridor = reading.corridor and tuple(None if bound == "none" else bound for bound in reading.corridor)
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
        corridor=corridor,
        frames=(52,),
    )


def found(*metrics: Metric) -> Findings:
    return find_faults(metrics, DTL)


def test_both_signs_clear_of_the_noise_make_a_major_fault_of_high_confidence() -> None:
    (fault,) = found(
        metric("pelvis_thrust", EventName.IMPACT, 0.16), metric("posture_change", EventName.IMPACT, -6.0)
    ).findings
    assert (fault.fault_id, fault.severity, fault.confidence) == ("early_extension", Severity.MAJOR, "high")
    assert [(one.metric_id, one.value, one.frame) for one in fault.evidence] == [
        ("pelvis_thrust", 0.16, 52),
        ("posture_change", -6.0, 52),
    ]


def test_one_sign_alone_makes_a_minor_fault_of_medium_confidence() -> None:
    (fault,) = found(metric("pelvis_thrust", EventName.IMPACT, 0.16)).findings
    assert (fault.severity, fault.confidence) == (Severity.MINOR, "medium")


@pytest.mark.parametrize(("value", "is_found"), [(0.099, False), (0.105, False), (0.12, True)])
def test_one_sign_within_its_noise_of_the_limit_is_too_close_to_call(value: float, is_found: bool) -> None:
    findings = found(metric("pelvis_thrust", EventName.IMPACT, value))
    assert bool(findings.findings) == is_found
    close = [one for one in findings.not_judged if one.fault_id == "early_extension"]
    assert bool(close) == (value == 0.105)


def test_a_number_that_is_not_trusted_makes_a_finding_of_low_confidence() -> None:
    (fault,) = found(metric("pelvis_thrust", EventName.IMPACT, 0.2, Trust.LOW)).findings
    assert fault.confidence == "low"


def test_far_beyond_the_limit_is_critical() -> None:
    (fault,) = found(metric("pelvis_thrust", EventName.IMPACT, 0.3)).findings
    assert fault.severity == Severity.CRITICAL


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


def test_the_gravest_fault_comes_first() -> None:
    findings = found(metric("pelvis_thrust", EventName.IMPACT, 0.13), metric("posture_change", EventName.IMPACT, -20.0))
    assert [(one.fault_id, one.severity) for one in findings.findings] == [
        ("loss_of_posture", Severity.CRITICAL),
        ("early_extension", Severity.MAJOR),
    ]
    assert findings.overall_level == "several faults"
