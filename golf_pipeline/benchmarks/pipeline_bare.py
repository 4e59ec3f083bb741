"""The bare analysis: the same clips through `analyze_swing` and the coach in as many processes as there are cores.

It is what the pipeline is compared with, and what says beforehand how each upload must end. Nothing is stored, asked or
queued here: one process a core takes one clip after the other, warm, and writes the same files as the pipeline does.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from golf_pipeline.benchmarks.pipeline_clips import Clip
from golf_pipeline.swing.documents import SwingAnalysis

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BareEnd:
    """How a clip ends: refused with a code, or with numbers; and what that took, wall and CPU seconds."""

    code: str | None
    numbers: dict[str, Any] | None
    seconds: float
    cpu_s: float


@dataclass(frozen=True)
class BarePass:
    """Some clips through the pool: how many, how long in all, and the CPU seconds that they took."""

    clips: int
    seconds: float
    cpu_s: float

    def __add__(self, other: "BarePass") -> "BarePass":
        return BarePass(self.clips + other.clips, self.seconds + other.seconds, self.cpu_s + other.cpu_s)

    @property
    def per_minute(self) -> float:
        return 60 * self.clips / self.seconds if self.seconds else 0.0

    @property
    def cpu_s_each(self) -> float:
        return self.cpu_s / self.clips if self.clips else 0.0


class BarePool:
    """Processes that stay warm between passes."""

    def __init__(self, pose_model: Path, processes: int | None = None) -> None:
        # Spawned: MediaPipe's threads do not survive a fork.
        self.processes = processes or os.cpu_count() or 1
        self._pool = ProcessPoolExecutor(self.processes, multiprocessing.get_context("spawn"))
        self._analyse = partial(analyse_bare, pose_model=pose_model)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ends(self, clips: Iterable[Clip], on_progress: OnProgress) -> dict[str, BareEnd]:
        """How each clip ends, by its name."""
        wanted = {clip.name: clip.path for clip in clips}
        found = {}
        for number, (name, end) in enumerate(
            zip(wanted, self._pool.map(self._analyse, wanted.values()), strict=True), start=1
        ):
            found[name] = end
            on_progress("bare, once each", number, len(wanted))
        return found

    def timed(self, clips: Sequence[Clip], on_progress: OnProgress, name: str) -> BarePass:
        """Take clips through as fast as the cores can."""
        cpu_s = 0.0
        began = time.perf_counter()
        for number, end in enumerate(self._pool.map(self._analyse, [clip.path for clip in clips]), start=1):
            cpu_s += end.cpu_s
            on_progress(name, number, len(clips))
        return BarePass(len(clips), time.perf_counter() - began, cpu_s)


def analyse_bare(path: Path, pose_model: Path) -> BareEnd:
    """One clip through the whole analysis and the coach, with every file written."""
    from golf_pipeline.coach.coach import coach_swing
    from golf_pipeline.swing.analysis import analyze_swing

    began, cpu_began = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="golf-bare-") as out:
        analysis = analyze_swing(path, Path(out), pose_model=pose_model)
        if analysis.refusal is None:
            coach_swing(analysis)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    if analysis.refusal is not None:
        return BareEnd(analysis.refusal.code, None, seconds, cpu_s)
    return BareEnd(None, numbers(analysis), seconds, cpu_s)


def numbers(analysis: SwingAnalysis) -> dict[str, Any]:
    """What two analyses of the same film must agree on."""
    return analysis.model_dump(mode="json", include={"events", "metrics", "findings"})
