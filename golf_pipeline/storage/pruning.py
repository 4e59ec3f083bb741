"""Removing rows that decide nothing any more, a bounded number at a time: limits that nobody ran into lately,
idempotency keys past their time, old money, backfills long over, failures of golfers who are gone.

Nothing depends on it but the size of the tables: whoever reads such a row treats it as if it were not there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Table, delete, exists, select, tuple_

from golf_pipeline.storage.rates import LONGEST_WINDOW_S
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import (
    analyses,
    backfill_items,
    backfills,
    idempotency_keys,
    profile_failures,
    profiles,
    rate_limits,
    user_usage,
)

MOST_ROWS = 1000
USAGE_KEPT = timedelta(days=365)
"""What a golfer cost: limits look at today only, a bill at a year."""

BACKFILLS_KEPT = timedelta(days=180)


@dataclass(frozen=True)
class Pruned:
    """How many rows of each table were removed."""

    rate_limits: int
    idempotency_keys: int


def prune(
    engine: Engine, idempotency_hours: float, *, most_rows: int = MOST_ROWS, now: datetime | None = None
) -> Pruned:
    """Remove what is too old to decide anything, at most `most_rows` of each table in a call; call again for the rest.

    Args:
        idempotency_hours: how long a key is remembered, as `IdempotencyKeys` is told.
    """
    now = now or datetime.now(UTC)
    unused_since = rate_limits.c.updated_at < now - timedelta(seconds=LONGEST_WINDOW_S)
    expired = idempotency_keys.c.created_at < now - timedelta(hours=idempotency_hours)
    return Pruned(
        _remove(engine, rate_limits, unused_since, most_rows),
        _remove(engine, idempotency_keys, expired, most_rows),
    )


def prune_usage(engine: Engine, now: datetime, most_rows: int = MOST_ROWS) -> int:
    """Remove what golfers cost more than `USAGE_KEPT` ago; returns how many rows. What each day cost in all stays."""
    last_day = (now - USAGE_KEPT).astimezone(UTC).date().isoformat()
    return _remove(engine, user_usage, user_usage.c.day < last_day, most_rows)


def prune_backfills(engine: Engine, now: datetime, most_rows: int = MOST_ROWS) -> int:
    """Remove backfills that were over `BACKFILLS_KEPT` ago, their swings first; returns how many rows of both.

    A backfill may have a million swings: deleting it at once would hold its tables for minutes.
    """
    long_over = select(backfills.c.backfill_id).where(backfills.c.ended_at < now - BACKFILLS_KEPT)
    items = _remove(engine, backfill_items, backfill_items.c.backfill_id.in_(long_over), most_rows)
    if items == most_rows:
        return items
    empty = ~exists().where(backfill_items.c.backfill_id == backfills.c.backfill_id)
    return items + _remove(engine, backfills, (backfills.c.ended_at < now - BACKFILLS_KEPT) & empty, most_rows)


def prune_profile_failures(engine: Engine, most_rows: int = MOST_ROWS) -> int:
    """Remove what failed about golfers who have neither a finished swing nor a profile; returns how many."""
    has_swing = exists().where(
        analyses.c.user_id == profile_failures.c.user_id, analyses.c.status == Status.AI_COMPLETED
    )
    has_profile = exists().where(profiles.c.user_id == profile_failures.c.user_id)
    return _remove(engine, profile_failures, ~has_swing & ~has_profile, most_rows)


def _remove(engine: Engine, table: Table, old: ColumnElement[bool], most_rows: int) -> int:
    names = list(table.primary_key.columns)
    some = select(*names).where(old).limit(most_rows)
    # `old` a second time: a row that was renewed while this waited for it stays.
    with engine.begin() as connection:
        return connection.execute(delete(table).where(tuple_(*names).in_(some), old)).rowcount
