"""The golfer's profile: one asset per golfer, a pure function of all of their stored results."""

import dagster as dg

from golf_pipeline.orchestration.partitions import golfers, resolve_golfer
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.swing_assets import OWNERS, as_swing_error
from golf_pipeline.storage.keys import profile_key
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, ProfileSwing, build_profile


@dg.asset(
    deps=["analysis_result"],
    partitions_def=golfers,
    group_name="golfer",
    owners=OWNERS,
    kinds={"python", "json"},
    code_version=ALGORITHM_VERSION,
)
def swing_profile(context: dg.AssetExecutionContext, swing_store: SwingStore) -> dg.MaterializeResult[None]:
    """A golfer's focus areas, strengths, cautions and metric trends, from all of their finished swings."""
    try:
        return _make_profile(context, swing_store)
    except Exception as cause:
        error = as_swing_error(cause)
        if error.retryable:
            raise dg.RetryRequested(max_retries=3, seconds_to_wait=2.0) from cause
        raise dg.Failure(str(error), allow_retries=False) from cause


def _make_profile(context: dg.AssetExecutionContext, store: SwingStore) -> dg.MaterializeResult[None]:
    user_id = resolve_golfer(context.partition_key, dict(context.run.tags))
    records = store.catalog.completed_of_user(user_id)
    swings = [swing for record in records if (swing := _read(store, record)) is not None]
    profile = build_profile(user_id, swings)
    key = profile_key(user_id, ALGORITHM_VERSION)
    store.objects.put_bytes(key, profile.model_dump_json(indent=2).encode(), "application/json")
    if records:
        # What the profile knows ends with the records read above, not with "now": a swing that ended meanwhile is next.
        latest = max(record.completed_at for record in records if record.completed_at is not None)
        store.catalog.record_profile(user_id, ALGORITHM_VERSION, key, latest)
    return dg.MaterializeResult(
        metadata={
            "swings": profile.swing_count,
            "swings_unreadable": len(records) - len(swings),
            "focus_areas": ", ".join(area.fault_id for area in profile.focus_areas) or "none",
            "strengths": len(profile.strengths),
            "metrics": len(profile.metrics),
            "stored_at": f"s3://{store.objects.bucket}/{key}",
        }
    )


def _read(store: SwingStore, record: AnalysisRecord) -> ProfileSwing | None:
    """One finished swing; None where its result was deleted, as retention does."""
    output = store.catalog.stages(record.analysis_id).get(RESULT_STAGE)
    if output is None:
        return None
    try:
        result = ResultDocument.model_validate_json(store.objects.get_bytes(output.key))
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            return None
        raise
    return ProfileSwing(
        analysis_id=record.analysis_id,
        recorded_at=record.uploaded_at or record.created_at,
        view=result.analysis_results.capture.view,
        metrics=result.pose.metrics,
        findings=result.pose.findings,
        coaching_response=result.ai_analysis.coaching_response,
    )
