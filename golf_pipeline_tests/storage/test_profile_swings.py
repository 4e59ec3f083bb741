"""What the profile reads of stored results, with and without what was kept of the last time, over a real S3."""

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key, profile_swings_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.profile_swings import FinishedSwings, KeptSwings, finished_swings
from golf_pipeline.storage.records import StageOutput, Status
from golf_pipeline.storage.result import RESULT_STAGE
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, build_profile
from golf_pipeline_tests.databases import sqlite_catalog
from golf_pipeline_tests.storage.stored_swings import result

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TODAY = date(2026, 5, 9)
KEPT = profile_swings_key("ann", ALGORITHM_VERSION)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """On SQLite alone: nothing here depends on the database."""
    catalog = sqlite_catalog(tmp_path)
    yield catalog
    catalog.engine.dispose()


def finish(catalog: Catalog, store: ObjectStore, name: str, value: float, folder: str = "1") -> None:
    """A finished swing of ann; another folder is the result of another analysis of it."""
    upload = parse_upload_key(f"golf-swings/ann/{name}.mp4")
    catalog.register_object(store.bucket, upload, "etag", 1, NOON + timedelta(days=len(name)))
    key = f"golf-swings/ann/{name}/result/{folder}/result.json"
    store.put_bytes(key, result(name, value).model_dump_json().encode(), "application/json")
    catalog.record_stage(StageOutput(analysis_id=name, stage=RESULT_STAGE, version="1", key=key))
    catalog.set_status(name, Status.AI_COMPLETED, "done")


def read(catalog: Catalog, store: ObjectStore, today: date = TODAY) -> FinishedSwings:
    return finished_swings(catalog, store, "ann", today=today)


def values(found: FinishedSwings) -> list[float | None]:
    return [swing.metrics[0].value for swing in found.swings]


def from_results_alone(catalog: Catalog, store: ObjectStore) -> bytes:
    store.delete([KEPT])
    return profile_of(read(catalog, store))


def profile_of(found: FinishedSwings) -> bytes:
    return build_profile("ann", found.swings).model_dump_json().encode()


def test_only_results_that_are_new_or_other_ones_are_read(catalog: Catalog, store: ObjectStore) -> None:
    finish(catalog, store, "a", 10)
    finish(catalog, store, "bb", 20)
    assert read(catalog, store).read == 2
    assert read(catalog, store).read == 0
    finish(catalog, store, "ccc", 30)
    assert (read(catalog, store).read, read(catalog, store).read) == (1, 0)
    finish(catalog, store, "a", 11, folder="2")
    latest = read(catalog, store)
    assert (latest.read, values(latest)) == (1, [11, 20, 30])
    finish(catalog, store, "bb", 21)  # the same key, stored again
    latest = read(catalog, store)
    assert (latest.read, values(latest)) == (1, [11, 21, 30])


def test_the_profile_has_the_same_bytes_with_and_without_what_was_kept(catalog: Catalog, store: ObjectStore) -> None:
    finish(catalog, store, "a", 10.123456789012345)
    read(catalog, store)
    finish(catalog, store, "bb", 1e-7)
    finish(catalog, store, "ccc", 30)
    with_kept = read(catalog, store)
    assert with_kept.read == 2
    assert profile_of(with_kept) == from_results_alone(catalog, store)
    catalog.request_analysis("bb")  # it is no finished swing any more
    without_one = read(catalog, store)
    assert (without_one.read, values(without_one)) == (0, [10.123456789012345, 30])
    assert profile_of(without_one) == from_results_alone(catalog, store)


def test_another_time_of_recording_is_another_swing(catalog: Catalog, store: ObjectStore) -> None:
    finish(catalog, store, "a", 10)
    read(catalog, store)
    with catalog.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE analyses SET uploaded_at = '2026-01-01 00:00:00'")
    assert [swing.recorded_at.month for swing in read(catalog, store).swings] == [1]


def test_a_swing_that_left_the_catalog_is_not_kept_either(catalog: Catalog, store: ObjectStore) -> None:
    finish(catalog, store, "a", 10)
    finish(catalog, store, "bb", 20)
    read(catalog, store)
    catalog.request_analysis("a")
    read(catalog, store)
    kept = KeptSwings.model_validate_json(gzip.decompress(store.get_bytes(KEPT)))
    assert [one.swing.analysis_id for one in kept.swings] == ["bb"]


def test_a_result_that_the_bucket_has_expired_is_missed_the_next_day(catalog: Catalog, store: ObjectStore) -> None:
    finish(catalog, store, "a", 10)
    finish(catalog, store, "bb", 20)
    read(catalog, store)
    store.delete(["golf-swings/ann/a/result/1/result.json"])
    assert values(read(catalog, store)) == [10, 20]
    tomorrow = read(catalog, store, TODAY + timedelta(days=1))
    assert (values(tomorrow), len(tomorrow.records)) == ([20], 2)


@pytest.mark.parametrize(
    "broken", [b"", b"no gzip", gzip.compress(b'{"of": "another shape"}', mtime=0)], ids=["empty", "text", "shape"]
)
def test_what_was_kept_and_cannot_be_read_costs_nothing_but_time(
    catalog: Catalog, store: ObjectStore, broken: bytes
) -> None:
    finish(catalog, store, "a", 10)
    store.put_bytes(KEPT, broken, "application/gzip")
    assert (read(catalog, store).read, read(catalog, store).read) == (1, 0)


def test_one_result_in_an_older_shape_leaves_the_others(catalog: Catalog, store: ObjectStore) -> None:
    finish(catalog, store, "a", 10)
    finish(catalog, store, "bb", 20)
    store.put_bytes("golf-swings/ann/a/result/1/result.json", b'{"of": "another shape"}', "application/json")
    told: list[str] = []
    found = finished_swings(catalog, store, "ann", today=TODAY, warn=told.append)
    assert (values(found), len(found.records), found.read) == ([20], 2, 2)
    assert len(told) == 1 and told[0].startswith("a is left out")


def test_a_store_that_does_not_answer_is_no_missing_swing(catalog: Catalog, store: ObjectStore) -> None:
    finish(catalog, store, "a", 10)
    nowhere = ObjectStore.connect("no-such-bucket", store.client.meta.endpoint_url, "us-east-1")
    with pytest.raises(SwingError) as raised:
        read(catalog, nowhere)
    assert raised.value.code == ErrorCode.STORAGE_UNAVAILABLE


def test_for_nobody_nothing_is_kept(catalog: Catalog, store: ObjectStore) -> None:
    assert read(catalog, store) == FinishedSwings((), (), 0)
    assert list(store.list_objects("golf-profiles/")) == []
