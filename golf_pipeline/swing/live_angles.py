"""The angles that the annotated video shows while it plays: those that its view shows truly and that were measured.

They are read as the metrics are (`readings.py`), in every frame instead of at the events, and shown until impact: past
it the body turns out of the plane in which they mean something.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName, Handedness, Metric, SwingSegmentation, Trust, View
from golf_pipeline.swing.drawing import LEAST_VISIBILITY
from golf_pipeline.swing.geometry import inner_angle_deg, lean_deg, rise_deg
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.readings import NotReadableError, SwingReader

Floats = NDArray[np.float64]

MOST_ANGLES = 2

_COUNTS = frozenset({Trust.MEASURED, Trust.LOW})


@dataclass(frozen=True)
class LiveAngle:
    """One angle over time: degrees at seconds of the recording, NaN where what it needs is not seen."""

    time_s: Floats
    degrees: Floats
    words: Callable[[float], str]

    def at(self, time_s: float) -> str:
        """What is shown at a time; empty where the angle is not known."""
        value = float(np.interp(time_s, self.time_s, self.degrees, left=np.nan, right=np.nan))
        return self.words(value) if np.isfinite(value) else ""


@dataclass(frozen=True)
class _Definition:
    """`needs` are the parts of the body that must be seen: on both sides, or on the trail side alone."""

    metric_id: str
    needs: tuple[str, ...]
    trail_only: bool
    series: Callable[[SwingReader], Floats]
    words: Callable[[float], str]


_BY_VIEW = {
    View.DOWN_THE_LINE: (
        _Definition(
            "spine_forward_bend",
            ("hip", "shoulder"),
            False,
            lambda swing: swing.ball * lean_deg(swing.middle("hip"), swing.middle("shoulder")),
            lambda value: f"spine bend {value:.0f}°",
        ),
        _Definition(
            "knee_flex_trail",
            ("hip", "knee", "ankle"),
            True,
            lambda swing: 180 - inner_angle_deg(*(swing.side(part, lead=False) for part in ("hip", "knee", "ankle"))),
            lambda value: f"trail knee flex {value:.0f}°",
        ),
    ),
    View.FACE_ON: (
        _Definition(
            "secondary_axis_tilt",
            ("hip", "shoulder"),
            False,
            lambda swing: -swing.target * lean_deg(swing.middle("hip"), swing.middle("shoulder")),
            lambda value: f"axis tilt {abs(value):.0f}° {'from' if value >= 0 else 'to'} the target",
        ),
        _Definition(
            "shoulder_tilt",
            ("shoulder",),
            False,
            lambda swing: rise_deg(swing.side("shoulder", lead=False), swing.side("shoulder", lead=True)),
            lambda value: f"lead shoulder {abs(value):.0f}° {'higher' if value >= 0 else 'lower'}",
        ),
    ),
}


def shown_angles(segmentation: SwingSegmentation, metrics: tuple[Metric, ...]) -> frozenset[str]:
    """The metrics whose angle is drawn: those of the view that this clip allows to measure."""
    known = {metric.id for metric in metrics if metric.value is not None and metric.trust in _COUNTS}
    return frozenset(one.metric_id for one in _BY_VIEW.get(segmentation.capture.view, ()) if one.metric_id in known)


def live_angles(
    track: LandmarkTrack, segmentation: SwingSegmentation, metrics: tuple[Metric, ...]
) -> tuple[LiveAngle, ...]:
    """At most two angles, each a metric that was measured in this clip."""
    shown = shown_angles(segmentation, metrics)
    angles = []
    for definition in _BY_VIEW.get(segmentation.capture.view, ()):
        if definition.metric_id in shown:
            swing = SwingReader(track, segmentation)
            try:
                series = definition.series(swing)
            except NotReadableError:
                continue
            angles.append(_angle(swing, series, definition))
    return tuple(angles[:MOST_ANGLES])


def _angle(swing: SwingReader, series: Floats, definition: _Definition) -> LiveAngle:
    trail = "right" if swing.hand == Handedness.RIGHT else "left"
    sides = (trail,) if definition.trail_only else ("left", "right")
    needed = [INDEX[f"{side}_{part}"] for side in sides for part in definition.needs]
    seen = swing.track.visibility[:, needed].min(axis=1) >= LEAST_VISIBILITY
    start, end = swing.scene
    seen[:start] = seen[min(end, swing.sample[EventName.IMPACT] + 1) :] = False
    return LiveAngle(swing.track.time_s, np.where(seen, series, np.nan), definition.words)
