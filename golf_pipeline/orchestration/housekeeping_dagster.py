"""Keeping Dagster's own storage small: partitions of swings long done, runs long over, files that runs left behind.

None of it is the truth about a swing, so all of it may go: results live in S3 and in the catalog. What runs and
partitions a swing had is history for operators. What a run under way needs is never touched.
"""

import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus
from sqlalchemy import select

from golf_pipeline.orchestration import recovery
from golf_pipeline.orchestration.partitions import golfers, swings
from golf_pipeline.orchestration.profile_runs import golfers_of_runs
from golf_pipeline.orchestration.workspace import run_folder
from golf_pipeline.settings import Settings
from golf_pipeline.storage import database
from golf_pipeline.storage.retention import ENDED
from golf_pipeline.storage.tables import analyses

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog

AT_ONCE = 500
"""Partitions judged in one query; runs read at once are fewer, as each brings its whole job."""

RUNS_AT_ONCE = 100
SETTLED_AFTER = timedelta(hours=1)
"""A swing that ended less than this ago keeps its partition, and a run its files: somebody is looking."""

UNKNOWN_AFTER = timedelta(days=2)
"""Files of a run that this Dagster does not know may be another's, which shares the folder: no run lasts that long."""

MOST_FOLDERS = 1000
OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
UNDER_WAY = (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)


@dataclass
class Retired:
    """Partitions of one set: how many there were, how many went, and why none did where that is so."""

    before: int
    retired: int = 0
    held_back: str = ""


@dataclass
class Freed:
    """Things removed and, where they are files, their bytes; `is_all`: nothing more was due."""

    removed: int = 0
    bytes: int = 0
    is_all: bool = False


# -- partitions --------------------------------------------------------------------------------------------------------


def retire_swings(instance: dg.DagsterInstance, catalog: "Catalog", most: int, at_once: int, now: datetime) -> Retired:
    """Remove the oldest partitions of ended swings until at most `most` are left; at most `at_once` in a call.

    Never one that a run has in its queue or in its hands, of a swing that is under way, or of one that ended lately;
    and none while Dagster works through a backfill of its own, whose partitions nobody else knows. A swing that is
    started again in the very moment gets its partition back.
    """
    keys = instance.get_dynamic_partitions(_name(swings))
    retired = Retired(len(keys))
    if len(keys) <= most:
        return retired
    if any(instance.get_backfills(status=status, limit=1) for status in UNDER_WAY):
        retired.held_back = "a backfill that was started in the UI is under way"
        return retired
    live = instance.get_runs(dg.RunsFilter(statuses=recovery.LIVE))
    carried = {key for run in live for key in recovery.swings_of_run(run, keys)}
    for some in _pages(keys, AT_ONCE):
        wanted = min(len(keys) - most, at_once) - retired.retired
        if wanted <= 0:
            break
        spared = carried | _not_at_rest(catalog, some, now - SETTLED_AFTER)
        going = [key for key in some if key not in spared][:wanted]
        for key in going:
            instance.delete_dynamic_partition(_name(swings), key)
        revived = _not_at_rest(catalog, going, now - SETTLED_AFTER)
        if revived:
            instance.add_dynamic_partitions(_name(swings), sorted(revived))
        retired.retired += len(going) - len(revived)
    return retired


def retire_golfers(instance: dg.DagsterInstance, most: int, at_once: int) -> Retired:
    """Remove the oldest partitions of golfers until at most `most` are left; at most `at_once` in a call.

    Never one of whom a run is under way. The sensor that has a profile made adds the partition again.
    """
    keys = instance.get_dynamic_partitions(_name(golfers))
    live = instance.get_runs(dg.RunsFilter(statuses=recovery.LIVE))
    busy = golfers_of_runs(live, instance)
    excess = max(0, len(keys) - most)
    going = list(islice((key for key in keys if key not in busy), min(excess, at_once)))
    for key in going:
        instance.delete_dynamic_partition(_name(golfers), key)
    return Retired(len(keys), len(going))


def _not_at_rest(catalog: "Catalog", keys: Collection[str], before: datetime) -> set[str]:
    """Which of these partitions are of swings that have not ended before a moment; unknown ones are of none."""
    moving = select(analyses.c.partition_key).where(
        analyses.c.partition_key.in_(keys), analyses.c.status.not_in(ENDED) | (analyses.c.updated_at >= before)
    )
    with database.for_reading(catalog.engine).connect() as connection:
        return set(connection.execute(moving).scalars())


def _name(partitions: dg.DynamicPartitionsDefinition) -> str:
    return partitions.name or ""


def _pages(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


# -- runs --------------------------------------------------------------------------------------------------------------


def delete_old_runs(
    instance: dg.DagsterInstance,
    before: datetime,
    *,
    most: int,
    deadline: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> Freed:
    """Delete runs that are over and last changed before a moment, with their events and logs, the oldest first.

    Asset pages forget what such a run has materialised. Backfills started in the UI stay: Dagster has no call for it.

    Args:
        most: runs at most.
        deadline: of `clock`; looked at between pages.
    """
    old, freed = dg.RunsFilter(statuses=OVER, updated_before=before), Freed()
    while freed.removed < most and clock() < deadline:
        records = instance.get_run_records(old, limit=min(RUNS_AT_ONCE, most - freed.removed), ascending=True)
        if not records:
            freed.is_all = True
            break
        for record in records:
            _delete_run(instance, record.dagster_run.run_id)
        freed.removed += len(records)
    return freed


def _delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage  # it imports Alembic

    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_run(run_id)
    events = instance.event_log_storage
    if isinstance(events, SqliteEventLogStorage):
        # Each run has a database file of its own there, which Dagster empties and keeps.
        for ending in ("", "-wal", "-shm"):
            Path(events.path_for_shard(run_id) + ending).unlink(missing_ok=True)


# -- files -------------------------------------------------------------------------------------------------------------


def remove_leftovers(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> Freed:
    """Remove what runs that are over have left in the work folder of this machine; at most a thousand folders."""
    pattern = run_folder(settings, "*")
    freed = Freed(is_all=True)
    for number, folder in enumerate(pattern.parent.glob(pattern.name)):
        if number == MOST_FOLDERS:
            freed.is_all = False
            break
        with suppress(FileNotFoundError):  # its run removes it at the same moment
            age = now.timestamp() - folder.stat().st_mtime
            run = instance.get_run_by_id(folder.name.removeprefix(pattern.name.removesuffix("*")))
            longest = UNKNOWN_AFTER if run is None else SETTLED_AFTER
            if (run is None or run.is_finished) and age > longest.total_seconds():
                freed.bytes += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                shutil.rmtree(folder, ignore_errors=True)
                freed.removed += 1
    return freed
