"""Deleting swings, on both databases and a real S3: all of it goes, nothing else does, whatever breaks off."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.deletion import SETTLED_AFTER, TRIED_AGAIN_AFTER, delete_swing, finish_deletions
from golf_pipeline.storage.idempotency import Begun, Busy, IdempotencyKeys, Replay
from golf_pipeline.storage.keys import (
    frame_key,
    metric_history_key,
    output_key,
    parse_upload_key,
    profile_key,
    user_context_key,
)
from golf_pipeline.storage.listing import list_swings
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.profiles import golfer, record_profile, stored_profile
from golf_pipeline.storage.records import AnalysisRecord, RegisterOutcome, StageOutput, Status
from golf_pipeline.storage.tables import analyses, messages
from golf_pipeline.swing.errors import ErrorCode, SwingError

VERSION = "1"


def swing(catalog: Catalog, store: ObjectStore, name: str = "s1", user: str = "ann") -> AnalysisRecord:
    """A finished swing with an object of each kind."""
    key = f"golf-swings/{user}/{name}.mov"
    store.put_bytes(key, b"video", "video/quicktime")
    facts = store.head(key)
    record, _ = catalog.register_object(store.bucket, parse_upload_key(key), facts.etag, 5, facts.last_modified)
    for made in (
        frame_key(user, name, "frame_001_Frame_at_0.10s.jpg"),
        output_key(user, name, "pose", "1", "keypoints.parquet"),
        output_key(user, name, "pose", "2", "keypoints.parquet"),
        output_key(user, name, "result", "2.1", "result.json"),
    ):
        store.put_bytes(made, b"made of it", "application/octet-stream")
    catalog.mark_dispatched([record.analysis_id])
    catalog.record_stage(
        StageOutput(
            analysis_id=record.analysis_id,
            stage="result",
            version="2.1",
            key=output_key(user, name, "result", "2.1", "r"),
        )
    )
    for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
        catalog.set_status(record.analysis_id, status, status)
    return catalog.get(record.analysis_id) or record


def profile(catalog: Catalog, store: ObjectStore, user: str = "ann") -> None:
    for key in (profile_key(user, VERSION), metric_history_key(user, VERSION), user_context_key(user)):
        store.put_bytes(key, b"{}", "application/json")
    record_profile(catalog.engine, user, VERSION, profile_key(user, VERSION), datetime.now(UTC))


def keys(store: ObjectStore) -> list[str]:
    return [found.key for found in store.list_objects("")]


def test_everything_of_the_swing_goes_and_a_tombstone_stays(catalog: Catalog, store: ObjectStore) -> None:
    record = swing(catalog, store)
    assert delete_swing(catalog, store, record) == 5
    assert keys(store) == []
    assert catalog.stages("s1") == {}
    tombstone = catalog.get("s1")
    assert tombstone is not None
    assert (tombstone.status, tombstone.error_code, tombstone.attempt) == (Status.FAILED, "DELETED", 2)
    assert tombstone.deleted_at is not None
    assert (tombstone.user_email, tombstone.user_name, tombstone.session_id) == (None, None, None)
    assert tombstone.content_sha256 is None
    assert list_swings(catalog, "ann", 50) == []


def test_what_only_begins_like_the_swing_stays(catalog: Catalog, store: ObjectStore) -> None:
    record = swing(catalog, store, "a")
    for other in ("ab", "a-b", "a.b"):
        swing(catalog, store, other)
    swing(catalog, store, "bob-a", user="bob")
    others = [key for key in keys(store) if not key.startswith(("golf-swings/ann/a/", "golf-swings/ann/a.mov"))]
    delete_swing(catalog, store, record)
    assert keys(store) == others
    assert len(others) == 20


def test_deleting_again_changes_nothing(catalog: Catalog, store: ObjectStore) -> None:
    record = swing(catalog, store)
    delete_swing(catalog, store, record)
    first = catalog.get("s1")
    assert delete_swing(catalog, store, record) == 0
    assert catalog.get("s1") == first


def test_a_run_under_way_can_write_no_more(catalog: Catalog, store: ObjectStore) -> None:
    record = swing(catalog, store)
    catalog.request_analysis("s1")
    catalog.mark_dispatched(["s1"])
    running = catalog.get("s1")
    assert running is not None
    delete_swing(catalog, store, record)
    assert not catalog.record_stage(
        StageOutput(analysis_id="s1", stage="pose", version="1", key="k"), attempt=running.attempt
    )
    assert not catalog.set_status("s1", Status.PROCESSING, "Looking", attempt=running.attempt)
    assert not catalog.set_content("s1", "b" * 64, attempt=running.attempt)
    catalog.request_analysis("s1", only_ended=True)  # as a run does that finds the swing FAILED at its end
    assert catalog.mark_dispatched(["s1"]) == []
    assert catalog.stages("s1") == {}


def test_what_a_run_under_way_still_put_is_removed_an_hour_later(catalog: Catalog, store: ObjectStore) -> None:
    delete_swing(catalog, store, swing(catalog, store))
    late = output_key("ann", "s1", "overlay", "1", "overlay.mp4")
    store.put_bytes(late, b"late", "video/mp4")
    assert finish_deletions(catalog, store) == 0
    later = datetime.now(UTC) + SETTLED_AFTER + timedelta(seconds=5)
    assert finish_deletions(catalog, store, now=later) == 1
    assert keys(store) == []
    store.put_bytes(late, b"later still", "video/mp4")
    assert finish_deletions(catalog, store, now=later + timedelta(days=1)) == 0, "it is looked at no more"


def test_a_deletion_that_broke_off_before_the_objects_is_finished_by_the_next_who_comes(
    catalog: Catalog, store: ObjectStore
) -> None:
    record = swing(catalog, store)
    elsewhere = ObjectStore.connect("no-such-bucket-here", store.client.meta.endpoint_url, "us-east-1")
    with pytest.raises(SwingError) as caught:
        delete_swing(catalog, elsewhere, record)
    assert caught.value.code == ErrorCode.STORAGE_UNAVAILABLE
    tombstone = catalog.get("s1")
    assert tombstone is not None
    assert tombstone.deleted_at is not None
    assert len(keys(store)) == 5
    with pytest.raises(SwingError):
        finish_deletions(catalog, elsewhere)
    assert finish_deletions(catalog, store, now=datetime.now(UTC) + TRIED_AGAIN_AFTER) == 5
    assert keys(store) == []


def test_deletions_that_fail_again_and_again_do_not_keep_the_others_waiting(
    catalog: Catalog, store: ObjectStore
) -> None:
    elsewhere = ObjectStore.connect("no-such-bucket-here", store.client.meta.endpoint_url, "us-east-1")
    for name in ("s1", "s2"):
        with pytest.raises(SwingError):
            delete_swing(catalog, elsewhere, swing(catalog, store, name))
    with pytest.raises(SwingError):
        finish_deletions(catalog, elsewhere, limit=1)
    assert finish_deletions(catalog, store, limit=1) == 5
    assert {key.split("/")[2].removesuffix(".mov") for key in keys(store)} == {"s1"}


def test_a_newer_upload_brings_a_deleted_swing_back_and_an_old_event_does_not(
    catalog: Catalog, store: ObjectStore
) -> None:
    record = swing(catalog, store)
    delete_swing(catalog, store, record)
    upload = parse_upload_key("golf-swings/ann/s1.mov")
    tombstone = catalog.get("s1")
    assert tombstone is not None
    assert tombstone.deleted_at is not None
    assert record.uploaded_at is not None
    assert record.etag is not None
    for event_time in (record.uploaded_at, tombstone.deleted_at):
        for etag in (record.etag, "other"):
            found, outcome = catalog.register_object(store.bucket, upload, etag, 5, event_time)
            assert (outcome, found.deleted_at) == (RegisterOutcome.KNOWN, tombstone.deleted_at)
    back, outcome = catalog.register_object(
        store.bucket, upload, record.etag, 5, tombstone.deleted_at + timedelta(seconds=1)
    )
    assert (outcome, back.status, back.deleted_at) == (RegisterOutcome.NEW_CONTENT, Status.STARTED, None)
    assert back.attempt == 3
    assert [one.analysis_id for one in catalog.pending(5)] == ["s1"]
    assert finish_deletions(catalog, store, now=datetime.now(UTC) + timedelta(days=1)) == 0


def test_an_upload_that_came_after_the_deletion_is_not_deleted_with_it(catalog: Catalog, store: ObjectStore) -> None:
    record = swing(catalog, store)
    delete_swing(catalog, store, record)
    with catalog.engine.begin() as connection:  # it was deleted a minute ago, and that deletion is repeated now
        ago = datetime.now(UTC) - timedelta(minutes=1)
        connection.execute(analyses.update().values(deleted_at=ago, purge_at=ago))
    store.put_bytes("golf-swings/ann/s1.mov", b"again", "video/quicktime")
    assert finish_deletions(catalog, store) == 0
    assert keys(store) == ["golf-swings/ann/s1.mov"]


def test_a_clock_of_the_storage_that_is_ahead_does_not_bring_the_swing_back(
    catalog: Catalog, store: ObjectStore
) -> None:
    upload = parse_upload_key("golf-swings/ann/s1.mov")
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    record, _ = catalog.register_object(store.bucket, upload, "e", 5, ahead)
    delete_swing(catalog, store, record)
    assert catalog.register_object(store.bucket, upload, "e", 5, ahead)[1] == RegisterOutcome.KNOWN


def test_the_profile_is_made_again_while_there_are_swings_and_goes_with_the_last(
    catalog: Catalog, store: ObjectStore
) -> None:
    first, second = swing(catalog, store), swing(catalog, store, "s2")
    profile(catalog, store)
    with catalog.engine.connect() as connection:
        before = golfer(connection, "ann").revision
    delete_swing(catalog, store, first)
    with catalog.engine.connect() as connection:
        assert golfer(connection, "ann").revision > before
        assert stored_profile(connection, "ann") is not None
    assert profile_key("ann", VERSION) in keys(store)
    delete_swing(catalog, store, second)
    with catalog.engine.connect() as connection:
        assert stored_profile(connection, "ann") is None
    assert keys(store) == [user_context_key("ann")], "what the golfer says of themselves stays"


def test_messages_about_the_swing_are_forgotten(catalog: Catalog, store: ObjectStore) -> None:
    record = swing(catalog, store)
    Conversations(catalog.engine).post_analysis("ann", "s1", "Your swing: sway.")
    Conversations(catalog.engine).post_analysis("ann", "s2", "Your swing: chicken wing.")
    delete_swing(catalog, store, record)
    with catalog.engine.connect() as connection:
        left = connection.execute(select(messages.c.content)).scalars().all()
    assert left == ["Your swing: chicken wing."]


def test_answers_kept_for_a_repeated_request_are_forgotten_where_they_speak_of_the_swing(
    catalog: Catalog, store: ObjectStore
) -> None:
    record, keys = swing(catalog, store), IdempotencyKeys(catalog.engine, hours=24)
    for key, swing_id in (("first", "s1"), ("second", "s2")):
        keys.begin("ann", "chat", key, "hash")
        keys.finish("ann", "chat", key, 200, {}, b'{"swing_references": ["%s"]}' % swing_id.encode())
    keys.begin("ann", "chat", "under way", "hash")
    delete_swing(catalog, store, record)
    found = [type(keys.begin("ann", "chat", key, "hash")) for key in ("first", "second", "under way")]
    assert found == [Begun, Replay, Busy]


def test_what_never_was_an_upload_is_not_deleted_as_one(catalog: Catalog, store: ObjectStore) -> None:
    store.put_bytes("golf-profiles/ann/1/swing_profile.json", b"{}", "application/json")
    error = SwingError(ErrorCode.NOT_AN_UPLOAD, "This is no upload.")
    record = catalog.register_failure(store.bucket, "golf-profiles/ann/1/swing_profile.json", error)
    assert delete_swing(catalog, store, record) == 0
    assert keys(store) == ["golf-profiles/ann/1/swing_profile.json"]
