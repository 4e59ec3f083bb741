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

ALGORITHM_VERSION = "1"

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


Formula = Callable[[_Swing, EventName], float]
SWING_PHASE = EventName.ADDRESS  # formulas of the whole swing are not told a phase


def _bend(swing: _Swing) -> Values:
    return swing.ball * lean_deg(swing.middle("hip"), swing.middle("shoulder"))


def _tilt(swing: _Swing) -> Values:
    return -swing.target * lean_deg(swing.middle("hip"), swing.middle("shoulder"))


def _along(swing: _Swing, part: str, axis: int, sign: float) -> Values:
    return sign * swing.middle(part)[:, axis] / swing.torso


def _flex(swing: _Swing, *, lead: bool) -> Values:
    hip, knee, ankle = (swing.side(part, lead=lead) for part in ("hip", "knee", "ankle"))
    return 180 - inner_angle_deg(hip, knee, ankle)


def _lead_arm(swing: _Swing, phase: EventName) -> float:
    shoulder, elbow, wrist = (swing.side(part, lead=True) for part in ("shoulder", "elbow", "wrist"))
    return swing.read(inner_angle_deg(shoulder, elbow, wrist), phase)


def _shoulder_tilt(swing: _Swing, phase: EventName) -> float:
    return swing.read(rise_deg(swing.side("shoulder", lead=False), swing.side("shoulder", lead=True)), phase)


def _head_stability(swing: _Swing, _: EventName) -> float:
    ears = swing.middle("ear")
    home = np.array([swing.read(ears[:, axis], EventName.ADDRESS) for axis in (0, 1)])
    way = distance(np.broadcast_to(home, ears.shape), ears)[swing.until_impact()]
    return float(np.nanmax(way)) / swing.torso if not np.isnan(way).all() else float("nan")


def _turn(swing: _Swing, part: str, phase: EventName) -> float:
    width = np.abs((swing.point(f"left_{part}") - swing.point(f"right_{part}"))[:, 0])
    return foreshortened_turn_deg(swing.read(width, phase), swing.read(width, EventName.ADDRESS))


def _over_stance(swing: _Swing) -> Values:
    ankles = np.abs((swing.point("left_ankle") - swing.point("right_ankle"))[:, 0])
    stance = swing.read(ankles, EventName.ADDRESS)
    if not stance > 0:
        raise _Missing("the feet are not seen at address")
    return swing.target * (swing.middle("hip") - swing.middle("ankle"))[:, 0] / stance


def _balance_drift(swing: _Swing, _: EventName) -> float:
    way = _over_stance(swing)[swing.until_impact()]
    return float(np.nanmax(way) - np.nanmin(way)) if not np.isnan(way).all() else float("nan")


def _hand_path_outside(swing: _Swing, _: EventName) -> float:
    """Mean horizontal way of the downswing hands from the backswing path, over the heights that both pass."""
    hands = swing.middle("wrist")
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
    return float(np.mean(swing.ball * (down[shared, 0] - back))) / swing.torso


def _ear_forward(swing: _Swing, phase: EventName) -> float:
    return swing.read(swing.ball * (swing.middle("ear") - swing.middle("shoulder"))[:, 0], phase) / swing.torso


def _exact(swing: _Swing, event: EventName) -> float:
    return swing.segmentation.event(event).exact_frame


def _tempo(swing: _Swing, _: EventName) -> float:
    address, top, impact = (_exact(swing, one) for one in (EventName.ADDRESS, EventName.TOP, EventName.IMPACT))
    return (top - address) / (impact - top) if impact > top else float("nan")


def _seconds(swing: _Swing, first: EventName, last: EventName) -> float:
    capture = swing.segmentation.capture
    recorded = swing.segmentation.event(last).time_s - swing.segmentation.event(first).time_s
    if capture.time_base == TimeBase.REAL:
        return recorded
    if capture.slow_motion_factor and "slow_motion_factor" in capture.given:
        return recorded / capture.slow_motion_factor
    # The factor is itself estimated from the downswing, so seconds that came of it would say nothing.
    raise _Missing("the clip is in slow motion: its seconds are not those of the swing")


FORMULAS: dict[str, Formula] = {
    "spine_forward_bend": lambda swing, phase: swing.read(_bend(swing), phase),
    "posture_change": lambda swing, phase: swing.since_address(_bend(swing), phase),
    "secondary_axis_tilt": lambda swing, phase: swing.read(_tilt(swing), phase),
    "pelvis_sway": lambda swing, phase: swing.since_address(_along(swing, "hip", 0, swing.target), phase),
    "pelvis_thrust": lambda swing, phase: swing.since_address(_along(swing, "hip", 0, swing.ball), phase),
    "pelvis_lift": lambda swing, phase: swing.since_address(_along(swing, "hip", 1, -1.0), phase),
    "head_sway": lambda swing, phase: swing.since_address(_along(swing, "ear", 0, swing.target), phase),
    "head_lift": lambda swing, phase: swing.since_address(_along(swing, "ear", 1, -1.0), phase),
    "head_stability": _head_stability,
    "shoulder_tilt": _shoulder_tilt,
    "knee_flex_lead": lambda swing, phase: swing.read(_flex(swing, lead=True), phase),
    "knee_flex_trail": lambda swing, phase: swing.read(_flex(swing, lead=False), phase),
    "knee_brace": lambda swing, _: (
        swing.read(_flex(swing, lead=True), EventName.TOP)
        - swing.read(_flex(swing, lead=True), EventName.MID_FOLLOW_THROUGH)
    ),
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
}
"""How each metric is computed; one without a formula is unavailable by its definition."""


_FROM_ADDRESS = frozenset({"tempo", "backswing_time"})


def _metric(swing: _Swing, definition: MetricDefinition, reading: Reading) -> Metric:
    phase = None if reading.phase == "swing" else EventName(reading.phase)
    try:
        value, trust, reason = _value(swing, definition, phase)
    except _Missing as missing:
        value, trust, reason = None, Trust.UNAVAILABLE, missing.reason
    low, high = reading.corridor or ("none", "none")
    return Metric(
        id=definition.id,
        name=definition.name,
        phase=phase,
        value=None if value is None else round(value, 3),
        unit=definition.unit,
        trust=trust,
        reason=reason,
        noise=_noise(swing, definition, value),
        valid_views=definition.views,
        corridor=None if reading.corridor is None else (_bound(low), _bound(high)),
        corridor_source=reading.corridor_source,
        frames=() if value is None else _frames(swing, phase),
    )


def _value(swing: _Swing, definition: MetricDefinition, phase: EventName | None) -> tuple[float, Trust, str]:
    if definition.most_trust == Trust.UNAVAILABLE:
        raise _Missing(definition.trust_reason)
    if swing.view not in definition.views:
        named = " or ".join(view.value for view in definition.views if view != View.OBLIQUE)
        raise _Missing(f"it can only be read {named}; this clip is {swing.view.value}")
    swing.used = set()
    value = FORMULAS[definition.id](swing, phase or SWING_PHASE)
    if not np.isfinite(value):
        raise _Missing("the body parts it needs were not seen at that moment")
    trust, reason = definition.most_trust, definition.trust_reason
    if swing.used:
        visible = swing.visibility(swing.until_impact() if phase is None else swing.around(phase))
        if visible < HIDDEN_BELOW:
            raise _Missing("the body parts it needs are hidden at that moment")
        if visible < DOUBTFUL_BELOW and trust == Trust.MEASURED:
            trust, reason = Trust.LOW, "the body parts it needs are partly hidden"
    if definition.id in _FROM_ADDRESS and swing.sample[EventName.ADDRESS] == 0 and trust == Trust.MEASURED:
        trust, reason = Trust.LOW, "the recording begins at address or after it, so the backswing may be longer"
    if definition.id in {"backswing_time", "downswing_time"} and swing.segmentation.capture.time_base != TimeBase.REAL:
        trust, reason = Trust.LOW, "estimated: recorded seconds divided by the slow-motion factor that was given"
    return value, trust, reason


def _noise(swing: _Swing, definition: MetricDefinition, value: float | None) -> float | None:
    if value is None or definition.unit not in {"ratio", "s"}:
        return definition.noise
    # Time is known to a frame, so its noise follows from this clip's own frames.
    if definition.unit == "ratio":
        downswing = _exact(swing, EventName.IMPACT) - _exact(swing, EventName.TOP)
        return round(value / downswing * swing.frame_step, 3)
    times = swing.track.time_s
    return round(float(np.median(np.diff(times))), 4) if len(times) > 1 else None


def _frames(swing: _Swing, phase: EventName | None) -> tuple[int, ...]:
    if phase is None:
        named = (EventName.ADDRESS, EventName.TOP, EventName.IMPACT)
        return tuple(swing.segmentation.frame_of(name) for name in named)
    return tuple(int(frame) for frame in swing.track.frame[swing.around(phase)])


def _bound(value: float | str) -> float | None:
    return None if isinstance(value, str) else value
