"""What the pipeline is worth as a machine: bursts, copies, re-measurement, and a golfer who comes in between.

Each measurement has a stack of its own with everything that a deployment has, on PostgreSQL, and runs on the cores that
it is measured on, load and embedded AWS included. Targets stand beside the numbers. Other work on the machine is told
as the share of the cores that it took; what was measured in CPU seconds does not depend on it.
"""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from golf_pipeline.benchmarks.pipeline_backfills import BackfillBench
from golf_pipeline.benchmarks.pipeline_bare import BarePool, OnProgress, analyse_bare
from golf_pipeline.benchmarks.pipeline_burst import measure_burst
from golf_pipeline.benchmarks.pipeline_clips import Clip, find_clips
from golf_pipeline.benchmarks.pipeline_copies import measure_copies
from golf_pipeline.benchmarks.pipeline_numbers import Measurement, PipelineResult
from golf_pipeline.benchmarks.pipeline_rig import Rig

LEAST_IN_BACKFILL = 100
"""Stored swings behind the live upload where nothing is measured anew: enough for runs to be handed out ahead."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and at which size; 0 leaves a measurement out."""

    burst: int = 0
    copies: int = 0
    remeasure: int = 0
    live: bool = False

    def __bool__(self) -> bool:
        return bool(self.burst or self.copies or self.remeasure or self.live)


REDUCED = Plan(burst=24, copies=120, remeasure=100, live=True)
"""A quarter of an hour on two cores."""

FULL = Plan(burst=300, copies=10_000, remeasure=1000, live=True)


def score_pipeline(
    plan: Plan,
    videos: Path | None,
    pose_model: Path,
    on_progress: OnProgress,
    on_measured: Callable[[PipelineResult], None] = lambda _: None,
) -> PipelineResult:
    """Measure what the plan says.

    Args:
        videos: a folder of real clips; None: the samples of the package only.
        on_measured: is told all that is known after each measurement: the next one may take hours.

    Raises:
        ValueError: the folder holds no video.
        StackError, NothingMovesError: the stack did not start, ended or stood still.
    """
    clips = find_clips(videos)
    result = PipelineResult(machine=_machine(), measurements=())
    with BarePool(pose_model) as pool:
        for measurement in _measurements(plan, clips, pool, pose_model, on_progress):
            result = result.model_copy(update={"measurements": (*result.measurements, measurement)})
            on_measured(result)
    return result


def _measurements(
    plan: Plan, clips: Sequence[Clip], pool: BarePool, pose_model: Path, on_progress: OnProgress
) -> Iterator[Measurement]:
    if plan.burst:
        yield measure_burst(clips, plan.burst, pool, on_progress)
    if plan.copies:
        yield measure_copies(clips, plan.copies, pool, on_progress)
    if not (plan.remeasure or plan.live):
        return
    for _ in ("cold", "warm"):
        alone = analyse_bare(clips[0].path, pose_model)
    with Rig() as rig:
        bench = BackfillBench(rig, clips, pool, on_progress)
        bench.store(plan.remeasure or LEAST_IN_BACKFILL)
        if plan.remeasure:
            yield from bench.remeasure()
        if plan.live:
            yield bench.live(clips[0], alone)


def _machine() -> dict[str, str]:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return {
        "cores": str(os.cpu_count()),
        "machine": platform.machine(),
        "Python": platform.python_version(),
        "load before (1, 5, 15 minutes)": load,
    }
