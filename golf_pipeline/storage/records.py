"""What the catalog hands out: the record of an analysis, its status and the output of a stage."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Status(StrEnum):
    """The life of an analysis, in order; FAILED can follow any of the others."""

    STARTED = "STARTED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    AI_PROCESSING = "AI_PROCESSING"
    AI_COMPLETED = "AI_COMPLETED"
    FAILED = "FAILED"

    @property
    def ended(self) -> bool:
        return self in {Status.AI_COMPLETED, Status.FAILED}

    def may_become(self, later: "Status") -> bool:
        """Whether this status may be followed by another within one attempt: forward only."""
        if self.ended:
            return False
        order = list(Status)
        return later == Status.FAILED or order.index(later) > order.index(self)


class AnalysisRecord(BaseModel):
    """One analysis: who, which object, how far. Times are aware UTC."""

    model_config = ConfigDict(frozen=True)

    analysis_id: str
    partition_key: str
    user_id: str
    user_email: str | None
    user_name: str | None
    user_type: str | None
    is_authenticated: bool
    session_id: str | None
    bucket_name: str
    s3_key: str
    etag: str | None
    size_bytes: int | None
    content_sha256: str | None
    status: Status
    progress_message: str
    attempt: int
    error_code: str | None
    error_message: str | None
    retryable: bool
    ai_analysis_completed: bool
    created_at: datetime
    updated_at: datetime
    uploaded_at: datetime | None
    dispatched_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    deleted_at: datetime | None = None
    interruptions: int = 0
    video_removed_at: datetime | None = None
    options: dict[str, Any] | None = None

    @property
    def recorded_at(self) -> datetime:
        """The nearest known to when the swing was filmed: when its video came."""
        return self.uploaded_at or self.created_at


class StageOutput(BaseModel):
    """Where the output of one stage of one analysis is, which version of the algorithm made it, and of what."""

    model_config = ConfigDict(frozen=True)

    analysis_id: str
    stage: str
    version: str
    key: str
    facts: dict[str, Any] = {}
    stored_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    fingerprint: str | None = None
    """Names all that it was made of (`orchestration/stages.py`); None: not to be taken for the same again."""
    output_sha256: str | None = None
    """Of the bytes of the object `key`."""
    files: tuple[str, ...] | None = None
    """Names of all of its objects, below the swing's folder; None: only `key` is known."""

    @property
    def folder(self) -> str:
        """The swing's folder, as keys begin with it."""
        return "/".join(self.key.split("/")[:3]) + "/"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its objects below the swing's folder."""
        return self.files if self.files is not None else (self.key.removeprefix(self.folder),)

    def key_of(self, name: str) -> str:
        """The key of one of its files by the file's name; a file that it does not have is a key beside `key`."""
        own = next((one for one in self.names if one.rpartition("/")[2] == name), None)
        return self.key.rpartition("/")[0] + f"/{name}" if own is None else self.folder + own


class RegisterOutcome(StrEnum):
    """What became of the news that an object exists."""

    NEW = "new"
    NEW_CONTENT = "new content"
    KNOWN = "known"
