"""The swings routes: a golfer's swings, each with its video, frames and analysis; again, compare, delete.

Finished swings are answered from memory (`served.py`); their upload is `uploads.py`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from golf_pipeline.api.access import changed_swing, deletable_swing, may_see, seen_swing, shown_swing, swing_not_found
from golf_pipeline.api.direct import DirectRoute
from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.etags import CONDITIONAL, NOT_MODIFIED, conditional
from golf_pipeline.api.idempotency import IdempotentRoute
from golf_pipeline.api.identity import AnyCaller, Caller, Role, SignedIn
from golf_pipeline.api.limits import WithinLimits
from golf_pipeline.api.messages import ClientStatus
from golf_pipeline.api.paging import MAX_CURSOR_CHARACTERS, decode_cursor, encode_cursor
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.api.removed_videos import refuse_removed
from golf_pipeline.api.results import Renderer
from golf_pipeline.api.served import served_of
from golf_pipeline.api.swing_messages import (
    SWINGS_PATH,
    Swing,
    SwingDetail,
    SwingFrames,
    SwingPage,
    statuses_of,
    swing_of,
    swing_path,
)
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.database import storable
from golf_pipeline.storage.deletion import delete_swing
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.listing import list_swings
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.standing import Standing, standing_of
from golf_pipeline.swing.compare import SwingComparison
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.errors import ErrorCode, SwingError

MAX_PAGE = 100
CONDITIONAL_GET: dict[str, Any] = {"openapi_extra": CONDITIONAL}

router = APIRouter(prefix=SWINGS_PATH, tags=["swings"])
starting = APIRouter(prefix=SWINGS_PATH, tags=["swings"], route_class=IdempotentRoute)
"""The route that starts work."""

polled = APIRouter(prefix=SWINGS_PATH, tags=["swings"], route_class=DirectRoute)
"""The routes that are answered from memory."""


@router.get("", operation_id="listSwings", responses=documented(401, 404, 422, 503))
def get_swings(
    request: Request,
    caller: SignedIn,
    user_id: Annotated[
        str | None, Query(max_length=200, description="another golfer's; for their coach and for admins")
    ] = None,
    status: Annotated[ClientStatus | None, Query(description="only swings at this point")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
    cursor: Annotated[
        str | None, Query(max_length=MAX_CURSOR_CHARACTERS, description="`next_cursor` of the page before")
    ] = None,
) -> SwingPage:
    """Your swings, newest first. A swing that comes in while you page moves no other one."""
    catalog: Catalog = request.app.state.catalog
    owner = caller.user_id if user_id is None else storable(user_id)
    # Guests share an id: whoever could list it would see strangers' swings.
    if not may_see(catalog, caller, owner) or (owner == GUEST and not caller.is_admin):
        raise Problem(404, "NOT_FOUND", "There is no such golfer.")
    scope = f"{owner}\0{status}"
    before = None if cursor is None else decode_cursor(cursor, scope)
    found = list_swings(catalog, owner, limit + 1, before, () if status is None else statuses_of(status))
    shown = found[:limit]
    following = encode_cursor((shown[-1].created_at, shown[-1].analysis_id), scope) if len(found) > limit else None
    return SwingPage(swings=[swing_of(record) for record in shown], next_cursor=following)


@polled.get(
    "/{analysis_id}",
    operation_id="getSwing",
    response_model=SwingDetail,
    responses=documented(401, 404, 409, 410, 422, 503) | NOT_MODIFIED,
    **CONDITIONAL_GET,
)
async def get_swing(analysis_id: str, request: Request, caller: AnyCaller) -> Response:
    """One swing: how far its analysis is and, once it is completed, what was concluded in short."""
    return conditional(request, await served_of(request).get(caller, analysis_id, "swing", renderer(request).swing))


@polled.get(
    "/{analysis_id}/frames",
    operation_id="getSwingFrames",
    response_model=SwingFrames,
    responses=documented(401, 404, 409, 410, 422, 503) | NOT_MODIFIED,
    **CONDITIONAL_GET,
)
async def get_frames(analysis_id: str, request: Request, caller: AnyCaller) -> Response:
    """The key frames of a finished swing, with signed URLs that expire."""
    return conditional(request, await served_of(request).get(caller, analysis_id, "frames", renderer(request).frames))


@polled.get(
    "/{analysis_id}/analysis",
    operation_id="getSwingAnalysis",
    response_model=SwingAnalysis,
    responses=documented(401, 404, 409, 410, 422, 503) | NOT_MODIFIED,
    **CONDITIONAL_GET,
)
async def get_analysis(analysis_id: str, request: Request, caller: AnyCaller) -> Response:
    """The whole analysis of a finished swing: every metric with its noise and evidence, events, findings, report."""
    return conditional(
        request, await served_of(request).get(caller, analysis_id, "analysis", renderer(request).analysis)
    )


@router.get(
    "/{analysis_id}/video",
    status_code=307,
    operation_id="getSwingVideo",
    response_class=RedirectResponse,
    responses=documented(401, 404, 409, 410, 422, 503),
)
def get_video(analysis_id: str, request: Request, caller: AnyCaller) -> RedirectResponse:
    """The uploaded video; redirects to a signed URL that expires."""
    store: ObjectStore = request.app.state.store
    record = seen_swing(request.app.state.catalog, caller, analysis_id)
    if record.etag is None:
        raise Problem(409, "NOT_READY", "The video of this swing has not come yet.")
    refuse_removed(record)
    try:
        store.head(record.s3_key)
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            raise Problem(410, "VIDEO_DELETED", "The video was deleted; what was made of it is still there.") from error
        raise
    url = store.presign_get(record.s3_key, settings_of(request).presigned_get_expires_s)
    return RedirectResponse(url, status_code=307)


@router.get(
    "/{analysis_id}/compare/{other_id}",
    operation_id="compareSwings",
    response_model=SwingComparison,
    responses=documented(401, 404, 409, 410, 422, 503) | NOT_MODIFIED,
    **CONDITIONAL_GET,
)
def compare(analysis_id: str, other_id: str, request: Request, caller: AnyCaller) -> Response:
    """The other swing against this one: what changed by more than the noise, and what cannot be compared."""
    first, second = (_seen_standing(request, caller, one) for one in (analysis_id, other_id))
    if first.record.analysis_id == second.record.analysis_id:
        raise Problem(422, "NOTHING_TO_COMPARE", "This is one swing. Choose another one to compare it with.")
    if first.record.user_id != second.record.user_id and not caller.roles & {Role.COACH, Role.ADMIN}:
        raise Problem(422, "NOTHING_TO_COMPARE", "These are swings of two golfers.")
    served, kind, identity = served_of(request), f"compare:{other_id}", (first.identity, second.identity)
    rendered = served.kept(analysis_id, kind, identity)
    if rendered is None:
        rendered = renderer(request).comparison(first, second)
        served.keep(analysis_id, kind, identity, rendered)
    return conditional(request, rendered)


@starting.post(
    "/{analysis_id}/reanalyze",
    status_code=202,
    operation_id="reanalyzeSwing",
    dependencies=[Depends(WithinLimits)],
    responses=documented(401, 403, 404, 409, 410, 422, 429, 503),
)
def reanalyze(analysis_id: str, request: Request, response: Response, caller: SignedIn) -> Swing:
    """Analyse a swing again that has ended. Until the new result is there, it is shown as under way."""
    catalog: Catalog = request.app.state.catalog
    record = changed_swing(catalog, caller, analysis_id)
    if not record.status.ended:
        raise Problem(409, "UNDER_WAY", "This swing is being analysed. Wait for the end first.")
    if record.etag is None:
        raise Problem(409, "NOT_READY", "The video of this swing has not come yet.")
    refuse_removed(record)
    request.app.state.store.head(record.s3_key)  # without a video, another attempt would only lose the result
    record = catalog.request_analysis(analysis_id, only_ended=True) or record
    served_of(request).forget(analysis_id)
    response.headers["Location"] = swing_path(record.analysis_id)
    return swing_of(record)


@router.delete(
    "/{analysis_id}",
    status_code=204,
    operation_id="deleteSwing",
    responses=documented(401, 403, 404, 410, 422, 503),
)
def delete(analysis_id: str, request: Request, caller: SignedIn) -> None:
    """Delete a swing: its video and everything made of it. Repeat it if it was not answered: nothing happens twice."""
    catalog: Catalog = request.app.state.catalog
    record = deletable_swing(catalog, caller, analysis_id)
    try:
        delete_swing(catalog, request.app.state.store, record)
    except SwingError as error:
        sentence = "The swing is deleted, but our storage does not answer: its files are removed as soon as it does."
        raise Problem(503, ErrorCode.STORAGE_UNAVAILABLE, sentence) from error
    finally:
        served_of(request).forget(analysis_id)


def renderer(request: Request) -> Renderer:
    """What renders results for the app of a request."""
    return Renderer(request.app.state.store, settings_of(request).presigned_get_expires_s)


def _seen_standing(request: Request, caller: Caller, analysis_id: str) -> Standing:
    """How a swing stands that the caller may see.

    Raises:
        Problem: as `seen_swing`.
    """
    catalog: Catalog = request.app.state.catalog
    standing = standing_of(catalog, analysis_id)
    if standing is None:
        raise swing_not_found()
    shown_swing(catalog, caller, standing.record)
    return standing
