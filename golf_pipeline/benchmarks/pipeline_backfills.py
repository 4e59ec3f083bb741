"""Re-analysis of stored swings: a new version of the metrics for all of them, and a golfer who uploads meanwhile."""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from golf_pipeline.benchmarks.patches.sitecustomize import METRICS_VERSION
from golf_pipeline.benchmarks.pipeline_bare import BareEnd, BarePool, OnProgress
from golf_pipeline.benchmarks.pipeline_clips import Clip, make_uploads
from golf_pipeline.benchmarks.pipeline_dagster import cpu_numbers, run_costs, run_numbers, tick_numbers, ticks_since
from golf_pipeline.benchmarks.pipeline_meter import Accounts
from golf_pipeline.benchmarks.pipeline_numbers import Measurement, Number, at_most, exactly, told
from golf_pipeline.benchmarks.pipeline_projection import prices, project
from golf_pipeline.benchmarks.pipeline_rig import POLL_S, NothingMovesError, Rig
from golf_pipeline.benchmarks.pipeline_stored import Finished, store_copies
from golf_pipeline.storage.backfills import Backfills, BackfillState, Progress

SEEDS, STORED, LIVE = "seed", "stored", "live"
SEED_CLIPS = 4
GOLFERS = 60
S_FOR_1000 = 60.0
LATE_S = 60.0
"""Both limits: the project's brief."""

MILLION = 1_000_000
GIVE_UP_AFTER_S = 20.0
"""A swing of a backfill, on average."""

_BACKFILL_ID = re.compile(r"Backfill (\S+) is on the list")


class BackfillBench:
    """A stack with finished swings; `with` it, then measure."""

    def __init__(self, rig: Rig, clips: Sequence[Clip], pool: BarePool, on_progress: OnProgress) -> None:
        self.rig, self.on_progress = rig, on_progress
        self.ends = pool.ends(clips, on_progress)
        self.clips = [clip for clip in clips if self.ends[clip.name].code is None][:SEED_CLIPS]
        self.stored = 0

    def store(self, count: int) -> None:
        """Let a few clips go through the pipeline and copy what they left until there are `count` finished swings."""
        count = max(1, count - len(self.clips))
        uploads = make_uploads(SEEDS, len(self.clips), self.clips, len(self.clips))
        self.rig.put(uploads, lambda done: self.on_progress("seeds: put", done, len(uploads)))
        self.rig.wait(SEEDS, len(uploads), 600.0, lambda done: self.on_progress("seeds: ended", done, len(uploads)))
        catalog = self.rig.catalog
        seeds = [
            Finished(record, tuple(catalog.stages(record.analysis_id).values()))
            for record in self.rig.records(SEEDS).values()
        ]
        self.stored = count
        store_copies(
            self.rig,
            seeds,
            STORED,
            count,
            min(count, GOLFERS),
            lambda done: self.on_progress("finished swings stored", done, count),
            with_video=True,
        )
        self.rig.wait_for_quiet()

    def remeasure(self) -> Iterator[Measurement]:
        """Bring all stored swings up to a version of the metrics that measures otherwise, then to one that measures as
        that one did: in this order, as what was stored as a copy counts as another output even if it is the same."""
        yield self._remeasured("998", "every number another one")
        yield self._remeasured("999", "the same numbers")

    def _remeasured(self, version: str, numbers: str) -> Measurement:
        """Deploy another version of the metrics and measure all stored swings anew."""
        rig, count = self.rig, self.stored + len(self.clips)
        rig.deploy(**{METRICS_VERSION: version})
        rig.wait_for_quiet()
        before, mark, transactions, began = rig.accounts(), rig.request_mark(), rig.transactions(), time.time()
        backfill_id = self._start("--outdated")
        progress = self._wait(backfill_id)
        accounts = rig.accounts().since(before)
        requests = rig.requests_since(mark)
        statements = {name: n - transactions.get(name, 0) for name, n in rig.transactions().items()}
        record = progress.backfill
        seconds = ((record.ended_at or datetime.now(UTC)) - record.created_at).total_seconds()
        items = Backfills(rig.catalog.engine).items(backfill_id, limit=count)
        remade = Counter(stage for item in items for stage in item.stages or ())
        first = min((item.ended_at for item in items if item.ended_at), default=record.created_at)
        return Measurement(
            name=f"Re-measure: {count:,} stored swings with a new version of the metrics, {numbers}",
            ran_on={
                "swings": f"{count:,} finished ones, copies of {len(self.clips)} that were analysed, "
                f"{min(self.stored, GOLFERS)} golfers",
                "stack": rig.versions(),
                "new version": f"{numbers}; what is made of a stage's output is made anew where that is another one",
            },
            numbers=(
                exactly("made anew", progress.done, count),
                exactly("failed", progress.failed, 0),
                time_taken(seconds, count),
                told("  until the first swing was done", (first - record.created_at).total_seconds(), "s"),
                told("a swing", 1000 * seconds / count, "ms"),
                exactly("videos opened (GETs of uploads)", requests["GET upload"], 0),
                told("stages made anew, by name", ", ".join(f"{name} {n:,}" for name, n in remade.most_common())),
                *_cost(accounts, requests, statements, count),
                *_a_million(seconds / count, {name: n / count for name, n in requests.items()}),
                *tick_numbers(ticks_since(rig, began)),
                *cpu_numbers(accounts.parts, count),
                *run_numbers(run_costs(rig, began), count),
            ),
        )

    def live(self, clip: Clip, alone: BareEnd) -> Measurement:
        """One upload while a backfill that opens every video fills the machine.

        Args:
            alone: the bare analysis of that clip with nothing beside it.
        """
        rig = self.rig
        backfill_id = self._start("--all", "--force")
        self._wait_until_full()
        uploads = make_uploads(LIVE, 1, [clip], 1)
        began = time.time()
        before = Backfills(rig.catalog.engine).progress(backfill_id)
        rig.put(uploads, lambda _: None)
        rig.wait(LIVE, 1, 600.0, lambda done: self.on_progress("live upload", done, 1))
        (record,) = rig.records(LIVE).values()
        after = Backfills(rig.catalog.engine).progress(backfill_id)
        Backfills(rig.catalog.engine).cancel(backfill_id)
        ended = record.completed_at.timestamp() if record.completed_at else time.time()
        took = ended - began
        dispatched = record.dispatched_at.timestamp() - began if record.dispatched_at else 0.0
        started = record.started_at.timestamp() - began if record.started_at else 0.0
        return Measurement(
            name="A live upload during a backfill",
            ran_on={
                "backfill": f"{before.total:,} swings, every stage anew, {before.handed_out} handed out and two runs "
                "at work when the upload came",
                "upload": clip.name,
                "stack": rig.versions(),
            },
            numbers=(
                exactly("ended right", int(record.status == "AI_COMPLETED"), 1),
                told("from the PUT to the end", took, "s"),
                told("its own work: the bare analysis, alone on the machine", alone.seconds, "s"),
                at_most("late by", took - alone.seconds, LATE_S, "s"),
                told("  until it was handed to a run", dispatched, "s"),
                told("  until its run began", started, "s"),
                told("swings of the backfill that ended meanwhile", after.ended - before.ended),
                exactly("failed swings of the backfill", after.failed, 0),
            ),
        )

    # -- steps -------------------------------------------------------------------------------------------------------

    def _start(self, *which: str) -> str:
        """Start a backfill as an operator does; returns its id."""
        command = [sys.executable, "-m", "golf_pipeline.cli", "backfill", "start", *which, "--yes", "--no-follow"]
        done = subprocess.run(  # noqa: S603 our own command
            command, env=dict(self.rig.stack.environment), capture_output=True, text=True, check=False
        )
        found = _BACKFILL_ID.search(done.stdout)
        if found is None:
            raise NothingMovesError(f"no backfill was started: {done.stdout}{done.stderr}")
        return found[1]

    def _wait(self, backfill_id: str) -> Progress:
        backfills = Backfills(self.rig.catalog.engine)
        deadline = time.monotonic() + 120 + GIVE_UP_AFTER_S * self.stored
        while True:
            self.rig.stack.check()
            progress = backfills.progress(backfill_id)
            self.on_progress("measured anew", progress.ended, progress.total)
            if progress.backfill.state == BackfillState.FINISHED:
                return progress
            if time.monotonic() > deadline:
                raise NothingMovesError(f"backfill {backfill_id}: {progress.ended} of {progress.total} ended")
            time.sleep(POLL_S)

    def _wait_until_full(self) -> None:
        """Until as many runs of the backfill are at work as may be, each well into a swing."""
        from dagster import DagsterRunStatus, RunsFilter

        at_work = RunsFilter(job_name="reanalysis_job", statuses=[DagsterRunStatus.STARTED])
        deadline = time.monotonic() + 300.0
        while self.rig.dagster.get_runs_count(at_work) < 2:
            self.rig.stack.check()
            if time.monotonic() > deadline:
                raise NothingMovesError("the backfill did not fill the machine")
            time.sleep(POLL_S)
        time.sleep(10.0)


def time_taken(seconds: float, count: int) -> Number:
    """The time of a re-measurement; of fewer than a thousand swings it is mostly the start of two runs, so the target,
    which is one of a thousand, does not judge it."""
    what = "from the backfill's start to its end"
    return at_most(what, seconds, S_FOR_1000 * count / 1000, "s") if count >= 1000 else told(what, seconds, "s")


def _cost(accounts: Accounts, requests: Counter[str], statements: dict[str, int], count: int) -> list[Number]:
    listed = ", ".join(f"{name} {n / count:.1f}" for name, n in requests.most_common())
    return [
        told("CPU a swing, all parts", 1000 * sum(accounts.parts.values()) / count, "ms"),
        told("cores that others on the machine took meanwhile", accounts.share_of_others, "of all", 2),
        told("requests to S3 and SQS a swing", sum(requests.values()) / count),
        told("  by kind", listed),
        told("transactions a swing: catalog", statements.get("golf", 0) / count),
        told("transactions a swing: Dagster", statements.get("dagster", 0) / count),
    ]


def _a_million(seconds_each: float, requests_each: dict[str, float]) -> list[Number]:
    at = prices()
    costs = project(MILLION, seconds_each, requests_each, at)
    return [
        told(f"a million on one {at.machine}", costs.hours, "h"),
        told(f"  the machine at {at.machine_usd_per_hour} USD/h ({at.as_of})", costs.machine_usd, "USD", 2),
        told(f"  requests to S3 and SQS ({at.as_of})", costs.requests_usd, "USD", 2),
        told("  together", costs.usd, "USD", 2),
    ]
