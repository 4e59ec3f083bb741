"""Uploads and replaced outputs go when they have been kept for long enough, and nothing goes that is still needed."""

from datetime import timedelta

import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.retention import remove_old_videos, remove_superseded
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.storage.kept_swings import (
    LATER,
    NOW,
    backfill,
    change,
    names_in,
    output,
    record,
    replaced_rows,
    superseded,
    uploaded,
)


def test_old_videos_go_and_what_is_under_way_or_new_stays(catalog: Catalog, store: ObjectStore) -> None:
    for name in ("old", "again", "gone"):
        uploaded(catalog, store, name)
    uploaded(catalog, store, "refused", Status.FAILED)
    uploaded(catalog, store, "waits", Status.STARTED)
    uploaded(catalog, store, "busy", Status.PROCESSING)
    change(catalog, "old", uploaded_at=NOW - timedelta(days=3))
    output(catalog, store, "old", "result", "result/2/result.json")
    backfill(catalog, ["again"], over_at=None, item_over=False)
    store.delete(["golf-swings/ann/gone.mp4"])

    assert remove_old_videos(catalog, store, NOW - timedelta(days=2), most=9).videos == 0, "its object is newer"
    removed = remove_old_videos(catalog, store, LATER, most=9)

    assert (removed.videos, removed.bytes, removed.replaced, removed.is_all) == (3, 3 + 4 + 7, 0, True)
    assert names_in(store) == {"again.mp4", "waits.mp4", "busy.mp4", "old/result/2/result.json"}
    assert all(record(catalog, name).video_removed_at for name in ("old", "refused", "gone"))
    assert not any(record(catalog, name).video_removed_at for name in ("again", "waits", "busy"))
    assert record(catalog, "old").status == Status.AI_COMPLETED
    assert remove_old_videos(catalog, store, LATER, most=9).videos == 0


def test_a_call_removes_a_bounded_number_of_videos_and_the_next_goes_on(store: ObjectStore, sqlite: Catalog) -> None:
    for number in range(5):
        uploaded(sqlite, store, f"s{number}")
        change(sqlite, f"s{number}", uploaded_at=NOW - timedelta(days=9))  # all at the same moment
    removed = [remove_old_videos(sqlite, store, LATER, most=2) for _ in range(3)]
    assert [(one.videos, one.is_all) for one in removed] == [(2, False), (2, False), (1, True)]
    assert names_in(store) == set()


def test_an_upload_that_the_catalog_does_not_know_yet_is_not_taken_for_the_old_one(
    store: ObjectStore, sqlite: Catalog
) -> None:
    swing = uploaded(sqlite, store, "s1")
    store.put_bytes(swing.s3_key, b"another video", "video/mp4")
    removed = remove_old_videos(sqlite, store, LATER, most=9)
    assert (removed.videos, removed.replaced) == (0, 1)
    assert store.get_bytes(swing.s3_key) == b"another video"
    assert record(sqlite, "s1").video_removed_at is None


def test_a_deletion_that_breaks_off_leaves_no_mark_and_is_done_again(sqlite: Catalog, store: ObjectStore) -> None:
    uploaded(sqlite, store, "s1")

    class BreaksOff(ObjectStore):
        def delete(self, keys: object) -> int:
            store.delete(keys)  # type: ignore[arg-type]
            raise SwingError(ErrorCode.STORAGE_UNAVAILABLE, "No answer.", retryable=True)

    with pytest.raises(SwingError):
        remove_old_videos(
            sqlite, BreaksOff.connect(store.bucket, store.client.meta.endpoint_url, "us-east-1"), LATER, most=9
        )
    assert names_in(store) == set()
    assert record(sqlite, "s1").video_removed_at is None
    assert remove_old_videos(sqlite, store, LATER, most=9).videos == 1
    assert record(sqlite, "s1").video_removed_at is not None


def test_a_late_event_and_a_listing_do_not_bring_a_removed_video_back(sqlite: Catalog, store: ObjectStore) -> None:
    swing = uploaded(sqlite, store, "s1")
    remove_old_videos(sqlite, store, LATER, most=9)
    assert swing.etag and swing.size_bytes and swing.uploaded_at
    late, _ = sqlite.register_object(
        store.bucket, parse_upload_key(swing.s3_key), swing.etag, swing.size_bytes, swing.uploaded_at
    )
    assert (late.status, late.attempt) == (Status.AI_COMPLETED, 1)
    assert late.video_removed_at is not None
    assert sqlite.pending(9) == []


def test_replaced_outputs_go_when_they_are_old_and_nothing_names_them(catalog: Catalog, store: ObjectStore) -> None:
    old, young = NOW - timedelta(days=40), NOW - timedelta(days=5)
    for name in ("s1", "reverted", "compared", "s4", "noted-before"):
        uploaded(catalog, store, name)
    uploaded(catalog, store, "busy", Status.PROCESSING)
    output(catalog, store, "s1", "metrics", "metrics/2/metrics.json")
    superseded(catalog, store, "s1", old, "metrics/1/metrics.json", "metrics/1/table.parquet")
    superseded(catalog, store, "s1", young, "metrics/1b/metrics.json")
    output(catalog, store, "reverted", "metrics", "metrics/1/metrics.json")
    superseded(catalog, store, "reverted", old, "metrics/1/metrics.json", "metrics/1/table.parquet")
    superseded(catalog, store, "compared", old, "result/1/result.json")
    key = "golf-swings/ann/compared/result/1/result.json"
    backfill(catalog, ["compared"], over_at=young, old_result_key=key)
    superseded(catalog, store, "s4", old, "metrics/1/metrics.json")
    superseded(catalog, store, "s4", young, "metrics/1/metrics.json")
    output(catalog, store, "noted-before", "metrics", "metrics/1/metrics.json", "metrics/1/t.parquet", noted=False)
    superseded(catalog, store, "noted-before", old, "metrics/1/t.parquet")
    superseded(catalog, store, "busy", old, "metrics/1/metrics.json")

    removed = remove_superseded(catalog, store, NOW - timedelta(days=30), most=99)

    assert (removed.outputs, removed.objects, removed.kept, removed.is_all) == (4, 3, 2, True)
    left = {name for name in names_in(store) if "/" in name}
    assert left == {
        "s1/metrics/2/metrics.json",
        "s1/metrics/1b/metrics.json",
        "reverted/metrics/1/metrics.json",
        "compared/result/1/result.json",
        "s4/metrics/1/metrics.json",
        "noted-before/metrics/1/metrics.json",
        "noted-before/metrics/1/t.parquet",
        "busy/metrics/1/metrics.json",
    }
    assert replaced_rows(catalog) == 4
    over = remove_superseded(catalog, store, LATER, most=99)
    assert (over.outputs, over.kept) == (3, 1), "the comparison was over by then, the swing under way is not"


def test_outputs_that_could_not_be_deleted_are_not_forgotten(sqlite: Catalog, store: ObjectStore) -> None:
    uploaded(sqlite, store, "s1")
    superseded(sqlite, store, "s1", NOW, "metrics/1/metrics.json")
    nowhere = ObjectStore.connect("no-such-bucket-here", store.client.meta.endpoint_url, "us-east-1")
    with pytest.raises(SwingError):
        remove_superseded(sqlite, nowhere, LATER, most=9)
    assert replaced_rows(sqlite) == 1
    assert remove_superseded(sqlite, store, LATER, most=9).objects == 1
