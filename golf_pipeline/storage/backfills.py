"""Backfills: re-analyses of many swings, as a work list in the catalog that is handed out bit by bit.

A backfill holds its selection and how far its list was handed out; a swing gets an item when its turn comes, so that a
backfill of a million swings is made at once, begins at once and costs a row a swing. Nothing here runs anything: who
works asks for the next items, ends each with `finish_item`, and gives back what it cannot do.

A swing is handed out by one backfill at a time, and never while it is under way: then its item waits. Swings that came
after the backfill was made are not in it. Every method is safe to call from several processes at once: who hands out
holds the rows of the running backfills, and every change of an item names the state that it must have.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, bindparam, func, insert, select, tuple_, update

from golf_pipeline.storage.backfill_readings import BackfillReadings
from golf_pipeline.storage.backfill_records import (
    BackfillItem,
    BackfillRecord,
    BackfillState,
    HandedOut,
    ItemState,
    Progress,
)
from golf_pipeline.storage.backfill_selection import Selection, is_under_way, is_worth_a_try, matches
from golf_pipeline.storage.database import storable
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, backfill_items, backfills

__all__ = [
    "INTERRUPTED",
    "MOST_TRIES",
    "BackfillItem",
    "BackfillRecord",
    "BackfillState",
    "Backfills",
    "HandedOut",
    "ItemState",
    "Progress",
    "Selection",
]

MOST_TRIES = 3
"""Runs that may die with a swing; then its item has failed."""

INTERRUPTED = "INTERRUPTED"
"""Error code of an item whose runs died; the swing keeps its old result."""

_AT_END = "/"
"""Cursor of a list that has come to its end: no analysis id holds a slash, and nothing needs to be looked for again."""

_PAGE = 500
_MOST_LOOKED_AT = 2_000
"""Swings of a backfill's list in one call: the transaction is short, also where most of them are under way."""


_Work = list[HandedOut]
"""Named here, as inside the class `list` is its method."""


def _now() -> datetime:
    return datetime.now(UTC)


class Backfills(BackfillReadings):
    """The backfills in the catalog's database."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = _now) -> None:
        """Args: now: the clock; a backfill takes no swing whose record is younger than itself."""
        super().__init__(engine, now)
        self._engine = engine

    # -- for who asks for a backfill -------------------------------------------------------------------------------

    def create(self, selection: Selection, created_by: str, total: int) -> str:
        """Put a backfill on the list, running; `total` is what `count` said. Returns its id."""
        backfill_id = str(uuid4())
        row = {
            "backfill_id": backfill_id,
            "created_at": self._now(),
            "created_by": created_by[:200],
            "selection": selection.model_dump(mode="json"),
            "state": BackfillState.RUNNING,
            "total": total,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(backfills).values(row))
        return backfill_id

    def pause(self, backfill_id: str) -> bool:
        """Hand out nothing more until it is resumed; returns whether it was running."""
        return self._change(backfill_id, [BackfillState.RUNNING], {"state": BackfillState.PAUSED})

    def resume(self, backfill_id: str) -> bool:
        """Go on; returns whether it was paused."""
        return self._change(backfill_id, [BackfillState.PAUSED], {"state": BackfillState.RUNNING})

    def cancel(self, backfill_id: str) -> bool:
        """End it for good; swings that are being worked on are finished or given back. Returns whether it stood."""
        values = {"state": BackfillState.CANCELED, "ended_at": self._now()}
        return self._change(backfill_id, [BackfillState.RUNNING, BackfillState.PAUSED], values)

    # -- for who works ---------------------------------------------------------------------------------------------

    def next_items(self, limit: int) -> _Work:
        """Claim up to `limit` swings: those that wait again first, then the next ones of the oldest running backfill.

        A backfill whose list has come to its end, and whose items all ended, becomes FINISHED here too.
        """
        if limit <= 0:
            return []
        with self._engine.begin() as connection:
            running = [
                BackfillRecord.model_validate(row._asdict())
                for row in _held(connection, backfills.c.state == BackfillState.RUNNING)
            ]
            if not running:
                return []
            self._drop_gone(connection, running)
            items = self._waiting_again(connection, running, limit)
            for backfill in running:
                if len(items) == limit:
                    break
                items += self._next_of(connection, backfill, limit - len(items))
        return items

    def any_running(self) -> bool:
        """Whether `next_items` may have anything to hand out, or to end."""
        with self._reader.connect() as connection:
            running = select(1).where(backfills.c.state == BackfillState.RUNNING).limit(1)
            return connection.execute(running).first() is not None

    def finish_ended(self, backfill_ids: Collection[str]) -> None:
        """Those of these backfills become FINISHED whose list has come to its end and whose items all ended."""
        with self._engine.begin() as connection:
            at_end = backfills.c.backfill_id.in_(backfill_ids) & (backfills.c.cursor == _AT_END)
            for row in _held(connection, at_end & (backfills.c.state == BackfillState.RUNNING)):
                self._end_if_all_ended(connection, row.backfill_id)

    def state_of(self, backfill_id: str) -> BackfillState:
        """How the backfill stands: what a worker asks between two swings.

        Raises:
            LookupError: there is no such backfill.
        """
        with self._reader.connect() as connection:
            state = connection.execute(select(backfills.c.state).where(_is(backfill_id))).scalar()
        if state is None:
            raise LookupError(f"there is no backfill {backfill_id}")
        return BackfillState(state)

    def finish_item(
        self,
        backfill_id: str,
        analysis_id: str,
        state: ItemState,
        *,
        seconds: float,
        usd: float = 0.0,
        stages: Sequence[str] = (),
        error_code: str | None = None,
        error_message: str | None = None,
        old_result_key: str | None = None,
        new_result_key: str | None = None,
        connection: Connection | None = None,
    ) -> bool:
        """End an item that is handed out; returns whether it was.

        Args:
            state: DONE, UNCHANGED, FAILED or CANCELED.
            seconds: of work on the swing.
            usd: paid for models.
            stages: those that were made anew.
            connection: a transaction that this is part of.

        Raises:
            ValueError: the state is no end.
        """
        if not state.ended:
            raise ValueError(f"{state} does not end an item")
        values = {
            "state": state,
            "ended_at": self._now(),
            "seconds": seconds,
            "usd": usd,
            "stages": list(stages),
            "error_code": error_code,
            "error_message": None if error_message is None else storable(error_message),
            "old_result_key": old_result_key,
            "new_result_key": new_result_key,
        }
        query = update(backfill_items).where(_is_handed_out(backfill_id, analysis_id)).values(values)
        if connection is not None:
            return bool(connection.execute(query).rowcount)
        with self._engine.begin() as own:
            return bool(own.execute(query).rowcount)

    def give_back(self, items: Sequence[HandedOut], *, counted: bool, until: datetime | None = None) -> None:
        """Have items that were handed out wait again; of a canceled backfill they are canceled. Ended ones stay so.

        Args:
            items: as they were handed out; one that was handed out anew meanwhile, after another try, is left alone.
            counted: their run died. After `MOST_TRIES` of these an item has failed.
            until: when their run ended. What was handed out since is another run's.
        """
        if not items:
            return
        with self._engine.begin() as connection:
            held = _held(connection, backfills.c.backfill_id.in_({item.backfill_id for item in items}))
            states = {row.backfill_id: row.state for row in held}
            for item in items:
                values = self._given_back(states.get(item.backfill_id), item.tries + counted)
                this = and_(_is_handed_out(item.backfill_id, item.analysis_id), backfill_items.c.tries == item.tries)
                if until is not None:
                    this = and_(this, backfill_items.c.handed_out_at <= until)
                connection.execute(update(backfill_items).where(this).values(values))

    def handed_out_before(self, moment: datetime) -> _Work:
        """Items that were handed out before a moment and have not ended: their leases ran out."""
        query = (
            select(backfill_items, backfills.c.selection)
            .join_from(backfill_items, backfills)
            .where(backfill_items.c.state == ItemState.HANDED_OUT, backfill_items.c.handed_out_at < moment)
            .order_by(backfill_items.c.handed_out_at)
        )
        with self._reader.connect() as connection:
            rows = connection.execute(query).all()
        return [
            HandedOut(row.backfill_id, row.analysis_id, row.tries, Selection.model_validate(row.selection).force)
            for row in rows
        ]

    def renew_leases(self, items: Sequence[HandedOut]) -> None:
        """Say of items that the run which works on them lives."""
        ids = tuple_(backfill_items.c.backfill_id, backfill_items.c.analysis_id)
        ours = ids.in_([(item.backfill_id, item.analysis_id) for item in items])
        query = update(backfill_items).where(backfill_items.c.state == ItemState.HANDED_OUT, ours)
        with self._engine.begin() as connection:
            connection.execute(query.values(handed_out_at=self._now()))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _change(self, backfill_id: str, standing: Sequence[BackfillState], values: dict[str, Any]) -> bool:
        this = and_(_is(backfill_id), backfills.c.state.in_(standing))
        with self._engine.begin() as connection:
            changed = bool(connection.execute(update(backfills).where(this).values(values)).rowcount)
            if changed and values["state"] == BackfillState.CANCELED:
                waiting = and_(backfill_items.c.backfill_id == backfill_id, backfill_items.c.state == ItemState.WAITING)
                connection.execute(update(backfill_items).where(waiting).values(self._ended(ItemState.CANCELED)))
        return changed

    def _drop_gone(self, connection: Connection, running: Sequence[BackfillRecord]) -> None:
        """Cancel the items that wait for a swing that was deleted."""
        alive = select(1).where(analyses.c.analysis_id == backfill_items.c.analysis_id, analyses.c.deleted_at.is_(None))
        gone = and_(_waits(running), ~alive.exists())
        connection.execute(update(backfill_items).where(gone).values(self._ended(ItemState.CANCELED)))

    def _waiting_again(self, connection: Connection, running: Sequence[BackfillRecord], limit: int) -> _Work:
        chosen = {backfill.backfill_id: backfill.selection for backfill in running}
        failed_for_good = and_(analyses.c.status == Status.FAILED, ~is_worth_a_try())
        query = (
            select(
                backfill_items.c.backfill_id,
                backfill_items.c.analysis_id,
                backfill_items.c.tries,
                failed_for_good.label("failed_for_good"),
                analyses.c.error_code,
                analyses.c.error_message,
            )
            .join(analyses, analyses.c.analysis_id == backfill_items.c.analysis_id)
            .where(_waits(running), ~is_under_way(), ~_is_taken())
            .order_by(backfill_items.c.handed_out_at, backfill_items.c.analysis_id, backfill_items.c.backfill_id)
            .limit(limit)
        )
        items: dict[str, HandedOut] = {}
        for row in connection.execute(query).all():
            selection = chosen[row.backfill_id]
            if row.failed_for_good and not selection.permanent:
                why = {"error_code": row.error_code, "error_message": row.error_message}
                _set_item(connection, row, self._ended(ItemState.FAILED) | why)
            elif row.analysis_id not in items:
                items[row.analysis_id] = HandedOut(row.backfill_id, row.analysis_id, row.tries, selection.force)
                _set_item(connection, row, {"state": ItemState.HANDED_OUT, "handed_out_at": self._now()})
        return [*items.values()]

    def _next_of(self, connection: Connection, backfill: BackfillRecord, limit: int) -> _Work:
        """Go on with the list of one backfill; items are made for the swings that are handed out or passed over."""
        items: list[HandedOut] = []
        looked_at = 0
        chosen = (
            select(analyses.c.analysis_id, is_under_way().label("under_way"), _is_taken().label("taken"))
            .where(
                matches(connection, backfill.selection),
                analyses.c.created_at <= backfill.created_at,
                analyses.c.analysis_id > bindparam("cursor"),
            )
            .order_by(analyses.c.analysis_id)
            .limit(bindparam("most"))
        )
        cursor = connection.execute(select(backfills.c.cursor).where(_is(backfill.backfill_id))).scalar() or ""
        while len(items) < limit and looked_at < _MOST_LOOKED_AT and cursor != _AT_END:
            most = min(limit - len(items), _PAGE)
            page = connection.execute(chosen, {"cursor": cursor, "most": most}).all()
            looked_at += len(page)
            if page:
                self._insert_items(connection, backfill, page)
            cursor = page[-1].analysis_id if len(page) == most else _AT_END
            items += [
                HandedOut(backfill.backfill_id, row.analysis_id, 0, backfill.selection.force)
                for row in page
                if not (row.under_way or row.taken)
            ]
        connection.execute(update(backfills).where(_is(backfill.backfill_id)).values(cursor=cursor))
        if cursor == _AT_END:
            self._end_if_all_ended(connection, backfill.backfill_id)
        return items

    def _insert_items(self, connection: Connection, backfill: BackfillRecord, page: Sequence[Row[Any]]) -> None:
        rows = [
            {
                "backfill_id": backfill.backfill_id,
                "analysis_id": row.analysis_id,
                "state": ItemState.WAITING if row.under_way or row.taken else ItemState.HANDED_OUT,
                "tries": 0,
                "handed_out_at": self._now(),
            }
            for row in page
        ]
        connection.execute(insert(backfill_items), rows)

    def _end_if_all_ended(self, connection: Connection, backfill_id: str) -> None:
        mine = backfill_items.c.backfill_id == backfill_id
        still_open = mine & backfill_items.c.state.in_([state for state in ItemState if not state.ended])
        if connection.execute(select(1).where(still_open).limit(1)).first() is None:
            total = select(func.count()).select_from(backfill_items).where(mine).scalar_subquery()
            values = {"state": BackfillState.FINISHED, "ended_at": self._now(), "total": total}
            connection.execute(update(backfills).where(_is(backfill_id)).values(values))

    def _given_back(self, state: str | None, tries: int) -> dict[str, Any]:
        if state == BackfillState.CANCELED:
            return self._ended(ItemState.CANCELED) | {"tries": tries}
        if tries >= MOST_TRIES:
            why = f"{tries} runs that worked on this swing died."
            return self._ended(ItemState.FAILED) | {"tries": tries, "error_code": INTERRUPTED, "error_message": why}
        return {"state": ItemState.WAITING, "tries": tries}

    def _ended(self, state: ItemState) -> dict[str, Any]:
        return {"state": state, "ended_at": self._now()}


def _is(backfill_id: str) -> ColumnElement[bool]:
    return backfills.c.backfill_id == backfill_id


def _held(connection: Connection, which: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Backfills, oldest first, held until the transaction ends; items may refer to them meanwhile."""
    query = select(backfills).where(which).order_by(backfills.c.created_at, backfills.c.backfill_id)
    return connection.execute(query.with_for_update(key_share=True)).all()


def _is_handed_out(backfill_id: str, analysis_id: str) -> ColumnElement[bool]:
    return and_(
        backfill_items.c.backfill_id == backfill_id,
        backfill_items.c.analysis_id == analysis_id,
        backfill_items.c.state == ItemState.HANDED_OUT,
    )


def _waits(running: Sequence[BackfillRecord]) -> ColumnElement[bool]:
    ids = [backfill.backfill_id for backfill in running]
    return and_(backfill_items.c.state == ItemState.WAITING, backfill_items.c.backfill_id.in_(ids))


def _is_taken() -> ColumnElement[bool]:
    """Whether a swing is handed out, by whichever backfill."""
    other = backfill_items.alias()
    return (
        select(1)
        .where(other.c.analysis_id == analyses.c.analysis_id, other.c.state == ItemState.HANDED_OUT)
        .correlate(analyses)
        .exists()
    )


def _set_item(connection: Connection, row: Row[Any], values: dict[str, Any]) -> None:
    this = and_(backfill_items.c.backfill_id == row.backfill_id, backfill_items.c.analysis_id == row.analysis_id)
    connection.execute(update(backfill_items).where(this).values(values))
