"""The metrics of a rendered golfer as they truly are: from the joints in metres at the true events.

Independent of `swing/metrics.py`: each value follows the metric's definition in space, so that an error of the formula,
of the camera's perspective, of the pose and of the events all show. A metric of a plane is taken in the plane that its
valid view sees, and lengths are in torso lengths of that plane, as the definitions have it. Turns come from the truth's
angles. Readings between two frames are interpolated at the event's exact frame.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.knowledge import load
from golf_pipeline.synthetic.truth import TrueSwing, Truth

TARGET, UP, BALL = 0, 1, 2
"""Axes of a swing's joints: toward the target, up, toward the ball."""

Values = NDArray[np.float64]
Points = NDArray[np.float64]

_ADDRESS, _TOP, _IMPACT = EventName.ADDRESS, EventName.TOP, EventName.IMPACT


class SwingInSpace:
    """One swing of a rendered clip: joints by lead and trail, metres along target, up and ball, at its true events."""

    def __init__(self, truth: Truth, swing: TrueSwing) -> None:
        scene = truth.scenes[swing.scene]
        self.truth, self.swing = truth, swing
        self.slow_motion_factor = scene.slow_motion_factor
        right = scene.handedness == "right"
        self._lead = "left" if right else "right"
        self._flip = np.array([1.0 if right else -1.0, 1.0, 1.0])
        self.across = {"face-on": TARGET, "down-the-line": BALL}.get(scene.view)

    def joint(self, part: str, *, lead: bool) -> Points:
        """(n, 3) metres of a joint in every frame of the clip."""
        side = self._lead if lead else {"left": "right", "right": "left"}[self._lead]
        return np.asarray(np.array(self.truth.joints[f"{side}_{part}"].metres) * self._flip)

    def middle(self, part: str) -> Points:
        return (self.joint(part, lead=True) + self.joint(part, lead=False)) / 2

    def when(self, phase: EventName) -> float:
        """Exact frame of an event.

        Raises:
            KeyError: the clip does not show it.
        """
        return self.swing.events[phase.value].exact_frame

    def at(self, values: Values, phase: EventName) -> float:
        """A per-frame series at an event, between the frames."""
        return float(np.interp(self.when(phase), np.arange(len(values)), values))

    def since_address(self, values: Values, phase: EventName) -> float:
        return self.at(values, phase) - self.at(values, _ADDRESS)

    def until_impact(self) -> slice:
        return slice(round(self.when(_ADDRESS)), round(self.when(_IMPACT)) + 1)

    def torso(self, across: int) -> float:
        """Metres from mid-hip to mid-shoulder at address, as long as the plane of an axis and the vertical shows it."""
        trunk = self.middle("shoulder") - self.middle("hip")
        return self.at(np.hypot(trunk[:, across], trunk[:, UP]), _ADDRESS)


Formula = Callable[[SwingInSpace, EventName], float]


def _lean(swing: SwingInSpace, across: int) -> Values:
    trunk = swing.middle("shoulder") - swing.middle("hip")
    return np.degrees(np.arctan2(trunk[:, across], trunk[:, UP]))


def _rise(swing: SwingInSpace, across: int) -> Values:
    """Degrees by which the lead shoulder is the higher one, in the plane of an axis."""
    line = swing.joint("shoulder", lead=True) - swing.joint("shoulder", lead=False)
    return np.degrees(np.arctan2(line[:, UP], np.abs(line[:, across])))


def _inner_angle(first: Points, corner: Points, last: Points) -> Values:
    one, other = first - corner, last - corner
    cosine = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _flex(swing: SwingInSpace, *, lead: bool) -> Values:
    return 180 - _inner_angle(*(swing.joint(part, lead=lead) for part in ("hip", "knee", "ankle")))


def _lead_arm(swing: SwingInSpace, phase: EventName) -> float:
    return swing.at(_inner_angle(*(swing.joint(part, lead=True) for part in ("shoulder", "elbow", "wrist"))), phase)


def _way(part: str, axis: int) -> Formula:
    """Way of a part since address along an axis, over the torso in the plane of that axis."""
    return lambda swing, phase: swing.since_address(swing.middle(part)[:, axis], phase) / swing.torso(axis)


def _lift(part: str) -> Formula:
    return lambda swing, phase: swing.since_address(swing.middle(part)[:, UP], phase) / swing.torso(_plane(swing))


def _plane(swing: SwingInSpace) -> int:
    """Axis across the picture; KeyError for an oblique camera, which sees neither plane."""
    if swing.across is None:
        raise KeyError("an oblique camera sees no plane of the body")
    return swing.across


def _head_stability(swing: SwingInSpace, _: EventName) -> float:
    across = _plane(swing)
    ears = swing.middle("ear")[:, (across, UP)]
    home = np.array([swing.at(ears[:, axis], _ADDRESS) for axis in (0, 1)])
    return float(np.linalg.norm(ears[swing.until_impact()] - home, axis=1).max() / swing.torso(across))


def _over_stance(swing: SwingInSpace) -> Values:
    return (swing.middle("hip") - swing.middle("ankle"))[:, TARGET] / swing.at(_apart(swing, "ankle"), _ADDRESS)


def _balance_drift(swing: SwingInSpace, _: EventName) -> float:
    return float(np.ptp(_over_stance(swing)[swing.until_impact()]))


def _hand_path_outside(swing: SwingInSpace, _: EventName) -> float:
    hands = swing.middle("wrist")

    def path(first: EventName, last: EventName) -> Points:
        moments = np.linspace(swing.when(first), swing.when(last), 50)
        return np.stack([np.interp(moments, np.arange(len(hands)), hands[:, axis]) for axis in (UP, BALL)], axis=1)

    up, down = path(EventName.TOE_UP, _TOP), path(_TOP, EventName.MID_DOWNSWING)
    shared = down[(down[:, 0] >= up[:, 0].min()) & (down[:, 0] <= up[:, 0].max())]
    order = np.argsort(up[:, 0])
    outside = shared[:, 1] - np.interp(shared[:, 0], up[order, 0], up[order, 1])
    return float(outside.mean() / swing.torso(BALL))


def _turn(swing: SwingInSpace, part: str, phase: EventName) -> float:
    angles = swing.truth.angles
    if angles is None:
        raise KeyError("the truth holds no angles")
    turns = np.array(angles.shoulder_turn_deg if part == "shoulder" else angles.pelvis_turn_deg)
    return swing.since_address(turns, phase)


def _ear_forward(swing: SwingInSpace, phase: EventName) -> float:
    return swing.at((swing.middle("ear") - swing.middle("shoulder"))[:, BALL], phase) / swing.torso(BALL)


def _apart(swing: SwingInSpace, part: str) -> Values:
    """(n,) metres between the two joints of a part along the target line."""
    return np.abs(swing.joint(part, lead=True) - swing.joint(part, lead=False))[:, TARGET]


def _tempo(swing: SwingInSpace, _: EventName) -> float:
    return (swing.when(_TOP) - swing.when(_ADDRESS)) / (swing.when(_IMPACT) - swing.when(_TOP))


def _seconds(swing: SwingInSpace, first: EventName, last: EventName) -> float:
    return (swing.when(last) - swing.when(first)) / swing.truth.fps / swing.slow_motion_factor


FORMULAS: dict[str, Formula] = {
    "spine_forward_bend": lambda swing, phase: swing.at(_lean(swing, BALL), phase),
    "posture_change": lambda swing, phase: swing.since_address(_lean(swing, BALL), phase),
    "secondary_axis_tilt": lambda swing, phase: -swing.at(_lean(swing, TARGET), phase),
    "pelvis_sway": _way("hip", TARGET),
    "pelvis_thrust": _way("hip", BALL),
    "pelvis_lift": _lift("hip"),
    "chest_sway": _way("shoulder", TARGET),
    "head_sway": _way("ear", TARGET),
    "head_lift": _lift("ear"),
    "head_stability": _head_stability,
    "shoulder_tilt": lambda swing, phase: swing.at(_rise(swing, TARGET), phase),
    "shoulder_flatness": lambda swing, phase: (
        swing.at(_lean(swing, BALL), _ADDRESS) + swing.at(_rise(swing, BALL), phase)
    ),
    "knee_flex_lead": lambda swing, phase: swing.at(_flex(swing, lead=True), phase),
    "knee_flex_trail": lambda swing, phase: swing.at(_flex(swing, lead=False), phase),
    "knee_brace": lambda swing, _: (
        swing.at(_flex(swing, lead=True), _TOP) - swing.at(_flex(swing, lead=True), EventName.MID_FOLLOW_THROUGH)
    ),
    "tempo": _tempo,
    "backswing_time": lambda swing, _: _seconds(swing, _ADDRESS, _TOP),
    "downswing_time": lambda swing, _: _seconds(swing, _TOP, _IMPACT),
    "lead_arm": _lead_arm,
    "hand_path_outside": _hand_path_outside,
    "shoulder_turn": lambda swing, phase: abs(_turn(swing, "shoulder", phase)),
    "pelvis_turn": lambda swing, phase: abs(_turn(swing, "hip", phase)),
    "x_factor": lambda swing, phase: abs(_turn(swing, "shoulder", phase) - _turn(swing, "hip", phase)),
    "balance_position": lambda swing, phase: swing.at(_over_stance(swing), phase),
    "balance_drift": _balance_drift,
    "ear_forward": _ear_forward,
    "stance_width": lambda swing, phase: (
        swing.at(_apart(swing, "ankle"), phase) / swing.at(_apart(swing, "shoulder"), phase)
    ),
    "hands_ahead": lambda swing, phase: (
        swing.at((swing.middle("wrist") - swing.middle("ankle"))[:, TARGET], phase) / swing.torso(TARGET)
    ),
}
"""What each metric truly is; the kinematic sequence is a diagram and no number."""


def true_metrics(truth: Truth, swing: TrueSwing) -> dict[tuple[str, str], float]:
    """The true value of every reading of the knowledge base: (metric id, phase or "swing") -> value in its unit.

    A reading at an event that the clip does not show, or of a plane that its camera does not see, is left out.
    """
    shown = SwingInSpace(truth, swing)
    values = {}
    for metric in load().metrics.values():
        formula = FORMULAS.get(metric.id)
        for reading in metric.readings if formula else ():
            phase = _ADDRESS if reading.phase == "swing" else EventName(reading.phase)
            try:
                values[metric.id, str(reading.phase)] = formula(shown, phase) if formula else float("nan")
            except KeyError:
                continue
    return values
