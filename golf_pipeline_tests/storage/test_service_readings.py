"""The numbers that alarms are compared with, on both databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from golf_pipeline.settings import Settings
from golf_pipeline.storage import service_readings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload, upload_key
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.service_readings import (
    DAY,
    HOUR,
    Reading,
    ServiceReadings,
    read_catalog,
    read_disk,
    read_queue,
    read_sources,
)
from golf_pipeline.storage.tables import analyses, backfill_items, backfills, model_usage, profile_failures
from golf_pipeline.swing.errors import ErrorCode, SwingError

NOW = datetime(2026, 5, 2, 12, tzinfo=UTC)


def a_swing(catalog: Catalog, name: str, **values: object) -> str:
    upload = Upload("ann", name, "mp4", upload_key("ann", name, "mp4"))
    analysis_id = catalog.register_object("swings", upload, "etag", 1, NOW - HOUR)[0].analysis_id
    if values:
        change = update(analyses).where(analyses.c.analysis_id == analysis_id).values(values)
        with catalog.engine.begin() as connection:
            connection.execute(change)
    return analysis_id


def failed(catalog: Catalog, name: str, code: ErrorCode, ago: timedelta, *, retryable: bool = False) -> None:
    catalog.fail(a_swing(catalog, name), SwingError(code, "x", retryable=retryable))
    a_swing(catalog, name, completed_at=NOW - ago)


def test_a_swing_that_stands_still_is_named_and_one_that_moves_or_waits_is_not(catalog: Catalog) -> None:
    old, new = NOW - timedelta(minutes=46), NOW - timedelta(minutes=44)
    a_swing(catalog, "waits", updated_at=old)
    a_swing(catalog, "moves", dispatched_at=old, updated_at=new)
    a_swing(catalog, "done", dispatched_at=old, updated_at=old, status=Status.AI_COMPLETED)
    a_swing(catalog, "stuck", dispatched_at=old, updated_at=old, status=Status.AI_PROCESSING)
    found = ServiceReadings(catalog.engine, NOW).stuck()
    assert (found.count, found.analysis_ids) == (1, ("stuck",))


def test_failures_of_ours_are_told_from_videos_that_were_refused(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(catalog, "ours", ErrorCode.INTERNAL, timedelta(minutes=50))
    failed(catalog, "yesterday", ErrorCode.STORAGE_UNAVAILABLE, timedelta(hours=20), retryable=True)
    failed(catalog, "long ago", ErrorCode.INTERNAL, timedelta(hours=25))
    failed(catalog, "refused", ErrorCode.NO_COMPLETE_SWING, timedelta(minutes=1))
    failed(catalog, "given up", ErrorCode.UPLOAD_DELETED, timedelta(minutes=1), retryable=True)
    failed(catalog, "deleted", ErrorCode.INTERNAL, timedelta(minutes=1))
    a_swing(catalog, "deleted", deleted_at=NOW)
    readings = ServiceReadings(catalog.engine, NOW)
    assert readings.failed_through_us(HOUR).analysis_ids == ("ours",)
    assert readings.failed_through_us(DAY).analysis_ids == ("ours", "yesterday")
    assert readings.refused(DAY) == 2
    monkeypatch.setattr(service_readings, "NAMED", 1)
    few = readings.failed_through_us(DAY)
    assert (few.count, few.analysis_ids) == (2, ("ours",))


def test_the_catalog_tells_all_its_numbers(catalog: Catalog) -> None:
    settings = Settings(fresh_upload_hours=2, chat_usd_per_day=10, coach_usd_per_day=0)
    empty = read_catalog(catalog.engine, settings, NOW)
    assert set(empty.values()) == {0}
    a_swing(catalog, "a")
    failed(catalog, "b", ErrorCode.INTERNAL, timedelta(minutes=1))
    backfill = {"backfill_id": "f", "created_at": NOW, "created_by": "ann", "selection": {}, "state": "RUNNING"}
    item = {"backfill_id": "f", "tries": 1, "state": "FAILED"}
    with catalog.engine.begin() as connection:
        connection.execute(insert(model_usage).values(day="2026-05-02", purpose="chat", usd=9.6, tokens=1, calls=1))
        connection.execute(insert(backfills).values(**backfill, total=3))
        for name, ended in (("a", NOW - HOUR), ("b", NOW - DAY - HOUR)):
            row = {"analysis_id": name, "handed_out_at": ended - HOUR, "ended_at": ended}
            connection.execute(insert(backfill_items).values(**item, **row))
        for user, failures in (("ann", 2), ("bob", 3)):
            row = {"user_id": user, "failures": failures, "failed_at": NOW, "message": "x"}
            connection.execute(insert(profile_failures).values(row))
    assert read_catalog(catalog.engine, settings, NOW) == {
        Reading.OLDEST_WAITING_S: 3600,
        Reading.SWINGS_STUCK: 0,
        Reading.SWINGS_FAILED_HOUR: 1,
        Reading.PROFILES_FAILING: 1,
        Reading.BACKFILL_FAILURES: 1,
        Reading.MODEL_COST_SHARE: pytest.approx(0.96),
        Reading.UPLOAD_SILENCE: pytest.approx(0.5),
    }
    unasked = read_catalog(catalog.engine, Settings(), NOW)
    assert unasked[Reading.UPLOAD_SILENCE] == 0


def test_without_a_queue_nothing_waits_in_it() -> None:
    assert read_queue(None) == {Reading.QUEUE_WAITING: 0, Reading.DEAD_LETTERS: 0}


def test_the_fullest_disk_counts_and_a_folder_that_is_not_there_does_not(tmp_path: Path) -> None:
    found = read_disk(Settings(work_folder=tmp_path, data_folder=tmp_path / "none"))
    assert 0 < found[Reading.DISK_USED_SHARE] <= 1
    none = Settings(work_folder=tmp_path / "none", data_folder=tmp_path / "none")
    assert read_disk(none) == {Reading.DISK_USED_SHARE: 0}


def test_a_source_that_fails_is_counted_and_the_others_are_read() -> None:
    def broken() -> dict[Reading, float]:
        raise OSError("gone")

    failures: list[str] = []
    found = read_sources(
        {"queue": broken, "disk": lambda: {Reading.DISK_USED_SHARE: 0.5}}, lambda name, _: failures.append(name)
    )
    assert found == {Reading.DISK_USED_SHARE: 0.5, Reading.SOURCES_DOWN: 1}
    assert failures == ["queue"]
