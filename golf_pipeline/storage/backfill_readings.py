"""What there is to read of backfills: which, their items, how far one is, how many swings a selection has."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, and_, case, func, select

from golf_pipeline.storage import database
from golf_pipeline.storage.backfill_records import BackfillItem, BackfillRecord, BackfillState, ItemState, Progress
from golf_pipeline.storage.backfill_selection import Selection, matches
from golf_pipeline.storage.tables import analyses, backfill_items, backfills

RATE_WINDOW = timedelta(minutes=10)
"""How far back the pace is measured: a pause of yesterday says nothing about when the backfill will end."""


_Records = list[BackfillRecord]
_Items = list[BackfillItem]
"""Named here, as inside the class `list` is its method."""


class BackfillReadings:
    """Readings of the backfills in the catalog's database."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._reader, self._now = database.for_reading(engine), now

    def count(self, selection: Selection) -> int:
        """How many swings the selection has at the moment."""
        with self._reader.connect() as connection:
            query = select(func.count()).select_from(analyses).where(matches(connection, selection))
            return connection.execute(query).scalar_one()

    def get(self, backfill_id: str) -> BackfillRecord | None:
        with self._reader.connect() as connection:
            row = connection.execute(select(backfills).where(backfills.c.backfill_id == backfill_id)).one_or_none()
        return None if row is None else BackfillRecord.model_validate(row._asdict())

    def list(self, limit: int) -> _Records:
        """The latest backfills, newest first."""
        query = select(backfills).order_by(backfills.c.created_at.desc(), backfills.c.backfill_id).limit(limit)
        with self._reader.connect() as connection:
            return [BackfillRecord.model_validate(row._asdict()) for row in connection.execute(query)]

    def items(self, backfill_id: str, state: ItemState | None = None, after: str = "", limit: int = 100) -> _Items:
        """A page of a backfill's items by analysis id, those after `after`; with a state, only those."""
        query = select(backfill_items).where(
            backfill_items.c.backfill_id == backfill_id, backfill_items.c.analysis_id > after
        )
        if state is not None:
            query = query.where(backfill_items.c.state == state)
        with self._reader.connect() as connection:
            rows = connection.execute(query.order_by(backfill_items.c.analysis_id).limit(limit))
            return [BackfillItem.model_validate(row._asdict()) for row in rows]

    def failures(self, backfill_id: str) -> dict[str, int]:
        """How many items failed, by error code, the most frequent first."""
        this = and_(backfill_items.c.backfill_id == backfill_id, backfill_items.c.state == ItemState.FAILED)
        query = select(backfill_items.c.error_code, func.count()).where(this).group_by(backfill_items.c.error_code)
        with self._reader.connect() as connection:
            counted = {code or "": count for code, count in connection.execute(query)}
        return dict(sorted(counted.items(), key=lambda one: (-one[1], one[0])))

    def progress(self, backfill_id: str) -> Progress:
        """How far a backfill is.

        Raises:
            LookupError: there is no such backfill.
        """
        now = self._now()
        lately = case((backfill_items.c.ended_at >= now - RATE_WINDOW, 1), else_=0)
        query = select(
            backfill_items.c.state,
            func.count().label("items"),
            func.coalesce(func.sum(backfill_items.c.seconds), 0.0).label("seconds"),
            func.coalesce(func.sum(backfill_items.c.usd), 0.0).label("usd"),
            func.min(backfill_items.c.handed_out_at).label("first_at"),
            func.max(backfill_items.c.ended_at).label("last_at"),
            func.sum(lately).label("lately"),
        ).where(backfill_items.c.backfill_id == backfill_id)
        with self._reader.begin() as connection:
            row = connection.execute(select(backfills).where(backfills.c.backfill_id == backfill_id)).one_or_none()
            counted = connection.execute(query.group_by(backfill_items.c.state)).all()
        if row is None:
            raise LookupError(f"there is no backfill {backfill_id}")
        return _progress(BackfillRecord.model_validate(row._asdict()), counted, now)


def _progress(backfill: BackfillRecord, counted: Sequence[Row[Any]], now: datetime) -> Progress:
    items = dict.fromkeys(ItemState, 0) | {ItemState(row.state): int(row.items) for row in counted}
    total = max(backfill.total, sum(items.values()))
    never_handed_out = total - sum(items.values())
    is_canceled = backfill.state == BackfillState.CANCELED
    first_at = min((row.first_at for row in counted), default=None)
    last_at = max((row.last_at for row in counted if row.last_at is not None), default=None)
    ended_lately = sum(row.lately for row in counted if ItemState(row.state).ended)
    window = RATE_WINDOW.total_seconds() if first_at is None else min(RATE_WINDOW, now - first_at).total_seconds()
    return Progress(
        backfill=backfill,
        total=total,
        waiting=items[ItemState.WAITING] + (0 if is_canceled else never_handed_out),
        handed_out=items[ItemState.HANDED_OUT],
        done=items[ItemState.DONE],
        unchanged=items[ItemState.UNCHANGED],
        failed=items[ItemState.FAILED],
        canceled=items[ItemState.CANCELED] + (never_handed_out if is_canceled else 0),
        seconds=float(sum(row.seconds for row in counted)),
        usd=float(sum(row.usd for row in counted)),
        first_at=first_at,
        last_at=last_at,
        per_second=ended_lately / window if ended_lately and window > 0 else None,
    )
