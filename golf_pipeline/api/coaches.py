"""The coaches' routes: sessions, and videos that a coach films of players who have agreed to it.

A video belongs to its player: it lies under their key, is counted as theirs and stays theirs. The session only says in
which context it was made, and lets its coach follow the analysis as long as the player agrees.
"""

import logging
from uuid import uuid4

from fastapi import APIRouter, Depends, Request

from golf_pipeline.api.access import seen_swing, swing_not_found
from golf_pipeline.api.coach_messages import (
    DEFAULT_SAMPLE_FPS,
    AnalysisJob,
    CompletedUpload,
    CompleteRequest,
    InitiatedUpload,
    InitiateRequest,
    Player,
    Session,
    SessionRequest,
)
from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.idempotency import IdempotentRoute
from golf_pipeline.api.identity import Caller, CoachCaller
from golf_pipeline.api.limits import WithinLimits
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.api.results import Renderer, read_result
from golf_pipeline.api.swing_messages import client_status, job_error
from golf_pipeline.api.uploads import CONTENT_TYPES, count_upload, too_large, video_type
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.coaches import CoachSession, create_session, is_coach_of, players_who_agreed, session_of
from golf_pipeline.storage.keys import Upload, parse_upload_key, upload_key
from golf_pipeline.storage.object_store import ObjectFacts, ObjectStore
from golf_pipeline.storage.queue import QueueUnavailableError, UploadQueue
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.swing.errors import ErrorCode, SwingError

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/coaches/plus", tags=["coaches"], route_class=IdempotentRoute)


@router.post(
    "/sessions",
    status_code=201,
    operation_id="createCoachSession",
    dependencies=[Depends(WithinLimits)],
    responses=documented(401, 403, 409, 413, 415, 422, 429, 503),
)
def create_coach_session(asked: SessionRequest, request: Request, caller: CoachCaller) -> Session:
    """A session of the coach with these players, and which of them have agreed (by naming the coach as theirs)."""
    catalog, _ = _parts(request)
    player_ids = tuple(dict.fromkeys(asked.player_ids))
    session = create_session(catalog.engine, caller.user_id, asked.title, asked.notes, player_ids)
    agreed = players_who_agreed(catalog.engine, caller.user_id, player_ids) | {caller.user_id}
    return Session(
        session_id=session.session_id,
        title=session.title,
        notes=session.notes,
        player_ids=player_ids,
        players=tuple(Player(player_id=one, agreed=one in agreed) for one in player_ids),
        created_at=session.created_at,
    )


@router.post(
    "/videos/upload/initiate",
    status_code=201,
    operation_id="initiateCoachUpload",
    dependencies=[Depends(WithinLimits)],
    responses=documented(401, 403, 404, 409, 413, 415, 422, 429, 503),
)
def initiate_coach_upload(asked: InitiateRequest, request: Request, caller: CoachCaller) -> InitiatedUpload:
    """A URL for one PUT of one video of a session, and the job under whose id its analysis will be.

    The video belongs to the session's player, to `player_id` where there are several, and to the coach where there is
    none. The type of the video is signed, and its length too where `content_length` is sent. Older clients send no
    length; their URL takes any, for a coach who is signed in, and a video that is too large is refused when the upload
    is completed, and by the analysis whether or not it is.
    """
    settings = settings_of(request)
    catalog, store = _parts(request)
    session = _session(catalog, caller, asked.session_id)
    player_id = _player(catalog, session, asked.player_id)
    usual = CONTENT_TYPES.get(asked.file_name.rpartition(".")[2].lower(), "")
    extension, content_type = video_type(asked.file_name, asked.content_type or usual)
    if asked.content_length is not None and asked.content_length > settings.max_upload_bytes:
        raise too_large(settings.max_upload_bytes)
    count_upload(request, caller)
    job_id = str(uuid4())
    key = upload_key(player_id, job_id, extension)
    options = {"sample_fps": asked.sample_fps, "include_frames": asked.include_frames, "uploaded_by": caller.user_id}
    catalog.create(
        store.bucket,
        Upload(player_id, job_id, extension, key),
        is_authenticated=True,
        session_id=session.session_id,
        options=options,
    )
    expires = settings.presigned_put_expires_s
    return InitiatedUpload(
        job_id=job_id,
        presigned_url=store.presign_put(key, content_type, asked.content_length, expires),
        s3_bucket=store.bucket,
        s3_key=key,
        expires_in=expires,
        headers={"Content-Type": content_type},
    )


@router.post(
    "/videos/upload/complete",
    operation_id="completeCoachUpload",
    dependencies=[Depends(WithinLimits)],
    responses=documented(401, 403, 404, 409, 410, 413, 415, 422, 429, 503),
)
def complete_coach_upload(asked: CompleteRequest, request: Request, caller: CoachCaller) -> CompletedUpload:
    """Say that the video is there: its analysis begins. Saying it again changes nothing.

    A queue that does not answer does not matter: the video is registered before, and what is registered is analysed.
    """
    settings = settings_of(request)
    catalog, store = _parts(request)
    record = _job(catalog, caller, asked.job_id)
    try:
        there = store.head(record.s3_key)
    except SwingError as error:
        if error.code != ErrorCode.UPLOAD_DELETED:
            raise
        detail = "There is no video yet. Put it to the presigned URL first, then complete the upload."
        raise Problem(404, "UPLOAD_NOT_FOUND", detail) from error
    if there.size > settings.max_upload_bytes:
        raise too_large(settings.max_upload_bytes)
    upload = parse_upload_key(record.s3_key)
    record, _ = catalog.register_object(store.bucket, upload, there.etag, there.size, there.last_modified)
    waits = record.status == Status.STARTED and record.dispatched_at is None
    return CompletedUpload(
        job_id=record.analysis_id,
        status=client_status(record.status),
        sqs_message_id=_announce(request, store.bucket, there, record) if waits else None,
    )


@router.get(
    "/analysis-jobs/{job_id}",
    operation_id="getCoachJob",
    responses=documented(401, 403, 404, 410, 503),
)
def get_coach_job(job_id: str, request: Request, caller: CoachCaller) -> AnalysisJob:
    """How far the analysis of a session's video is, for the coach of the session while its player agrees."""
    catalog, store = _parts(request)
    record = _job(catalog, caller, job_id)
    options = record.options or {}
    include_frames = bool(options.get("include_frames", False))
    completed = record.status == Status.AI_COMPLETED
    frames = None
    if completed and include_frames:
        rendering = Renderer(store, settings_of(request).presigned_get_expires_s)
        frames = rendering.served_frames(read_result(catalog, store, record.analysis_id))
    return AnalysisJob(
        job_id=record.analysis_id,
        session_id=record.session_id or "",
        player_id=record.user_id,
        status=client_status(record.status),
        analysis_status=record.status,
        progress_message=record.progress_message,
        created_at=record.created_at,
        updated_at=record.updated_at,
        completed_at=record.completed_at,
        error=job_error(record),
        sample_fps=float(options.get("sample_fps", DEFAULT_SAMPLE_FPS)),
        include_frames=include_frames,
        results=f"/api/video/results/{record.analysis_id}" if completed else None,
        frames=frames,
    )


def _session(catalog: Catalog, caller: Caller, session_id: str) -> CoachSession:
    session = session_of(catalog.engine, session_id)
    if session is None or not (session.coach_id == caller.user_id or caller.is_admin):
        raise Problem(404, "SESSION_NOT_FOUND", "You have no such session.")
    return session


def _player(catalog: Catalog, session: CoachSession, player_id: str | None) -> str:
    """Whose video it will be.

    Raises:
        Problem: 422, that is open, or they are not in the session; 403, they have not agreed.
    """
    players = session.player_ids or (session.coach_id,)
    if player_id is None and len(players) > 1:
        raise Problem(422, "PLAYER_NEEDED", "This session has several players: say whose swing it is, in player_id.")
    owner = player_id or players[0]
    if owner not in players:
        raise Problem(422, "PLAYER_NOT_IN_SESSION", "This player is not in the session. Make one with them.")
    if owner != session.coach_id and not is_coach_of(catalog.engine, session.coach_id, owner):
        raise Problem(
            403,
            "PLAYER_NOT_AGREED",
            "This player has not agreed yet. They do by naming you as their coach: PATCH /api/v1/users/me, coach_ids.",
        )
    return owner


def _job(catalog: Catalog, caller: Caller, job_id: str) -> AnalysisRecord:
    """A job of one of the coach's own sessions, whose player still agrees.

    Raises:
        Problem: 404, there is none for this caller; 410, the player has deleted it.
    """
    record = seen_swing(catalog, caller, job_id)
    session = session_of(catalog.engine, record.session_id) if record.session_id else None
    if session is None or not (session.coach_id == caller.user_id or caller.is_admin):
        raise swing_not_found()
    return record


def _announce(request: Request, bucket: str, there: ObjectFacts, record: AnalysisRecord) -> str | None:
    queue: UploadQueue | None = request.app.state.queue
    if queue is None:
        return None
    try:
        return queue.send_object_created(bucket, there)
    except QueueUnavailableError as error:
        log.warning("the upload of %s was registered but not announced: %s", record.analysis_id, error)
        return None


def _parts(request: Request) -> tuple[Catalog, ObjectStore]:
    return request.app.state.catalog, request.app.state.store
