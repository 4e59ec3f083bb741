"""One golf swing as curves of joint angles over time, and the joints and club that follow from them.

The motion is the project's own: key poses written by hand from coaching norms (chest 90 and pelvis 45 degrees at the
top, pelvis shift toward the target, spine bend 38 degrees) and from GolfDB's timing statistics, not from any capture.
The times of the events are not read off the keys: `events.py` computes them from the geometry.

All angles are in degrees in the tables, times in seconds from the takeaway. Turns are + when they open the body to the
target. World frame as in `body.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.body import Body, Points, dot, middle_joint, rotate, unit

Values = NDArray[np.float64]

TAKEAWAY, TOE_UP, ARM_LEVEL, TOP, ARM_LEVEL_DOWN, IMPACT, SHAFT_LEVEL, ARM_LEVEL_THROUGH, WRAP, FINISH = (
    0.0,
    0.42,
    0.60,
    0.85,
    1.00,
    1.11,
    1.175,
    1.24,
    1.45,
    1.78,
)
"""Seconds of the key poses: medians of real-time swings in GolfDB (address to top 0.87, downswing 0.23-0.27)."""

_KEY_TIMES = (TAKEAWAY, TOE_UP, ARM_LEVEL, TOP, ARM_LEVEL_DOWN, IMPACT, SHAFT_LEVEL, ARM_LEVEL_THROUGH, WRAP, FINISH)

# One row a curve, one column a key time.
_KEYS: dict[str, tuple[float, ...]] = {
    #                takeaway  toe-up   arm lvl  top      arm lvl  impact   shaft    arm lvl  wrap     finish
    "pelvis_x":      (   0.000,   -0.010,   -0.016,   -0.005,    0.070,    0.110,    0.120,    0.130,    0.145,    0.155),
    "pelvis_y":      (   0.912,    0.908,    0.900,    0.884,    0.884,    0.890,    0.912,    0.916,    0.922,    0.924),
    "pelvis_z":      (  -0.110,   -0.110,   -0.112,   -0.115,   -0.118,   -0.105,   -0.080,   -0.050,    0.010,    0.040),
    "pelvis_turn":   (     0.0,    -12.0,    -24.0,    -45.0,    -10.0,     36.0,     46.0,     56.0,     78.0,     88.0),
    "pelvis_tilt":   (     0.0,     -2.0,     -3.0,     -6.0,      0.0,      7.0,      8.0,      8.0,      5.0,      3.0),
    "spine_bend":    (    38.0,     38.0,     38.0,     37.0,     37.0,     32.0,     29.0,     24.0,     12.0,      6.0),
    "spine_side":    (     6.5,      7.0,      7.0,      7.0,      9.0,     14.8,     18.4,     16.3,     10.0,      5.0),
    "chest_turn":    (     0.0,    -30.0,    -50.0,    -78.0,    -38.0,     24.0,     46.0,     66.0,    100.0,    108.0),
    "lead_scapula":  (     6.0,     16.0,     26.4,     30.0,     28.4,     16.4,      2.3,     -1.2,      0.0,      1.3),
    "trail_scapula": (    24.0,     12.0,     -0.6,     -4.0,      1.7,     22.0,     36.6,     41.1,     34.0,     30.0),
    "arm_angle":     (   -16.4,    -57.8,    -90.0,   -142.0,    -90.0,      0.4,     34.6,     78.9,    138.0,    166.0),
    "arm_plane":     (    82.3,     71.2,     65.4,     65.0,     66.0,     68.4,     70.5,     76.0,     86.0,     78.0),
    "arm_depth":     (     5.0,      7.9,     18.0,     18.0,     16.0,      2.7,     14.6,     21.1,      5.0,      0.0),
    "arm_reach":     (   0.985,    0.992,    0.995,    0.985,    0.990,    0.996,    0.946,    0.909,    0.700,    0.560),
    "trail_elbow":   (     0.0,      0.0,      0.0,      0.0,      0.0,      0.0,      0.0,     15.0,     75.0,     85.0),
    "club_angle":    (     4.4,    -90.0,   -165.0,   -248.0,   -186.0,     -6.0,     90.0,    150.0,    262.0,    310.0),
    "club_plane":    (    52.5,     58.0,     56.0,     56.0,     56.0,     59.7,     58.0,     60.1,     66.0,     70.0),
    "trail_heel":    (     0.0,      0.0,      0.0,      0.0,      6.0,     24.0,     34.0,     44.0,     62.0,     70.0),
    "trail_pivot":   (     0.0,      0.0,      0.0,      0.0,      4.0,     12.0,     20.0,     30.0,     60.0,     72.0),
    "gaze_turn":     (     0.0,     -3.0,     -6.0,    -10.0,     -6.0,     -4.0,      2.0,     22.0,     72.0,     88.0),
    "gaze_pitch":    (    58.0,     58.0,     58.0,     57.0,     58.0,     58.0,     56.0,     46.0,     14.0,      6.0),
}  # fmt: skip

_IN_METRES_OR_SHARES = frozenset({"pelvis_x", "pelvis_y", "pelvis_z", "arm_reach"})

_ROUNDING_S = 0.012
"""Width of the Gaussian that rounds the corners of the key curves: a muscle's force does not jump."""

_HALF_STANCE = 0.20
_LEAD_FLARE, _TRAIL_FLARE = np.radians(22.0), np.radians(-10.0)
_SOLE = 0.02

X, Y, Z = (np.array(axis, dtype=np.float64) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))


@dataclass(frozen=True)
class Frames:
    """Unit axes (n, 3) of the parts that have a shape: what the figure is built from besides the joints."""

    chest_left: Points
    chest_up: Points
    pelvis_left: Points
    gaze: Points
    head_up: Points
    shaft: Points


@cache
def _curves() -> Callable[[Values], dict[str, Values]]:
    """The key curves as smooth functions of time (radians and metres)."""
    from scipy.interpolate import CubicSpline, PchipInterpolator
    from scipy.ndimage import gaussian_filter1d

    step = 0.001
    grid = np.arange(_KEY_TIMES[0] - 0.2, _KEY_TIMES[-1] + 0.2, step)
    table = np.array(
        [np.array(row) if name in _IN_METRES_OR_SHARES else np.radians(row) for name, row in _KEYS.items()]
    )
    rows = PchipInterpolator(_KEY_TIMES, table, axis=1)(np.clip(grid, _KEY_TIMES[0], _KEY_TIMES[-1]))
    spline = CubicSpline(grid, gaussian_filter1d(rows, _ROUNDING_S / step, axis=1, mode="nearest"), axis=1)

    def at(times: Values) -> dict[str, Values]:
        return dict(zip(_KEYS, spline(np.clip(times, grid[0], grid[-1])), strict=True))

    return at


def _sway(values: dict[str, Values], times: Values) -> None:
    """Breathing and balance: a few millimetres at less than 0.5 Hz, the stillness of a living person."""
    values["pelvis_x"] = values["pelvis_x"] + 0.003 * np.sin(2 * np.pi * 0.31 * times + 0.4)
    values["pelvis_z"] = values["pelvis_z"] + 0.002 * np.sin(2 * np.pi * 0.23 * times + 1.1)
    values["spine_bend"] = values["spine_bend"] + np.radians(0.25) * np.sin(2 * np.pi * 0.27 * times + 2.0)
    values["gaze_turn"] = values["gaze_turn"] + np.radians(1.5) * np.sin(2 * np.pi * 0.19 * times)


def _in_plane(angle: Values, plane: Values, depth: Values) -> Points:
    """A direction in a plane through the target line: 0 points down the plane to the ball, + swings to the target."""
    zero = np.zeros_like(angle)
    down = np.stack([zero, -np.sin(plane), np.cos(plane)], axis=-1)
    across = np.stack([np.cos(depth), zero, np.sin(depth)], axis=-1)
    return unit(down * np.cos(angle)[:, None] + across * np.sin(angle)[:, None])


def pose(times: Values, body: Body | None = None) -> tuple[dict[str, Points], Frames]:
    """Joints of the right-handed golfer at times in seconds from the takeaway.

    Returns:
        joints: name -> (n, 3) metres, sides called `lead_` and `trail_`; and the parts' axes.

    Raises:
        ValueError: the curves ask for a limb longer than its bones.
    """
    times = np.atleast_1d(np.asarray(times, dtype=np.float64))
    return pose_from(curve_values(times), times, body)


def curve_values(times: Values) -> dict[str, Values]:
    """The key curves (radians and metres, each of the shape of `times`) at seconds from the takeaway."""
    return _curves()(times)


def pose_from(values: dict[str, Values], times: Values, body: Body | None = None) -> tuple[dict[str, Points], Frames]:
    """Joints and axes, as `pose` returns them, from curve values of any origin; `times` (n,) only sway the body.

    Raises:
        ValueError: the values ask for a limb longer than its bones.
    """
    body = body or Body()
    values = dict(values)
    _sway(values, times)
    joints: dict[str, Points] = {}

    pelvis = np.stack([values["pelvis_x"], values["pelvis_y"], values["pelvis_z"]], axis=-1)
    level = rotate(np.broadcast_to(X, pelvis.shape), Y, values["pelvis_turn"])
    pelvis_left = unit(level * np.cos(values["pelvis_tilt"])[:, None] + Y * np.sin(values["pelvis_tilt"])[:, None])
    joints["pelvis"] = pelvis
    joints["lead_hip"] = pelvis + pelvis_left * body.half_hip
    joints["trail_hip"] = pelvis - pelvis_left * body.half_hip
    _add_legs(joints, values, body, pelvis_left)

    bend, side = values["spine_bend"], values["spine_side"]
    spine = np.stack([-np.sin(side), np.cos(side) * np.cos(bend), np.cos(side) * np.sin(bend)], axis=-1)
    chest_left = rotate(unit(X - spine * dot(spine, X)), spine, values["chest_turn"])
    joints["neck"] = pelvis + spine * body.spine
    joints["lead_shoulder"] = joints["neck"] + rotate(chest_left, spine, -values["lead_scapula"]) * body.half_shoulder
    joints["trail_shoulder"] = joints["neck"] - rotate(chest_left, spine, values["trail_scapula"]) * body.half_shoulder
    shaft = _add_arms(joints, values, body, chest_left, spine)
    gaze, head_up = _add_head(joints, values, body, spine)
    return joints, Frames(chest_left, spine, pelvis_left, gaze, head_up, shaft)


def _add_legs(joints: dict[str, Points], values: dict[str, Values], body: Body, pelvis_left: Points) -> None:
    """Feet on the ground (the trail foot turns and rises on its toe), knees between them and the hips."""
    pelvis_front = np.cross(pelvis_left, Y)
    n = len(pelvis_left)
    zero = np.zeros(n)
    for side, sign, flare, lift, pivot in (
        ("lead", 1.0, _LEAD_FLARE, zero, zero),
        ("trail", -1.0, _TRAIL_FLARE, values["trail_heel"], values["trail_pivot"]),
    ):
        straight = np.array([np.sin(flare), 0, np.cos(flare)])
        toe = np.array([sign * _HALF_STANCE, _SOLE, 0]) + straight * body.foot
        forward = rotate(np.broadcast_to(straight, (n, 3)), Y, pivot)
        across = np.cross(forward, Y)
        along, up = rotate(forward, across, -lift), rotate(np.broadcast_to(Y, (n, 3)), across, -lift)
        joints[f"{side}_foot_index"] = np.broadcast_to(toe, (n, 3)).copy()
        joints[f"{side}_heel"] = toe - along * (body.foot + body.heel)
        ankle = toe - along * body.foot + up * (body.ankle_height - _SOLE)
        joints[f"{side}_ankle"] = ankle
        knee_pole = forward + 0.35 * pelvis_front
        joints[f"{side}_knee"] = middle_joint(joints[f"{side}_hip"], ankle, body.thigh, body.shank, knee_pole)


def _add_arms(
    joints: dict[str, Points], values: dict[str, Values], body: Body, chest_left: Points, spine: Points
) -> Points:
    """Lead arm by its angles, club by its own, trail hand where the grip is. Returns the shaft's direction."""
    chest_front = np.cross(chest_left, spine)
    lead_arm = _in_plane(values["arm_angle"], values["arm_plane"], values["arm_depth"])
    shaft = _in_plane(values["club_angle"], values["club_plane"], np.zeros_like(values["club_angle"]))
    reach = (body.upper_arm + body.forearm) * values["arm_reach"][:, None]
    lead_wrist = joints["lead_shoulder"] + lead_arm * reach
    lead_hand = lead_wrist + unit(lead_arm * 0.9 + shaft * 0.6) * body.hand
    trail_hand = lead_hand + shaft * body.hand_gap
    trail_wrist = trail_hand - unit(unit(trail_hand - joints["trail_shoulder"]) * 0.9 + shaft * 0.6) * body.hand
    joints["lead_wrist"], joints["trail_wrist"] = lead_wrist, trail_wrist
    joints["lead_index"], joints["trail_index"] = lead_hand, trail_hand
    lead_pole = 0.5 * chest_left - 0.85 * spine
    # The trail elbow hangs until the arms fold across the chest after impact; then it comes forward, off the neck.
    forward = values["trail_elbow"][:, None]
    hanging = -0.4 * chest_left - 0.9 * spine + 0.1 * chest_front
    trail_pole = hanging * np.cos(forward) + (chest_front - 0.35 * spine) * np.sin(forward)
    for side, pole in (("lead", lead_pole), ("trail", trail_pole)):
        shoulder, wrist = joints[f"{side}_shoulder"], joints[f"{side}_wrist"]
        joints[f"{side}_elbow"] = middle_joint(shoulder, wrist, body.upper_arm, body.forearm, pole)
    joints["grip_end"] = lead_hand - shaft * body.butt
    joints["club_head"] = lead_hand + shaft * body.shaft
    return shaft


def _add_head(joints: dict[str, Points], values: dict[str, Values], body: Body, spine: Points) -> tuple[Points, Points]:
    """Head, eyes, ears, nose, mouth. Returns the directions of the face and of the crown."""
    turn, pitch = values["gaze_turn"], values["gaze_pitch"]
    gaze = np.stack([np.sin(turn) * np.cos(pitch), -np.sin(pitch), np.cos(turn) * np.cos(pitch)], axis=-1)
    crown = spine + 0.5 * Y
    up = unit(crown - gaze * dot(gaze, crown))
    left = np.cross(up, gaze)
    head = joints["neck"] + unit(spine + 0.25 * Y + 0.15 * gaze) * body.neck
    joints["head"] = head
    joints["nose"] = head + gaze * 0.112 - up * 0.012
    for side, sign in (("lead", 1.0), ("trail", -1.0)):
        joints[f"{side}_eye"] = head + gaze * 0.085 + up * 0.024 + left * sign * 0.033
        joints[f"{side}_ear"] = head + left * sign * 0.078
        joints[f"{side}_mouth"] = head + gaze * 0.088 - up * 0.055 + left * sign * 0.024
    return gaze, up
