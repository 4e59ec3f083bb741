"""The golfer's profile and the tables of their history: one asset per golfer, made of all of their stored results."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
from pydantic import ValidationError

from golf_pipeline.orchestration.partitions import golfers, resolve_golfer
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.swing_assets import OWNERS, as_swing_error
from golf_pipeline.orchestration.workspace import CONTENT_TYPES, JSON_TYPE
from golf_pipeline.storage.history_tables import metric_table, swing_table
from golf_pipeline.storage.keys import metric_history_key, profile_key, swing_history_key, user_context_key
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, ProfileSwing, UserContext, build_profile

_READERS = 10
"""Results read at once: the connections that botocore keeps open by default."""


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
    with ThreadPoolExecutor(_READERS) as pool:
        swings = [swing for swing in pool.map(lambda record: _read(store, record), records) if swing is not None]
    profile = build_profile(user_id, swings, _user_context(context, store, user_id))
    key = profile_key(user_id, ALGORITHM_VERSION)
    for table_key, table in (
        (metric_history_key(user_id, ALGORITHM_VERSION), metric_table(user_id, swings)),
        (swing_history_key(user_id, ALGORITHM_VERSION), swing_table(user_id, swings)),
    ):
        store.objects.put_bytes(table_key, table, CONTENT_TYPES[".parquet"])
    store.objects.put_bytes(key, profile.model_dump_json(indent=2).encode(), JSON_TYPE)
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
            "trends": sum(metric.direction in {"better", "worse", "changed"} for metric in profile.metrics),
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
    capture = result.analysis_results.capture
    return ProfileSwing(
        analysis_id=record.analysis_id,
        recorded_at=record.recorded_at,
        view=capture.view,
        handedness=capture.handedness,
        time_base=capture.time_base,
        metrics=result.pose.metrics,
        metrics_version=result.algorithm_versions.get("metrics", ""),
        findings=result.pose.findings,
        findings_version=result.algorithm_versions.get("findings", ""),
        coaching_response=result.ai_analysis.coaching_response,
    )


def _user_context(context: dg.AssetExecutionContext, store: SwingStore, user_id: str) -> UserContext | None:
    """What the golfer says of themselves, where it is stored; what cannot be read must not cost them their profile."""
    key = user_context_key(user_id)
    try:
        return UserContext.model_validate_json(store.objects.get_bytes(key))
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "document" for one in error.errors())
        context.log.warning(f"{key} is left out, it does not follow UserContext: {fields}")
    except SwingError as error:
        if error.code != ErrorCode.UPLOAD_DELETED:
            raise
    return None
