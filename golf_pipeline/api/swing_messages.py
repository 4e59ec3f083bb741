"""What goes over the wire on the swings routes; like the results, they speak snake_case."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from golf_pipeline.api.messages import ClientStatus, JobError, ServedFrame
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.result import ResultDocument
from golf_pipeline.storage.tombstones import DELETED
from golf_pipeline.swing.documents import Handedness, TimeBase, View

SWINGS_PATH = "/api/v1/swings"

_EXAMPLE_ID = "4f2c9a52-6b0e-4c1d-9a55-0d7a4a0f6c11"
_EXAMPLE_SWING: dict[str, Any] = {
    "analysis_id": _EXAMPLE_ID,
    "user_id": "ann",
    "status": "completed",
    "analysis_status": "AI_COMPLETED",
    "progress_message": "Your swing analysis is ready.",
    "created_at": "2026-05-01T12:00:00Z",
    "updated_at": "2026-05-01T12:00:31Z",
    "uploaded_at": "2026-05-01T12:00:02Z",
    "started_at": "2026-05-01T12:00:03Z",
    "completed_at": "2026-05-01T12:00:31Z",
    "attempt": 1,
    "error": None,
    "links": {
        "self": f"{SWINGS_PATH}/{_EXAMPLE_ID}",
        "video": f"{SWINGS_PATH}/{_EXAMPLE_ID}/video",
        "frames": f"{SWINGS_PATH}/{_EXAMPLE_ID}/frames",
        "analysis": f"{SWINGS_PATH}/{_EXAMPLE_ID}/analysis",
        "results": f"/api/video/results/{_EXAMPLE_ID}",
        "report": f"/api/video/results/{_EXAMPLE_ID}/report",
        "overlay": f"/api/video/results/{_EXAMPLE_ID}/overlay",
    },
}
_EXAMPLE_SUMMARY: dict[str, Any] = {
    "view": "face-on",
    "handedness": "right",
    "time_base": "real",
    "overall_level": "one main fault",
    "score": 71,
    "faults": ["Sway"],
    "summary": "Your swing is in good shape but for one main fault: sway.",
    "schema_version": "2.1",
    "algorithm_versions": {"pose": "3", "metrics": "4"},
}


class SwingSummary(BaseModel):
    """What was concluded of a finished swing, in short; the whole is at `links.results`."""

    view: View
    handedness: Handedness
    time_base: TimeBase
    overall_level: str
    score: int | None = Field(description="0..100; null: too little could be judged")
    faults: tuple[str, ...] = Field(description="names of what was found, the gravest first")
    summary: str
    schema_version: str
    algorithm_versions: dict[str, str]


class Swing(BaseModel):
    """One swing: whose, how far its analysis is, and where its parts are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_SWING]})

    analysis_id: str
    user_id: str
    status: ClientStatus
    analysis_status: Status
    progress_message: str
    created_at: datetime
    updated_at: datetime
    uploaded_at: datetime | None = Field(description="null: its video has not come yet")
    started_at: datetime | None
    completed_at: datetime | None
    attempt: int
    error: JobError | None = Field(None, description="why it failed")
    links: dict[str, str] = Field(description="paths of its parts; those of an analysis answer 409 before it ended")


class SwingDetail(Swing):
    """One swing, and what was concluded of it once it is completed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE_SWING, "summary": _EXAMPLE_SUMMARY}]})

    summary: SwingSummary | None = None


class SwingPage(BaseModel):
    """Swings of a golfer, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"swings": [_EXAMPLE_SWING], "next_cursor": None}]})

    swings: list[Swing]
    next_cursor: str | None = Field(description="ask with it for the swings that follow; null: there are none")


class SwingFrames(BaseModel):
    """The key frames of a finished swing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "analysis_id": _EXAMPLE_ID,
                    "frames": [
                        {
                            "phase": "impact",
                            "url": "https://golf-swings.s3.us-east-1.amazonaws.com/golf-swings/ann/...&X-Amz-Signature=...",
                            "timestamp": 2.0,
                            "description": "Impact",
                            "frame_number": 60,
                        }
                    ],
                    "links_expire_in": 1800,
                }
            ]
        }
    )

    analysis_id: str
    frames: tuple[ServedFrame, ...]
    links_expire_in: int = Field(description="seconds for which the URLs work at least")


def swing_path(analysis_id: str) -> str:
    return f"{SWINGS_PATH}/{quote(analysis_id, safe='')}"


def client_status(status: Status) -> ClientStatus:
    """The word of the clients for a status (SPEC section 2)."""
    if status == Status.STARTED:
        return "queued"
    if status == Status.AI_COMPLETED:
        return "completed"
    return "failed" if status == Status.FAILED else "processing"


def statuses_of(word: ClientStatus) -> tuple[Status, ...]:
    """The statuses that clients know by a word."""
    return tuple(status for status in Status if client_status(status) == word)


def job_error(record: AnalysisRecord) -> JobError | None:
    """Why an analysis failed; None if it has not."""
    if record.status != Status.FAILED or record.error_code == DELETED:
        return None
    return JobError(
        code=record.error_code or "INTERNAL", message=record.error_message or "", retryable=record.retryable
    )


def swing_of(record: AnalysisRecord) -> Swing:
    """A record as clients see it."""
    path, results = swing_path(record.analysis_id), f"/api/video/results/{quote(record.analysis_id, safe='')}"
    return Swing(
        analysis_id=record.analysis_id,
        user_id=record.user_id,
        status=client_status(record.status),
        analysis_status=record.status,
        progress_message=record.progress_message,
        created_at=record.created_at,
        updated_at=record.updated_at,
        uploaded_at=record.uploaded_at,
        started_at=record.started_at,
        completed_at=record.completed_at,
        attempt=record.attempt,
        error=job_error(record),
        links={
            "self": path,
            **{part: f"{path}/{part}" for part in ("video", "frames", "analysis")},
            "results": results,
            **{part: f"{results}/{part}" for part in ("report", "overlay")},
        },
    )


def summary_of(result: ResultDocument) -> SwingSummary:
    """A stored result in short."""
    capture, findings = result.analysis_results.capture, result.pose.findings
    return SwingSummary(
        view=capture.view,
        handedness=capture.handedness,
        time_base=capture.time_base,
        overall_level=findings.overall_level,
        score=findings.score.value if findings.score else None,
        faults=tuple(finding.name for finding in findings.findings),
        summary=result.pose.report.summary,
        schema_version=result.schema_version,
        algorithm_versions=result.algorithm_versions,
    )
