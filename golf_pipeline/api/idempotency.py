"""A POST that is safe to repeat: the `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header).

A client that got no answer sends the same request with the same key again and gets the first one's answer, not a second
analysis. Kept are answers that did something (below 400). A refusal has started nothing, so the same request may try
again: who was told that the video is not there yet must not hear so for a day.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.identity import bearer_token, identify
from golf_pipeline.api.limits import subject_of
from golf_pipeline.api.problems import Problem
from golf_pipeline.storage.idempotency import Begun, Busy, IdempotencyKeys, Mismatch, Replay

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
BUSY_RETRY_S = 2
_KEY = re.compile(r"[!-~]{1,200}")
_NOT_KEPT = {"content-length", "set-cookie", "date"}
_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of the client's own, such as a UUID. The same request with the same key again "
    "is answered as the first time and starts nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "example": "5b0c2f1e-8a0f-4a4e-9a3a-1f6f0f7f3f55",
}

log = logging.getLogger(__name__)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdempotentRoute(APIRoute):
    """A route whose POST is done once per caller and key: `APIRouter(route_class=IdempotentRoute)`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            extra = dict(options.get("openapi_extra") or {})
            extra["parameters"] = [*extra.get("parameters", []), dict(_PARAMETER)]
            options["openapi_extra"] = extra
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        operation = self.operation_id or self.name

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None or request.method != "POST":
                return await handler(request)
            return await _once(handler, request, operation, key)

        return once


async def _once(handler: Handler, request: Request, operation: str, key: str) -> Response:
    """Answer a request with a key: from what is kept, or by doing it and keeping the answer.

    Raises:
        Problem: 409, it is under way; 422, the key is malformed or came with another request.
    """
    if not _KEY.fullmatch(key):
        raise Problem(
            422, "INVALID_IDEMPOTENCY_KEY", f"{HEADER} takes 1 to 200 visible characters without spaces, like a UUID."
        )
    keys = IdempotencyKeys(request.app.state.catalog.engine, settings_of(request).idempotency_hours)
    subject = subject_of(request, await identify(request, await bearer_token(request)))
    found = await run_in_threadpool(keys.begin, subject, operation, key, await _fingerprint(request))
    match found:
        case Replay(status, headers, body):
            return Response(body, status, {**headers, REPLAYED: "true"})
        case Busy():
            raise Problem(
                409,
                "IDEMPOTENCY_KEY_IN_USE",
                "The same request is still under way. Please ask again in a moment.",
                {"Retry-After": str(BUSY_RETRY_S)},
            )
        case Mismatch():
            raise Problem(
                422, "IDEMPOTENCY_KEY_REUSED", f"This {HEADER} came with another request before. Use a new one."
            )
        case Begun():
            return await _begun(handler, request, keys, (subject, operation, key))


async def _begun(handler: Handler, request: Request, keys: IdempotencyKeys, which: tuple[str, str, str]) -> Response:
    try:
        response = await handler(request)
    except BaseException:
        await run_in_threadpool(keys.abandon, *which)
        raise
    body = getattr(response, "body", None)
    try:
        if response.status_code >= 400 or not isinstance(body, bytes):
            await run_in_threadpool(keys.abandon, *which)
        else:
            headers = {name: value for name, value in response.headers.items() if name not in _NOT_KEPT}
            await run_in_threadpool(partial(keys.finish, *which), response.status_code, headers, body)
    except SQLAlchemyError as error:  # the work is done, and its answer must not be lost for that
        log.error("the answer of %s could not be kept: %s", which[1], type(error).__name__)
    return response


async def _fingerprint(request: Request) -> str:
    """What makes two requests the same: path, query and content.

    A multipart upload is not read for that, as it would have to be held: it counts by its announced length.
    """
    parts = [request.url.path.encode(), request.url.query.encode()]
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        parts.append(request.headers.get("content-length", "").encode())
    else:
        parts.append(await request.body())
    told = hashlib.sha256()
    for part in parts:
        told.update(len(part).to_bytes(8, "big") + part)
    return told.hexdigest()
