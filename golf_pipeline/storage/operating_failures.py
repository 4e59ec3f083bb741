"""What failed lately: swings by error code, the latest of them, and golfers whose profile cannot be made.

Golfers are not named: a swing's analysis id leads whoever may know to the rest.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, func, select

from golf_pipeline.storage import database
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, profile_failures

LATEST = 20
LATELY = timedelta(days=1)
LATEST_WITHIN = timedelta(days=30)


class FailedSwing(BaseModel):
    """A swing that failed; the message is the one that its golfer was told."""

    model_config = ConfigDict(frozen=True)

    analysis_id: str
    partition_key: str = Field(description="of the swing in the Dagster UI")
    failed_at: datetime
    code: str
    message: str
    attempt: int
    retryable: bool


class FailingProfile(BaseModel):
    """A golfer whose profile could not be made."""

    model_config = ConfigDict(frozen=True)

    latest_analysis_id: str | None = Field(description="the golfer's latest swing; null where all are gone")
    failures: int = Field(description="in a row")
    failed_at: datetime
    message: str


class FailingProfiles(BaseModel):
    """How many there are, and the latest of them."""

    model_config = ConfigDict(frozen=True)

    count: int
    latest: tuple[FailingProfile, ...]


def failures_by_code(engine: Engine, now: datetime) -> dict[str, int]:
    """How many swings failed in the last 24 hours, by error code, the most frequent first."""
    query = (
        select(analyses.c.error_code, func.count().label("swings"))
        .where(
            analyses.c.completed_at >= now - LATELY,
            analyses.c.status == Status.FAILED,
            analyses.c.deleted_at.is_(None),
        )
        .group_by(analyses.c.error_code)
        .order_by(func.count().desc(), analyses.c.error_code)
    )
    with database.for_reading(engine).connect() as connection:
        return {row.error_code or "": row.swings for row in connection.execute(query)}


def latest_failed(engine: Engine, now: datetime) -> tuple[FailedSwing, ...]:
    """The swings of the last 30 days that failed last, the latest first.

    They are found by when they were handed to a run, along the index on status and that time: by when they ended, all
    that succeeded meanwhile would have to be passed. Those that failed before any run are few, and of the last day.
    """
    failed = select(analyses).where(analyses.c.status == Status.FAILED, analyses.c.deleted_at.is_(None))
    in_runs = failed.where(analyses.c.dispatched_at >= now - LATEST_WITHIN).order_by(analyses.c.dispatched_at.desc())
    before_any = failed.where(analyses.c.dispatched_at.is_(None), analyses.c.completed_at >= now - LATELY)
    with database.for_reading(engine).connect() as connection:
        rows = [*connection.execute(in_runs.limit(LATEST)), *connection.execute(before_any.limit(LATEST))]
    swings = [
        FailedSwing(
            analysis_id=row.analysis_id,
            partition_key=row.partition_key,
            failed_at=row.completed_at or row.updated_at,
            code=row.error_code or "",
            message=row.error_message or "",
            attempt=row.attempt,
            retryable=row.retryable,
        )
        for row in rows
    ]
    return tuple(sorted(swings, key=lambda one: one.failed_at, reverse=True)[:LATEST])


def failing_profiles(engine: Engine) -> FailingProfiles:
    """Golfers whose profile could not be made when it was last tried."""
    failed = select(profile_failures).where(profile_failures.c.failures > 0)  # 0: the first try is under way
    latest = failed.order_by(profile_failures.c.failed_at.desc()).limit(LATEST).subquery()
    swing = (
        select(analyses.c.analysis_id)
        .where(analyses.c.user_id == latest.c.user_id, analyses.c.deleted_at.is_(None))
        .order_by(analyses.c.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(latest.c.failures, latest.c.failed_at, latest.c.message, swing.label("swing"))
    with database.for_reading(engine).connect() as connection:
        count = connection.execute(select(func.count()).select_from(failed.subquery())).scalar_one()
        rows = connection.execute(query.order_by(latest.c.failed_at.desc())).all()
    return FailingProfiles(
        count=count,
        latest=tuple(
            FailingProfile(
                latest_analysis_id=row.swing, failures=row.failures, failed_at=row.failed_at, message=row.message
            )
            for row in rows
        ),
    )
