"""Removing rows that decide nothing any more: limits that nobody ran into lately, idempotency keys past their time.

Nothing depends on it but the size of the tables: whoever reads such a row treats it as if it were not there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Table, delete, select, tuple_

from golf_pipeline.storage.rates import LONGEST_WINDOW_S
from golf_pipeline.storage.tables import idempotency_keys, rate_limits

MOST_ROWS = 1000


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


def _remove(engine: Engine, table: Table, old: ColumnElement[bool], most_rows: int) -> int:
    names = list(table.primary_key.columns)
    some = select(*names).where(old).limit(most_rows)
    # `old` a second time: a row that was renewed while this waited for it stays.
    with engine.begin() as connection:
        return connection.execute(delete(table).where(tuple_(*names).in_(some), old)).rowcount
