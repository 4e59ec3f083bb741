"""What a new stack makes of the runs and swings that the last one left half done."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from golf_pipeline.local.crashed_runs import MOST_INTERRUPTIONS, end_crashed_runs, requeue_lost_swings
from golf_pipeline.orchestration.recovery import PARTITION_TAG
from golf_pipeline.storage.backfills import Backfills
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.records import Status

BUCKET = "b"
Run = dg.DagsterRunStatus


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    catalog.migrate()
    return catalog


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def swing(catalog: Catalog, name: str, *, dispatched: bool = True) -> None:
    upload = parse_upload_key(f"golf-swings/guest/{name}.mp4")
    catalog.register_object(BUCKET, upload, "etag", 1, datetime.now(UTC))
    if dispatched:
        catalog.mark_dispatched([name])


def start_run(instance: dg.DagsterInstance, status: Run, name: str, job: str = "swing_job") -> str:
    return create_run_for_test(instance, job_name=job, status=status, tags={PARTITION_TAG: name}).run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> Run:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def recover(instance: dg.DagsterInstance, catalog: Catalog) -> tuple[list[str], list[str]]:
    return end_crashed_runs(instance, Backfills(catalog.engine)), requeue_lost_swings(instance, catalog)


@pytest.mark.parametrize("begun", [Run.STARTING, Run.STARTED, Run.CANCELING])
def test_a_swing_whose_run_had_begun_is_queued_again(
    instance: dg.DagsterInstance, catalog: Catalog, begun: dg.DagsterRunStatus
) -> None:
    swing(catalog, "a")
    catalog.set_status("a", Status.PROCESSING, "at work")
    run_id = start_run(instance, begun, "a")
    assert recover(instance, catalog) == ([run_id], ["a"])
    assert status_of(instance, run_id) == Run.CANCELED
    [waiting] = catalog.pending(10)
    assert (waiting.analysis_id, waiting.attempt) == ("a", 2)


def test_a_swing_whose_run_still_waits_is_left_to_that_run(instance: dg.DagsterInstance, catalog: Catalog) -> None:
    swing(catalog, "a")
    run_id = start_run(instance, Run.NOT_STARTED, "a")
    assert recover(instance, catalog) == ([], [])
    assert status_of(instance, run_id) == Run.NOT_STARTED
    assert catalog.pending(10) == []


def test_a_swing_that_was_claimed_for_a_run_that_never_came_is_queued_again(
    instance: dg.DagsterInstance, catalog: Catalog
) -> None:
    swing(catalog, "claimed")
    swing(catalog, "waiting", dispatched=False)
    assert recover(instance, catalog) == ([], ["claimed"])
    assert {record.analysis_id for record in catalog.pending(10)} == {"claimed", "waiting"}


def test_what_has_ended_stays_ended(instance: dg.DagsterInstance, catalog: Catalog) -> None:
    swing(catalog, "a")
    for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
        catalog.set_status("a", status, "")
    run_id = start_run(instance, Run.SUCCESS, "a")
    assert recover(instance, catalog) == ([], [])
    assert status_of(instance, run_id) == Run.SUCCESS


def test_another_jobs_run_fails_so_that_dagster_may_retry_it(instance: dg.DagsterInstance, catalog: Catalog) -> None:
    run_id = start_run(instance, Run.STARTED, "tester", job="profile_job")
    assert recover(instance, catalog) == ([run_id], [])
    assert status_of(instance, run_id) == Run.FAILURE


def test_a_swing_that_ended_ten_stacks_is_not_tried_for_ever(instance: dg.DagsterInstance, catalog: Catalog) -> None:
    swing(catalog, "a")
    for _ in range(MOST_INTERRUPTIONS):
        assert recover(instance, catalog)[1] == ["a"]
        catalog.mark_dispatched(["a"])
    assert recover(instance, catalog) == ([], [])
