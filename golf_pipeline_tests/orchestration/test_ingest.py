"""Uploads reach the catalog: through the queue, through the listing, once each, and never at the price of a message."""

import logging
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from golf_pipeline.orchestration.ingest import ReconcileCursor, drain_queue, reconcile
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.queue import UploadQueue
from golf_pipeline.storage.records import Status
from golf_pipeline_tests.orchestration.conftest import MAX_RECEIVES, Cloud, in_thread

LOG = logging.getLogger(__name__)


def drain(cloud: Cloud, seconds: float = 1.2) -> dict[str, int]:
    deadline = time.monotonic() + seconds
    settings = cloud.settings
    counts = drain_queue(cloud.sqs, settings.queue_url or "", cloud.catalog, settings.bucket, deadline, LOG)
    return dict(counts.outcomes)


def list_uploads(cloud: Cloud, cursor: ReconcileCursor | None = None) -> tuple[dict[str, int], ReconcileCursor]:
    counts, cursor = reconcile(cloud.objects, cloud.catalog, cursor or ReconcileCursor(), time.monotonic() + 10)
    return dict(counts.outcomes), cursor


def test_a_put_object_becomes_a_pending_swing_and_its_message_is_gone(cloud: Cloud) -> None:
    cloud.put("golf-swings/ann/my swing+1.MP4")
    assert drain(cloud) == {"new": 1}
    record = cloud.record("my swing+1")
    assert (record.user_id, record.status, record.attempt) == ("ann", Status.STARTED, 1)
    assert cloud.messages() == 0
    assert [pending.analysis_id for pending in cloud.catalog.pending(10)] == ["my swing+1"]


def test_a_message_that_arrives_while_the_tick_waits_is_taken_at_once(cloud: Cloud) -> None:
    def put_later() -> None:
        time.sleep(1.0)
        cloud.put("golf-swings/ann/late.mp4")

    put = in_thread(put_later)
    taken_after: list[float] = []
    started = time.monotonic()

    def watch() -> None:
        while cloud.catalog.get("late") is None:
            time.sleep(0.02)
        taken_after.append(time.monotonic() - started)

    watch_thread = in_thread(watch)
    assert drain(cloud, 4.2) == {"new": 1}
    put.join()
    watch_thread.join(5)
    assert taken_after[0] < 2.5


def test_the_same_upload_announced_twice_is_one_swing(cloud: Cloud) -> None:
    cloud.put("golf-swings/ann/twice.mp4")
    cloud.put("golf-swings/ann/twice.mp4")
    assert drain(cloud) == {"new": 1, "known": 1}
    assert cloud.record("twice").attempt == 1


def test_what_the_api_announces_is_read_as_the_upload_that_s3_announces(cloud: Cloud) -> None:
    key = "golf-swings/ann|oidc/my swing+1 ä.mp4"
    upload = parse_upload_key(key)
    cloud.catalog.create(cloud.settings.bucket, upload, session_id="tuesday")
    cloud.put(key)
    queue = UploadQueue.from_settings(cloud.settings)
    assert queue is not None
    queue.send_object_created(cloud.settings.bucket, cloud.objects.head(key))
    assert drain(cloud) == {"new": 1, "known": 1}
    record = cloud.record("my swing+1 ä")
    assert (record.session_id, record.attempt, record.etag is None) == ("tuesday", 1, False)
    assert cloud.messages() == 0


def test_other_bytes_under_the_same_key_begin_a_new_attempt(cloud: Cloud) -> None:
    cloud.put("golf-swings/ann/again.mp4", b"first")
    drain(cloud)
    cloud.catalog.mark_dispatched(["again"])
    cloud.put("golf-swings/ann/again.mp4", b"second")
    assert drain(cloud) == {"new content": 1}
    record = cloud.record("again")
    assert (record.attempt, record.status, record.dispatched_at) == (2, Status.STARTED, None)


def test_outputs_of_the_pipeline_are_not_uploads(cloud: Cloud) -> None:
    cloud.put("golf-swings/ann/monday/overlay/1/overlay.mp4")
    assert drain(cloud) == {"derived": 1}
    assert cloud.catalog.pending(10) == []
    assert cloud.messages() == 0


def test_a_file_in_a_wrong_place_gets_a_failed_record(cloud: Cloud) -> None:
    cloud.put("golf-swings/ann/notes.txt")
    assert drain(cloud) == {"not an upload": 1}
    record = cloud.catalog.by_key(cloud.settings.bucket, "golf-swings/ann/notes.txt")
    assert record is not None
    assert (record.status, record.error_code) == (Status.FAILED, "NOT_AN_UPLOAD")
    assert cloud.messages() == 0
    assert cloud.catalog.pending(10) == []


def test_s3s_own_test_event_is_deleted_in_silence(cloud: Cloud) -> None:
    cloud.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": cloud.settings.bucket})
    assert drain(cloud) == {}
    assert cloud.messages() == 0


@pytest.mark.parametrize("body", ["no json", '{"Records": [{"eventName": "ObjectCreated:Put"}]}', "[]"])
def test_a_malformed_message_is_left_to_the_dead_letter_queue_and_does_not_hold_up_the_next(
    cloud: Cloud, body: str
) -> None:
    cloud.send(body)
    cloud.put("golf-swings/ann/good.mp4")
    assert drain(cloud) == {"malformed": 1, "new": 1}
    assert cloud.messages() == 1


def test_a_malformed_message_ends_in_the_dead_letter_queue(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.send("no json")
    receive = cloud.sqs.receive_message
    monkeypatch.setattr(cloud.sqs, "receive_message", lambda **asked: receive(**{**asked, "VisibilityTimeout": 0}))
    assert drain(cloud, 2.5) == {"malformed": MAX_RECEIVES}
    assert cloud.messages() == 0
    assert cloud.messages(cloud.dead_letter_url) == 1


def test_a_message_about_another_bucket_is_left_to_the_dead_letter_queue(cloud: Cloud) -> None:
    event = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": "elsewhere"}, "object": {"key": "golf-swings/a/b.mp4", "eTag": "e", "size": 1}},
    }
    cloud.send({"Records": [event]})
    assert drain(cloud) == {"foreign bucket": 1}
    assert cloud.messages() == 1
    assert cloud.catalog.get("b") is None


def test_a_message_is_kept_when_the_database_is_gone_at_commit(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.put("golf-swings/ann/kept.mp4")

    def gone(*args: Any) -> None:
        del args
        raise OperationalError("COMMIT", None, Exception("database is gone"))

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "register_object", gone)
        with pytest.raises(OperationalError):
            drain(cloud)
    assert cloud.messages() == 1
    assert cloud.catalog.get("kept") is None


def test_listing_finds_what_events_missed_also_within_the_same_second(cloud: Cloud) -> None:
    for number in range(5):
        cloud.put(f"golf-swings/ann/swing{number}.mp4")
    cloud.put("golf-swings/ann/swing0/pose/1/pose_keypoints.parquet")
    counts, cursor = list_uploads(cloud)
    assert counts == {"new": 5, "known": 0}, "outputs are not even listed"
    assert cursor == ReconcileCursor(None)
    assert list_uploads(cloud)[0] == {"known": 5}


def test_listing_completes_a_record_whose_upload_was_announced_but_never_seen(cloud: Cloud) -> None:
    from golf_pipeline.storage.keys import parse_upload_key

    upload = parse_upload_key("golf-swings/ann/promised.mp4")
    cloud.catalog.create(cloud.settings.bucket, upload)
    assert cloud.catalog.pending(10) == []
    cloud.put(upload.key)
    assert list_uploads(cloud)[0]["new"] == 1
    assert [record.analysis_id for record in cloud.catalog.pending(10)] == ["promised"]


def test_listing_goes_on_after_the_deadline_even_if_the_cursors_object_is_deleted(cloud: Cloud) -> None:
    for name in ("ann/a", "ann/b", "bob/c", "bob/d", "bob/e"):
        cloud.put(f"golf-swings/{name}.mp4")
    counts, cursor = reconcile(cloud.objects, cloud.catalog, ReconcileCursor(), deadline=0.0)
    assert (counts.outcomes["new"], cursor.after) == (2, "golf-swings/ann/b.mp4")
    cloud.s3.delete_object(Bucket=cloud.settings.bucket, Key="golf-swings/ann/b.mp4")
    cloud.put("golf-swings/ann/late.mp4")
    counts, cursor = reconcile(cloud.objects, cloud.catalog, ReconcileCursor.parse(str(cursor)), time.monotonic() + 10)
    assert counts.outcomes == {"new": 4, "known": 0}
    assert cursor == ReconcileCursor(None)


def test_each_tick_of_the_listing_comes_further_however_little_time_it_has(cloud: Cloud) -> None:
    for golfer in ("ann", "ann b", "bob|oidc"):
        for name in ("s1", "s2"):
            cloud.put(f"golf-swings/{golfer}/{name}.mp4")
            cloud.put(f"golf-swings/{golfer}/{name}/pose/1/pose_keypoints.parquet")
    cloud.put("golf-swings/ann.txt")
    cursor, counted = ReconcileCursor(), Counter[str]()
    for _ in range(20):
        counts, cursor = reconcile(cloud.objects, cloud.catalog, cursor, deadline=0.0)
        counted += counts.outcomes
        if cursor == ReconcileCursor(None):
            break
    assert cursor == ReconcileCursor(None)
    assert counted["new"] == 6
    assert counted["not an upload"] >= 1


def test_a_tick_beside_a_queue_looks_at_so_many_golfers_and_the_next_one_goes_on(cloud: Cloud) -> None:
    for golfer in range(5):
        cloud.put(f"golf-swings/{golfer}/s{golfer}.mp4")
    soon = time.monotonic() + 60
    counts, cursor = reconcile(cloud.objects, cloud.catalog, ReconcileCursor(), soon, most_looks=4)
    assert counts.outcomes["new"] == 2
    counts, cursor = reconcile(cloud.objects, cloud.catalog, cursor, soon, most_looks=4)
    assert counts.outcomes["new"] == 2
    counts, cursor = reconcile(cloud.objects, cloud.catalog, cursor, soon, most_looks=4)
    assert (counts.outcomes["new"], cursor) == (1, ReconcileCursor())


@pytest.mark.parametrize("text", [None, "", "{}", "rubbish", "[1]", "3"])
def test_a_cursor_that_cannot_be_read_starts_from_the_beginning(text: str | None) -> None:
    assert ReconcileCursor.parse(text) == ReconcileCursor(None)


def test_a_late_event_of_an_older_object_does_not_bring_it_back(cloud: Cloud) -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    cloud.upload("golf-swings/ann/new.mp4", b"new bytes")
    etag = cloud.record("new").etag
    event = {
        "eventName": "ObjectCreated:Put",
        "eventTime": old.isoformat(),
        "s3": {
            "bucket": {"name": cloud.settings.bucket},
            "object": {"key": "golf-swings/ann/new.mp4", "eTag": "older", "size": 1},
        },
    }
    drain(cloud)
    cloud.send({"Records": [event]})
    assert drain(cloud) == {"known": 1}
    assert cloud.record("new").etag == etag
