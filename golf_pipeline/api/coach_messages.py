"""What goes over the wire on the coaches' routes: the shapes of requests and answers, with examples."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from golf_pipeline.api.messages import ClientStatus, JobError, ServedFrame
from golf_pipeline.api.people_messages import UserId
from golf_pipeline.storage.records import Status
from golf_pipeline.swing.personal_text import sanitised

MOST_PLAYERS = 50
MOST_TITLE_CHARACTERS = 200
MOST_NOTES_CHARACTERS = 2000
DEFAULT_SAMPLE_FPS = 30.0
MOST_SAMPLE_FPS = 240.0

_EXAMPLE_JOB = "4f2c9a52-6b0e-4c1d-9a55-0d7a4a0f6c11"
_EXAMPLE_SESSION = "a0a7c1a2-9a30-4a0e-8c3f-1b3c7f2c5d10"
_EXAMPLE_KEY = f"golf-swings/ann/{_EXAMPLE_JOB}.mp4"


def _title(text: str) -> str:
    clean = sanitised(text, MOST_TITLE_CHARACTERS)
    if not clean:
        raise ValueError("nothing readable is left of this title")
    return clean


class SessionRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"title": "Tuesday group", "player_ids": ["ann"], "notes": "wedges, half swings"}]
        },
    )

    title: Annotated[str, Field(min_length=1, max_length=MOST_TITLE_CHARACTERS), AfterValidator(_title)]
    player_ids: tuple[UserId, ...] = Field((), max_length=MOST_PLAYERS)
    notes: Annotated[
        str,
        Field(max_length=MOST_NOTES_CHARACTERS),
        AfterValidator(lambda text: sanitised(text, MOST_NOTES_CHARACTERS)),
    ] = ""


class Player(BaseModel):
    player_id: str
    agreed: bool = Field(description="whether the golfer has named this coach: only then may be uploaded for them")


class Session(BaseModel):
    """A coach's session."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": _EXAMPLE_SESSION,
                    "title": "Tuesday group",
                    "notes": "wedges, half swings",
                    "player_ids": ["ann"],
                    "players": [{"player_id": "ann", "agreed": True}],
                    "created_at": "2026-05-01T12:00:00Z",
                }
            ]
        }
    )

    session_id: str
    title: str
    notes: str
    player_ids: tuple[str, ...]
    players: tuple[Player, ...]
    created_at: datetime


class InitiateRequest(BaseModel):
    """One video of a session. Whose it is follows from the session, unless it has several players."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"session_id": _EXAMPLE_SESSION, "sample_fps": 30, "include_frames": True},
                {
                    "session_id": _EXAMPLE_SESSION,
                    "player_id": "ann",
                    "file_name": "swing.mov",
                    "content_length": 4187268,
                },
            ]
        },
    )

    session_id: Annotated[str, Field(min_length=1, max_length=36)]
    sample_fps: float = Field(
        DEFAULT_SAMPLE_FPS,
        gt=0,
        le=MOST_SAMPLE_FPS,
        description="kept with the job; the analysis reads the video at its own rate, which serves any wish up to it",
    )
    include_frames: bool = Field(False, description="show the key frames in the job's answer")
    player_id: UserId | None = Field(None, description="needed where the session has several players")
    file_name: Annotated[str, Field(min_length=1, max_length=255)] = "swing.mp4"
    content_type: str | None = Field(None, max_length=100, description="null: as the file's extension says")
    content_length: int | None = Field(
        None, gt=0, description="bytes; where it is sent, the URL takes exactly this length"
    )


class InitiatedUpload(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_id": _EXAMPLE_JOB,
                    "presigned_url": f"https://golf-swings.s3.us-east-1.amazonaws.com/{_EXAMPLE_KEY}?X-Amz-Signature=x",
                    "s3_bucket": "golf-swings",
                    "s3_key": _EXAMPLE_KEY,
                    "expires_in": 900,
                    "headers": {"Content-Type": "video/mp4"},
                }
            ]
        }
    )

    job_id: str
    presigned_url: str
    s3_bucket: str
    s3_key: str
    expires_in: int = Field(description="seconds")
    headers: dict[str, str] = Field(description="send exactly these with the PUT")


class CompleteRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"job_id": _EXAMPLE_JOB}]})

    job_id: Annotated[str, Field(min_length=1, max_length=200)]


class CompletedUpload(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_id": _EXAMPLE_JOB,
                    "status": "queued",
                    "sqs_message_id": "5fea7756-0ea4-451a-a703-a558b933e274",
                }
            ]
        }
    )

    job_id: str
    status: ClientStatus
    sqs_message_id: str | None = Field(
        description="null: no message was needed or none could be sent; the video is found all the same"
    )


class AnalysisJob(BaseModel):
    """How far the analysis of a session's video is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_id": _EXAMPLE_JOB,
                    "session_id": _EXAMPLE_SESSION,
                    "player_id": "ann",
                    "status": "completed",
                    "analysis_status": "AI_COMPLETED",
                    "progress_message": "Your swing analysis is ready.",
                    "created_at": "2026-05-01T12:00:00Z",
                    "updated_at": "2026-05-01T12:00:31Z",
                    "completed_at": "2026-05-01T12:00:31Z",
                    "error": None,
                    "sample_fps": 30,
                    "include_frames": False,
                    "results": f"/api/video/results/{_EXAMPLE_JOB}",
                    "frames": None,
                }
            ]
        }
    )

    job_id: str
    session_id: str
    player_id: str
    status: ClientStatus
    analysis_status: Status
    progress_message: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    error: JobError | None
    sample_fps: float
    include_frames: bool
    results: str | None = Field(description="where the result is; null until `status` is completed")
    frames: tuple[ServedFrame, ...] | None = Field(description="null unless asked for and completed; URLs expire")
