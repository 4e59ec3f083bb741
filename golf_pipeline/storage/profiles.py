"""What is stored about golfers: what they say of themselves, and where the profile made of their swings is.

A golfer's row in `golfers` carries a revision that grows with each change that the profile must learn of: a changed
context, a deleted swing. A run that makes the profile reads the revision first and everything else after it, and the
profile is noted with that revision: it is stale while the golfer's is another one. No clock is compared, so a change
that comes while a run is under way is never taken for known, whoever's clock is ahead. Which profiles are stale, and
how they are found, is `stale_profiles.py`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from golf_pipeline.storage import database
from golf_pipeline.storage.kept_objects import KeptObjects
from golf_pipeline.storage.keys import GUEST, user_context_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.tables import golfers, profiles
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import SwingProfile, UserContext

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Golfer:
    """A golfer's row: what they say of themselves (None: nothing so far) and the revision of it all."""

    context: UserContext | None = None
    revision: int = 0


@dataclass(frozen=True)
class StoredProfile:
    """Where a golfer's profile is."""

    version: str
    key: str
    stored_at: datetime
    golfer_revision: int


# -- golfers -----------------------------------------------------------------------------------------------------------


def golfer(connection: Connection, user_id: str) -> Golfer:
    """The golfer's row; an empty one where there is none."""
    row = connection.execute(select(golfers).where(golfers.c.user_id == user_id)).first()
    return Golfer() if row is None else Golfer(_context(row.context), row.revision)


def locked_golfer(connection: Connection, user_id: str) -> Golfer:
    """The golfer's row, made where there is none and held until the transaction ends: others that change it wait.

    On SQLite the transaction itself holds it, as one that may write is alone there.
    """
    held = select(golfers).where(golfers.c.user_id == user_id).with_for_update()
    row = connection.execute(held).first()
    if row is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(golfers).values(user_id=user_id, revision=0, updated_at=_now()))
        except IntegrityError:  # another one made it at the same moment
            pass
        row = connection.execute(held).one()
    return Golfer(_context(row.context), row.revision)


def set_context(connection: Connection, user_id: str, context: UserContext) -> None:
    """Keep what the golfer says of themselves; the profile must learn of it. The row is there (`locked_golfer`)."""
    values = {
        "context": context.model_dump(mode="json"),
        "revision": golfers.c.revision + 1,
        "updated_at": _now(),
    }
    connection.execute(update(golfers).where(golfers.c.user_id == user_id).values(values))


def ask_refresh(connection: Connection, user_id: str) -> None:
    """Have the golfer's profile made again: something that it was made of is gone or changed."""
    if user_id == GUEST:
        return
    again = update(golfers).where(golfers.c.user_id == user_id)
    if not connection.execute(again.values(revision=golfers.c.revision + 1, updated_at=_now())).rowcount:
        locked_golfer(connection, user_id)
        connection.execute(again.values(revision=golfers.c.revision + 1, updated_at=_now()))


def read_context_file(
    objects: ObjectStore, user_id: str, warn: Callable[[str], None] = log.warning
) -> UserContext | None:
    """The copy in the bucket; None where there is none or it cannot be read, which `warn` is told.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    key = user_context_key(user_id)
    try:
        return UserContext.model_validate_json(objects.get_bytes(key))
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "document" for one in error.errors())
        warn(f"{key} is left out, it does not follow UserContext: {fields}")
    except SwingError as error:
        if error.code != ErrorCode.UPLOAD_DELETED:
            raise
    return None


def write_context_file(engine: Engine, objects: ObjectStore, user_id: str) -> None:
    """Copy the golfer's context into the bucket, for readers that do not know the catalog.

    Two who write at once may overtake each other, so each looks again after writing, until what it wrote is the latest:
    whoever writes last has then written the latest.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    reader = database.for_reading(engine)
    written: Golfer | None = None
    while True:
        with reader.connect() as connection:
            latest = golfer(connection, user_id)
        if latest == written or latest.context is None:
            return
        body = latest.context.model_dump_json(indent=2).encode()
        objects.put_bytes(user_context_key(user_id), body, "application/json")
        written = latest


# -- profiles ----------------------------------------------------------------------------------------------------------


_STORED = select(profiles).where(profiles.c.user_id == bindparam("user"))


def stored_profile(connection: Connection, user_id: str) -> StoredProfile | None:
    """Where the golfer's profile is; None before the first."""
    row = connection.execute(_STORED, {"user": user_id}).first()
    return None if row is None else StoredProfile(row.version, row.key, row.stored_at, row.golfer_revision or 0)


def read_profile(objects: KeptObjects, stored: StoredProfile | None) -> SwingProfile | None:
    """The profile itself; None where there is none, it was deleted, or another version wrote it in another shape.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    if stored is None:
        return None
    try:
        return SwingProfile.model_validate_json(objects.get_bytes(stored.key, stored.stored_at))
    except ValidationError:  # the next run of `refresh_profiles` replaces what an older version wrote
        return None
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            return None
        raise


def record_profile(
    engine: Engine, user_id: str, version: str, key: str, source_completed_at: datetime | None, golfer_revision: int = 0
) -> None:
    """Note where a golfer's profile is and what it knows.

    Args:
        engine: the catalog's.
        user_id: whose profile it is.
        version: of the algorithm that made it.
        key: of the document.
        source_completed_at: when the latest swing in it was completed; None: it holds no swing any more, so what was
            noted before stays, and without a profile before there is nothing to note.
        golfer_revision: the golfer's, as the run read it before anything else.
    """
    values: dict[str, Any] = {
        "version": version,
        "key": key,
        "stored_at": _now(),
        "golfer_revision": golfer_revision,
    }
    with engine.begin() as connection:
        if source_completed_at is None:
            connection.execute(update(profiles).where(profiles.c.user_id == user_id).values(values))
        else:
            values["source_completed_at"] = source_completed_at
            database.upsert(connection, profiles, {"user_id": user_id}, values)


def _context(stored: Any) -> UserContext | None:
    return None if stored is None else UserContext.model_validate(stored)


def _now() -> datetime:
    return datetime.now(UTC)
