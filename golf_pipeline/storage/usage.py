"""What the coach keeps in the pipeline: the day's spending in the catalog, answers of models in the object store.

Both are what `coach/budget.py` asks for. A reservation is one conditional statement, so that several runs at a time
cannot spend more than the day's budget between them; a run that dies keeps what it had reserved, until the day is over.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from golf_pipeline.coach.documents import Spent, StoredAnswer
from golf_pipeline.storage.keys import answer_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.tables import model_usage
from golf_pipeline.swing.errors import ErrorCode, SwingError

COACHING = "coaching"


def _now() -> datetime:
    return datetime.now(UTC)


class CatalogLedger:
    """A day's (UTC) spending on models for one purpose, in the catalog's database."""

    def __init__(self, engine: Engine, purpose: str = COACHING, now: Callable[[], datetime] = _now) -> None:
        self._engine, self._purpose, self._now = engine, purpose, now
        self._reserved_on = ""

    def reserve(self, usd: float, most_usd: float) -> bool:
        """Take money out of today's budget; False, and nothing taken, where it does not hold so much."""
        self._reserved_on = self._now().astimezone(UTC).date().isoformat()
        self._begin_day()
        fits = model_usage.c.usd + usd <= most_usd
        taken = {"usd": model_usage.c.usd + usd, "calls": model_usage.c.calls + 1}
        with self._engine.begin() as connection:
            return bool(connection.execute(update(model_usage).where(self._row, fits).values(taken)).rowcount)

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        """Replace what was reserved by what was spent, on the day of the reservation."""
        settled = {
            "usd": model_usage.c.usd - reserved_usd + spent.usd,
            "tokens": model_usage.c.tokens + spent.tokens,
        }
        with self._engine.begin() as connection:
            connection.execute(update(model_usage).where(self._row).values(settled))

    def today(self) -> Spent:
        """What is spent and reserved today."""
        day = self._now().astimezone(UTC).date().isoformat()
        query = select(model_usage.c.usd, model_usage.c.tokens).where(
            model_usage.c.day == day, model_usage.c.purpose == self._purpose
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return Spent(usd=row.usd, tokens=row.tokens) if row else Spent()

    @property
    def _row(self) -> ColumnElement[bool]:
        return (model_usage.c.day == self._reserved_on) & (model_usage.c.purpose == self._purpose)

    def _begin_day(self) -> None:
        with self._engine.connect() as connection:
            if connection.execute(select(model_usage.c.day).where(self._row)).first():
                return
        first = {"day": self._reserved_on, "purpose": self._purpose, "usd": 0.0, "tokens": 0, "calls": 0}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(model_usage).values(first))
        except IntegrityError:  # another run began the day at the same moment
            return


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
