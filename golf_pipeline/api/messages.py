"""What goes over the wire on the video routes: the shapes of requests and answers, with examples for the OpenAPI page.

Requests and their answers speak camelCase, results speak snake_case: both are what existing clients send and read.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.result import AnalysisFacts, PoseResults

ClientStatus = Literal["queued", "processing", "completed", "failed"]
Artifact = Literal["report", "overlay", "contact-sheet", "keypoints", "analysis"]

_EXAMPLE_JOB = "4f2c9a52-6b0e-4c1d-9a55-0d7a4a0f6c11"
_EXAMPLE_KEY = f"golf-swings/guest/{_EXAMPLE_JOB}.mov"


class _Json(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class PresignedUrlRequest(_Json):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"fileName": "swing.mov", "contentType": "video/quicktime", "contentLength": 4187268}]
        },
    )

    file_name: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, Field(description="video/mp4, video/quicktime or video/x-m4v")]
    content_length: Annotated[int, Field(gt=0, description="bytes; the URL takes exactly this length")]


class PresignedUrl(_Json):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "jobId": _EXAMPLE_JOB,
                    "uploadUrl": f"https://golf-swings.s3.us-east-1.amazonaws.com/{_EXAMPLE_KEY}?X-Amz-Signature=...",
                    "method": "PUT",
                    "headers": {"Content-Type": "video/quicktime"},
                    "bucketName": "golf-swings",
                    "s3Key": _EXAMPLE_KEY,
                    "expiresIn": 900,
                }
            ]
        },
    )

    job_id: str
    upload_url: str
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str] = Field(description="send exactly these with the PUT")
    bucket_name: str
    s3_key: str
    expires_in: int = Field(description="seconds")


class AnalyzeRequest(_Json):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra={"examples": [{"s3Key": _EXAMPLE_KEY, "bucketName": "golf-swings"}]},
    )

    s3_key: Annotated[str, Field(min_length=1, max_length=1024)]
    bucket_name: Annotated[str, Field(min_length=1, max_length=255)]
    force: bool = Field(False, description="analyse again although there is a result")


class AnalysisStarted(_Json):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"jobId": _EXAMPLE_JOB, "status": "queued", "s3Key": _EXAMPLE_KEY, "attempt": 1}]
        },
    )

    job_id: str
    status: ClientStatus
    s3_key: str
    attempt: int


class JobError(_Json):
    code: str
    message: str
    retryable: bool = Field(description="whether another try with the same video can help")


class ServedFrame(BaseModel):
    """A key frame; the URL is signed and expires."""

    phase: str
    url: str
    timestamp: float = Field(description="seconds of the recording")
    description: str
    frame_number: int


class ServedAnalysis(AnalysisFacts):
    """The stored `analysis_results`, with URLs where keys are stored."""

    frames: tuple[ServedFrame, ...]


class Results(BaseModel):
    """The state of one analysis; the three result parts are null until `status` is completed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_id": _EXAMPLE_JOB,
                    "status": "processing",
                    "analysis_status": "PROCESSING",
                    "progress_message": "We are looking at your video.",
                    "created_at": "2026-05-01T12:00:00Z",
                    "updated_at": "2026-05-01T12:00:09Z",
                    "started_at": "2026-05-01T12:00:08Z",
                    "completed_at": None,
                    "attempt": 1,
                }
            ]
        }
    )

    job_id: str
    status: ClientStatus
    analysis_status: Status
    progress_message: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    attempt: int
    error: JobError | None = None
    schema_version: str | None = None
    analysis_results: ServedAnalysis | None = None
    pose: PoseResults | None = None
    ai_analysis: AiAnalysis | None = None
    links: dict[str, str] | None = Field(None, description="signed URLs of the report, the overlay and the rest")
    links_expire_in: int | None = Field(None, description="seconds for which the links and frames work at least")
