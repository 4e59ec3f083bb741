"""Coaches: which golfers let them see their swings, and the sessions that coaches keep.

Only golfers write `golfer_coaches`; a session may list any player, whether or not they agreed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection, Engine, delete, insert, select

from golf_pipeline.storage import database
from golf_pipeline.storage.tables import coach_sessions, golfer_coaches


@dataclass(frozen=True)
class CoachSession:
    """A coach's session: a title, notes and the players that the coach works with."""

    session_id: str
    coach_id: str
    title: str
    notes: str
    player_ids: tuple[str, ...]
    created_at: datetime


def is_coach_of(engine: Engine, coach_id: str, user_id: str) -> bool:
    """Whether the golfer has named this coach."""
    return user_id in players_who_agreed(engine, coach_id, [user_id])


def players_who_agreed(engine: Engine, coach_id: str, user_ids: Sequence[str]) -> frozenset[str]:
    """Those of the golfers who have named this coach."""
    named = select(golfer_coaches.c.user_id).where(
        golfer_coaches.c.coach_id == coach_id, golfer_coaches.c.user_id.in_(user_ids)
    )
    with database.for_reading(engine).connect() as connection:
        return frozenset(connection.execute(named).scalars())


def coaches_of(connection: Connection, user_id: str) -> tuple[str, ...]:
    """The coaches that a golfer has named, by id."""
    named = select(golfer_coaches.c.coach_id).where(golfer_coaches.c.user_id == user_id)
    return tuple(sorted(connection.execute(named).scalars()))


def name_coaches(connection: Connection, user_id: str, coach_ids: Iterable[str]) -> None:
    """Let these coaches and no others see the golfer's swings; those who stay keep the time at which they were named.

    The caller holds the golfer's row (`profiles.locked_golfer`), so that two such changes come one after the other.
    """
    wanted, named = set(coach_ids), set(coaches_of(connection, user_id))
    mine = golfer_coaches.c.user_id == user_id
    connection.execute(delete(golfer_coaches).where(mine, golfer_coaches.c.coach_id.not_in(wanted)))
    rows = [{"user_id": user_id, "coach_id": one, "named_at": datetime.now(UTC)} for one in sorted(wanted - named)]
    if rows:
        connection.execute(insert(golfer_coaches), rows)


def create_session(engine: Engine, coach_id: str, title: str, notes: str, player_ids: Sequence[str]) -> CoachSession:
    """Keep a new session of a coach and return it."""
    session = CoachSession(str(uuid4()), coach_id, title, notes, tuple(player_ids), datetime.now(UTC))
    values = {
        "session_id": session.session_id,
        "coach_id": coach_id,
        "title": title,
        "notes": notes,
        "player_ids": list(player_ids),
        "created_at": session.created_at,
    }
    with engine.begin() as connection:
        connection.execute(insert(coach_sessions).values(values))
    return session


def session_of(engine: Engine, session_id: str) -> CoachSession | None:
    """The session of this id; None where there is none."""
    query = select(coach_sessions).where(coach_sessions.c.session_id == session_id)
    with database.for_reading(engine).connect() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    return CoachSession(row.session_id, row.coach_id, row.title, row.notes, tuple(row.player_ids), row.created_at)
