"""The chat reads one golfer's stored data, whole and once, and never another's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from golf_pipeline.coach.chat.data import GolferData
from golf_pipeline.storage import profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.golfer_data import StoredGolfer
from golf_pipeline.storage.keys import GUEST, profile_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tombstones import bury
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import build_profile
from golf_pipeline_tests.databases import sqlite_catalog
from golf_pipeline_tests.storage.stored_swings import VERSIONS, finished, result, uploaded


@pytest.fixture
def stored(tmp_path: Path, store: ObjectStore) -> Iterator[Catalog]:
    """Ann's two finished swings, one that waits and one of bob's; two of guests."""
    catalog = sqlite_catalog(tmp_path)
    finished(catalog, store, "ann", "s1", result("s1", 30.0))
    finished(catalog, store, "ann", "s2", result("s2", 12.0))
    uploaded(catalog, "ann", "s3")
    finished(catalog, store, "bob", "b1", result("b1", 5.0))
    for name in ("g1", "g2"):
        finished(catalog, store, GUEST, name, result(name, 5.0))
    yield catalog
    catalog.engine.dispose()


def test_a_finished_swing_is_told_with_everything_that_may_be_said_of_it(stored: Catalog, store: ObjectStore) -> None:
    golfer: GolferData = StoredGolfer(stored, store, "ann")
    swing = golfer.swing("s1")
    assert swing is not None
    record = stored.get("s1")
    assert record is not None
    assert (swing.analysis_id, swing.recorded_at) == ("s1", record.recorded_at)
    assert swing.metrics[0].value == 30.0
    assert swing.ai_analysis.response == "coaching of s1"
    assert swing.facts().readings["tilt@top"].value == 30.0


def test_swings_come_newest_first_without_the_deleted_ones(stored: Catalog, store: ObjectStore) -> None:
    record = stored.get("s2")
    assert record is not None
    bury(stored, record)
    golfer = StoredGolfer(stored, store, "ann")
    swings = golfer.recent_swings(5)
    assert [(one.analysis_id, one.status) for one in swings] == [("s3", "STARTED"), ("s1", "AI_COMPLETED")]
    assert [one.analysis_id for one in golfer.recent_swings(1)] == ["s3"]
    assert golfer.swing("s2") is None


def test_why_a_swing_failed_is_told(stored: Catalog, store: ObjectStore) -> None:
    stored.fail("s3", SwingError(ErrorCode.NO_GOLFER, "Nobody is in the picture."))
    (latest,) = StoredGolfer(stored, store, "ann").recent_swings(1)
    assert (latest.status, latest.error_message) == (Status.FAILED, "Nobody is in the picture.")


@pytest.mark.parametrize(
    "analysis_id", ["b1", "g1", "s3", "none", "", "../bob/b1", "s1/../b1", "\x00", "%", "x" * 2000]
)
def test_whatever_id_is_asked_for_no_others_swing_and_no_unfinished_one_comes_out(
    stored: Catalog, store: ObjectStore, analysis_id: str
) -> None:
    golfer = StoredGolfer(stored, store, "ann")
    assert golfer.swing(analysis_id) is None
    assert golfer.comparison("s1", analysis_id) is None
    assert golfer.comparison(analysis_id, "s1") is None


def test_a_guest_has_the_one_swing_that_they_name_and_nothing_else(stored: Catalog, store: ObjectStore) -> None:
    golfer = StoredGolfer(stored, store, GUEST, only="g1")
    assert golfer.swing("g1") is not None
    assert [one.analysis_id for one in golfer.recent_swings(5)] == ["g1"]
    assert golfer.recent_swings(0) == ()
    assert [golfer.swing(name) for name in ("g2", "b1")] == [None, None]
    assert golfer.comparison("g1", "g2") is None
    assert golfer.profile() is None


@pytest.mark.parametrize("only", [None, "b1", "none"])
def test_a_guest_who_names_no_guests_swing_has_none(stored: Catalog, store: ObjectStore, only: str | None) -> None:
    golfer = StoredGolfer(stored, store, GUEST, only=only)
    assert golfer.recent_swings(5) == ()
    assert [golfer.swing(name) for name in ("g1", "b1", "none")] == [None] * 3


def test_only_a_guest_is_held_to_one_swing(stored: Catalog, store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="only a guest"):
        StoredGolfer(stored, store, "ann", only="s1")


def test_two_swings_are_compared_as_the_command_compares_them(stored: Catalog, store: ObjectStore) -> None:
    comparison = StoredGolfer(stored, store, "ann").comparison("s1", "s2")
    assert comparison is not None
    assert comparison.comparable
    assert [(one.first, one.second, one.verdict) for one in comparison.metrics] == [(30.0, 12.0, "better")]


def test_swings_that_different_versions_measured_do_not_compare(stored: Catalog, store: ObjectStore) -> None:
    finished(stored, store, "ann", "s4", result("s4", 9.0, VERSIONS | {"metrics": "2"}))
    comparison = StoredGolfer(stored, store, "ann").comparison("s1", "s4")
    assert comparison is not None
    assert not comparison.comparable
    assert "metrics 1 and 2" in comparison.reason


def test_one_answer_reads_a_result_once(stored: Catalog, store: ObjectStore) -> None:
    read = _Counting.connect(store.bucket, store.client.meta.endpoint_url, "us-east-1")
    golfer = StoredGolfer(stored, read, "ann")
    for _ in range(3):
        golfer.swing("s1")
        golfer.comparison("s1", "s2")
        golfer.swing("none")
        golfer.profile()
    assert len(read.keys) == 2
    assert StoredGolfer(stored, read, "ann").swing("s1") is not None
    assert len(read.keys) == 3


def test_the_profile_is_the_stored_one(stored: Catalog, store: ObjectStore) -> None:
    assert StoredGolfer(stored, store, "ann").profile() is None
    profile = build_profile("ann", [])
    key = profile_key("ann", profile.algorithm_version)
    store.put_bytes(key, profile.model_dump_json().encode(), "application/json")
    record = stored.get("s2")
    assert record is not None
    profiles.record_profile(stored.engine, "ann", profile.algorithm_version, key, record.completed_at)
    assert StoredGolfer(stored, store, "ann").profile() == profile
    assert StoredGolfer(stored, store, "bob").profile() is None


def test_a_result_that_is_gone_or_of_another_shape_is_none(stored: Catalog, store: ObjectStore) -> None:
    first, second = (stored.stages(name)["result"].key for name in ("s1", "s2"))
    store.client.delete_object(Bucket=store.bucket, Key=first)
    store.put_bytes(second, b'{"schema_version": "0.1"}', "application/json")
    golfer = StoredGolfer(stored, store, "ann")
    assert [golfer.swing("s1"), golfer.swing("s2")] == [None, None]


def test_stores_that_do_not_answer_are_one_error(stored: Catalog, store: ObjectStore, tmp_path: Path) -> None:
    no_tables = Catalog(f"sqlite:///{tmp_path / 'empty.db'}")
    no_bucket = ObjectStore.connect("nowhere", store.client.meta.endpoint_url, "us-east-1")
    for golfer in (StoredGolfer(no_tables, store, "ann"), StoredGolfer(stored, no_bucket, "ann")):
        with pytest.raises(SwingError) as caught:
            golfer.swing("s1")
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.STORAGE_UNAVAILABLE, True)
    with pytest.raises(SwingError):
        StoredGolfer(no_tables, store, "ann").recent_swings(1)
    no_tables.engine.dispose()


class _Counting(ObjectStore):
    """The store, noting what is read."""

    def __init__(self, *made_of: Any) -> None:
        super().__init__(*made_of)
        self.keys: list[str] = []

    def get_bytes(self, key: str) -> bytes:
        self.keys.append(key)
        return super().get_bytes(key)
