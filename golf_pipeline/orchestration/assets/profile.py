"""The golfer's profile and the tables of their history: one asset per golfer, made of all of their stored results."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from golf_pipeline.orchestration.partitions import golfers, resolve_golfer
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.swing_assets import OWNERS, as_swing_error
from golf_pipeline.orchestration.told import tell_what_is_missing
from golf_pipeline.orchestration.workspace import CONTENT_TYPES, JSON_TYPE
from golf_pipeline.storage import profiles
from golf_pipeline.storage.history_tables import metric_table, swing_table
from golf_pipeline.storage.keys import metric_history_key, profile_key, swing_history_key
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, ProfileSwing, build_profile

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
    # Read before all else: a change that comes later has another revision, and the profile is made again.
    with store.catalog.engine.connect() as connection:
        known = profiles.golfer(connection, user_id)
    user_context = known.context or profiles.read_context_file(store.objects, user_id, context.log.warning)
    records = store.catalog.completed_of_user(user_id)
    with ThreadPoolExecutor(_READERS) as pool:
        swings = [swing for swing in pool.map(lambda record: _read(store, record), records) if swing is not None]
    profile = build_profile(user_id, swings, user_context)
    key = profile_key(user_id, ALGORITHM_VERSION)
    for table_key, table in (
        (metric_history_key(user_id, ALGORITHM_VERSION), metric_table(user_id, swings)),
        (swing_history_key(user_id, ALGORITHM_VERSION), swing_table(user_id, swings)),
    ):
        store.objects.put_bytes(table_key, table, CONTENT_TYPES[".parquet"])
    store.objects.put_bytes(key, profile.model_dump_json(indent=2).encode(), JSON_TYPE)
    # What the profile knows ends with the records read above, not with "now": a swing that ended meanwhile is next.
    latest = max((record.completed_at for record in records if record.completed_at is not None), default=None)
    profiles.record_profile(store.catalog.engine, user_id, ALGORITHM_VERSION, key, latest, known.revision)
    told = tell_what_is_missing(store.catalog, store.objects, user_id, records)
    return dg.MaterializeResult(
        metadata={
            "swings": profile.swing_count,
            "swings_unreadable": len(records) - len(swings),
            "swings_told": told,
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
