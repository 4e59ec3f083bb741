"""The `ai_analysis` document, put together from the findings, the rules' report and, if there are any, a model's words.

Both writers have their numbers from the same data: behind each claim of a model stands the measured number, rendered
here. Order, drills, priorities and score are the rules', so that words can never contradict the plan.
"""

from dataclasses import dataclass

from golf_pipeline.coach.documents import (
    AiAnalysis,
    Claim,
    CoachingWords,
    FrameNote,
    PhaseObservation,
    Recommendation,
    TechnicalAnalysis,
    TechnicalIssue,
)
from golf_pipeline.coach.facts import SwingFacts, phase_words, told_reading
from golf_pipeline.coach.words import positive_ids
from golf_pipeline.swing.documents import Finding, KeyFrame, Metric, Report, SwingEvent, Trust

LEAST_SCORED_READINGS = 2
LEAST_PRIORITY = 5


@dataclass(frozen=True)
class Written:
    """What a model contributed; without words the rules speak, for the reason given."""

    words: CoachingWords | None = None
    notes: tuple[FrameNote, ...] = ()
    reason: str = ""


def assemble(facts: SwingFacts, report: Report, key_frames: tuple[KeyFrame, ...], written: Written) -> AiAnalysis:
    """The coaching without its bill: tokens, cost, model and frames are the caller's to fill."""
    words = written.words
    claims = {claim.fault_id: claim for claim in words.claims} if words else {}
    feelings = tuple(claim.what_to_feel for claim in claims.values())
    findings = facts.findings
    cues = tuple(drill.cue for drill in report.drills)
    return AiAnalysis(
        success=True,
        response=_response(facts, report, words),
        coaching_response="\n\n".join(_paragraphs(facts, report, words)),
        frames_analyzed=_frames_read(facts, key_frames),
        frames_skipped=0,
        fallback_triggered=words is None,
        fallback_reason=written.reason,
        tokens_used=0,
        cost_usd=0.0,
        model="rules",
        root_cause=_root_cause(facts),
        cues=cues,
        drills=report.drills,
        swing_phases=tuple(_phase(event, facts, written.notes) for event in facts.segmentation.events),
        technical_analysis=TechnicalAnalysis(
            positives=findings.positives,
            issues=tuple(_technical(finding, claims.get(finding.fault_id)) for finding in findings.findings),
        ),
        recommendations=_recommendations(facts, report),
        overall_feedback=words.encouragement if words else " ".join([*findings.positives, *report.caveats]),
        coaching_cues=feelings or cues,
        overall_score=findings.score.value if findings.score else None,
    )


def _response(facts: SwingFacts, report: Report, words: CoachingWords | None) -> str:
    if words is None:
        return report.summary
    first = next(iter(words.claims), None)
    return f"{words.summary} {_measured(first, facts)}" if first else words.summary


def _paragraphs(facts: SwingFacts, report: Report, words: CoachingWords | None) -> list[str]:
    if words is None:
        return [report.summary, *(issue.text for issue in report.top_issues)]
    said = [words.summary]
    for claim in words.claims:
        name = facts.faults[claim.fault_id].name
        told = f"{claim.what_happens} {_measured(claim, facts)} {claim.why_it_matters} {claim.what_to_feel}"
        said.append(f"{name}. {told}")
    if praise := [positive_ids(facts)[one] for one in dict.fromkeys(words.praise)]:
        said.append(f"What is good: {' '.join(praise)}")
    return [*said, words.encouragement]


def _measured(claim: Claim, facts: SwingFacts) -> str:
    finding = facts.faults[claim.fault_id]
    return facts.measured(finding, claim.evidence)


def _root_cause(facts: SwingFacts) -> str:
    root = facts.findings.root_cause
    if root is not None:
        return f"{root.name}: {root.explanation}"
    main = next(iter(facts.findings.findings), None)
    return f"{main.name}: {main.explanation}" if main else ""


def _technical(finding: Finding, claim: Claim | None) -> TechnicalIssue:
    return TechnicalIssue(
        issue=finding.name,
        severity=finding.severity,
        impact=claim.why_it_matters if claim else "; ".join(finding.ball_flight),
        biomechanical_cause="; ".join(finding.causes),
    )


def _frames_read(facts: SwingFacts, key_frames: tuple[KeyFrame, ...]) -> int:
    read = {metric.phase for metric in facts.readings.values()}
    return sum(frame.event is not None and frame.event in read for frame in key_frames)


def _phase(event: SwingEvent, facts: SwingFacts, notes: tuple[FrameNote, ...]) -> PhaseObservation:
    here = [metric for metric in facts.readings.values() if metric.phase == event.event]
    told = [text for metric in here if (text := told_reading(metric))]
    told += [
        f"{finding.name} shows here"
        for finding in facts.findings.findings
        if any(evidence.phase == event.event for evidence in finding.evidence)
    ]
    told += [note.text for note in notes if note.frame == event.frame]
    return PhaseObservation(
        phase=event.event, frame_number=event.frame, observations=tuple(told), quality_score=_quality(here)
    )


def _quality(readings: list[Metric]) -> float | None:
    """Share of the measured readings with a corridor that are not outside it by more than their noise, in percent."""
    judged = [one for one in readings if one.trust == Trust.MEASURED and one.corridor is not None]
    if len(judged) < LEAST_SCORED_READINGS:
        return None
    return round(100.0 * sum(_is_not_outside(one) for one in judged) / len(judged), 1)


def _is_not_outside(metric: Metric) -> bool:
    low, high = metric.corridor or (None, None)
    value, noise = metric.value or 0.0, metric.noise or 0.0
    return (low is None or value + noise >= low) and (high is None or value - noise <= high)


def _recommendations(facts: SwingFacts, report: Report) -> tuple[Recommendation, ...]:
    """One for each finding that the report gives a drill for, in the findings' order; the first is what to do first."""
    drills = {drill.drill_id: drill for drill in report.drills}
    made: list[Recommendation] = []
    for rank, finding in enumerate(facts.findings.findings, start=1):
        drill = next((drills[drill_id] for drill_id in finding.drill_ids if drill_id in drills), None)
        if drill is None:
            continue
        sign = finding.evidence[0]
        metric = next(one.name for one in facts.metrics if (one.id, one.phase) == (sign.metric_id, sign.phase))
        made.append(
            Recommendation(
                priority=min(rank, LEAST_PRIORITY),
                change=f"Work on {finding.name.lower()}",
                why=finding.explanation,
                how=f"{drill.name}: {drill.how}",
                drill_id=drill.drill_id,
                expected_improvement=(
                    "None is promised. Film the same view again after a week and compare one number: "
                    f"{metric.lower()} {phase_words(sign.phase)}."
                ),
            )
        )
    return tuple(made)
