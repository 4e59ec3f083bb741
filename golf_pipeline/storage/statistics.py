"""Days and golfers in numbers, counted on a schedule and kept: they outlast the rows that they were counted from.

A day (UTC) is counted from that day's rows alone, each found along an index, so a day of a system with millions of
swings costs what a day of a small one does. Counting again replaces what was counted before: an hour that was missed
is made up for by the next one. Deleted swings count nowhere, and guests are nobody's golfers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select, union_all

from golf_pipeline.storage import database
from golf_pipeline.storage.golfer_stats import count_swings, epoch_seconds
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import (
    analyses,
    conversations,
    daily_statistics,
    golfer_statistics,
    golfers,
    messages,
    model_usage,
    stage_outputs,
)
from golf_pipeline.swing.errors import ErrorCode

REFUSALS = frozenset(
    {
        ErrorCode.NOT_AN_UPLOAD,
        ErrorCode.VIDEO_EMPTY,
        ErrorCode.VIDEO_TOO_LARGE,
        ErrorCode.VIDEO_UNREADABLE,
        ErrorCode.VIDEO_TRUNCATED,
        ErrorCode.VIDEO_WITHOUT_PICTURE,
        ErrorCode.VIDEO_TOO_SHORT,
        ErrorCode.VIDEO_TOO_LONG,
        ErrorCode.VIDEO_DIMENSIONS,
        ErrorCode.NO_GOLFER,
        ErrorCode.NO_COMPLETE_SWING,
    }
)
"""Failures that say something of the video and nothing of us."""

LATE = timedelta(minutes=10)
"""A change may be committed so long after the moment that it carries; clocks of two machines differ by less."""

MOST_DAYS = 31
"""Days that are counted in one go: a month without a count is made up for."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class StoredStatistics(BaseModel):
    """How all statistics are kept: whoever reads older ones finds fields of later versions at their defaults."""

    model_config = ConfigDict(frozen=True)


class WaitingTime(StoredStatistics):
    """Seconds from upload to result, of nearest rank."""

    median_s: float
    p95_s: float


class DailyStatistics(StoredStatistics):
    """A day (UTC) of the whole system."""

    day: date
    uploads: int = Field(description="videos that came on that day")
    completed: int = Field(description="swings whose analysis ended well on that day, again or for the first time")
    failed: int = Field(description="swings that failed on that day, refused ones among them")
    refused: int = Field(description="of those that failed: because of the video")
    failures: dict[str, int] = Field(description="swings that failed on that day, by error code")
    golfers_active: int = Field(description="golfers of whom a video came; guests are not known apart")
    waiting_time: WaitingTime | None = Field(description="of that day's uploads with a result; None: there is none")
    stage_seconds: dict[str, float] = Field(description="seconds of work on outputs stored on that day, by stage")
    usd: dict[str, float] = Field(description="spent and reserved on models, by purpose")
    chat_messages: int = Field(description="messages of golfers to the coach")


class DatedSwing(StoredStatistics):
    """A swing and when its video came."""

    analysis_id: str
    recorded_at: datetime


class GolferStatistics(StoredStatistics):
    """A golfer's swings in numbers, as of a moment."""

    user_id: str
    as_of: datetime
    by_status: dict[Status, int]
    swings_per_month: dict[str, int] = Field(description="year and month (UTC) with its finished swings; 12 months")
    practices: int
    first: DatedSwing | None = Field(description="the first finished swing")
    latest: DatedSwing | None = Field(description="the latest finished swing")


# -- days --------------------------------------------------------------------------------------------------------------


def count_day(connection: Connection, day: date) -> DailyStatistics:
    """Count a day (UTC) as the rows say now."""
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    alive = analyses.c.deleted_at.is_(None)
    came = and_(analyses.c.uploaded_at >= start, analyses.c.uploaded_at < end, alive)
    ended = and_(analyses.c.completed_at >= start, analyses.c.completed_at < end, alive)
    uploads = connection.execute(select(func.count()).select_from(analyses).where(came)).scalar_one()
    active = select(func.count(analyses.c.user_id.distinct())).where(came, analyses.c.user_id != GUEST)
    ends = select(analyses.c.status, analyses.c.error_code, func.count()).where(ended)
    completed, failures = 0, dict[str, int]()
    for status, code, count in connection.execute(ends.group_by(analyses.c.status, analyses.c.error_code)):
        if status == Status.AI_COMPLETED:
            completed += count
        elif status == Status.FAILED:
            failures[code or ""] = count
    work = func.coalesce(func.sum(stage_outputs.c.facts["compute_seconds"].as_float()), 0.0)
    stored = and_(stage_outputs.c.stored_at >= start, stage_outputs.c.stored_at < end)
    stages = connection.execute(select(stage_outputs.c.stage, work).where(stored).group_by(stage_outputs.c.stage))
    money = select(model_usage.c.purpose, model_usage.c.usd).where(model_usage.c.day == day.isoformat())
    return DailyStatistics(
        day=day,
        uploads=uploads,
        completed=completed,
        failed=sum(failures.values()),
        refused=sum(count for code, count in failures.items() if code in REFUSALS),
        failures=dict(sorted(failures.items())),
        golfers_active=connection.execute(active).scalar_one(),
        waiting_time=_waiting_time(connection, and_(came, analyses.c.status == Status.AI_COMPLETED)),
        stage_seconds={stage: float(seconds) for stage, seconds in sorted(map(tuple, stages))},
        usd={row.purpose: row.usd for row in connection.execute(money.order_by(model_usage.c.purpose))},
        chat_messages=_chat_messages(connection, start, end),
    )


def _waiting_time(connection: Connection, finished: ColumnElement[bool]) -> WaitingTime | None:
    # Of uploads of the day and not of results of the day: a re-analysis years later is no waiting time.
    count = connection.execute(select(func.count()).select_from(analyses).where(finished)).scalar_one()
    if not count:
        return None
    seconds = epoch_seconds(connection, analyses.c.completed_at) - epoch_seconds(connection, analyses.c.uploaded_at)

    def ranked(share: float) -> float:
        rank = math.ceil(share * count)
        query = select(seconds.label("seconds")).where(finished).order_by("seconds").offset(rank - 1).limit(1)
        return round(max(0.0, float(connection.execute(query).scalar_one())), 3)

    return WaitingTime(median_s=ranked(0.5), p95_s=ranked(0.95))


def _chat_messages(connection: Connection, start: datetime, end: datetime) -> int:
    said = (
        select(func.count())
        .select_from(messages.join(conversations, conversations.c.conversation_id == messages.c.conversation_id))
        .where(
            conversations.c.last_updated >= start,  # messages have no index by time, conversations have one
            messages.c.timestamp >= start,
            messages.c.timestamp < end,
            messages.c.role == "user",
        )
    )
    return connection.execute(said).scalar_one()


def store_day(engine: Engine, day: date) -> DailyStatistics:
    """Count a day and keep it; counted again, it is replaced.

    Messages are folded into summaries and gone then, so of two counts of them the larger one stands.
    """
    with database.for_reading(engine).connect() as connection:
        counted = count_day(connection, day)
        before = _day(connection, day)
    if before is not None and before.chat_messages > counted.chat_messages:
        counted = counted.model_copy(update={"chat_messages": before.chat_messages})
    values = {"statistics": counted.model_dump(mode="json"), "computed_at": datetime.now(UTC)}
    with engine.begin() as connection:
        database.upsert(connection, daily_statistics, {"day": day.isoformat()}, values)
    return counted


def days_to_count(engine: Engine, today: date) -> list[date]:
    """Yesterday and today, and where nobody counted for longer, from the last day that was, which may have been counted
    before its end; at most `MOST_DAYS`."""
    latest = select(func.max(daily_statistics.c.day)).where(daily_statistics.c.day <= today.isoformat())
    with database.for_reading(engine).connect() as connection:
        stored = connection.execute(latest).scalar()
    yesterday = today - timedelta(days=1)
    first = min(yesterday, date.fromisoformat(stored)) if stored else yesterday
    first = max(first, today - timedelta(days=MOST_DAYS - 1))
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def days(engine: Engine, first: date, last: date) -> list[DailyStatistics]:
    """The days that were kept from the first to the last, in order."""
    query = select(daily_statistics.c.statistics).where(
        daily_statistics.c.day >= first.isoformat(), daily_statistics.c.day <= last.isoformat()
    )
    with database.for_reading(engine).connect() as connection:
        rows = connection.execute(query.order_by(daily_statistics.c.day)).scalars()
        return [DailyStatistics.model_validate(one) for one in rows]


def _day(connection: Connection, day: date) -> DailyStatistics | None:
    query = select(daily_statistics.c.statistics).where(daily_statistics.c.day == day.isoformat())
    stored = connection.execute(query).scalar()
    return None if stored is None else DailyStatistics.model_validate(stored)


# -- golfers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangedGolfer:
    """A golfer of whom something changed, and when."""

    user_id: str
    changed_at: datetime


def changed_golfers(
    engine: Engine, since: datetime, now: datetime, limit: int, after: ChangedGolfer | None = None
) -> Sequence[ChangedGolfer]:
    """Golfers with a change since a moment that their kept statistics may not know, those whose last is oldest first.

    Changes are: an upload, an end, a deletion. Each is found along an index, or in the golfers' own rows.

    Args:
        since: the last `changed_at` that was worked through before. A little more is looked at, as changes come late.
        now: what carries a later time waits.
        after: the last golfer of the page before.
    """
    from_here = since - LATE
    moments: Any = [
        select(analyses.c.user_id, moment.label("at")).where(
            moment >= from_here, moment <= now, analyses.c.user_id != GUEST
        )
        for moment in (analyses.c.uploaded_at, analyses.c.completed_at)
    ]
    # A deletion asks for the golfer's profile to be made again, which is noted there.
    own = select(golfers.c.user_id, golfers.c.updated_at.label("at"))
    moments.append(own.where(golfers.c.updated_at >= from_here, golfers.c.updated_at <= now))
    every = union_all(*moments).subquery()
    latest = select(every.c.user_id, func.max(every.c.at).label("at")).group_by(every.c.user_id).subquery()
    counted_at = golfer_statistics.c.computed_at
    with database.for_reading(engine).connect() as connection:
        known_since = epoch_seconds(connection, counted_at) - epoch_seconds(connection, latest.c.at)
        query = (
            select(latest.c.user_id, latest.c.at)
            .outerjoin(golfer_statistics, golfer_statistics.c.user_id == latest.c.user_id)
            .where(or_(counted_at.is_(None), known_since < LATE.total_seconds()))
        )
        if after is not None:
            same_time = and_(latest.c.at == after.changed_at, latest.c.user_id > after.user_id)
            query = query.where(or_(latest.c.at > after.changed_at, same_time))
        rows = connection.execute(query.order_by(latest.c.at, latest.c.user_id).limit(limit))
        return [ChangedGolfer(row.user_id, row.at) for row in rows]


def store_golfer(engine: Engine, user_id: str, now: datetime) -> GolferStatistics:
    """Count a golfer's swings and keep the numbers."""
    with database.for_reading(engine).connect() as connection:
        counts = count_swings(connection, user_id, now)
    first, latest = (
        DatedSwing(analysis_id=end[0], recorded_at=end[1]) if end else None for end in (counts.first, counts.latest)
    )
    counted = GolferStatistics(
        user_id=user_id,
        as_of=now,
        by_status=counts.by_status,
        swings_per_month=dict(counts.by_month),
        practices=counts.practices,
        first=first,
        latest=latest,
    )
    values = {"statistics": counted.model_dump(mode="json"), "computed_at": now}
    with engine.begin() as connection:
        database.upsert(connection, golfer_statistics, {"user_id": user_id}, values)
    return counted


def golfer(engine: Engine, user_id: str) -> GolferStatistics | None:
    """What was kept of a golfer; None before the first count."""
    query = select(golfer_statistics.c.statistics).where(golfer_statistics.c.user_id == user_id)
    with database.for_reading(engine).connect() as connection:
        stored = connection.execute(query).scalar()
    return None if stored is None else GolferStatistics.model_validate(stored)
