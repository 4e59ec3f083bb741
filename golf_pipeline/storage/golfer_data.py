"""What the chat may know of a golfer (`coach/chat/data.py`), read from the catalog and the object store.

One object serves one answer: what it has read once it does not read again, and it may be used by one thread at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from golf_pipeline.coach.chat.data import ChatSwing, SwingSummary
from golf_pipeline.storage import profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.database import for_reading
from golf_pipeline.storage.kept_objects import KeptObjects
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.listing import list_swings
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.result import ResultDocument, comparable
from golf_pipeline.storage.standing import Standing, standing_of
from golf_pipeline.swing.compare import SwingComparison, compare_swings
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import SwingProfile


class StoredGolfer:
    """One golfer's stored data; of a guest, whose id strangers share, only the one swing `only`.

    Whoever makes it has checked that the caller may see this golfer. Whatever id is asked for, no other golfer's swing
    comes out. Methods raise SwingError (STORAGE_UNAVAILABLE) where the catalog or the object store does not answer.
    """

    def __init__(
        self, catalog: Catalog, objects: ObjectStore | KeptObjects, user_id: str, only: str | None = None
    ) -> None:
        """
        Args:
            objects: where documents are; with `KeptObjects` they are kept for whoever asks next.

        Raises:
            ValueError: `only` for a golfer who is no guest.
        """
        if only is not None and user_id != GUEST:
            raise ValueError("only a guest is held to one swing")
        self._catalog, self._user_id, self._only = catalog, user_id, only
        self._objects = objects if isinstance(objects, KeptObjects) else KeptObjects(objects)
        self._results: dict[str, tuple[AnalysisRecord, ResultDocument] | None] = {}

    def profile(self) -> SwingProfile | None:
        """The stored profile; None before the first finished swing, and always for guests."""
        return self._profile

    def recent_swings(self, limit: int) -> tuple[SwingSummary, ...]:
        """The golfer's swings without the deleted ones, newest first; of a guest only the one that they name."""
        with _stores_answer():
            if self._user_id == GUEST:
                standing = self._standing(self._only) if self._only is not None else None
                records = [standing.record][:limit] if standing is not None else []
            else:
                records = list_swings(self._catalog, self._user_id, limit)
        return tuple(
            SwingSummary(
                analysis_id=record.analysis_id,
                recorded_at=record.recorded_at,
                status=record.status,
                error_message=record.error_message or "",
            )
            for record in records
        )

    def swing(self, analysis_id: str) -> ChatSwing | None:
        """A finished swing of this golfer; None where there is none, it is not finished, deleted or another's."""
        found = self._result(analysis_id)
        if found is None:
            return None
        record, result = found
        facts, pose = result.analysis_results, result.pose
        return ChatSwing(
            analysis_id=record.analysis_id,
            recorded_at=record.recorded_at,
            capture=facts.capture,
            events=facts.events,
            metrics=pose.metrics,
            findings=pose.findings,
            report=pose.report,
            ai_analysis=result.ai_analysis,
        )

    def comparison(self, first_id: str, second_id: str) -> SwingComparison | None:
        """The second swing against the first; None where one of them is not to be had."""
        first, second = self._result(first_id), self._result(second_id)
        if first is None or second is None:
            return None
        return compare_swings(comparable(first[1]), comparable(second[1]))

    # -- inside --------------------------------------------------------------------------------------------------

    @cached_property
    def _profile(self) -> SwingProfile | None:
        if self._user_id == GUEST:
            return None
        with _stores_answer():
            with for_reading(self._catalog.engine).connect() as connection:
                stored = profiles.stored_profile(connection, self._user_id)
            return profiles.read_profile(self._objects, stored)

    def _result(self, analysis_id: str) -> tuple[AnalysisRecord, ResultDocument] | None:
        if analysis_id not in self._results:
            with _stores_answer():
                self._results[analysis_id] = self._read(analysis_id)
        return self._results[analysis_id]

    def _read(self, analysis_id: str) -> tuple[AnalysisRecord, ResultDocument] | None:
        standing = self._standing(analysis_id)
        if standing is None or not standing.is_finished or standing.result_key is None:
            return None
        try:
            body = self._objects.get_bytes(standing.result_key, standing.result_stored_at)
            return standing.record, ResultDocument.model_validate_json(body)
        except ValidationError:  # an older version wrote it in another shape; analysed again it can be read
            return None
        except SwingError as error:
            if error.code == ErrorCode.UPLOAD_DELETED:
                return None
            raise

    def _standing(self, analysis_id: str) -> Standing | None:
        """How a swing of this golfer stands; None for any other id."""
        if self._user_id == GUEST and analysis_id != self._only:
            return None
        standing = standing_of(self._catalog, analysis_id)
        if standing is None or standing.record.user_id != self._user_id or standing.record.deleted_at is not None:
            return None
        return standing


@contextmanager
def _stores_answer() -> Iterator[None]:
    """Whatever keeps us from reading is one error: the chat knows no databases, and no golfer's upload is meant."""
    try:
        yield
    except SwingError as error:
        if error.code == ErrorCode.STORAGE_UNAVAILABLE:
            raise
        raise _unavailable(error.detail) from error
    except (DBAPIError, PoolTimeoutError) as error:
        raise _unavailable(type(error).__name__) from error


def _unavailable(detail: str) -> SwingError:
    return SwingError(
        ErrorCode.STORAGE_UNAVAILABLE,
        "I cannot get at your swings at the moment. Please try again in a minute.",
        detail=detail,
        retryable=True,
    )
