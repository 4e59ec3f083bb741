"""Dagster's own storage is kept small without taking anything from a run that is under way."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from sqlalchemy import update

from golf_pipeline.orchestration.dispatch import RANGE_END_TAG, RANGE_START_TAG
from golf_pipeline.orchestration.housekeeping_dagster import (
    delete_old_runs,
    remove_leftovers,
    retire_golfers,
    retire_swings,
)
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key, upload_key
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    catalog.migrate()
    yield catalog
    catalog.engine.dispose()


@dg.op
def nothing() -> None:
    pass


@dg.job
def some_job() -> None:
    nothing()


def swing(catalog: Catalog, instance: dg.DagsterInstance, name: str, status: Status = Status.AI_COMPLETED) -> None:
    """A swing with its partition, at a status."""
    catalog.register_object("bucket", parse_upload_key(upload_key("ann", name, "mp4")), name, 9, NOW)
    catalog.set_status(name, status, "")
    instance.add_dynamic_partitions("swings", [name])


def a_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, **tags: str) -> str:
    """A run at a status; `first` and `last` are the ends of its range, `partition` is its only one."""
    names = {"first": RANGE_START_TAG, "last": RANGE_END_TAG, "partition": "dagster/partition"}
    told = {names[name]: value for name, value in tags.items()}
    return instance.create_run_for_job(some_job, status=status, tags=told).run_id


def swings_left(instance: dg.DagsterInstance) -> list[str]:
    return list(instance.get_dynamic_partitions("swings"))


def test_the_oldest_ended_partitions_retire_and_no_other(catalog: Catalog, instance: dg.DagsterInstance) -> None:
    for name in ("s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"):
        swing(catalog, instance, name, Status.PROCESSING if name == "s1" else Status.AI_COMPLETED)
    a_run(instance, dg.DagsterRunStatus.STARTED, first="s2", last="s4")
    a_run(instance, dg.DagsterRunStatus.NOT_STARTED, partition="s5")
    a_run(instance, dg.DagsterRunStatus.SUCCESS, partition="s6")

    assert retire_swings(instance, catalog, 2, 99, NOW).retired == 0, "they have ended only just now"
    first = retire_swings(instance, catalog, 2, 1, LATER)
    assert (first.before, first.retired) == (8, 1)
    assert swings_left(instance) == ["s1", "s2", "s3", "s4", "s5", "s6", "s7"]
    assert retire_swings(instance, catalog, 2, 99, LATER).retired == 2
    assert swings_left(instance) == ["s1", "s2", "s3", "s4", "s5"], "what is needed stays, however many that is"
    assert retire_swings(instance, catalog, 5, 99, LATER).before == 5
    kept = catalog.get("s0")
    assert kept is not None
    assert kept.status == Status.AI_COMPLETED


def test_partitions_of_nobodys_swings_retire_too_and_the_newest_stay(
    catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("swings", ["unknown"])
    for name in ("s0", "s1"):
        swing(catalog, instance, name)
    assert retire_swings(instance, catalog, 2, 99, LATER).retired == 1
    assert swings_left(instance) == ["s0", "s1"]


def test_nothing_retires_while_dagster_works_through_a_backfill(catalog: Catalog, instance: dg.DagsterInstance) -> None:
    for name in ("s0", "s1"):
        swing(catalog, instance, name)
    wanted = PartitionBackfill(
        backfill_id="b",
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=NOW.timestamp(),
    )
    instance.add_backfill(wanted)
    held = retire_swings(instance, catalog, 1, 99, LATER)
    assert (held.retired, held.held_back) == (0, "a backfill that was started in the UI is under way")
    instance.update_backfill(wanted._replace(status=BulkActionStatus.COMPLETED_SUCCESS))
    assert retire_swings(instance, catalog, 1, 99, LATER).retired == 1


def test_a_swing_that_is_started_again_in_the_moment_gets_its_partition_back(
    catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    for name in ("s0", "s1"):
        swing(catalog, instance, name)

    class StartedMeanwhile:
        """The instance, with a dispatcher that is quicker than the deletion."""

        def __getattr__(self, name: str) -> object:
            return getattr(instance, name)

        def delete_dynamic_partition(self, partitions: str, key: str) -> None:
            with catalog.engine.begin() as connection:
                connection.execute(update(analyses).where(analyses.c.analysis_id == key).values(status=Status.STARTED))
            instance.delete_dynamic_partition(partitions, key)

    assert retire_swings(StartedMeanwhile(), catalog, 1, 1, LATER).retired == 0  # type: ignore[arg-type]
    assert sorted(swings_left(instance)) == ["s0", "s1"]


def test_partitions_of_golfers_retire_unless_a_run_has_them(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("golfers", ["ann", "bob", "eve"])
    a_run(instance, dg.DagsterRunStatus.STARTED, partition="ann")
    assert retire_golfers(instance, 3, 99).retired == 0
    assert retire_golfers(instance, 2, 99).retired == 1
    assert list(instance.get_dynamic_partitions("golfers")) == ["ann", "eve"]


def test_old_runs_go_with_their_events_and_files_and_unfinished_ones_stay() -> None:
    with dg.instance_for_test() as instance:
        ended = [some_job.execute_in_process(instance=instance).run_id]
        ended += [a_run(instance, dg.DagsterRunStatus.SUCCESS), a_run(instance, dg.DagsterRunStatus.CANCELED)]
        waits = a_run(instance, dg.DagsterRunStatus.NOT_STARTED)
        under_way = a_run(instance, dg.DagsterRunStatus.STARTED)
        assert instance.all_logs(ended[0])
        assert delete_old_runs(instance, NOW - timedelta(days=1), most=9).removed == 0
        counts = [delete_old_runs(instance, LATER, most=2) for _ in range(2)]
        assert [(one.removed, one.is_all) for one in counts] == [(2, False), (1, True)]
        assert {run.run_id for run in instance.get_runs()} == {waits, under_way}
        home = Path(instance.root_directory)
        assert not [path for path in home.rglob("*") if any(run_id in path.name for run_id in ended)]


def test_files_of_runs_that_are_over_are_removed_and_others_are_not(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    over, young, under_way = (
        a_run(instance, status)
        for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED)
    )
    for name, hours in ((over, 2), (young, 0.5), (under_way, 90), ("unknown", 47), ("unknown-and-old", 49)):
        folder = tmp_path / f"golf-run-{name}"
        folder.mkdir()
        (folder / "upload.mp4").write_bytes(b"video")
        at = NOW.timestamp() - hours * 3600
        os.utime(folder, (at, at))
    (tmp_path / "something-else").mkdir()
    freed = remove_leftovers(instance, Settings(work_folder=tmp_path), NOW)
    assert (freed.removed, freed.bytes, freed.is_all) == (2, 10, True)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"golf-run-{young}", f"golf-run-{under_way}", "golf-run-unknown", "something-else"}
