"""Answers that a client may keep and ask again about: entity tags and conditional GET (RFC 9110, section 13)."""

import hashlib
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

CACHE_CONTROL = "private, no-cache"
"""A client may keep the answer but asks before it shows it again: a swing can be analysed anew or deleted at any time.
Nobody between us and the client may keep it, as it is one golfer's."""

VARY = "Authorization"

CONDITIONAL = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "The ETag of the answer that the client has; 304 says that it still holds.",
            "schema": {"type": "string"},
        }
    ]
}
"""For the `openapi_extra` of a route that answers with `conditional`."""

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "What the client has still holds"}}


@dataclass(frozen=True)
class Rendered:
    """An answer as bytes; `fresh_until` (a time of `time.time()`) where it holds links that expire."""

    body: bytes
    etag: str
    fresh_until: float = float("inf")


def strong(body: bytes) -> Rendered:
    """An answer that is the same to the byte whoever renders it."""
    return Rendered(body, f'"{_digest(body)}"')


def weak(body: bytes, content: bytes, window: int, fresh_until: float) -> Rendered:
    """An answer with signed links, which are other bytes in every process that signs them.

    Its tag is that of the content and of the time window in which the links were made, and weak: same tag, same
    meaning, and links that still work. With a tag of the content alone a client would be told to go on with links
    that have expired; with one of the bytes, two workers would never agree and nothing could be kept.
    """
    return Rendered(body, f'W/"{_digest(content)}-{window}"', fresh_until)


def conditional(request: Request, rendered: Rendered) -> Response:
    """The answer, or 304 where the client already has it."""
    headers = {"ETag": rendered.etag, "Cache-Control": CACHE_CONTROL, "Vary": VARY}
    asked = request.headers.get("if-none-match")
    if asked is not None and _matches(asked, rendered.etag):
        return Response(status_code=304, headers=headers)
    return Response(rendered.body, media_type="application/json", headers=headers)


def _matches(asked: str, etag: str) -> bool:
    """Weak comparison, as If-None-Match wants it: whether one of the tags names the same, weak or not."""
    return asked.strip() == "*" or etag.removeprefix("W/") in {
        one.strip().removeprefix("W/") for one in asked.split(",")
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
