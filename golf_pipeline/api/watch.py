"""What every answer carries and leaves behind: a request id, the security headers, one line of log, two metrics.

The outermost layer, around CORS and `edge.py`, so that refusals and preflights are counted too. It looks at no body and
copies none: a result costs microseconds here (`test_logs.py` and the benchmark of the API hold it to that).
"""

import contextlib
import random
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golf_pipeline.api import logs, metrics
from golf_pipeline.settings import Settings

MAX_REQUEST_ID = 64
_START = frozenset({"http.response.start", "websocket.http.response.start"})
_BODY = frozenset({"http.response.body", "websocket.http.response.body"})
"""A WebSocket that is refused is answered like a request."""

CLIENT_LEFT = 499
"""The status under which a request counts whose client went away before there was an answer."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,%d}" % MAX_REQUEST_ID)

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-site"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")
"""Only over https: a browser ignores it elsewhere, and it must not be told so by a plain server."""


class Watch:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.request_log = logs.RequestLog(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status, size, streamed = 0, 0, False
        secure = scope["scheme"] in {"https", "wss"}

        async def watched(message: Message) -> None:
            nonlocal status, size, streamed
            kind = message["type"]
            if kind in _BODY:
                size += len(message.get("body", b""))
            elif kind in _START:
                status = message["status"]
                headers = message["headers"] = list(message["headers"])
                given = {name for name, _ in headers}
                headers += [one for one in _SECURITY_HEADERS if one[0] not in given]
                headers.append((b"x-request-id", request_id.encode()))
                if secure:
                    headers.append(_HSTS)
                streamed = (b"content-type", b"text/event-stream; charset=utf-8") in headers
            elif kind == "websocket.accept":
                status = 101
            await send(message)

        token = logs.REQUEST_ID.set(request_id)
        try:
            await self.app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - began
            status = status or (CLIENT_LEFT if scope["type"] == "http" else 403)
            template = metrics.route_of(scope)
            metrics.observe_request(
                scope.get("method", "WS"), template, status, None if streamed or status == 101 else seconds
            )
            self.request_log.note(scope, template, status, seconds, size)
            with contextlib.suppress(ValueError):  # a stream that is closed late ends in another context
                logs.REQUEST_ID.reset(token)


def _request_id(scope: Scope) -> str:
    """The client's or its proxy's id if it is well-formed, so that one id runs through all logs; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode() if _REQUEST_ID.fullmatch(value) else _new_id()
    return _new_id()


def _new_id() -> str:
    """An id that no other request has; nothing is secret about it."""
    return f"{random.getrandbits(128):032x}"
