"""Who listens for finished analyses in this process, and the one poller that tells them.

The catalog is asked, at most once a second and only while somebody listens, so that it does not matter in which process
an analysis ended or which worker a client reached. A notice is sent at least once: a client that reconnects may hear it
again. Whoever was away is told of the first `MOST_MISSED` that ended meanwhile; the list of swings knows all.
"""

import asyncio
import logging
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from golf_pipeline.api.identity import Caller, Role
from golf_pipeline.api.problems import Problem
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.notices import OVERLAP, Ended, EndedAnalyses
from golf_pipeline.storage.records import Status

CLOSING = "closing"
"""Under this name the lifespan's state has the event that ends all streams; `server.py` sets it."""

POLL_S = 1.0
RETRY_S = 5.0
"""Between two looks while the catalog does not answer."""

LOOK_LIMIT = 500
"""New analyses in one look; more wait for the next."""

MAX_WAITING = 100
"""Notices that wait for one client; one that reads no faster is cut off and comes again."""

MOST_MISSED = MAX_WAITING // 2

MAX_PER_SUBJECT = 20
"""Connections of one user, or of guests at one address, in one process."""

MAX_LISTENERS = 5000
RECENT = timedelta(seconds=60)
"""Whoever connects hears of what ended in this time: it may have ended between their last question and now."""

LONGEST_RESUME = timedelta(hours=24)
_REMEMBERED = 1000

log = logging.getLogger(__name__)
Notice = dict[str, Any]


class Listener:
    """One connection: whose notices it hears, and those that wait to be sent. None ends it."""

    def __init__(self, caller: Caller, subject: str, only: str | None) -> None:
        self.caller, self.subject, self.only = caller, subject, only
        self.waiting: asyncio.Queue[Ended | None] = asyncio.Queue(MAX_WAITING + 1)
        self._told: dict[tuple[str, int, datetime], None] = {}

    def tell(self, ended: Ended) -> None:
        """Let a notice wait to be sent, unless it was told before; where too many wait, the connection ends."""
        which = (ended.analysis_id, ended.attempt, ended.completed_at)
        if which in self._told:
            return
        if self.waiting.qsize() >= MAX_WAITING:
            self.end()
            return
        self._told[which] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self.waiting.put_nowait(ended)

    def end(self) -> None:
        """Let the connection end once what waits before is sent."""
        if not self.waiting.full():
            self.waiting.put_nowait(None)


class NoticeBoard:
    """The listeners of one process. All of it runs on the event loop."""

    def __init__(self, ended: EndedAnalyses) -> None:
        self.ended = ended
        self.closing = asyncio.Event()
        self._by_user: dict[str, set[Listener]] = defaultdict(set)
        self._by_analysis: dict[str, set[Listener]] = defaultdict(set)
        self._per_subject: dict[str, int] = defaultdict(int)
        self._poller: asyncio.Task[None] | None = None
        self._newest = datetime.now(UTC)
        self._seen: set[tuple[str, int, datetime]] = set()

    def listen(self, caller: Caller, subject: str, only: str | None) -> Listener:
        """Begin to hear: of one analysis, or of all that are the caller's own or their players'.

        Raises:
            Problem: 429, they listen too often already; 503, everybody together does, or the server is closing.
        """
        if self.closing.is_set() or sum(self._per_subject.values()) >= MAX_LISTENERS:
            raise Problem(503, "BUSY", "There is no room for another listener. Please try again in a moment.")
        if self._per_subject[subject] >= MAX_PER_SUBJECT:
            raise Problem(
                429,
                "TOO_MANY_CONNECTIONS",
                f"At most {MAX_PER_SUBJECT} connections may listen at once. Close one, then try again.",
                {"Retry-After": "5"},
            )
        listener = Listener(caller, subject, only)
        self._per_subject[subject] += 1
        self._index(listener).add(listener)
        if self._poller is None or self._poller.done():
            self._newest = datetime.now(UTC)
            self._poller = asyncio.get_running_loop().create_task(self._poll())
        return listener

    def leave(self, listener: Listener) -> None:
        """Stop hearing."""
        self._index(listener).discard(listener)
        for index, name in ((self._by_analysis, listener.only), (self._by_user, listener.caller.user_id)):
            if name in index and not index[name]:
                del index[name]
        self._per_subject[listener.subject] -= 1
        if self._per_subject[listener.subject] <= 0:
            del self._per_subject[listener.subject]

    async def catch_up(self, listener: Listener, last_seen: datetime | None) -> None:
        """Tell a new listener what ended before it came: since what it saw last, or just now."""
        if listener.only is not None:
            found = await run_in_threadpool(self.ended.one, listener.only)
            if found is not None:
                listener.tell(found)
            return
        now = datetime.now(UTC)
        since = now - RECENT if last_seen is None else max(last_seen - OVERLAP, now - LONGEST_RESUME)
        mine, is_coach = listener.caller.user_id, _is_coach(listener)
        for ended in await run_in_threadpool(self.ended.since_of, mine, since, MOST_MISSED, and_players=is_coach):
            listener.tell(ended)

    def _index(self, listener: Listener) -> set[Listener]:
        if listener.only is not None:
            return self._by_analysis[listener.only]
        return self._by_user[listener.caller.user_id]

    async def _poll(self) -> None:
        pause_s = POLL_S
        while self._by_user or self._by_analysis:
            try:
                async with asyncio.timeout(pause_s):
                    await self.closing.wait()
            except TimeoutError:
                pause_s = await self._look()
            else:
                for listeners in (*self._by_user.values(), *self._by_analysis.values()):
                    for listener in listeners:
                        listener.end()
                return

    async def _look(self) -> float:
        """Ask what has ended and tell it; returns how long to wait before the next look."""
        try:
            limit = LOOK_LIMIT + len(self._seen)  # else a burst that was seen would hide what follows it
            found = await run_in_threadpool(self.ended.since, self._newest - OVERLAP, limit)
            fresh = [one for one in found if _which(one) not in self._seen]
            listening = (*self._by_user.values(), *(self._by_analysis.get(one.analysis_id, ()) for one in fresh))
            coaches = {one.caller.user_id for heard in listening for one in heard if _is_coach(one)}
            pairs = await run_in_threadpool(self.ended.coaches, {one.user_id for one in fresh}, coaches)
        except SQLAlchemyError as error:
            log.warning("the catalog cannot say what has ended: %s", type(error).__name__)
            return RETRY_S
        for ended in fresh:
            self._newest = max(self._newest, ended.completed_at)
            hear = {ended.user_id, *(coach for golfer, coach in pairs if golfer == ended.user_id)}
            told = [one for name in hear for one in self._by_user.get(name, ())]
            # Asked again, as a coach may have been named when the connection began and be so no more.
            for one in self._by_analysis.get(ended.analysis_id, ()):
                if ended.user_id == GUEST or one.caller.is_admin or one.caller.user_id in hear:
                    told.append(one)
            for listener in told:
                listener.tell(ended)
        self._seen = {_which(one) for one in found}
        return POLL_S if len(found) < limit else 0.0


def notice(ended: Ended) -> Notice:
    """What a client is told of an analysis that has ended."""
    told: Notice = {
        "type": "ANALYSIS_COMPLETE",
        "analysis_id": ended.analysis_id,
        "status": ended.status.value,
        "completed_at": ended.completed_at.isoformat(),
    }
    if ended.status == Status.FAILED:
        told["error"] = {
            "code": ended.error_code or "INTERNAL",
            "message": ended.error_message or "",
            "retryable": ended.retryable,
        }
    return told


def _which(ended: Ended) -> tuple[str, int, datetime]:
    return (ended.analysis_id, ended.attempt, ended.completed_at)


def _is_coach(listener: Listener) -> bool:
    return Role.COACH in listener.caller.roles
