"""The catalog: one row per analysis and the outputs of its stages. Golfers and their profiles are in `profiles.py`.

It is the truth about how far a swing is; Dagster is the engine and the view. Every method is safe to call twice and
from several processes: changes are single conditional statements, and who lost a race sees that nothing changed.

A run writes with the `attempt` that it carries. An upload can be replaced, or an analysis asked for again, while the
run is under way; without the number its late failure would end the new attempt, whose swing nobody would look at.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, case, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from golf_pipeline.storage import database, outputs
from golf_pipeline.storage.keys import GUEST, Upload, partition_key
from golf_pipeline.storage.profiles import ask_refresh
from golf_pipeline.storage.records import AnalysisRecord, RegisterOutcome, StageOutput, Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing.errors import ErrorCode, SwingError

QUEUED_MESSAGE = "Your swing is in the queue."
WAITING_FOR_UPLOAD_MESSAGE = "We are waiting for your video."
MAX_KEY_LENGTH = 1024


class Catalog:
    """The catalog behind a database URL: `sqlite:///path` or `postgresql://...`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = database.connect(url)
        self._reader: Engine = database.for_reading(self.engine)

    def migrate(self) -> None:
        """Bring the schema up to date; safe when several processes start at once."""
        database.migrate(self.engine)

    def check(self) -> None:
        """Return if the database answers."""
        with self._reader.connect() as connection:
            connection.execute(select(1))

    # -- uploads -------------------------------------------------------------------------------------------------

    def create(self, bucket: str, upload: Upload, **known: Any) -> AnalysisRecord:
        """The record of an upload that is announced but not there yet (`known`: user_email, session_id, ...)."""
        with self.engine.begin() as connection:
            self._insert(connection, bucket, upload, progress_message=WAITING_FOR_UPLOAD_MESSAGE, **known)
        return self._by_key(bucket, upload.key)

    def register_object(
        self, bucket: str, upload: Upload, etag: str, size_bytes: int, uploaded_at: datetime
    ) -> tuple[AnalysisRecord, RegisterOutcome]:
        """Note that an upload is there. The same object again changes nothing; other bytes begin a new attempt.

        So does a newer upload to the key of a deleted swing, whatever its bytes: it brings the swing back.
        """
        now = _now()
        seen = {
            "etag": etag,
            "size_bytes": size_bytes,
            "uploaded_at": uploaded_at,
            "progress_message": QUEUED_MESSAGE,
            "updated_at": now,
        }
        with self.engine.begin() as connection:
            if self._insert(connection, bucket, upload, **seen):
                outcome = RegisterOutcome.NEW
            else:
                here = and_(analyses.c.bucket_name == bucket, analyses.c.s3_key == upload.key)
                alive = and_(here, analyses.c.deleted_at.is_(None))
                first = connection.execute(update(analyses).where(alive, analyses.c.etag.is_(None)).values(seen))
                # An older event that comes late must not bring an older object back.
                newer = and_(alive, analyses.c.etag != etag, analyses.c.uploaded_at <= uploaded_at)
                back = and_(here, analyses.c.deleted_at < uploaded_at)
                fresh = {**seen, **_fresh_attempt(), "content_sha256": None, "deleted_at": None, "purge_at": None}
                again = connection.execute(update(analyses).where(or_(newer, back)).values(fresh))
                outcome = RegisterOutcome.KNOWN
                if first.rowcount:
                    outcome = RegisterOutcome.NEW
                elif again.rowcount:
                    outcome = RegisterOutcome.NEW_CONTENT
        return self._by_key(bucket, upload.key), outcome

    def register_failure(self, bucket: str, key: str, error: SwingError, **known: Any) -> AnalysisRecord:
        """A FAILED record for an object that never was an upload, so that nobody wonders where it went."""
        name = hashlib.sha256(f"{bucket}/{key}".encode(errors="surrogatepass")).hexdigest()[:16]
        stand_in = Upload(GUEST, f"not-an-upload-{name}", "", storable(key))
        with self.engine.begin() as connection:
            self._insert(connection, bucket, stand_in, progress_message=error.message, **_failed(error), **known)
        return self._by_key(bucket, stand_in.key)

    # -- look-ups ------------------------------------------------------------------------------------------------

    def get(self, analysis_id: str) -> AnalysisRecord | None:
        return self._one(analyses.c.analysis_id == storable(analysis_id))

    def by_partition_key(self, key: str) -> AnalysisRecord | None:
        return self._one(analyses.c.partition_key == storable(key))

    def by_key(self, bucket: str, key: str) -> AnalysisRecord | None:
        return self._one(and_(analyses.c.bucket_name == bucket, analyses.c.s3_key == storable(key)))

    # -- dispatch ------------------------------------------------------------------------------------------------

    def pending(self, limit: int) -> list[AnalysisRecord]:
        """Uploads that are there and wait for a run, oldest first."""
        query = select(analyses).where(_is_pending()).order_by(analyses.c.uploaded_at).limit(limit)
        with self._reader.connect() as connection:
            return [_record(row) for row in connection.execute(query)]

    def pending_count(self) -> int:
        with self._reader.connect() as connection:
            return connection.execute(select(func.count()).select_from(analyses).where(_is_pending())).scalar_one()

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
        """Analyses that a run took up but that have not moved since a moment."""
        query = select(analyses).where(_is_in_flight(), analyses.c.updated_at < before)
        with self._reader.connect() as connection:
            return [_record(row) for row in connection.execute(query)]

    def request_analysis(self, analysis_id: str, *, only_ended: bool = False) -> AnalysisRecord | None:
        """Begin a new attempt; the dispatch sensor takes it up. Returns None for an unknown id; a deleted one stays so.

        With `only_ended`, one that waits or is under way stays as it is: of two callers at once, one begins.
        """
        wanted = and_(
            analyses.c.analysis_id == storable(analysis_id),
            analyses.c.etag.is_not(None),
            analyses.c.deleted_at.is_(None),
        )
        if only_ended:
            wanted = and_(wanted, analyses.c.status.in_([one for one in Status if one.ended]))
        values = {"progress_message": QUEUED_MESSAGE, "updated_at": _now(), **_fresh_attempt()}
        with self.engine.begin() as connection:
            connection.execute(update(analyses).where(wanted).values(values))
        return self.get(analysis_id)

    def take_up_again(self, record: AnalysisRecord, most_interruptions: int) -> bool:
        """Begin a new attempt of an analysis whose run died; the dispatch sensor takes it up.

        Returns whether it did: of several that notice, one does. Not one that has ended meanwhile, is at another
        attempt, or was interrupted as often as is allowed.
        """
        dead = and_(
            _at(record.analysis_id, record.attempt),
            analyses.c.status.not_in([one for one in Status if one.ended]),
            analyses.c.dispatched_at.is_not(None),
            analyses.c.deleted_at.is_(None),
            analyses.c.interruptions < most_interruptions,
        )
        again = {
            **_fresh_attempt(),
            "interruptions": analyses.c.interruptions + 1,
            "progress_message": QUEUED_MESSAGE,
            "updated_at": _now(),
        }
        with self.engine.begin() as connection:
            return bool(connection.execute(update(analyses).where(dead).values(again)).rowcount)

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

    # -- progress ------------------------------------------------------------------------------------------------

    def set_status(
        self, analysis_id: str, status: Status, progress_message: str, *, attempt: int | None = None
    ) -> bool:
        """Move an analysis forward; returns whether it moved. A status never goes back within one attempt."""
        now = _now()
        values: dict[str, Any] = {"status": status, "progress_message": progress_message, "updated_at": now}
        if status == Status.PROCESSING:
            values["started_at"] = now
        if status == Status.AI_COMPLETED:
            values |= {"completed_at": now, "ai_analysis_completed": True}
        return self._move(_at(analysis_id, attempt), status, values)

    def fail(self, analysis_id: str, error: SwingError, *, attempt: int | None = None) -> bool:
        """End an analysis as FAILED; returns whether it was still under way."""
        values = {"progress_message": error.message, "updated_at": _now(), **_failed(error)}
        return self._move(_at(analysis_id, attempt), Status.FAILED, values)

    def set_content(self, analysis_id: str, content_sha256: str, *, attempt: int | None = None) -> bool:
        """Note the hash of the video's bytes; returns whether the attempt still stands."""
        query = update(analyses).where(_at(analysis_id, attempt)).values(content_sha256=content_sha256)
        with self.engine.begin() as connection:
            return bool(connection.execute(query).rowcount)

    # -- stage outputs -------------------------------------------------------------------------------------------

    def record_stage(self, output: StageOutput, *, attempt: int | None = None) -> bool:
        """Note a stage's output; the latest one of a stage stands, and what it replaces is left to retention.

        Returns whether it was noted: False if the attempt is over.

        Raises:
            IntegrityError: there is no such analysis.
        """
        with self.engine.begin() as connection:
            if attempt is not None:
                # The row is held, so that no new attempt begins between the look and the note.
                this = _at(output.analysis_id, attempt)
                held = connection.execute(select(analyses.c.interruptions).where(this).with_for_update()).first()
                if held is None:
                    return False
                if held.interruptions:  # it comes on: whatever interrupts it, it is not this swing itself
                    connection.execute(update(analyses).where(this).values(interruptions=0))
            outputs.note(connection, output)
        return True

    def swap_outputs(
        self,
        record: AnalysisRecord,
        made: Sequence[StageOutput],
        also: Callable[[Connection], object] | None = None,
    ) -> bool:
        """Note all that was made anew of a finished swing, at once; its golfer's profile must learn of it.

        Args:
            also: what else belongs into the transaction.

        Returns whether the swing still stands as it was: no new attempt began, and it was not deleted.
        """
        as_it_was = and_(_at(record.analysis_id, record.attempt), analyses.c.status == Status.AI_COMPLETED)
        with self.engine.begin() as connection:
            if connection.execute(select(analyses.c.attempt).where(as_it_was).with_for_update()).first() is None:
                return False
            for output in made:
                outputs.note(connection, output)
            if made:
                ask_refresh(connection, record.user_id)
            if also is not None:
                also(connection)
        return True

    def distrust(self, analysis_id: str, stage: str) -> None:
        """Have a stage's output made again the next time: its objects are not what the catalog says."""
        with self.engine.begin() as connection:
            outputs.forget_fingerprint(connection, analysis_id, stage)

    def stages(self, analysis_id: str) -> dict[str, StageOutput]:
        """The outputs of an analysis by stage, in the order in which they were stored."""
        with self._reader.connect() as connection:
            return outputs.of_analysis(connection, analysis_id)

    def stage_versions(self, analysis_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """The versions of the outputs that stand, by analysis and stage."""
        with self._reader.connect() as connection:
            return outputs.versions(connection, analysis_ids)

    def find_stage_output(self, stage: str, fingerprint: str) -> StageOutput | None:
        """What the stage once made of the same, for whichever analysis."""
        with self._reader.connect() as connection:
            return outputs.with_fingerprint(connection, stage, fingerprint)

    def completed_of_user(self, user_id: str) -> list[AnalysisRecord]:
        """A golfer's finished analyses, oldest first."""
        query = select(analyses).where(analyses.c.user_id == user_id, analyses.c.status == Status.AI_COMPLETED)
        with self._reader.connect() as connection:
            return [_record(row) for row in connection.execute(query.order_by(analyses.c.completed_at))]

    # -- inside --------------------------------------------------------------------------------------------------

    def _insert(self, connection: Connection, bucket: str, upload: Upload, **values: Any) -> bool:
        """Insert a record unless the object has one; returns whether it was inserted.

        Two users may both upload `swing1.mp4`: who comes second gets an id with a suffix made from bucket and key.
        """
        now = _now()
        suffix = hashlib.sha256(f"{bucket}/{upload.key}".encode()).hexdigest()[:8]
        row = {
            "user_id": upload.user_id,
            "bucket_name": bucket,
            "s3_key": upload.key,
            "is_authenticated": False,
            "status": Status.STARTED,
            "progress_message": "",
            "attempt": 1,
            "retryable": False,
            "ai_analysis_completed": False,
            "created_at": now,
            "updated_at": now,
        } | values
        here = select(analyses.c.analysis_id).where(analyses.c.bucket_name == bucket, analyses.c.s3_key == upload.key)
        for name in (upload.analysis_id, f"{upload.analysis_id}-{suffix}"):
            if connection.execute(here).first() is not None:
                return False
            try:
                with connection.begin_nested():
                    connection.execute(
                        insert(analyses).values(analysis_id=name, partition_key=partition_key(name), **row)
                    )
            except IntegrityError:
                continue
            return True
        return False

    def _move(self, which: Any, status: Status, values: dict[str, Any]) -> bool:
        earlier = [one for one in Status if one.may_become(status)]
        query = update(analyses).where(which, analyses.c.status.in_(earlier))
        with self.engine.begin() as connection:
            return bool(connection.execute(query.values({**values, "status": status})).rowcount)

    def _one(self, condition: Any) -> AnalysisRecord | None:
        with self._reader.connect() as connection:
            row = connection.execute(select(analyses).where(condition)).one_or_none()
        return None if row is None else _record(row)

    def _by_key(self, bucket: str, key: str) -> AnalysisRecord:
        record = self.by_key(bucket, key)
        if record is None:
            raise SwingError(
                ErrorCode.INTERNAL, "We lost track of this video. Please try again.", detail=key, retryable=True
            )
        return record


def _at(analysis_id: str, attempt: int | None) -> Any:
    """The analysis; with a number only while it is at that attempt."""
    this = analyses.c.analysis_id == analysis_id
    return this if attempt is None else and_(this, analyses.c.attempt == attempt)


def storable(text: str) -> str:
    """What a database can keep of any text: no NUL, no half characters, at most the length of an S3 key."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")[:MAX_KEY_LENGTH]


def _is_pending() -> Any:
    return and_(analyses.c.status == Status.STARTED, analyses.c.etag.is_not(None), analyses.c.dispatched_at.is_(None))


def _is_in_flight() -> Any:
    under_way = [one for one in Status if not one.ended]
    return and_(analyses.c.status.in_(under_way), analyses.c.dispatched_at.is_not(None))


def _fresh_attempt() -> dict[str, Any]:
    return {
        "status": Status.STARTED,
        # An attempt that waits and that no run has taken up yet is not used up.
        "attempt": case(
            (and_(analyses.c.dispatched_at.is_(None), analyses.c.status == Status.STARTED), analyses.c.attempt),
            else_=analyses.c.attempt + 1,
        ),
        "interruptions": 0,
        "dispatched_at": None,
        "started_at": None,
        "completed_at": None,
        "ai_analysis_completed": False,
        "error_code": None,
        "error_message": None,
        "retryable": False,
    }


def _failed(error: SwingError) -> dict[str, Any]:
    return {
        "status": Status.FAILED,
        "error_code": error.code,
        "error_message": error.message,
        "retryable": error.retryable,
        "completed_at": _now(),
    }


def _record(row: Row[Any]) -> AnalysisRecord:
    return AnalysisRecord.model_validate(row._asdict())


def _now() -> datetime:
    return datetime.now(UTC)
