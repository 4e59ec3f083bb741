"""The catalog: one row per analysis and the outputs of its stages. Golfers and their profiles are in `profiles.py`.

It is the truth about how far a swing is; Dagster is the engine and the view. Every method is safe to call twice and
from several processes: changes are single conditional statements, and who lost a race sees that nothing changed.

A run writes with the `attempt` that it carries. An upload can be replaced, or an analysis asked for again, while the
run is under way; without the number its late failure would end the new attempt, whose swing nobody would look at.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from golf_pipeline.storage import database, outputs
from golf_pipeline.storage.database import storable
from golf_pipeline.storage.keys import GUEST, Upload, partition_key
from golf_pipeline.storage.profiles import ask_refresh
from golf_pipeline.storage.records import AnalysisRecord, RegisterOutcome, StageOutput, Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline.storage.work_list import QUEUED_MESSAGE, WorkList, at, fresh_attempt
from golf_pipeline.swing.errors import ErrorCode, SwingError

WAITING_FOR_UPLOAD_MESSAGE = "We are waiting for your video."


class Catalog(WorkList):
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

        So does a newer upload to the key of a deleted swing, or of one whose video retention removed, whatever its
        bytes: it brings the swing, or the video, back.
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
                came = {**seen, **fresh_attempt()}  # also after it was given up as one that never comes
                first = connection.execute(update(analyses).where(alive, analyses.c.etag.is_(None)).values(came))
                # An older event that comes late must not bring an older object back.
                newer = and_(alive, analyses.c.etag != etag, analyses.c.uploaded_at <= uploaded_at)
                gone = or_(analyses.c.deleted_at < uploaded_at, analyses.c.video_removed_at < uploaded_at)
                back = and_(here, gone)
                nothing_known = dict.fromkeys(("content_sha256", "deleted_at", "purge_at", "video_removed_at"))
                fresh = {**seen, **fresh_attempt(), **nothing_known}
                again = connection.execute(update(analyses).where(or_(newer, back)).values(fresh))
                outcome = RegisterOutcome.KNOWN
                if first.rowcount:
                    outcome = RegisterOutcome.NEW
                elif again.rowcount:
                    outcome = RegisterOutcome.NEW_CONTENT
        return self._by_key(bucket, upload.key), outcome

    def known_objects(self, bucket: str, seen: Mapping[str, tuple[str, datetime]]) -> frozenset[str]:
        """Of objects by key, with ETag and time, the keys of those that `register_object` would find known."""
        columns = (analyses.c.s3_key, analyses.c.etag, analyses.c.deleted_at, analyses.c.video_removed_at)
        here = and_(analyses.c.bucket_name == bucket, analyses.c.s3_key.in_([storable(key) for key in seen]))
        known = set()
        with self._reader.connect() as connection:
            for row in connection.execute(select(*columns).where(here)):
                etag, uploaded_at = seen.get(row.s3_key, (None, None))
                gone = (moment for moment in (row.deleted_at, row.video_removed_at) if moment is not None)
                if etag is not None and etag == row.etag and not any(moment < uploaded_at for moment in gone):
                    known.add(row.s3_key)
        return frozenset(known)

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

    def get_all(self, analysis_ids: Sequence[str]) -> dict[str, AnalysisRecord]:
        """Those of these analyses that are known, by id."""
        query = select(analyses).where(analyses.c.analysis_id.in_(list(map(storable, analysis_ids))))
        with self._reader.connect() as connection:
            return {row.analysis_id: _record(row) for row in connection.execute(query)}

    def by_partition_key(self, key: str) -> AnalysisRecord | None:
        return self._one(analyses.c.partition_key == storable(key))

    def by_key(self, bucket: str, key: str) -> AnalysisRecord | None:
        return self._one(and_(analyses.c.bucket_name == bucket, analyses.c.s3_key == storable(key)))

    # -- progress ------------------------------------------------------------------------------------------------

    def set_status(
        self, analysis_id: str, status: Status, progress_message: str, *, attempt: int | None = None
    ) -> bool:
        """Move an analysis forward; returns whether it moved. A status never goes back within one attempt.

        With AI_COMPLETED the golfer's profile is asked for: by its time alone a swing that a machine with a slow clock
        finished would seem to be older than the profile.
        """
        now = _now()
        values: dict[str, Any] = {"status": status, "progress_message": progress_message, "updated_at": now}
        if status == Status.PROCESSING:
            values["started_at"] = now
        if status == Status.AI_COMPLETED:
            values |= {"completed_at": now, "ai_analysis_completed": True}
        also = ask_refresh if status == Status.AI_COMPLETED else None
        return self._move(at(analysis_id, attempt), status, values, also)

    def fail(self, analysis_id: str, error: SwingError, *, attempt: int | None = None) -> bool:
        """End an analysis as FAILED; returns whether it was still under way."""
        values = {"progress_message": error.message, "updated_at": _now(), **_failed(error)}
        return self._move(at(analysis_id, attempt), Status.FAILED, values)

    def set_content(self, analysis_id: str, content_sha256: str, *, attempt: int | None = None) -> bool:
        """Note the hash of the video's bytes; returns whether the attempt still stands."""
        query = update(analyses).where(at(analysis_id, attempt)).values(content_sha256=content_sha256)
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
                this = at(output.analysis_id, attempt)
                held = connection.execute(select(analyses.c.interruptions).where(this).with_for_update()).first()
                if held is None:
                    return False
                if held.interruptions:  # it comes on: whatever interrupts it, it is not this swing itself
                    connection.execute(update(analyses).where(this).values(interruptions=0))
            outputs.note(connection, [output])
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
        as_it_was = and_(at(record.analysis_id, record.attempt), analyses.c.status == Status.AI_COMPLETED)
        with self.engine.begin() as connection:
            if connection.execute(select(analyses.c.attempt).where(as_it_was).with_for_update()).first() is None:
                return False
            outputs.note(connection, made)
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

    def stages_of_all(self, analysis_ids: Sequence[str]) -> dict[str, dict[str, StageOutput]]:
        """The outputs of each of several analyses, by stage."""
        with self._reader.connect() as connection:
            return outputs.of_analyses(connection, analysis_ids)

    def stage_versions(self, analysis_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """The versions of the outputs that stand, by analysis and stage."""
        with self._reader.connect() as connection:
            return outputs.versions(connection, analysis_ids)

    def find_stage_output(self, stage: str, fingerprint: str) -> StageOutput | None:
        """What the stage once made of the same, for whichever analysis."""
        with self._reader.connect() as connection:
            return outputs.with_fingerprint(connection, stage, fingerprint)

    def made_more_than_once(self, fingerprints: Sequence[str]) -> frozenset[str]:
        """Those of these fingerprints that outputs of more than one analysis have."""
        with self._reader.connect() as connection:
            return outputs.repeated(connection, fingerprints)

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

    def _move(
        self,
        which: Any,
        status: Status,
        values: dict[str, Any],
        also: Callable[[Connection, str], object] | None = None,
    ) -> bool:
        """Args: also: what else belongs into the transaction, given the golfer's id."""
        earlier = [one for one in Status if one.may_become(status)]
        query = update(analyses).where(which, analyses.c.status.in_(earlier)).values({**values, "status": status})
        with self.engine.begin() as connection:
            moved = connection.execute(query.returning(analyses.c.user_id)).first()
            if moved is not None and also is not None:
                also(connection, moved.user_id)
        return moved is not None

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
