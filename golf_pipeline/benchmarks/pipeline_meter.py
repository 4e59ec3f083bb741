"""What the parts of a stack cost: CPU seconds, memory, and what the rest of the machine took meanwhile.

CPU is read from the kernel's own accounts, where a process's account takes over those of its children that have ended:
so nothing is missed, however short a run lived. How the CPU of runs splits by job and into launch and work is sampled.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]

from golf_pipeline.local.stack import CODE_SERVER

RUNS = "runs"
SAMPLE_S = 0.25


@dataclass(frozen=True)
class Accounts:
    """CPU seconds so far: of each part, of the machine, and what others than this benchmark had of it."""

    at: float
    parts: Mapping[str, float]
    others: float

    def since(self, earlier: "Accounts") -> "Accounts":
        parts = {name: seconds - earlier.parts.get(name, 0.0) for name, seconds in self.parts.items()}
        return Accounts(self.at - earlier.at, parts, self.others - earlier.others)

    @property
    def share_of_others(self) -> float:
        """Of the machine's cores, between two readings (`since`)."""
        return self.others / (self.at * (psutil.cpu_count() or 1)) if self.at else 0.0


def read_accounts(parts: Mapping[str, int]) -> Accounts:
    """Read the accounts of parts by the ids of their first processes; runs are told apart from their code server."""
    spent: dict[str, float] = {}
    for name, process_id in parts.items():
        own, children = _tree_cpu_s(process_id)
        if name == CODE_SERVER:
            spent |= {name: own, RUNS: children}
        else:
            spent[name] = own + children
    machine = psutil.cpu_times()
    busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "guest", 0.0)
    return Accounts(time.time(), spent, busy - sum(_tree_cpu_s(psutil.Process().pid)))


def memory_mb(parts: Mapping[str, int]) -> dict[str, float]:
    """Resident memory of the parts' own processes, without runs; of the API with its workers."""
    found = {}
    for name, process_id in parts.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            head = psutil.Process(process_id)
            together = [head] if name == CODE_SERVER else [head, *head.children(recursive=True)]
            found[name] = round(sum(one.memory_info().rss for one in together) / 2**20, 1)
    return found


class RunSampler:
    """Looks at the processes of runs a few times a second: what each had spent when."""

    def __init__(self, code_server_id: Callable[[], int]) -> None:
        """Args: code_server_id: whose children the runs are; asked each time, as it may be started again."""
        self._code_server_id = code_server_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.seen: dict[int, list[tuple[float, float]]] = {}
        """Process id -> (Unix time, CPU seconds), in order."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            with contextlib.suppress(psutil.NoSuchProcess, StopIteration):
                for child in psutil.Process(self._code_server_id()).children():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        times = child.cpu_times()
                        self.seen.setdefault(child.pid, []).append((time.time(), times.user + times.system))


def cpu_at(samples: list[tuple[float, float]], moment: float) -> float:
    """CPU seconds at a moment, between two samples in proportion; before the first and after the last as those."""
    earlier = samples[0]
    for sample in samples:
        if sample[0] >= moment:
            span = sample[0] - earlier[0]
            share = (moment - earlier[0]) / span if span > 0 else 1.0
            return earlier[1] + max(0.0, share) * (sample[1] - earlier[1])
        earlier = sample
    return earlier[1]


def _tree_cpu_s(process_id: int) -> tuple[float, float]:
    """CPU seconds of a process itself, and of all its descendants, those that have ended included."""
    with contextlib.suppress(psutil.NoSuchProcess):
        head = psutil.Process(process_id)
        times = head.cpu_times()
        below = times.children_user + times.children_system
        for child in head.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                one = child.cpu_times()
                below += one.user + one.system + one.children_user + one.children_system
        return times.user + times.system, below
    return 0.0, 0.0
