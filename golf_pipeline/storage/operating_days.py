"""How many swings came, were completed and failed: by hour, by day, and how long golfers waited.

Today and yesterday are counted along the indexes on the times, so a look costs what two days brought, never what all
years did. Older days are read from `daily_statistics`, where the housekeeping has written them down (`statistics.py`).
Deleted swings are counted nowhere.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, Engine, extract, func, select, text

from golf_pipeline.storage import database
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, daily_statistics, model_usage

HOURS = 24
DAYS = 30
MOST_WAITS = 10_000
"""Swings whose wait is looked at: the latest ones; more would not move a median."""

_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S


class Spread(BaseModel):
    """Seconds of several pieces of work: how many there were, and two of their percentiles (nearest rank)."""

    model_config = ConfigDict(frozen=True)

    count: int
    median_s: float
    p95_s: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread | None":
        """Of these; None where there are none."""
        if not seconds:
            return None
        ranked = sorted(seconds)
        return cls(count=len(ranked), median_s=_ranked(ranked, 50), p95_s=_ranked(ranked, 95))


class Hour(BaseModel):
    """What an hour brought."""

    model_config = ConfigDict(frozen=True)

    start: datetime = Field(description="UTC")
    uploads: int
    completed: int
    failed: int


class Day(BaseModel):
    """What a day (UTC) brought; a count is null where nobody wrote it down."""

    model_config = ConfigDict(frozen=True)

    day: date
    uploads: int | None
    completed: int | None
    failed: int | None
    median_s: float | None = Field(None, description="seconds from upload to result, of that day's uploads")
    p95_s: float | None = None


class Cost(BaseModel):
    """USD on models of one day (UTC) for one purpose, what is reserved included."""

    model_config = ConfigDict(frozen=True)

    day: date
    purpose: str
    usd: float


def hours(engine: Engine, now: datetime) -> tuple[Hour, ...]:
    """The last 24 hours of the clock, oldest first; the last one is not over yet."""
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    counted = _counted(engine, first, _HOUR_S)
    starts = [first + timedelta(hours=passed) for passed in range(HOURS)]
    return tuple(Hour(start=start, **_counts(counted, start)) for start in starts)


def days(engine: Engine, now: datetime) -> tuple[Day, ...]:
    """The last 30 days, oldest first; today is not over yet."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = today - timedelta(days=1)
    counted = _counted(engine, yesterday, _DAY_S)
    kept = _written_down(engine, (today - timedelta(days=DAYS - 1)).date())
    found = []
    for passed in range(DAYS - 1, -1, -1):
        start = today - timedelta(days=passed)
        day = _of_statistics(start.date(), kept.get(start.date().isoformat(), {}))
        found.append(day.model_copy(update=_counts(counted, start)) if start >= yesterday else day)
    return tuple(found)


def upload_to_coaching(engine: Engine, now: datetime) -> Spread | None:
    """Seconds from the upload to the finished result, of swings that came in the last 24 hours and are finished."""
    query = (
        select(analyses.c.uploaded_at, analyses.c.completed_at)
        .where(
            analyses.c.uploaded_at >= now - timedelta(hours=HOURS),
            analyses.c.status == Status.AI_COMPLETED,
            analyses.c.completed_at.is_not(None),
            analyses.c.deleted_at.is_(None),
        )
        .order_by(analyses.c.uploaded_at.desc())
        .limit(MOST_WAITS)
    )
    with database.for_reading(engine).connect() as connection:
        rows = connection.execute(query).all()
    # S3's clock is not ours: a swing may seem to be finished before it came.
    return Spread.of([max(0.0, (done - came).total_seconds()) for came, done in rows])


def costs(engine: Engine, now: datetime) -> tuple[Cost, ...]:
    """What models cost in the last 30 days, by day and purpose, oldest first."""
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    query = select(model_usage.c.day, model_usage.c.purpose, model_usage.c.usd)
    query = query.where(model_usage.c.day >= first.isoformat()).order_by(model_usage.c.day, model_usage.c.purpose)
    with database.for_reading(engine).connect() as connection:
        rows = connection.execute(query).all()
    return tuple(Cost(day=date.fromisoformat(row.day), purpose=row.purpose, usd=row.usd) for row in rows)


def _counted(engine: Engine, since: datetime, step_s: int) -> dict[tuple[str, int], int]:
    """Counts since a moment, by what happened and by the beginning (Unix time) of the step in which it did."""
    came = select(_beginning(analyses.c.uploaded_at, step_s), func.count())
    came = came.where(analyses.c.uploaded_at >= since, analyses.c.deleted_at.is_(None)).group_by(text("beginning"))
    ended = select(_beginning(analyses.c.completed_at, step_s), analyses.c.status, func.count())
    ended = ended.where(analyses.c.completed_at >= since, analyses.c.deleted_at.is_(None))
    ended = ended.group_by(text("beginning"), analyses.c.status)
    with database.for_reading(engine).connect() as connection:
        found = {("uploads", int(start)): count for start, count in connection.execute(came)}
        return found | {(status, int(start)): count for start, status, count in connection.execute(ended)}


def _beginning(moment: Column[Any], step_s: int) -> Any:
    # Whole seconds on SQLite, with a fraction on PostgreSQL: the difference is a whole number on both.
    epoch = extract("epoch", moment)
    return (epoch - epoch % step_s).label("beginning")


def _counts(counted: Mapping[tuple[str, int], int], start: datetime) -> dict[str, int]:
    at = int(start.timestamp())
    names = {"uploads": "uploads", "completed": Status.AI_COMPLETED, "failed": Status.FAILED}
    return {name: counted.get((what, at), 0) for name, what in names.items()}


def _written_down(engine: Engine, since: date) -> dict[str, Mapping[str, Any]]:
    query = select(daily_statistics.c.day, daily_statistics.c.statistics)
    with database.for_reading(engine).connect() as connection:
        rows = connection.execute(query.where(daily_statistics.c.day >= since.isoformat())).all()
    return {row.day: row.statistics for row in rows if isinstance(row.statistics, Mapping)}


def _of_statistics(day: date, document: Mapping[str, Any]) -> Day:
    """A day as it was written down (`statistics.DailyStatistics`), maybe by another version.

    What is not there is not known: one old document must not cost the operator the page's other days.
    """
    waited = document.get("waiting_time")
    waited = waited if isinstance(waited, Mapping) else {}
    counts = {name: document.get(name) for name in ("uploads", "completed", "failed")}
    seconds = {name: waited.get(name) for name in ("median_s", "p95_s")}
    return Day(
        day=day,
        **{name: value if isinstance(value, int) else None for name, value in counts.items()},
        **{name: float(value) if isinstance(value, int | float) else None for name, value in seconds.items()},
    )


def _ranked(ranked: Sequence[float], percent: int) -> float:
    return ranked[-(-percent * len(ranked) // 100) - 1]
