"""Whose profiles are made when, as Dagster's daemon asks the sensor, over a real catalog and instance."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._core.definitions.sensor_definition import SensorExecutionData
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration import connections
from golf_pipeline.orchestration.partitions import golfer_of_partition, golfer_partition
from golf_pipeline.orchestration.profile_runs import LONGEST_WAIT, MOST_WAITING, Cursor, choose
from golf_pipeline.settings import Settings
from golf_pipeline.storage import profile_failures, profiles
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.stale_profiles import stale_among
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION as PROFILE_VERSION
from golf_pipeline.swing.profile import UserContext
from golf_pipeline_tests.orchestration.conftest import Cloud

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PROFILE = dg.AssetKey("swing_profile")


def tick(cloud: Cloud, instance: dg.DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    repository = build_defs(cloud.settings).get_repository_def()
    reference = instance.get_ref() if instance.is_persistent else None
    with dg.build_sensor_context(
        instance, cursor, repository_def=repository, resources={"swing_store": cloud.store}, instance_ref=reference
    ) as context:
        return repository.get_sensor_def("refresh_profiles").evaluate_tick(context)


def golfers_of(data: SensorExecutionData, instance: dg.DagsterInstance) -> list[list[str]]:
    """Partitions of each run that was asked for."""
    order = list(instance.get_dynamic_partitions("golfers"))
    found = []
    for request in data.run_requests or []:
        single = request.partition_key or ""
        start = request.tags.get("dagster/asset_partition_range_start", single)
        end = request.tags.get("dagster/asset_partition_range_end", single)
        found.append(order[order.index(start) : order.index(end) + 1])
    return found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Cloud]:
    """The catalog alone: the sensor asks nobody else."""
    settings = Settings(catalog_url=f"sqlite:///{tmp_path / 'catalog.db'}", profile_batch=3)
    yield Cloud(settings, None, None, "")
    connections.catalog(settings.catalog_url).engine.dispose()


def finish(cloud: Cloud, *users: str) -> None:
    for user in users:
        cloud.catalog.set_status(upload(cloud, user, f"{user}-{uuid4().hex[:6]}"), Status.AI_COMPLETED, "done")


def upload(cloud: Cloud, user: str, name: str) -> str:
    key = parse_upload_key(f"golf-swings/{user}/{name}.mp4")
    return cloud.catalog.register_object("bucket", key, "etag", 1, NOON)[0].analysis_id


def add_run(
    instance: dg.DagsterInstance, *golfers: str, job: str = "profile_job", **more: Sequence[dg.AssetKey]
) -> None:
    """A run at work on this golfer, or on the range from the first to the last."""
    tags = {"dagster/partition": golfers[0]}
    if len(golfers) > 1:
        tags = {
            "dagster/asset_partition_range_start": golfers[0],
            "dagster/asset_partition_range_end": golfers[-1],
        }
    selection = frozenset(more["assets"]) if "assets" in more else None
    instance.add_run(
        DagsterRun(
            job_name=job, run_id=str(uuid4()), status=DagsterRunStatus.STARTED, tags=tags, asset_selection=selection
        )
    )


def test_one_run_carries_all_golfers_with_a_new_result(cloud: Cloud, daemons_instance: dg.DagsterInstance) -> None:
    daemons_instance.add_dynamic_partitions("golfers", ["cat", "stranger", "ann"])
    finish(cloud, "ann", "ann", "bob|oidc", "cat", "guest")
    data = tick(cloud, daemons_instance)
    (carried,) = golfers_of(data, daemons_instance)
    assert sorted(carried) == ["ann", "bob~7Coidc", "cat"]
    assert next(iter(daemons_instance.get_dynamic_partitions("golfers"))) == "stranger"
    (request,) = data.run_requests or []
    job = build_defs(cloud.settings).resolve_job_def("profile_job")
    assert job.tags["dagster/priority"] == "-1"
    assert job.execute_in_process(instance=daemons_instance, tags=dict(request.tags)).success
    assert stale_among(cloud.catalog.engine, ["ann", "bob|oidc", "cat", "guest"], PROFILE_VERSION) == set()
    assert daemons_instance.get_materialized_partitions(PROFILE) == set(carried)
    assert tick(cloud, daemons_instance, data.cursor).run_requests == []


def test_a_run_carries_only_so_many_and_the_others_are_not_forgotten(
    here: Cloud, daemons_instance: dg.DagsterInstance
) -> None:
    finish(here, "ann", "bob", "cat", "dan")
    first = tick(here, daemons_instance)
    assert golfers_of(first, daemons_instance) == [["ann", "bob", "cat"]]
    add_run(daemons_instance, "ann", "bob", "cat")
    second = tick(here, daemons_instance, first.cursor)
    assert golfers_of(second, daemons_instance) == [["dan"]]


def test_golfers_of_a_live_run_are_in_no_other_and_their_range_is_not_torn(
    here: Cloud, daemons_instance: dg.DagsterInstance
) -> None:
    everybody = ["ann", "bob", "cat", "dan", "eve"]
    daemons_instance.add_dynamic_partitions("golfers", everybody)
    add_run(daemons_instance, "bob", "cat", "dan")
    finish(here, *everybody)
    data = tick(here, daemons_instance)
    assert golfers_of(data, daemons_instance) == [["ann", "eve"]]
    assert list(daemons_instance.get_dynamic_partitions("golfers")) == ["bob", "cat", "dan", "ann", "eve"]
    assert set(Cursor.parse(data.cursor).waiting) == {"bob", "cat", "dan"}


def test_a_run_that_was_started_in_the_ui_counts_and_one_of_a_swing_of_that_name_does_not(
    here: Cloud, daemons_instance: dg.DagsterInstance
) -> None:
    finish(here, "ann", "bob")
    add_run(daemons_instance, "ann", job="__ASSET_JOB", assets=[PROFILE])
    add_run(daemons_instance, "bob", job="__ASSET_JOB", assets=[dg.AssetKey("swing_video")])
    add_run(daemons_instance, "bob", job="swing_job")
    assert golfers_of(tick(here, daemons_instance), daemons_instance) == [["bob"]]


def test_more_than_two_runs_are_never_there(here: Cloud, instance: dg.DagsterInstance) -> None:
    finish(here, "ann")
    add_run(instance, "bob")
    add_run(instance, "cat")
    data = tick(here, instance, '{"golfers_after": "x"}')
    assert (data.run_requests, data.cursor) == ([], '{"golfers_after": "x"}')


def test_a_golfer_with_swings_under_way_waits_for_them_ten_minutes(
    here: Cloud, daemons_instance: dg.DagsterInstance
) -> None:
    finish(here, "ann")
    upload(here, "ann", "next")
    here.catalog.mark_dispatched(["next"])
    first = tick(here, daemons_instance)
    assert first.run_requests == []
    waiting = Cursor.parse(first.cursor).waiting
    assert list(waiting) == ["ann"]
    earlier = Cursor(waiting={"ann": waiting["ann"] - LONGEST_WAIT})
    later = tick(here, daemons_instance, earlier.model_dump_json())
    assert golfers_of(later, daemons_instance) == [["ann"]]
    assert Cursor.parse(later.cursor).waiting == {}
    here.catalog.set_status("next", Status.AI_COMPLETED, "done")
    assert golfers_of(tick(here, daemons_instance, first.cursor), daemons_instance) == [["ann"]]


def test_golfers_whose_profile_always_fails_keep_nobody_waiting(
    here: Cloud, daemons_instance: dg.DagsterInstance
) -> None:
    bad = [f"bad{number:02}" for number in range(5)]
    finish(here, *bad, "ann")
    engine = here.catalog.engine
    for user in bad:
        begun_at = profile_failures.begin(engine, user)
        profile_failures.fail(engine, user, begun_at, SwingError(ErrorCode.INTERNAL, "broken"))
    assert golfers_of(tick(here, daemons_instance), daemons_instance) == [["ann"]]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE profile_failures SET failed_at = '2026-01-01 00:00:00'")
    (again,) = golfers_of(tick(here, daemons_instance), daemons_instance)
    assert len(again) == here.settings.profile_batch


def test_what_no_event_tells_is_found_on_the_round(here: Cloud, daemons_instance: dg.DagsterInstance) -> None:
    finish(here, "ann", "bob")
    with here.catalog.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE analyses SET completed_at = '2026-01-01 00:00:00'")
    assert sorted(*golfers_of(tick(here, daemons_instance), daemons_instance)) == ["ann", "bob"]


def test_each_change_of_a_golfer_has_a_run_of_its_own(here: Cloud, daemons_instance: dg.DagsterInstance) -> None:
    finish(here, "ann")
    (record,) = here.catalog.completed_of_user("ann")
    for goals in ("break 90", "break 80", "break 70"):
        with here.catalog.engine.begin() as connection:
            profiles.locked_golfer(connection, "ann")
            profiles.set_context(connection, "ann", UserContext(goals=goals))
        assert golfers_of(tick(here, daemons_instance), daemons_instance) == [["ann"]]
        # The run ends; nothing else than the wish makes the next one.
        with here.catalog.engine.connect() as connection:
            revision = profiles.golfer(connection, "ann").revision
        profiles.record_profile(here.catalog.engine, "ann", PROFILE_VERSION, "key", record.completed_at, revision)
        assert tick(here, daemons_instance).run_requests == []


def test_a_cursor_that_cannot_be_read_begins_anew(here: Cloud, instance: dg.DagsterInstance) -> None:
    assert Cursor.parse(tick(here, instance, "rubbish").cursor) == Cursor()


def test_whoever_cannot_be_remembered_does_not_wait() -> None:
    users = [f"user{number}" for number in range(MOST_WAITING + 2)]
    taken, waiting = choose(users, busy=(), unsettled=set(users), since={}, now=NOON, most=9)
    assert taken == users[MOST_WAITING:]
    assert waiting == dict.fromkeys(users[:MOST_WAITING], NOON)


def test_who_waited_long_keeps_the_moment_until_there_is_room() -> None:
    long_ago = NOON - timedelta(hours=1)
    taken, waiting = choose(["ann", "bob"], busy=(), unsettled={"bob"}, since={"bob": long_ago}, now=NOON, most=1)
    assert (taken, waiting) == (["ann"], {"bob": long_ago})


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_a_partition_key_says_whose_it_is(user_id: str) -> None:
    key = golfer_partition(user_id)
    assert golfer_of_partition(key) == user_id
    assert "..." not in key
    assert not set(key) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~")


@pytest.mark.parametrize("key", ["bob|oidc", "bob~7coidc", "bob~", "a...b", "%41", "~41"])
def test_a_key_that_no_golfer_has_is_refused(key: str) -> None:
    with pytest.raises(SwingError, match="no partition key of a golfer"):
        golfer_of_partition(key)
