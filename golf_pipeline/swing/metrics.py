"""The numbers of a swing, each with all that is needed to judge it.

What a metric is (unit, sign, views, noise, corridor) stands in `knowledge/metrics.toml`; here is how it is computed, in
pixels of the upright image, so that angles are true. Signs follow the golfer: + is toward the target, toward the ball
or away from the ground, whatever the hand and whichever way the picture runs. Windows and directions are in
`readings.py`.
"""

from collections.abc import Callable

import numpy as np

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName, Metric, SwingSegmentation, TimeBase, Trust, View
from golf_pipeline.swing.geometry import Values, distance, foreshortened_turn_deg, inner_angle_deg, lean_deg, rise_deg
from golf_pipeline.swing.knowledge import MetricDefinition, Reading
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.readings import NotReadableError, SwingReader

ALGORITHM_VERSION = "2"

HIDDEN_BELOW = 0.2
"""Visibility of a metric's worst seen landmark under which it is not read: the pose model itself says it guesses. The
lead elbow behind the body reads 0.02-0.1 down-the-line at address (data/videos), where its place is free invention."""

DOUBTFUL_BELOW = 0.5
"""Visibility under which a metric is trusted less: MediaPipe's own drawing code leaves such landmarks out
(`drawing_utils`, visibility threshold 0.5)."""


def measure_swing(track: LandmarkTrack, segmentation: SwingSegmentation) -> tuple[Metric, ...]:
    """Return every metric of the knowledge base at each of its phases, in its order.

    A metric that this clip does not allow is there too: `unavailable`, without a value, with the reason.
    """
    swing = SwingReader(track, segmentation)
    return tuple(
        _metric(swing, definition, reading)
        for definition in knowledge.load().metrics.values()
        for reading in definition.readings
    )


Formula = Callable[[SwingReader, EventName], float]
SWING_PHASE = EventName.ADDRESS  # formulas of the whole swing are not told a phase


def _bend(swing: SwingReader) -> Values:
    return swing.ball * lean_deg(swing.middle("hip"), swing.middle("shoulder"))


def _tilt(swing: SwingReader) -> Values:
    return -swing.target * lean_deg(swing.middle("hip"), swing.middle("shoulder"))


def _flex(swing: SwingReader, *, lead: bool) -> Values:
    hip, knee, ankle = (swing.side(part, lead=lead) for part in ("hip", "knee", "ankle"))
    return 180 - inner_angle_deg(hip, knee, ankle)


def _toward_target(swing: SwingReader, part: str, phase: EventName) -> float:
    return swing.target * swing.since_address(swing.place(swing.middle(part), 0), phase)


def _thrust(swing: SwingReader, phase: EventName) -> float:
    return swing.ball * swing.since_address(swing.place(swing.middle("hip"), 0), phase)


def _lift(swing: SwingReader, part: str, phase: EventName) -> float:
    return -swing.since_address(swing.place(swing.middle(part), 1), phase)


def _lead_arm(swing: SwingReader, phase: EventName) -> float:
    shoulder, elbow, wrist = (swing.side(part, lead=True) for part in ("shoulder", "elbow", "wrist"))
    return swing.read(inner_angle_deg(shoulder, elbow, wrist), phase)


def _knee_brace(swing: SwingReader, _: EventName) -> float:
    flex = _flex(swing, lead=True)
    return swing.read(flex, EventName.TOP) - swing.read(flex, EventName.MID_FOLLOW_THROUGH)


def _shoulder_tilt(swing: SwingReader, phase: EventName) -> float:
    return swing.read(rise_deg(swing.side("shoulder", lead=False), swing.side("shoulder", lead=True)), phase)


def _shoulder_flatness(swing: SwingReader, phase: EventName) -> float:
    """Square to a kept spine, the shoulder line at the top falls toward the ball by the spine's bend."""
    plane = rise_deg(swing.side("shoulder", lead=True), swing.side("shoulder", lead=False))
    return swing.read(_bend(swing), EventName.ADDRESS) - swing.read(plane, phase)


def _head_stability(swing: SwingReader, _: EventName) -> float:
    ears = swing.middle("ear")
    ears = np.stack([swing.place(ears, axis) for axis in (0, 1)], axis=1)
    home = np.array([swing.read(ears[:, axis], EventName.ADDRESS) for axis in (0, 1)])
    way = distance(np.broadcast_to(home, ears.shape), ears)[swing.until_impact()]
    return float(np.nanmax(way)) if not np.isnan(way).all() else float("nan")


def _turn(swing: SwingReader, part: str, phase: EventName) -> float:
    width = np.abs((swing.point(f"left_{part}") - swing.point(f"right_{part}"))[:, 0])
    return foreshortened_turn_deg(swing.read(width, phase), swing.read(width, EventName.ADDRESS))


def _over_stance(swing: SwingReader) -> Values:
    ankles = np.abs((swing.point("left_ankle") - swing.point("right_ankle"))[:, 0])
    stance = swing.read(ankles, EventName.ADDRESS)
    if not stance > 0:
        raise NotReadableError("the feet are not seen at address")
    return swing.target * (swing.middle("hip") - swing.middle("ankle"))[:, 0] / stance


def _balance_drift(swing: SwingReader, _: EventName) -> float:
    way = _over_stance(swing)[swing.until_impact()]
    return float(np.nanmax(way) - np.nanmin(way)) if not np.isnan(way).all() else float("nan")


def _hand_path_outside(swing: SwingReader, _: EventName) -> float:
    """Mean horizontal way of the downswing hands from the backswing path, over the heights that both pass."""
    hands = np.stack([swing.place(swing.hands(), axis) for axis in (0, 1)], axis=1)
    swing.read(hands[:, 0], EventName.MID_DOWNSWING)
    up = hands[swing.sample[EventName.TOE_UP] : swing.sample[EventName.TOP] + 1]
    down = hands[swing.sample[EventName.TOP] : swing.sample[EventName.MID_DOWNSWING] + 1]
    up, down = up[~np.isnan(up[:, 0])], down[~np.isnan(down[:, 0])]
    if len(up) < 2 or not len(down):
        return float("nan")
    order = np.argsort(up[:, 1])
    shared = (down[:, 1] >= up[:, 1].min()) & (down[:, 1] <= up[:, 1].max())
    if not shared.any():
        return float("nan")
    back = np.interp(down[shared, 1], up[order, 1], up[order, 0])
    return float(np.mean(swing.ball * (down[shared, 0] - back)))


def _stance_width(swing: SwingReader, phase: EventName) -> float:
    ankles, shoulders = (
        np.abs((swing.point(f"left_{part}") - swing.point(f"right_{part}"))[:, 0]) for part in ("ankle", "shoulder")
    )
    width = swing.read(shoulders, phase)
    return swing.read(ankles, phase) / width if width > 0 else float("nan")


def _hands_ahead(swing: SwingReader, phase: EventName) -> float:
    return swing.target * swing.read((swing.hands() - swing.middle("ankle"))[:, 0], phase) / swing.torso


def _ear_forward(swing: SwingReader, phase: EventName) -> float:
    return swing.ball * swing.read((swing.middle("ear") - swing.middle("shoulder"))[:, 0], phase) / swing.torso


def _exact(swing: SwingReader, event: EventName) -> float:
    return swing.segmentation.event(event).exact_frame


def _tempo(swing: SwingReader, _: EventName) -> float:
    address, top, impact = (_exact(swing, one) for one in (EventName.ADDRESS, EventName.TOP, EventName.IMPACT))
    if impact <= top:
        raise NotReadableError("top and impact fall on one frame")
    return (top - address) / (impact - top)


def _seconds(swing: SwingReader, first: EventName, last: EventName) -> float:
    capture = swing.segmentation.capture
    recorded = swing.segmentation.event(last).time_s - swing.segmentation.event(first).time_s
    if capture.time_base == TimeBase.REAL:
        return recorded
    if capture.slow_motion_factor and "slow_motion_factor" in capture.given:
        return recorded / capture.slow_motion_factor
    # The factor is itself estimated from the downswing, so seconds that came of it would say nothing.
    raise NotReadableError("the clip may be in slow motion: its seconds are not those of the swing")


FORMULAS: dict[str, Formula] = {
    "spine_forward_bend": lambda swing, phase: swing.read(_bend(swing), phase),
    "posture_change": lambda swing, phase: swing.since_address(_bend(swing), phase),
    "secondary_axis_tilt": lambda swing, phase: swing.read(_tilt(swing), phase),
    "pelvis_sway": lambda swing, phase: _toward_target(swing, "hip", phase),
    "pelvis_thrust": _thrust,
    "pelvis_lift": lambda swing, phase: _lift(swing, "hip", phase),
    "chest_sway": lambda swing, phase: _toward_target(swing, "shoulder", phase),
    "head_sway": lambda swing, phase: _toward_target(swing, "ear", phase),
    "head_lift": lambda swing, phase: _lift(swing, "ear", phase),
    "head_stability": _head_stability,
    "shoulder_tilt": _shoulder_tilt,
    "shoulder_flatness": _shoulder_flatness,
    "knee_flex_lead": lambda swing, phase: swing.read(_flex(swing, lead=True), phase),
    "knee_flex_trail": lambda swing, phase: swing.read(_flex(swing, lead=False), phase),
    "knee_brace": _knee_brace,
    "tempo": _tempo,
    "backswing_time": lambda swing, _: _seconds(swing, EventName.ADDRESS, EventName.TOP),
    "downswing_time": lambda swing, _: _seconds(swing, EventName.TOP, EventName.IMPACT),
    "lead_arm": _lead_arm,
    "hand_path_outside": _hand_path_outside,
    "shoulder_turn": lambda swing, phase: _turn(swing, "shoulder", phase),
    "pelvis_turn": lambda swing, phase: _turn(swing, "hip", phase),
    "balance_position": lambda swing, phase: swing.read(_over_stance(swing), phase),
    "balance_drift": _balance_drift,
    "ear_forward": _ear_forward,
    "stance_width": _stance_width,
    "hands_ahead": _hands_ahead,
}
"""How each metric is computed; one without a formula is unavailable by its definition."""


_FROM_ADDRESS = frozenset({"tempo", "backswing_time"})
_TIMES = frozenset({"backswing_time", "downswing_time"})


def _metric(swing: SwingReader, definition: MetricDefinition, reading: Reading) -> Metric:
    phase = None if reading.phase == "swing" else EventName(reading.phase)
    swing.start()
    try:
        value, trust, reason = _value(swing, definition, phase)
    except NotReadableError as missing:
        value, trust, reason = None, Trust.UNAVAILABLE, missing.reason
    return Metric(
        id=definition.id,
        name=definition.name,
        phase=phase,
        value=None if value is None else round(value, 3),
        unit=definition.unit,
        trust=trust,
        reason=reason,
        noise=_noise(swing, definition, phase, value),
        valid_views=definition.views,
        corridor=reading.bounds,
        corridor_source=reading.corridor_source,
        frames=() if value is None else _frames(swing, phase),
    )


def _value(swing: SwingReader, definition: MetricDefinition, phase: EventName | None) -> tuple[float, Trust, str]:
    if definition.most_trust == Trust.UNAVAILABLE:
        raise NotReadableError(definition.trust_reason)
    if swing.view not in (*definition.views, View.OBLIQUE):
        named = " or ".join(view.value for view in definition.views)
        raise NotReadableError(f"it can only be read {named}; this clip is {swing.view.value}")
    value = FORMULAS[definition.id](swing, phase or SWING_PHASE)
    if not np.isfinite(value):
        raise NotReadableError("the body parts it needs were not seen at that moment")
    visible = swing.visibility()
    if visible < HIDDEN_BELOW:
        raise NotReadableError("the body parts it needs are hidden at that moment")
    doubt = _doubt(swing, definition, visible)
    trust, reason = definition.trust_at(phase, swing.view)
    return value, Trust.LOW if doubt and trust == Trust.MEASURED else trust, "; ".join(filter(None, (reason, doubt)))


def _doubt(swing: SwingReader, definition: MetricDefinition, visible: float) -> str:
    """What lowers the trust in this clip's reading; empty: nothing."""
    if swing.view not in definition.views:
        named = " or ".join(view.value for view in definition.views)
        return f"the camera stands oblique to the swing; it is true only {named}"
    if visible < DOUBTFUL_BELOW:
        return "the body parts it needs are partly hidden"
    if definition.id in _FROM_ADDRESS and swing.sample[EventName.ADDRESS] == swing.scene[0]:
        return "the recording begins at address or after it, so the backswing may be longer"
    if definition.id in _TIMES and swing.segmentation.capture.time_base != TimeBase.REAL:
        return "estimated: recorded seconds divided by the slow-motion factor that was given"
    return swing.doubt()


def _noise(
    swing: SwingReader, definition: MetricDefinition, phase: EventName | None, value: float | None
) -> float | None:
    """The definition's figure; a time or a ratio of times is never known better than to a frame of this clip."""
    if value is None or definition.noise is None or definition.unit not in {"ratio", "s"}:
        return definition.noise_at(phase)
    # Outside the swing the pose was looked at less often.
    whole = slice(swing.sample[EventName.ADDRESS], swing.sample[EventName.FINISH] + 1)
    frames, times = swing.track.frame[whole], swing.track.time_s[whole]
    if len(frames) < 2:
        return definition.noise
    if definition.unit == "ratio":
        downswing = _exact(swing, EventName.IMPACT) - _exact(swing, EventName.TOP)
        return round(max(definition.noise, value / downswing * float(np.median(np.diff(frames)))), 3)
    factor = swing.segmentation.capture.slow_motion_factor or 1.0
    return round(max(definition.noise, float(np.median(np.diff(times))) / factor), 4)


def _frames(swing: SwingReader, phase: EventName | None) -> tuple[int, ...]:
    if phase is None:
        named = (EventName.ADDRESS, EventName.TOP, EventName.IMPACT)
        return tuple(swing.segmentation.frame_of(name) for name in named)
    return tuple(swing.track.frame[swing.around(phase)].tolist())
