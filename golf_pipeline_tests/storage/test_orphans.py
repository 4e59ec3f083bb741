"""Objects that are nobody's are found page by page, reported, and deleted only when that was asked for."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from golf_pipeline.storage import orphans
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectFacts, ObjectStore
from golf_pipeline.storage.orphans import (
    TooManyOrphansError,
    sweep_answers,
    sweep_incomplete_uploads,
    sweep_profiles,
    sweep_swings,
)
from golf_pipeline.storage.records import Status
from golf_pipeline_tests.storage.kept_swings import (
    LATER,
    NOW,
    backfill,
    change,
    names_in,
    output,
    superseded,
    uploaded,
)


def put(store: ObjectStore, *keys: str) -> None:
    for key in keys:
        store.put_bytes(key, b"12345", "application/json")


def test_outputs_that_no_row_names_are_orphans_and_all_others_are_not(catalog: Catalog, store: ObjectStore) -> None:
    uploaded(catalog, store, "s1")
    output(catalog, store, "s1", "metrics", "metrics/2/metrics.json")
    superseded(catalog, store, "s1", NOW, "metrics/1/metrics.json")
    put(store, "golf-swings/ann/s1/metrics/0/metrics.json", "golf-swings/bob/s1/metrics/2/metrics.json")
    uploaded(catalog, store, "older")  # noted before all names were
    output(catalog, store, "older", "key_frames", "key_frames/1/key_frames.json", noted=False)
    put(store, "golf-swings/ann/older/frames/older/frame_001.jpg", "golf-swings/ann/older/key_frames/1/more.json")
    uploaded(catalog, store, "busy", Status.PROCESSING)
    uploaded(catalog, store, "again")
    backfill(catalog, ["again"], over_at=None, item_over=False)
    uploaded(catalog, store, "buried")
    change(catalog, "buried", deleted_at=NOW, purge_at=NOW)
    put(store, *(f"golf-swings/ann/{name}/pose/1/pose.parquet" for name in ("busy", "again", "buried", "nobody")))
    put(store, "golf-swings/ann/nobody.mp4", "golf-swings/ann/folder/")

    assert sweep_swings(catalog, store, NOW, None, 9).orphans == 0, "they are too young"
    found = sweep_swings(catalog, store, LATER, None, 9)

    expected = [
        "golf-swings/ann/nobody/pose/1/pose.parquet",
        "golf-swings/ann/s1/metrics/0/metrics.json",
        "golf-swings/bob/s1/metrics/2/metrics.json",
    ]
    assert sorted(found.examples) == expected
    assert (found.orphans, found.bytes, found.deleted, found.after) == (3, 15, 0, None)
    before = names_in(store, "")
    assert sweep_swings(catalog, store, LATER, None, 9, delete_share=0.5).deleted == 3
    assert before - names_in(store, "") == set(expected)


def test_a_listing_goes_on_where_it_ended(sqlite: Catalog, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "PAGE", 2)
    put(store, *(f"golf-swings/ann/s{number}/pose/1/pose.parquet" for number in range(5)))
    first = sweep_swings(sqlite, store, LATER, None, 2)
    assert (first.looked_at, first.after) == (4, "golf-swings/ann/s3/pose/1/pose.parquet")
    second = sweep_swings(sqlite, store, LATER, first.after, 2)
    assert (second.looked_at, second.examples, second.after) == (1, ["golf-swings/ann/s4/pose/1/pose.parquet"], None)


def test_where_nearly_everything_seems_to_be_nobodys_nothing_is_deleted(
    sqlite: Catalog, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "FEW", 2)
    put(store, *(f"golf-swings/ann/s{number}/pose/1/pose.parquet" for number in range(5)))
    with pytest.raises(TooManyOrphansError, match="GOLF_CATALOG_URL"):
        sweep_swings(sqlite, store, LATER, None, 9, delete_share=0.2)
    assert len(names_in(store, "")) == 5


def test_what_was_named_between_the_listing_and_the_deletion_stays(
    sqlite: Catalog, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded(sqlite, store, "s1")
    put(store, "golf-swings/ann/s1/metrics/2/metrics.json", "golf-swings/ann/s1/metrics/1/metrics.json")

    class Overtaken(ObjectStore):
        def list_objects(self, prefix: str, start_after: str | None = None) -> Iterator[ObjectFacts]:
            yield from super().list_objects(prefix, start_after)
            output(sqlite, store, "s1", "metrics", "metrics/2/metrics.json")  # a run takes up what an older one left

    monkeypatch.setattr(orphans, "PAGE", 1)
    found = sweep_swings(
        sqlite,
        Overtaken.connect(store.bucket, store.client.meta.endpoint_url, "us-east-1"),
        LATER,
        None,
        9,
        delete_share=0.9,
    )
    assert (found.orphans, found.deleted) == (2, 1)
    assert names_in(store, "golf-swings/ann/s1/") == {"metrics/2/metrics.json"}


def test_profiles_of_unknown_golfers_are_orphans_but_not_what_they_say_of_themselves(
    sqlite: Catalog, store: ObjectStore
) -> None:
    uploaded(sqlite, store, "s1")
    put(store, *(f"golf-profiles/{user}/1/swing_profile.json" for user in ("ann", "nobody")))
    put(store, "golf-profiles/nobody/user_context.json")
    assert sweep_profiles(sqlite, store, NOW, None, 9).orphans == 0
    assert sweep_profiles(sqlite, store, LATER, None, 9).examples == ["golf-profiles/nobody/1/swing_profile.json"]
    assert sweep_profiles(sqlite, store, LATER, None, 9, delete_share=0.2).deleted == 1
    assert names_in(store, "golf-profiles/") == {"ann/1/swing_profile.json", "nobody/user_context.json"}


def test_old_answers_and_uploads_that_never_ended_go_when_that_is_asked_for(store: ObjectStore) -> None:
    put(store, "golf-coaching-answers/a.json", "golf-coaching-answers/b.json")
    assert sweep_answers(store, NOW - timedelta(days=1), None, 9, delete=True).deleted == 0
    assert sweep_answers(store, LATER, None, 9, delete=False).orphans == 2
    assert sweep_answers(store, LATER, None, 9, delete=True).deleted == 2
    upload = store.client.create_multipart_upload(Bucket=store.bucket, Key="golf-swings/ann/s1.mp4")
    key, upload_id = upload["Key"], upload["UploadId"]
    store.client.upload_part(Bucket=store.bucket, Key=key, UploadId=upload_id, PartNumber=1, Body=b"part")
    told = sweep_incomplete_uploads(store, LATER, delete=False)
    assert (told.orphans, told.examples, told.deleted) == (1, ["golf-swings/ann/s1.mp4"], 0)
    assert sweep_incomplete_uploads(store, LATER, delete=True).deleted == 1
    assert sweep_incomplete_uploads(store, LATER, delete=True).looked_at == 0
    store.abort_upload(key, upload_id)  # a second time is no error
