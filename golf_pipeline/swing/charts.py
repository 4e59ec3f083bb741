"""Charts as shapes: numbers in, positions and words out, for a template that draws them as SVG.

Nothing is drawn here and no markup is written, so that all text passes the template's escaping. Positions are in the
units of the chart's own view box, x to the right, y down; none is ever NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName, Metric, SwingEvent, TimeBase, Trust
from golf_pipeline.swing.hands import HandPath
from golf_pipeline.swing.phases import EVENT_TITLES

Floats = NDArray[np.float64]

WIDTH = 360.0
LEFT, RIGHT = 30.0, 352.0
BADGE_RADIUS, BADGE_Y, BADGE_GAP = 9.0, 11.0, 21.0
PANEL_TOPS, PANEL_HEIGHT = (52.0, 196.0), 112.0
HEIGHT = 344.0
MARGIN_SHARE = 0.06
"""Share of address..finish that is shown before and after."""

CORRIDOR_WIDTH, CORRIDOR_HEIGHT, CORRIDOR_EDGE = 320.0, 36.0, 12.0
CORRIDOR_LINE = 12.0
PADDING_SHARE = 0.2
"""Room on both sides of a corridor chart as a share of what it has to show."""


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """An event: its true place, the place of its numbered badge (moved so that no two overlap), its name and time."""

    x: float
    badge_x: float
    number: int
    title: str
    event: SwingEvent


@dataclass(frozen=True)
class Panel:
    """One curve over time: `lines` are points attributes of polylines, one for each stretch without a gap."""

    title: str
    top: float
    base: float
    ticks: tuple[Tick, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class SwingChart:
    width: float
    height: float
    left: float
    right: float
    badge_y: float
    badge_radius: float
    panels: tuple[Panel, ...]
    marks: tuple[Mark, ...]
    times: tuple[Tick, ...]
    downswing: tuple[float, float]
    description: str


@dataclass(frozen=True)
class CorridorChart:
    """One value over the range of good swings. `form` tells the trust: a disc, a ring, or an arrow (its points)."""

    width: float
    height: float
    line: float
    band: tuple[float, float]
    ends: tuple[Tick, ...]
    whisker: tuple[float, float] | None
    value: float
    form: str
    arrow: str
    place: str
    description: str


def swing_chart(path: HandPath, events: Sequence[SwingEvent], time_base: TimeBase) -> SwingChart | None:
    """Height and speed of the hands against time with the eight events; None where the hands were not seen.

    Speed is in torso lengths per second in real time, else as a share of its peak: a recording of unknown speed has
    no seconds.
    """
    first, last = events[0].time_s, events[-1].time_s
    margin = MARGIN_SHARE * (last - first)
    shown = (path.time_s >= first - margin) & (path.time_s <= last + margin)
    times, height, speed = path.time_s[shown], path.height[shown], path.speed[shown]
    if np.isfinite(height).sum() < 2 or np.isfinite(speed).sum() < 2:
        return None
    start, end = min(first, float(times[0])), max(last, float(times[-1]))
    real = time_base == TimeBase.REAL
    peak = float(np.nanmax(speed))
    unit = "torso lengths per second" if real else "share of its peak"
    shown_speed = speed if real or peak <= 0 else speed / peak
    panels = (
        _panel("Height of the hands (torso lengths)", PANEL_TOPS[0], times, height, (start, end)),
        _panel(f"Speed of the hands ({unit})", PANEL_TOPS[1], times, shown_speed, (start, end)),
    )
    marks = _marks(events, start, end)
    at = {mark.event.event: mark for mark in marks}
    return SwingChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        badge_y=BADGE_Y,
        badge_radius=BADGE_RADIUS,
        panels=panels,
        marks=marks,
        times=tuple(Tick(_across(tick, start, end), f"{tick:g}") for tick in nice_ticks(start, end, 6)),
        downswing=(at[EventName.TOP].x, at[EventName.IMPACT].x),
        description=_words(times, height, speed, events, real),
    )


def corridor_chart(metric: Metric) -> CorridorChart | None:
    """A metric over its corridor; None where it has no value or no corridor."""
    if metric.value is None or metric.corridor is None or not isfinite(metric.value):
        return None
    low, high = metric.corridor
    noise = metric.noise or 0.0
    known = [metric.value - noise, metric.value + noise, *(end for end in (low, high) if end is not None)]
    room = PADDING_SHARE * ((max(known) - min(known)) or 1.0)
    # An open end has no edge to show: the band runs out of the chart on that side, with as much room again.
    start = min(known) - room * (1 if low is not None else 2)
    end = max(known) + room * (1 if high is not None else 2)

    def x(value: float) -> float:
        share = (value - start) / (end - start)
        return round(CORRIDOR_EDGE + (CORRIDOR_WIDTH - 2 * CORRIDOR_EDGE) * share, 1)

    place, shown = place_in_corridor(metric.value, noise, metric.corridor), minus(f"{metric.value:g}")
    return CorridorChart(
        width=CORRIDOR_WIDTH,
        height=CORRIDOR_HEIGHT,
        line=CORRIDOR_LINE,
        band=(x(low) if low is not None else 0.0, x(high) if high is not None else CORRIDOR_WIDTH),
        ends=tuple(Tick(x(bound), minus(f"{bound:g}")) for bound in (low, high) if bound is not None),
        whisker=(x(metric.value - noise), x(metric.value + noise)) if noise else None,
        value=x(metric.value),
        form={Trust.MEASURED: "disc", Trust.LOW: "ring"}.get(metric.trust, "arrow"),
        place=place,
        arrow=_arrow(x(metric.value), metric.value),
        description=f"{shown} {metric.unit}, good swings {corridor_words(metric.corridor)}: {place}.",
    )


def place_in_corridor(value: float, noise: float, corridor: tuple[float | None, float | None]) -> str:
    """Where a value lies, in words; near an end the noise leaves open on which side it is."""
    low, high = corridor
    if any(end is not None and abs(value - end) <= noise for end in corridor):
        return "at the edge, within its noise"
    if low is not None and value < low:
        return "below"
    return "above" if high is not None and value > high else "inside"


def corridor_words(corridor: tuple[float | None, float | None] | None) -> str:
    """A corridor as "2 to 5", "at least 2", "at most 5"; empty where there is none."""
    if corridor is None:
        return ""
    low, high = (None if end is None else minus(f"{end:g}") for end in corridor)
    if low is None:
        return "" if high is None else f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def minus(number: str) -> str:
    """A number with a true minus sign, as wide as a plus."""
    return number.replace("-", "\N{MINUS SIGN}")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart within low..high, in order, as near to the (sorted) wanted ones as that allows.

    The least squares answer: an isotonic regression. Where they do not all fit, they are spaced evenly.
    """
    if not wanted:
        return []
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    steps = [gap * number for number in range(len(wanted))]
    level = _rising([one - step for one, step in zip(wanted, steps, strict=True)])
    return [round(min(max(one, low), high - steps[-1]) + step, 1) for one, step in zip(level, steps, strict=True)]


def _rising(values: Sequence[float]) -> list[float]:
    """The never falling numbers nearest to some values: isotonic regression by pooling adjacent violators.

    SciPy has it too, but importing it takes longer than writing many pages.
    """
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            before, members = pools.pop()
            mean, count = (before * members + mean * count) / (members + count), members + count
        pools.append((mean, count))
    return [mean for mean, count in pools for _ in range(count)]


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers (1, 2, 2.5 or 5 times a power of ten apart) within low..high."""
    wide = high - low
    if not (isfinite(wide) and wide > 0):
        return [low] if isfinite(low) else []
    power = 10.0 ** np.floor(np.log10(wide / most))
    for step in (factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0)):
        ticks = step * np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)
        if len(ticks) <= most:
            decimals = max(0, 2 - int(np.floor(np.log10(step))))
            return [round(float(tick), decimals) + 0.0 for tick in ticks]
    return []


def _arrow(x: float, value: float) -> str:
    """A triangle that points the way of the value's sign."""
    way = 1 if value >= 0 else -1
    corners = ((x - 5 * way, -7), (x + 7 * way, 0), (x - 5 * way, 7))
    return " ".join(f"{at:.1f},{CORRIDOR_LINE + off:g}" for at, off in corners)


def _across(time_s: float, start: float, end: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * (time_s - start) / max(end - start, 1e-9), 1)


def _panel(title: str, top: float, times: Floats, values: Floats, span: tuple[float, float]) -> Panel:
    seen = np.isfinite(values)
    low, high = min(0.0, float(np.nanmin(values))), float(np.nanmax(values))
    high = high if high > low else low + 1.0
    base = top + PANEL_HEIGHT

    def y(value: float) -> float:
        return round(base - (base - top) * (value - low) / (high - low), 1)

    points = [
        f"{_across(time_s, *span)},{y(value)}" if known else ""
        for time_s, value, known in zip(times.tolist(), values.tolist(), seen.tolist(), strict=True)
    ]
    runs = [list(run) for known, run in groupby(points, bool) if known]
    lines = [" ".join(run) for run in runs if len(run) > 1]
    ticks = tuple(Tick(y(tick), minus(f"{tick:g}")) for tick in nice_ticks(low, high, 4))
    return Panel(title, top, base, ticks, tuple(lines))


def _marks(events: Sequence[SwingEvent], start: float, end: float) -> tuple[Mark, ...]:
    places = [_across(event.time_s, start, end) for event in events]
    badges = spread(places, BADGE_GAP, LEFT, RIGHT - BADGE_RADIUS)
    return tuple(
        Mark(x, badge, number, EVENT_TITLES[event.event], event)
        for number, (x, badge, event) in enumerate(zip(places, badges, events, strict=True), start=1)
    )


def _words(times: Floats, height: Floats, speed: Floats, events: Sequence[SwingEvent], real: bool) -> str:
    """What the curves show, for those who do not see them."""
    at = {event.event: event for event in events}
    said = []
    for name in (EventName.ADDRESS, EventName.TOP, EventName.IMPACT, EventName.FINISH):
        value = height[int(np.abs(times - at[name].time_s).argmin())]
        if np.isfinite(value):
            said.append(f"{value:.1f} at {EVENT_TITLES[name].lower()}")
    fastest = int(np.nanargmax(speed))
    away = float(times[fastest]) - at[EventName.IMPACT].time_s
    when = f"{abs(away):.2f} s {'after' if away > 0 else 'before'} impact" if abs(away) >= 0.005 else "at impact"
    peak = f" ({speed[fastest]:.1f} torso lengths per second)" if real else " (in the recording's time)"
    heights = minus(", ".join(said))
    return (
        f"Height of the hands above the ankles in torso lengths: {heights}. "
        f"In the picture they move fastest {when}{peak}."
    )
