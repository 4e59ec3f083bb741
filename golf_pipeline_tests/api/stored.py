"""Finished swings as the pipeline leaves them, but for pictures: an upload, its result in S3, a row in the catalog."""

from uuid import uuid4

from golf_pipeline.coach.coach import coach_swing
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import GUEST, Upload, output_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.result import RESULT_STAGE, build_result
from golf_pipeline.swing.documents import ImpactSound, PoseSummary, SwingAnalysis, VideoFacts

_VIDEO = VideoFacts(
    container="mp4",
    codec="h264",
    width=480,
    height=854,
    rotation_deg=0,
    frame_count=97,
    duration_s=3.23,
    fps=30.0,
    variable_frame_rate=False,
    has_audio=False,
    size_bytes=7,
    sha256="0" * 64,
)


def whole(analysis: SwingAnalysis) -> SwingAnalysis:
    """The analysis with all that a result needs."""
    return analysis.model_copy(
        update={
            "video": _VIDEO,
            "pose": PoseSummary(model="full", frames=97, coverage=1, mean_visibility=0.9),
            "impact_sound": ImpactSound(status="no audio"),
        }
    )


def finished_swing(
    catalog: Catalog, store: ObjectStore, user_id: str, analysis: SwingAnalysis, session_id: str | None = None
) -> str:
    """Store a finished swing of a golfer; returns its id."""
    swing_id = str(uuid4())
    upload = Upload(user_id, swing_id, "mp4", upload_key(user_id, swing_id, "mp4"))
    catalog.create(store.bucket, upload, is_authenticated=user_id != GUEST, session_id=session_id)
    store.put_bytes(upload.key, b"a video", "video/mp4")
    facts = store.head(upload.key)
    record, _ = catalog.register_object(store.bucket, upload, facts.etag, facts.size, facts.last_modified)
    catalog.mark_dispatched([swing_id])
    report = output_key(user_id, swing_id, "report", "1", "report.html")
    store.put_bytes(report, b"<p>report</p>", "text/html")
    document = output_key(user_id, swing_id, "analysis", "1", "analysis.json")
    store.put_bytes(document, whole(analysis).model_dump_json().encode(), "application/json")
    artifacts = {"report": report, "analysis": document}
    result = build_result(record, whole(analysis), coach_swing(whole(analysis)), artifacts, {"pose": "1"})
    key = output_key(user_id, swing_id, RESULT_STAGE, "1", "result.json")
    store.put_bytes(key, result.model_dump_json().encode(), "application/json")
    catalog.record_stage(swing_id, RESULT_STAGE, "1", key, None)
    for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
        catalog.set_status(swing_id, status, str(status))
    return swing_id
