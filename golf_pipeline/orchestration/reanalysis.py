"""Re-analysis: the swings of backfills go through the stages again, quietly and after everything that is live.

A job of one op and not of the assets: each swing needs other stages, the swings of a chunk need not stand next to each
other among the partitions, and Dagster plans no event for each swing and asset beforehand, which costs more than a
stage that is measured anew. What is made is materialised all the same, so the assets' pages show it.

Swing after swing, each to its end: a chunk that is cut off loses one swing's work. Between two swings the op looks
whether its backfill was paused or canceled, and whether a golfer waits for a live upload; then it gives the rest back.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.events import DagsterEvent
from sqlalchemy import Connection

from golf_pipeline.orchestration import recovery
from golf_pipeline.orchestration.assets import SWING_STAGES
from golf_pipeline.orchestration.lease import Lease
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.stages import UPLOAD, bring_through
from golf_pipeline.orchestration.swing import SupersededError, Swing
from golf_pipeline.orchestration.swing_assets import as_swing_error, materialisation, materialisation_events
from golf_pipeline.orchestration.versions import STAGE_VERSIONS
from golf_pipeline.orchestration.workspace import Workspace
from golf_pipeline.storage.backfills import Backfills, BackfillState, HandedOut, ItemState
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.result import RESULT_STAGE
from golf_pipeline.swing.errors import SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog

LANE = "reanalysis"
OF_THE_VIDEO = frozenset(stage.name for stage in SWING_STAGES if UPLOAD in stage.inputs)
"""Stages that open the video: seconds a swing, where the others take a tenth of one."""

TRIES_IN_A_RUN = 2
RETRY_AFTER_S = 2.0
ASKED_EVERY_S = 0.25
"""Whether it may go on, by a run whose swings take a tenth of a second each."""

SWINGS_AT_ONCE = 50
"""Swings that are looked up together, and whose materialisations are stored together, where Dagster's storage can
(`DAGSTER_EVENT_BATCH_SIZE`)."""


class Item(dg.Config):
    backfill_id: str
    analysis_id: str
    tries: int = 0
    force: bool = False

    def handed_out(self) -> HandedOut:
        return HandedOut(self.backfill_id, self.analysis_id, self.tries, self.force)


class Chunk(dg.Config):
    """The swings of one run, as they were handed out."""

    items: list[Item]


@dg.op(description="Brings finished swings through the stages that changed; the old result stands until the new does.")
def reanalyze_swings(context: dg.OpExecutionContext, config: Chunk, swing_store: SwingStore) -> Iterator[Any]:
    backfills = Backfills(swing_store.catalog.engine)
    work = _Work(context, swing_store.workspace, backfills)
    items = [item.handed_out() for item in config.items]
    backfills.renew_leases(items)
    lease = Lease(lambda: backfills.renew_leases(items))
    try:
        for place, item in enumerate(items):
            if not work.may_go_on(item):
                work.give_back(items[place:])
                break
            if place % SWINGS_AT_ONCE == 0:
                yield from work.told()
                work.look_up(items[place : place + SWINGS_AT_ONCE])
            work.reanalyze(item, *items[place + 1 : place + 2])
    finally:
        lease.close()
    yield from work.told()
    backfills.finish_ended({item.backfill_id for item in items})
    yield dg.Output(None, metadata=dict(work.counts))


_QUIET_CONSOLE = {"console": {"config": {"log_level": "WARNING"}}}
"""What a run prints is kept as well as its events, and of five events a swing one copy is enough."""


@dg.job(
    description="Analyses the swings of backfills again: golf-pipeline backfill puts them on the list.",
    executor_def=dg.in_process_executor,
    tags={
        "golf/lane": LANE,
        "dagster/priority": "-1",  # golfers wait for live uploads
        "dagster-celery/run_priority": "9",  # at a broker the lower number goes first, and other runs have 0
        "dagster/max_retries": "0",  # what a dead run carried is handed out anew
    },
)
def reanalysis_job() -> None:
    reanalyze_swings()


class _Work:
    """One run's work on the items of a chunk."""

    def __init__(self, context: dg.OpExecutionContext, workspace: Workspace, backfills: Backfills) -> None:
        self._context, self._workspace, self._backfills = context, workspace, backfills
        self._made: dict[str, list[dg.AssetMaterialization]] = {}
        self._asked: tuple[str, float] = ("", 0.0)
        self._records: dict[str, AnalysisRecord] = {}
        self._read_lately: list[tuple[str, str]] = []
        """Files that the last swing read: the next ones of the same backfill read the same."""
        self.counts: dict[str, int] = dict.fromkeys((state.value for state in ItemState if state.ended), 0)

    def may_go_on(self, item: HandedOut) -> bool:
        """Whether the backfill still runs and nobody waits for a live upload, as it was a moment ago."""
        backfill_id, asked_at = self._asked
        if backfill_id == item.backfill_id and time.monotonic() - asked_at < ASKED_EVERY_S:
            return True
        self._asked = (item.backfill_id, time.monotonic())
        running = self._backfills.state_of(item.backfill_id) == BackfillState.RUNNING
        return running and not self._workspace.catalog.live_waiting()

    def give_back(self, items: Sequence[HandedOut]) -> None:
        self._backfills.give_back(items, counted=False)
        self.counts["given_back"] = self.counts.get("given_back", 0) + len(items)

    def look_up(self, items: Sequence[HandedOut]) -> None:
        """Know what there is to know of the swings that come next."""
        self._records = self._workspace.look_up([item.analysis_id for item in items])

    def reanalyze(self, item: HandedOut, following: HandedOut | None = None) -> None:
        """Bring one swing through all stages, and end the item whatever happens; what the following one will want is
        read meanwhile, as far as this one's predecessor shows."""
        record = self._records.get(item.analysis_id)
        if record is None or record.deleted_at is not None:
            self._end(item, ItemState.CANCELED, 0.0, None)
            return
        if not record.status.ended:  # since it was handed out: that run has it
            self.give_back([item])
            return
        started = time.perf_counter()
        for tries_left in reversed(range(TRIES_IN_A_RUN)):
            swing = self._workspace.swing(record.partition_key)
            swing.quiet = record.status == Status.AI_COMPLETED
            self._read_ahead(following)
            try:
                self._bring_through(swing, item, started)
            except SupersededError as superseded:
                self._context.log.info(str(superseded))
                self._end(item, ItemState.CANCELED, time.perf_counter() - started, None)
            except Exception as cause:
                error = as_swing_error(cause)
                if error.retryable and tries_left:
                    self._context.log.warning(f"{item.analysis_id} is tried again: {error}")
                    self._workspace.forget(record.partition_key)
                    time.sleep(RETRY_AFTER_S)
                    continue
                if not isinstance(cause, SwingError):
                    self._context.log.exception(f"{item.analysis_id}: {cause!r}")
                self._workspace.lose(record.partition_key, error)
                self._end(item, ItemState.FAILED, time.perf_counter() - started, error)
            break
        self._read_lately = swing.read
        self._workspace.forget(record.partition_key)

    def _read_ahead(self, item: HandedOut | None) -> None:
        record = None if item is None else self._records.get(item.analysis_id)
        swing = None if record is None else self._workspace.known(record.partition_key)
        if swing is not None:
            swing.read_ahead(self._read_lately)
            self._read_lately = []

    def _bring_through(self, swing: Swing, item: HandedOut, started: float) -> None:
        old = swing.stages.get(RESULT_STAGE)
        swing.noted_with_the_swap = partial(self._end_in, item, swing, None if old is None else old.key, started)
        outcomes = {}
        for stage in SWING_STAGES:
            outcomes[stage] = bring_through(swing, stage, force=item.force)
        if not swing.quiet:
            self._end_in(item, swing, None, started, None)
        for stage, outcome in outcomes.items():
            if outcome.how != "unchanged":
                self._made.setdefault(stage.asset, []).append(materialisation(swing, stage, outcome))

    def _end_in(
        self,
        item: HandedOut,
        swing: Swing,
        old_key: str | None,
        started: float,
        connection: Connection | None,
    ) -> None:
        """End an item whose swing came through, in the transaction that swaps its results."""
        state = ItemState.DONE if swing.made else ItemState.UNCHANGED
        coaching = swing.stages["coaching"].facts if "coaching" in swing.made else {}
        paid = 0.0 if coaching.get("reused") else float(coaching.get("cost_usd", 0.0))
        self._backfills.finish_item(
            item.backfill_id,
            item.analysis_id,
            state,
            seconds=round(time.perf_counter() - started, 3),
            usd=paid,
            stages=swing.made,
            old_result_key=old_key,
            new_result_key=swing.stored(RESULT_STAGE).key,
            connection=connection,
        )
        self.counts[state.value] += 1

    def _end(self, item: HandedOut, state: ItemState, seconds: float, error: SwingError | None) -> None:
        self._backfills.finish_item(
            item.backfill_id,
            item.analysis_id,
            state,
            seconds=round(seconds, 3),
            error_code=None if error is None else error.code,
            error_message=None if error is None else error.message,
        )
        self.counts[state.value] += 1

    def told(self) -> Iterator[DagsterEvent]:
        """The materialisations since the last time, those of an asset in one batch."""
        made, self._made = self._made, {}
        for of_asset in made.values():
            yield from materialisation_events(self._context, of_asset)


@dataclass(frozen=True)
class ReanalysisLoad:
    """How much is handed out: runs in the queue and at work, and swings in one, with and without opening their videos.

    It is runs that are counted: were it swings, each that ends would be made up for by a run of its own, and a run
    costs its process five seconds.
    """

    runs: int
    with_video: int
    without_video: int


def hand_out(catalog: "Catalog", backfills: Backfills, load: ReanalysisLoad, runs: int) -> list[dg.RunRequest]:
    """Claim the next swings of the running backfills and return the runs that carry them; none while golfers wait.

    Args:
        runs: how many are in the queue and at work already.
    """
    requests: list[dg.RunRequest] = []
    if catalog.live_waiting():
        return requests
    while runs + len(requests) < load.runs:
        chunks = _next_chunks(catalog, backfills, load)
        if not chunks:
            break
        requests += [_request(chunk) for chunk in chunks]
    return requests


def runs_under_way(instance: dg.DagsterInstance) -> int:
    """Runs of backfills, in the queue and at work."""
    return instance.get_runs_count(dg.RunsFilter(job_name=reanalysis_job.name, statuses=list(recovery.LIVE)))


def _next_chunks(catalog: "Catalog", backfills: Backfills, load: ReanalysisLoad) -> list[list[HandedOut]]:
    """Claim as much as one run carries: one chunk of each kind, and those that run alone."""
    items = backfills.next_items(load.with_video)
    stored = catalog.stage_versions([item.analysis_id for item in items])
    if items and not any(_opens_the_video(item, stored) for item in items):
        more = backfills.next_items(load.without_video - len(items))
        stored |= catalog.stage_versions([item.analysis_id for item in more])
        items = [*items, *more]
    alone = [[item] for item in items if item.tries]
    long = [item for item in items if not item.tries and _opens_the_video(item, stored)]
    short = [item for item in items if not item.tries and not _opens_the_video(item, stored)]
    backfills.give_back(long[load.with_video :], counted=False)
    return [chunk for chunk in (short, long[: load.with_video]) if chunk] + alone


def _opens_the_video(item: HandedOut, stored: dict[str, dict[str, str]]) -> bool:
    versions = stored.get(item.analysis_id, {})
    return item.force or any(versions.get(stage) != STAGE_VERSIONS[stage] for stage in OF_THE_VIDEO)


def _request(chunk: Sequence[HandedOut]) -> dg.RunRequest:
    items = [
        Item(backfill_id=item.backfill_id, analysis_id=item.analysis_id, tries=item.tries, force=item.force)
        for item in chunk
    ]
    return dg.RunRequest(
        run_key=uuid.uuid4().hex,  # an item is claimed once, so no two runs can be meant for the same
        job_name=reanalysis_job.name,
        run_config=dg.RunConfig(ops={reanalyze_swings.name: Chunk(items=items)}, loggers=_QUIET_CONSOLE),
        tags={"golf/swings": str(len(chunk))},
    )


def items_of_run(run: dg.DagsterRun) -> list[HandedOut]:
    """The items that a run carries, by its configuration."""
    ops: Any = run.run_config.get("ops", {})
    config = ops.get(reanalyze_swings.name, {}).get("config", {})
    return [Item(**item).handed_out() for item in config.get("items", [])]


def give_back_lost(instance: dg.DagsterInstance, backfills: Backfills, now: datetime) -> int:
    """Give back items whose lease is over, unless a run that has not begun, or just has, carries them; how many."""
    due = backfills.handed_out_before(now - recovery.LEASE)
    if not due:
        return 0
    waiting, begun = _carried(instance, recovery.NOT_BEGUN), _carried(instance, recovery.BEGUN)
    waiting |= {item: run for item, run in begun.items() if recovery.begun_since(run, now - recovery.LEASE)}
    lost = [item for item in due if (item.backfill_id, item.analysis_id) not in waiting]
    backfills.give_back(lost, counted=True)
    dead = [begun.get((item.backfill_id, item.analysis_id)) for item in lost]
    for run in {one.dagster_run.run_id: one.dagster_run for one in dead if one is not None}.values():
        recovery.end_dead_run(instance, run)
    return len(lost)


def _carried(
    instance: dg.DagsterInstance, statuses: Sequence[dg.DagsterRunStatus]
) -> dict[tuple[str, str], dg.RunRecord]:
    runs = instance.get_run_records(dg.RunsFilter(job_name=reanalysis_job.name, statuses=list(statuses)))
    return {(item.backfill_id, item.analysis_id): run for run in runs for item in items_of_run(run.dagster_run)}
