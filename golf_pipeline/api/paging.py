"""Cursors of lists: where a page ends, as a text that clients hand back and do not read.

A cursor is a position and no permission: the list is looked up anew for whoever asks. Its checksum is there so that a
cursor which was cut, or belongs to another list, is refused instead of quietly showing something else. It is no
signature: anybody can make one that fits, so what a cursor holds is checked like all that clients send.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime

from golf_pipeline.api.problems import Problem
from golf_pipeline.storage.database import storable

MAX_CURSOR_CHARACTERS = 1500
"""An id of 200 characters, four bytes each, twice encoded."""

Position = tuple[datetime, str]
"""Of an entry in a list that is ordered by time, then by id."""


def encode_cursor(position: Position, scope: str) -> str:
    """A cursor for what follows a position in one list (`scope`: whose and filtered how)."""
    when, name = position
    body = json.dumps([when.astimezone(UTC).isoformat(), name], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(body, scope) + body).decode().rstrip("=")


def decode_cursor(cursor: str, scope: str) -> Position:
    """The position that `encode_cursor` was given for this list.

    Raises:
        Problem: 422, it is no cursor of this list.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        body = raw[_CHECKSUM_BYTES:]
        if raw[:_CHECKSUM_BYTES] != _checksum(body, scope) or encode_cursor(_position(body), scope) != cursor:
            raise ValueError("checksum")
        return _position(body)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Problem(
            422, "INVALID_CURSOR", "This cursor does not belong to this list. Start again without one."
        ) from error


_CHECKSUM_BYTES = 12


def _position(body: bytes) -> Position:
    when, name = json.loads(body)
    if not isinstance(name, str) or storable(name) != name:
        raise ValueError("no id")
    return datetime.fromisoformat(when), name


def _checksum(body: bytes, scope: str) -> bytes:
    return hashlib.sha256(f"{scope}\0".encode() + body).digest()[:_CHECKSUM_BYTES]
