"""How finished results are rendered for clients: stored documents, with signed URLs in the place of S3 keys.

Rendering is for a thread; `served.py` keeps what comes out. Links are made for a window of half their lifetime, and an
answer with links is good for its window only: so whoever gets one has links that work for the other half at least.
"""

import time
from dataclasses import dataclass

from pydantic import ValidationError

from golf_pipeline.api.etags import Rendered, strong, weak
from golf_pipeline.api.messages import Results, ServedAnalysis, ServedFrame
from golf_pipeline.api.problems import Problem
from golf_pipeline.api.swing_messages import SwingDetail, SwingFrames, client_status, job_error, summary_of, swing_of
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument, comparable
from golf_pipeline.storage.standing import Standing
from golf_pipeline.swing.compare import NothingToCompare, compare_swings
from golf_pipeline.swing.errors import ErrorCode, SwingError


@dataclass(frozen=True)
class Renderer:
    """Renders what is stored in one bucket; links expire after so many seconds."""

    store: ObjectStore
    links_expire_s: int

    def results(self, standing: Standing) -> Rendered:
        """The answer of the polling route: the state of any swing, and the whole result of a finished one."""
        record = standing.record
        state = Results(
            job_id=record.analysis_id,
            status=client_status(record.status),
            analysis_status=record.status,
            progress_message=record.progress_message,
            created_at=record.created_at,
            updated_at=record.updated_at,
            started_at=record.started_at,
            completed_at=record.completed_at,
            attempt=record.attempt,
            error=job_error(record),
        )
        if record.status != Status.AI_COMPLETED:
            return strong(state.model_dump_json().encode())
        stored, result = self._stored_result(standing)
        frames = self.served_frames(result)
        whole = state.model_copy(
            update={
                "schema_version": result.schema_version,
                "analysis_results": ServedAnalysis.model_validate(
                    result.analysis_results.model_dump(exclude={"frames"}) | {"frames": frames}
                ),
                "pose": result.pose,
                "ai_analysis": result.ai_analysis,
                "links": {name: self._link(key) for name, key in result.artifacts.items()},
                "links_expire_in": self._window_s,
            }
        )
        return self._with_links(whole.model_dump_json().encode(), state.model_dump_json().encode() + stored)

    def swing(self, standing: Standing) -> Rendered:
        """One swing, and what was concluded of it if it is finished."""
        swing = swing_of(standing.record)
        summary = summary_of(self._stored_result(standing)[1]) if standing.is_finished else None
        return strong(SwingDetail(**swing.model_dump(), summary=summary).model_dump_json().encode())

    def frames(self, standing: Standing) -> Rendered:
        """The key frames.

        Raises:
            Problem: 409, the swing is not finished; 410, its result was deleted.
        """
        stored, result = self._stored_result(standing)
        served = SwingFrames(
            analysis_id=standing.record.analysis_id, frames=self.served_frames(result), links_expire_in=self._window_s
        )
        return self._with_links(served.model_dump_json().encode(), stored)

    def analysis(self, standing: Standing) -> Rendered:
        """The whole stored analysis, byte for byte.

        Raises:
            Problem: as `frames`.
        """
        return strong(self._stored_analysis(standing))

    def comparison(self, first: Standing, second: Standing) -> Rendered:
        """The second swing against the first.

        Raises:
            Problem: as `frames`, for either; 422, there is nothing to compare.
        """
        for which, standing in (("first", first), ("second", second)):
            record = standing.record
            if record.status == Status.FAILED:
                raise _nothing_to_compare(f"The {which} swing could not be analysed: {record.error_message}")
        pair = [comparable(self._stored_result(standing)[1]) for standing in (first, second)]
        try:
            return strong(compare_swings(*pair).model_dump_json().encode())
        except NothingToCompare as error:
            raise _nothing_to_compare(str(error)) from error

    def served_frames(self, result: ResultDocument) -> tuple[ServedFrame, ...]:
        """The key frames of a stored result, with links in the place of keys."""
        return tuple(
            ServedFrame(**frame.model_dump(exclude={"key"}), url=self._link(frame.key))
            for frame in result.analysis_results.frames
        )

    @property
    def _window_s(self) -> int:
        return max(1, self.links_expire_s // 2)

    def _with_links(self, body: bytes, content: bytes) -> Rendered:
        window = int(time.time() // self._window_s)
        return weak(body, content, window, (window + 1) * self._window_s)

    def _link(self, key: str) -> str:
        return self.store.presign_get(key, self.links_expire_s)

    def _stored_result(self, standing: Standing) -> tuple[bytes, ResultDocument]:
        if standing.record.status == Status.FAILED:
            raise Problem(409, "ANALYSIS_FAILED", f"There is no result: {standing.record.error_message}")
        if standing.record.status != Status.AI_COMPLETED or standing.result_key is None:
            raise not_ready()
        stored = read_stored(self.store, standing.result_key)
        return stored, parse_result(stored)

    def _stored_analysis(self, standing: Standing) -> bytes:
        key = self._stored_result(standing)[1].artifacts.get("analysis")
        if key is None:
            raise _outdated()
        return read_stored(self.store, key)


def read_result(catalog: Catalog, store: ObjectStore, analysis_id: str) -> ResultDocument:
    """The latest stored result of a swing.

    Raises:
        Problem: 409, there is none yet, or another version wrote it; 410, it was deleted; 503, S3 does not hand it out.
    """
    output = catalog.stages(analysis_id).get(RESULT_STAGE)
    if output is None:
        raise not_ready()
    return parse_result(read_stored(store, output.key))


def parse_result(stored: bytes) -> ResultDocument:
    """A stored result.

    Raises:
        Problem: 409, a version of the program wrote it whose results this one does not read.
    """
    try:
        return ResultDocument.model_validate_json(stored)
    except ValidationError as error:
        raise _outdated() from error


def read_stored(store: ObjectStore, key: str) -> bytes:
    """The bytes of a stored document.

    Raises:
        Problem: 410, it was deleted; 503, S3 does not hand it out.
    """
    try:
        return store.get_bytes(key)
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            raise Problem(410, "RESULT_DELETED", "This result was deleted. Start the analysis again.") from error
        if error.code == ErrorCode.UPLOAD_FORBIDDEN:  # our own object: an operator's matter, not the client's
            raise Problem(503, ErrorCode.STORAGE_UNAVAILABLE, "Our storage does not hand out the result.") from error
        raise


def not_ready() -> Problem:
    return Problem(409, "NOT_READY", "There is no result yet. Ask for the status first.")


def _outdated() -> Problem:
    return Problem(409, "RESULT_OUTDATED", "Another version of this service made the result. Start the analysis again.")


def _nothing_to_compare(reason: str) -> Problem:
    return Problem(422, "NOTHING_TO_COMPARE", reason)
