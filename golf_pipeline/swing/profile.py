"""A golfer's profile out of their stored results: what to work on, what is good, and how the numbers move.

A pure function of the results that are handed in, so computing it again is always safe. No advice is written here and
no number is made: a trend is only named where it is larger than what the instrument's own noise explains.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from math import sqrt
from statistics import median
from typing import Literal

from pydantic import Field

from golf_pipeline.swing.documents import (
    Document,
    EventName,
    Finding,
    Findings,
    Metric,
    Severity,
    Trust,
    View,
)

ALGORITHM_VERSION = "1"
PROFILE_SCHEMA_VERSION = "1.0"

RECENT_SWINGS = 10
"""Swings that focus areas and strengths are read from: older ones tell of another golfer."""

FEWEST_FOR_A_TREND = 3
"""Swings of one view, the latest included, below which a change is not called a trend."""

TREND_SIGMAS = 2.0
"""Change in standard deviations of the difference of two readings from which it is not noise (95 %, two-sided)."""

STRENGTH_SHARE = 0.5
"""Share of the recent swings in which a positive must be seen to be called a strength."""

_WEIGHT = {Severity.CRITICAL: 3, Severity.MAJOR: 2, Severity.MINOR: 1}
_COUNTS = frozenset({Trust.MEASURED, Trust.LOW})

Direction = Literal["better", "worse", "steady", "changed", "not known"]


class ProfileSwing(Document):
    """What the profile needs of one finished analysis."""

    analysis_id: str
    recorded_at: datetime
    view: View
    metrics: tuple[Metric, ...]
    findings: Findings
    coaching_response: str


class FocusArea(Document):
    """A fault seen in the recent swings; first in the list is what to work on first."""

    fault_id: str
    name: str
    worst_severity: Severity
    seen_in: int = Field(description="recent swings in which it was found")
    judged_in: int = Field(description="recent swings in which it could be judged")
    latest_analysis_id: str
    drill_ids: tuple[str, ...]


class Strength(Document):
    text: str
    seen_in: int


class MetricSnapshot(Document):
    """The latest reading of one metric in one view, and how it moved against the earlier ones in that view."""

    metric_id: str
    name: str
    phase: EventName | None
    view: View
    unit: str
    value: float
    trust: Trust
    noise: float | None
    corridor: tuple[float | None, float | None] | None
    readings: int
    earlier_median: float | None = Field(description="of the readings before the latest; None: there are none")
    direction: Direction = Field(description="towards the corridor is better; `changed` where there is no corridor")
    analysis_id: str


class SwingProfile(Document):
    """`swing_profile.json`."""

    schema_version: str = PROFILE_SCHEMA_VERSION
    algorithm_version: str = ALGORITHM_VERSION
    user_id: str
    swing_count: int
    first_swing_at: datetime | None
    latest_swing_at: datetime | None
    latest_analysis_id: str | None
    latest_coaching_response: str
    focus_areas: tuple[FocusArea, ...]
    strengths: tuple[Strength, ...]
    cautions: tuple[str, ...]
    metrics: tuple[MetricSnapshot, ...]


def build_profile(user_id: str, swings: Sequence[ProfileSwing]) -> SwingProfile:
    """The profile of a golfer from all of their finished analyses, in any order; same swings, same bytes."""
    ordered = sorted(swings, key=lambda swing: (swing.recorded_at, swing.analysis_id))
    recent = ordered[-RECENT_SWINGS:]
    latest = ordered[-1] if ordered else None
    return SwingProfile(
        user_id=user_id,
        swing_count=len(ordered),
        first_swing_at=ordered[0].recorded_at if ordered else None,
        latest_swing_at=latest.recorded_at if latest else None,
        latest_analysis_id=latest.analysis_id if latest else None,
        latest_coaching_response=latest.coaching_response if latest else "",
        focus_areas=_focus_areas(recent),
        strengths=_strengths(recent),
        cautions=_cautions(ordered),
        metrics=_snapshots(ordered),
    )


def _focus_areas(recent: Sequence[ProfileSwing]) -> tuple[FocusArea, ...]:
    seen: dict[str, list[tuple[ProfileSwing, Finding]]] = defaultdict(list)
    for swing in recent:
        for finding in swing.findings.findings:
            seen[finding.fault_id].append((swing, finding))
    areas = []
    for fault_id, sightings in seen.items():
        unjudged = sum(fault_id in {fault.fault_id for fault in swing.findings.not_judged} for swing in recent)
        last_swing, last_finding = sightings[-1]
        areas.append(
            FocusArea(
                fault_id=fault_id,
                name=last_finding.name,
                worst_severity=max((finding.severity for _, finding in sightings), key=_WEIGHT.__getitem__),
                seen_in=len(sightings),
                judged_in=len(recent) - unjudged,
                latest_analysis_id=last_swing.analysis_id,
                drill_ids=last_finding.drill_ids,
            )
        )
    # A grave fault in a third of the swings comes before a small one in each: weight times share, then the name.
    return tuple(sorted(areas, key=lambda area: (-_weight(area), area.fault_id)))


def _weight(area: FocusArea) -> float:
    return _WEIGHT[area.worst_severity] * area.seen_in / max(area.judged_in, 1)


def _strengths(recent: Sequence[ProfileSwing]) -> tuple[Strength, ...]:
    counts = Counter(text for swing in recent for text in dict.fromkeys(swing.findings.positives))
    often = [(text, count) for text, count in counts.items() if count >= STRENGTH_SHARE * len(recent)]
    return tuple(Strength(text=text, seen_in=count) for text, count in sorted(often, key=lambda one: (-one[1], one[0])))


def _cautions(ordered: Sequence[ProfileSwing]) -> tuple[str, ...]:
    if not ordered:
        return ("No swing has been analysed yet.",)
    cautions = []
    views = Counter(swing.view for swing in ordered)
    if max(views.values()) < FEWEST_FOR_A_TREND:
        cautions.append("Too few swings from one side to call any change a trend.")
    for missing, what in (
        (View.FACE_ON, "sway and head movement"),
        (View.DOWN_THE_LINE, "posture and early extension"),
    ):
        if missing not in views:
            cautions.append(f"No swing was filmed {missing.value}: nothing is known about {what}.")
    if ordered[-1].findings.overall_level == "not enough evidence":
        cautions.append("The latest video did not allow a judgement.")
    return tuple(cautions)


def _snapshots(ordered: Sequence[ProfileSwing]) -> tuple[MetricSnapshot, ...]:
    readings: dict[tuple[str, str, View], list[tuple[ProfileSwing, Metric, float]]] = defaultdict(list)
    for swing in ordered:
        for metric in swing.metrics:
            if metric.value is not None and metric.trust in _COUNTS:
                readings[metric.id, metric.phase or "", swing.view].append((swing, metric, metric.value))
    return tuple(_snapshot(series) for _, series in sorted(readings.items()))


def _snapshot(series: Sequence[tuple[ProfileSwing, Metric, float]]) -> MetricSnapshot:
    swing, metric, value = series[-1]
    earlier = [reading for _, _, reading in series[:-1]]
    before = median(earlier) if earlier else None
    return MetricSnapshot(
        metric_id=metric.id,
        name=metric.name,
        phase=metric.phase,
        view=swing.view,
        unit=metric.unit,
        value=value,
        trust=metric.trust,
        noise=metric.noise,
        corridor=metric.corridor,
        readings=len(series),
        earlier_median=before,
        direction=_direction(metric, value, before, len(series)),
        analysis_id=swing.analysis_id,
    )


def _direction(metric: Metric, value: float, before: float | None, readings: int) -> Direction:
    if before is None or readings < FEWEST_FOR_A_TREND or metric.noise is None:
        return "not known"
    if abs(value - before) <= TREND_SIGMAS * sqrt(2) * metric.noise:
        return "steady"
    if metric.corridor is None:
        return "changed"
    now, then = _distance(value, metric.corridor), _distance(before, metric.corridor)
    if now == then:
        return "steady"
    return "better" if now < then else "worse"


def _distance(value: float, corridor: tuple[float | None, float | None]) -> float:
    """How far outside the corridor a value is; 0 inside."""
    low, high = corridor
    if low is not None and value < low:
        return low - value
    if high is not None and value > high:
        return value - high
    return 0.0
