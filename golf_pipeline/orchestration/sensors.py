"""The sensors: ingest, reconcile, dispatch, re-analysis, and two that clean up after runs that died.

What they do is in `ingest`, `dispatch`, `reanalysis` and `recovery`; here is when, and for how long. The one for
profiles is in `profile_runs`.

Dagster's daemon looks at sensors every 5 s (`_daemon/sensor.py`, MIN_INTERVAL_LOOP_TIME) and cannot be told otherwise.
A golfer's upload passes two of them, so waiting between ticks would cost up to 10 s. They wait inside their tick
instead: ingest with SQS long polling until just before one of the daemon's looks, dispatch by asking the catalog a few
times a second and returning as soon as there is something. The daemon must run sensors in threads (`dagster.yaml`).
"""

import time
from datetime import UTC, datetime

import dagster as dg

from golf_pipeline.orchestration import recovery
from golf_pipeline.orchestration.dispatch import Load, dispatch
from golf_pipeline.orchestration.ingest import ReconcileCursor, drain_queue, reconcile
from golf_pipeline.orchestration.jobs import profile_job, swing_job
from golf_pipeline.orchestration.profile_runs import refresh_profiles
from golf_pipeline.orchestration.reanalysis import (
    ReanalysisLoad,
    give_back_lost,
    hand_out,
    items_of_run,
    reanalysis_job,
    runs_under_way,
)
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.versions import PIPELINE_VERSION
from golf_pipeline.storage.backfills import Backfills
from golf_pipeline.storage.deletion import finish_deletions
from golf_pipeline.swing.errors import SwingError

INGEST_TICK_S = 19.5
"""Just under four of the daemon's looks: one gap of half a second in twenty."""

DISPATCH_TICK_S = 14.5
DISPATCH_POLL_S = 0.2
TOP_UP_TICK_S = 4.5
"""Just under one of the daemon's looks."""

TOP_UP_POLL_S = 0.5
RECONCILE_TICK_S = 40.0
"""Under the 60 s that a tick may take."""

RECONCILE_EVERY_S = 60
LOOKS_BESIDE_A_QUEUE = 200
"""In a tick, where events bring nearly all uploads: a hundred golfers a minute, 22 USD a month for requests to S3. All
golfers each minute would be 7 USD a day for each thousand of them."""


@dg.sensor(
    name="ingest_uploads",
    description="Takes upload events from the SQS queue into the catalog.",
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def ingest_uploads(context: dg.SensorEvaluationContext, swing_store: SwingStore) -> dg.SkipReason:
    deadline = time.monotonic() + INGEST_TICK_S
    settings = swing_store.settings
    if settings.queue_url is None:
        return dg.SkipReason("GOLF_QUEUE_URL is not set: uploads are found by listing, more slowly")
    counts = drain_queue(
        swing_store.queue, settings.queue_url, swing_store.catalog, settings.bucket, deadline, context.log
    )
    return dg.SkipReason(f"uploads from the queue: {counts}")


@dg.sensor(
    name="reconcile_uploads",
    description="Lists the bucket for uploads whose event was lost, takes up again swings that no run carries, and "
    "finishes deletions that broke off.",
    minimum_interval_seconds=RECONCILE_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def reconcile_uploads(context: dg.SensorEvaluationContext, swing_store: SwingStore) -> dg.SensorResult:
    deadline = time.monotonic() + RECONCILE_TICK_S
    now = datetime.now(UTC)
    healed = recovery.heal_stuck(context.instance, swing_store.catalog, now)
    if healed:
        context.log.warning(f"stuck swings, {healed}")
    backfills = Backfills(swing_store.catalog.engine)
    given_back = give_back_lost(context.instance, backfills, now)
    removed = _finish_deletions(context, swing_store)
    cursor = ReconcileCursor.parse(context.cursor)
    most = None if swing_store.settings.queue_url is None else LOOKS_BESIDE_A_QUEUE
    counts, cursor = reconcile(swing_store.objects, swing_store.catalog, cursor, deadline, most)
    return dg.SensorResult(
        skip_reason=f"uploads by listing: {counts}; stuck swings, {healed}; {given_back} lost of backfills; "
        f"{removed} objects of deleted swings removed",
        cursor=str(cursor),
    )


def _finish_deletions(context: dg.SensorEvaluationContext, store: SwingStore) -> int:
    """Objects removed. One that S3 will not let go of fails for good: uploads are to be found all the same."""
    try:
        return finish_deletions(store.catalog, store.objects)
    except SwingError as error:
        context.log.error(f"no deletion could be finished: {error.detail}")
        return 0


@dg.sensor(
    name="dispatch_swings",
    description="Hands pending swings to runs: one run a swing, or ranges of swings when many wait.",
    job=swing_job,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def dispatch_swings(context: dg.SensorEvaluationContext, swing_store: SwingStore) -> dg.SensorResult:
    deadline = time.monotonic() + DISPATCH_TICK_S
    load = Load.of(swing_store.settings)
    while True:
        requests = dispatch(swing_store.catalog, context.instance, PIPELINE_VERSION, load)
        if requests:
            return dg.SensorResult(run_requests=requests)
        if time.monotonic() + DISPATCH_POLL_S >= deadline:
            return dg.SensorResult(skip_reason="no swing is waiting")
        time.sleep(DISPATCH_POLL_S)


@dg.sensor(
    name="top_up_reanalysis",
    description="Hands out the next swings of running backfills, only so many at once, and none while an upload waits.",
    job_name=reanalysis_job.name,  # by its name: Dagster 1.13 warns of itself where it has to bind a job to a sensor
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def top_up_reanalysis(context: dg.SensorEvaluationContext, swing_store: SwingStore) -> dg.SensorResult:
    deadline = time.monotonic() + TOP_UP_TICK_S
    settings, catalog = swing_store.settings, swing_store.catalog
    backfills = Backfills(catalog.engine)
    load = ReanalysisLoad(settings.reanalysis_runs, settings.reanalysis_batch, settings.remeasure_batch)
    while True:
        if backfills.any_running():
            requests = hand_out(catalog, backfills, load, runs_under_way(context.instance))
            if requests:
                return dg.SensorResult(run_requests=requests)
        if time.monotonic() + TOP_UP_POLL_S >= deadline:
            return dg.SensorResult(skip_reason="no backfill has more to hand out, or uploads wait")
        time.sleep(TOP_UP_POLL_S)


@dg.run_failure_sensor(
    name="end_swings_of_failed_runs",
    description="Takes up again swings that a run left in progress when it died.",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def end_swings_of_failed_runs(context: dg.RunFailureSensorContext, swing_store: SwingStore) -> None:
    reason = f"run {context.dagster_run.run_id} failed: {context.failure_event.message}"
    _after_a_dead_run(context, swing_store, reason, again=True)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.CANCELED,
    name="end_swings_of_canceled_runs",
    description="Ends swings that a canceled run left in progress.",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def end_swings_of_canceled_runs(context: dg.RunStatusSensorContext, swing_store: SwingStore) -> None:
    _after_a_dead_run(context, swing_store, f"run {context.dagster_run.run_id} was canceled", again=False)


def _after_a_dead_run(context: dg.RunStatusSensorContext, store: SwingStore, reason: str, *, again: bool) -> None:
    run = context.dagster_run
    if run.job_name == reanalysis_job.name:
        ended = context.instance.get_run_record_by_id(run.run_id)
        until = datetime.fromtimestamp(ended.end_time, UTC) if ended is not None and ended.end_time else None
        Backfills(store.catalog.engine).give_back(items_of_run(run), counted=True, until=until)
    elif run.job_name != profile_job.name:
        recovered = recovery.recover_swings_of_dead_run(
            run, context.instance, store.catalog, store.settings, reason, again=again
        )
        if recovered:
            context.log.warning(f"{reason}; {recovered}")


all_sensors = (
    ingest_uploads,
    reconcile_uploads,
    dispatch_swings,
    top_up_reanalysis,
    refresh_profiles,
    end_swings_of_failed_runs,
    end_swings_of_canceled_runs,
)
