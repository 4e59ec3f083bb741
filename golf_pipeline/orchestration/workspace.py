"""What one run knows: its work folder, the swings it carries with the documents in hand, and which of them it has lost.

Assets get a `Swing` for each partition and never see a key, a bucket or a path of their own making. Everything in here
can be lost with the run: whatever a later run needs is in S3 and in the catalog.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from golf_pipeline.orchestration.partitions import resolve_swing
from golf_pipeline.settings import Settings
from golf_pipeline.storage.keys import frame_key, output_key
from golf_pipeline.storage.records import AnalysisRecord, StageOutput, Status
from golf_pipeline.swing.documents import Document
from golf_pipeline.swing.errors import ErrorCode, SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog
    from golf_pipeline.storage.object_store import ObjectStore
    from golf_pipeline.swing.landmarks import LandmarkTrack

D = TypeVar("D", bound=Document)

JSON_TYPE = "application/json"
CONTENT_TYPES = {
    ".json": JSON_TYPE,
    ".parquet": "application/vnd.apache.parquet",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".html": "text/html; charset=utf-8",
}


class SupersededError(Exception):
    """A newer upload or a restart took this analysis over: this run must not write about it any more."""


def run_folder(settings: Settings, run_id: str) -> Path:
    """Where a run keeps its files; known from outside, so that a crashed run's files can be removed."""
    return (settings.work_folder or Path(tempfile.gettempdir())) / f"golf-run-{run_id}"


class Workspace:
    """The state of one run."""

    def __init__(self, settings: Settings, catalog: "Catalog", objects: "ObjectStore", run_id: str) -> None:
        self.settings, self.catalog, self.objects = settings, catalog, objects
        self.folder = run_folder(settings, run_id)
        self.lost: dict[str, SwingError] = {}
        """By partition key: swings that an earlier step of this run has given up."""
        self.done: set[tuple[str, str]] = set()
        """(asset, partition key): what an earlier attempt of a step has finished."""
        self._swings: dict[str, Swing] = {}

    def swing(self, key: str) -> "Swing":
        """The swing behind a partition key; the same object for all steps of the run."""
        if key not in self._swings:
            record = resolve_swing(self.catalog, key)
            self._swings[key] = Swing(self, record, self.folder / key)
        return self._swings[key]

    def lose(self, key: str, error: SwingError) -> None:
        """Give a swing up: FAILED in the catalog, skipped by the later steps of this run, its files removed."""
        if key in self._swings:
            swing = self._swings[key]
            self.catalog.fail(swing.record.analysis_id, error, attempt=swing.record.attempt)
            swing.release()
        self.lost[key] = error

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Swing:
    """One swing in one run: its record, its files, its documents by stage."""

    workspace: Workspace
    record: AnalysisRecord
    folder: Path
    measured: set[str] = field(default_factory=set)
    """Which of key frames and metrics are stored; see `progress`."""
    _documents: dict[str, Document] = field(default_factory=dict)
    _track: "LandmarkTrack | None" = None

    @property
    def settings(self) -> Settings:
        return self.workspace.settings

    @cached_property
    def video(self) -> Path:
        """The upload's file, downloaded once a run.

        Raises:
            SwingError: UPLOAD_DELETED, UPLOAD_FORBIDDEN, VIDEO_TOO_LARGE, STORAGE_UNAVAILABLE.
        """
        path = self.folder / f"upload{Path(self.record.s3_key).suffix.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        limit = self.settings.max_upload_bytes
        self.workspace.objects.download(self.record.s3_key, path, etag=self.record.etag, max_bytes=limit)
        return path

    # -- the catalog ---------------------------------------------------------------------------------------------

    def check_current(self) -> None:
        """Raise SupersededError if another attempt began: its run, not this one, works on the analysis now."""
        now = self.workspace.catalog.get(self.record.analysis_id)
        if now is None or now.attempt != self.record.attempt:
            raise self._superseded()

    def _superseded(self) -> SupersededError:
        return SupersededError(f"{self.record.analysis_id} is no longer at attempt {self.record.attempt}")

    def begin(self) -> None:
        """Set PROCESSING; an analysis that has ended begins a new attempt, as when an operator materialises it again.

        Raises:
            SupersededError: the dispatch sensor was quicker and has handed that attempt to a run of its own.
        """
        if self.record.status.ended:
            self._new_attempt()
        self.set_status(Status.PROCESSING, "We are looking at your video.")

    def complete(self, progress_message: str) -> None:
        """Set AI_COMPLETED, also for an analysis that failed before and was carried on from a later asset."""
        now = self.workspace.catalog.get(self.record.analysis_id)
        if now is not None and now.status == Status.FAILED:
            self._new_attempt()
        self.set_status(Status.AI_COMPLETED, progress_message)

    def _new_attempt(self) -> None:
        catalog, analysis_id = self.workspace.catalog, self.record.analysis_id
        catalog.request_analysis(analysis_id, only_ended=True)
        if not catalog.mark_dispatched([analysis_id]):
            raise SupersededError(f"another run has taken up the new attempt of {analysis_id}")
        self.record = resolve_swing(catalog, self.record.partition_key)

    def set_status(self, status: Status, progress_message: str) -> None:
        catalog, record = self.workspace.catalog, self.record
        catalog.set_status(record.analysis_id, status, progress_message, attempt=record.attempt)

    def set_content(self, sha256: str) -> None:
        if not self.workspace.catalog.set_content(self.record.analysis_id, sha256, attempt=self.record.attempt):
            raise self._superseded()
        self.record = self.record.model_copy(update={"content_sha256": sha256})

    def record_stage(self, stage: str, version: str, key: str, facts: dict[str, Any]) -> None:
        """Note a stage's output in the catalog.

        Raises:
            SupersededError: another attempt began.
        """
        catalog, record = self.workspace.catalog, self.record
        if not catalog.record_stage(
            record.analysis_id, stage, version, key, record.content_sha256, facts, attempt=record.attempt
        ):
            raise self._superseded()

    def stored(self, stage: str) -> StageOutput:
        """Where the output of a stage is.

        Raises:
            SwingError: INTERNAL, the stage was never stored: it must be materialised first.
        """
        output = self.workspace.catalog.stages(self.record.analysis_id).get(stage)
        if output is None:
            raise self._missing(stage, "was never stored")
        return output

    def _missing(self, stage: str, why: str) -> SwingError:
        return SwingError(
            ErrorCode.INTERNAL,
            "Something went wrong on our side. Please start the analysis again.",
            detail=f"the stage {stage} of {self.record.analysis_id} {why}: materialise it first",
        )

    # -- outputs -------------------------------------------------------------------------------------------------

    def key(self, stage: str, version: str, name: str) -> str:
        return output_key(self.record.user_id, self.record.analysis_id, stage, version, name)

    def put_document(self, stage: str, version: str, name: str, document: Document) -> str:
        """Store a document as JSON; later steps of this run get it from memory. Returns its key."""
        key = self.key(stage, version, name)
        self.workspace.objects.put_bytes(key, document.model_dump_json(indent=2).encode(), JSON_TYPE)
        self._documents[stage] = document
        return key

    def put_bytes(self, stage: str, version: str, name: str, body: bytes) -> str:
        """Store the bytes of a file of this name and return their key."""
        key = self.key(stage, version, name)
        self.workspace.objects.put_bytes(key, body, CONTENT_TYPES[Path(name).suffix])
        return key

    def put_file(self, stage: str, version: str, path: Path) -> str:
        """Store a file under its own name and return its key."""
        key = self.key(stage, version, path.name)
        self.workspace.objects.upload(path, key, CONTENT_TYPES[path.suffix])
        return key

    def put_frame(self, path: Path) -> str:
        key = frame_key(self.record.user_id, self.record.analysis_id, path.name)
        self.workspace.objects.upload(path, key, CONTENT_TYPES[path.suffix])
        return key

    def document(self, model: type[D], stage: str) -> D:
        """The document of an earlier stage, from memory or from the store."""
        if stage not in self._documents:
            with self._of_stage(stage):
                body = self.workspace.objects.get_bytes(self.stored(stage).key)
            self._documents[stage] = model.model_validate_json(body)
        document = self._documents[stage]
        if not isinstance(document, model):
            raise TypeError(f"stage {stage} holds {type(document).__name__}, not {model.__name__}")
        return document

    @property
    def track(self) -> "LandmarkTrack":
        """The landmarks of this swing, from memory or from the store."""
        if self._track is None:
            with self._of_stage("pose"):
                self._track = self.read_track(self.stored("pose").key)
        return self._track

    def keep_track(self, track: "LandmarkTrack") -> None:
        self._track = track

    def read_track(self, key: str) -> "LandmarkTrack":
        from golf_pipeline.swing.landmarks import LandmarkTrack

        path = self.folder / "stored_pose.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.workspace.objects.download(key, path)
        return LandmarkTrack.read_parquet(path)

    @contextmanager
    def _of_stage(self, stage: str) -> Iterator[None]:
        """An output that is gone is our loss: the golfer must not be told that the video is."""
        try:
            yield
        except SwingError as error:
            if error.code == ErrorCode.UPLOAD_DELETED:
                raise self._missing(stage, "is no longer there") from error
            raise

    def made_before(self, stage: str, version: str) -> StageOutput | None:
        """What the same version of a stage made of the same bytes, for this or another analysis, if it is known."""
        if self.record.content_sha256 is None:
            return None
        return self.workspace.catalog.find_stage_output(self.record.content_sha256, stage, version)

    def release(self) -> None:
        """Drop the files and the memory of a swing that this run is done with."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._documents.clear()
        self._track = None
        self.__dict__.pop("video", None)
