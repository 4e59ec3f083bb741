"""The operator's page: what `GET /operations.json` tells, in the order of an operator's questions.

Is all well, what waits, what rings, what was done, what failed, what does it cost. The page is one file that needs
nothing else and runs no script; all text goes through Jinja's escaping. The shapes of its charts are those of
`dashboard_charts.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from golf_pipeline.api.dashboard_charts import costs_chart, days_chart, hours_chart
from golf_pipeline.api.dashboard_messages import Operations
from golf_pipeline.api.probes import OK
from golf_pipeline.failures import Cause
from golf_pipeline.settings import Settings
from golf_pipeline.storage.operating_days import DAYS
from golf_pipeline.storage.records import Status

if TYPE_CHECKING:
    from jinja2 import Environment

REFRESH_S = 60
SILENT_AFTER = timedelta(minutes=10)
"""Alarms that were not evaluated for so long watch over nothing."""

_PARTS = {
    "swings": "swings under way",
    "queues": "queue",
    "alarms": "alarms",
    "backfills": "backfills",
    "hours": "swings by hour",
    "days": "swings by day",
    "upload_to_coaching": "time from upload to coaching",
    "stages": "stages",
    "failures": "failures by code",
    "latest_failed": "latest failed swings",
    "costs": "costs",
    "versions": "versions in use",
    "profiles": "profiles",
}
_CHECKS = {"catalog": "Database", "s3": "Bucket"}


@dataclass(frozen=True)
class Tile:
    """One number to look at first; `tone` is good, warn, bad, or empty."""

    name: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether all is well, in a few words."""

    words: str
    tone: str


def rendered(operations: Operations, settings: Settings) -> str:
    """The page."""
    return (
        _templates()
        .get_template("operations.html.j2")
        .render(
            told=operations,
            verdict=verdict(operations),
            tiles=tiles(operations),
            checks=[(_CHECKS.get(name, name), said) for name, said in operations.checks.items()],
            missing=[_PARTS[name] for name in operations.unavailable],
            alarm_note=_alarm_note(operations),
            hours=hours_chart(operations.hours) if operations.hours is not None else None,
            days=days_chart(operations.days) if operations.days is not None else None,
            costs=costs_chart(operations.costs.days, DAYS, operations.at) if operations.costs is not None else None,
            meters=_meters(operations),
            slowest_s=_slowest(operations),
            outdated=[one for one in operations.versions or () if one.older],
            dagster_url=settings.dagster_url,
            refresh_s=REFRESH_S,
        )
    )


def verdict(operations: Operations) -> Verdict:
    """The one line above all: the worst that is known."""
    down = [_CHECKS.get(name, name).lower() for name, said in operations.checks.items() if said != OK]
    if down:
        return Verdict(f"The {' and the '.join(down)} cannot be reached", "bad")
    alarms = operations.alarms
    if alarms is not None and alarms.ringing:
        count = len(alarms.ringing)
        critical = any(one.severity == "critical" for one in alarms.ringing)
        return Verdict("One alarm rings" if count == 1 else f"{count} alarms ring", "bad" if critical else "warn")
    if operations.queues is not None and operations.queues.dead_letters:
        return Verdict("There are dead letters", "bad")
    if operations.unavailable:
        return Verdict("Not everything could be read", "warn")
    if _alarm_note(operations):
        return Verdict("Nothing is wrong that this page can see, and nobody watches", "warn")
    return Verdict("All is well", "good")


def tiles(operations: Operations) -> list[Tile]:
    """The numbers to look at first; those of parts that cannot be read are left out."""
    found: list[Tile] = []
    if (swings := operations.swings) is not None:
        tone = "warn" if swings.waiting_oldest_s > SILENT_AFTER.total_seconds() else ""
        oldest = f"the oldest for {duration(swings.waiting_oldest_s)}" if swings.waiting else "no upload waits"
        found.append(Tile("Waiting for a run", f"{swings.waiting:,}", oldest, tone))
        running = {name: count for name, count in swings.under_way.items() if name != Status.STARTED and count}
        shown = ", ".join(f"{count:,} {name}" for name, count in running.items()) or "nothing runs"
        found.append(Tile("In work", f"{sum(running.values()):,}", shown))
    if (queues := operations.queues) is not None:
        found.append(Tile("Queue", f"{queues.waiting:,}", f"{queues.in_flight:,} in flight"))
        if queues.dead_letters is not None:
            is_any = queues.dead_letters > 0
            note = "golf-pipeline dead-letters list shows them" if is_any else "every event was dealt with"
            found.append(Tile("Dead letters", f"{queues.dead_letters:,}", note, "bad" if is_any else ""))
    if swings is not None:
        completed, failed = (swings.ended_last_day.get(one, 0) for one in (Status.AI_COMPLETED, Status.FAILED))
        found.append(Tile("Completed, 24 h", f"{completed:,}", "swings with coaching"))
        share = f"{failed / (completed + failed):.1%} of what ended" if failed else "nothing failed"
        ours = sum(one.swings for one in operations.failures or () if one.cause != Cause.VIDEO)
        note = f"{share}; {ours:,} ours to mend" if ours else share
        found.append(Tile("Failed, 24 h", f"{failed:,}", note, "bad" if ours else ""))
    if "upload_to_coaching" not in operations.unavailable:
        waits = operations.upload_to_coaching
        value = duration(waits.median_s) if waits else "\N{EN DASH}"
        note = f"median of {waits.count:,}; 95 % within {duration(waits.p95_s)}" if waits else "none today"
        found.append(Tile("Golfers wait", value, note))
    if (costs := operations.costs) is not None:
        spent = sum(one.usd for one in costs.days if one.day == operations.at.astimezone(UTC).date())
        found.append(Tile("Models today", f"${spent:,.2f}", f"limits: ${sum(costs.limits_usd.values()):,.2f} a day"))
    return found


def duration(seconds: float) -> str:
    """A time as one says it: "0.4 s", "41 s", "3 min 20 s", "2 h 5 min", "3 days"."""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} days"


def _alarm_note(operations: Operations) -> str:
    """What is wrong with the watch itself; empty where it is awake."""
    alarms = operations.alarms
    if alarms is None:
        return ""
    if alarms.looked_at is None:
        return "No alarm was ever evaluated: does the Dagster daemon run?"
    ago = operations.at - alarms.looked_at
    if ago > SILENT_AFTER:
        return f"The alarms were evaluated last {duration(ago.total_seconds())} ago: does the Dagster daemon run?"
    return ""


def _meters(operations: Operations) -> list[tuple[str, float, float]]:
    """Purpose, USD today, limit."""
    if operations.costs is None:
        return []
    today = operations.at.astimezone(UTC).date()
    spent: Mapping[str, float] = {one.purpose: one.usd for one in operations.costs.days if one.day == today}
    return [(name, spent.get(name, 0.0), limit) for name, limit in sorted(operations.costs.limits_usd.items())]


def _slowest(operations: Operations) -> float:
    found = [one.seconds.p95_s for one in operations.stages.stages if one.seconds] if operations.stages else []
    return max(found, default=0.0) or 1.0


def _percent(part: float, whole: float) -> float:
    return max(0.0, min(100.0, 100.0 * part / whole)) if whole else 0.0


@lru_cache(maxsize=1)
def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("golf_pipeline.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "duration": duration,
        "count": lambda value: f"{value:,}",
        "moment": lambda value: f"{value.astimezone(UTC):%d %b %H:%M:%S}",
        "percent_of": _percent,
        "number": lambda value: "\N{EN DASH}" if value is None else f"{value:,.4g}",
    }
    return pages
