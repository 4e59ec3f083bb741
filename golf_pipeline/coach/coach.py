"""The coaching of one swing: a model's words where there is a model, the rules' words otherwise.

Both read the same findings, and both have their numbers from the same evidence. The rule-based report of
`swing/advice.py` is always the base: a model can only replace its prose.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from golf_pipeline.coach.documents import (
    AiAnalysis,
    CoachingWords,
    IssueWords,
    PhaseObservation,
    Recommendation,
    TechnicalAnalysis,
    TechnicalIssue,
)
from golf_pipeline.settings import Settings
from golf_pipeline.swing.documents import Findings, Metric, Report, Severity, SwingSegmentation

if TYPE_CHECKING:
    from openai import OpenAI

ALGORITHM_VERSION = "1"

_PRIORITY = {Severity.CRITICAL: 1, Severity.MAJOR: 2, Severity.MINOR: 3}


@dataclass(frozen=True)
class CoachModel:
    """A language model to ask, and its price in USD per million tokens in and out."""

    client: "OpenAI"
    name: str
    usd_per_million: tuple[float, float]


def model_from_settings(settings: Settings) -> CoachModel | None:
    """The model that the settings name, or None without a key; an unknown model is billed at the dearest price."""
    if settings.openai_api_key is None:
        return None
    from golf_pipeline.coach.openai_coach import connect

    dearest = (max(p[0] for p in settings.model_prices.values()), max(p[1] for p in settings.model_prices.values()))
    return CoachModel(
        client=connect(settings.openai_api_key.get_secret_value(), settings.openai_base_url),
        name=settings.openai_model,
        usd_per_million=settings.model_prices.get(settings.openai_model, dearest),
    )


def write_coaching(
    findings: Findings,
    metrics: tuple[Metric, ...],
    segmentation: SwingSegmentation,
    report: Report,
    *,
    key_frame_count: int,
    model: CoachModel | None = None,
) -> AiAnalysis:
    """Return the coaching; never raises for the model's sake: without a usable answer the rules speak and say why."""
    if model is None:
        return _assemble(findings, metrics, segmentation, report, key_frame_count, None, "no model is configured")
    from golf_pipeline.coach.openai_coach import CoachUnavailableError, ask_for_words

    try:
        answer = ask_for_words(model.client, model.name, findings, segmentation)
    except CoachUnavailableError as error:
        return _assemble(findings, metrics, segmentation, report, key_frame_count, None, str(error))
    coaching = _assemble(findings, metrics, segmentation, report, key_frame_count, answer.words, "")
    price_in, price_out = model.usd_per_million
    cost = round((answer.prompt_tokens * price_in + answer.completion_tokens * price_out) / 1e6, 6)
    tokens = answer.prompt_tokens + answer.completion_tokens
    return coaching.model_copy(update={"model": answer.model, "tokens_used": tokens, "cost_usd": cost})


def _assemble(
    findings: Findings,
    metrics: tuple[Metric, ...],
    segmentation: SwingSegmentation,
    report: Report,
    key_frame_count: int,
    words: CoachingWords | None,
    fallback_reason: str,
) -> AiAnalysis:
    said = {issue.fault_id: issue for issue in words.issues} if words else {}
    texts = {issue.fault_id: issue.text for issue in report.top_issues}
    ranked = list(findings.findings)
    root = next((f for f in ranked if words and f.fault_id == words.root_cause_fault_id), ranked[0] if ranked else None)
    issues = tuple(
        TechnicalIssue(
            issue=finding.name,
            severity=finding.severity,
            impact=said[finding.fault_id].why_it_matters
            if finding.fault_id in said
            else "; ".join(finding.ball_flight),
            biomechanical_cause="; ".join(finding.causes),
        )
        for finding in ranked
    )
    response = words.summary if words else report.summary
    coaching = "\n\n".join([response, *(_issue_text(issue.fault_id, texts, said) for issue in report.top_issues)])
    return AiAnalysis(
        success=True,
        response=response,
        coaching_response=coaching,
        frames_analyzed=key_frame_count,
        frames_skipped=0,
        fallback_triggered=words is None,
        fallback_reason=fallback_reason,
        tokens_used=0,
        cost_usd=0.0,
        model="rules" if words is None else "model",
        root_cause=f"{root.name}: {root.explanation}" if root else "",
        cues=tuple(drill.cue for drill in report.drills),
        drills=report.drills,
        swing_phases=_phases(findings, metrics, segmentation),
        technical_analysis=TechnicalAnalysis(positives=findings.positives, issues=issues),
        recommendations=_recommendations(findings, report),
        overall_feedback=words.encouragement if words else " ".join(report.caveats),
        coaching_cues=tuple(drill.cue for drill in report.drills),
        overall_score=None,
    )


def _issue_text(fault_id: str, texts: dict[str, str], said: dict[str, IssueWords]) -> str:
    if fault_id in said:
        return f"{said[fault_id].what_happens} {texts[fault_id]}"
    return texts[fault_id]


def _phases(
    findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation
) -> tuple[PhaseObservation, ...]:
    observations: dict[str, list[str]] = {event.event: [] for event in segmentation.events}
    for metric in metrics:
        if metric.phase is not None and metric.value is not None and metric.phase in observations:
            observations[metric.phase].append(f"{metric.name}: {metric.value:.2f} {metric.unit} ({metric.trust})")
    for finding in findings.findings:
        for evidence in finding.evidence:
            if evidence.phase is not None and evidence.phase in observations:
                observations[evidence.phase].append(f"{finding.name} shows here")
    return tuple(
        PhaseObservation(
            phase=event.event,
            frame_number=event.frame,
            observations=tuple(dict.fromkeys(observations[event.event])),
            quality_score=None,
        )
        for event in segmentation.events
    )


def _recommendations(findings: Findings, report: Report) -> tuple[Recommendation, ...]:
    drills = {drill.drill_id: drill for drill in report.drills}
    made = []
    for finding in findings.findings:
        for drill_id in finding.drill_ids:
            if drill_id in drills:
                drill = drills[drill_id]
                made.append(
                    Recommendation(
                        priority=_PRIORITY[finding.severity],
                        change=f"Work on {finding.name.lower()}",
                        why=finding.explanation,
                        how=f"{drill.name}: {drill.how}",
                        drill_id=drill_id,
                        expected_improvement="Film the same view again after a week and compare the same numbers.",
                    )
                )
                break
    return tuple(made)
