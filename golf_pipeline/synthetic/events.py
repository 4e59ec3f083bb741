"""The true times of the eight events, read off the motion's geometry by GolfDB's definitions.

All times are seconds from the takeaway key of `motion.py`. They do not depend on a frame rate or a camera.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic import motion

STILL_M_PER_S = 0.05
"""Speed of the club head under which the golfer counts as standing still: breathing moves it at a fifth of this."""

AT_REST_M_PER_S = 0.1
"""Speed of the lead hand under which the finish counts as reached."""

_STEP_S = 0.001

Values = NDArray[np.float64]


@cache
def event_times() -> dict[str, float]:
    """Event name -> seconds from the takeaway key, in order."""
    times = np.arange(-0.5, motion.FINISH + 0.5, _STEP_S)
    joints, _ = motion.pose(times)
    shaft = (joints["club_head"] - joints["grip_end"])[:, 1]
    arm = (joints["lead_wrist"] - joints["lead_shoulder"])[:, 1]
    club_speed, hand_speed = (_speed(joints[name]) for name in ("club_head", "lead_index"))
    toe_up = _crossing(times, shaft, motion.TAKEAWAY, motion.TOP)
    mid_backswing = _crossing(times, arm, motion.TAKEAWAY, motion.TOP)
    mid_downswing = _crossing(times, arm, motion.TOP, motion.IMPACT)
    at_top = (times > mid_backswing) & (times < mid_downswing)
    still = times[(times < toe_up) & (club_speed < STILL_M_PER_S)]
    moving = times[(times > motion.IMPACT) & (hand_speed > AT_REST_M_PER_S)]
    return {
        "address": float(still[-1]),
        "toe_up": toe_up,
        "mid_backswing": mid_backswing,
        "top": float(times[at_top][np.argmin(hand_speed[at_top])]),
        "mid_downswing": mid_downswing,
        "impact": motion.IMPACT,
        "mid_follow_through": _crossing(times, shaft, motion.IMPACT, motion.WRAP),
        "finish": float(moving[-1]),
    }


def _speed(points: Values) -> Values:
    return np.asarray(np.linalg.norm(np.gradient(points, _STEP_S, axis=0), axis=1))


def _crossing(times: Values, heights: Values, start: float, end: float) -> float:
    """First time between two times at which a height passes through zero, between samples."""
    inside = np.flatnonzero((times[:-1] >= start) & (times[:-1] <= end) & (heights[:-1] * heights[1:] <= 0))
    first = int(inside[0])
    share = heights[first] / (heights[first] - heights[first + 1])
    return float(times[first] + share * _STEP_S)
