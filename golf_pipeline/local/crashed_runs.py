"""Picks up what the folder's last stack left half done, before the new one's daemon starts.

Runs: Dagster's default launcher cannot ask whether a run's process still lives, so its monitoring would wait for the
longest time that a run may take. A stack that starts knows better: it holds its folder's lock, and nothing of an
earlier stack outlives that lock. Failed here as "unexpected termination", a run is retried by Dagster's daemon as after
any crash.

Swings: one that was claimed for a run which was never created would wait for the reconcile sensor's ten minutes.

Run by the stack as `python -m golf_pipeline.local.crashed_runs`; needs DAGSTER_HOME and the GOLF_* variables.
"""

import sys
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.events import JobFailureData, RunFailureReason

from golf_pipeline.orchestration.partitions import swings
from golf_pipeline.orchestration.recovery import LIVE, swings_of_run
from golf_pipeline.settings import get_settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import Status

BEGUN = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


def requeue_lost_swings(instance: DagsterInstance, catalog: Catalog) -> list[str]:
    """Queue swings again that are claimed but in no run; return their analysis ids. Before `end_crashed_runs`."""
    partitions = instance.get_dynamic_partitions(swings.name or "")
    carried = {key for run in instance.get_runs(RunsFilter(statuses=LIVE)) for key in swings_of_run(run, partitions)}
    lost = [
        record.analysis_id
        for record in catalog.in_progress_since(datetime.now(UTC))
        if record.status == Status.STARTED and record.partition_key not in carried
    ]
    for analysis_id in lost:
        catalog.request_analysis(analysis_id)
    return lost


def end_crashed_runs(instance: DagsterInstance) -> list[str]:
    """Mark every begun run as failed, one whose cancellation was under way as canceled; return their ids."""
    crashed = instance.get_runs(RunsFilter(statuses=BEGUN))
    for run in crashed:
        message = "The stack ended while this run was under way."
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message)
        else:
            why = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
            instance.report_run_failed(run, message, why)
    return [run.run_id for run in crashed]


def main() -> None:
    catalog = Catalog(get_settings().catalog_url)
    catalog.migrate()
    with DagsterInstance.get() as instance:
        for analysis_id in requeue_lost_swings(instance, catalog):
            sys.stdout.write(f"swing {analysis_id} was claimed by no run and is queued again\n")
        for run_id in end_crashed_runs(instance):
            sys.stdout.write(f"run {run_id} was under way when the last stack ended\n")


if __name__ == "__main__":
    main()
