"""Which analyses have ended: what tells listeners of the API, in whichever process the run was.

`completed_at` is the writer's clock, read before the commit. A row can therefore appear with a moment that lies before
the newest one already read: who reads on from a moment goes back by `OVERLAP` and knows what it has read already.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, select

from golf_pipeline.storage import database
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, golfer_coaches

OVERLAP = timedelta(seconds=30)
"""More than a commit takes, and than the clocks of our machines differ."""

_ENDED = [status for status in Status if status.ended]
_COLUMNS = (
    analyses.c.analysis_id,
    analyses.c.user_id,
    analyses.c.status,
    analyses.c.attempt,
    analyses.c.completed_at,
    analyses.c.error_code,
    analyses.c.error_message,
    analyses.c.retryable,
)


@dataclass(frozen=True)
class Ended:
    """An analysis that has ended, well or not."""

    analysis_id: str
    user_id: str
    status: Status
    attempt: int
    completed_at: datetime
    error_code: str | None
    error_message: str | None
    retryable: bool


class EndedAnalyses:
    """Looks at the catalog's analyses by when they ended, along an index; deleted ones are none."""

    def __init__(self, engine: Engine) -> None:
        self._reader = database.for_reading(engine)

    def since(self, moment: datetime, limit: int) -> list[Ended]:
        """Those that ended at or after a moment, oldest first."""
        return self._found(analyses.c.completed_at >= moment, limit)

    def since_of(self, user_id: str, moment: datetime, limit: int, *, and_players: bool = False) -> list[Ended]:
        """The same of one golfer, and where they are a coach of the golfers who have named them."""
        mine = analyses.c.user_id == user_id
        if and_players:
            players = select(golfer_coaches.c.user_id).where(golfer_coaches.c.coach_id == user_id)
            mine |= analyses.c.user_id.in_(players)
        return self._found((analyses.c.completed_at >= moment) & mine, limit)

    def one(self, analysis_id: str) -> Ended | None:
        """An analysis, if it has ended."""
        found = self._found(analyses.c.analysis_id == analysis_id, 1)
        return found[0] if found else None

    def coaches(self, golfers: Collection[str], listening: Collection[str]) -> list[tuple[str, str]]:
        """Pairs of golfer and coach, where the golfer has named one of the coaches that listen."""
        if not golfers or not listening:
            return []
        query = select(golfer_coaches.c.user_id, golfer_coaches.c.coach_id).where(
            golfer_coaches.c.user_id.in_(golfers), golfer_coaches.c.coach_id.in_(listening)
        )
        with self._reader.connect() as connection:
            return [(row.user_id, row.coach_id) for row in connection.execute(query)]

    def _found(self, condition: ColumnElement[bool], limit: int) -> list[Ended]:
        query = (
            select(*_COLUMNS)
            .where(condition, analyses.c.completed_at.is_not(None), analyses.c.deleted_at.is_(None))
            .where(analyses.c.status.in_(_ENDED))
            .order_by(analyses.c.completed_at, analyses.c.analysis_id)
            .limit(limit)
        )
        with self._reader.connect() as connection:
            return [_ended(row) for row in connection.execute(query).all()]


def _ended(row: Any) -> Ended:
    return Ended(**{**row._asdict(), "status": Status(row.status)})
