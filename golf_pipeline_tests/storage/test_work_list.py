"""The work list: who takes a swing up, how often, and after how long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.records import StageOutput
from golf_pipeline_tests.storage.kept_swings import change


def register(catalog: Catalog, key: str) -> None:
    catalog.register_object("bucket", parse_upload_key(key), "e1", 1000, datetime.now(UTC))


def test_a_dead_runs_swing_is_taken_up_again_once_and_only_so_often(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    for interruptions in range(3):
        catalog.mark_dispatched(["s1"])
        record = catalog.get("s1")
        assert record is not None
        assert (record.attempt, record.interruptions) == (interruptions + 1, interruptions)
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda _, one=record: catalog.take_up_again(one, 3), range(8)))
        assert sum(taken) == 1
        again = catalog.get("s1")
        assert again is not None
        assert again.dispatched_at is None
    catalog.mark_dispatched(["s1"])
    worn_out = catalog.get("s1")
    assert worn_out is not None
    assert not catalog.take_up_again(worn_out, 3)
    made = StageOutput(analysis_id="s1", stage="pose", version="1", key="golf-swings/ann/s1/pose/1/p.parquet")
    assert catalog.record_stage(made, attempt=worn_out.attempt)
    assert catalog.take_up_again(worn_out, 3), "it has come on since"
    again = catalog.request_analysis("s1")
    assert again is not None
    assert again.interruptions == 0, "who asks for it begins anew"


@pytest.mark.parametrize(("interruptions", "rest_s"), [(1, 0), (2, 30), (3, 180), (7, 180)])
def test_a_swing_that_is_interrupted_again_rests_before_it_is_handed_out(
    catalog: Catalog, interruptions: int, rest_s: int
) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    for seconds_ago in (rest_s - 5, rest_s + 5):
        since = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        change(catalog, "s1", interruptions=interruptions, updated_at=since)
        assert bool(catalog.pending(9)) == (seconds_ago > rest_s or not rest_s)


def test_a_run_that_never_began_is_no_interruption(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    catalog.mark_dispatched(["s1"])
    waiting = catalog.get("s1")
    assert waiting is not None
    assert catalog.take_up_again(waiting, 3, counted=False)
    again = catalog.get("s1")
    assert again is not None
    assert (again.attempt, again.interruptions) == (2, 0)
