"""A golfer's profile out of their stored results: what to work on, what is good, and how the numbers move.

A pure function of the results that are handed in, so computing it again is always safe. No advice is written here and
no number is made. What is put into one series was filmed from one side, swung with one hand and measured by one version
of the algorithm; a trend is only named where it is larger than the instrument's noise and than what chance explains
(`trend.py`). Percentiles are within the golfer's own history and have no direction.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from statistics import median
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from golf_pipeline.swing import trend
from golf_pipeline.swing.compare import distance_to_corridor, is_beyond_noise
from golf_pipeline.swing.documents import (
    Document,
    EventName,
    Finding,
    Findings,
    Handedness,
    Metric,
    Severity,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.personal_text import sanitised

ALGORITHM_VERSION = "3"
PROFILE_SCHEMA_VERSION = "1.2"

RECENT_SWINGS = 10
"""Swings that focus areas and strengths are read from: older ones tell of another golfer."""

STRENGTH_SHARE = 0.5
"""Share of the recent swings in which a positive must be seen to be called a strength."""

_WEIGHT = {Severity.CRITICAL: 3, Severity.MAJOR: 2, Severity.MINOR: 1}
COUNTED_TRUSTS = frozenset({Trust.MEASURED, Trust.LOW})
"""Readings of less trust are no numbers to compute with."""

MOST_CHARACTERS = 500
"""Of each text of a golfer: a few sentences."""

Direction = Literal["better", "worse", "steady", "changed", "not known"]
PersonalText = Annotated[str, AfterValidator(lambda text: sanitised(text, MOST_CHARACTERS))]


class UserContext(Document):
    """What golfers say of themselves. Texts are sanitised on the way in, whatever they were (`personal_text.py`)."""

    handicap: float | None = Field(
        default=None, ge=-10, le=54, description="handicap index; better than scratch is < 0"
    )
    dominant_hand: Handedness | None = None
    primary_miss: PersonalText = ""
    goals: PersonalText = ""
    limitations: PersonalText = ""
    height_cm: float | None = Field(default=None, ge=50, le=260)


class MeasuredSwing(Document):
    """The numbers of one swing, how it was filmed and when it came."""

    analysis_id: str
    recorded_at: datetime
    view: View
    handedness: Handedness = Handedness.UNKNOWN
    time_base: TimeBase = TimeBase.UNKNOWN
    metrics: tuple[Metric, ...]
    metrics_version: str = Field(default="", description="algorithm version that the metrics were measured by")


class ProfileSwing(MeasuredSwing):
    """What the profile needs of one finished analysis."""

    findings: Findings
    coaching_response: str
    findings_version: str = Field(default="", description="algorithm version of findings and score")


class FocusArea(Document):
    """A fault seen in the recent swings; first in the list is what to work on first."""

    fault_id: str
    name: str
    worst_severity: Severity
    seen_in: int = Field(description="recent swings in which it was found")
    judged_in: int = Field(description="recent swings in which it could be judged")
    latest_analysis_id: str
    drill_ids: tuple[str, ...]
    root_in: int = Field(default=0, description="recent swings in which it explains other findings")
    leads_to: tuple[str, ...] = Field(default=(), description="fault ids that it explained in the recent swings")


class Strength(Document):
    text: str
    seen_in: int


class Trend(Document):
    """How one series moved, by practice (`trend.by_practice`); first and last value are those of a Theil-Sen line."""

    practices: int
    first: float
    last: float
    chance: float = Field(description="that chance alone explains it, all series of the profile considered; 0..1")


class MetricSnapshot(Document):
    """The latest reading of one metric in one view and with one hand, and how the series of such readings moved."""

    metric_id: str
    name: str
    phase: EventName | None
    view: View
    handedness: Handedness
    unit: str
    value: float
    trust: Trust
    noise: float | None
    corridor: tuple[float | None, float | None] | None
    readings: int
    earlier_median: float | None = Field(description="of the readings before the latest; None: there are none")
    percentile: float | None = Field(
        default=None, description="of the latest among the earlier readings, 0..100, high is not good; None: too few"
    )
    direction: Direction = Field(
        description="of the trend; towards the corridor is better, `changed` where that is open"
    )
    trend: Trend | None = Field(default=None, description="None: too few practices, or not comparable")
    analysis_id: str


class ScoreSnapshot(Document):
    """The scores in one view and with one hand that are made of the same parts as the latest: others do not compare."""

    view: View
    handedness: Handedness
    value: int
    scores: int
    median: float
    percentile: float | None
    direction: Direction
    trend: Trend | None
    best_analysis_id: str = Field(description="the highest score, the latest of equals")
    typical_analysis_id: str = Field(description="the score nearest to the median, the latest of equals")


class SwingProfile(Document):
    """`swing_profile.json`."""

    schema_version: str = PROFILE_SCHEMA_VERSION
    algorithm_version: str = ALGORITHM_VERSION
    user_id: str
    swing_count: int
    practice_count: int = Field(
        default=0, description="practices that the swings were filmed in (`trend.PRACTICE_GAP`)"
    )
    first_swing_at: datetime | None
    latest_swing_at: datetime | None
    latest_analysis_id: str | None
    latest_coaching_response: str
    focus_areas: tuple[FocusArea, ...]
    strengths: tuple[Strength, ...]
    cautions: tuple[str, ...]
    metrics: tuple[MetricSnapshot, ...]
    scores: tuple[ScoreSnapshot, ...] = ()
    user_context: UserContext | None = None


def build_profile(
    user_id: str, swings: Sequence[ProfileSwing], user_context: UserContext | None = None
) -> SwingProfile:
    """The profile of a golfer from all of their finished analyses, in any order; same swings, same bytes."""
    ordered = sorted(swings, key=lambda swing: (swing.recorded_at, swing.analysis_id))
    metrics, scores = _metric_series(ordered), _score_series(ordered)
    trends = _trends([*metrics, *scores])
    recent = ordered[-RECENT_SWINGS:]
    latest = ordered[-1] if ordered else None
    return SwingProfile(
        user_id=user_id,
        swing_count=len(ordered),
        practice_count=len(trend.by_practice([swing.recorded_at for swing in ordered], [0.0] * len(ordered))),
        first_swing_at=ordered[0].recorded_at if ordered else None,
        latest_swing_at=latest.recorded_at if latest else None,
        latest_analysis_id=latest.analysis_id if latest else None,
        latest_coaching_response=latest.coaching_response if latest else "",
        focus_areas=_focus_areas(recent),
        strengths=_strengths(recent),
        cautions=_cautions(ordered, metrics, user_context),
        metrics=tuple(map(_metric_snapshot, metrics, trends)),
        scores=tuple(map(_score_snapshot, scores, trends[len(metrics) :])),
        user_context=user_context,
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
        roots = [root for swing in recent if (root := swing.findings.root_cause) and root.fault_id == fault_id]
        areas.append(
            FocusArea(
                fault_id=fault_id,
                name=last_finding.name,
                worst_severity=max((finding.severity for _, finding in sightings), key=_WEIGHT.__getitem__),
                seen_in=len(sightings),
                judged_in=len(recent) - unjudged,
                latest_analysis_id=last_swing.analysis_id,
                drill_ids=last_finding.drill_ids,
                root_in=len(roots),
                leads_to=tuple(sorted({explained for root in roots for explained in root.leads_to})),
            )
        )
    # What mostly explains others is worked on first. Then a grave fault in a third of the swings comes before a small
    # one in each: weight times share, then the name.
    return tuple(sorted(areas, key=lambda area: (2 * area.root_in < area.seen_in, -_weight(area), area.fault_id)))


def _weight(area: FocusArea) -> float:
    return _WEIGHT[area.worst_severity] * area.seen_in / max(area.judged_in, 1)


def _strengths(recent: Sequence[ProfileSwing]) -> tuple[Strength, ...]:
    counts = Counter(text for swing in recent for text in dict.fromkeys(swing.findings.positives))
    often = [(text, count) for text, count in counts.items() if count >= STRENGTH_SHARE * len(recent)]
    return tuple(Strength(text=text, seen_in=count) for text, count in sorted(often, key=lambda one: (-one[1], one[0])))


def _cautions(
    ordered: Sequence[ProfileSwing], metrics: Sequence["_Series"], user_context: UserContext | None
) -> tuple[str, ...]:
    if not ordered:
        return ("No swing has been analysed yet.",)
    cautions = []
    views = {swing.view for swing in ordered}
    if all(len(series.practices) < trend.FEWEST_PRACTICES for series in metrics):
        fewest = trend.FEWEST_PRACTICES
        cautions.append(f"No change can be called a trend before {fewest} practices are filmed from the same side.")
    for missing, what in (
        (View.FACE_ON, "sway and head movement"),
        (View.DOWN_THE_LINE, "posture and early extension"),
    ):
        if missing not in views:
            cautions.append(f"No swing was filmed {missing.value}: nothing is known about {what}.")
    older = sum(swing.metrics_version != ordered[-1].metrics_version for swing in ordered)
    if older:
        cautions.append(f"{older} of {len(ordered)} swings were measured by another version and are not compared.")
    said, seen = (user_context.dominant_hand if user_context else None), ordered[-1].handedness
    if {said, seen} == {Handedness.LEFT, Handedness.RIGHT}:
        cautions.append(f"The latest video was read as a {seen}-handed swing, the profile says {said}-handed.")
    if ordered[-1].findings.overall_level == "not enough evidence":
        cautions.append("The latest video did not allow a judgement.")
    return tuple(cautions)


@dataclass
class _Series:
    """Readings that may be compared with each other, in order of time."""

    noise: float | None
    corridor: tuple[float | None, float | None] | None
    comparable: bool = True
    metric: Metric | None = None
    """The latest reading; None for scores."""
    swings: list[ProfileSwing] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    @property
    def practices(self) -> list[float]:
        return trend.by_practice([swing.recorded_at for swing in self.swings], self.values)

    @property
    def percentile(self) -> float | None:
        return trend.percentile(self.values[-1], self.values[:-1]) if self.comparable else None


def _metric_series(ordered: Sequence[ProfileSwing]) -> list[_Series]:
    grouped: dict[tuple[str, ...], list[tuple[ProfileSwing, Metric, float]]] = defaultdict(list)
    for swing in ordered:
        for metric in swing.metrics:
            if metric.value is not None and isfinite(metric.value) and metric.trust in COUNTED_TRUSTS:
                # Seconds of slow motion are as uncertain as its factor: they are not put beside real ones.
                time_base = swing.time_base if metric.unit == "s" else ""
                key = (metric.id, metric.phase or "", swing.view, swing.handedness, time_base)
                grouped[key].append((swing, metric, metric.value))
    return [_of_readings(readings) for _, readings in sorted(grouped.items())]


def _of_readings(readings: Sequence[tuple[ProfileSwing, Metric, float]]) -> _Series:
    latest, metric, _ = readings[-1]
    same = [one for one in readings if one[0].metrics_version == latest.metrics_version]
    return _Series(
        noise=metric.noise,
        corridor=metric.corridor,
        # Each oblique camera stands at an angle of its own.
        comparable=latest.view != View.OBLIQUE or set(metric.valid_views) == set(View),
        metric=metric,
        swings=[swing for swing, _, _ in same],
        values=[value for _, _, value in same],
    )


def _score_series(ordered: Sequence[ProfileSwing]) -> list[_Series]:
    grouped: dict[tuple[str, str], list[tuple[ProfileSwing, int]]] = defaultdict(list)
    for swing in ordered:
        if swing.findings.score is not None and swing.findings.score.value is not None:
            grouped[swing.view, swing.handedness].append((swing, swing.findings.score.value))
    series = []
    for _, scored in sorted(grouped.items()):
        latest = scored[-1][0]
        alike = (latest.findings_version, _parts(latest))
        same = [one for one in scored if (one[0].findings_version, _parts(one[0])) == alike]
        # A score has no noise of its own: only the golfer's own spread speaks.
        one = _Series(noise=0.0, corridor=(100.0, None), comparable=scored[-1][0].view != View.OBLIQUE)
        one.swings, one.values = [swing for swing, _ in same], [float(value) for _, value in same]
        series.append(one)
    return series


def _parts(swing: ProfileSwing) -> frozenset[tuple[str, float]]:
    """What a score was made of: a fault that could not be judged costs nothing, so only like scores compare."""
    score = swing.findings.score
    return frozenset((part.fault_id, part.most_points) for part in score.parts) if score else frozenset()


def _trends(series: Sequence[_Series]) -> list[tuple[Direction, Trend | None]]:
    """Direction and trend of each series; all are tested together, so that dozens do not make one stand out."""
    tested = [one.practices if one.comparable and one.noise is not None else [] for one in series]
    chances = trend.adjusted([trend.chance_of_trend(practices) for practices in tested])
    return [_trend(*one) for one in zip(series, tested, chances, strict=True)]


def _trend(series: _Series, practices: Sequence[float], chance: float | None) -> tuple[Direction, Trend | None]:
    if chance is None or series.noise is None:
        return "not known", None
    first, last = trend.ends_of_trend(practices)
    counted = min(len(practices), trend.MOST_PRACTICES)
    found = Trend(practices=counted, first=round(first, 4), last=round(last, 4), chance=round(chance, 6))
    if chance > trend.MOST_CHANCE or not is_beyond_noise(last - first, series.noise, series.noise):
        return "steady", found
    if series.corridor is None:
        return "changed", found
    then, now = (distance_to_corridor(value, series.corridor) for value in (first, last))
    if now == then:
        return "steady", found
    return ("better" if now < then else "worse"), found


def _metric_snapshot(series: _Series, moved: tuple[Direction, Trend | None]) -> MetricSnapshot:
    metric, latest, earlier = series.metric, series.swings[-1], series.values[:-1]
    if metric is None:
        raise ValueError("a series of scores has no metric")
    return MetricSnapshot(
        metric_id=metric.id,
        name=metric.name,
        phase=metric.phase,
        view=latest.view,
        handedness=latest.handedness,
        unit=metric.unit,
        value=series.values[-1],
        trust=metric.trust,
        noise=metric.noise,
        corridor=metric.corridor,
        readings=len(series.values),
        earlier_median=median(earlier) if earlier else None,
        percentile=series.percentile,
        direction=moved[0],
        trend=moved[1],
        analysis_id=latest.analysis_id,
    )


def _score_snapshot(series: _Series, moved: tuple[Direction, Trend | None]) -> ScoreSnapshot:
    latest, middle = series.swings[-1], median(series.values)
    newest_first = list(zip(reversed(series.values), reversed(series.swings), strict=True))
    return ScoreSnapshot(
        view=latest.view,
        handedness=latest.handedness,
        value=int(series.values[-1]),
        scores=len(series.values),
        median=middle,
        percentile=series.percentile,
        direction=moved[0],
        trend=moved[1],
        best_analysis_id=max(newest_first, key=lambda one: one[0])[1].analysis_id,
        typical_analysis_id=min(newest_first, key=lambda one: abs(one[0] - middle))[1].analysis_id,
    )
