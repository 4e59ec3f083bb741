"""The edge: what holds for every request before a route sees it (body size, security headers, faults of ours)."""

import logging

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golf_pipeline.api.problems import answer, answer_to_bug
from golf_pipeline.settings import Settings

MAX_BODY_BYTES = 10 * 1024
"""SPEC section 5: videos go to S3, never through here."""

MAX_DIGITS = 19
"""Of a Content-Length; more than 64 bits hold is nonsense."""

log = logging.getLogger(__name__)

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)


class Edge:
    """ASGI middleware: refuses bodies over the limit, announced or streamed, and adds the security headers.

    It also answers for exceptions that nobody expected. Starlette would do so outside of all middleware, where the
    answer gets neither these headers nor those of CORS, without which a browser's app cannot even read it.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in _SECURITY_HEADERS if name not in given),
                ]
            await send(message)

        try:
            body = await self._read(scope, receive)
        except _ClientLeftError:
            return
        if body is None:
            detail = f"A request body may have {self.max_body_bytes} bytes at most; videos are put to S3."
            await answer(413, "BODY_TOO_LARGE", detail)(scope, receive, with_headers)
            return
        replay: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return replay.pop() if replay else await receive()

        try:
            await self.app(scope, replayed, with_headers)
        except Exception as error:
            if begun:
                raise
            log.exception("unexpected %s in %s", type(error).__name__, scope["method"])
            await answer_to_bug()(scope, receive, with_headers)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None as soon as it is known to be too large: it is small, so it is read up front.

        Raises:
            _ClientLeftError: the client went away before it had sent the whole.
        """
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or len(announced) > MAX_DIGITS or int(announced) > self.max_body_bytes:
            return None
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientLeftError
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.max_body_bytes:
                return None
        return body


class _ClientLeftError(Exception):
    """Nobody is there to be answered."""


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
