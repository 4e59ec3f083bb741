"""What `golf-pipeline backfill` prints: a plan, a selection and a backfill's course, as an operator reads them."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from golf_pipeline.settings import Settings
from golf_pipeline.storage.backfill_plan import Plan, Range
from golf_pipeline.storage.backfills import BackfillItem, BackfillRecord, BackfillState, Progress, Selection

_UNITS = ((86_400, "days", 1.5), (3_600, "h", 1.5), (60, "min", 1.5), (1, "s", 0.0))
"""Seconds, name, and from how many of them on a unit is used."""


def duration(seconds: float) -> str:
    """A time as one says it: "45 s", "12 min", "3.4 h", "2.1 days"."""
    for unit, name, least in _UNITS:
        if seconds >= unit * least:
            value = seconds / unit
            return f"{value:.1f} {name}" if unit >= 3_600 and value < 10 else f"{value:,.0f} {name}"
    return "0 s"


def described(selection: Selection) -> str:
    """A selection in words."""
    words = []
    if selection.analysis_id is not None:
        words.append(f"swing {selection.analysis_id}")
    if selection.user_id is not None:
        words.append(f"golfer {selection.user_id}")
    if selection.since is not None:
        words.append(f"uploaded from {selection.since:%Y-%m-%d %H:%M}")
    if selection.until is not None:
        words.append(f"uploaded before {selection.until:%Y-%m-%d %H:%M}")
    if selection.failed_only:
        words.append("failed")
    if selection.older_than:
        words.append(
            "older than " + " or ".join(f"{stage} {version}" for stage, version in selection.older_than.items())
        )
    if selection.outdated:
        words.append("with an output of another version than the present one")
    said = ", ".join(words) or "all swings"
    if selection.permanent:
        said += "; failures of the video itself too"
    return said + ("; every stage anew" if selection.force else "")


def plan_table(plan: Plan) -> Table:
    """One row a stage that would be made anew."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("stage")
    table.add_column("made anew, swings", justify="right")
    table.add_column("seconds each", justify="right")
    for stage in plan.stages:
        each = "not known" if stage.seconds_each is None else f"{stage.seconds_each:.2f}"
        table.add_row(stage.name.replace("_", " "), _range(stage.anew), each)
    return table


def plan_lines(plan: Plan, at_once: int, settings: Settings, spent_today: float) -> Iterator[str]:
    """What follows from a plan: videos, time, and money with what a day's budget means for it.

    Args:
        at_once: swings that are worked on side by side.
        spent_today: USD that coaching has cost today.
    """
    if not plan.stages:
        yield "Every stage is up to date: the swings would be looked at and left as they are."
        return
    yield (
        "At least what is of another version is made anew, at most all that reads it as well: "
        "an output that comes out the same has no consequences."
    )
    if plan.opening_video.most:
        yield f"The video is opened of {_range(plan.opening_video)} swings."
    else:
        yield "No video is opened."
    if plan.without_video:
        yield f"Of {plan.without_video:,} of these it was removed: where it is needed, they fail and keep their result."
    time = _spoken(Range(plan.work_s.least / at_once, plan.work_s.most / at_once))
    yield f"Time: {time} with {at_once} at once, while no uploads come; {_spoken(plan.work_s)} of work."
    if plan.untimed:
        yield f"Without {', '.join(plan.untimed)}: how long that takes was never recorded."
    yield from _money(plan, settings, spent_today)


def _money(plan: Plan, settings: Settings, spent_today: float) -> Iterator[str]:
    if settings.openai_api_key is None:
        yield "Money: none, no model is configured (GOLF_OPENAI_API_KEY)."
        return
    if not plan.coached.most:
        yield "Money: none, no coaching is written anew."
        return
    budget = settings.coach_usd_per_day
    left = max(0.0, budget - spent_today)
    if plan.usd is None or plan.usd_each is None:
        yield f"Money: not known, no coaching by a model is recorded; at most {budget:.2f} USD a day."
        return
    yield (
        f"Money: {_dollars(plan.usd)} for {_range(plan.coached)} coachings at {plan.usd_each:.4f} USD each; "
        "an answer that was paid for before costs nothing."
    )
    yield f"Of today's {budget:.2f} USD (GOLF_COACH_USD_PER_DAY) {left:.2f} are left."
    if plan.usd.most > left:
        a_day = int(budget / plan.usd_each) if plan.usd_each else 0
        yield (
            f"The budget may not do: a day pays for about {a_day:,} coachings, of live uploads too, and then rules "
            "write them. Take fewer swings a day (--since, --until), pause it overnight, or raise the budget."
        )


def listed(progress: Progress) -> Iterator[str]:
    """A backfill in a list of them."""
    backfill = progress.backfill
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    yield f"{backfill.backfill_id}  {backfill.state.lower():<8}  {progress.ended:,} of {progress.total:,} ended{failed}"
    yield f"    {_begun(backfill)}: {described(backfill.selection)}"


def progress_lines(progress: Progress, failures: dict[str, int], failed: Sequence[BackfillItem]) -> Iterator[str]:
    """A backfill as it stands.

    Args:
        failures: how many items failed, by code.
        failed: some of them.
    """
    backfill = progress.backfill
    yield f"Backfill {backfill.backfill_id}: {backfill.state.lower()}"
    yield f"  begun    {_begun(backfill)}"
    yield f"  swings   {described(backfill.selection)}"
    counts = {
        "done": progress.done,
        "unchanged": progress.unchanged,
        "failed": progress.failed,
        "canceled": progress.canceled,
        "in work": progress.handed_out,
        "to come": progress.waiting,
    }
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"
    yield f"  of {progress.total:,}: {said}"
    yield f"  took     {duration(progress.seconds)} of work, {progress.usd:.2f} USD"
    if progress.per_second and backfill.state == BackfillState.RUNNING:
        yield f"  pace     {pace(progress)}"
    for code, count in failures.items():
        yield f"  failed   {count:,} x {code or 'without a code'}"
    for item in failed:
        yield f"           {item.analysis_id}: {item.error_code or ''} {item.error_message or ''}".rstrip()


def pace(progress: Progress) -> str:
    """How fast it goes, and how long it takes at that."""
    if not progress.per_second:
        return ""
    left = "" if progress.eta_s is None else f", {duration(progress.eta_s)} left"
    return f"{progress.per_second * 60:.0f} a minute{left}"


def _begun(backfill: BackfillRecord) -> str:
    ended = f", ended {backfill.ended_at:%Y-%m-%d %H:%M} UTC" if backfill.ended_at is not None else ""
    return f"{backfill.created_at:%Y-%m-%d %H:%M} UTC by {backfill.created_by}{ended}"


def _range(numbers: Range) -> str:
    least, most = (f"{number:,.0f}" for number in (numbers.least, numbers.most))
    return least if least == most else f"{least} to {most}"


def _spoken(seconds: Range) -> str:
    least, most = duration(seconds.least), duration(seconds.most)
    return least if least == most else f"{least} to {most}"


def _dollars(usd: Range) -> str:
    least, most = f"{usd.least:,.2f}", f"{usd.most:,.2f}"
    return f"{most} USD" if least == most else f"{least} to {most} USD"
