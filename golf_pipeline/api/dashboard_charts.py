"""The bar charts of the operator's page as numbers: which rectangle goes where. The template draws them.

A chart is as wide as it has bars and 100 high, and is stretched to its place; what must not be stretched (words, lines)
is laid over it by the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from golf_pipeline.storage.operating_days import Cost, Day, Hour

HEIGHT = 100.0
_STEPS = (1, 2, 4, 6, 8, 10)


@dataclass(frozen=True)
class Piece:
    """A part of a bar: what it stands for (a class of the style sheet), and its place from above."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One bar; `told` is what it says in words, `label` its name on the axis, empty for most."""

    name: str
    told: str
    pieces: tuple[Piece, ...]
    mark: float | None
    label: str
    at: float
    """Its middle, as a share of the chart's width."""
    is_known: bool = True


@dataclass(frozen=True)
class BarChart:
    """A row of bars over an axis that ends at `top`, with the table of the same numbers."""

    title: str
    bars: tuple[Bar, ...]
    top: float
    ticks: tuple[str, str]
    """What the axis says at its end and in its middle; the latter may be empty."""
    key: tuple[tuple[str, str], ...]
    """(kind, name) of what the colours stand for."""
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_empty: bool


def hours_chart(hours: Sequence[Hour]) -> BarChart:
    """Swings by hour of the clock (UTC)."""
    return _swings(
        "Swings an hour, last 24 hours",
        [(f"{one.start:%H:%M}", f"{one.start:%H:%M}" if one.start.hour % 3 == 0 else "", one) for one in hours],
    )


def days_chart(days: Sequence[Day]) -> BarChart:
    """Swings by day (UTC); the table says how long golfers waited as well."""
    chart = _swings(
        "Swings a day, last 30 days",
        [
            (f"{one.day:%a %d %b}", f"{one.day:%d %b}" if back % 5 == 0 else "", one)
            for back, one in zip(range(len(days) - 1, -1, -1), days, strict=True)
        ],
    )
    waits = [tuple("?" if value is None else f"{value:,.0f}" for value in (one.median_s, one.p95_s)) for one in days]
    return replace(
        chart,
        head=(*chart.head, "Median wait, s", "95 %, s"),
        rows=tuple(row + wait for row, wait in zip(chart.rows, waits, strict=True)),
    )


def costs_chart(costs: Sequence[Cost], days: int, now: datetime) -> BarChart:
    """USD by day (UTC) and purpose."""
    purposes = sorted({one.purpose for one in costs})
    kinds = {purpose: f"purpose-{min(index, 2)}" for index, purpose in enumerate(purposes)}
    spent = {(one.day.toordinal(), one.purpose): one.usd for one in costs}
    today = now.astimezone(UTC).date().toordinal()
    dates = range(today - days + 1, today + 1)
    top = _top(max((sum(spent.get((day, one), 0.0) for one in purposes) for day in dates), default=0.0))
    bars: list[Bar] = []
    rows: list[tuple[str, ...]] = []
    for day in dates:
        name = f"{datetime.fromordinal(day):%a %d %b}"
        values = [(kinds[one], spent.get((day, one), 0.0)) for one in purposes]
        told = ", ".join(f"{one} ${spent.get((day, one), 0.0):,.2f}" for one in purposes)
        label = f"{datetime.fromordinal(day):%d %b}" if (today - day) % 5 == 0 else ""
        bars.append(Bar(name, f"{name}: {told}", _stacked(values, top), None, label, (len(bars) + 0.5) / days))
        rows.append((name, *(f"{value:,.2f}" for _, value in values)))
    return BarChart(
        title=f"USD on models a day, last {days} days",
        bars=tuple(bars),
        top=top,
        ticks=(_usd(top), _usd(top / 2)),
        key=tuple((kinds[one], one) for one in purposes),
        head=("Day (UTC)", *(f"{one}, USD" for one in purposes)),
        rows=tuple(rows),
        is_empty=not any(spent.values()),
    )


def _swings(title: str, named: Sequence[tuple[str, str, Hour | Day]]) -> BarChart:
    most = max((max(one.uploads or 0, (one.completed or 0) + (one.failed or 0)) for _, _, one in named), default=0)
    top = max(_top(most), 2.0)
    bars: list[Bar] = []
    rows: list[tuple[str, ...]] = []
    for name, label, one in named:
        counts = [("completed", one.completed or 0), ("failed", one.failed or 0)]
        is_known = None not in {one.uploads, one.completed, one.failed}
        told = f"{_count(one.uploads)} came, {_count(one.completed)} completed, {_count(one.failed)} failed"
        mark = None if not one.uploads else HEIGHT - HEIGHT * one.uploads / top
        words = f"{name}: {told}" if is_known else f"{name}: not known"
        at = (len(bars) + 0.5) / len(named)
        bars.append(Bar(name, words, _stacked(counts, top), mark, label, at, is_known))
        rows.append((name, _count(one.uploads), _count(one.completed), _count(one.failed)))
    return BarChart(
        title=title,
        bars=tuple(bars),
        top=top,
        ticks=(f"{top:,.0f}", f"{top / 2:,.0f}" if top % 2 == 0 else ""),
        key=(("completed", "completed"), ("failed", "failed"), ("came", "came in")),
        head=("UTC", "Came in", "Completed", "Failed"),
        rows=tuple(rows),
        is_empty=most == 0,
    )


def _stacked(values: Sequence[tuple[str, float]], top: float) -> tuple[Piece, ...]:
    pieces, floor = [], HEIGHT
    for kind, value in values:
        height = HEIGHT * value / top
        floor -= height
        if height > 0:
            pieces.append(Piece(kind, floor, height))
    return tuple(pieces)


def _top(most: float) -> float:
    """The least round number (1, 2, 4, 6 or 8 and some noughts) that is not below."""
    if most <= 0:
        return 1.0
    power = 10.0 ** (len(f"{most:.0f}") - 1) if most >= 1 else 10.0**-2
    while True:
        for step in _STEPS:
            if step * power >= most:
                return step * power
        power *= 10


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _usd(value: float) -> str:
    return f"${value:,.0f}" if value == round(value) else f"${value:,.2f}"
