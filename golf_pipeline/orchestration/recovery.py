"""No swing stays in progress for ever: what becomes of the swings of a run that did not end them itself.

A run that fails in an orderly way has written every failure down. A run that crashed (killed, out of memory, its
machine gone) has not, and the catalog would say PROCESSING until somebody asks. Dagster starts a crashed run once more;
only when it will not, the swings are ended as FAILED, which a golfer or an operator may restart.
"""

import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from golf_pipeline.orchestration.dispatch import RANGE_END_TAG, RANGE_START_TAG
from golf_pipeline.orchestration.partitions import swings
from golf_pipeline.orchestration.workspace import run_folder
from golf_pipeline.settings import Settings
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.swing.errors import ErrorCode, SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog

PARTITION_TAG = "dagster/partition"
WILL_RETRY_TAG = "dagster/will_retry"

STUCK_AFTER = timedelta(minutes=10)
"""Without any change of its record, and without a run, an analysis counts as stuck."""

MOST_ATTEMPTS = 3
"""Attempts after which an analysis whose run never appears is given up."""

LIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def swings_of_run(run: dg.DagsterRun, partitions: Sequence[str]) -> list[str]:
    """The partition keys that a run carries; `partitions` are all of them in the order of insertion."""
    if PARTITION_TAG in run.tags:
        return [run.tags[PARTITION_TAG]]
    start, end = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
    if start not in partitions or end not in partitions:
        return []
    return list(partitions[partitions.index(start) : partitions.index(end) + 1])


def end_swings_of_dead_run(
    run: dg.DagsterRun, instance: dg.DagsterInstance, catalog: "Catalog", settings: Settings, reason: str
) -> list[str]:
    """Fail what a dead run left in progress, and remove its files. Returns the analysis ids that were ended."""
    shutil.rmtree(run_folder(settings, run.run_id), ignore_errors=True)
    if run.tags.get(WILL_RETRY_TAG) == "true":
        return []
    ended = []
    for key in swings_of_run(run, instance.get_dynamic_partitions(swings.name or "")):
        record = catalog.by_partition_key(key)
        if record is None or not _was_of(record, run, instance):
            continue
        if catalog.fail(record.analysis_id, _crashed(reason), attempt=record.attempt):
            ended.append(record.analysis_id)
    return ended


def _was_of(record: AnalysisRecord, run: dg.DagsterRun, instance: dg.DagsterInstance) -> bool:
    """Whether the record's present attempt is the one that this run carried: a newer one is another run's matter."""
    created = instance.get_run_record_by_id(run.run_id)
    if record.dispatched_at is None or created is None:
        return False
    return record.dispatched_at.timestamp() <= created.create_timestamp.timestamp()


def heal_stuck(instance: dg.DagsterInstance, catalog: "Catalog", now: datetime) -> dict[str, str]:
    """End or requeue analyses that no live run carries any more; returns what was done by analysis id.

    This catches what no run event tells: a dispatched swing whose run was never created, or a lost Dagster database.
    """
    stuck = catalog.in_progress_since(now - STUCK_AFTER)
    if not stuck:
        return {}
    carried = _carried(instance)
    done = {}
    for record in stuck:
        if record.partition_key in carried:
            continue
        if record.status == Status.STARTED and record.attempt < MOST_ATTEMPTS:
            catalog.request_analysis(record.analysis_id)
            done[record.analysis_id] = "queued again"
        elif catalog.fail(record.analysis_id, _crashed("no run carries it any more"), attempt=record.attempt):
            done[record.analysis_id] = "failed"
    return done


def _carried(instance: dg.DagsterInstance) -> set[str]:
    runs: Iterable[dg.DagsterRun] = instance.get_runs(dg.RunsFilter(statuses=LIVE))
    partitions = instance.get_dynamic_partitions(swings.name or "")
    return {key for run in runs for key in swings_of_run(run, partitions)}


def _crashed(reason: str) -> SwingError:
    return SwingError(
        ErrorCode.INTERNAL,
        "The analysis was interrupted on our side. Your video is safe; please start it again.",
        detail=reason,
        retryable=True,
    )
