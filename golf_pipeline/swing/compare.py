"""Two swings against each other: what changed by more than the instrument's noise, and what cannot be compared.

Numbers follow the golfer (toward the target, lead, trail), so a left-hander's compare with a right-hander's. They do
not follow the camera: a number that is read from one side is not compared with one read from another. Pictures of a
comparison are `compare_pictures.py`, its files `compare_files.py`; trends over many swings are `profile.py`.
"""

from math import hypot, isfinite
from typing import Literal

from pydantic import Field

from golf_pipeline.swing.documents import (
    Capture,
    Document,
    EventName,
    Finding,
    Findings,
    Handedness,
    Metric,
    Severity,
    SwingAnalysis,
    TimeBase,
    Trust,
    View,
)

ALGORITHM_VERSION = "1"
COMPARISON_SCHEMA_VERSION = "1.0"

TREND_SIGMAS = 2.0
"""Change in standard deviations of the difference of two readings from which it is not noise (95 %, two-sided)."""

_COUNTS = frozenset({Trust.MEASURED, Trust.LOW})

_MEASURING = ("pose", "events", "metrics")
_JUDGING = (*_MEASURING, "findings")
"""Stages whose version decides what a number, and what a verdict, of one swing is."""

Verdict = Literal["better", "worse", "changed", "within noise", "not comparable"]
Change = Literal["gained", "lost", "kept", "not comparable"]


class NothingToCompare(ValueError):
    """An analysis that was refused holds no swing; the message says which of the two and why."""


class ComparedSwing(Document):
    """One of the two swings: how it was filmed and what was concluded."""

    view: View
    handedness: Handedness
    time_base: TimeBase
    overall_level: str
    score: int | None = Field(description="0..100; None: too little was judged")


class ComparedMetric(Document):
    """One metric at one phase in both swings. Verdicts other than `not comparable` have both values and a noise."""

    metric_id: str
    name: str
    phase: EventName | None = Field(description="the event it was read at; None for the whole swing")
    unit: str
    first: float | None
    second: float | None
    difference: float | None = Field(description="second minus first")
    noise: float | None = Field(description="of the difference (one sigma-like), in the same unit")
    corridor: tuple[float | None, float | None] | None
    verdict: Verdict = Field(description="towards the corridor is better; `changed` where it says nothing")
    reason: str = ""


class ComparedFault(Document):
    """A fault that was found in one of the swings or in both."""

    fault_id: str
    name: str
    change: Change
    first_severity: Severity | None
    second_severity: Severity | None
    reason: str = ""


class SwingComparison(Document):
    """`comparison.json`: the second swing against the first."""

    schema_version: str = COMPARISON_SCHEMA_VERSION
    algorithm_version: str = ALGORITHM_VERSION
    comparable: bool = Field(description="whether positions of the body compare; times do from any two sides")
    reason: str = Field(default="", description="why they do not")
    score_reason: str = Field(
        default="", description="why the two scores do not compare; empty: they do, or one is missing"
    )
    mirrored: bool = Field(description="one golfer plays right-handed, the other left-handed")
    first: ComparedSwing
    second: ComparedSwing
    metrics: tuple[ComparedMetric, ...]
    faults: tuple[ComparedFault, ...]


def noise_of_difference(noise_a: float, noise_b: float) -> float:
    """Typical error of the difference of two independent readings, from the typical error of each."""
    return hypot(noise_a, noise_b)


def is_beyond_noise(difference: float, noise_a: float, noise_b: float) -> bool:
    """Whether two readings differ by more than their noise explains (`TREND_SIGMAS`), all in the same unit."""
    return abs(difference) > TREND_SIGMAS * noise_of_difference(noise_a, noise_b)


def distance_to_corridor(value: float, corridor: tuple[float | None, float | None]) -> float:
    """How far outside the corridor of good swings a value is, in its unit; 0 inside."""
    low, high = corridor
    if low is not None and value < low:
        return low - value
    if high is not None and value > high:
        return value - high
    return 0.0


def compare_swings(first: SwingAnalysis, second: SwingAnalysis) -> SwingComparison:
    """Compare the second swing with the first.

    Raises:
        NothingToCompare: one of them was refused.
    """
    captures = _capture(first, "first"), _capture(second, "second")
    hands = {capture.handedness for capture in captures}
    versions = _other_versions(first, second, _MEASURING)
    sides = _why_not(*captures)
    judged = _other_versions(first, second, _JUDGING) or sides
    others = {(metric.id, metric.phase): metric for metric in second.metrics}
    pairs = [
        (metric, others[metric.id, metric.phase]) for metric in first.metrics if (metric.id, metric.phase) in others
    ]
    metrics = tuple(_compare(one, other, captures, versions, sides) for one, other in pairs)
    return SwingComparison(
        comparable=not (versions or sides),
        reason=versions or sides,
        score_reason=judged or _other_parts(first.findings, second.findings),
        mirrored=hands == {Handedness.LEFT, Handedness.RIGHT},
        first=_side(captures[0], first.findings),
        second=_side(captures[1], second.findings),
        metrics=metrics,
        faults=_compare_faults(first.findings, second.findings, metrics, judged),
    )


def _capture(analysis: SwingAnalysis, which: str) -> Capture:
    if analysis.refusal is not None:
        raise NothingToCompare(f"The {which} clip was refused: {analysis.refusal.message}")
    if analysis.capture is None:
        raise NothingToCompare(
            f"The {which} analysis holds no swing: its `capture` is missing. Analyse the video again."
        )
    return analysis.capture


def _side(capture: Capture, findings: Findings | None) -> ComparedSwing:
    return ComparedSwing(
        view=capture.view,
        handedness=capture.handedness,
        time_base=capture.time_base,
        overall_level=findings.overall_level if findings else "not enough evidence",
        score=findings.score.value if findings and findings.score else None,
    )


def _why_not(first: Capture, second: Capture) -> str:
    """Why positions of the body do not compare; empty: they do."""
    if first.view != second.view:
        return f"the swings were filmed from different sides ({first.view} and {second.view})"
    if first.view == View.OBLIQUE:
        return "both cameras stood oblique to the swing, each at its own angle"
    return ""


def _other_versions(first: SwingAnalysis, second: SwingAnalysis, stages: tuple[str, ...]) -> str:
    """Why two analyses do not compare at all: another version may read the same swing otherwise; empty: they do."""
    for stage in stages:
        one, other = (analysis.algorithm_versions.get(stage, "none") for analysis in (first, second))
        if one != other:
            return f"analysed by different versions of the program ({stage} {one} and {other}): analyse both again"
    return ""


def _other_parts(first: Findings | None, second: Findings | None) -> str:
    """Why two scores of one view do not compare; empty: they do, or there are no two."""
    scores = [findings.score for findings in (first, second) if findings and findings.score]
    if len(scores) < 2 or any(score.value is None for score in scores):
        return ""
    parts = [{(part.fault_id, part.most_points) for part in score.parts} for score in scores]
    return "" if parts[0] == parts[1] else "not the same faults could be judged from measured numbers in both"


def _compare(
    first: Metric, second: Metric, captures: tuple[Capture, Capture], versions: str, sides: str
) -> ComparedMetric:
    reason = versions or _why_not_this(first, second, captures, sides)
    difference = noise = None
    verdict: Verdict = "not comparable"
    if not reason and first.value is not None and second.value is not None:
        difference = round(second.value - first.value, 3)
        noise = round(noise_of_difference(first.noise or 0.0, second.noise or 0.0), 4)
        verdict, reason = _verdict(first, second)
    return ComparedMetric(
        metric_id=second.id,
        name=second.name,
        phase=second.phase,
        unit=second.unit,
        first=first.value,
        second=second.value,
        difference=difference,
        noise=noise,
        corridor=second.corridor,
        verdict=verdict,
        reason=reason,
    )


def _why_not_this(first: Metric, second: Metric, captures: tuple[Capture, Capture], sides: str) -> str:
    for which, metric in (("first", first), ("second", second)):
        if metric.value is None or not isfinite(metric.value):
            return f"not measured in the {which} swing: {metric.reason}"
        if metric.trust not in _COUNTS:
            return f"in the {which} swing it shows the direction only"
    if sides and not _is_read_from_any_side(second):
        return sides
    if first.unit != second.unit:
        return f"measured in different units ({first.unit} and {second.unit}): analyse both videos again"
    if second.unit == "s" and captures[0].time_base != captures[1].time_base:
        return "one swing is in real time, the other in slow motion"
    if first.noise is None or second.noise is None:
        return "its noise is not known"
    return ""


def _is_read_from_any_side(metric: Metric) -> bool:
    return set(metric.valid_views) == set(View)


def _verdict(first: Metric, second: Metric) -> tuple[Verdict, str]:
    """The verdict on a pair whose values and noises are known, and what weakens it."""
    before, after = first.value or 0.0, second.value or 0.0
    if not is_beyond_noise(after - before, first.noise or 0.0, second.noise or 0.0):
        return "within noise", ""
    weak = "low trust: a hint, not a result" if Trust.LOW in {first.trust, second.trust} else ""
    if second.corridor is None:
        return "changed", weak
    then, now = (distance_to_corridor(value, second.corridor) for value in (before, after))
    if then == now:
        return "changed", weak or "both are in the range of good swings" if now == 0 else weak
    return ("better" if now < then else "worse"), weak


def _compare_faults(
    first: Findings | None, second: Findings | None, metrics: tuple[ComparedMetric, ...], why_not: str
) -> tuple[ComparedFault, ...]:
    """What was found in either swing, in the order of the second and then of the first."""
    if first is None or second is None:
        return ()
    before, after = ({one.fault_id: one for one in findings.findings} for findings in (first, second))
    unjudged = tuple({one.fault_id: one.reason for one in findings.not_judged} for findings in (first, second))
    verdicts = {(one.metric_id, one.phase): one.verdict for one in metrics}
    compared = []
    for fault_id in (*after, *(one for one in before if one not in after)):
        then, now = before.get(fault_id), after.get(fault_id)
        shown = now or then
        if shown is None:
            continue
        change, reason = _change(fault_id, then, now, unjudged, why_not)
        if change in {"gained", "lost"} and not reason and _moved_within_noise(shown, verdicts):
            reason = "its number changed by less than its noise: the two swings may be alike"
        compared.append(
            ComparedFault(
                fault_id=fault_id,
                name=shown.name,
                change=change,
                first_severity=then.severity if then else None,
                second_severity=now.severity if now else None,
                reason=reason,
            )
        )
    return tuple(compared)


def _change(
    fault_id: str,
    then: Finding | None,
    now: Finding | None,
    unjudged: tuple[dict[str, str], ...],
    why_not: str,
) -> tuple[Change, str]:
    for which, reasons in zip(("first", "second"), unjudged, strict=True):
        if fault_id in reasons:
            return "not comparable", f"not judged in the {which} swing: {reasons[fault_id]}"
    if then is not None and now is not None:
        return "kept", ""
    if why_not:
        return "not comparable", why_not
    return ("lost", "") if now is None else ("gained", "")


def _moved_within_noise(finding: Finding, verdicts: dict[tuple[str, EventName | None], Verdict]) -> bool:
    deciding = finding.evidence[0] if finding.evidence else None
    return deciding is not None and verdicts.get((deciding.metric_id, deciding.phase)) == "within noise"
