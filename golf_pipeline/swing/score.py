"""The score: 0..100 points, of which each fault that could be judged from measured numbers may take some.

A swing starts with 100 points. Each judged fault has a cost at its worst (`knowledge/faults.toml`, with its reason) and
takes as much of it as its signs show:

    share = first * (SHARE_OF_FIRST + (1 - SHARE_OF_FIRST) * second)

where `first` and `second` say, from 0 to 1, how far a sign has come on its `scale`: 0 up to the end where coaching or
tour players see nothing in it, 1 from where the fault is grave. Where a fault needs its second sign
(`supporting_must_not_deny`) the first takes nothing by itself. So the score falls with the
readings, never rises with a worse one, and has no step: one reading that changes by its noise moves it by at most 13
points (`largest_slope`: the change of spine bend, which two faults share, both at their worst) and by nothing while it
is short of its scale.

**What is missing is not scored.** Only readings with trust `measured` count. A fault whose first sign is missing is no
part of the score; one whose second sign is missing, or that has none, can cost only the share of the first. The parts
say what was judged and how much each could have cost; where they could cost less than half of what this view can show,
or fewer than two faults were judged, there is no value. Nor is there one where a sign shows in a number that the view
can measure and this clip leaves doubtful: a movement so wild that the pose of it is doubted must not raise the score.
So two scores compare where they have the same parts (`compare.py` and `profile.py` keep to it), and scores of different
views never do.

It grades how the body moves, not where the ball goes.
"""

from collections.abc import Mapping

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName, Metric, ScorePart, SwingScore, Trust, View
from golf_pipeline.swing.knowledge import FaultDefinition, Signal

SHARE_OF_FIRST = 0.5
"""Share of its cost that a fault takes by its first sign alone: what is seen in one way only counts half."""

LEAST_PARTS = 2
LEAST_SHARE = 0.5
"""Share of what this view can cost that must have been judged for a value."""

Readings = Mapping[tuple[str, EventName | None], float]
"""Measured values by metric and phase (None: the whole swing)."""


def score_swing(metrics: tuple[Metric, ...], view: View) -> SwingScore:
    """Score one swing from its measured readings; the same metrics give the same score."""
    readings = {
        (metric.id, metric.phase): metric.value
        for metric in metrics
        if metric.trust == Trust.MEASURED and metric.value is not None
    }
    parts = tuple(part for fault in knowledge.load().faults.values() if (part := _part(fault, readings)))
    if view == View.OBLIQUE:
        return SwingScore(value=None, parts=(), reason="from an oblique camera no fault is judged")
    if len(parts) < LEAST_PARTS:
        return SwingScore(value=None, parts=parts, reason="fewer than two faults could be judged from measured numbers")
    if sum(part.most_points for part in parts) < LEAST_SHARE * _possible(view):
        reason = "less than half of what this view can show could be judged from measured numbers"
        return SwingScore(value=None, parts=parts, reason=reason)
    if name := _doubted(metrics, view, readings):
        reason = f"a sign of {name.lower()} shows in a number that is doubted in this clip"
        return SwingScore(value=None, parts=parts, reason=reason)
    lost = sum(part.most_points - part.points for part in parts)
    return SwingScore(value=max(0, round(100 - lost)), parts=parts)


def largest_slope() -> float:
    """Most points by which the score changes when one reading changes by its noise, all else being at its worst."""
    slopes: dict[tuple[str, EventName | None], list[tuple[float, float, float]]] = {}
    for fault in knowledge.load().faults.values():
        for signal in fault.signals:
            metric = knowledge.load().metrics[signal.metric]
            if not any(metric.trust_at(signal.event, view)[0] == Trust.MEASURED for view in metric.views):
                continue
            (low, high), noise = sorted(signal.scale), metric.noise_at(signal.event) or 0.0
            is_whole = signal is fault.primary or fault.supporting_must_not_deny
            cost = fault.cost * (1.0 if is_whole else 1 - SHARE_OF_FIRST)
            slopes.setdefault((signal.metric, signal.event), []).append((low, high, cost * noise / (high - low)))
    # A sum of slopes is greatest just above the lower end of one of the scales.
    return max(
        sum(slope for low, high, slope in scales if low <= at < high)
        for scales in slopes.values()
        for at, _, _ in scales
    )


def _part(fault: FaultDefinition, readings: Readings) -> ScorePart | None:
    """What one fault takes and could take; None where its first sign was not measured."""
    first, second = _on_scale(fault.primary, readings), _on_scale(fault.supporting, readings)
    alone = 0.0 if fault.supporting_must_not_deny else SHARE_OF_FIRST
    most = fault.cost * (alone if second is None else 1.0)
    if first is None or most == 0:
        return None
    lost = fault.cost * first * (alone if second is None else alone + (1 - alone) * second)
    return ScorePart(fault_id=fault.id, name=fault.name, points=round(most - lost, 2), most_points=round(most, 2))


def _doubted(metrics: tuple[Metric, ...], view: View, readings: Readings) -> str | None:
    """The fault of which a sign shows that this view can measure and this clip leaves doubtful; None: there is none."""
    known = knowledge.load()
    doubted = {
        (metric.id, metric.phase): metric.value
        for metric in metrics
        if metric.trust == Trust.LOW
        and metric.value is not None
        and known.metrics[metric.id].trust_at(metric.phase, view)[0] == Trust.MEASURED
    }
    for fault in known.faults.values():
        first = _on_scale(fault.primary, readings)
        sign = fault.primary if first is None else fault.supporting if first > 0 else None
        if _on_scale(sign, doubted):
            return fault.name
    return None


def _on_scale(signal: Signal | None, readings: Readings) -> float | None:
    """0 (fine) to 1 (as bad as the scale goes); None: not measured."""
    if signal is None or (signal.metric, signal.event) not in readings:
        return None
    fine, worst = signal.scale
    return min(1.0, max(0.0, (readings[signal.metric, signal.event] - fine) / (worst - fine)))


def _possible(view: View) -> float:
    """Points that faults can cost in a clip from this view in which everything is seen."""
    seen = {
        (metric.id, reading.event): 0.0
        for metric in knowledge.load().metrics.values()
        for reading in metric.readings
        if view in metric.views and metric.trust_at(reading.event, view)[0] == Trust.MEASURED
    }
    return sum(part.most_points for fault in knowledge.load().faults.values() if (part := _part(fault, seen)))
