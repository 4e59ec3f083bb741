"""The words: the rules' report, and the coach's version of it."""

from golf_pipeline.coach.coach import ALGORITHM_VERSION as COACH_VERSION
from golf_pipeline.coach.coach import model_from_settings, write_coaching
from golf_pipeline.orchestration.checks import numbers_grounded
from golf_pipeline.orchestration.documents import Coaching, KeyFrames, Metrics
from golf_pipeline.orchestration.swing_assets import Made, swing_asset
from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.storage.records import Status
from golf_pipeline.swing.advice import ALGORITHM_VERSION as ADVICE_VERSION
from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.documents import Findings, SwingSegmentation

VERSION = f"{ADVICE_VERSION}-{COACH_VERSION}"


@swing_asset(
    stage="coaching",
    version=VERSION,
    deps=["swing_findings", "key_frames"],
    kinds={"openai", "json"},
    checks=[numbers_grounded],
)
def coaching_report(swing: Swing) -> Made:
    """The coaching: a model's words about the findings where there is a model, the rules' words otherwise."""
    swing.set_status(Status.AI_PROCESSING, "The coach is writing your report.")
    segmentation = swing.document(SwingSegmentation, "events")
    metrics = swing.document(Metrics, "metrics").metrics
    findings = swing.document(Findings, "findings")
    report = write_report(findings, metrics, segmentation)
    words = write_coaching(
        findings,
        metrics,
        segmentation,
        report,
        key_frame_count=len(swing.document(KeyFrames, "key_frames").key_frames),
        model=model_from_settings(swing.settings),
    )
    coaching = Coaching(report=report, ai_analysis=words)
    return Made(
        swing.put_document("coaching", VERSION, "coaching_report.json", coaching),
        {
            "model": words.model,
            "fallback_triggered": words.fallback_triggered,
            "fallback_reason": words.fallback_reason,
            "tokens": words.tokens_used,
            "cost_usd": words.cost_usd,
            "issues": len(report.top_issues),
            "drills": len(report.drills),
        },
    )
