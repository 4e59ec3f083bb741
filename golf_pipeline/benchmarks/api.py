"""What the API is worth under load: results and chat for a hundred clients, server and load on the same machine.

Everything is real but the clients: the embedded S3, the catalog, the API as `golf-pipeline api` starts it, tokens of
the development issuer, and the limits of the settings as they are (each client has an address of its own). The floor is
measured in the same run: a bare route of the same framework that answers with as many bytes.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from golf_pipeline.benchmarks.api_golfers import Golfer, analysed_sample, store_golfers
from golf_pipeline.benchmarks.load import LoadResult, Request, Requests, closed_loop, paced
from golf_pipeline.local import probes
from golf_pipeline.local.issuer import mint_token
from golf_pipeline.local.ports import HOST, claim_port
from golf_pipeline.local.stack import LocalStack, StackConfig
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore

CLIENTS = 100
SWINGS_EACH = 3
PACED_PER_SECOND = 500.0
"""A hundred clients that each ask five times a second, which is more than polling clients do."""

CHAT_PER_SECOND = 20.0
"""A hundred golfers who each send a message every five seconds, as fast as one can read an answer."""

CHAT_S = 30.0
WARM_UP_S = 2.0
QUESTIONS = (
    "What should I work on first?",
    "Why?",
    "Which drill helps with that?",
    "Am I improving?",
    "Compare my last two swings",
    "What did you see at impact?",
    "How is my tempo?",
    "What was good?",
    "How should I film my swing?",
    "What did you see at the top?",
    "Why do I slice?",
    "Give me a plan for the week",
    "What is my score?",
    "Tell me about my head movement",
    "Thank you",
)
"""Fifteen, as many as a golfer may ask in an hour."""

OnProgress = Callable[[str, int, int], None]


class ApiResult(BaseModel):
    """Loads in the order in which they ran, and what they ran on."""

    machine: str
    workers: int
    golfers: int
    stored_results: int
    result_bytes: int
    loads: tuple[LoadResult, ...]
    share_of_floor: float
    memory_mb: dict[str, float]


def score_api(seconds: float, workers: int, pose_model: Path, on_progress: OnProgress) -> ApiResult:
    """Seed a stack and put the loads on it, each for so many seconds."""
    with tempfile.TemporaryDirectory(prefix="golf-api-") as folder:
        analysis = analysed_sample(Path(folder) / "sample", pose_model, on_progress)
        config = StackConfig(
            Path(folder), 0, 0, 0, 0, environment={"GOLF_API_WORKERS": str(workers)}, with_dagster=False
        )
        with LocalStack(config) as stack:
            on_progress("storing golfers", 1, 1)
            catalog, store = _parts(stack)
            golfers = store_golfers(catalog, store, analysis, golfers=2 * CLIENTS, swings_each=SWINGS_EACH)
            return _Loads(stack, golfers, seconds, workers, on_progress).run()


class _Loads:
    def __init__(
        self, stack: LocalStack, golfers: tuple[Golfer, ...], seconds: float, workers: int, on_progress: OnProgress
    ) -> None:
        self.stack, self.golfers, self.seconds, self.workers = stack, golfers, seconds, workers
        self.on_progress = on_progress
        self.address = (HOST, stack.api_port)
        self.tokens = {one.user_id: mint_token(stack.folder, one.user_id) for one in golfers}
        self.etags: dict[str, str] = {}
        self.memory: dict[str, float] = {}

    def run(self) -> ApiResult:
        self.result_bytes = self._first_look()
        cold = self._load("results, first reading of each", self._each_result_once, once=True)
        self._load("warm-up", self._results)
        floor = self._floor()
        loads = [cold, floor, self._load("results, closed loop", self._results), self._paced_results()]
        loads.append(self._load("results not changed (304), closed loop", self._unchanged))
        loads.append(self._load("rule-based chat, closed loop", self._chat, once=True))
        loads.append(self._paced_chat())
        loads.append(self._load("results again, closed loop", self._results))
        return ApiResult(
            machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
            workers=self.workers,
            golfers=len(self.golfers),
            stored_results=sum(len(one.analysis_ids) for one in self.golfers),
            result_bytes=self.result_bytes,
            loads=tuple(loads),
            share_of_floor=round(loads[2].per_second / floor.per_second, 2),
            memory_mb=self.memory,
        )

    def _load(self, name: str, requests: Requests, *, once: bool = False) -> LoadResult:
        self.on_progress(name, 1, 1)
        seconds = 600.0 if once else WARM_UP_S if name == "warm-up" else self.seconds
        result = closed_loop(name, self.address, CLIENTS, seconds, requests)
        self.memory[name] = _memory_mb(self.stack)
        return result

    def _paced_results(self) -> LoadResult:
        name = f"results, {PACED_PER_SECOND:.0f} a second"
        return self._at_a_pace(name, PACED_PER_SECOND, self.seconds, self._results)

    def _paced_chat(self) -> LoadResult:
        """Of other golfers: those of the closed loop have used up their hour."""
        name = f"rule-based chat, {CHAT_PER_SECOND:.0f} a second"
        return self._at_a_pace(name, CHAT_PER_SECOND, CHAT_S, lambda number: self._chat(number + CLIENTS))

    def _at_a_pace(self, name: str, per_second: float, seconds: float, requests: Requests) -> LoadResult:
        self.on_progress(name, 1, 1)
        result = paced(name, self.address, CLIENTS, per_second, seconds, requests)
        self.memory[name] = _memory_mb(self.stack)
        return result

    def _floor(self) -> LoadResult:
        self.on_progress("the floor", 1, 1)
        port = claim_port(0, "the floor", "")
        command = [sys.executable, "-m", "golf_pipeline.benchmarks.api_floor", str(port), str(self.result_bytes)]
        server = subprocess.Popen(command)  # noqa: S603 our own module
        try:
            while probes.answers(port, "/") is not None:
                time.sleep(0.05)
            request = Request("GET", "/")
            return closed_loop("floor: a bare route", (HOST, port), CLIENTS, self.seconds, lambda _: cycle([request]))
        finally:
            server.kill()
            server.wait()

    # -- what the clients ask ------------------------------------------------------------------------------------

    def _headers(self, number: int) -> Mapping[str, str]:
        token = self.tokens[self.golfers[number].user_id]
        return {"Authorization": f"Bearer {token}", "X-Forwarded-For": f"10.0.{number // 250}.{number % 250 + 1}"}

    def _paths(self, number: int) -> list[str]:
        return [f"/api/video/results/{one}" for one in self.golfers[number].analysis_ids]

    def _each_result_once(self, number: int) -> Iterator[Request]:
        return iter([Request("GET", path, self._headers(number)) for path in self._paths(number)])

    def _results(self, number: int) -> Iterator[Request]:
        return cycle([Request("GET", path, self._headers(number)) for path in self._paths(number)])

    def _unchanged(self, number: int) -> Iterator[Request]:
        path, headers = self._paths(number)[0], self._headers(number)
        known = self.etags.setdefault(path, self._answer(path, headers)[0])
        return cycle([Request("GET", path, {**headers, "If-None-Match": known}, expected=frozenset({304}))])

    def _chat(self, number: int) -> Iterator[Request]:
        headers = {**self._headers(number), "Content-Type": "application/json"}
        for question in QUESTIONS:
            yield Request("POST", "/api/chat", headers, b'{"message": "%s"}' % question.encode())

    def _first_look(self) -> int:
        return self._answer(self._paths(0)[0], self._headers(0))[1]

    def _answer(self, path: str, headers: Mapping[str, str]) -> tuple[str, int]:
        from golf_pipeline.local.http import request

        answer = request("GET", f"{self.stack.api_url}{path}", headers=headers)
        if not answer.ok:
            raise ValueError(f"{path} was answered with {answer}")
        known = {name.lower(): value for name, value in answer.headers.items()}
        return known["etag"], len(answer.body)


def _parts(stack: LocalStack) -> tuple[Catalog, ObjectStore]:
    os.environ.update({name: value for name, value in stack.environment.items() if name.startswith("AWS_")})
    store = ObjectStore.connect(stack.aws.bucket, stack.aws.endpoint_url, stack.aws.region)
    return Catalog(stack.environment["GOLF_CATALOG_URL"]), store


def _memory_mb(stack: LocalStack) -> float:
    """Resident memory of the API's processes."""
    kilobytes = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getpgid(int(status.parent.name)) == stack.process_group("api"):
                kilobytes += int(status.read_text().split("VmRSS:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return round(kilobytes / 1024, 1)


def print_tables(result: ApiResult, console: Console) -> None:
    """Print the loads, what they ran on, and the memory after each."""
    console.print(
        f"{result.machine}; {result.workers} worker(s); load on the same cores; {result.golfers} golfers, "
        f"{result.stored_results} results of {result.result_bytes / 1000:.0f} kB"
    )
    table = Table()
    for name in ("load", "clients", "requests", "per second", "p50 ms", "p95 ms", "p99 ms", "max ms", "errors", "MB"):
        table.add_column(name, justify="left" if name == "load" else "right")
    for load in result.loads:
        row: tuple[Any, ...] = (load.name, load.clients, load.requests, f"{load.per_second:.0f}")
        times = (load.p50_ms, load.p95_ms, load.p99_ms, load.max_ms)
        errors = ", ".join(f"{count} x {kind}" for kind, count in load.errors.items()) or "0"
        memory = result.memory_mb.get(load.name)
        cells = (*row, *times, errors, "" if memory is None else memory)
        table.add_row(*map(str, cells))
    console.print(table)
    console.print(f"results reach {result.share_of_floor:.0%} of the bare route's requests a second")
