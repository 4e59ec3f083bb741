"""What goes on at the moment besides single swings: the alarms as they stand, and backfills."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, and_, or_, select

from golf_pipeline.storage import database
from golf_pipeline.storage.alarm_states import AlarmState
from golf_pipeline.storage.backfill_readings import BackfillReadings
from golf_pipeline.storage.backfill_records import BackfillState, Progress
from golf_pipeline.storage.backfill_selection import Selection
from golf_pipeline.storage.tables import alarm_states, backfills

ENDED_LATELY = timedelta(days=1)
MOST_BACKFILLS = 10


class Backfill(BaseModel):
    """How far a re-analysis of many swings is."""

    model_config = ConfigDict(frozen=True)

    backfill_id: str
    chosen: str = Field(description="which swings, in words")
    state: BackfillState
    created_at: datetime
    ended_at: datetime | None
    total: int
    handed_out: int = Field(description="with a run at the moment")
    done: int
    unchanged: int
    failed: int
    canceled: int
    per_second: float | None = Field(description="swings ended a second, lately; null before the first")
    eta_s: float | None = Field(description="seconds to the end at that pace; null where that is not known")

    @property
    def ended(self) -> int:
        return self.done + self.unchanged + self.failed + self.canceled


def alarm_states_now(engine: Engine) -> tuple[AlarmState, ...]:
    """All alarms that were ever looked at: those that ring first, the latest change first."""
    of_alarms = select(alarm_states).where(~alarm_states.c.name.contains("/"))  # the others are those of channels
    query = of_alarms.order_by(alarm_states.c.rings.desc(), alarm_states.c.changed_at.desc())
    with database.for_reading(engine).connect() as connection:
        return tuple(AlarmState(**row._mapping) for row in connection.execute(query))


def backfills_now(engine: Engine, now: datetime) -> tuple[Backfill, ...]:
    """The backfills that run or pause, and those that ended in the last day; the youngest first.

    It reads all items of each, so its readings are to be kept for a while.
    """
    reading = database.for_reading(engine)
    lately = and_(backfills.c.ended_at.is_not(None), backfills.c.ended_at >= now - ENDED_LATELY)
    open_ones = backfills.c.state.in_([BackfillState.RUNNING, BackfillState.PAUSED])
    query = select(backfills.c.backfill_id).where(or_(open_ones, lately))
    with reading.connect() as connection:
        ids = connection.execute(query.order_by(backfills.c.created_at.desc()).limit(MOST_BACKFILLS)).scalars().all()
    readings = BackfillReadings(reading, lambda: now)
    return tuple(_backfill(readings.progress(backfill_id)) for backfill_id in ids)


def _backfill(progress: Progress) -> Backfill:
    record = progress.backfill
    return Backfill(
        backfill_id=record.backfill_id,
        chosen=chosen(record.selection),
        state=record.state,
        created_at=record.created_at,
        ended_at=record.ended_at,
        total=progress.total,
        handed_out=progress.handed_out,
        done=progress.done,
        unchanged=progress.unchanged,
        failed=progress.failed,
        canceled=progress.canceled,
        per_second=progress.per_second,
        eta_s=progress.eta_s,
    )


def chosen(selection: Selection) -> str:
    """Which swings a selection takes, in words that name no golfer."""
    if selection.analysis_id is not None:
        words = [f"swing {selection.analysis_id}"]
    else:
        words = ["swings of one golfer" if selection.user_id is not None else "all swings"]
    if selection.failed_only:
        words.append("failed")
    if selection.permanent:
        words.append("failures of the video itself too")
    if selection.since is not None:
        words.append(f"uploaded from {selection.since:%Y-%m-%d %H:%M}")
    if selection.until is not None:
        words.append(f"uploaded before {selection.until:%Y-%m-%d %H:%M}")
    if selection.older_than:
        older = ", ".join(f"{stage} {version}" for stage, version in selection.older_than.items())
        words.append(f"older than {older}")
    if selection.outdated:
        words.append("not of the present versions")
    if selection.force:
        words.append("every stage anew")
    return ", ".join(words)
