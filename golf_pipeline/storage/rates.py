"""How often something may happen: an exact sliding window per scope and subject, shared by all processes.

`Rate("chat", 15, 3600)` lets 15 pass in any hour, not in each full hour. A row holds the moments of the last passages;
who asks holds the row while the answer is found, so that a hundred at a time do not pass for fifteen. A refused request
is not counted: knocking does not lengthen the wait.

The moments are those of whoever wrote them. Machines whose clocks differ shorten a window by at most that difference;
a clock that went back finds moments in its future, which then count from now on, and so lock nobody out for longer
than the window.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, bindparam, select, update

from golf_pipeline.storage import database
from golf_pipeline.storage.tables import rate_limits

LONGEST_WINDOW_S = 24 * 3600.0
"""A row that was not written for so long decides nothing, and is pruned (`pruning.py`)."""


@dataclass(frozen=True)
class Rate:
    """At most `most` passages of a subject within any `per_s` seconds; a scope counts by itself."""

    scope: str
    most: int
    per_s: float

    def __post_init__(self) -> None:
        if self.most < 1 or not 0 < self.per_s <= LONGEST_WINDOW_S:
            raise ValueError(f"a rate lets at least 1 pass in at most {LONGEST_WINDOW_S:.0f} s: {self}")


@dataclass(frozen=True)
class Passage:
    """Whether one may pass, how many more may now, and for who may not, in how many seconds the next one may."""

    allowed: bool
    retry_after_s: float
    remaining: int


def _now() -> datetime:
    return datetime.now(UTC)


class RateLimiter:
    """The limits in the catalog's database; `take` is one transaction."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = _now) -> None:
        self._engine, self._now = engine, now

    def take(self, rate: Rate, subject: str) -> Passage:
        """Pass, if the rate allows it at this moment.

        Args:
            subject: who is counted; never an address as it is, but its hash.
        """
        return self.take_all([(rate, subject)])[0]

    def take_all(self, asked: Sequence[tuple[Rate, str]]) -> list[Passage]:
        """Pass under several rates at once, in one transaction: all of them, or none and the last is the refusal.

        Callers ask for the scopes in the same order, so that none waits for another in a circle.
        """
        with self._engine.connect() as connection, connection.begin() as transaction:
            passages: list[Passage] = []
            for rate, subject in asked:
                passages.append(self._take(connection, rate, subject))
                if not passages[-1].allowed:
                    if len(passages) > 1:
                        transaction.rollback()
                    break
        return passages

    def _take(self, connection: Connection, rate: Rate, subject: str) -> Passage:
        while (passed := _held(connection, rate, subject)) is None:
            first = self._now()
            row = {"scope": rate.scope, "subject": subject, "passed_at": [first.timestamp()], "updated_at": first}
            if database.insert_if_absent(connection, rate_limits, row):
                return Passage(True, 0.0, rate.most - 1)
        # The moment is taken after the row: whoever waited for it passes when the wait is over.
        now = self._now()
        passage, after = _decide(rate, passed, now.timestamp())
        if after != passed:
            values = {"of_scope": rate.scope, "of_subject": subject, "passed_at": after, "updated_at": now}
            connection.execute(_CHANGED, values)
        return passage


_THIS = (rate_limits.c.scope == bindparam("of_scope")) & (rate_limits.c.subject == bindparam("of_subject"))
_HELD = select(rate_limits.c.passed_at).where(_THIS).with_for_update()
_CHANGED = update(rate_limits).where(_THIS).values(passed_at=bindparam("passed_at"), updated_at=bindparam("updated_at"))
"""Built once: every limited request runs them."""


def _held(connection: Connection, rate: Rate, subject: str) -> list[float] | None:
    """The moments of the last passages, their row held until the transaction ends; None: there is no row."""
    row = connection.execute(_HELD, {"of_scope": rate.scope, "of_subject": subject}).first()
    return None if row is None else list(row.passed_at)


def _decide(rate: Rate, passed: list[float], now: float) -> tuple[Passage, list[float]]:
    """The answer at a moment, and the moments that are still to be known then.

    A refusal changes them only where some lay in the future: those are brought to now once, not at each knock.
    """
    counted = [min(moment, now) for moment in passed if min(moment, now) + rate.per_s > now][-rate.most :]
    if len(counted) < rate.most:
        return Passage(True, 0.0, rate.most - len(counted) - 1), [*counted, now]
    wait_s = math.ceil((counted[0] + rate.per_s - now) * 1000) / 1000
    in_future = any(moment > now for moment in passed)
    return Passage(False, wait_s, 0), counted if in_future else passed
