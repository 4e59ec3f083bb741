"""Findings: which faults the measured numbers show, how sure that is, and what they do not show.

The rules stand in `knowledge/faults.toml`; here is how a rule is applied. A number that is not trusted makes a finding
less sure, a number that is missing makes none: the fault is then listed as not judged, with the reason.
"""

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
)
from golf_pipeline.swing.knowledge import FaultDefinition, Signal

ALGORITHM_VERSION = "1"

LEAST_FAULTS_JUDGED = 2
"""Fewer judged faults than this are not enough to say that none was seen."""

_GRAVITY = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.MINOR: 2}
_SURENESS = {"high": 0, "medium": 1, "low": 2}

Confidence = Literal["high", "medium", "low"]
Level = Literal["no fault seen", "minor faults", "one main fault", "several faults", "not enough evidence"]


def find_faults(metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> Findings:
    """Apply every rule of the knowledge base; the same metrics give the same findings."""
    rules = knowledge.load()
    readings = {(metric.id, metric.phase): metric for metric in metrics}
    found: list[Finding] = []
    not_judged: list[NotJudged] = []
    judged = 0
    for fault in rules.faults.values():
        primary = _reading(readings, fault.primary)
        if fault.primary is None or primary is None or primary.value is None:
            reason = fault.not_judged or (primary.reason if primary else "it was not measured")
            not_judged.append(NotJudged(fault_id=fault.id, name=fault.name, reason=reason))
            continue
        judged += 1
        if not knowledge.is_beyond(fault.primary, primary.value):
            continue
        supporting = _supporting(fault, _reading(readings, fault.supporting))
        if supporting is None and not _is_clear(fault.primary, primary):
            reason = "its one sign is past the limit by less than its own noise: too close to call"
            not_judged.append(NotJudged(fault_id=fault.id, name=fault.name, reason=reason))
            continue
        found.append(_finding(fault, fault.primary, primary, supporting, segmentation))
    found.sort(key=lambda one: (_GRAVITY[one.severity], _SURENESS[one.confidence]))
    return Findings(
        overall_level=_overall(found, judged),
        findings=tuple(found),
        positives=_positives(metrics, found),
        not_judged=tuple(not_judged),
    )


def _reading(readings: dict[tuple[str, EventName | None], Metric], signal: Signal | None) -> Metric | None:
    if signal is None:
        return None
    return readings.get((signal.metric, None if signal.phase == "swing" else EventName(signal.phase)))


def _finding(
    fault: FaultDefinition,
    signal: Signal,
    primary: Metric,
    supporting: Metric | None,
    segmentation: SwingSegmentation,
) -> Finding:
    value, supported = primary.value or 0.0, supporting is not None
    seen = [primary] if supporting is None else [primary, supporting]
    return Finding(
        fault_id=fault.id,
        name=fault.name,
        severity=knowledge.severity_of(fault, value, supported),
        confidence=_confidence(signal, primary, supported),
        explanation=fault.explanation,
        evidence=tuple(_evidence(metric, segmentation) for metric in seen),
        ball_flight=fault.ball_flight,
        causes=fault.causes,
        drill_ids=fault.drills,
    )


def _confidence(signal: Signal, primary: Metric, supported: bool) -> Confidence:
    """High: both signs, the first past its limit by more than its noise. Low: its number is not trusted."""
    if primary.trust != Trust.MEASURED:
        return "low"
    return "high" if supported and _is_clear(signal, primary) else "medium"


def _is_clear(signal: Signal, primary: Metric) -> bool:
    return primary.noise is not None and abs((primary.value or 0.0) - signal.threshold) > primary.noise


def _supporting(fault: FaultDefinition, reading: Metric | None) -> Metric | None:
    """The second sign where it is there and beyond its threshold."""
    if fault.supporting is None or reading is None or reading.value is None:
        return None
    return reading if knowledge.is_beyond(fault.supporting, reading.value) else None


def _evidence(metric: Metric, segmentation: SwingSegmentation) -> Evidence:
    phase = metric.phase or EventName.IMPACT
    return Evidence(
        metric_id=metric.id,
        phase=metric.phase,
        value=metric.value or 0.0,
        unit=metric.unit,
        frame=segmentation.frame_of(phase),
    )


def _overall(found: list[Finding], judged: int) -> Level:
    if not found:
        return "no fault seen" if judged >= LEAST_FAULTS_JUDGED else "not enough evidence"
    grave = sum(finding.severity != Severity.MINOR for finding in found)
    if grave == 0:
        return "minor faults"
    return "one main fault" if grave == 1 else "several faults"


def _positives(metrics: tuple[Metric, ...], found: list[Finding]) -> tuple[str, ...]:
    """What is inside its corridor and measured; never something that a finding speaks against."""
    against = {evidence.metric_id for finding in found for evidence in finding.evidence}
    definitions = knowledge.load().metrics
    said = []
    for metric in metrics:
        if metric.value is None or metric.trust != Trust.MEASURED or metric.id in against or metric.corridor is None:
            continue
        low, high = metric.corridor
        inside = (low is None or metric.value >= low) and (high is None or metric.value <= high)
        phase = metric.phase or "swing"
        words = next(one.positive for one in definitions[metric.id].readings if one.phase == phase)
        if inside and words:
            said.append(words)
    return tuple(said)
