"""A golfer's swings in numbers, counted by the database: of thousands of swings, a dozen numbers come over the wire.

Each query reads one golfer's rows by the index on `user_id`. Deleted swings count nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing.trend import PRACTICE_GAP

MONTHS = 12


@dataclass(frozen=True)
class SwingCounts:
    """How many swings, when, and in how many practices; times and practices are of finished swings."""

    by_status: dict[Status, int]
    by_month: tuple[tuple[str, int], ...]
    """Year and month (UTC) with its finished swings, oldest first, the current month last."""
    practices: int
    first: tuple[str, datetime] | None
    latest: tuple[str, datetime] | None
    """Id and time of the first and of the latest finished swing."""


def count_swings(connection: Connection, user_id: str, now: datetime) -> SwingCounts:
    """Count a golfer's swings as of a moment."""
    alive = and_(analyses.c.user_id == user_id, analyses.c.deleted_at.is_(None))
    statuses = select(analyses.c.status, func.count()).where(alive).group_by(analyses.c.status)
    counts = {Status(status): count for status, count in connection.execute(statuses)}
    finished = and_(alive, analyses.c.status == Status.AI_COMPLETED)
    recorded_at = func.coalesce(analyses.c.uploaded_at, analyses.c.created_at)
    return SwingCounts(
        by_status={status: counts.get(status, 0) for status in Status},
        by_month=_by_month(connection, finished, recorded_at, last_months(now)),
        practices=_practices(connection, finished, recorded_at),
        first=_end(connection, finished, recorded_at, recorded_at.asc()),
        latest=_end(connection, finished, recorded_at, recorded_at.desc()),
    )


def last_months(now: datetime, count: int = MONTHS) -> tuple[datetime, ...]:
    """The beginnings (UTC) of this many months, oldest first, and of the one after `now`."""
    today = now.astimezone(UTC)
    this = today.year * 12 + today.month - 1
    return tuple(datetime(one // 12, one % 12 + 1, 1, tzinfo=UTC) for one in range(this - count + 1, this + 2))


def _by_month(
    connection: Connection, finished: ColumnElement[bool], recorded_at: Any, months: Sequence[datetime]
) -> tuple[tuple[str, int], ...]:
    spans = list(pairwise(months))
    sums = [
        func.coalesce(func.sum(case((and_(recorded_at >= start, recorded_at < end), 1), else_=0)), 0)
        for start, end in spans
    ]
    row = connection.execute(select(*sums).where(finished)).one()
    return tuple((f"{start:%Y-%m}", int(count)) for (start, _), count in zip(spans, row, strict=True))


def _practices(connection: Connection, finished: ColumnElement[bool], recorded_at: Any) -> int:
    """Swings further apart than `PRACTICE_GAP` belong to two practices, as in the profile."""
    seconds = epoch_seconds(connection, recorded_at)
    times = (
        select(seconds.label("at"), func.lag(seconds).over(order_by=seconds).label("before")).where(finished).subquery()
    )
    begins = or_(times.c.before.is_(None), times.c.at - times.c.before > PRACTICE_GAP.total_seconds())
    return connection.execute(select(func.count()).select_from(times).where(begins)).scalar_one()


def epoch_seconds(connection: Connection, time: Any) -> ColumnElement[Any]:
    """Seconds since a fixed moment of the database's own: differences are exact to a millisecond."""
    if connection.dialect.name == "sqlite":
        return func.julianday(time) * 86_400.0
    return func.extract("epoch", time)


def _end(
    connection: Connection, finished: ColumnElement[bool], recorded_at: Any, order: Any
) -> tuple[str, datetime] | None:
    query = select(analyses.c.analysis_id, recorded_at.label("at")).where(finished)
    row = connection.execute(query.order_by(order, analyses.c.analysis_id).limit(1)).first()
    return None if row is None else (row.analysis_id, row.at)
