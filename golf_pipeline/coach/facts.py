"""What may be said about one swing: its readings by id, the findings, and the words that the rules themselves use.

The prompt is written from it, the schema's enums are its ids, the numbers in the words are rendered from it, and the
check holds every text against it. A golfer's name, notes or file's name are no part of it: none of them can reach a
model from here.
"""

from dataclasses import dataclass, field
from functools import cached_property

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import printed, told
from golf_pipeline.swing.documents import (
    EventName,
    Finding,
    Findings,
    Metric,
    SwingSegmentation,
    Trust,
)

_PHASE_WORDS = {
    EventName.ADDRESS: "at address",
    EventName.TOE_UP: "at toe-up",
    EventName.MID_BACKSWING: "at mid-backswing",
    EventName.TOP: "at the top",
    EventName.MID_DOWNSWING: "at mid-downswing",
    EventName.IMPACT: "at impact",
    EventName.MID_FOLLOW_THROUGH: "after impact, at mid-follow-through",
    EventName.FINISH: "at the finish",
}

_HOW_SURE = {"high": "Measured", "medium": "Likely, not certain", "low": "A hint only"}


def reading_id(metric_id: str, phase: EventName | None) -> str:
    """The id of a metric's reading at an event: `pelvis_sway@top`; `@swing` for the whole swing."""
    return f"{metric_id}@{phase or 'swing'}"


@dataclass(frozen=True)
class SwingFacts:
    """The measured swing, as the coach sees it."""

    findings: Findings
    metrics: tuple[Metric, ...]
    segmentation: SwingSegmentation
    library_texts: tuple[str, ...] = field(default=(), compare=False)
    """More texts of ours that may be repeated: the drills that the report gives."""

    @cached_property
    def readings(self) -> dict[str, Metric]:
        """The readings that have a value, by id."""
        return {reading_id(one.id, one.phase): one for one in self.metrics if one.value is not None}

    @cached_property
    def faults(self) -> dict[str, Finding]:
        return {finding.fault_id: finding for finding in self.findings.findings}

    @cached_property
    def frames(self) -> frozenset[int]:
        """Every frame that may be named: those of the events, the metrics and the evidence."""
        events = {event.frame for event in self.segmentation.events}
        measured = {frame for metric in self.metrics for frame in metric.frames}
        return frozenset(events | measured | {one.frame for found in self.faults.values() for one in found.evidence})

    @cached_property
    def praised_metrics(self) -> frozenset[str]:
        """The metrics that a listed positive speaks of."""
        said = set(self.findings.positives)
        definitions = knowledge.load().metrics.values()
        return frozenset(
            metric.id for metric in definitions if any(one.positive and one.positive in said for one in metric.readings)
        )

    @cached_property
    def given(self) -> str:
        """All words that the rules say of this swing: whoever repeats them invents nothing."""
        texts: list[str] = [*self.findings.positives, *self.library_texts]
        for found in self.findings.findings:
            texts += [found.name, found.explanation, *found.ball_flight, *found.causes]
            texts += [told(found, evidence) for evidence in found.evidence]
        if self.findings.root_cause is not None:
            texts.append(self.findings.root_cause.explanation)
        for fault in self.findings.not_judged:
            texts += [fault.reason, fault.how]
        texts += [issue.text for issue in self.segmentation.capture.issues]
        return "\n".join(texts)

    def measured(self, finding: Finding, evidence_id: str) -> str:
        """One sign as a sentence with its number, unit, way, frame and how sure it is, all from the data."""
        evidence = next(one for one in finding.evidence if reading_id(one.metric_id, one.phase) == evidence_id)
        return f"{_HOW_SURE[finding.confidence]}: {told(finding, evidence)} (frame {evidence.frame})."


def told_reading(metric: Metric) -> str | None:
    """A reading with its number; None where there is none, or where a number would say more than was measured."""
    if metric.value is None or metric.trust == Trust.DIRECTION_ONLY:
        return None
    trust = "" if metric.trust == Trust.MEASURED else f" ({metric.trust} trust)"
    return f"{metric.name} {phase_words(metric.phase)}: {printed(metric.value, metric.unit)}{trust}"


def phase_words(phase: EventName | None) -> str:
    return "over the swing" if phase is None else _PHASE_WORDS[phase]
