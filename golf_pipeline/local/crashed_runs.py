"""Picks up what the folder's last stack left half done, before the new one's daemon starts.

Dagster's default launcher cannot ask whether a run's process still lives, so its monitoring would wait for the longest
time that a run may take. A stack that starts knows better: it holds its folder's lock, and nothing of an earlier stack
outlives that lock. So every run that had begun is over, and every swing that no waiting run carries is queued again.

A swing gets a new attempt and not Dagster's retry of the run: that one is there for swings that crash their own run,
and is granted once. Relying on it, a swing whose stack was killed twice ended as FAILED, which was not its fault.

Run by the stack as `python -m golf_pipeline.local.crashed_runs`; needs DAGSTER_HOME and the GOLF_* variables.
"""

import sys
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.launcher import DefaultRunLauncher

from golf_pipeline.orchestration.jobs import swing_job
from golf_pipeline.orchestration.partitions import swings
from golf_pipeline.orchestration.reanalysis import items_of_run, reanalysis_job
from golf_pipeline.orchestration.recovery import LIVE, swings_of_run
from golf_pipeline.settings import get_settings
from golf_pipeline.storage.backfills import Backfills
from golf_pipeline.storage.catalog import Catalog

BEGUN = {DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING}
OURS = {swing_job.name, reanalysis_job.name}
WHY = "The stack ended while this run was under way."

MOST_INTERRUPTIONS = 10
"""After these a swing is left to the reconcile sensor, which fails it: it may be what ends the stack."""


def end_crashed_runs(instance: DagsterInstance, backfills: Backfills) -> list[str]:
    """End every begun run and return the ids: those of swings as canceled, others as failed, as Dagster may retry."""
    begun = instance.get_runs(RunsFilter(statuses=list(BEGUN)))
    for run in begun:
        backfills.give_back(items_of_run(run), counted=False)
        if run.job_name in OURS or run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, WHY)
        else:
            why = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
            instance.report_run_failed(run, WHY, why)
    return [run.run_id for run in begun]


def requeue_lost_swings(instance: DagsterInstance, catalog: Catalog) -> list[str]:
    """Begin a new attempt for each swing in progress that no waiting run carries; return their analysis ids."""
    partitions = instance.get_dynamic_partitions(swings.name or "")
    waiting = instance.get_runs(RunsFilter(statuses=[status for status in LIVE if status not in BEGUN]))
    carried = {key for run in waiting for key in swings_of_run(run, partitions)}
    lost = [one for one in catalog.in_progress_since(datetime.now(UTC)) if one.partition_key not in carried]
    return [record.analysis_id for record in lost if catalog.take_up_again(record, MOST_INTERRUPTIONS)]


def main() -> None:
    catalog = Catalog(get_settings().catalog_url)
    catalog.migrate()
    with DagsterInstance.get() as instance:
        if not isinstance(instance.run_launcher, DefaultRunLauncher):
            return  # runs outlive the code server: their launcher ends those whose worker is gone
        for run_id in end_crashed_runs(instance, Backfills(catalog.engine)):
            sys.stdout.write(f"run {run_id} was under way when the last stack ended\n")
        for analysis_id in requeue_lost_swings(instance, catalog):
            sys.stdout.write(f"swing {analysis_id} is queued again\n")


if __name__ == "__main__":
    main()
