"""No swing stays in progress for ever: what becomes of the swings of a run that did not end them itself.

A run that fails in an orderly way has written every failure down. A run that died (killed, out of memory, its machine
gone) has not, and the catalog would say PROCESSING until somebody asks. Its swings are taken up again by a new attempt,
which goes on from the last stage that is stored: once, whoever notices (a conditional change of the attempt's number),
and at most `MOST_INTERRUPTIONS` times in a row, then they have FAILED, which a golfer or an operator may restart. A
swing that was interrupted runs alone from then on, so that a video that kills its process holds up no others.

Dagster's own retry of crashed runs is switched off for swings (`jobs.py`): it is granted per run and not per swing, so
a batch would die again of the same video.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from golf_pipeline.orchestration.dispatch import RANGE_END_TAG, RANGE_START_TAG
from golf_pipeline.orchestration.partitions import swings
from golf_pipeline.orchestration.workspace import run_folder
from golf_pipeline.settings import Settings
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.work_list import MOST_INTERRUPTIONS
from golf_pipeline.swing.errors import ErrorCode, SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog

PARTITION_TAG = "dagster/partition"

LEASE = timedelta(minutes=3)
"""For so long an analysis is left to its run without a sign of life, which comes every `lease.RENEWED_EVERY_S`."""

NOT_BEGUN = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
BEGUN = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
LIVE = (*NOT_BEGUN, *BEGUN)


@dataclass
class Recovered:
    """What became of swings that no run carries any more, by analysis id."""

    again: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"taken up again: {', '.join(self.again) or 'none'}; failed: {', '.join(self.failed) or 'none'}"

    def __bool__(self) -> bool:
        return bool(self.again or self.failed)


def swings_of_run(run: dg.DagsterRun, partitions: Sequence[str]) -> list[str]:
    """The partition keys that a run carries; `partitions` are all of them in the order of insertion."""
    if PARTITION_TAG in run.tags:
        return [run.tags[PARTITION_TAG]]
    start, end = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
    if start not in partitions or end not in partitions:
        return []
    return list(partitions[partitions.index(start) : partitions.index(end) + 1])


def recover_swings_of_dead_run(
    run: dg.DagsterRun,
    instance: dg.DagsterInstance,
    catalog: "Catalog",
    settings: Settings,
    reason: str,
    *,
    again: bool = True,
) -> Recovered:
    """Take up again, or fail, what a dead run left in progress, and remove its files.

    Args:
        again: False: whoever ended the run does not want its swings to go on, so they fail.
    """
    shutil.rmtree(run_folder(settings, run.run_id), ignore_errors=True)
    recovered = Recovered()
    dead = instance.get_run_record_by_id(run.run_id)
    if dead is None:
        return recovered
    carried = _carried(instance, LIVE)
    for key in swings_of_run(run, instance.get_dynamic_partitions(swings.name or "")):
        record = catalog.by_partition_key(key)
        if record is None or record.status.ended or key in carried:
            continue
        if _was_begun_in_time_of(dead, record):
            most = MOST_INTERRUPTIONS if again else 0
            _recover(record, catalog, reason, recovered, most, counted=dead.start_time is not None)
    return recovered


def _was_begun_in_time_of(run: dg.RunRecord, record: AnalysisRecord) -> bool:
    """Whether the record's present attempt may be the run's: one that was handed out after its end is not.

    By an operator's run it is handed out after the run was created: that one begins the attempt itself.
    """
    end = run.end_time or run.create_timestamp.timestamp()
    return record.dispatched_at is not None and record.dispatched_at.timestamp() <= end


def heal_stuck(instance: dg.DagsterInstance, catalog: "Catalog", now: datetime, lease: timedelta = LEASE) -> Recovered:
    """Take up again, or fail, analyses whose lease is over, unless a run that has not begun, or just has, carries them.

    This catches what no run event tells: a dispatched swing whose run was never created, a lost Dagster database, a run
    that is STARTED for Dagster and whose process is gone. Such a run is ended, as it would keep its place among the
    runs at once; one that gives a sign of life for another of its swings is not.
    """
    recovered = Recovered()
    stuck = catalog.in_progress_since(now - lease)
    if not stuck:
        return recovered
    waiting = _carried(instance, NOT_BEGUN)
    begun = _carried(instance, BEGUN)
    silent: dict[str, dg.DagsterRun] = {}
    for record in stuck:
        run = begun.get(record.partition_key)
        if record.partition_key in waiting or (run is not None and begun_since(run, now - lease)):
            continue
        _recover(record, catalog, "no run carries it any more", recovered, MOST_INTERRUPTIONS)
        if run is not None:
            silent[run.dagster_run.run_id] = run.dagster_run
    partitions = instance.get_dynamic_partitions(swings.name or "") if silent else ()
    for dead in silent.values():
        if not catalog.any_alive_since(swings_of_run(dead, partitions), now - lease):
            end_dead_run(instance, dead)
    return recovered


def begun_since(run: dg.RunRecord, moment: datetime) -> bool:
    """Whether a run began so lately that it need not have said yet that it lives, however long it had waited."""
    return (run.start_time or run.create_timestamp.timestamp()) > moment.timestamp()


def end_dead_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Let Dagster know that a run's process is gone, unless it has learnt that meanwhile."""
    now = instance.get_run_by_id(run.run_id)
    if now is not None and now.status in BEGUN:
        instance.report_run_failed(now, "Its process has given no sign of life.")


def _recover(
    record: AnalysisRecord,
    catalog: "Catalog",
    reason: str,
    recovered: Recovered,
    most_interruptions: int,
    *,
    counted: bool = True,
) -> None:
    if catalog.take_up_again(record, most_interruptions, counted=counted):
        recovered.again.append(record.analysis_id)
    elif catalog.fail(record.analysis_id, _crashed(reason), attempt=record.attempt):
        recovered.failed.append(record.analysis_id)


def _carried(instance: dg.DagsterInstance, statuses: Sequence[dg.DagsterRunStatus]) -> dict[str, dg.RunRecord]:
    """The runs of these statuses by the partition keys that they carry; of several the latest."""
    runs = instance.get_run_records(dg.RunsFilter(statuses=list(statuses)), ascending=True)
    partitions = instance.get_dynamic_partitions(swings.name or "")
    return {key: run for run in runs for key in swings_of_run(run.dagster_run, partitions)}


def _crashed(reason: str) -> SwingError:
    return SwingError(
        ErrorCode.INTERNAL,
        "The analysis was interrupted on our side. Your video is safe; please start it again.",
        detail=reason,
        retryable=True,
    )
