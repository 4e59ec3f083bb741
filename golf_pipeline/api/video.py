"""The video routes: a presigned upload, the start of an analysis, and its results for polling clients.

Everything here reads the catalog and the stored result; work is started by a row that the dispatch sensor sees. The
shapes of requests and answers are in `messages.py`.
"""

from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from golf_pipeline.api.access import Reader, may_see, seen_swing, swing_not_found
from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.identity import AnyCaller
from golf_pipeline.api.messages import (
    AnalysisStarted,
    AnalyzeRequest,
    Artifact,
    ClientStatus,
    JobError,
    PresignedUrl,
    PresignedUrlRequest,
    Results,
    ServedAnalysis,
)
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload, parse_upload_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument
from golf_pipeline.swing.errors import ErrorCode, SwingError

CONTENT_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "m4v": "video/x-m4v"}

router = APIRouter(prefix="/api/video", tags=["video"])


@router.post(
    "/presigned-url", status_code=201, operation_id="createPresignedUrl", responses=documented(400, 401, 413, 422, 503)
)
def create_presigned_url(asked: PresignedUrlRequest, request: Request, caller: AnyCaller) -> PresignedUrl:
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
    key = upload_key(caller.user_id, job_id, extension)
    catalog.create(store.bucket, Upload(caller.user_id, job_id, extension, key), is_authenticated=not caller.is_guest)
    expires = settings.presigned_put_expires_s
    return PresignedUrl(
        job_id=job_id,
        upload_url=store.presign_put(key, asked.content_type, asked.content_length, expires),
        headers={"Content-Type": asked.content_type},
        bucket_name=store.bucket,
        s3_key=key,
        expires_in=expires,
    )


@router.post(
    "/analyze",
    status_code=202,
    operation_id="analyzeVideo",
    responses=documented(400, 401, 403, 404, 413, 422, 503),
)
def analyze_video(asked: AnalyzeRequest, request: Request, caller: AnyCaller) -> AnalysisStarted:
    """Start an analysis, or start it again where it failed; one that runs or is done is returned as it is."""
    _, catalog, store = _parts(request)
    if asked.bucket_name != store.bucket:
        raise Problem(404, "UNKNOWN_BUCKET", "This service does not read that bucket.")
    upload = parse_upload_key(asked.s3_key)
    if not may_see(catalog, caller, upload.user_id):
        raise swing_not_found()
    facts = store.head(upload.key)
    record, _ = catalog.register_object(store.bucket, upload, facts.etag, facts.size, facts.last_modified)
    if record.status == Status.FAILED or (asked.force and record.status == Status.AI_COMPLETED):
        record = catalog.request_analysis(record.analysis_id, only_ended=True) or record
    return AnalysisStarted(
        job_id=record.analysis_id, status=client_status(record.status), s3_key=record.s3_key, attempt=record.attempt
    )


@router.get("/results/{job_id}", operation_id="getResults", responses=documented(401, 403, 404, 410, 422, 503))
def get_results(job_id: str, request: Request, caller: Reader) -> Results:
    """How far the analysis is and, once it is completed, its whole result."""
    settings, catalog, store = _parts(request)
    record = seen_swing(catalog, caller, job_id)
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
    frames = [
        frame.model_dump(exclude={"key"}) | {"url": store.presign_get(frame.key, expires)}
        for frame in result.analysis_results.frames
    ]
    return state.model_copy(
        update={
            "schema_version": result.schema_version,
            "analysis_results": ServedAnalysis.model_validate(
                result.analysis_results.model_dump() | {"frames": frames}
            ),
            "pose": result.pose,
            "ai_analysis": result.ai_analysis,
            "links": {name: store.presign_get(key, expires) for name, key in result.artifacts.items()},
            "links_expire_in": expires,
        }
    )


@router.get(
    "/results/{job_id}/{artifact}",
    status_code=307,
    operation_id="getArtifact",
    response_class=RedirectResponse,
    responses=documented(401, 403, 404, 409, 410, 422, 503),
)
def get_artifact(job_id: str, artifact: Artifact, request: Request, caller: Reader) -> RedirectResponse:
    """A stable address of a file of the result; redirects to a signed URL."""
    settings, catalog, store = _parts(request)
    seen_swing(catalog, caller, job_id)
    key = _stored_result(catalog, store, job_id).artifacts.get(artifact)
    if key is None:
        raise swing_not_found()
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


def _stored_result(catalog: Catalog, store: ObjectStore, job_id: str) -> ResultDocument:
    stored = catalog.stages(job_id).get(RESULT_STAGE)
    if stored is None:
        raise Problem(409, "NOT_READY", "There is no result yet. Ask for the status first.")
    try:
        return ResultDocument.model_validate_json(store.get_bytes(stored.key))
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            raise Problem(410, "RESULT_DELETED", "This result was deleted. Start the analysis again.") from error
        if error.code == ErrorCode.UPLOAD_FORBIDDEN:  # our own object: an operator's matter, not the client's
            raise Problem(503, ErrorCode.STORAGE_UNAVAILABLE, "Our storage does not hand out the result.") from error
        raise
