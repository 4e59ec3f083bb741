"""The video routes: a presigned upload, the start of an analysis, and its results for polling clients.

Everything here reads the catalog and the stored result; work is started by a row that the dispatch sensor sees. The
shapes of requests and answers are in `messages.py`.
"""

from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from golf_pipeline.api.access import Reader, may_change, may_see, seen_swing, swing_not_found
from golf_pipeline.api.direct import DirectRoute
from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.etags import CONDITIONAL, NOT_MODIFIED, conditional
from golf_pipeline.api.idempotency import IdempotentRoute
from golf_pipeline.api.identity import AnyCaller, Caller
from golf_pipeline.api.limits import WithinLimits
from golf_pipeline.api.messages import (
    AnalysisStarted,
    AnalyzeRequest,
    Artifact,
    PresignedUrl,
    PresignedUrlRequest,
    Results,
)
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.api.removed_videos import refuse_removed
from golf_pipeline.api.results import read_result
from golf_pipeline.api.served import served_of
from golf_pipeline.api.swing_messages import client_status
from golf_pipeline.api.swings import renderer
from golf_pipeline.api.uploads import count_upload, too_large, video_type
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import GUEST, Upload, parse_upload_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.swing.errors import SwingError

router = APIRouter(prefix="/api/video", tags=["video"])
starting = APIRouter(
    prefix="/api/video", tags=["video"], route_class=IdempotentRoute, dependencies=[Depends(WithinLimits)]
)
"""The routes that start work."""

polled = APIRouter(prefix="/api/video", tags=["video"], route_class=DirectRoute)
"""The route that is answered from memory."""


@starting.post(
    "/presigned-url",
    status_code=201,
    operation_id="createPresignedUrl",
    responses=documented(401, 409, 413, 422, 429, 503),
)
def create_presigned_url(asked: PresignedUrlRequest, request: Request, caller: AnyCaller) -> PresignedUrl:
    """A URL for one PUT of one video, and the record under whose id the result will be."""
    settings, catalog, store = _parts(request)
    extension, content_type = video_type(asked.file_name, asked.content_type)
    if asked.content_length > settings.max_upload_bytes:
        raise too_large(settings.max_upload_bytes)
    count_upload(request, caller)
    job_id = str(uuid4())
    key = upload_key(caller.user_id, job_id, extension)
    catalog.create(store.bucket, Upload(caller.user_id, job_id, extension, key), is_authenticated=not caller.is_guest)
    expires = settings.presigned_put_expires_s
    return PresignedUrl(
        job_id=job_id,
        upload_url=store.presign_put(key, content_type, asked.content_length, expires),
        headers={"Content-Type": content_type},
        bucket_name=store.bucket,
        s3_key=key,
        expires_in=expires,
    )


@starting.post(
    "/analyze",
    status_code=202,
    operation_id="analyzeVideo",
    responses=documented(401, 403, 404, 409, 410, 413, 422, 429, 503),
)
def analyze_video(asked: AnalyzeRequest, request: Request, caller: AnyCaller) -> AnalysisStarted:
    """Start an analysis, or start it again where it failed; one that runs or is done is returned as it is."""
    _, catalog, store = _parts(request)
    if asked.bucket_name != store.bucket:
        raise Problem(404, "UNKNOWN_BUCKET", "This service does not read that bucket.")
    upload = parse_upload_key(asked.s3_key)
    _check_may_start(catalog, caller, upload.user_id)
    try:
        facts = store.head(upload.key)
    except SwingError:
        refuse_removed(catalog.by_key(store.bucket, upload.key))
        raise
    record, _ = catalog.register_object(store.bucket, upload, facts.etag, facts.size, facts.last_modified)
    if record.deleted_at is not None:
        raise Problem(410, "SWING_DELETED", "This swing was deleted. Upload the video again to have it back.")
    if record.status == Status.FAILED or (asked.force and record.status == Status.AI_COMPLETED):
        record = catalog.request_analysis(record.analysis_id, only_ended=True) or record
    served_of(request).forget(record.analysis_id)
    return AnalysisStarted(
        job_id=record.analysis_id, status=client_status(record.status), s3_key=record.s3_key, attempt=record.attempt
    )


@polled.get(
    "/results/{job_id}",
    operation_id="getResults",
    response_model=Results,
    responses=documented(401, 403, 404, 409, 410, 422, 503) | NOT_MODIFIED,
    openapi_extra=CONDITIONAL,
)
async def get_results(job_id: str, request: Request, caller: Reader) -> Response:
    """How far the analysis is and, once it is completed, its whole result."""
    return conditional(request, await served_of(request).get(caller, job_id, "results", renderer(request).results))


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
    key = read_result(catalog, store, job_id).artifacts.get(artifact)
    if key is None:
        raise swing_not_found()
    return RedirectResponse(store.presign_get(key, settings.presigned_get_expires_s), status_code=307)


def _check_may_start(catalog: Catalog, caller: Caller, owner: str) -> None:
    """Let pass who may have a golfer's upload analysed; a guest's is for whoever knows its key.

    Raises:
        Problem: 403, the caller may only look; 404, not even that.
    """
    if owner == GUEST or may_change(caller, owner):
        return
    if may_see(catalog, caller, owner):
        raise Problem(403, "NOT_YOURS", "Only its golfer may have this video analysed.")
    raise swing_not_found()


def _parts(request: Request) -> tuple[Settings, Catalog, ObjectStore]:
    return settings_of(request), request.app.state.catalog, request.app.state.store
