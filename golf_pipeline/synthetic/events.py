"""The true times of the eight events, read off a motion's geometry by GolfDB's definitions.

One rule for every golfer, the keyed and the captured. The times do not depend on a frame rate or a camera.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic import motion
from golf_pipeline.synthetic.body import Points

STILL_M_PER_S = 0.05
"""Speed of the club head under which the golfer counts as standing still: breathing moves it at a fifth of this."""

AT_REST_M_PER_S = 0.1
"""Speed of the lead hand under which the finish counts as reached."""

STEP_S = 0.001
"""Spacing at which a motion is sampled for its events."""

Values = NDArray[np.float64]


@cache
def event_times() -> dict[str, float]:
    """Event name -> seconds from the takeaway key of `motion.py`, in order."""
    times = np.arange(-0.5, motion.FINISH + 0.5, STEP_S)
    return find_events(times, motion.pose(times)[0], motion.TAKEAWAY, motion.IMPACT)


def find_events(times: Values, joints: dict[str, Points], begin_s: float, impact_s: float) -> dict[str, float]:
    """Event name -> time of one swing, in order; a finish that is not reached within the times is absent.

    Args:
        times: (n,) seconds, `STEP_S` apart, from before the takeaway to the end of the motion.
        joints: name -> (n, 3) metres as `motion.pose` returns them.
        begin_s: the shaft and the lead arm are looked at from here on, so that no waggle passes for a toe-up.
        impact_s: when the club head is at the ball.

    Raises:
        ValueError: the motion is no swing: the shaft or the lead arm never passes the horizontal where it has to.
    """
    shaft = (joints["club_head"] - joints["grip_end"])[:, 1]
    arm = (joints["lead_wrist"] - joints["lead_shoulder"])[:, 1]
    club_speed, hand_speed = (_speed(joints[name]) for name in ("club_head", "lead_index"))
    toe_up = _crossings(times, shaft, begin_s, impact_s)[0]
    arm_level = _crossings(times, arm, begin_s, impact_s)
    mid_backswing, mid_downswing = arm_level[0], arm_level[-1]
    at_top = (times > mid_backswing) & (times < mid_downswing)
    still = times[(times < toe_up) & (club_speed < STILL_M_PER_S)]
    moving = times[(times > impact_s) & (hand_speed > AT_REST_M_PER_S)]
    events = {
        "address": float(still[-1]),
        "toe_up": toe_up,
        "mid_backswing": mid_backswing,
        "top": float(times[at_top][np.argmin(hand_speed[at_top])]),
        "mid_downswing": mid_downswing,
        "impact": impact_s,
        "mid_follow_through": _crossings(times, shaft, impact_s, float(times[-1]))[0],
    }
    if moving[-1] < times[-2]:
        events["finish"] = float(moving[-1])
    return events


def _speed(points: Points) -> Values:
    return np.asarray(np.linalg.norm(np.gradient(points, STEP_S, axis=0), axis=1))


def _crossings(times: Values, heights: Values, start: float, end: float) -> list[float]:
    """Times between two times at which a height passes through zero, between samples."""
    inside = np.flatnonzero((times[:-1] >= start) & (times[:-1] <= end) & (heights[:-1] * heights[1:] <= 0))
    if not inside.size:
        raise ValueError(f"no swing: nothing passes the horizontal between {start:.2f} and {end:.2f} s")
    share = heights[inside] / (heights[inside] - heights[inside + 1])
    return [float(time) for time in times[inside] + share * STEP_S]
