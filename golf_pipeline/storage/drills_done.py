"""Drills that golfers say they have done."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Engine, case, func, insert, select

from golf_pipeline.storage import database
from golf_pipeline.storage.tables import drill_completions


@dataclass(frozen=True)
class DrillDone:
    """How often a drill was done since a moment, and when last."""

    times: int
    last_at: datetime


def record_drill(engine: Engine, user_id: str, drill_id: str, completed_at: datetime) -> str:
    """Note that a golfer has done a drill; returns the id of the note."""
    completion_id = str(uuid4())
    values = {"completion_id": completion_id, "user_id": user_id, "drill_id": drill_id, "completed_at": completed_at}
    with engine.begin() as connection:
        connection.execute(insert(drill_completions).values(values))
    return completion_id


def drills_done_since(engine: Engine, user_id: str, since: datetime) -> dict[str, DrillDone]:
    """The drills that a golfer has done since a moment, by drill id."""
    done = drill_completions.c
    query = (
        select(done.drill_id, func.count().label("times"), func.max(done.completed_at).label("last_at"))
        .where(done.user_id == user_id, done.completed_at >= since)
        .group_by(done.drill_id)
    )
    with database.for_reading(engine).connect() as connection:
        return {row.drill_id: DrillDone(row.times, row.last_at) for row in connection.execute(query)}


def count_drills_done(engine: Engine, user_id: str, *sinces: datetime) -> tuple[int, ...]:
    """How many drills a golfer has done since each of the moments."""
    done = drill_completions.c
    sums = (func.coalesce(func.sum(case((done.completed_at >= since, 1), else_=0)), 0) for since in sinces)
    query = select(*sums).where(done.user_id == user_id, done.completed_at >= min(sinces))
    with database.for_reading(engine).connect() as connection:
        return tuple(map(int, connection.execute(query).one()))
