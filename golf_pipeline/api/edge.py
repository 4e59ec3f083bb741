"""The edge: what holds for every request before a route sees it (body size, security headers, who is calling)."""

import re
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golf_pipeline.api.problems import Problem, answer
from golf_pipeline.settings import Settings
from golf_pipeline.storage.keys import GUEST

MAX_BODY_BYTES = 10 * 1024
"""SPEC section 5: videos go to S3, never through here."""

_USER_ID = re.compile(r"[A-Za-z0-9_.@|+\-]{1,128}")
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)


class Edge:
    """ASGI middleware: refuses bodies over the limit, announced or streamed, and adds the security headers."""

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in _SECURITY_HEADERS if name not in given),
                ]
            await send(message)

        body = await self._read(scope, receive)
        if body is None:
            detail = f"A request body may have {self.max_body_bytes} bytes at most; videos are put to S3."
            await answer(413, "BODY_TOO_LARGE", detail)(scope, receive, with_headers)
            return
        replay: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return replay.pop() if replay else await receive()

        await self.app(scope, replayed, with_headers)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None as soon as it is known to be too large: it is small, so it is read up front."""
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self.max_body_bytes:
            return None
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.max_body_bytes:
                return None
        return body


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def calling_user(request: Request, settings: Annotated[Settings, Depends(settings_of)]) -> str:
    """The user id of the caller: what a trusted gateway says, else `guest`.

    Raises:
        Problem: 401, a bearer token came but nobody here can check it; 400, the gateway's header is no user id.
    """
    if settings.trusted_user_header:
        user_id = request.headers.get(settings.trusted_user_header)
        if user_id is not None:
            if not _USER_ID.fullmatch(user_id) or user_id in {GUEST, ".", ".."}:
                raise Problem(400, "INVALID_USER", f"{settings.trusted_user_header} does not hold a user id.")
            return user_id
    if "authorization" in request.headers:
        raise Problem(
            401, "IDENTITY_NOT_CONFIGURED", "This service cannot check tokens. Call it without one, as a guest."
        )
    return GUEST


CallingUser = Annotated[str, Depends(calling_user)]
