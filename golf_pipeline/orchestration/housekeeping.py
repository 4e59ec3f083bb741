"""Housekeeping: once a day, rows that nobody needs any more leave the tables, and conversations gone quiet are closed.

Nothing that a golfer sees depends on it. What it removes is `storage/pruning.py`'s matter, what archiving means
`storage/conversations.py`'s; here is only when it happens.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.pruning import MOST_ROWS, prune

DAILY = "17 3 * * *"
"""UTC; not on the hour, when everything else of an installation starts."""


@dg.op(description="Removes what decides nothing any more and archives conversations in which nothing was said lately.")
def tidy_catalog(context: dg.OpExecutionContext, swing_store: SwingStore) -> None:
    engine, settings, now = swing_store.catalog.engine, swing_store.settings, datetime.now(UTC)
    rate_limits = idempotency_keys = 0
    while True:  # a bounded number of rows in each transaction, as the API writes to the same tables meanwhile
        removed = prune(engine, settings.idempotency_hours, most_rows=MOST_ROWS, now=now)
        rate_limits += removed.rate_limits
        idempotency_keys += removed.idempotency_keys
        if max(removed.rate_limits, removed.idempotency_keys) < MOST_ROWS:
            break
    archived = Conversations(engine).archive_idle(now - timedelta(days=settings.chat_archive_days))
    context.add_output_metadata(
        {"rate_limits": rate_limits, "idempotency_keys": idempotency_keys, "archived_conversations": archived}
    )


@dg.job(
    description="Keeps the catalog's tables from growing for ever.",
    executor_def=dg.in_process_executor,
    tags={"dagster/priority": "-2"},  # a golfer waits for everything else
)
def housekeeping_job() -> None:
    tidy_catalog()


housekeeping_schedule = dg.ScheduleDefinition(
    name="housekeeping_daily",
    job=housekeeping_job,
    cron_schedule=DAILY,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
