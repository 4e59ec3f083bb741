"""The progress bar of a backfill: it only reads, so that whoever looks on may leave and come back."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from golf_pipeline.backfill_words import pace
from golf_pipeline.storage import backfill_records
from golf_pipeline.storage.backfill_readings import BackfillReadings
from golf_pipeline.storage.backfill_records import BackfillState

POLL_S = 1.0
"""Seconds between two looks, more where looking is slow: at most a twentieth of the database's time is taken."""

_LOOKING_SHARE = 20

IDLE_S = 60.0
"""Seconds without anything being handed out after which that is said."""

IDLE = (
    "Nothing was handed out for a minute. Does the Dagster daemon run, and is the sensor top_up_reanalysis on? "
    "Live uploads go first. The backfill stays on the list."
)


def follow(
    work: BackfillReadings,
    backfill_id: str,
    console: Console,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> backfill_records.Progress:
    """Show how far a backfill is until it has ended; returns how it stands then.

    Args:
        console: where the bar is drawn.
        sleep, clock: time as it passes, in seconds.

    Raises:
        LookupError: there is no such backfill.
    """
    bar = Progress(
        TextColumn("{task.fields[state]:<8}"),
        BarColumn(),
        TextColumn("{task.completed:>,.0f}/{task.total:,.0f}"),
        TextColumn("{task.fields[words]}"),
        console=console,
    )
    asked_at = clock()
    progress = work.progress(backfill_id)
    moved_at = clock()
    is_told = False
    with bar:
        task = bar.add_task("", total=progress.total, state="", words="")
        while True:
            _show(bar, task, progress)
            if _has_ended(progress):
                return progress
            sleep(max(POLL_S, _LOOKING_SHARE * (clock() - asked_at)))
            before, asked_at = progress, clock()
            progress = work.progress(backfill_id)
            if _moves(before, progress):
                moved_at, is_told = clock(), False
            elif not is_told and clock() - moved_at >= IDLE_S:
                bar.console.print(IDLE, soft_wrap=True)
                is_told = True


def _show(bar: Progress, task: TaskID, progress: backfill_records.Progress) -> None:
    words = [pace(progress)] if progress.backfill.state == BackfillState.RUNNING else []
    words += [f"{progress.unchanged:,} unchanged"] if progress.unchanged else []
    words += [f"{progress.failed:,} failed"] if progress.failed else []
    bar.update(
        task,
        completed=progress.ended,
        total=progress.total,
        state=progress.backfill.state.lower(),
        words=", ".join(filter(None, words)),
    )


def _has_ended(progress: backfill_records.Progress) -> bool:
    state = progress.backfill.state
    return state == BackfillState.FINISHED or (state == BackfillState.CANCELED and not progress.handed_out)


def _moves(before: backfill_records.Progress, now: backfill_records.Progress) -> bool:
    """Whether there is no reason to say that nothing happens: something is in work, has ended, or it is paused."""
    return bool(now.handed_out) or now.ended != before.ended or now.backfill.state != BackfillState.RUNNING
