"""Entity tags made of state instead of bytes, and `If-Match` (RFC 9110, section 13).

Where an answer is put together from several places, its tag is made of what the places say of themselves (revisions,
keys, times of storing): a repeated read is answered with 304 before anything is fetched, and a change can be tied to
the state that its sender has seen. How answers carry tags is `etags.py`.
"""

import hashlib
import json

from fastapi import Request, Response

from golf_pipeline import __version__
from golf_pipeline.api.etags import CACHE_CONTROL, VARY, Rendered, conditional
from golf_pipeline.api.problems import Problem

IF_MATCH = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "The ETag of the state that the change is meant for; 412 where it is another one by now.",
            "schema": {"type": "string"},
        }
    ]
}
"""For the `openapi_extra` of a route that calls `require_match`."""


def tag_of(*parts: object) -> str:
    """A strong tag of an answer that this version of the service makes of these parts."""
    told = json.dumps([__version__, *parts], default=str, separators=(",", ":"))
    return f'"{hashlib.sha256(told.encode(errors="replace")).hexdigest()[:32]}"'


def still_holds(request: Request, tag: str) -> Response | None:
    """The 304 to answer with where the client has what the tag stands for; else None."""
    answer = conditional(request, Rendered(b"", tag))
    return answer if answer.status_code == 304 else None


def tagged(body: bytes, tag: str) -> Response:
    """The answer, with its tag."""
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY}
    return Response(body, media_type="application/json", headers=headers)


def require_match(request: Request, tag: str) -> None:
    """Return if the sender of a change knows the present state, or names none.

    Raises:
        Problem: 412, the If-Match header names another state.
    """
    sent = request.headers.get("if-match")
    # A weak tag never matches here: it says that two states mean the same, not that they are.
    if sent is None or sent.strip() == "*" or tag in {one.strip() for one in sent.split(",")}:
        return
    raise Problem(412, "STATE_CHANGED", "This was changed in the meantime. Read it again, then send your change.")
