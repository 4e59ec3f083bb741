"""Findings: which faults the measured numbers show, how sure that is, and what they do not show.

The rules stand in `knowledge/faults.toml`, with how they are applied at their head; here is the application. A number
that is not trusted makes a hint, a number that is missing makes nothing: the fault is then listed as not judged, with
the reason and the way out (`unjudged.py`). Which finding leads is decided in `causes.py`, the score in `score.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from golf_pipeline.swing import knowledge, unjudged
from golf_pipeline.swing.causes import neighbours, order_findings
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
from golf_pipeline.swing.knowledge import FaultDefinition, Signal, WhyNot
from golf_pipeline.swing.score import score_swing
from golf_pipeline.swing.unjudged import NotJudgedError

ALGORITHM_VERSION = "2"

LEAST_FAULTS_JUDGED = 2
"""Fewer faults judged from measured numbers than this are not enough to say that none was seen."""

Confidence = Literal["high", "medium", "low"]
Readings = Mapping[tuple[str, EventName | None], Metric]
Level = Literal["no fault seen", "minor faults", "one main fault", "several faults", "not enough evidence"]


class Presence(IntEnum):
    """Whether a sign is there: past its limit by its noise or more is clear, by less is near."""

    UNKNOWN = 0
    ABSENT = 1
    NEAR = 2
    CLEAR = 3


@dataclass(frozen=True)
class Sign:
    """A signal as it reads in this clip; `metric` is None where it was not read."""

    signal: Signal | None
    metric: Metric | None

    @property
    def presence(self) -> Presence:
        if self.signal is None or self.metric is None or self.metric.value is None:
            return Presence.UNKNOWN
        if not knowledge.is_beyond(self.signal, self.metric.value):
            # What is seen as a direction only cannot say that something is not there.
            return Presence.UNKNOWN if self.metric.trust == Trust.DIRECTION_ONLY else Presence.ABSENT
        clear = knowledge.is_clear(self.signal, self.metric.value, self.metric.noise)
        return Presence.CLEAR if clear else Presence.NEAR

    @property
    def is_nearly_there(self) -> bool:
        """Whether it is absent, but short of its limit by less than its noise: another take may say otherwise."""
        if self.presence != Presence.ABSENT or self.signal is None or self.metric is None:
            return False
        short = abs((self.metric.value or 0.0) - self.signal.threshold)
        return self.metric.noise is not None and short < self.metric.noise

    @property
    def is_measured(self) -> bool:
        return self.metric is not None and self.metric.trust == Trust.MEASURED

    @property
    def is_enough(self) -> bool:
        """Whether the sign is enough without another: clear, and past `alone`."""
        if self.signal is None or self.signal.alone is None or self.presence != Presence.CLEAR:
            return False
        value = self.metric.value if self.metric else None
        return value is not None and knowledge.is_beyond(self.signal, value, self.signal.alone)


def find_faults(metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> Findings:
    """Apply every rule of the knowledge base; the same metrics give the same findings."""
    readings = {(metric.id, metric.phase): metric for metric in metrics}
    found: list[Finding] = []
    not_judged: list[NotJudged] = []
    doubtful: list[str] = []
    firm = 0
    for fault in knowledge.load().faults.values():
        try:
            finding, is_measured = _judge(fault, readings, segmentation)
        except NotJudgedError as outcome:
            not_judged.append(unjudged.told(fault, outcome, segmentation.capture))
            if outcome.why in {WhyNot.AT_THE_LIMIT, WhyNot.ONE_SIGN}:
                doubtful.append(fault.id)
            firm += outcome.was_measured
            continue
        firm += is_measured
        if finding is not None:
            found.append(finding)
    ordered, root = order_findings(found)
    return Findings(
        overall_level=_overall(found, firm),
        findings=ordered,
        root_cause=root,
        positives=_positives(metrics, _not_to_praise(found, doubtful)),
        not_judged=tuple(not_judged),
        score=score_swing(metrics, segmentation.capture.view),
    )


def _judge(fault: FaultDefinition, readings: Readings, segmentation: SwingSegmentation) -> tuple[Finding | None, bool]:
    """Apply one rule: the finding, or None where the fault is not there, and whether a measured number decided.

    Raises:
        NotJudgedError: the clip does not decide it.
    """
    if fault.primary is None:
        raise NotJudgedError(WhyNot.NO_VIDEO_HELPS, fault.not_judged)
    first, second = _sign(fault.primary, readings), _sign(fault.supporting, readings)
    if first.presence == Presence.UNKNOWN:
        raise unjudged.not_readable(fault, first.metric, segmentation.capture)
    if segmentation.capture.view == View.OBLIQUE:
        # An oblique camera mixes the way to the target with the way to the ball: the numbers are told, not judged.
        views = " or ".join(view.value for view in first.metric.valid_views) if first.metric else ""
        raise NotJudgedError(WhyNot.OBLIQUE, f"the camera stood oblique to the swing; it can be judged {views}")
    if first.presence == Presence.ABSENT:
        return None, first.is_measured
    if second.presence == Presence.ABSENT and fault.supporting_must_not_deny:
        if first.presence == Presence.CLEAR and second.is_nearly_there:
            reason = "its second sign is short of its limit by less than the measurement can tell"
            raise NotJudgedError(WhyNot.AT_THE_LIMIT, reason, was_measured=first.is_measured)
        return None, first.is_measured
    _check_enough(first, second)
    return _finding(fault, first, second, segmentation), first.is_measured


def _check_enough(first: Sign, second: Sign) -> None:
    if first.presence == Presence.NEAR and second.presence != Presence.CLEAR:
        reason = "its number is past the limit by less than the measurement can tell"
        raise NotJudgedError(WhyNot.AT_THE_LIMIT, reason, was_measured=first.is_measured)
    if second.presence < Presence.NEAR and not first.is_enough:
        reason = "one sign is past its limit, too little to conclude from it alone"
        raise NotJudgedError(WhyNot.ONE_SIGN, reason, was_measured=first.is_measured)


def _sign(signal: Signal | None, readings: Readings) -> Sign:
    return Sign(signal, readings.get((signal.metric, signal.event)) if signal else None)


def _finding(fault: FaultDefinition, first: Sign, second: Sign, segmentation: SwingSegmentation) -> Finding:
    confidence = _confidence(first, second)
    seen = (first, second) if second.presence >= Presence.NEAR else (first,)
    return Finding(
        fault_id=fault.id,
        name=fault.name,
        severity=Severity.MINOR if confidence == "low" else _severity(fault, first, second),
        confidence=confidence,
        explanation=fault.explanation,
        evidence=tuple(_evidence(sign.metric, segmentation) for sign in seen if sign.metric),
        ball_flight=fault.ball_flight,
        causes=fault.causes,
        drill_ids=fault.drills,
    )


def _confidence(first: Sign, second: Sign) -> Confidence:
    """As the head of `faults.toml` has it: high needs two measured signs, both clear of their limits."""
    if not first.is_measured or first.presence != Presence.CLEAR:
        return "low"
    if second.presence == Presence.CLEAR:
        return "high" if second.is_measured else "medium"
    if second.signal is None or second.presence == Presence.ABSENT:
        return "low"
    return "medium" if first.is_enough else "low"


def _severity(fault: FaultDefinition, first: Sign, second: Sign) -> Severity:
    """Major; critical from the grave limit on, by the noise as well; without a clear second sign one step less."""
    value, noise = (first.metric.value, first.metric.noise) if first.metric else (None, None)
    limit = fault.critical
    grave = (
        limit is not None
        and value is not None
        and first.signal is not None
        and knowledge.is_beyond(first.signal, value, limit)
        and abs(value - limit) >= (noise or 0.0)
    )
    if second.presence == Presence.CLEAR:
        return Severity.CRITICAL if grave else Severity.MAJOR
    return Severity.MAJOR if grave else Severity.MINOR


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


def _not_to_praise(found: list[Finding], doubtful: list[str]) -> frozenset[str]:
    """Metrics that speak for a fault that was found, that one of these brings with it, or that is in doubt."""
    faults = {finding.fault_id for finding in found}
    near = faults.union(doubtful, *(neighbours(fault_id) for fault_id in faults))
    return frozenset(signal.metric for fault_id in near for signal in knowledge.load().faults[fault_id].signals)


def _positives(metrics: tuple[Metric, ...], not_to_praise: frozenset[str]) -> tuple[str, ...]:
    """What is measured, inside its corridor by more than its noise, and not spoken against by a finding."""
    definitions = knowledge.load().metrics
    said = []
    for metric in metrics:
        if metric.trust != Trust.MEASURED or metric.id in not_to_praise or not _is_inside(metric):
            continue
        words = next(one.positive for one in definitions[metric.id].readings if one.event == metric.phase)
        if words:
            said.append(words)
    return tuple(said)


def _is_inside(metric: Metric) -> bool:
    if metric.value is None or metric.corridor is None or metric.noise is None:
        return False
    low, high = metric.corridor
    return (low is None or metric.value - metric.noise > low) and (high is None or metric.value + metric.noise < high)
