"""The work list: which analyses wait for a run, which are with one, and whose run lives. A part of the catalog.

Who takes an analysis does so by a conditional change, so of two that try at once one does. A run holds a lease on what
it works on, by saying every so often that it lives; an analysis whose lease is over is taken up again by a new attempt.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, case, func, or_, select, tuple_, update

from golf_pipeline.storage.database import storable
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.tables import analyses

MOST_INTERRUPTIONS = 3
"""Runs of one swing in a row that may end before a stage of it is stored, dead or for want of a service: more often
than that it is the video that ends them."""

SHORT_REST, LONG_REST = timedelta(seconds=30), timedelta(minutes=3)
"""How long a swing waits after its second interruption in a row, and after each further one."""

QUEUED_MESSAGE = "Your swing is in the queue."


class WorkList:
    """What `Catalog` is for those who hand out and take up work."""

    engine: Engine
    _reader: Engine

    def pending(self, limit: int) -> list[AnalysisRecord]:
        """Uploads that are there and wait for a run, oldest first; one that was interrupted again waits a while."""
        query = select(analyses).where(_is_pending(), _has_rested()).order_by(analyses.c.uploaded_at).limit(limit)
        with self._reader.connect() as connection:
            return [AnalysisRecord.model_validate(row._asdict()) for row in connection.execute(query)]

    def pending_count(self) -> int:
        """How many `pending` would return without a limit."""
        query = select(func.count()).select_from(analyses).where(_is_pending(), _has_rested())
        with self._reader.connect() as connection:
            return connection.execute(query).scalar_one()

    def mark_dispatched(self, analysis_ids: Sequence[str]) -> list[str]:
        """Claim pending analyses for a run; returns those won, so that two dispatchers never start one twice."""
        won = (
            update(analyses)
            .where(analyses.c.analysis_id.in_(analysis_ids), _is_pending())
            .values(dispatched_at=_now(), updated_at=_now())
            .returning(analyses.c.analysis_id)
        )
        with self.engine.begin() as connection:
            claimed = set(connection.execute(won).scalars())
        return [analysis_id for analysis_id in analysis_ids if analysis_id in claimed]

    def in_progress_since(self, before: datetime) -> list[AnalysisRecord]:
        """Analyses that a run took up, that have not moved since a moment, and whose run has not said that it lives."""
        silent = or_(analyses.c.alive_at.is_(None), analyses.c.alive_at < before)
        query = select(analyses).where(_is_in_flight(), analyses.c.updated_at < before, silent)
        with self._reader.connect() as connection:
            return [AnalysisRecord.model_validate(row._asdict()) for row in connection.execute(query)]

    def request_analysis(self, analysis_id: str, *, only_ended: bool = False) -> AnalysisRecord | None:
        """Begin a new attempt; the dispatch sensor takes it up. Returns None for an unknown id; a deleted one stays so,
        and one whose video was removed as it is.

        With `only_ended`, one that waits or is under way stays as it is: of two callers at once, one begins.
        """
        wanted = and_(
            analyses.c.analysis_id == storable(analysis_id),
            analyses.c.etag.is_not(None),
            analyses.c.deleted_at.is_(None),
            analyses.c.video_removed_at.is_(None),
        )
        if only_ended:
            wanted = and_(wanted, analyses.c.status.in_([one for one in Status if one.ended]))
        values = {"progress_message": QUEUED_MESSAGE, "updated_at": _now(), **fresh_attempt()}
        with self.engine.begin() as connection:
            connection.execute(update(analyses).where(wanted).values(values))
        with self._reader.connect() as connection:
            row = connection.execute(select(analyses).where(at(storable(analysis_id), None))).one_or_none()
        return None if row is None else AnalysisRecord.model_validate(row._asdict())

    def take_up_again(self, record: AnalysisRecord, most_interruptions: int, *, counted: bool = True) -> bool:
        """Begin a new attempt of an analysis whose run died; the dispatch sensor takes it up.

        Returns whether it did: of several that notice, one does. Not one that has ended meanwhile, is at another
        attempt, or was interrupted as often as is allowed.

        Args:
            counted: whether it is an interruption; a run that never began has not been near the swing.
        """
        dead = and_(
            at(record.analysis_id, record.attempt),
            analyses.c.status.not_in([one for one in Status if one.ended]),
            analyses.c.dispatched_at.is_not(None),
            analyses.c.deleted_at.is_(None),
            analyses.c.interruptions < most_interruptions,
        )
        again = {
            **fresh_attempt(),
            "interruptions": analyses.c.interruptions + int(counted),
            "progress_message": QUEUED_MESSAGE,
            "updated_at": _now(),
        }
        with self.engine.begin() as connection:
            return bool(connection.execute(update(analyses).where(dead).values(again)).rowcount)

    def renew_leases(self, attempts: Mapping[str, int]) -> None:
        """Say of analyses under way (id -> attempt) that the run which works on them lives."""
        query = update(analyses).where(
            _is_in_flight(), tuple_(analyses.c.analysis_id, analyses.c.attempt).in_(list(attempts.items()))
        )
        with self.engine.begin() as connection:
            connection.execute(query.values(alive_at=_now()))

    def any_alive_since(self, partition_keys: Sequence[str], moment: datetime) -> bool:
        """Whether the run of any of these analyses has said since a moment that it lives."""
        query = select(analyses.c.analysis_id).where(
            analyses.c.partition_key.in_(partition_keys), analyses.c.alive_at >= moment
        )
        with self._reader.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def in_flight(self) -> int:
        """How many analyses were handed to runs and have not ended."""
        query = select(func.count()).select_from(analyses).where(_is_in_flight())
        with self._reader.connect() as connection:
            return connection.execute(query).scalar_one()

    def live_waiting(self) -> bool:
        """Whether an upload waits to be begun, handed to a run or not."""
        waits = select(analyses.c.analysis_id).where(analyses.c.status == Status.STARTED, analyses.c.etag.is_not(None))
        with self._reader.connect() as connection:
            return connection.execute(waits.limit(1)).first() is not None


def at(analysis_id: str, attempt: int | None) -> Any:
    """The analysis; with a number only while it is at that attempt."""
    this = analyses.c.analysis_id == analysis_id
    return this if attempt is None else and_(this, analyses.c.attempt == attempt)


def _is_pending() -> Any:
    return and_(analyses.c.status == Status.STARTED, analyses.c.etag.is_not(None), analyses.c.dispatched_at.is_(None))


def _has_rested() -> Any:
    """Whether what ended the last runs of an interrupted swing, an outage perhaps, has had time to pass."""
    interrupted, since = analyses.c.interruptions, analyses.c.updated_at
    return or_(
        interrupted < 2,
        and_(interrupted == 2, since < _now() - SHORT_REST),
        since < _now() - LONG_REST,
    )


def _is_in_flight() -> Any:
    under_way = [one for one in Status if not one.ended]
    return and_(analyses.c.status.in_(under_way), analyses.c.dispatched_at.is_not(None))


def fresh_attempt() -> dict[str, Any]:
    return {
        "status": Status.STARTED,
        # An attempt that waits and that no run has taken up yet is not used up.
        "attempt": case(
            (and_(analyses.c.dispatched_at.is_(None), analyses.c.status == Status.STARTED), analyses.c.attempt),
            else_=analyses.c.attempt + 1,
        ),
        "interruptions": 0,
        "alive_at": None,
        "dispatched_at": None,
        "started_at": None,
        "completed_at": None,
        "ai_analysis_completed": False,
        "error_code": None,
        "error_message": None,
        "retryable": False,
    }


def _now() -> datetime:
    return datetime.now(UTC)
