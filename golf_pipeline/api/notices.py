"""`ANALYSIS_COMPLETE` for whoever waits: over a WebSocket, or as server-sent events for web clients.

Both tell a caller of their own analyses (a coach: of their players' too), or of the one that `analysis_id` names, which
is all that a guest can hear of. A connection ends after `MAX_LIFE_S`, as its token was checked when it began; clients
connect again, of events with `Last-Event-ID` (`fetch` can send a token, EventSource cannot).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from golf_pipeline.api.access import seen_swing
from golf_pipeline.api.board import Listener, Notice, NoticeBoard, notice
from golf_pipeline.api.identity import AnyCaller, Caller, bearer_token, identify
from golf_pipeline.api.limits import subject_of
from golf_pipeline.api.messages import JobError
from golf_pipeline.api.problems import Problem, answer, documented
from golf_pipeline.settings import Settings
from golf_pipeline.storage.notices import Ended

KEEP_ALIVE_S = 15.0
"""A proxy that hears nothing for half a minute may cut a connection."""

MAX_LIFE_S = 3600.0
AUTHENTICATE_WITHIN_S = 5.0
PROTOCOL = "golf.v1"
TOKEN_PROTOCOL = "bearer."  # noqa: S105 - a prefix
"""A browser cannot set headers of a WebSocket; it can name protocols: `["golf.v1", "bearer.<token>"]`."""

MAX_MESSAGES = 200
"""From one client in the life of a connection: there is little to say."""

POLICY_VIOLATION = 1008
COME_AGAIN = 1012
"""Close codes of RFC 6455 and its registry."""

router = APIRouter(prefix="/api/v1/realtime", tags=["realtime"])


class AnalysisComplete(BaseModel):
    """What is told when an analysis has ended, well or not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "ANALYSIS_COMPLETE",
                    "analysis_id": "0b6e2a52-5d40-4d3c-9a52-1f4f7a1f9f10",
                    "status": "AI_COMPLETED",
                    "completed_at": "2026-05-01T10:00:09+00:00",
                }
            ]
        }
    )

    type: str = "ANALYSIS_COMPLETE"
    analysis_id: str
    status: str
    completed_at: datetime
    error: JobError | None = None


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "events named ANALYSIS_COMPLETE, with this as their data", "model": AnalysisComplete}
}
AnalysisId = Annotated[str | None, Query(max_length=200, description="hear of this analysis only; guests must name it")]


class EventStream(StreamingResponse):
    """What is published of the answer: its media type."""

    media_type = "text/event-stream"


class _Stream(EventStream):
    """The events of a listener, who leaves also where the client went away before the first one."""

    def __init__(self, board: NoticeBoard, listener: Listener, last_seen: datetime | None) -> None:
        super().__init__(
            _events(board, listener, last_seen),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._board, self._listener = board, listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._board.leave(self._listener)


@router.get(
    "/events",
    operation_id="streamNotices",
    response_class=EventStream,
    responses={**documented(401, 404, 410, 422, 429, 503), **_EVENTS},
)
async def stream_notices(
    request: Request,
    caller: AnyCaller,
    analysis_id: AnalysisId = None,
    last_event_id: Annotated[str | None, Header(max_length=40, description="resume after this event")] = None,
) -> EventStream:
    """Server-sent events, one for each analysis that ends; at least once each, so know them by their content.

    The stream stays open: a comment comes every 15 seconds, and after an hour it ends and wants a new request.
    """
    await _may_listen(request.app.state, caller, analysis_id)
    board: NoticeBoard = request.app.state.notices
    listener = board.listen(caller, subject_of(request, caller), analysis_id)
    return _Stream(board, listener, _moment(last_event_id))


@router.websocket("/connect")
async def connect(socket: WebSocket, analysis_id: AnalysisId = None) -> None:
    """The same notices as JSON messages; `{"type": "PING"}` is answered."""
    protocols: list[str] = socket.scope.get("subprotocols") or []
    offered = PROTOCOL if PROTOCOL in protocols else None
    try:
        _check_origin(socket)
        token = await bearer_token(socket) or _token_of(protocols)
        caller = await identify(socket, token)
        known = token is not None or analysis_id is not None
        if known:
            await _may_listen(socket.app.state, caller, analysis_id)
    except Problem as problem:
        await socket.send_denial_response(answer(problem.status, problem.code, problem.detail, headers=problem.headers))
        return
    await socket.accept(subprotocol=offered)
    try:
        if not known:
            caller = await _introduced(socket)
        socket.state.caller = caller
        await _serve(socket, caller, analysis_id)
    except Problem as problem:
        await socket.send_json({"type": "ERROR", "code": problem.code, "message": problem.detail})
        await socket.close(POLICY_VIOLATION, problem.code)
    except WebSocketDisconnect:
        return


async def _may_listen(state: object, caller: Caller, analysis_id: str | None) -> None:
    """Check that there is something that the caller may hear.

    Raises:
        Problem: 401, a guest who names no analysis; 404 and 410, as `seen_swing`.
    """
    if analysis_id is not None:
        await run_in_threadpool(seen_swing, state.catalog, caller, analysis_id)  # type: ignore[attr-defined]
    elif caller.is_guest:
        raise Problem(401, "SIGN_IN_NEEDED", "Sign in with a bearer token, or name the swing: ?analysis_id=...")


def _check_origin(socket: WebSocket) -> None:
    """Refuse pages of strangers, as CORS does elsewhere: browsers do not apply it to WebSockets.

    Raises:
        Problem: 403, the page is neither ours nor of an allowed origin.
    """
    origin = socket.headers.get("origin")
    settings: Settings = socket.app.state.settings
    if origin is None or origin in settings.cors_origins:
        return
    with suppress(ValueError):  # what it says need not be an address
        if urlsplit(origin).netloc == socket.headers.get("host"):
            return
    raise Problem(403, "ORIGIN_NOT_ALLOWED", "Pages of this origin may not connect.")


def _token_of(protocols: list[str]) -> str | None:
    named = [one.removeprefix(TOKEN_PROTOCOL) for one in protocols if one.startswith(TOKEN_PROTOCOL)]
    return named[0] if named else None


async def _introduced(socket: WebSocket) -> Caller:
    """The caller whom the first message names: `{"type": "AUTHENTICATE", "token": "..."}`.

    Raises:
        Problem: 401, it did not come in time or names nobody.
    """
    try:
        async with asyncio.timeout(AUTHENTICATE_WITHIN_S):
            message = await _heard(socket)
    except TimeoutError:
        raise Problem(401, "SIGN_IN_NEEDED", f"No token came within {AUTHENTICATE_WITHIN_S:g} seconds.") from None
    said = _parsed(message)
    token = said.get("token")
    if said.get("type") != "AUTHENTICATE" or not isinstance(token, str):
        raise Problem(401, "SIGN_IN_NEEDED", 'The first message must be {"type": "AUTHENTICATE", "token": "..."}.')
    caller = await identify(socket, token)
    await _may_listen(socket.app.state, caller, None)
    return caller


async def _serve(socket: WebSocket, caller: Caller, analysis_id: str | None) -> None:
    board: NoticeBoard = socket.app.state.notices
    listener = board.listen(caller, subject_of(socket, caller), analysis_id)
    try:
        await socket.send_json({"type": "CONNECTED"})
        await board.catch_up(listener, None)
        tasks = {asyncio.create_task(_send(socket, listener)), asyncio.create_task(_hear(socket))}
        done, rest = await asyncio.wait(tasks, timeout=MAX_LIFE_S, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for task in done:
            task.result()
        with suppress(RuntimeError):  # it is closed already
            await socket.close(COME_AGAIN)
    finally:
        board.leave(listener)


async def _send(socket: WebSocket, listener: Listener) -> None:
    while (ended := await listener.waiting.get()) is not None:
        await socket.send_json(notice(ended))


async def _hear(socket: WebSocket) -> None:
    """Answer what the client says, until it leaves or says too much."""
    for _ in range(MAX_MESSAGES):
        said = _parsed(await _heard(socket))
        if said.get("type") == "PING":
            await socket.send_json({"type": "PONG"})
        else:
            await socket.send_json(
                {"type": "ERROR", "code": "UNKNOWN_MESSAGE", "message": 'Only {"type": "PING"} is understood here.'}
            )


async def _heard(socket: WebSocket) -> str:
    """The next message as text; one of bytes, for which Starlette's own `receive_text` has no answer, is empty.

    Raises:
        WebSocketDisconnect: the client has left.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    return message.get("text") or ""


async def _events(board: NoticeBoard, listener: Listener, last_seen: datetime | None) -> AsyncIterator[str]:
    yield "retry: 3000\n: connected\n\n"
    await board.catch_up(listener, last_seen)
    ends = time.monotonic() + MAX_LIFE_S
    while time.monotonic() < ends:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                ended = await listener.waiting.get()
        except TimeoutError:
            yield ": still here\n\n"
            continue
        if ended is None:
            return
        yield _event(ended)


def _event(ended: Ended) -> str:
    # The id is the moment alone: an analysis id that somebody chose has no place in a header.
    micros = round(ended.completed_at.timestamp() * 1_000_000)
    return f"id: {micros}\nevent: ANALYSIS_COMPLETE\ndata: {json.dumps(notice(ended))}\n\n"


def _moment(last_event_id: str | None) -> datetime | None:
    """When the last event that a client saw ended; None for an id that is none of ours."""
    if last_event_id is None or not last_event_id.isascii() or not last_event_id.isdigit():
        return None
    try:
        return datetime.fromtimestamp(int(last_event_id) / 1_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _parsed(message: str) -> Notice:
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
