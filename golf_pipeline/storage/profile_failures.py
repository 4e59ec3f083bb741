"""Golfers whose profile could not be made: how often in a row, and how long they wait before the next try.

A try leaves a row when it begins, and takes it away when it ends well. A row that still says UNFINISHED is that of a
process that ended in the middle: it makes its golfer wait like any failure, and is counted as one when the next try
begins. So a golfer whose swings end the whole process (memory, a crash in a library) needs nobody who notices, and does
not take the others of the run along again at once.

The moment at which a try began is its token. Of two tries of one golfer at the same time only the later one has it
still at its end: the other may have overwritten newer objects, and has the profile made once more.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, case, delete, or_, select, update

from golf_pipeline.storage import database
from golf_pipeline.storage.tables import profile_failures
from golf_pipeline.swing.errors import SwingError

LONGEST_WAIT = timedelta(days=1)
UNFINISHED = "The try is under way, or its process ended."

MOST_OF_OURS = 4
"""Failures counted where another try may help by itself, as when S3 does not answer: a quarter of an hour after a long
outage everybody is tried again."""

_DOUBLINGS = 11  # 2^11 minutes are more than a day


@dataclass(frozen=True)
class FailingGolfer:
    """`failures` in a row, the last at `failed_at`."""

    user_id: str
    failures: int
    failed_at: datetime
    message: str


def wait_after(failures: int) -> timedelta:
    """How long a golfer waits after so many failures in a row: 2^n minutes, at most a day."""
    return min(timedelta(minutes=2 ** min(failures, _DOUBLINGS)), LONGEST_WAIT)


def begin(engine: Engine, user_id: str) -> datetime:
    """Note that a try begins; returns its token."""
    begun_at = datetime.now(UTC)
    row = {"failed_at": begun_at, "message": UNFINISHED}
    with engine.begin() as connection:
        if not database.insert_if_absent(connection, profile_failures, {"user_id": user_id, "failures": 0, **row}):
            this = profile_failures.c.user_id == user_id
            connection.execute(update(profile_failures).where(this).values(row | {"failures": _FAILURES}))
    return begun_at


def fail(engine: Engine, user_id: str, begun_at: datetime, error: SwingError) -> None:
    """Note why a try failed, unless another one has begun meanwhile."""
    failures = case((_FAILURES > MOST_OF_OURS, MOST_OF_OURS), else_=_FAILURES) if error.retryable else _FAILURES
    values = {"message": str(error), "failures": failures}
    with engine.begin() as connection:
        connection.execute(update(profile_failures).where(_try(user_id, begun_at)).values(values))


def succeed(engine: Engine, user_id: str, begun_at: datetime) -> bool:
    """Forget the golfer's failures; returns False if another try has begun meanwhile, and then nothing is changed."""
    with engine.begin() as connection:
        return bool(connection.execute(delete(profile_failures).where(_try(user_id, begun_at))).rowcount)


def waiting(engine: Engine, user_ids: Collection[str], now: datetime) -> set[str]:
    """Those of the golfers who are not to be tried again yet."""
    query = select(profile_failures.c.user_id).where(profile_failures.c.user_id.in_(user_ids), ~_due(now))
    with database.for_reading(engine).connect() as connection:
        return set(connection.execute(query).scalars())


def due(engine: Engine, now: datetime, limit: int) -> list[str]:
    """Golfers who failed and have waited long enough, those who failed first first."""
    query = select(profile_failures.c.user_id).where(_due(now)).order_by(profile_failures.c.failed_at).limit(limit)
    with database.for_reading(engine).connect() as connection:
        return list(connection.execute(query).scalars())


def failing(engine: Engine, least: int) -> list[FailingGolfer]:
    """Golfers with at least so many failures in a row, the most first."""
    query = select(profile_failures).where(profile_failures.c.failures >= least)
    with database.for_reading(engine).connect() as connection:
        rows = connection.execute(query.order_by(profile_failures.c.failures.desc(), profile_failures.c.user_id))
        return [FailingGolfer(row.user_id, row.failures, row.failed_at, row.message) for row in rows]


_FAILURES = profile_failures.c.failures + case((profile_failures.c.message == UNFINISHED, 1), else_=0)
"""With the try that began and did not end."""


def _try(user_id: str, begun_at: datetime) -> Any:
    return and_(profile_failures.c.user_id == user_id, profile_failures.c.failed_at == begun_at)


def _due(now: datetime) -> Any:
    failures, failed_at = _FAILURES, profile_failures.c.failed_at
    return or_(
        *(and_(failures == count, failed_at <= now - wait_after(count)) for count in range(_DOUBLINGS)),
        and_(failures >= _DOUBLINGS, failed_at <= now - LONGEST_WAIT),
    )
