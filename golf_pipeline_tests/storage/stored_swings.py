"""Finished swings as the pipeline leaves them: a catalog row, a stage record and a `result.json`, without a video."""

from datetime import UTC, datetime

from golf_pipeline.coach.documents import AiAnalysis, TechnicalAnalysis, TechnicalIssue
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import output_key, parse_upload_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, StageOutput, Status
from golf_pipeline.storage.result import (
    RESULT_SCHEMA_VERSION,
    RESULT_STAGE,
    AnalysisResults,
    PoseResults,
    ResultDocument,
)
from golf_pipeline.swing.documents import (
    Capture,
    EventName,
    Findings,
    Handedness,
    ImpactSound,
    Metric,
    PoseSummary,
    Report,
    Severity,
    TimeBase,
    Trust,
    View,
)

VERSIONS = {"pose": "1", "events": "1", "metrics": "1", "findings": "1"}


def coaching(response: str, *issues: str) -> AiAnalysis:
    return AiAnalysis(
        success=True,
        response=response,
        coaching_response=response,
        frames_analyzed=0,
        frames_skipped=0,
        fallback_triggered=True,
        tokens_used=0,
        cost_usd=0.0,
        model="rules",
        root_cause="",
        cues=(),
        drills=(),
        swing_phases=(),
        technical_analysis=TechnicalAnalysis(
            positives=(),
            issues=tuple(
                TechnicalIssue(issue=one, severity=Severity.MAJOR, impact="", biomechanical_cause="") for one in issues
            ),
        ),
        recommendations=(),
        overall_feedback="",
        coaching_cues=(),
        overall_score=None,
    )


def result(analysis_id: str, tilt: float, versions: dict[str, str] | None = None) -> ResultDocument:
    """A face-on swing with one number."""
    metric = Metric(
        id="tilt",
        name="Tilt",
        phase=EventName.TOP,
        value=tilt,
        unit="deg",
        trust=Trust.MEASURED,
        noise=1.0,
        valid_views=(View.FACE_ON,),
        corridor=(0.0, 10.0),
        frames=(),
    )
    return ResultDocument(
        analysis_id=analysis_id,
        algorithm_versions=versions or VERSIONS,
        analysis_results=AnalysisResults(
            frames=(),
            frames_extracted=0,
            total_frames=0,
            video_duration=0,
            fps=30,
            swing_detected=True,
            swing_segments=(),
            capture=Capture(
                view=View.FACE_ON,
                view_confidence=1,
                handedness=Handedness.RIGHT,
                handedness_confidence=1,
                time_base=TimeBase.REAL,
                slow_motion_factor=1,
            ),
            events=(),
            impact_sound=ImpactSound(status="no audio"),
        ),
        pose=PoseResults(
            pose_summary=PoseSummary(model="m", frames=0, coverage=0, mean_visibility=0),
            metrics=(metric,),
            findings=Findings(overall_level="no fault seen", findings=(), positives=(), not_judged=()),
            report=Report(summary="", top_issues=(), drills=(), one_week_plan=(), caveats=()),
        ),
        ai_analysis=coaching(f"coaching of {analysis_id}"),
        artifacts={},
    )


def uploaded(catalog: Catalog, user_id: str, analysis_id: str) -> AnalysisRecord:
    upload = parse_upload_key(upload_key(user_id, analysis_id, "mp4"))
    record, _ = catalog.register_object("bucket", upload, analysis_id, 9, datetime.now(UTC))
    return record


def finished(
    catalog: Catalog, objects: ObjectStore, user_id: str, analysis_id: str, document: ResultDocument
) -> AnalysisRecord:
    """Store a result and complete its swing; returns the record as it is then."""
    record = uploaded(catalog, user_id, analysis_id)
    key = output_key(user_id, analysis_id, RESULT_STAGE, RESULT_SCHEMA_VERSION, "result.json")
    objects.put_bytes(key, document.model_dump_json().encode(), "application/json")
    catalog.record_stage(
        StageOutput(analysis_id=analysis_id, stage=RESULT_STAGE, version=RESULT_SCHEMA_VERSION, key=key),
        attempt=record.attempt,
    )
    catalog.set_status(analysis_id, Status.AI_COMPLETED, "done", attempt=record.attempt)
    done = catalog.get(analysis_id)
    assert done is not None
    return done
