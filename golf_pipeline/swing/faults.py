"""Findings: which faults the measured numbers show, how sure that is, and what they do not show.

The rules stand in `knowledge/faults.toml`; here is how a rule is applied. A number that is not trusted makes a finding
less sure, a number that is missing makes none: the fault is then listed as not judged, with the reason.
"""

from collections.abc import Mapping
from typing import Literal

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import (
    EventName,
    Evidence,
    Finding,
    Findings,
    Metric,
    NotJudged,
    Severity,
    SwingSegmentation,
    Trust,
    View,
)
from golf_pipeline.swing.knowledge import FaultDefinition, Signal

ALGORITHM_VERSION = "1"

LEAST_FAULTS_JUDGED = 2
"""Fewer faults judged from measured numbers than this are not enough to say that none was seen."""

_GRAVITY = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.MINOR: 2}
_SURENESS = {"high": 0, "medium": 1, "low": 2}

Confidence = Literal["high", "medium", "low"]
Readings = Mapping[tuple[str, EventName | None], Metric]
Level = Literal["no fault seen", "minor faults", "one main fault", "several faults", "not enough evidence"]


def find_faults(metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> Findings:
    """Apply every rule of the knowledge base; the same metrics give the same findings."""
    readings = {(metric.id, metric.phase): metric for metric in metrics}
    found: list[Finding] = []
    not_judged: list[NotJudged] = []
    firm = 0
    for fault in knowledge.load().faults.values():
        try:
            finding, primary = _judge(fault, readings, segmentation)
        except _NotJudgedError as outcome:
            not_judged.append(NotJudged(fault_id=fault.id, name=fault.name, reason=str(outcome)))
            firm += outcome.was_measured
            continue
        firm += primary.trust == Trust.MEASURED
        if finding is not None:
            found.append(finding)
    found.sort(key=lambda one: (_GRAVITY[one.severity], _SURENESS[one.confidence]))
    return Findings(
        overall_level=_overall(found, firm),
        findings=tuple(found),
        positives=_positives(metrics, found),
        not_judged=tuple(not_judged),
    )


class _NotJudgedError(Exception):
    """A rule that cannot be decided in this clip: the reason, and whether there were measured numbers."""

    def __init__(self, reason: str, *, was_measured: bool = False) -> None:
        super().__init__(reason)
        self.was_measured = was_measured


def _judge(
    fault: FaultDefinition, readings: Readings, segmentation: SwingSegmentation
) -> tuple[Finding | None, Metric]:
    """Apply one rule: the finding, or None where the fault is not there, and the reading that decided."""
    if fault.primary is None:
        raise _NotJudgedError(fault.not_judged)
    primary = _reading(readings, fault.primary)
    if primary is None or primary.value is None:
        raise _NotJudgedError(primary.reason if primary else "it was not measured")
    if segmentation.capture.view == View.OBLIQUE:
        # An oblique camera mixes the way to the target with the way to the ball: the numbers are told, not judged.
        views = " or ".join(view.value for view in primary.valid_views)
        raise _NotJudgedError(f"the camera stood oblique to the swing; it can be judged {views}")
    if not knowledge.is_beyond(fault.primary, primary.value):
        return None, primary
    second = _reading(readings, fault.supporting)
    is_known = fault.supporting is not None and second is not None and second.value is not None
    supporting = second if is_known and _is_past(fault.supporting, second) else None
    if supporting is None:
        if fault.supporting_must_not_deny and is_known:
            return None, primary
        if not _is_enough(fault.primary, primary):
            reason = "one sign is past its limit, too little to conclude from it alone"
            raise _NotJudgedError(reason, was_measured=primary.trust == Trust.MEASURED)
    return _finding(fault, fault.primary, primary, supporting, segmentation, denied=is_known), primary


def _reading(readings: Readings, signal: Signal | None) -> Metric | None:
    if signal is None:
        return None
    return readings.get((signal.metric, None if signal.phase == "swing" else EventName(signal.phase)))


def _is_past(signal: Signal | None, metric: Metric | None) -> bool:
    if signal is None or metric is None or metric.value is None:
        return False
    return knowledge.is_beyond(signal, metric.value)


def _is_enough(signal: Signal, primary: Metric) -> bool:
    """Whether the first sign is enough without the second: past `alone`, and clear of its limit by its noise."""
    past = signal.alone is not None and knowledge.is_beyond(signal, primary.value or 0.0, signal.alone)
    return past and (signal.alone == signal.threshold or _is_clear(signal, primary))


def _is_clear(signal: Signal, primary: Metric) -> bool:
    return primary.noise is not None and abs((primary.value or 0.0) - signal.threshold) > primary.noise


def _finding(
    fault: FaultDefinition,
    signal: Signal,
    primary: Metric,
    supporting: Metric | None,
    segmentation: SwingSegmentation,
    *,
    denied: bool,
) -> Finding:
    value, supported = primary.value or 0.0, supporting is not None
    seen = [primary] if supporting is None else [primary, supporting]
    trusted = primary.trust == Trust.MEASURED
    return Finding(
        fault_id=fault.id,
        name=fault.name,
        severity=knowledge.severity_of(fault, value, supported) if trusted else Severity.MINOR,
        confidence=_confidence(signal, primary, supporting, denied=denied),
        explanation=fault.explanation,
        evidence=tuple(_evidence(metric, segmentation) for metric in seen),
        ball_flight=fault.ball_flight,
        causes=fault.causes,
        drill_ids=fault.drills,
    )


def _confidence(signal: Signal, primary: Metric, supporting: Metric | None, *, denied: bool) -> Confidence:
    """High: two measured signs, the first past its limit by more than its noise. Low: its number is not trusted, or a
    second sign was looked for and is not there."""
    if primary.trust != Trust.MEASURED or (supporting is None and denied):
        return "low"
    if supporting is None or supporting.trust != Trust.MEASURED:
        return "medium"
    return "high" if _is_clear(signal, primary) else "medium"


def _evidence(metric: Metric, segmentation: SwingSegmentation) -> Evidence:
    phase = metric.phase or EventName.IMPACT
    return Evidence(
        metric_id=metric.id,
        phase=metric.phase,
        value=metric.value or 0.0,
        unit=metric.unit,
        frame=segmentation.frame_of(phase),
    )


def _overall(found: list[Finding], firm: int) -> Level:
    if not found:
        return "no fault seen" if firm >= LEAST_FAULTS_JUDGED else "not enough evidence"
    grave = sum(finding.severity != Severity.MINOR for finding in found)
    if grave == 0:
        return "minor faults"
    return "one main fault" if grave == 1 else "several faults"


def _positives(metrics: tuple[Metric, ...], found: list[Finding]) -> tuple[str, ...]:
    """What is measured, inside its corridor by more than its noise, and not spoken against by a finding."""
    against = {evidence.metric_id for finding in found for evidence in finding.evidence}
    definitions = knowledge.load().metrics
    said = []
    for metric in metrics:
        if metric.trust != Trust.MEASURED or metric.id in against or not _is_inside(metric):
            continue
        phase = metric.phase or "swing"
        words = next(one.positive for one in definitions[metric.id].readings if one.phase == phase)
        if words:
            said.append(words)
    return tuple(said)


def _is_inside(metric: Metric) -> bool:
    if metric.value is None or metric.corridor is None or metric.noise is None:
        return False
    low, high = metric.corridor
    return (low is None or metric.value - metric.noise >= low) and (high is None or metric.value + metric.noise <= high)
