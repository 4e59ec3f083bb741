"""Finished results as they go over the wire, kept in memory: nothing is computed per request that holds per result.

Clients poll, and a hundred of them may open one result at once. An answer is rendered once (`results.py` says how) and
then handed out from memory on the event loop. The database is asked once a second and swing, in one query for all that
are due, which is how long another process's change (a new analysis, a deletion) can stay unseen. A change made by this
process is seen at once, through `forget`. Who may see a swing is asked on every request.

An analysis under way is not kept: its clients wait for the next state.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from golf_pipeline.api.access import sees_without_asking, shown_swing, swing_not_found
from golf_pipeline.api.etags import Rendered
from golf_pipeline.api.identity import Caller
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.standing import Standing, standings_of

T = TypeVar("T")

MOST_BYTES = 64 * 2**20
"""Of kept answers in one process: about 2,000 results."""

MOST_STANDINGS = 10_000
STANDS_FOR_S = 1.0
"""How long a look at the catalog holds."""

LOOKED_AGAIN_S = 0.5
"""From then on whoever asks has the next look begun, and does not wait for it: who polls a swing that many poll is
answered from memory each time."""

MOST_LOOKS = 500
"""Swings in one look at the catalog; more are many looks."""

Render = Callable[[Standing], Rendered]
"""How an answer is made; of a swing that is not finished without reading anything, as the event loop waits."""


class ServedResults:
    """The kept answers of one process. `get` is for the event loop, `forget` and `keep` are for any thread."""

    def __init__(
        self, catalog: Catalog, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog, self._most_bytes, self._clock = catalog, most_bytes, clock
        self._lock = threading.Lock()
        self._standings: OrderedDict[str, tuple[float, Standing]] = OrderedDict()
        self._answers: OrderedDict[tuple[str, str], tuple[Hashable, Rendered]] = OrderedDict()
        self._bytes = 0
        self._flights: dict[tuple[str, ...], asyncio.Task[Any]] = {}
        self._looks = _Looks(self._look)
        self._forgotten = 0

    async def get(self, caller: Caller, analysis_id: str, kind: str, render: Render) -> Rendered:
        """The answer of this kind about a swing, for a caller who may see it.

        Raises:
            Problem: 404 and 410 as `access.seen_swing`, and whatever `render` raises.
        """
        standing = self._standing(analysis_id)
        if standing is None:
            standing = await self._looks.look(analysis_id)
        elif self._age(analysis_id) > LOOKED_AGAIN_S:
            self._looks.refresh(analysis_id)
        if standing is None:
            raise swing_not_found()
        if not sees_without_asking(caller, standing.record):
            await run_in_threadpool(shown_swing, self._catalog, caller, standing.record)
        if not standing.is_finished:
            return render(standing)
        rendered = self.kept(analysis_id, kind, standing.identity)
        if rendered is not None:
            return rendered
        return await self._once((analysis_id, kind), lambda: self._render(kind, standing, render))

    def kept(self, analysis_id: str, kind: str, identity: Hashable) -> Rendered | None:
        """The kept answer, if it is still that of a swing (or a pair) which stands so."""
        with self._lock:
            found = self._answers.get((analysis_id, kind))
            if found is None or found[0] != identity or time.time() >= found[1].fresh_until:
                return None
            self._answers.move_to_end((analysis_id, kind))
            return found[1]

    def keep(self, analysis_id: str, kind: str, identity: Hashable, rendered: Rendered) -> None:
        """Keep an answer; those that were not asked for the longest make room."""
        with self._lock:
            self._drop((analysis_id, kind))
            self._answers[analysis_id, kind] = (identity, rendered)
            self._bytes += len(rendered.body)
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._answers)))

    def forget(self, analysis_id: str) -> None:
        """Ask the catalog before the next answer about a swing: this process has changed it."""
        with self._lock:
            self._forgotten += 1
            self._standings.pop(analysis_id, None)
            for key in [key for key in self._answers if key[0] == analysis_id]:
                self._drop(key)
            # Who asks from now on does not wait for an answer that was begun before.
            for flight in [flight for flight in self._flights if flight[0] == analysis_id]:
                del self._flights[flight]

    def _drop(self, key: tuple[str, str]) -> None:
        found = self._answers.pop(key, None)
        if found is not None:
            self._bytes -= len(found[1].body)

    def _standing(self, analysis_id: str) -> Standing | None:
        found = self._standings.get(analysis_id)
        return found[1] if found is not None and self._clock() - found[0] < STANDS_FOR_S else None

    def _age(self, analysis_id: str) -> float:
        found = self._standings.get(analysis_id)
        return self._clock() - found[0] if found is not None else 0.0

    def _look(self, analysis_ids: Sequence[str]) -> Mapping[str, Standing]:
        looked_at, forgotten = self._clock(), self._forgotten
        standings = standings_of(self._catalog, analysis_ids)
        with self._lock:
            if forgotten == self._forgotten:
                for analysis_id, standing in standings.items():
                    if standing.is_finished:
                        self._standings[analysis_id] = (looked_at, standing)
                        self._standings.move_to_end(analysis_id)
            while len(self._standings) > MOST_STANDINGS:
                self._standings.popitem(last=False)
        return standings

    def _render(self, kind: str, standing: Standing, render: Render) -> Rendered:
        rendered = render(standing)
        self.keep(standing.record.analysis_id, kind, standing.identity, rendered)
        return rendered

    async def _once(self, key: tuple[str, ...], work: Callable[[], T]) -> T:
        """Do the work in a thread; who asks for the same meanwhile gets the same outcome."""
        with self._lock:
            flight: asyncio.Task[T] | None = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = asyncio.create_task(run_in_threadpool(work))
                flight.add_done_callback(lambda landed: self._landed(key, landed))
        return await asyncio.shield(flight)

    def _landed(self, key: tuple[str, ...], flight: "asyncio.Task[Any]") -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # seen, also where every client has left


def served_of(request: Request) -> ServedResults:
    """The kept answers of the app of a request."""
    served: ServedResults = request.app.state.served
    return served


class _Looks:
    """Gathers questions to the catalog: who asks while a look is under way is part of the next one.

    A look for each swing, in a thread of its own, made a hundred clients wait ten times as long: the threads took turns
    with the event loop, and each turn is some milliseconds.
    """

    def __init__(self, look: Callable[[Sequence[str]], Mapping[str, Standing]]) -> None:
        self._look = look
        self._waiting: dict[str, asyncio.Future[Standing | None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._under_way: frozenset[str] = frozenset()

    async def look(self, analysis_id: str) -> Standing | None:
        """How the swing stands, by a look that begins after this was asked; None: it is unknown."""
        return await asyncio.shield(self._begin(analysis_id))

    def refresh(self, analysis_id: str) -> None:
        """Have it looked how the swing stands, unless that is under way; nobody waits for it."""
        if analysis_id not in self._under_way:
            self._begin(analysis_id)

    def _begin(self, analysis_id: str) -> "asyncio.Future[Standing | None]":
        answer = self._waiting.get(analysis_id)
        if answer is None:
            answer = self._waiting[analysis_id] = asyncio.get_running_loop().create_future()
        if self._looking is None:
            self._looking = asyncio.create_task(self._run())
        return answer

    async def _run(self) -> None:
        while self._waiting:
            batch = [(one, self._waiting.pop(one)) for one in list(self._waiting)[:MOST_LOOKS]]
            self._under_way = frozenset(analysis_id for analysis_id, _ in batch)
            try:
                standings = await run_in_threadpool(self._look, [analysis_id for analysis_id, _ in batch])
            except Exception as error:
                for _, answer in batch:
                    answer.set_exception(error)
                    answer.exception()  # seen, also where every client has left
            else:
                for analysis_id, answer in batch:
                    answer.set_result(standings.get(analysis_id))
        self._looking, self._under_way = None, frozenset()
