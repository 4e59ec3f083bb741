"""Pending swings become runs: each once, batches as ranges, a run key for each attempt."""

from datetime import UTC, datetime
from itertools import chain

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration.dispatch import BATCH_TAG, RANGE_END_TAG, RANGE_START_TAG, Load, contiguous, dispatch
from golf_pipeline.settings import Settings
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.orchestration.conftest import Cloud


def hand_out(
    cloud: Cloud,
    instance: dg.DagsterInstance,
    cap: int = 50,
    backlog: int = 20,
    size: int = 10,
    ahead: int = 100,
    most: int | None = None,
) -> list[dg.RunRequest]:
    return dispatch(cloud.catalog, instance, "v1", Load(cap, ahead, backlog, size, most or size))


def sizes(requests: list[dg.RunRequest]) -> list[int]:
    return [int(request.tags.get(BATCH_TAG, "1")) for request in requests]


def upload_many(cloud: Cloud, names: list[str]) -> None:
    for name in names:
        cloud.upload(f"golf-swings/ann/{name}.mp4", b"x")


def test_a_pending_swing_gets_one_run_and_only_one(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    record = cloud.upload("golf-swings/ann/monday.mp4", b"x")
    (request,) = hand_out(cloud, instance)
    assert request.partition_key == "monday"
    assert request.run_key == f"monday:{record.etag}:v1:1"
    assert instance.get_dynamic_partitions("swings") == ["monday"]
    assert hand_out(cloud, instance) == []


def test_a_restart_has_its_own_run_key(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", b"x")
    first = hand_out(cloud, instance)
    cloud.catalog.request_analysis("monday")
    second = hand_out(cloud, instance)
    assert [one.run_key for one in second] != [one.run_key for one in first]
    assert second[0].run_key.endswith(":v1:2")


def test_a_tick_hands_out_no_more_than_its_cap(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    upload_many(cloud, [f"s{number}" for number in range(5)])
    assert [len(hand_out(cloud, instance, cap=2)) for _ in range(4)] == [2, 2, 1, 0]


def test_a_run_that_waited_while_the_video_was_replaced_leaves_the_newer_attempt_to_its_own_run(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    cloud.upload("golf-swings/ann/s1.mp4", b"x")
    (request,) = hand_out(cloud, instance)
    newer = cloud.upload("golf-swings/ann/s1.mp4", b"another")
    assert newer.attempt == 2
    job = build_defs(cloud.settings).resolve_job_def("swing_job")
    done = job.execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=request.tags, raise_on_error=False
    )
    assert not done.success
    assert cloud.record("s1") == newer, "nothing was written about it"
    (own,) = hand_out(cloud, instance)
    done = job.execute_in_process(
        instance=instance, partition_key=own.partition_key, tags=own.tags, raise_on_error=False
    )
    assert cloud.record("s1").error_code == "VIDEO_UNREADABLE"


def test_an_id_that_dagster_cannot_keep_gets_a_safe_partition(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    record = cloud.upload("golf-swings/ann/über swing...1.mp4", b"x")
    (request,) = hand_out(cloud, instance)
    assert request.partition_key == record.partition_key != record.analysis_id
    assert "..." not in record.partition_key


def test_a_backlog_is_handed_out_in_ranges_that_hold_exactly_its_swings(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    names = [f"s{number:02}" for number in range(7)]
    upload_many(cloud, names)
    requests = hand_out(cloud, instance, backlog=5, size=3)
    order = list(instance.get_dynamic_partitions("swings"))
    carried = []
    for request in requests:
        if request.partition_key:
            carried.append([request.partition_key])
        else:
            start, end = (order.index(request.tags[tag]) for tag in (RANGE_START_TAG, RANGE_END_TAG))
            carried.append(order[start : end + 1])
    assert [len(keys) for keys in carried] == [3, 3, 1]
    assert sorted(chain.from_iterable(carried)) == names
    assert len({request.run_key for request in requests}) == 3


def test_a_swing_that_has_a_partition_runs_alone_as_a_range_that_waits_may_end_with_it(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    upload_many(cloud, ["s1", "s2"])
    (waits,) = hand_out(cloud, instance, backlog=2)
    cloud.upload("golf-swings/ann/s2.mp4", b"newer")
    upload_many(cloud, ["s3", "s4"])
    again, new = hand_out(cloud, instance, backlog=2)
    assert again.partition_key == "s2"
    assert (new.tags[RANGE_START_TAG], new.tags[RANGE_END_TAG]) == ("s3", "s4")
    order = instance.get_dynamic_partitions("swings")
    assert order.index(waits.tags[RANGE_END_TAG]) == order.index(waits.tags[RANGE_START_TAG]) + 1


def test_no_more_is_handed_out_than_runs_can_take_and_the_rest_waits_in_the_catalog(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    upload_many(cloud, [f"s{number}" for number in range(5)])
    assert len(hand_out(cloud, instance, ahead=3)) == 3
    assert hand_out(cloud, instance, ahead=3) == []
    cloud.catalog.fail("s0", SwingError(ErrorCode.INTERNAL, "x"))
    (request,) = hand_out(cloud, instance, ahead=3)
    assert request.partition_key == "s3"


def test_a_swing_whose_run_died_runs_alone(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    names = [f"s{number}" for number in range(4)]
    upload_many(cloud, names)
    hand_out(cloud, instance, backlog=2)
    for name in names:
        assert cloud.catalog.take_up_again(cloud.record(name), 3)
    upload_many(cloud, ["new1", "new2"])
    requests = hand_out(cloud, instance, backlog=2)
    assert sorted(request.partition_key for request in requests if request.partition_key) == names
    (batch,) = [request for request in requests if not request.partition_key]
    assert (batch.tags[RANGE_START_TAG], batch.tags[RANGE_END_TAG]) == ("new1", "new2")


def test_in_a_backlog_a_swing_that_ends_lets_no_other_in_before_there_is_room_for_a_whole_batch(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    upload_many(cloud, [f"s{number:02}" for number in range(14)])
    assert sizes(hand_out(cloud, instance, backlog=3, size=3, ahead=8)) == [3, 3]
    assert hand_out(cloud, instance, backlog=3, size=3, ahead=8) == []
    cloud.catalog.fail("s00", SwingError(ErrorCode.INTERNAL, "x"))
    assert sizes(hand_out(cloud, instance, backlog=3, size=3, ahead=8)) == [3]
    for number in range(1, 9):
        cloud.catalog.fail(f"s{number:02}", SwingError(ErrorCode.INTERNAL, "x"))
    assert sizes(hand_out(cloud, instance, backlog=3, size=3, ahead=8)) == [3, 2], "the last ones wait for nobody"


def test_the_batches_are_large_while_many_wait_and_small_toward_the_end(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    upload_many(cloud, [f"s{number:02}" for number in range(40)])
    handed_out = []
    while requests := hand_out(cloud, instance, cap=6, backlog=4, size=2, most=4, ahead=100):
        handed_out.append(sizes(requests))
    assert handed_out == [[4], [4], [4], [3, 3], [2, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2]]


@given(ahead=st.integers(1, 300), cap=st.integers(1, 300), least=st.integers(1, 300), most=st.integers(1, 300))
def test_whatever_is_set_a_batch_fits_into_what_may_be_handed_out(ahead: int, cap: int, least: int, most: int) -> None:
    settings = Settings(dispatch_ahead=ahead, dispatch_cap=cap, batch_size=least, batch_most=most)
    load = Load.of(settings)
    for waiting in (1, 20, 10_000):
        assert 1 <= load.batch_size(waiting) <= min(load.cap, load.ahead)


@given(
    places=st.lists(st.integers(0, 40), min_size=1, max_size=25, unique=True),
    size=st.integers(1, 6),
)
def test_every_batch_is_a_gapless_range_and_nobody_is_left_out(places: list[int], size: int) -> None:
    records = [record_named(f"k{place}") for place in places]
    order = {f"k{place}": place for place in range(41)}
    batches = contiguous(records, order, size)
    taken = [[order[record.partition_key] for record in batch] for batch in batches]
    assert sorted(chain.from_iterable(taken)) == sorted(places)
    assert all(batch == list(range(batch[0], batch[0] + len(batch))) for batch in taken)
    assert all(len(batch) <= size for batch in taken)


def test_the_dispatch_sensors_batches_are_accepted_by_dagster(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    from golf_pipeline.orchestration import sensors

    monkeypatch.setattr(sensors, "DISPATCH_TICK_S", 0.5)
    upload_many(cloud, [f"s{number}" for number in range(22)])
    repository = build_defs(cloud.settings).get_repository_def()
    store = {"swing_store": cloud.store}
    with dg.build_sensor_context(instance, repository_def=repository, resources=store) as context:
        data = repository.get_sensor_def("dispatch_swings").evaluate_tick(context)
    requests = data.run_requests or []
    assert [request.tags["golf/batch"] for request in requests] == ["10", "10", "2"]
    assert all(request.tags[RANGE_START_TAG] != request.tags[RANGE_END_TAG] for request in requests)


def record_named(key: str) -> AnalysisRecord:
    now = datetime.now(UTC)
    return AnalysisRecord(
        analysis_id=key,
        partition_key=key,
        user_id="u",
        user_email=None,
        user_name=None,
        user_type=None,
        is_authenticated=False,
        session_id=None,
        bucket_name="b",
        s3_key="k",
        etag="e",
        size_bytes=1,
        content_sha256=None,
        status=Status.STARTED,
        progress_message="",
        attempt=1,
        error_code=None,
        error_message=None,
        retryable=False,
        ai_analysis_completed=False,
        created_at=now,
        updated_at=now,
        uploaded_at=now,
        dispatched_at=None,
        started_at=None,
        completed_at=None,
    )
