"""The video routes: a presigned upload, the start of an analysis, and its results for polling clients.

Everything here reads the catalog and the stored result; work is started by a row that the dispatch sensor sees.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from golf_pipeline.api.edge import CallingUser, settings_of
from golf_pipeline.api.problems import Problem, ProblemDocument
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import GUEST, Upload, parse_upload_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument

CONTENT_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "m4v": "video/x-m4v"}

ClientStatus = Literal["queued", "processing", "completed", "failed"]
Artifact = Literal["report", "overlay", "contact-sheet", "keypoints", "analysis"]

router = APIRouter(
    prefix="/api/video",
    tags=["video"],
    responses={code: {"model": ProblemDocument} for code in (401, 404, 413, 422, 503)},
)


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
        json_schema_extra={"examples": [{"s3Key": "golf-swings/guest/4f2c.mov", "bucketName": "golf-swings"}]},
    )

    s3_key: Annotated[str, Field(min_length=1, max_length=1024)]
    bucket_name: Annotated[str, Field(min_length=1, max_length=255)]
    force: bool = Field(False, description="analyse again although there is a result")


class AnalysisStarted(_Json):
    job_id: str
    status: ClientStatus
    s3_key: str
    attempt: int


class JobError(_Json):
    code: str
    message: str
    retryable: bool = Field(description="whether another try with the same video can help")


class Results(BaseModel):
    """The state of one analysis; the three result parts are null until `status` is completed."""

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
    analysis_results: dict[str, Any] | None = None
    pose: dict[str, Any] | None = None
    ai_analysis: dict[str, Any] | None = None
    links: dict[str, str] | None = Field(None, description="signed URLs of the report, the overlay and the rest")
    links_expire_in: int | None = Field(None, description="seconds")


@router.post("/presigned-url", status_code=201, operation_id="createPresignedUrl")
def create_presigned_url(asked: PresignedUrlRequest, request: Request, user: CallingUser) -> PresignedUrl:
    """A URL for one PUT of one video, and the record under whose id the result will be."""
    settings, catalog, store = _parts(request)
    extension = asked.file_name.rpartition(".")[2].lower()
    if extension not in CONTENT_TYPES:
        raise Problem(422, "UNSUPPORTED_FILE", f"Please upload one of {', '.join(sorted(CONTENT_TYPES))}.")
    if asked.content_type != CONTENT_TYPES[extension]:
        raise Problem(422, "UNSUPPORTED_TYPE", f"The content type of a .{extension} is {CONTENT_TYPES[extension]}.")
    if asked.content_length > settings.max_upload_bytes:
        raise Problem(413, "VIDEO_TOO_LARGE", f"A video may have {settings.max_upload_bytes} bytes at most.")
    job_id = str(uuid4())
    key = upload_key(user, job_id, extension)
    catalog.create(store.bucket, Upload(user, job_id, extension, key), is_authenticated=user != GUEST)
    expires = settings.presigned_put_expires_s
    return PresignedUrl(
        job_id=job_id,
        upload_url=store.presign_put(key, asked.content_type, asked.content_length, expires),
        headers={"Content-Type": asked.content_type},
        bucket_name=store.bucket,
        s3_key=key,
        expires_in=expires,
    )


@router.post("/analyze", status_code=202, operation_id="analyzeVideo")
def analyze_video(asked: AnalyzeRequest, request: Request, user: CallingUser) -> AnalysisStarted:
    """Start an analysis, or start it again where it failed; one that runs or is done is returned as it is."""
    _, catalog, store = _parts(request)
    if asked.bucket_name != store.bucket:
        raise Problem(404, "UNKNOWN_BUCKET", "This service does not read that bucket.")
    upload = parse_upload_key(asked.s3_key)
    if upload.user_id not in {user, GUEST}:
        raise _not_found()
    facts = store.head(upload.key)
    record, _ = catalog.register_object(store.bucket, upload, facts.etag, facts.size, facts.last_modified)
    if record.status == Status.FAILED or (asked.force and record.status == Status.AI_COMPLETED):
        record = catalog.request_analysis(record.analysis_id) or record
    return AnalysisStarted(
        job_id=record.analysis_id, status=client_status(record.status), s3_key=record.s3_key, attempt=record.attempt
    )


@router.get("/results/{job_id}", operation_id="getResults")
def get_results(job_id: str, request: Request, user: CallingUser) -> Results:
    """How far the analysis is and, once it is completed, its whole result."""
    settings, catalog, store = _parts(request)
    record = _visible_record(catalog, job_id, user)
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
    )
    if record.status == Status.FAILED:
        error = JobError(
            code=record.error_code or "INTERNAL", message=record.error_message or "", retryable=record.retryable
        )
        return state.model_copy(update={"error": error})
    if record.status != Status.AI_COMPLETED:
        return state
    result = _stored_result(catalog, store, job_id)
    expires = settings.presigned_get_expires_s
    results = result.analysis_results.model_dump(mode="json")
    for frame in results["frames"]:
        frame["url"] = store.presign_get(frame.pop("key"), expires)
    return state.model_copy(
        update={
            "schema_version": result.schema_version,
            "analysis_results": results,
            "pose": result.pose.model_dump(mode="json"),
            "ai_analysis": result.ai_analysis.model_dump(mode="json"),
            "links": {name: store.presign_get(key, expires) for name, key in result.artifacts.items()},
            "links_expire_in": expires,
        }
    )


@router.get("/results/{job_id}/{artifact}", status_code=307, operation_id="getArtifact")
def get_artifact(job_id: str, artifact: Artifact, request: Request, user: CallingUser) -> RedirectResponse:
    """A stable address of a file of the result; redirects to a signed URL."""
    settings, catalog, store = _parts(request)
    _visible_record(catalog, job_id, user)
    key = _stored_result(catalog, store, job_id).artifacts.get(artifact)
    if key is None:
        raise _not_found()
    return RedirectResponse(store.presign_get(key, settings.presigned_get_expires_s), status_code=307)


def client_status(status: Status) -> ClientStatus:
    """The word of the video-flow clients for a status (SPEC section 2)."""
    if status == Status.STARTED:
        return "queued"
    if status == Status.AI_COMPLETED:
        return "completed"
    return "failed" if status == Status.FAILED else "processing"


def _parts(request: Request) -> tuple[Settings, Catalog, ObjectStore]:
    return settings_of(request), request.app.state.catalog, request.app.state.store


def _visible_record(catalog: Catalog, job_id: str, user: str) -> AnalysisRecord:
    record = catalog.get(job_id)
    # A guest's analysis is readable by whoever knows its id; another user's does not exist for the caller.
    if record is None or record.user_id not in {user, GUEST}:
        raise _not_found()
    return record


def _stored_result(catalog: Catalog, store: ObjectStore, job_id: str) -> ResultDocument:
    stored = catalog.stages(job_id).get(RESULT_STAGE)
    if stored is None:
        raise Problem(409, "NOT_READY", "There is no result yet. Ask for the status first.")
    return ResultDocument.model_validate_json(store.get_bytes(stored.key))


def _not_found() -> Problem:
    return Problem(404, "NOT_FOUND", "There is no such analysis.")
