"""The sensors as Dagster calls them, over a real catalog, queue and bucket."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterRun, DagsterRunStatus
from dagster._core.definitions.sensor_definition import SensorExecutionData
from sqlalchemy import update

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration import recovery, sensors
from golf_pipeline.orchestration.recovery import Recovered, heal_stuck, recover_swings_of_dead_run, swings_of_run
from golf_pipeline.orchestration.workspace import Workspace, run_folder
from golf_pipeline.storage.backfill_selection import Selection
from golf_pipeline.storage.backfills import Backfills
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.orchestration.conftest import Cloud, in_thread


@contextmanager
def tick(
    cloud: Cloud, instance: dg.DagsterInstance, name: str, cursor: str | None = None
) -> Iterator[SensorExecutionData]:
    repository = build_defs(cloud.settings).get_repository_def()
    store = {"swing_store": cloud.store}
    reference = instance.get_ref() if instance.is_persistent else None
    with dg.build_sensor_context(
        instance, cursor, repository_def=repository, resources=store, instance_ref=reference
    ) as context:
        yield repository.get_sensor_def(name).evaluate_tick(context)


def test_the_ingest_sensor_registers_and_says_so(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "INGEST_TICK_S", 1.3)
    cloud.put("golf-swings/ann/monday.mp4")
    with tick(cloud, instance, "ingest_uploads") as data:
        assert "1 new" in (data.skip_message or "")
    assert cloud.record("monday").status == Status.STARTED


def test_a_backfill_that_begins_during_a_tick_is_handed_out_by_it(
    cloud: Cloud, daemons_instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "TOP_UP_TICK_S", 30.0)
    cloud.upload("golf-swings/ann/monday.mp4", b"x")
    cloud.catalog.set_status("monday", Status.AI_COMPLETED, "done")
    backfills = Backfills(cloud.catalog.engine)

    def begin_later() -> None:
        time.sleep(0.3)
        backfills.create(Selection(analysis_id="monday"), "an operator", 1)

    begun = in_thread(begin_later)
    with tick(cloud, daemons_instance, "top_up_reanalysis") as data:
        (request,) = data.run_requests or []
    begun.join()
    assert request.tags["golf/swings"] == "1"


def test_without_a_backfill_a_tick_skips(
    cloud: Cloud, daemons_instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "TOP_UP_TICK_S", 0.0)
    with tick(cloud, daemons_instance, "top_up_reanalysis") as data:
        assert "no backfill" in (data.skip_message or "")


def test_without_a_queue_the_ingest_sensor_says_what_to_set(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    alone = Cloud(cloud.settings.model_copy(update={"queue_url": None}), cloud.s3, cloud.sqs, "")
    with tick(alone, instance, "ingest_uploads") as data:
        assert "GOLF_QUEUE_URL" in (data.skip_message or "")


def test_the_dispatch_sensor_returns_as_soon_as_a_swing_is_there(
    cloud: Cloud, daemons_instance: dg.DagsterInstance
) -> None:
    assert cloud.catalog.pending(1) == []

    def upload_later() -> None:
        time.sleep(0.7)
        cloud.upload("golf-swings/ann/monday.mp4", b"x")

    upload = in_thread(upload_later)
    started = time.monotonic()
    with tick(cloud, daemons_instance, "dispatch_swings") as data:
        assert time.monotonic() - started < 4
        (request,) = data.run_requests or []
    upload.join()
    assert request.partition_key == "monday"
    assert request.tags["dagster/partition"] == "monday"


def test_an_idle_dispatch_tick_ends_by_itself(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "DISPATCH_TICK_S", 0.5)
    with tick(cloud, instance, "dispatch_swings") as data:
        assert data.run_requests == []


def test_the_reconcile_sensor_finds_a_lost_upload_and_keeps_its_cursor(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    cloud.put("golf-swings/ann/lost.mp4")
    with tick(cloud, instance, "reconcile_uploads", cursor="rubbish") as data:
        assert data.cursor == '{"after": null}'
    assert [record.analysis_id for record in cloud.catalog.pending(5)] == ["lost"]


def test_a_deletion_that_s3_refuses_does_not_keep_uploads_from_being_found(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise SwingError(ErrorCode.STORAGE_UNAVAILABLE, "", detail="held: AccessDenied", retryable=True)

    monkeypatch.setattr(sensors, "finish_deletions", refused)
    cloud.put("golf-swings/ann/lost.mp4")
    with tick(cloud, instance, "reconcile_uploads") as data:
        assert "1 new" in (data.skip_message or "")


def add_run(instance: dg.DagsterInstance, status: DagsterRunStatus, partition: str = "", **tags: str) -> DagsterRun:
    if partition:
        tags |= {"dagster/partition": partition}
    run = DagsterRun(job_name="swing_job", run_id=str(uuid4()), status=status, tags=tags)
    instance.add_run(run)
    return run


def died(instance: dg.DagsterInstance, partition: str = "", **tags: str) -> DagsterRun:
    """A run that began and failed."""
    run = add_run(instance, DagsterRunStatus.STARTING, partition=partition, **tags)
    instance.report_dagster_event(dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name), run.run_id)
    instance.report_run_failed(run)
    return run


def take_up(cloud: Cloud, name: str) -> None:
    cloud.upload(f"golf-swings/ann/{name}.mp4", b"x")
    cloud.catalog.mark_dispatched([name])
    cloud.catalog.set_status(name, Status.PROCESSING, "working")


def recover(cloud: Cloud, instance: dg.DagsterInstance, run: DagsterRun, *, again: bool = True) -> Recovered:
    return recover_swings_of_dead_run(
        run, instance, cloud.catalog, cloud.settings, "the worker was killed", again=again
    )


def test_the_swing_of_a_crashed_run_is_taken_up_again_and_its_files_are_removed(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    take_up(cloud, "monday")
    run = died(instance, partition="monday")
    files = run_folder(cloud.settings, run.run_id)
    files.mkdir(parents=True)
    assert recover(cloud, instance, run).again == ["monday"]
    record = cloud.record("monday")
    assert (record.status, record.attempt, record.interruptions) == (Status.STARTED, 2, 1)
    assert [one.analysis_id for one in cloud.catalog.pending(9)] == ["monday"]
    assert not files.exists()


def test_the_swing_of_a_canceled_run_ends_as_failed_and_may_be_restarted(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    take_up(cloud, "monday")
    run = add_run(instance, DagsterRunStatus.CANCELED, partition="monday")
    assert recover(cloud, instance, run, again=False).failed == ["monday"]
    record = cloud.record("monday")
    assert (record.status, record.error_code, record.retryable) == (Status.FAILED, "INTERNAL", True)


def test_the_swings_of_a_crashed_range_are_taken_up_except_those_that_were_done(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    for name in ("one", "two", "three"):
        take_up(cloud, name)
    cloud.catalog.set_status("one", Status.AI_COMPLETED, "done")
    instance.add_dynamic_partitions("swings", ["zero", "one", "two", "three", "four"])
    tags = {"dagster/asset_partition_range_start": "one", "dagster/asset_partition_range_end": "three"}
    run = add_run(instance, DagsterRunStatus.FAILURE, **tags)
    assert recover(cloud, instance, run).again == ["two", "three"]
    assert cloud.record("one").status == Status.AI_COMPLETED


def test_an_old_runs_death_does_not_touch_the_next_attempt(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    take_up(cloud, "monday")
    run = add_run(instance, DagsterRunStatus.FAILURE, partition="monday")
    time.sleep(0.01)
    cloud.catalog.request_analysis("monday")
    cloud.catalog.mark_dispatched(["monday"])
    assert not recover(cloud, instance, run)
    assert cloud.record("monday").attempt == 2


def later() -> datetime:
    return datetime.now(UTC) + recovery.LEASE + timedelta(seconds=1)


def test_a_swing_that_no_run_carries_is_taken_up_again_when_its_lease_is_over(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    take_up(cloud, "monday")
    assert not heal_stuck(instance, cloud.catalog, datetime.now(UTC))
    assert heal_stuck(instance, cloud.catalog, later()).again == ["monday"]
    assert not heal_stuck(instance, cloud.catalog, later()), "it waits, and nobody has it"


def test_a_swing_that_a_run_carries_which_waits_is_left_alone(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    take_up(cloud, "monday")
    add_run(instance, DagsterRunStatus.NOT_STARTED, partition="monday")
    assert not heal_stuck(instance, cloud.catalog, later())


def test_a_run_that_gives_a_sign_of_life_keeps_its_swing_and_one_that_gives_none_is_ended(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    take_up(cloud, "monday")
    run = add_run(instance, DagsterRunStatus.STARTED, partition="monday")
    workspace = Workspace(cloud.settings, cloud.catalog, cloud.objects, run.run_id)
    workspace.hold(["monday", "nobody"])
    with cloud.catalog.engine.begin() as connection:  # long ago
        connection.execute(update(analyses).values(updated_at=datetime.now(UTC) - timedelta(hours=1)))
    workspace.renew_leases()
    workspace.close()
    assert not heal_stuck(instance, cloud.catalog, datetime.now(UTC))
    assert heal_stuck(instance, cloud.catalog, later()).again == ["monday"]
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == DagsterRunStatus.FAILURE


def begin_run(instance: dg.DagsterInstance, run: DagsterRun) -> None:
    started = DagsterEvent(DagsterEventType.RUN_START.value, job_name=run.job_name)
    instance.report_dagster_event(started, run.run_id)


def long_ago(cloud: Cloud) -> None:
    with cloud.catalog.engine.begin() as connection:
        connection.execute(update(analyses).values(updated_at=datetime.now(UTC) - timedelta(hours=1)))


def test_a_run_that_waited_longer_than_a_lease_has_time_to_say_that_it_lives(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    take_up(cloud, "monday")
    long_ago(cloud)
    run = add_run(instance, DagsterRunStatus.STARTING, partition="monday")
    begin_run(instance, run)
    assert not heal_stuck(instance, cloud.catalog, datetime.now(UTC))
    assert heal_stuck(instance, cloud.catalog, later()).again == ["monday"]


def test_whoever_holds_swings_says_so_at_once(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    take_up(cloud, "monday")
    long_ago(cloud)
    workspace = Workspace(cloud.settings, cloud.catalog, cloud.objects, "run")
    workspace.hold(["monday"])
    workspace.close()
    assert not heal_stuck(instance, cloud.catalog, datetime.now(UTC))


def test_a_run_that_lives_is_not_ended_for_one_swing_that_it_lost(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    for name in ("one", "two"):
        take_up(cloud, name)
    instance.add_dynamic_partitions("swings", ["one", "two"])
    tags = {"dagster/asset_partition_range_start": "one", "dagster/asset_partition_range_end": "two"}
    run = add_run(instance, DagsterRunStatus.STARTED, **tags)
    with cloud.catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(analyses.c.analysis_id == "two").values(alive_at=later()))
    assert heal_stuck(instance, cloud.catalog, later()).again == ["one"]
    kept = instance.get_run_by_id(run.run_id)
    assert kept is not None
    assert kept.status == DagsterRunStatus.STARTED


def test_a_run_that_an_operator_started_is_ended_too_when_its_process_is_gone(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", b"x")
    run = add_run(instance, DagsterRunStatus.STARTED, partition="monday")
    time.sleep(0.01)
    cloud.catalog.mark_dispatched(["monday"])  # by the run itself
    assert heal_stuck(instance, cloud.catalog, later()).again == ["monday"]
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == DagsterRunStatus.FAILURE


def test_a_canceled_run_does_not_end_what_another_run_carries(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    take_up(cloud, "monday")
    add_run(instance, DagsterRunStatus.STARTED, partition="monday")
    operators = add_run(instance, DagsterRunStatus.CANCELED, partition="monday")
    assert not recover(cloud, instance, operators, again=False)
    assert cloud.record("monday").status == Status.PROCESSING


def test_a_swing_whose_runs_never_come_or_always_die_fails_in_the_end(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", b"x")
    ends = []
    for _ in range(recovery.MOST_INTERRUPTIONS + 2):
        cloud.catalog.mark_dispatched(["monday"])
        recovered = heal_stuck(instance, cloud.catalog, later())
        ends.append("again" if recovered.again else "failed" if recovered.failed else "")
    assert ends == ["again", "again", "again", "failed", ""]
    assert (cloud.record("monday").error_code, cloud.record("monday").retryable) == ("INTERNAL", True)


@pytest.mark.parametrize(("start", "end_"), [("nobody", "one"), ("one", "nobody")])
def test_a_range_that_was_deleted_holds_nobody(start: str, end_: str) -> None:
    tags = {"dagster/asset_partition_range_start": start, "dagster/asset_partition_range_end": end_}
    run = DagsterRun(job_name="swing_job", run_id=str(uuid4()), tags=tags)
    assert swings_of_run(run, ["one", "two"]) == []
