"""The housekeeping as Dagster runs it, over a real catalog and a real bucket."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Table, func, insert, select, update

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration import housekeeping
from golf_pipeline.orchestration.housekeeping import hourly_housekeeping_job, housekeeping_job, statistics_job
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.settings import Settings
from golf_pipeline.storage import orphans, statistics
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.idempotency import IdempotencyKeys
from golf_pipeline.storage.keys import parse_upload_key, upload_key
from golf_pipeline.storage.rates import Rate, RateLimiter
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import alarm_states, analyses, conversations, golfers, idempotency_keys, rate_limits
from golf_pipeline_tests.orchestration.conftest import Cloud

FIND = "find_orphaned_outputs"
CHAT = Rate("chat", 9, 3600.0)


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def count(cloud: Cloud, table: Table) -> int:
    with cloud.catalog.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def run(
    cloud: Cloud, instance: dg.DagsterInstance, job: dg.JobDefinition, *ops: str, **settings: Any
) -> dg.ExecuteInProcessResult:
    """Run a job, or some of its ops, under these settings, to its end whatever fails."""
    cloud.catalog.check()  # migrated by whoever comes first, which is never a run
    store = SwingStore(settings=cloud.settings.model_copy(update=settings))
    return job.execute_in_process(
        instance=instance, resources={"swing_store": store}, op_selection=list(ops) or None, raise_on_error=False
    )


def told(result: dg.ExecuteInProcessResult, op: str) -> Mapping[str, Any]:
    """What an op says in its metadata."""
    [output] = [event for event in result.events_for_node(op) if event.is_successful_output]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def age(cloud: Cloud, name: str, **times: datetime) -> None:
    with cloud.catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(analyses.c.analysis_id == name).values(**times))


def test_old_rows_go_all_of_them_and_quiet_conversations_are_archived(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = cloud.catalog.engine
    for number in range(5):
        RateLimiter(engine, lambda: ago(3)).take(CHAT, f"old {number}")
        IdempotencyKeys(engine, 24, lambda: ago(3)).begin("ann", "op", f"old {number}", "a")
    RateLimiter(engine).take(CHAT, "new")
    IdempotencyKeys(engine, 24).begin("ann", "op", "new", "a")
    Conversations(engine, lambda: ago(200)).open("quiet", 1)
    Conversations(engine).open("ann", 1)
    with engine.begin() as connection:
        # What a channel knows of an alarm: without it the channel would be told once more.
        state = {"name": "DeadLetters/webhook", "rings": True, "changed_at": ago(3), "looked_at": ago(3)}
        connection.execute(insert(alarm_states).values(state))

    monkeypatch.setattr(housekeeping, "MOST_ROWS", 2)
    result = run(cloud, instance, housekeeping_job)

    assert result.success
    assert (count(cloud, rate_limits), count(cloud, idempotency_keys), count(cloud, alarm_states)) == (1, 1, 1)
    assert told(result, "tidy_catalog") == {"rate_limits": 5, "idempotency_keys": 5, "archived_conversations": 1}
    with engine.connect() as connection:
        found = connection.execute(select(conversations.c.user_id, conversations.c.conversation_status))
        statuses = {row.user_id: row.conversation_status for row in found}
    assert statuses == {"quiet": "archived", "ann": "active"}


def test_videos_stay_for_ever_unless_a_number_of_days_is_set(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.upload("golf-swings/ann/s1.mp4", b"video")
    cloud.catalog.set_status("s1", Status.AI_COMPLETED, "")
    age(cloud, "s1", uploaded_at=ago(9))
    first = run(cloud, instance, housekeeping_job, "remove_old_videos")
    assert told(first, "remove_old_videos") == {"videos": 0, "kept": "GOLF_VIDEO_RETENTION_DAYS is not set"}
    # The object came a moment ago whatever the row says: a video of some milliseconds' retention is old enough.
    second = run(cloud, instance, housekeeping_job, "remove_old_videos", video_retention_days=1e-9)
    assert told(second, "remove_old_videos") == {"videos": 1, "bytes": 5, "replaced": 0, "is_all": True}
    assert cloud.object_keys() == []
    assert cloud.record("s1").video_removed_at is not None


def test_what_fails_stops_nothing_else(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    RateLimiter(cloud.catalog.engine, lambda: ago(3)).take(CHAT, "old")
    result = run(cloud, instance, housekeeping_job, bucket="no-such-bucket-here")
    failed = {event.node_name for event in result.all_events if event.is_step_failure}
    # Nothing is due for those that list no objects.
    assert failed == {
        "find_orphaned_outputs",
        "find_orphaned_profiles",
        "find_old_answers",
        "find_incomplete_uploads",
    }
    assert told(result, "tidy_catalog")["rate_limits"] == 1
    assert told(result, "remove_superseded_outputs")["outputs"] == 0


def test_a_listing_goes_on_in_the_next_run_and_only_reports(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "PAGES_PER_RUN", 1)
    monkeypatch.setattr(orphans, "PAGE", 2)
    monkeypatch.setattr(orphans, "SETTLED_AFTER", -timedelta(hours=1))
    for number in range(3):
        cloud.put(f"golf-swings/ann/s{number}/pose/1/pose.parquet")
    looked = [told(run(cloud, instance, housekeeping_job, FIND), FIND) for _ in range(3)]
    assert [one["looked_at"] for one in looked] == [2, 1, 2]
    assert looked[1] == {
        "looked_at": 1,
        "orphans": 1,
        "bytes": 5,
        "examples": ["golf-swings/ann/s2/pose/1/pose.parquet"],
        "deleted": 0,
        "after": "begins again",
    }
    deleted = told(run(cloud, instance, housekeeping_job, FIND, delete_orphans=True), FIND)
    assert deleted["deleted"] == 1
    assert len(cloud.object_keys()) == 2


def test_uploads_that_never_came_end_within_the_hour(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.catalog.create(cloud.settings.bucket, parse_upload_key(upload_key("ann", "s1", "mp4")))
    age(cloud, "s1", created_at=ago(3))
    result = run(cloud, instance, hourly_housekeeping_job)
    assert result.success
    assert told(result, "end_announced_uploads") == {"ended": 1}
    assert (cloud.record("s1").status, cloud.record("s1").error_code) == (Status.FAILED, "UPLOAD_NEVER_CAME")


def test_days_and_changed_golfers_are_counted_every_hour(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.upload("golf-swings/ann/s1.mp4", b"video")
    cloud.catalog.set_status("s1", Status.AI_COMPLETED, "")
    first = run(cloud, instance, statistics_job)
    assert len(told(first, "count_days")) == 2
    assert sum(day["uploads"] for day in told(first, "count_days").values()) == 1
    assert told(first, "count_golfers")["golfers"] == 1
    kept = statistics.golfer(cloud.catalog.engine, "ann")
    assert kept is not None
    assert kept.by_status[Status.AI_COMPLETED] == 1
    age(cloud, "s1", uploaded_at=ago(1), completed_at=ago(1))  # counted long after its last change: not again
    with cloud.catalog.engine.begin() as connection:
        connection.execute(update(golfers).values(updated_at=ago(1)))
    assert told(run(cloud, instance, statistics_job), "count_golfers") == {"golfers": 0, "up_to": "no change"}


def test_they_run_without_being_switched_on() -> None:
    schedules = build_defs(Settings()).get_repository_def().schedule_defs
    mine = [one for one in schedules if one.name in {"housekeeping_daily", "housekeeping_hourly", "statistics_hourly"}]
    assert len(mine) == 3
    assert {one.default_status for one in mine} == {dg.DefaultScheduleStatus.RUNNING}
    for schedule in mine:
        tick = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=datetime(2030, 1, 1, 3, 17)))
        assert tick.run_requests is not None
        assert len(tick.run_requests) == 1
