"""Golfers for a load on the API: finished swings and profiles, stored as the pipeline stores them.

One clip of the package is really analysed; each golfer's swings are that analysis again, on other days. What a reader
of the API gets has therefore the size and the parts of a real result; key frames and pictures are not stored, as nobody
asks S3 for them here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from golf_pipeline.coach.coach import coach_swing
from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload, output_key, profile_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.profiles import record_profile
from golf_pipeline.storage.records import AnalysisRecord, StageOutput, Status
from golf_pipeline.storage.result import ARTIFACTS, RESULT_SCHEMA_VERSION, RESULT_STAGE, build_result
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.profile import ALGORITHM_VERSION as PROFILE_VERSION
from golf_pipeline.swing.profile import ProfileSwing, build_profile

FIRST_DAY = datetime(2026, 1, 1, 10, tzinfo=UTC)
BETWEEN_SWINGS = timedelta(days=2)
JSON = "application/json"


@dataclass(frozen=True)
class Golfer:
    user_id: str
    analysis_ids: tuple[str, ...]


def analysed_sample(folder: Path, pose_model: Path, on_progress: Callable[[str, int, int], None]) -> SwingAnalysis:
    """The analysis of a clip that the package carries."""
    from golf_pipeline.local.demo import SAMPLE
    from golf_pipeline.swing.analysis import analyze_swing

    return analyze_swing(SAMPLE, folder, pose_model=pose_model, on_progress=on_progress)


def store_golfers(
    catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis, *, golfers: int, swings_each: int
) -> tuple[Golfer, ...]:
    """Store so many golfers with so many finished swings and a profile each."""
    coaching = coach_swing(analysis)
    return tuple(_store_golfer(catalog, store, analysis, coaching, number, swings_each) for number in range(golfers))


def _store_golfer(
    catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis, coaching: AiAnalysis, number: int, swings_each: int
) -> Golfer:
    user_id = f"golfer-{number:03}"
    records = [
        _store_swing(catalog, store, analysis, coaching, user_id, f"{user_id}-swing-{swing}", day=swing)
        for swing in range(swings_each)
    ]
    swings = [_profile_swing(record, analysis, coaching) for record in records]
    key = profile_key(user_id, PROFILE_VERSION)
    store.put_bytes(key, build_profile(user_id, swings).model_dump_json().encode(), JSON)
    completed = max(record.completed_at or FIRST_DAY for record in records)
    record_profile(catalog.engine, user_id, PROFILE_VERSION, key, completed, golfer_revision=0)
    return Golfer(user_id, tuple(record.analysis_id for record in records))


def _store_swing(
    catalog: Catalog,
    store: ObjectStore,
    analysis: SwingAnalysis,
    coaching: AiAnalysis,
    user_id: str,
    analysis_id: str,
    *,
    day: int,
) -> AnalysisRecord:
    upload = Upload(user_id, analysis_id, "mp4", upload_key(user_id, analysis_id, "mp4"))
    record, _ = catalog.register_object(store.bucket, upload, "etag", 1, FIRST_DAY + day * BETWEEN_SWINGS)
    catalog.mark_dispatched([record.analysis_id])
    artifacts = {name: output_key(user_id, record.analysis_id, name, "1", name) for name in ARTIFACTS}
    store.put_bytes(artifacts["analysis"], analysis.model_dump_json().encode(), JSON)
    result = build_result(record, analysis, coaching, artifacts, analysis.algorithm_versions)
    key = output_key(user_id, record.analysis_id, RESULT_STAGE, RESULT_SCHEMA_VERSION, "result.json")
    store.put_bytes(key, result.model_dump_json().encode(), JSON)
    catalog.record_stage(
        StageOutput(analysis_id=record.analysis_id, stage=RESULT_STAGE, version=RESULT_SCHEMA_VERSION, key=key)
    )
    for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
        catalog.set_status(record.analysis_id, status, "Your swing analysis is ready.")
    return catalog.get(record.analysis_id) or record


def _profile_swing(record: AnalysisRecord, analysis: SwingAnalysis, coaching: AiAnalysis) -> ProfileSwing:
    if analysis.capture is None or analysis.findings is None:
        raise ValueError("the sample was refused: there is nothing to serve")
    return ProfileSwing(
        analysis_id=record.analysis_id,
        recorded_at=record.recorded_at,
        view=analysis.capture.view,
        handedness=analysis.capture.handedness,
        time_base=analysis.capture.time_base,
        metrics=analysis.metrics,
        metrics_version=analysis.algorithm_versions.get("metrics", ""),
        findings=analysis.findings,
        findings_version=analysis.algorithm_versions.get("findings", ""),
        coaching_response=coaching.coaching_response,
    )
