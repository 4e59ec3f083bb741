"""The daily housekeeping as Dagster runs it, over a real catalog."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from sqlalchemy import Table, func, select

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration import housekeeping
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.idempotency import IdempotencyKeys
from golf_pipeline.storage.rates import Rate, RateLimiter
from golf_pipeline.storage.tables import conversations, idempotency_keys, rate_limits
from golf_pipeline_tests.orchestration.conftest import Cloud

CHAT = Rate("chat", 9, 3600.0)


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def count(cloud: Cloud, table: Table) -> int:
    with cloud.catalog.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_old_rows_go_all_of_them_and_quiet_conversations_are_archived(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = cloud.catalog.engine
    for number in range(5):
        RateLimiter(engine, lambda: ago(3)).take(CHAT, f"old {number}")
        IdempotencyKeys(engine, 24, lambda: ago(3)).begin("ann", "op", f"old {number}", "a")
    RateLimiter(engine).take(CHAT, "new")
    IdempotencyKeys(engine, 24).begin("ann", "op", "new", "a")
    Conversations(engine, lambda: ago(200)).open("quiet", 1)
    Conversations(engine).open("ann", 1)

    monkeypatch.setattr(housekeeping, "MOST_ROWS", 2)
    job = build_defs(cloud.settings).get_repository_def().get_job("housekeeping_job")
    result = job.execute_in_process(resources={"swing_store": cloud.store})

    assert result.success
    assert (count(cloud, rate_limits), count(cloud, idempotency_keys)) == (1, 1)
    with engine.connect() as connection:
        found = connection.execute(select(conversations.c.user_id, conversations.c.conversation_status))
        statuses = {row.user_id: row.conversation_status for row in found}
    assert statuses == {"quiet": "archived", "ann": "active"}


def test_it_runs_every_day_without_being_switched_on() -> None:
    [schedule] = build_defs().get_repository_def().schedule_defs
    assert (schedule.job_name, schedule.default_status) == ("housekeeping_job", dg.DefaultScheduleStatus.RUNNING)
    tick = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=datetime(2030, 1, 1, 3, 17)))
    assert tick.run_requests is not None
    assert len(tick.run_requests) == 1
