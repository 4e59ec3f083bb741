"""The words: the rules' report, and the coach's version of it."""

from golf_pipeline.coach.coach import ALGORITHM_VERSION as COACH_VERSION
from golf_pipeline.coach.coach import coach_swing, model_from_settings
from golf_pipeline.coach.pictures import Picture, small_picture
from golf_pipeline.orchestration.checks import numbers_grounded
from golf_pipeline.orchestration.documents import Coaching, KeyFrames, Metrics
from golf_pipeline.orchestration.pools import MODEL_API
from golf_pipeline.orchestration.stages import Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.storage.keys import frame_key
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.usage import BucketAnswers, CatalogLedger
from golf_pipeline.swing.advice import ALGORITHM_VERSION as ADVICE_VERSION
from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.documents import Findings, KeyFrame, SwingSegmentation

VERSION = f"{ADVICE_VERSION}-{COACH_VERSION}"


def _who_writes(swing: Swing) -> tuple[object, ...]:
    settings = swing.settings
    has_model = settings.openai_api_key is not None
    return (settings.openai_model, settings.openai_base_url, settings.coach_images) if has_model else ()


@swing_stage(
    stage="coaching",
    version=VERSION,
    inputs=("findings", "metrics", "events", "key_frames"),
    follows=_who_writes,
    deps=("swing_findings", "key_frames"),
    group="coach",
    kinds={"openai", "json"},
    pool=MODEL_API,
    checks=(numbers_grounded,),
    before=lambda swing: swing.set_status(Status.AI_PROCESSING, "The coach is writing your report."),
)
def coaching_report(swing: Swing) -> Made:
    """The coaching: a model's words about the findings where there is a model, the rules' words otherwise."""
    from golf_pipeline.swing.analysis import assemble_analysis

    segmentation = swing.document(SwingSegmentation, "events")
    metrics = swing.document(Metrics, "metrics").metrics
    findings = swing.document(Findings, "findings")
    key_frames = swing.document(KeyFrames, "key_frames").key_frames
    report = write_report(findings, metrics, segmentation)
    analysis = assemble_analysis(
        segmentation=segmentation,
        measured=metrics,
        findings=findings,
        advice_report=report,
        key_frames=key_frames,
    )
    model, workspace = model_from_settings(swing.settings), swing.workspace
    words = coach_swing(
        analysis,
        model=model,
        answers=BucketAnswers(workspace.objects),
        ledger=CatalogLedger(workspace.catalog.engine),
        pictures=_pictures(swing, key_frames) if model is not None and swing.settings.coach_images else (),
    )
    coaching = Coaching(report=report, ai_analysis=words)
    return Made(
        swing.put_document("coaching_report.json", coaching),
        {
            "model": words.model,
            "fallback_triggered": words.fallback_triggered,
            "fallback_reason": words.fallback_reason,
            "tokens": words.tokens_used,
            "cost_usd": words.cost_usd,
            "answer_reused": words.answer_reused,
            "frames_skipped": words.frames_skipped,
            "issues": len(report.top_issues),
            "drills": len(report.drills),
        },
        settled=model is None or not words.fallback_triggered,
    )


def _pictures(swing: Swing, key_frames: tuple[KeyFrame, ...]) -> tuple[Picture, ...]:
    """The stored key frames, as a model is shown them."""
    swing.settle()
    folder = swing.folder / "shown"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for frame in key_frames:
        path = folder / frame.file_name
        swing.workspace.objects.download(
            frame_key(swing.record.user_id, swing.record.analysis_id, frame.file_name), path
        )
        pictures.append(small_picture(frame, path))
    return tuple(pictures)
