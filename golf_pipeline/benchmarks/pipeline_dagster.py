"""What Dagster's own storage tells of a time span: how long sensors ticked, which runs there were, what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from golf_pipeline.benchmarks.pipeline_meter import cpu_at
from golf_pipeline.benchmarks.pipeline_numbers import Number, at_most, told
from golf_pipeline.benchmarks.pipeline_rig import Rig

LONGEST_TICK_S = 60.0
"""Dagster gives a tick up after it (DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS)."""


@dataclass(frozen=True)
class Ticks:
    """The ticks of one sensor: how many, the longest in seconds (with the submission of its runs), how many failed."""

    count: int
    longest_s: float
    failed: int


def ticks_since(rig: Rig, moment: float) -> dict[str, Ticks]:
    """The ticks of each sensor since a Unix time."""
    from dagster._core.scheduler.instigation import InstigatorType, TickStatus

    found = {}
    for state in rig.dagster.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        ticks = rig.dagster.get_ticks(state.instigator_origin_id, state.selector_id, after=moment)
        lengths = [tick.end_timestamp - tick.timestamp for tick in ticks if tick.end_timestamp]
        failed = sum(tick.status == TickStatus.FAILURE for tick in ticks)
        if lengths:
            found[state.name] = Ticks(len(lengths), max(lengths), failed)
    return found


def tick_numbers(ticks: Mapping[str, Ticks]) -> list[Number]:
    """The longest tick of all, whose it was, and failed ones."""
    name = max(ticks, key=lambda one: ticks[one].longest_s, default="none")
    longest = ticks[name].longest_s if name in ticks else 0.0
    counted = sum(one.count for one in ticks.values())
    return [
        at_most(f"longest sensor tick, of {counted} ({name})", longest, LONGEST_TICK_S, "s"),
        at_most("failed sensor ticks", sum(one.failed for one in ticks.values()), 0),
    ]


@dataclass(frozen=True)
class RunCosts:
    """The runs of one job: how many, their CPU seconds in all, and those until the first step began."""

    runs: int
    cpu_s: float
    launch_cpu_s: float


def run_costs(rig: Rig, moment: float) -> dict[str, RunCosts]:
    """What the runs of each job that were created since a Unix time cost, from samples of their processes."""
    from datetime import UTC, datetime

    from dagster import RunsFilter

    since = RunsFilter(created_after=datetime.fromtimestamp(moment, UTC))
    costs: dict[str, RunCosts] = {}
    for record in rig.dagster.get_run_records(since):
        job = record.dagster_run.job_name
        cpu_s, launch_s = _cost_of(rig, record.dagster_run.run_id)
        known = costs.get(job, RunCosts(0, 0.0, 0.0))
        costs[job] = RunCosts(known.runs + 1, known.cpu_s + cpu_s, known.launch_cpu_s + launch_s)
    return costs


def run_numbers(costs: Mapping[str, RunCosts], swings: int) -> list[Number]:
    """Runs by job, and what launching them and their work cost a swing."""
    told_of = []
    for job, cost in sorted(costs.items()):
        told_of += [
            told(f"runs of {job}", cost.runs),
            told(
                f"  their launches, CPU a swing (about {cost.launch_cpu_s / cost.runs:.1f} s a run)",
                cost.launch_cpu_s / swings,
                "s",
                3,
            ),
            told("  their work, CPU a swing", (cost.cpu_s - cost.launch_cpu_s) / swings, "s", 3),
        ]
    return told_of


def cpu_numbers(parts: Mapping[str, float], swings: int) -> list[Number]:
    """CPU of each part of the stack a swing, the dearest first."""
    ordered = sorted(parts.items(), key=lambda one: -one[1])
    return [told(f"CPU a swing: {name}", seconds / swings, "s", 3) for name, seconds in ordered]


def _cost_of(rig: Rig, run_id: str) -> tuple[float, float]:
    from dagster import DagsterEventType

    kinds = {DagsterEventType.ENGINE_EVENT, DagsterEventType.STEP_START}
    process_id, first_step = None, None
    for record in rig.dagster.get_records_for_run(run_id, of_type=kinds, limit=20).records:
        entry = record.event_log_entry
        message = entry.dagster_event.message or "" if entry.dagster_event else ""
        if "Started process for run (pid: " in message:
            process_id = int(message.rpartition("pid: ")[2].rstrip(")."))
        elif entry.dagster_event and entry.dagster_event.event_type == DagsterEventType.STEP_START:
            first_step = first_step or entry.timestamp
    samples: Sequence[tuple[float, float]] = rig.sampler.seen.get(process_id or 0, [])
    if not samples:
        return 0.0, 0.0
    launch_s = cpu_at(list(samples), first_step) if first_step else samples[-1][1]
    return samples[-1][1], launch_s
