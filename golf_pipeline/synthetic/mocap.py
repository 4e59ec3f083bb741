"""A golfer driven by optical motion capture: the swings of `captured_joints_240hz.parquet` as performances.

The capture is developer data: its folder is named by the caller, nothing of it is part of the package. Its axes (y up,
+z toward the target, the golfer faces -x) become those of `body.py`, its 21 joint centres the joints of `motion.pose`;
what was not captured (face, heels, fingers) is placed by geometry. Proportions are the captured golfer's.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.body import Body, Points, dot, rotate, unit
from golf_pipeline.synthetic.events import STEP_S, STILL_M_PER_S, Values, find_events
from golf_pipeline.synthetic.motion import Frames, Y
from golf_pipeline.synthetic.performance import Performance, PerformedSwing

CAPTURE_FILE, SUMMARY_FILE = "captured_joints_240hz.parquet", "captured_summary.csv"
RATE_HZ = 240.0
SWINGS = (1, 2, 3, 4, 5, 6, 7, 8)

_SIDES = {"left": "lead", "right": "trail"}
_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_BODY_SIGMA, _CLUB_SIGMA = 2.0, 1.0
"""Frames of the Gaussian against the markers' jitter; zero-phase, 1 cm of the club head's arc at most."""

_HANDS_APART_M = 0.06
"""Wrists farther apart have let go of the club: the capture is used until then."""

_COASTING_S = 0.1
"""How soon the motion dies after the capture's last frame."""

_SHOULDERS_OUT_M = 0.035
"""Each captured shoulder lies so much nearer to the neck than in anatomy tables: 0.29 m apart at a height of 1.8 m."""

_NECK_TO_SKULL_M = 0.10
"""From the captured head joint, at the base of the skull, to the middle of the head."""


@dataclass(frozen=True)
class _Capture:
    """Filtered joints of one swing: name -> (n, 3) metres in our axes, at `times` (n,) seconds of the capture."""

    times: Values
    joints: dict[str, Points]


def captured_performance(folder: Path, swing: int) -> Performance:
    """One captured swing; before it the golfer waits at address, after it the motion dies away.

    Raises:
        FileNotFoundError: the folder holds no capture.
        ValueError: the capture has no swing of this number.
    """
    return _performance(folder.resolve(), swing)


def captured_impact_and_top_frames(folder: Path, swing: int) -> dict[str, tuple[float, int]]:
    """Event -> its frame of the capture by our rule, and by the capture system's own summary (0-based)."""
    import polars as pl

    performance = captured_performance(folder, swing)
    first = _first_still(_read(folder.resolve(), swing))
    row = pl.read_csv(folder / SUMMARY_FILE).filter(pl.col("swing") == swing).row(0, named=True)
    return {
        event: ((performance.swings[0].events[event] + first) * RATE_HZ, int(row[f"gears_{event}_frame"]))
        for event in ("top", "impact")
    }


@lru_cache(maxsize=16)
def _performance(folder: Path, swing: int) -> Performance:
    from scipy.interpolate import CubicSpline

    capture = _read(folder, swing)
    first, last = capture.times[0], capture.times[-1]
    names = tuple(capture.joints)
    spline = CubicSpline(capture.times, np.stack(list(capture.joints.values()), axis=1))
    leaving = np.asarray(spline(last, 1))
    address = _first_still(capture)

    def joints_at(times: Values) -> dict[str, Points]:
        seconds = np.atleast_1d(np.asarray(times, dtype=np.float64)) + address
        points = np.asarray(spline(np.clip(seconds, first, last)))
        beyond = np.maximum(seconds - last, 0)[:, None, None]
        points = points + leaving * _COASTING_S * (1 - np.exp(-beyond / _COASTING_S))
        return {name: _sway(points[:, number], seconds) for number, name in enumerate(names)}

    impact = _impact(capture) - address
    looks_up = impact + 0.1

    def pose(times: Values) -> tuple[dict[str, Points], Frames]:
        return _complete(joints_at(times), np.atleast_1d(times), looks_up)

    times = np.arange(first - address, last - address, STEP_S)
    return Performance(pose, (PerformedSwing(find_events(times, pose(times)[0], 0.0, impact)),))


def _read(folder: Path, swing: int) -> _Capture:
    """One swing in our axes, origin on the ground between the ankles at the first frame."""
    import polars as pl
    from scipy.ndimage import gaussian_filter1d

    table = pl.read_parquet(folder / CAPTURE_FILE).filter(pl.col("swing") == swing).sort("frame")
    if table.is_empty():
        raise ValueError(f"{folder / CAPTURE_FILE} holds no swing {swing}")

    def point(name: str) -> Points:
        x, y, z = (table[f"{name}_{axis}"].to_numpy().astype(np.float64) for axis in "xyz")
        return np.stack([z, y, -x], axis=-1)

    joints = {"pelvis": point("hip_center"), "skull": point("head"), "club_head": point("club_head")}
    joints |= {f"{ours}_{part}": point(f"{theirs}_{part}") for theirs, ours in _SIDES.items() for part in _LIMBS}
    joints |= {f"{ours}_foot_index": point(f"{theirs}_toe") for theirs, ours in _SIDES.items()}
    apart = np.linalg.norm(joints["lead_wrist"] - joints["trail_wrist"], axis=1) > _HANDS_APART_M
    end = int(np.argmax(apart)) if apart.any() else len(table)
    origin = (joints["lead_ankle"][0] + joints["trail_ankle"][0]) / 2 * (1, 0, 1)
    filtered = {}
    for name, points in joints.items():
        sigma = _CLUB_SIGMA if name in ("club_head", "lead_wrist", "trail_wrist") else _BODY_SIGMA
        filtered[name] = gaussian_filter1d(points[:end] - origin, sigma, axis=0, mode="nearest")
    return _Capture(table["frame"].to_numpy()[:end] / RATE_HZ, filtered)


def _first_still(capture: _Capture) -> float:
    """Seconds of the capture that become 0: the last at which the club head stands still before it rises."""
    club = capture.joints["club_head"]
    speed = np.linalg.norm(np.gradient(club, 1 / RATE_HZ, axis=0), axis=1)
    rises = int(np.argmax(club[:, 1] > 0.3))
    still = np.flatnonzero(speed[:rises] < STILL_M_PER_S)
    return float(capture.times[still[-1]]) if still.size else float(capture.times[0])


def _impact(capture: _Capture) -> float:
    """When the club head comes back through its place at address, in seconds of the capture.

    Raises:
        ValueError: it never does.
    """
    along, times = capture.joints["club_head"][:, 0], capture.times
    home = along[0]
    fastest = int(np.argmax(np.gradient(along)))
    near = np.arange(max(0, fastest - 12), min(len(times) - 1, fastest + 12))
    passing = near[(along[near] <= home) & (home < along[near + 1])]
    if not passing.size:
        raise ValueError("the club head of the captured swing never comes back to its place at address")
    first = int(passing[0])
    return float(times[first] + (home - along[first]) / (along[first + 1] - along[first]) / RATE_HZ)


def _sway(points: Points, seconds: Values) -> Points:
    """Balance, which the frozen frames before and after the capture lack: millimetres that grow with the height."""
    x, z = 0.003 * np.sin(2 * np.pi * 0.31 * seconds + 0.4), 0.002 * np.sin(2 * np.pi * 0.23 * seconds + 1.1)
    return np.asarray(points + points[:, 1:2] * np.stack([x, np.zeros_like(x), z], axis=-1))


def _complete(joints: dict[str, Points], times: Values, looks_up: float) -> tuple[dict[str, Points], Frames]:
    """What the capture lacks: hands on the club, heels, neck and face, and the axes of the parts."""
    body, joints = Body(), dict(joints)
    shaft = _add_hands(joints, body)
    for side in ("lead", "trail"):
        joints[f"{side}_heel"] = _heel(joints[f"{side}_ankle"], joints[f"{side}_foot_index"], body)
    joints["neck"] = (joints["lead_shoulder"] + joints["trail_shoulder"]) / 2
    chest_up = unit(joints["neck"] - joints["pelvis"])
    across = unit(joints["lead_shoulder"] - joints["trail_shoulder"])
    joints["lead_shoulder"] = joints["lead_shoulder"] + across * _SHOULDERS_OUT_M
    joints["trail_shoulder"] = joints["trail_shoulder"] - across * _SHOULDERS_OUT_M
    chest_left = unit(across - chest_up * dot(across, chest_up))
    pelvis_left = unit(joints["lead_hip"] - joints["trail_hip"])
    skull = joints.pop("skull")
    gaze, head_up = _add_face(joints, skull, times, looks_up)
    return joints, Frames(chest_left, chest_up, pelvis_left, gaze, head_up, shaft)


def _add_hands(joints: dict[str, Points], body: Body) -> Points:
    """Fists beyond the wrists, on one line with the club head. Returns the shaft's direction."""
    club = joints["club_head"]
    shaft = unit(club - (joints["lead_wrist"] + joints["trail_wrist"]) / 2)
    for _ in range(3):
        fists = [
            joints[f"{side}_wrist"]
            + unit(0.9 * unit(joints[f"{side}_wrist"] - joints[f"{side}_elbow"]) + 0.6 * shaft) * body.hand
            for side in ("lead", "trail")
        ]
        grip = (fists[0] + fists[1]) / 2
        shaft = unit(club - grip)
    joints["lead_index"], joints["trail_index"] = grip - shaft * body.hand_gap / 2, grip + shaft * body.hand_gap / 2
    joints["grip_end"] = joints["lead_index"] - shaft * body.butt
    return shaft


def _heel(ankle: Points, toe: Points, body: Body) -> Points:
    """Behind and below the ankle on the sole that rises about the toe as the ankle does."""
    behind = ankle - toe
    flat = np.linalg.norm(behind[:, (0, 2)], axis=1)
    length = np.linalg.norm(behind, axis=1)
    flat_foot = np.arcsin(np.clip((body.ankle_height - 0.02) / length, 0, 1))
    lift = np.maximum(np.arctan2(behind[:, 1], flat) - flat_foot, 0)
    forward = unit(-behind * (1, 0, 1))
    sole = rotate(forward, np.cross(forward, Y), -lift)
    return np.asarray(toe - sole * (length * np.cos(flat_foot) + body.heel)[:, None])


def _add_face(
    joints: dict[str, Points], skull: Points, times: Values, looks_up: float
) -> tuple[Points, NDArray[np.float64]]:
    """Head, eyes, ears, nose, mouth: the face looks down at the ball, then after it. Returns face and crown."""
    neck_up = unit(skull - joints["neck"])
    joints["head"] = head = skull + unit(neck_up + 0.5 * Y) * _NECK_TO_SKULL_M
    share = np.clip((times - looks_up) / 0.45, 0, 1)[:, None]
    share = share * share * (3 - 2 * share)
    turn, pitch = np.radians(85.0) * share, np.radians(55.0 - 45.0 * share)
    gaze = np.concatenate([np.sin(turn) * np.cos(pitch), -np.sin(pitch), np.cos(turn) * np.cos(pitch)], axis=1)
    crown = neck_up + 0.5 * Y
    up = unit(crown - gaze * dot(gaze, crown))
    left = np.cross(up, gaze)
    joints["nose"] = head + gaze * 0.112 - up * 0.012
    for side, sign in (("lead", 1.0), ("trail", -1.0)):
        joints[f"{side}_eye"] = head + gaze * 0.085 + up * 0.024 + left * sign * 0.033
        joints[f"{side}_ear"] = head + left * sign * 0.078
        joints[f"{side}_mouth"] = head + gaze * 0.088 - up * 0.055 + left * sign * 0.024
    return gaze, up
