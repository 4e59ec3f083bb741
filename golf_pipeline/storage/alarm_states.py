"""How alarms stand and what was told of them, so that each change is told once, by one of several daemons, and surely.

An alarm has a row of its name (`AlarmState`), and one for each channel that was to be told of it: `name/channel`, with
what that channel knows. An alarm rings when its number has been above the threshold for long enough. A channel is told
when it begins to ring, when it ends, and once a day meanwhile. What could not be told is due until it is: the channel's
row says which change it knows, and that stays the old one.

All changes are compare-and-set on the row that was read: of two daemons at once one wins, and only the winner of a
channel's row tells. It holds the row for `LEASE`; should it die meanwhile, another one tells after that.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Engine, and_, delete, select, update

from golf_pipeline.storage import database
from golf_pipeline.storage.tables import alarm_states

REMIND_AFTER = timedelta(days=1)
LEASE = timedelta(seconds=60)
NEWS_FOR = timedelta(days=1)
"""A ring that a channel never heard of is told of after its end while that is not longer ago."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class AlarmState:
    """A row of `alarm_states`; times are aware UTC.

    Of an alarm: `changed_at` is when `rings` last changed, `looked_at` when it was last evaluated. Of a channel:
    `rings` and `changed_at` are those of the alarm when the channel was last told (at `told_at`), `looked_at` is until
    when somebody is telling it.
    """

    name: str
    rings: bool
    value: float | None
    above_since: datetime | None
    changed_at: datetime
    told_at: datetime | None
    looked_at: datetime


class Change(StrEnum):
    """What a channel is told of an alarm."""

    RINGS = "rings"
    STILL_RINGS = "still rings"
    ENDED = "ended"


class AlarmBook(Protocol):
    """Where the rows are kept."""

    def get(self, name: str) -> AlarmState | None:
        """The row of this name."""

    def put(self, old: AlarmState | None, new: AlarmState) -> bool:
        """Replace the row that was read (None: there was none); False, and nothing changed, where it is another now."""


def evaluated(
    state: AlarmState | None, name: str, value: float, above: float, for_s: float, now: datetime
) -> AlarmState:
    """How an alarm stands after its number was read."""
    before = state or AlarmState(name, False, None, None, now, None, now)
    since = (before.above_since or now) if value > above else None
    rings = since is not None and now - since >= timedelta(seconds=for_s)
    changed_at = before.changed_at if rings == before.rings else now
    return replace(before, rings=rings, value=value, above_since=since, changed_at=changed_at, looked_at=now)


def due(alarm: AlarmState, channel: AlarmState | None, now: datetime) -> Change | None:
    """What is to be told to a channel, if anything; None also while somebody else tells it."""
    if channel is None:
        return Change.RINGS if alarm.rings else None
    if channel.looked_at > now:
        return None
    if channel.changed_at == alarm.changed_at:
        told_at = channel.told_at or _NEVER
        return Change.STILL_RINGS if alarm.rings and now - told_at >= REMIND_AFTER else None
    if alarm.rings:
        return Change.RINGS
    return Change.ENDED if channel.rings or now - alarm.changed_at < NEWS_FOR else None


def look(book: AlarmBook, name: str, value: float, above: float, for_s: float, now: datetime) -> AlarmState:
    """Evaluate an alarm and keep how it stands; where another daemon was first, its evaluation counts."""
    old = book.get(name)
    new = evaluated(old, name, value, above, for_s, now)
    return new if book.put(old, new) else (book.get(name) or new)


def tell(
    book: AlarmBook, alarm: AlarmState, channel: str, now: datetime, send: Callable[[Change], bool]
) -> Change | None:
    """Tell a channel what is due, if this daemon is the one to do it; returns what was told.

    `send` returns whether the channel took it: if not, it is due again at the next look.
    """
    name = f"{alarm.name}/{channel}"
    old = book.get(name)
    change = due(alarm, old, now)
    if change is None:
        return None
    begun = old or AlarmState(name, False, None, None, _NEVER, None, now)
    held = replace(begun, looked_at=now + LEASE)
    if not book.put(old, held):
        return None
    if not send(change):
        book.put(held, replace(held, looked_at=now))
        return None
    known = replace(held, rings=alarm.rings, value=alarm.value, changed_at=alarm.changed_at)
    book.put(held, replace(known, told_at=now, looked_at=now))
    return change


class CatalogBook:
    """The rows in the catalog's database."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._reader = engine, database.for_reading(engine)

    def get(self, name: str) -> AlarmState | None:
        with self._reader.connect() as connection:
            row = connection.execute(select(alarm_states).where(alarm_states.c.name == name)).one_or_none()
        return None if row is None else AlarmState(**row._asdict())

    def put(self, old: AlarmState | None, new: AlarmState) -> bool:
        with self._engine.begin() as connection:
            if old is None:
                return database.insert_if_absent(connection, alarm_states, asdict(new))
            unchanged = and_(
                alarm_states.c.name == old.name,
                alarm_states.c.looked_at == old.looked_at,
                alarm_states.c.changed_at == old.changed_at,
            )
            return bool(connection.execute(update(alarm_states).where(unchanged).values(asdict(new))).rowcount)

    def forget_others(self, names: Collection[str]) -> None:
        """Remove the rows of alarms that there are no more: what nobody evaluates would ring for ever."""
        with self._reader.connect() as connection:
            known = connection.execute(select(alarm_states.c.name)).scalars().all()
        gone = [name for name in known if name.partition("/")[0] not in names]
        if gone:
            with self._engine.begin() as connection:
                connection.execute(delete(alarm_states).where(alarm_states.c.name.in_(gone)))


class MemoryBook:
    """The rows in memory, to and from text: for alarms that must ring while the catalog does not answer."""

    def __init__(self, rows: dict[str, AlarmState] | None = None) -> None:
        self.rows = rows or {}

    def get(self, name: str) -> AlarmState | None:
        return self.rows.get(name)

    def put(self, old: AlarmState | None, new: AlarmState) -> bool:
        if self.rows.get(new.name) != old:
            return False
        self.rows[new.name] = new
        return True
