"""One swing in one run: what its stages read and write, and what the catalog is told of it.

Stages get a `Swing` and never see a bucket or a path of their own making.

A swing that is already finished and is analysed again is worked on **quietly**: its status stays, its golfer goes on
seeing the old result, and what the stages make is noted together, in one transaction, once the new result is whole
(`Swing.end`). A quiet analysis that fails leaves everything as it was.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from golf_pipeline.orchestration.partitions import resolve_swing
from golf_pipeline.orchestration.stages import UPLOAD
from golf_pipeline.orchestration.written import CONTENT_TYPES, FINGERPRINT_CHARACTERS, Written, copied_output
from golf_pipeline.settings import Settings
from golf_pipeline.storage.keys import frame_key, output_key, swing_folder
from golf_pipeline.storage.records import AnalysisRecord, StageOutput, Status
from golf_pipeline.swing.documents import Document
from golf_pipeline.swing.errors import ErrorCode, SwingError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from golf_pipeline.orchestration.workspace import Workspace
    from golf_pipeline.swing.landmarks import LandmarkTrack

D = TypeVar("D", bound=Document)

QUIET_LOOK_S = 5.0


class SupersededError(Exception):
    """A newer upload or a restart took this analysis over: this run must not write about it any more."""


@dataclass
class Swing:
    """One swing in one run: its record, its files, its documents by stage."""

    workspace: "Workspace"
    record: AnalysisRecord
    folder: Path
    quiet: bool = False
    """The swing is finished and stays so while it is analysed again."""
    may_copy: bool = True
    """False: it is known that no other swing has what a stage would make of this one."""
    passed: set[str] = field(default_factory=set)
    """Stages that it came through in this run."""
    made: list[str] = field(default_factory=list)
    """Those of them that were made anew, in order."""
    read: list[tuple[str, str]] = field(default_factory=list)
    """Files of earlier stages that were read from the store: stage and name."""
    noted_with_the_swap: "Callable[[Connection], object] | None" = None
    """What else is noted in the transaction in which a quiet swing gets its new result."""
    _documents: dict[str, Document] = field(default_factory=dict)
    _track: "LandmarkTrack | None" = None
    _readable: frozenset[str] | None = None
    _writing: Written | None = None
    _unnoted: list[StageOutput] = field(default_factory=list)
    _puts: "list[Future[None]]" = field(default_factory=list)
    """Under way; what is noted in the catalog waits for them (`settle`)."""
    _ahead: "dict[str, Future[bytes]]" = field(default_factory=dict)
    """By key: what is being read before it is asked for."""
    _seen_current: float = field(default_factory=time.monotonic)
    """When, by `time.monotonic`; the record was just read."""

    @property
    def settings(self) -> Settings:
        return self.workspace.settings

    @cached_property
    def video(self) -> Path:
        """The upload's file, downloaded once a run.

        Raises:
            SwingError: UPLOAD_DELETED, UPLOAD_FORBIDDEN, VIDEO_TOO_LARGE, STORAGE_UNAVAILABLE.
        """
        self._check_readable(UPLOAD)
        path = self.folder / f"upload{Path(self.record.s3_key).suffix.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        limit = self.settings.max_upload_bytes
        self.workspace.objects.download(self.record.s3_key, path, etag=self.record.etag, max_bytes=limit)
        return path

    # -- the catalog ---------------------------------------------------------------------------------------------

    @cached_property
    def stages(self) -> dict[str, StageOutput]:
        """The outputs of this swing by stage: those of the catalog, and what this run has made since."""
        return self.workspace.catalog.stages(self.record.analysis_id)

    def check_current(self) -> None:
        """Raise SupersededError if another attempt began: its run, not this one, works on the analysis now.

        Quietly only now and then, from the moment on at which it was looked up: what is noted in the end is refused by
        then, so this saves work and nothing else.
        """
        if self.quiet and time.monotonic() - self._seen_current < QUIET_LOOK_S:
            return
        self._seen_current = time.monotonic()
        now = self.workspace.catalog.get(self.record.analysis_id)
        if now is None or now.attempt != self.record.attempt:
            raise self._superseded()

    def _superseded(self) -> SupersededError:
        return SupersededError(f"{self.record.analysis_id} is no longer at attempt {self.record.attempt}")

    def begin(self) -> None:
        """Set PROCESSING; an analysis that has ended begins a new attempt, as when an operator materialises it again.

        One that waits is claimed first: at work and claimed by nobody it would be nobody's to take up again.

        Raises:
            SwingError: UPLOAD_DELETED, retention has removed the video.
            SupersededError: another run was quicker, or has brought what this one was meant for to its end.
        """
        if self.quiet:
            return
        if self.record.video_removed_at is not None:
            message = "The video was removed after the time for which videos are kept. Please upload it again."
            raise SwingError(ErrorCode.UPLOAD_DELETED, message)
        if self.record.status.ended:
            if self.workspace.attempts is not None:
                raise SupersededError(f"{self.record.analysis_id} has ended already")
            self._new_attempt()
        elif self.record.dispatched_at is None:
            self._claim()
        self.set_status(Status.PROCESSING, "We are looking at your video.")

    def end(self, progress_message: str) -> None:
        """Set AI_COMPLETED, also for an analysis that failed before and was carried on from a later asset.

        Raises:
            SupersededError: quietly analysed, and another attempt began or the swing was deleted.
        """
        if self.quiet:
            self.settle()
            outputs, self._unnoted = self._unnoted, []
            if not self.workspace.catalog.swap_outputs(self.record, outputs, self.noted_with_the_swap):
                raise self._superseded()
            return
        now = self.workspace.catalog.get(self.record.analysis_id)
        if now is not None and now.status == Status.FAILED:
            self._new_attempt()
        self.set_status(Status.AI_COMPLETED, progress_message)

    def _new_attempt(self) -> None:
        self.workspace.catalog.request_analysis(self.record.analysis_id, only_ended=True)
        self._claim()

    def _claim(self) -> None:
        catalog = self.workspace.catalog
        claimed = catalog.mark_dispatched([self.record.analysis_id])
        self.record = resolve_swing(catalog, self.record.partition_key)
        if not claimed or self.record.dispatched_at is None:
            raise SupersededError(f"another run takes up {self.record.analysis_id}")

    def set_status(self, status: Status, progress_message: str) -> None:
        if self.quiet:
            return
        catalog, record = self.workspace.catalog, self.record
        catalog.set_status(record.analysis_id, status, progress_message, attempt=record.attempt)

    def learn_content(self) -> None:
        """Have the hash of the upload's bytes in the record; they are downloaded where it is not known yet."""
        if self.record.content_sha256 is not None:
            return
        with self.video.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if not self.workspace.catalog.set_content(self.record.analysis_id, sha256, attempt=self.record.attempt):
            raise self._superseded()
        self.record = self.record.model_copy(update={"content_sha256": sha256})

    def record_stage(self, output: StageOutput) -> None:
        """Note a stage's output in the catalog; quietly, only together with the others (`end`).

        Raises:
            SupersededError: another attempt began.
        """
        if self.quiet:
            self._unnoted.append(output)
            self.stages[output.stage] = output
            return
        self.settle()
        if not self.workspace.catalog.record_stage(output, attempt=self.record.attempt):
            raise self._superseded()
        self.stages[output.stage] = output

    def stored(self, stage: str) -> StageOutput:
        """Where the output of a stage is.

        Raises:
            SwingError: INTERNAL, the stage was never stored: it must be materialised first.
        """
        output = self.stages.get(stage)
        if output is None:
            raise self._missing(stage, "was never stored")
        return output

    def identity(self, name: str) -> str:
        """What a stage's output, or the upload, is by its content."""
        if name == UPLOAD:
            return self.record.content_sha256 or f"etag {self.record.etag}"
        output = self.stored(name)
        return output.output_sha256 or f"{output.key} of {output.stored_at.isoformat()}"

    def _missing(self, stage: str, why: str) -> SwingError:
        return SwingError(
            ErrorCode.INTERNAL,
            "Something went wrong on our side. Please start the analysis again.",
            detail=f"the stage {stage} of {self.record.analysis_id} {why}: materialise it first",
        )

    # -- what a stage writes -------------------------------------------------------------------------------------

    @contextmanager
    def writing(self, stage: str, version: str, fingerprint: str) -> Iterator[Written]:
        """Within the block, what is put belongs to this output, in a folder that no other output has.

        What is made once more of the same need not be the same (a coach's words), and the standing output is read.
        """
        folder = f"{version}-{fingerprint[:FINGERPRINT_CHARACTERS]}"
        if stage in self.stages and f"/{folder}/" in self.stages[stage].key:
            folder += f"-{uuid4().hex[:FINGERPRINT_CHARACTERS]}"
        self._writing = Written(self.record.analysis_id, stage, version, folder)
        try:
            yield self._writing
        except BaseException:
            self._give_up_puts()
            raise
        finally:
            self._writing = None

    def put_document(self, name: str, document: Document) -> str:
        """Store the stage's document as JSON; later steps of this run get it from memory. Returns its key."""
        self._documents[self._present.stage] = document
        return self.put_bytes(name, document.model_dump_json(indent=2).encode())

    def put_bytes(self, name: str, body: bytes) -> str:
        """Store the bytes of a file of this name and return their key."""
        return self._put(self._key(name), body)

    def put_file(self, path: Path) -> str:
        """Store a file under its own name and return its key."""
        return self.put_bytes(path.name, path.read_bytes())

    def put_frame(self, path: Path) -> str:
        """Store a key frame where clients look for it."""
        return self._put(frame_key(self.record.user_id, self.record.analysis_id, path.name), path.read_bytes())

    @property
    def _present(self) -> Written:
        if self._writing is None:
            raise RuntimeError("only a stage that is being computed writes")
        return self._writing

    def _key(self, name: str) -> str:
        present, record = self._present, self.record
        return output_key(record.user_id, record.analysis_id, present.stage, present.folder, name)

    def _put(self, key: str, body: bytes) -> str:
        self._present.names.append(key.removeprefix(swing_folder(self.record.user_id, self.record.analysis_id)))
        self._present.hashes[key] = hashlib.sha256(body).hexdigest()
        put = self.workspace.objects.put_bytes
        self._puts.append(self.workspace.pool.submit(put, key, body, CONTENT_TYPES[Path(key).suffix]))
        return key

    def settle(self) -> None:
        """Return when all that was put is stored: until then S3 works at it while the next thing is computed.

        Raises:
            SwingError: STORAGE_UNAVAILABLE, something was not stored.
        """
        puts, self._puts = self._puts, []
        wait(puts)
        for put in puts:
            put.result()

    def _give_up_puts(self) -> None:
        """Wait for what nobody wants any more: one that comes late must not replace what another try stores."""
        wait(self._puts)
        self._puts.clear()

    def copy_of_other(self, stage: str, fingerprint: str) -> StageOutput | None:
        """The output that another swing has of the same stage made of the same, copied here; None if there is none."""
        other = self.workspace.catalog.find_stage_output(stage, fingerprint) if self.may_copy else None
        if other is None:
            return None
        return copied_output(self.workspace.objects, self.workspace.pool, other, self.record)

    # -- what a stage reads --------------------------------------------------------------------------------------

    @contextmanager
    def in_stage(self, readable: Sequence[str]) -> Iterator[None]:
        """Within the block, only these outputs may be read."""
        self._readable = frozenset(readable)
        try:
            yield
        finally:
            self._readable = None

    def _check_readable(self, name: str) -> None:
        if self._readable is not None and name not in self._readable:
            raise RuntimeError(f"the stage reads {name!r} and does not declare it")

    def document(self, model: type[D], stage: str) -> D:
        """The document of an earlier stage, from memory or from the store."""
        self._check_readable(stage)
        if stage not in self._documents:
            self._documents[stage] = model.model_validate_json(self._read(stage, self.stored(stage).key))
        document = self._documents[stage]
        if not isinstance(document, model):
            raise TypeError(f"stage {stage} holds {type(document).__name__}, not {model.__name__}")
        return document

    @property
    def track(self) -> "LandmarkTrack":
        """The landmarks of this swing, from memory or from the store."""
        from golf_pipeline.swing.landmarks import LandmarkTrack

        self._check_readable("pose")
        if self._track is None:
            self._track = LandmarkTrack.read_parquet(self.fetch("pose", Path(self.stored("pose").key).name))
        return self._track

    def keep_track(self, track: "LandmarkTrack") -> None:
        self._track = track

    def fetch(self, stage: str, name: str) -> Path:
        """A file of an earlier stage by its name, downloaded where this run did not write it itself."""
        self._check_readable(stage)
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            body = self._read(stage, self.stored(stage).key_of(name))
            try:
                path.write_bytes(body)
            except OSError:  # half of it must not pass for the whole when this is tried again
                path.unlink(missing_ok=True)
                raise
        return path

    def _read(self, stage: str, key: str) -> bytes:
        self.read.append((stage, Path(key).name))
        under_way = self._ahead.pop(key, None)
        with self._of_stage(stage):
            return self.workspace.objects.get_bytes(key) if under_way is None else under_way.result()

    def read_ahead(self, files: Sequence[tuple[str, str]]) -> None:
        """Begin to read files (stage and name) that this swing will probably want, where it has such outputs."""
        for stage, name in files:
            if stage in self.stages:
                key = self.stages[stage].key_of(name)
                self._ahead[key] = self.workspace.pool.submit(self.workspace.objects.get_bytes, key)

    @contextmanager
    def _of_stage(self, stage: str) -> Iterator[None]:
        """An output that is gone is our loss: the golfer must not be told that the video is."""
        try:
            yield
        except SwingError as error:
            if error.code == ErrorCode.UPLOAD_DELETED:
                # So that the next one to come through that stage makes it again.
                self.workspace.catalog.distrust(self.record.analysis_id, stage)
                raise self._missing(stage, "is no longer there") from error
            raise

    def release(self) -> None:
        """Drop the files and the memory of a swing that this run is done with."""
        self._give_up_puts()
        self._ahead.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._documents.clear()
        self._track = None
        self.__dict__.pop("video", None)
