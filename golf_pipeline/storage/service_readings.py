"""What says whether the service does its work: the numbers that alarms are compared with, and the swings behind them.

Each number is read by the pipeline itself, without Prometheus; `alarms.toml` names them. A number that cannot be read
is left out, never guessed: an alarm that cannot be judged stays as it was.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, select

from golf_pipeline.failures import our_faults
from golf_pipeline.settings import Settings
from golf_pipeline.storage import database
from golf_pipeline.storage.backfill_records import ItemState
from golf_pipeline.storage.operating import CatalogReadings, QueueReadings
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, backfill_items, profile_failures

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

STUCK_AFTER = timedelta(minutes=45)
"""Without progress for so long a swing under way counts as stuck, whether its run lives or not: a run may take 30
minutes (`max_runtime_seconds` in dagster.yaml), and recovery takes up what a dead one left within a few more."""

NAMED = 20
"""Swings that are named, at most; more would be read by nobody."""

FAILING_PROFILE = 3
"""Failures in a row after which a golfer's profile does not just have bad luck."""

LATE_ITEM = timedelta(days=2)
"""An item of a backfill that ended in the last day was handed out within this: there is an index on that time."""


class Reading(StrEnum):
    """A number that the pipeline reads of itself."""

    QUEUE_WAITING = "queue_waiting"
    """Messages in the upload queue that nobody has in hand."""
    DEAD_LETTERS = "dead_letters"
    """Messages in the dead-letter queue."""
    OLDEST_WAITING_S = "oldest_waiting_s"
    """For how many seconds the oldest upload has waited for a run."""
    SWINGS_STUCK = "swings_stuck"
    SWINGS_FAILED_HOUR = "swings_failed_hour"
    """Swings that failed through a fault of ours in an hour."""
    PROFILES_FAILING = "profiles_failing"
    """Golfers whose profile failed three times in a row."""
    BACKFILL_FAILURES = "backfill_failures"
    """Swings whose re-analysis failed in a day."""
    MODEL_COST_SHARE = "model_cost_share"
    """The day's money for models that is spent or reserved, as a share of the limit that is nearest."""
    UPLOAD_SILENCE = "upload_silence"
    """Time since the last upload, as a share of GOLF_FRESH_UPLOAD_HOURS; 0 where that is not set."""
    DISK_USED_SHARE = "disk_used_share"
    """Of the fullest disk among those of the work folder and the data folder."""
    JOBS_FAILED_DAY = "jobs_failed_day"
    """Jobs whose latest run of the last 24 hours failed, those that carry swings left out."""
    SOURCES_DOWN = "sources_down"
    """Sources of these numbers that do not answer; the catalog is a number of its own."""
    CATALOG_DOWN = "catalog_down"
    """1 where the catalog does not answer."""


@dataclass(frozen=True)
class NamedSwings:
    """How many swings, and the ids of the first of them."""

    count: int
    analysis_ids: tuple[str, ...]


class ServiceReadings:
    """Readings of the catalog that name swings, at a given time."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self._reader, self._now = database.for_reading(engine), now

    def stuck(self) -> NamedSwings:
        """Swings that a run took up and that have not moved for `STUCK_AFTER`, the longest first."""
        stuck = and_(
            analyses.c.dispatched_at.is_not(None),
            analyses.c.status.in_([status for status in Status if not status.ended]),
            analyses.c.updated_at < self._now - STUCK_AFTER,
        )
        return self._named(stuck, analyses.c.updated_at)

    def failed_through_us(self, within: timedelta) -> NamedSwings:
        """Swings that failed lately through a fault of ours, the latest first."""
        ours = analyses.c.error_code.in_(sorted(our_faults()))
        return self._named(and_(self._failed(within), ours), analyses.c.completed_at.desc())

    def refused(self, within: timedelta) -> int:
        """How many videos or uploads were refused lately: no failures of the service."""
        refused = analyses.c.error_code.not_in(sorted(our_faults()))
        return self._count(select(func.count()).select_from(analyses).where(self._failed(within), refused))

    def last_upload_at(self) -> datetime | None:
        """When the last upload came; None before the first."""
        with self._reader.connect() as connection:
            latest: datetime | None = connection.execute(select(func.max(analyses.c.uploaded_at))).scalar_one()
        return latest

    def profiles_failing(self) -> int:
        """How many golfers' profiles failed several times in a row."""
        failing = profile_failures.c.failures >= FAILING_PROFILE
        return self._count(select(func.count()).select_from(profile_failures).where(failing))

    def backfill_failures(self) -> int:
        """How many swings' re-analysis failed in the last 24 hours."""
        failed = and_(
            backfill_items.c.state == ItemState.FAILED,
            backfill_items.c.handed_out_at >= self._now - LATE_ITEM,
            backfill_items.c.ended_at >= self._now - DAY,
        )
        return self._count(select(func.count()).select_from(backfill_items).where(failed))

    def _failed(self, within: timedelta) -> ColumnElement[bool]:
        return and_(
            analyses.c.completed_at >= self._now - within,
            analyses.c.status == Status.FAILED,
            analyses.c.deleted_at.is_(None),
        )

    def _named(self, which: ColumnElement[bool], order: Any) -> NamedSwings:
        count = self._count(select(func.count()).select_from(analyses).where(which))
        if not count:
            return NamedSwings(0, ())
        with self._reader.connect() as connection:
            ids = connection.execute(select(analyses.c.analysis_id).where(which).order_by(order).limit(NAMED)).scalars()
            return NamedSwings(count, tuple(ids))

    def _count(self, query: Any) -> int:
        with self._reader.connect() as connection:
            count: int = connection.execute(query).scalar_one()
        return count


def read_catalog(engine: Engine, settings: Settings, now: datetime) -> dict[Reading, float]:
    """All numbers that the catalog holds.

    Raises:
        SQLAlchemyError: it does not answer.
    """
    readings, general = ServiceReadings(engine, now), CatalogReadings(engine, lambda: now)
    found: dict[Reading, float] = {
        Reading.OLDEST_WAITING_S: general.waiting()[1],
        Reading.SWINGS_STUCK: readings.stuck().count,
        Reading.SWINGS_FAILED_HOUR: readings.failed_through_us(HOUR).count,
        Reading.PROFILES_FAILING: readings.profiles_failing(),
        Reading.BACKFILL_FAILURES: readings.backfill_failures(),
        Reading.MODEL_COST_SHARE: _cost_share(general.cost_today(), settings),
    }
    return found | {Reading.UPLOAD_SILENCE: upload_silence(readings.last_upload_at(), settings, now)}


def upload_silence(last_upload_at: datetime | None, settings: Settings, now: datetime) -> float:
    """Time since the last upload as a share of what is allowed; 0 where nothing is set, or nothing ever came."""
    if settings.fresh_upload_hours is None or last_upload_at is None:
        return 0.0
    return (now - last_upload_at) / timedelta(hours=settings.fresh_upload_hours)


def read_queue(queue: QueueReadings | None) -> dict[Reading, float]:
    """The numbers of the queues; 0 for one that there is not.

    Raises:
        BotoCoreError, ClientError: SQS does not answer, or not to us.
    """
    messages = {} if queue is None else queue.messages()
    # Dead letters in flight are being looked at by an operator: they are not gone.
    dead = sum(count for (name, _), count in messages.items() if name == "dead_letters")
    return {Reading.QUEUE_WAITING: messages.get(("uploads", "waiting"), 0), Reading.DEAD_LETTERS: dead}


def read_disk(settings: Settings) -> dict[Reading, float]:
    """How full the disks are that the pipeline writes to.

    Raises:
        OSError: a folder cannot be looked at.
    """
    folders = (settings.work_folder or Path(tempfile.gettempdir()), settings.data_folder)
    used = [shutil.disk_usage(folder) for folder in folders if folder.exists()]
    return {Reading.DISK_USED_SHARE: max((1 - one.free / one.total for one in used), default=0.0)}


def read_sources(
    sources: Mapping[str, Callable[[], Mapping[Reading, float]]], failed: Callable[[str, Exception], None]
) -> dict[Reading, float]:
    """What each source tells, with how many do not answer; each may fail alone, which `failed` is told."""
    found: dict[Reading, float] = {}
    down = 0
    for name, read in sources.items():
        try:
            found |= read()
        except Exception as error:
            down += 1
            failed(name, error)
    return found | {Reading.SOURCES_DOWN: down}


def _cost_share(spent: Mapping[str, float], settings: Settings) -> float:
    limits = {"chat": settings.chat_usd_per_day, "coaching": settings.coach_usd_per_day}
    return max(_shares(spent, limits), default=0.0)


def _shares(spent: Mapping[str, float], limits: Mapping[str, float]) -> Iterator[float]:
    # A limit of 0 means that no money is meant to be spent: it is kept to, not reached.
    return (spent.get(purpose, 0.0) / limit for purpose, limit in limits.items() if limit > 0)
