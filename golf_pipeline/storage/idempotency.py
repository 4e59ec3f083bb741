"""Keys under which a client repeats a request that must be done once: of many at a time one begins, the others wait.

What HTTP makes of it is `api/idempotency.py`. A key belongs to one caller and one operation; it comes back with the
answer that was given the first time, until it is forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, select, update

from golf_pipeline.storage import database
from golf_pipeline.storage.tables import idempotency_keys

ABANDONED_AFTER = timedelta(seconds=60)
"""A request that has begun and has not ended after this long died with its process: its key is free again. No request
that takes a key lasts half as long, an upload through the API excepted; that one may then be done twice."""

MOST_BODY_BYTES = 256 * 1024
LONGEST = {"user_id": 200, "operation": 100, "key": 200}
"""Characters of what makes up a key, as the table holds them."""


@dataclass(frozen=True)
class Begun:
    """The key is the caller's: the request is to be done, and then `finish` or `abandon` is called."""


@dataclass(frozen=True)
class Replay:
    """The request was done before; this was its answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Busy:
    """The same request is under way."""


@dataclass(frozen=True)
class Mismatch:
    """The key came with another request."""


def _now() -> datetime:
    return datetime.now(UTC)


class IdempotencyKeys:
    """The keys in the catalog's database; each is forgotten `hours` after its request began."""

    def __init__(self, engine: Engine, hours: float, now: Callable[[], datetime] = _now) -> None:
        self._engine, self._kept, self._now = engine, timedelta(hours=hours), now

    def begin(self, user_id: str, operation: str, key: str, request_sha256: str) -> Begun | Replay | Busy | Mismatch:
        """Take the key for this request, or learn what became of it.

        Raises:
            ValueError: one of the texts is longer than `LONGEST`, or no text that a database holds.
        """
        identity = _identity(user_id, operation, key)
        fresh = {
            "request_sha256": request_sha256,
            "status": None,
            "headers": None,
            "body": None,
            "created_at": self._now(),
        }
        with self._engine.begin() as connection:
            while (row := _held(connection, identity)) is None:
                if database.insert_if_absent(connection, idempotency_keys, identity | fresh):
                    return Begun()
            if self._is_free(row):
                connection.execute(update(idempotency_keys).where(_is(identity)).values(fresh))
                return Begun()
        if row.request_sha256 != request_sha256:
            return Mismatch()
        return Busy() if row.status is None else Replay(row.status, dict(row.headers), bytes(row.body))

    def finish(self, user_id: str, operation: str, key: str, status: int, headers: dict[str, str], body: bytes) -> None:
        """Keep the answer for whoever asks again; one of more than `MOST_BODY_BYTES` is not kept, and the key is free.

        Where a request was taken for dead and begun again, the answer that comes first is the one that stays.
        """
        if len(body) > MOST_BODY_BYTES:
            self.abandon(user_id, operation, key)
            return
        this = _is(_identity(user_id, operation, key)) & idempotency_keys.c.status.is_(None)
        answer = {"status": status, "headers": headers, "body": body}
        with self._engine.begin() as connection:
            connection.execute(update(idempotency_keys).where(this).values(answer))

    def abandon(self, user_id: str, operation: str, key: str) -> None:
        """Free a key whose request did nothing; one with an answer stays."""
        this = _is(_identity(user_id, operation, key)) & idempotency_keys.c.status.is_(None)
        with self._engine.begin() as connection:
            connection.execute(delete(idempotency_keys).where(this))

    def _is_free(self, row: Row[Any]) -> bool:
        # By how far apart, not by which is later: a clock that went back must not hold a key for as long as it went.
        age = abs(self._now() - row.created_at)
        return bool(age >= self._kept or (row.status is None and age >= ABANDONED_AFTER))


def forget_answers(connection: Connection, user_id: str, named: str) -> None:
    """Forget the answers kept for a user in which this id stands; who repeats such a request is answered anew."""
    mine = idempotency_keys.c.user_id == user_id
    kept = connection.execute(select(idempotency_keys).where(mine, idempotency_keys.c.body.is_not(None)))
    for row in kept.all():
        if named.encode() in bytes(row.body):
            this = {"user_id": user_id, "operation": row.operation, "key": row.key}
            connection.execute(delete(idempotency_keys).where(_is(this)))


def _identity(user_id: str, operation: str, key: str) -> dict[str, str]:
    identity = {"user_id": user_id, "operation": operation, "key": key}
    for name, text in identity.items():
        if len(text) > LONGEST[name] or "\x00" in text:
            raise ValueError(
                f"the {name} of an idempotency key has at most {LONGEST[name]} characters, none of them NUL"
            )
    return identity


def _is(identity: dict[str, str]) -> ColumnElement[bool]:
    return and_(*(idempotency_keys.c[name] == value for name, value in identity.items()))


def _held(connection: Connection, identity: dict[str, str]) -> Row[Any] | None:
    return connection.execute(select(idempotency_keys).where(_is(identity)).with_for_update()).first()
