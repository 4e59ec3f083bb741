"""Coaches: which golfers let them see their swings, and the sessions that coaches keep."""

from sqlalchemy import Engine, select

from golf_pipeline.storage.tables import golfer_coaches


def is_coach_of(engine: Engine, coach_id: str, user_id: str) -> bool:
    """Whether the golfer has named this coach."""
    named = select(golfer_coaches.c.coach_id).where(
        golfer_coaches.c.user_id == user_id, golfer_coaches.c.coach_id == coach_id
    )
    with engine.connect() as connection:
        return connection.execute(named).first() is not None
