"""A load of HTTP clients, and what they saw: rates, latencies, errors.

The clients are bare: one keep-alive connection each, requests written and answers cut out by hand. A whole HTTP library
takes a multiple of that time, and on a machine that server and load share it would be the library that is measured.

A closed loop asks again as soon as it was answered: it finds the most that a server can do, and its latencies are those
of a server at its limit. A paced load asks at its own rate, as clients that poll do; a latency counts from the moment
at which the request was due, so that a server that stalls cannot hide it by holding up the load.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

ANSWER_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Request:
    """One request, ready to be written, and the statuses that are right answers to it."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    expected: frozenset[int] = frozenset({200})

    def encoded(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class LoadResult(BaseModel):
    """What the clients of one load saw; latencies in milliseconds."""

    name: str
    clients: int
    requests: int
    seconds: float
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int]


Requests = Callable[[int], Iterator[Request]]
"""The requests of one client, by its number; endless, or as many as it shall send."""


@dataclass
class _Seen:
    latencies_s: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


class _Client:
    """One keep-alive connection; opened again after an error."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, request: Request) -> int:
        """Send and read the whole answer; returns its status."""
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(request.encoded(f"{self._host}:{self._port}"))
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = _content_length(head)
        if length:
            await self._reader.readexactly(length)
        if b"\r\nconnection: close" in head.lower():
            self.close()
        return status

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def _content_length(head: bytes) -> int:
    lower = head.lower()
    if b"\r\ntransfer-encoding:" in lower:
        raise ValueError("an answer came in chunks, which these clients do not read")
    at = lower.find(b"\r\ncontent-length:")
    return int(lower[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def closed_loop(name: str, address: tuple[str, int], clients: int, seconds: float, requests: Requests) -> LoadResult:
    """Each client asks again as soon as it was answered, for so long or until it has no more requests."""

    async def client(number: int, until: float, seen: _Seen) -> None:
        connection = _Client(*address)
        for request in requests(number):
            if time.perf_counter() >= until:
                break
            await _timed(connection, request, time.perf_counter(), seen)
        connection.close()

    return _run(name, clients, seconds, client)


def paced(
    name: str, address: tuple[str, int], clients: int, per_second: float, seconds: float, requests: Requests
) -> LoadResult:
    """All clients together ask `per_second` times a second, each evenly, from a moment of its own on."""
    interval = clients / per_second
    phases = random.Random(1)

    async def client(number: int, until: float, seen: _Seen) -> None:
        connection = _Client(*address)
        due = time.perf_counter() + phases.random() * interval
        for request in requests(number):
            if due >= until:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await _timed(connection, request, due, seen)
            due += interval
        connection.close()

    return _run(name, clients, seconds, client)


async def _timed(connection: _Client, request: Request, due: float, seen: _Seen) -> None:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            status = await connection.send(request)
    except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
        seen.errors[type(error).__name__] += 1
        connection.close()
        return
    if status in request.expected:
        seen.latencies_s.append(time.perf_counter() - due)
    else:
        seen.errors[str(status)] += 1


def _run(name: str, clients: int, seconds: float, client: Callable[[int, float, _Seen], Awaitable[None]]) -> LoadResult:
    async def all_clients() -> tuple[_Seen, float]:
        seen = _Seen()
        began = time.perf_counter()
        await asyncio.gather(*(client(number, began + seconds, seen) for number in range(clients)))
        return seen, time.perf_counter() - began

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen, took = runner.run(all_clients())
    done = sorted(seen.latencies_s)
    return LoadResult(
        name=name,
        clients=clients,
        requests=len(done) + seen.errors.total(),
        seconds=round(took, 2),
        per_second=round(len(done) / took, 1),
        p50_ms=_percentile(done, 50),
        p95_ms=_percentile(done, 95),
        p99_ms=_percentile(done, 99),
        max_ms=_percentile(done, 100),
        errors=dict(seen.errors),
    )


def _percentile(ordered_s: Sequence[float], percent: float) -> float:
    """In milliseconds; 0 where nothing was answered."""
    if not ordered_s:
        return 0.0
    place = min(len(ordered_s) - 1, round(percent / 100 * (len(ordered_s) - 1)))
    return round(ordered_s[place] * 1000, 1)
