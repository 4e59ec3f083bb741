"""What the coach keeps in the pipeline: the day's spending in the catalog, answers of models in the object store.

Both are what `coach/budget.py` asks for. A reservation is one conditional statement a limit, so that several processes
cannot spend more than a budget between them; who dies keeps what was reserved, until the day (UTC) is over.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Table, and_, select, update

from golf_pipeline.coach.documents import Spent, StoredAnswer
from golf_pipeline.storage import database
from golf_pipeline.storage.keys import answer_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.tables import model_usage, user_usage
from golf_pipeline.swing.errors import ErrorCode, SwingError

COACHING = "coaching"
CHAT = "chat"


@dataclass(frozen=True)
class DayUsage:
    """What one purpose has taken of a day: money with what is reserved, tokens of what is settled, reservations."""

    usd: float
    tokens: int
    calls: int


def usage_today(engine: Engine, now: Callable[[], datetime] | None = None) -> dict[str, DayUsage]:
    """What is spent and reserved today (UTC), by purpose; a purpose that took nothing is not there."""
    query = select(model_usage).where(model_usage.c.day == _day(now or _now))
    with database.for_reading(engine).connect() as connection:
        return {row.purpose: DayUsage(row.usd, row.tokens, row.calls) for row in connection.execute(query)}


class CatalogLedger:
    """A day's (UTC) spending on models for one purpose, in the catalog's database."""

    def __init__(self, engine: Engine, purpose: str = COACHING, now: Callable[[], datetime] | None = None) -> None:
        self._engine, self._purpose, self._now = engine, purpose, now or _now
        self._open = _Reservations()

    def reserve(self, usd: float, most_usd: float) -> bool:
        """Take money out of today's budget; False, and nothing taken, where it does not hold so much.

        Raises:
            ValueError: the amount is negative or no number.
        """
        day = _day(self._now)
        with self._engine.begin() as connection:
            taken = _take(connection, model_usage, self._row(day), usd, most_usd)
        if taken:
            self._open.add(usd, day)
        return taken

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        """Replace what was reserved by what was spent, on the day of the reservation.

        Raises:
            ValueError: no reservation of this amount is open.
        """
        day = self._open.end(reserved_usd)
        with self._engine.begin() as connection:
            _replace(connection, model_usage, self._row(day), reserved_usd, spent)

    def today(self) -> Spent:
        """What is spent and reserved today."""
        used = usage_today(self._engine, self._now).get(self._purpose)
        return Spent(usd=used.usd, tokens=used.tokens) if used else Spent()

    def _row(self, day: str) -> dict[str, str]:
        return {"day": day, "purpose": self._purpose}


class GolferLedger:
    """A day's (UTC) spending on models for one golfer, under two limits: the golfer's own and everybody's together."""

    def __init__(
        self,
        engine: Engine,
        user_id: str,
        usd_per_user_day: float,
        usd_per_day: float,
        purpose: str = CHAT,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._engine, self._user_id, self._purpose, self._now = engine, user_id, purpose, now or _now
        self._usd_per_user_day, self._usd_per_day = usd_per_user_day, usd_per_day
        self._open = _Reservations()

    def reserve(self, usd: float) -> Literal["", "user", "all"]:
        """Take money out of both budgets or of none; returns which one does not hold so much, empty where it is taken.

        Raises:
            ValueError: the amount is negative or no number.
        """
        day = _day(self._now)
        # The golfer's row comes first, here and in `settle`: two requests never wait for each other, and the row that
        # all of them need is held the shortest.
        with self._engine.connect() as connection:
            if not _take(connection, user_usage, self._user_row(day), usd, self._usd_per_user_day):
                return "user"
            if not _take(connection, model_usage, self._row(day), usd, self._usd_per_day):
                return "all"
            connection.commit()
        self._open.add(usd, day)
        return ""

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        """Replace what was reserved by what was spent, in both budgets, on the day of the reservation.

        Raises:
            ValueError: no reservation of this amount is open.
        """
        day = self._open.end(reserved_usd)
        with self._engine.begin() as connection:
            _replace(connection, user_usage, self._user_row(day), reserved_usd, spent)
            _replace(connection, model_usage, self._row(day), reserved_usd, spent)

    def _row(self, day: str) -> dict[str, str]:
        return {"day": day, "purpose": self._purpose}

    def _user_row(self, day: str) -> dict[str, str]:
        return {**self._row(day), "user_id": self._user_id}


class _Reservations:
    """The day that each open reservation was taken from, also where one ledger serves several requests at once.

    Of equal amounts the oldest ends first: which of them it was makes no difference to what is reserved.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._days: defaultdict[float, deque[str]] = defaultdict(deque)

    def add(self, usd: float, day: str) -> None:
        with self._lock:
            self._days[usd].append(day)

    def end(self, usd: float) -> str:
        with self._lock:
            if usd not in self._days:
                raise ValueError(f"no reservation of {usd} USD is open")
            day = self._days[usd].popleft()
            if not self._days[usd]:
                del self._days[usd]
        return day


def _take(connection: Connection, table: Table, row: Mapping[str, str], usd: float, most_usd: float) -> bool:
    if not usd >= 0:
        raise ValueError(f"only an amount can be reserved: {usd}")
    fits = and_(*(table.c[name] == value for name, value in row.items()), table.c.usd + usd <= most_usd)
    taken = update(table).where(fits).values(usd=table.c.usd + usd, calls=table.c.calls + 1)
    if connection.execute(taken).rowcount:
        return True
    # Either the budget is used up, or nobody has begun the day.
    database.insert_if_absent(connection, table, {**row, "usd": 0.0, "tokens": 0, "calls": 0})
    return bool(connection.execute(taken).rowcount)


def _replace(connection: Connection, table: Table, row: Mapping[str, str], reserved_usd: float, spent: Spent) -> None:
    here = and_(*(table.c[name] == value for name, value in row.items()))
    settled = {"usd": table.c.usd - reserved_usd + spent.usd, "tokens": table.c.tokens + spent.tokens}
    connection.execute(update(table).where(here).values(settled))


def _now() -> datetime:
    return datetime.now(UTC)


def _day(now: Callable[[], datetime]) -> str:
    return now().astimezone(UTC).date().isoformat()


class BucketAnswers:
    """Answers by question in the object store; one that cannot be read any more counts as none."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def get(self, key: str) -> StoredAnswer | None:
        """The stored answer, if there is one.

        Raises:
            SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN: not to know is no reason to pay again.
        """
        try:
            return StoredAnswer.model_validate_json(self._objects.get_bytes(answer_key(key)))
        except ValidationError:
            return None
        except SwingError as error:
            if error.code == ErrorCode.UPLOAD_DELETED:
                return None
            raise

    def put(self, key: str, answer: StoredAnswer) -> None:
        body = answer.model_dump_json(indent=2).encode()
        self._objects.put_bytes(answer_key(key), body, "application/json")
