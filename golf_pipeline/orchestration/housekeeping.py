"""Housekeeping: when what is kept for a time goes, and when it is counted. Each matter is an op of its own.

An op calls one function of `storage/` (or of `housekeeping_dagster`), does a bounded part of what there is to do, and
says in its metadata what it removed. The ops of a job do not depend on each other: one that fails does not stop the
others, and what it has not done is done the next time. Nothing that a golfer sees depends on any of it.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import dagster as dg

from golf_pipeline.orchestration import housekeeping_dagster as dagster_storage
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.storage import orphans, pruning, retention, statistics
from golf_pipeline.storage.announced import end_announced
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.orphans import Sweep
from golf_pipeline.storage.pruning import MOST_ROWS, prune

DAILY = "17 3 * * *"
"""UTC; not on the hour, when everything else of an installation starts."""

HOURLY = "37 * * * *"
STATISTICS_HOURLY = "7 * * * *"

OP_S = 180.0
"""Seconds after which an op leaves the rest to the next run: a job of eight must end before Dagster gives a run
up (`max_runtime_seconds`)."""

MOST_VIDEOS = 20_000
MOST_OUTPUTS = 50_000
MOST_ANNOUNCED = 10_000
MOST_RETIRED = 10_000
MOST_RUNS = 5_000
MOST_GOLFERS = 5_000
MOST_PRUNED = 500_000
PAGES_PER_RUN = 200
"""Of a thousand listed objects: a bucket of a million swings is gone through in four months."""

GOLFERS_AT_ONCE = 1000
STATISTICS_CURSOR = "golf/statistics/golfers"


# -- every day: the catalog --------------------------------------------------------------------------------------------


@dg.op(description="Removes what decides nothing any more and archives conversations in which nothing was said lately.")
def tidy_catalog(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    engine, settings, now = swing_store.catalog.engine, swing_store.settings, datetime.now(UTC)
    rate_limits = idempotency_keys = 0
    while True:  # a bounded number of rows in each transaction, as the API writes to the same tables meanwhile
        removed = prune(engine, settings.idempotency_hours, most_rows=MOST_ROWS, now=now)
        rate_limits += removed.rate_limits
        idempotency_keys += removed.idempotency_keys
        if max(removed.rate_limits, removed.idempotency_keys) < MOST_ROWS:
            break
    archived = Conversations(engine).archive_idle(now - timedelta(days=settings.chat_archive_days))
    context.add_output_metadata(
        {"rate_limits": rate_limits, "idempotency_keys": idempotency_keys, "archived_conversations": archived}
    )


@dg.op(description="Removes old usage of golfers, backfills long over, and failures of golfers who are gone.")
def prune_catalog(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    engine, now = swing_store.catalog.engine, datetime.now(UTC)
    context.add_output_metadata(
        {
            "user_usage": _repeat(lambda: pruning.prune_usage(engine, now)),
            "backfills_and_their_swings": _repeat(lambda: pruning.prune_backfills(engine, now)),
            "profile_failures": _repeat(lambda: pruning.prune_profile_failures(engine)),
        }
    )


def _repeat(remove: Callable[[], int]) -> int:
    """Remove in transactions of a bounded size until nothing is left, or until it is enough for this time."""
    deadline, total = time.monotonic() + OP_S / 4, 0
    while total < MOST_PRUNED and time.monotonic() < deadline:
        removed = remove()
        total += removed
        if removed < MOST_ROWS:
            break
    return total


# -- every day: the bucket ---------------------------------------------------------------------------------------------


@dg.op(description="Deletes uploads older than GOLF_VIDEO_RETENTION_DAYS; what was made of them stays.")
def remove_old_videos(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    days = swing_store.settings.video_retention_days
    if days is None:
        context.add_output_metadata({"videos": 0, "kept": "GOLF_VIDEO_RETENTION_DAYS is not set"})
        return
    before, deadline = datetime.now(UTC) - timedelta(days=days), time.monotonic() + OP_S
    removed = retention.remove_old_videos(
        swing_store.catalog, swing_store.objects, before, most=MOST_VIDEOS, deadline=deadline
    )
    context.add_output_metadata(asdict(removed))


@dg.op(description="Deletes outputs that were replaced more than GOLF_OLD_OUTPUTS_DAYS ago and that nothing needs.")
def remove_superseded_outputs(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    before = datetime.now(UTC) - timedelta(days=swing_store.settings.old_outputs_days)
    removed = retention.remove_superseded(
        swing_store.catalog, swing_store.objects, before, most=MOST_OUTPUTS, deadline=time.monotonic() + OP_S
    )
    context.add_output_metadata(asdict(removed))


@dg.op(
    description="Lists a part of what was made of swings for objects that no row names. GOLF_DELETE_ORPHANS deletes."
)
def find_orphaned_outputs(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    catalog, objects, share = swing_store.catalog, swing_store.objects, _share(swing_store)

    def sweep(after: str | None) -> Sweep:
        return orphans.sweep_swings(catalog, objects, datetime.now(UTC), after, PAGES_PER_RUN, delete_share=share)

    _go_on(context, "golf/orphans/swings", sweep)


@dg.op(description="Lists a part of the profiles for those of unknown golfers. GOLF_DELETE_ORPHANS deletes them.")
def find_orphaned_profiles(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    catalog, objects, share = swing_store.catalog, swing_store.objects, _share(swing_store)

    def sweep(after: str | None) -> Sweep:
        return orphans.sweep_profiles(catalog, objects, datetime.now(UTC), after, PAGES_PER_RUN, delete_share=share)

    _go_on(context, "golf/orphans/profiles", sweep)


@dg.op(description="Lists model answers older than GOLF_COACHING_ANSWERS_DAYS. GOLF_DELETE_ORPHANS deletes them.")
def find_old_answers(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    settings, objects = swing_store.settings, swing_store.objects
    before = datetime.now(UTC) - timedelta(days=settings.coaching_answers_days)

    def sweep(after: str | None) -> Sweep:
        return orphans.sweep_answers(objects, before, after, PAGES_PER_RUN, delete=settings.delete_orphans)

    _go_on(context, "golf/orphans/answers", sweep)


@dg.op(description="Lists uploads in parts that never ended. GOLF_DELETE_ORPHANS removes their parts.")
def find_incomplete_uploads(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    before, delete = datetime.now(UTC) - orphans.UPLOADS_LAST, swing_store.settings.delete_orphans
    _tell(context, orphans.sweep_incomplete_uploads(swing_store.objects, before, delete=delete))


def _share(store: SwingStore) -> float:
    return store.settings.most_orphan_share if store.settings.delete_orphans else 0.0


def _go_on(context: dg.OpExecutionContext, name: str, sweep: Callable[[str | None], Sweep]) -> None:
    """Go on where the last run ended. Where that is forgotten, it begins again: nothing is lost but time."""
    cursors = context.instance.daemon_cursor_storage
    found = sweep(cursors.get_cursor_values({name}).get(name) or None)
    cursors.set_cursor_values({name: found.after or ""})
    _tell(context, found)


def _tell(context: dg.OpExecutionContext, found: Sweep) -> None:
    if found.orphans > found.deleted:
        context.log.warning(f"{found.orphans} objects are nobody's, {found.deleted} of them were deleted")
    context.add_output_metadata({**asdict(found), "after": found.after or "begins again"})


# -- every hour: what runs left ----------------------------------------------------------------------------------------


@dg.op(description="Ends announced uploads that did not come within GOLF_ANNOUNCED_HOURS; the client may try again.")
def end_announced_uploads(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    before = datetime.now(UTC) - timedelta(hours=swing_store.settings.announced_hours)
    engine = swing_store.catalog.engine
    ended = 0
    while ended < MOST_ANNOUNCED and (some := end_announced(engine, before, MOST_ROWS)):
        ended += some
    context.add_output_metadata({"ended": ended})


@dg.op(
    description="Retires the oldest partitions of swings that have ended, and of golfers, over GOLF_MOST_PARTITIONS."
)
def retire_partitions(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    most, instance = swing_store.settings.most_partitions, context.instance
    of_swings = dagster_storage.retire_swings(instance, swing_store.catalog, most, MOST_RETIRED, datetime.now(UTC))
    of_golfers = dagster_storage.retire_golfers(instance, most, MOST_RETIRED)
    if of_swings.held_back:
        context.log.warning(f"no partition was retired: {of_swings.held_back}")
    context.add_output_metadata({"swings": asdict(of_swings), "golfers": asdict(of_golfers)})


@dg.op(description="Deletes Dagster's runs that ended more than GOLF_RUN_RETENTION_DAYS ago, with events and logs.")
def delete_old_runs(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    before = datetime.now(UTC) - timedelta(days=swing_store.settings.run_retention_days)
    freed = dagster_storage.delete_old_runs(context.instance, before, most=MOST_RUNS, deadline=time.monotonic() + OP_S)
    context.add_output_metadata({"runs": freed.removed, "is_all": freed.is_all})


@dg.op(description="Removes files in this machine's work folder that runs have left which are over.")
def remove_run_leftovers(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    freed = dagster_storage.remove_leftovers(context.instance, swing_store.settings, datetime.now(UTC))
    context.add_output_metadata({"folders": freed.removed, "bytes": freed.bytes})


# -- every hour: statistics --------------------------------------------------------------------------------------------


@dg.op(
    description="Counts yesterday, today (UTC) and missed days: uploads, ends, waiting, work by stage, money, messages."
)
def count_days(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    engine = swing_store.catalog.engine
    days = statistics.days_to_count(engine, datetime.now(UTC).date())
    counted = [statistics.store_day(engine, day) for day in days]
    context.add_output_metadata({str(one.day): one.model_dump(mode="json") for one in counted})


@dg.op(description="Counts the swings of golfers of whom something has changed since the last time.")
def count_golfers(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    engine, cursors = swing_store.catalog.engine, context.instance.daemon_cursor_storage
    stored = cursors.get_cursor_values({STATISTICS_CURSOR}).get(STATISTICS_CURSOR)
    since = datetime.fromisoformat(stored) if stored else statistics.BEGINNING + statistics.LATE
    now, deadline, counted, after = datetime.now(UTC), time.monotonic() + OP_S, 0, None
    while counted < MOST_GOLFERS and time.monotonic() < deadline:
        page = statistics.changed_golfers(engine, since, now, GOLFERS_AT_ONCE, after)
        if not page:
            break
        for golfer in page:
            statistics.store_golfer(engine, golfer.user_id, datetime.now(UTC))
        counted, after = counted + len(page), page[-1]
        cursors.set_cursor_values({STATISTICS_CURSOR: after.changed_at.isoformat()})
    context.add_output_metadata({"golfers": counted, "up_to": after.changed_at.isoformat() if after else "no change"})


# -- jobs and schedules ------------------------------------------------------------------------------------------------

TAGS = {"dagster/priority": "-2"}
"""A golfer waits for everything else."""


@dg.job(
    description="Every day: what the catalog's tables and the bucket have kept long enough goes.",
    executor_def=dg.in_process_executor,
    tags=TAGS,
)
def housekeeping_job() -> None:
    tidy_catalog()
    prune_catalog()
    remove_old_videos()
    remove_superseded_outputs()
    find_orphaned_outputs()
    find_orphaned_profiles()
    find_old_answers()
    find_incomplete_uploads()


@dg.job(
    description="Every hour: uploads that never came end, and Dagster's partitions, runs and files are kept few.",
    executor_def=dg.in_process_executor,
    tags=TAGS,
)
def hourly_housekeeping_job() -> None:
    end_announced_uploads()
    retire_partitions()
    delete_old_runs()
    remove_run_leftovers()


@dg.job(
    description="Every hour: days and golfers in numbers.",
    executor_def=dg.in_process_executor,
    tags=TAGS,
)
def statistics_job() -> None:
    count_days()
    count_golfers()


housekeeping_jobs = (housekeeping_job, hourly_housekeeping_job, statistics_job)
housekeeping_schedules = tuple(
    dg.ScheduleDefinition(name=name, job=job, cron_schedule=cron, default_status=dg.DefaultScheduleStatus.RUNNING)
    for name, job, cron in (
        ("housekeeping_daily", housekeeping_job, DAILY),
        ("housekeeping_hourly", hourly_housekeeping_job, HOURLY),
        ("statistics_hourly", statistics_job, STATISTICS_HOURLY),
    )
)
