"""The edge: what holds for every request before a route sees it (sizes, slow bodies, faults of ours).

Headers of the answers, request ids, logs and metrics are `watch.py`, which stands around this and around CORS.
"""

import asyncio
import logging

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golf_pipeline.api.problems import Problem, answer, answer_to_bug
from golf_pipeline.settings import Settings

MAX_BODY_BYTES = 10 * 1024
"""SPEC section 5: videos go to S3, never through here."""

STREAMED = frozenset({("POST", "/api/v1/swings/upload")})
"""Routes that read a long body themselves, piece by piece, and limit it."""

MAX_DIGITS = 19
"""Of a Content-Length; more than 64 bits hold is nonsense."""

MAX_TARGET_BYTES = 4096
"""Path and query: the longest of ours, a page's cursor or an id of 200 characters, has a few hundred."""

log = logging.getLogger(__name__)


class Edge:
    """ASGI middleware: refuses heads and bodies over the limit, announced or streamed, and bodies that do not end.

    It also answers for exceptions that nobody expected. Starlette would do so outside of all middleware, where the
    answer does not get the headers of CORS, without which a browser's app cannot even read it. A request without a body
    costs one look over its headers.
    """

    def __init__(
        self, app: ASGIApp, body_timeout_s: float, max_header_bytes: int, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self.app = app
        self.body_timeout_s = body_timeout_s
        self.max_header_bytes = max_header_bytes
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            found = await self._checked(scope, receive)
            if isinstance(found, Response):
                await found(scope, receive, noting)
                return
            await self.app(scope, found, noting)
        except _ClientLeftError:
            return
        except Exception as error:
            if begun:
                raise
            log.exception("unexpected %s in %s", type(error).__name__, scope["method"])
            await answer_to_bug()(scope, receive, noting)

    async def _checked(self, scope: Scope, receive: Receive) -> Receive | Response:
        """From where the app shall read the body; or the answer, where the request is refused.

        Raises:
            _ClientLeftError: the client went away before it had sent the whole.
        """
        size, announced, chunked = 0, b"0", False
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"content-length":
                announced = value
            elif name == b"transfer-encoding":
                chunked = True
        if size > self.max_header_bytes:
            return answer(431, "HEADERS_TOO_LARGE", f"Headers may have {self.max_header_bytes} bytes in all.")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            return answer(414, "ADDRESS_TOO_LONG", f"Path and query may have {MAX_TARGET_BYTES} bytes in all.")
        if announced == b"0" and not chunked:
            return receive
        if (scope["method"], scope["path"]) in STREAMED:
            return self._not_stalling(receive)
        fits = announced.isdigit() and len(announced) <= MAX_DIGITS and int(announced) <= self.max_body_bytes
        try:
            body = await self._read(receive) if fits else None
        except TimeoutError:
            return self._too_slow()
        if body is None:
            detail = f"A request body may have {self.max_body_bytes} bytes at most; videos are put to S3."
            return answer(413, "BODY_TOO_LARGE", detail, headers={"Connection": "close"})
        replay: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return replay.pop() if replay else await receive()

        return replayed

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body, or None as soon as it is known to be too large: it is small, so it is read up front.

        Raises:
            TimeoutError: it took too long.
            _ClientLeftError: the client went away before it had sent the whole.
        """
        parts: list[bytes] = []
        size, more = 0, True
        async with asyncio.timeout(self.body_timeout_s):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _ClientLeftError
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
                if size > self.max_body_bytes:
                    return None
        return b"".join(parts)

    def _not_stalling(self, receive: Receive) -> Receive:
        """A long body may take its time, but no single piece of it.

        The reading raises Problem: 408, nothing came for too long.
        """
        complete = False

        async def guarded() -> Message:
            nonlocal complete
            if complete:  # from here on only the end of the connection is waited for
                return await receive()
            try:
                async with asyncio.timeout(self.body_timeout_s):
                    message = await receive()
            except TimeoutError:
                raise _stalled(self.body_timeout_s) from None
            complete = not message.get("more_body", False)
            return message

        return guarded

    def _too_slow(self) -> Response:
        problem = _stalled(self.body_timeout_s)
        return answer(problem.status, problem.code, problem.detail, headers=problem.headers)


def _stalled(timeout_s: float) -> Problem:
    return Problem(
        408,
        "REQUEST_TIMEOUT",
        f"The request took too long to arrive (more than {timeout_s:g} seconds). Please send it again.",
        {"Connection": "close"},
    )


class _ClientLeftError(Exception):
    """Nobody is there to be answered."""


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
