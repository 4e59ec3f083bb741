"""Which golfers' profiles do not know their latest swing or change, found without looking at all swings or golfers.

`stale_among` is the one definition of stale; it looks at few golfers. Who they are comes from two kinds of sources.
What happened lately stands at the end of an index: swings that were completed, swings that were deleted. What that
misses (a changed context, a new version of the profile, a sensor that was switched off for a day) is found by going
round: a page of golfers at each look, along an index, from where the last look ended. So a look costs the same however
many swings and golfers there are; with more golfers a round takes longer.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Integer, and_, func, literal, or_, select

from golf_pipeline.storage import database
from golf_pipeline.storage.backfill_records import ItemState
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, backfill_items, golfers, profiles

RECENT = timedelta(hours=1)
MOST_ENDED = 10_000
"""Ended swings that one look reads at most, the latest; older ones are found by the round."""

MOST_GOLFERS = 200
"""Golfers that one source names at a time."""

GOLFERS_A_PAGE = 200
"""Of the round over swings, which counts each golfer's swings: 100 swings each are 20,000 rows."""

PROFILES_A_PAGE = 2000
"""Of the round over profiles, which reads a row or two a golfer: 10,000 golfers are seen in five looks."""


@dataclass(frozen=True)
class Page:
    """Golfers of one page of a round, and where the next one begins; "" is the beginning."""

    user_ids: list[str]
    next_after: str


def stale_among(engine: Engine, user_ids: Collection[str], version: str) -> set[str]:
    """Those of the golfers whose profile does not know all, or was made by another version than this one.

    A golfer without a finished swing and without a profile needs none; one whose last swing was deleted has a profile
    that must forget it. Never `guest`, an id that strangers share.
    """
    concerned = [user_id for user_id in user_ids if user_id != GUEST]
    unknown = (
        select(analyses.c.user_id)
        .outerjoin(profiles, profiles.c.user_id == analyses.c.user_id)
        .where(analyses.c.user_id.in_(concerned), analyses.c.status == Status.AI_COMPLETED, _is_unknown(analyses))
        .distinct()
    )
    outdated = (
        select(profiles.c.user_id).outerjoin(*_GOLFER).where(profiles.c.user_id.in_(concerned), _outdated(version))
    )
    with database.for_reading(engine).connect() as connection:
        return {*connection.execute(unknown).scalars(), *connection.execute(outdated).scalars()}


def lately_concerned(engine: Engine, now: datetime) -> list[str]:
    """Golfers with a swing completed in the last hour that their profile does not know, the first completed first;
    then those with a swing that was deleted lately."""
    # The status is asked outside: inside it would tempt SQLite to the index over it, with all swings ever completed.
    ended = (
        select(analyses.c.user_id, analyses.c.completed_at, analyses.c.status)
        .where(analyses.c.completed_at > now - RECENT)
        .order_by(analyses.c.completed_at.desc())
        .limit(MOST_ENDED)
        .subquery()
    )
    unknown = (
        select(ended.c.user_id)
        .outerjoin(profiles, profiles.c.user_id == ended.c.user_id)
        .where(ended.c.status == Status.AI_COMPLETED, ended.c.user_id != GUEST, _is_unknown(ended))
        .group_by(ended.c.user_id)
        .order_by(func.min(ended.c.completed_at))
        .limit(MOST_GOLFERS)
    )
    # A tombstone keeps its `purge_at` for an hour, and longer only where S3 refuses.
    deleted = (
        select(analyses.c.user_id)
        .where(analyses.c.purge_at.is_not(None))
        .order_by(analyses.c.purge_at.desc())
        .limit(MOST_GOLFERS)
    )
    with database.for_reading(engine).connect() as connection:
        return list(dict.fromkeys([*connection.execute(unknown).scalars(), *connection.execute(deleted).scalars()]))


def page_of_golfers(engine: Engine, after: str) -> Page:
    """The next golfers that have swings at all: one step along the index for each, over all of their swings at once."""
    first = select(func.min(analyses.c.user_id).label("user_id"), literal(1, Integer).label("place")).where(
        analyses.c.user_id > after
    )
    walk = first.cte("walk", recursive=True)
    following = select(func.min(analyses.c.user_id)).where(analyses.c.user_id > walk.c.user_id).scalar_subquery()
    step = select(following, walk.c.place + 1).where(walk.c.user_id.is_not(None), walk.c.place < GOLFERS_A_PAGE)
    steps = walk.union_all(step)
    query = select(steps.c.user_id).where(steps.c.user_id.is_not(None)).order_by(steps.c.place)
    with database.for_reading(engine).connect() as connection:
        found = list(connection.execute(query).scalars())
    return Page(found, found[-1] if len(found) == GOLFERS_A_PAGE else "")


def page_of_outdated(engine: Engine, after: str, version: str) -> Page:
    """Of the next profiles those that do not know a change of their golfer or were made by another version."""
    query = (
        select(profiles.c.user_id, _outdated(version).label("outdated"))
        .outerjoin(*_GOLFER)
        .where(profiles.c.user_id > after)
        .order_by(profiles.c.user_id)
        .limit(PROFILES_A_PAGE)
    )
    with database.for_reading(engine).connect() as connection:
        rows = connection.execute(query).all()
    found = [row.user_id for row in rows if row.outdated]
    return Page(found, rows[-1].user_id if len(rows) == PROFILES_A_PAGE else "")


def with_swings_under_way(engine: Engine, user_ids: Collection[str]) -> set[str]:
    """Those of the golfers who have swings that wait or are being analysed, or analysed again: more is to come."""
    under_way = (
        select(analyses.c.user_id)
        .where(
            analyses.c.user_id.in_(user_ids),
            analyses.c.status.in_([status for status in Status if not status.ended]),
            analyses.c.etag.is_not(None),
        )
        .distinct()
    )
    again = (
        select(analyses.c.user_id)
        .join(backfill_items, backfill_items.c.analysis_id == analyses.c.analysis_id)
        .where(analyses.c.user_id.in_(user_ids), backfill_items.c.state == ItemState.HANDED_OUT)
        .distinct()
    )
    with database.for_reading(engine).connect() as connection:
        return {*connection.execute(under_way).scalars(), *connection.execute(again).scalars()}


_GOLFER: Any = (golfers, golfers.c.user_id == profiles.c.user_id)


def _is_unknown(swings: Any) -> Any:
    return or_(profiles.c.user_id.is_(None), profiles.c.source_completed_at < swings.c.completed_at)


def _outdated(version: str) -> Any:
    known = func.coalesce(profiles.c.golfer_revision, 0)
    return and_(
        profiles.c.user_id != GUEST,
        or_(profiles.c.version != version, known != func.coalesce(golfers.c.revision, 0)),
    )
