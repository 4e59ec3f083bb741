"""Uploads that were announced and never came end; those that came, or may still come, do not."""

from datetime import UTC, datetime, timedelta

from golf_pipeline.storage.announced import end_announced
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key, upload_key
from golf_pipeline.storage.records import Status
from golf_pipeline_tests.storage.kept_swings import change, record

NOW = datetime.now(UTC)


def announce(catalog: Catalog, name: str, hours_ago: float) -> None:
    catalog.create("bucket", parse_upload_key(upload_key("ann", name, "mp4")))
    change(catalog, name, created_at=NOW - timedelta(hours=hours_ago))


def test_announced_uploads_that_never_came_end_a_bounded_number_at_a_time(catalog: Catalog) -> None:
    for name in ("a", "b", "came"):
        announce(catalog, name, hours_ago=49)
    announce(catalog, "young", hours_ago=47)
    catalog.register_object("bucket", parse_upload_key(upload_key("ann", "came", "mp4")), "etag", 9, NOW)
    before = NOW - timedelta(hours=48)
    assert [end_announced(catalog.engine, before, 1) for _ in range(3)] == [1, 1, 0]
    assert {name: record(catalog, name).status for name in ("a", "b", "came", "young")} == {
        "a": Status.FAILED,
        "b": Status.FAILED,
        "came": Status.STARTED,
        "young": Status.STARTED,
    }
    ended = record(catalog, "a")
    assert (ended.error_code, ended.retryable) == ("UPLOAD_NEVER_CAME", True)
    assert ended.error_message == ended.progress_message == "Your video never reached us. Please upload it again."
    assert ended.completed_at is not None
