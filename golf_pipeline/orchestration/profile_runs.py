"""Which golfers' profiles are made when: the sensor that starts their runs."""

import dagster as dg

from golf_pipeline.orchestration import recovery
from golf_pipeline.orchestration.jobs import profile_job
from golf_pipeline.orchestration.partitions import USER_ID_TAG, golfers
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.storage.keys import partition_key
from golf_pipeline.storage.profiles import golfers_with_stale_profile
from golf_pipeline.swing.profile import ALGORITHM_VERSION as PROFILE_VERSION

PROFILES_EVERY_S = 15
PROFILES_PER_TICK = 20


@dg.sensor(
    name="refresh_profiles",
    description="Starts a run for each golfer whose profile does not know their latest swing or change.",
    job=profile_job,
    minimum_interval_seconds=PROFILES_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def refresh_profiles(context: dg.SensorEvaluationContext, swing_store: SwingStore) -> dg.SensorResult:
    stale = golfers_with_stale_profile(swing_store.catalog.engine, PROFILES_PER_TICK, PROFILE_VERSION)
    busy = _golfers_with_a_run(context.instance)
    requests = []
    for golfer in stale:
        key = partition_key(golfer.user_id)
        if key not in busy:
            requests.append(
                dg.RunRequest(
                    # Dagster starts no second run of a key: whatever makes a profile stale must be part of it.
                    run_key=f"{key}:{golfer.latest_completed_at.isoformat()}:{PROFILE_VERSION}:{golfer.golfer_revision}",
                    partition_key=key,
                    # Nobody waits for a profile as they wait for a swing.
                    tags={USER_ID_TAG: golfer.user_id, "dagster/priority": "-1"},
                )
            )
    if not requests:
        return dg.SensorResult(skip_reason="every profile is up to date")
    keys = [request.partition_key for request in requests if request.partition_key]
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=[golfers.build_add_request(keys)])


def _golfers_with_a_run(instance: dg.DagsterInstance) -> set[str]:
    """Golfers whose profile is being made: a second run at once could overwrite the newer one with the older."""
    runs = instance.get_runs(dg.RunsFilter(job_name=profile_job.name, statuses=recovery.LIVE))
    return {run.tags[recovery.PARTITION_TAG] for run in runs if recovery.PARTITION_TAG in run.tags}
