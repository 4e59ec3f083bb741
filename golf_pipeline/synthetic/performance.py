"""What the golfer does in one scene: a pose for every moment, the swings in it, the ball.

A performance is the project's own swing (`motion.py`), alone or after a waggle or a practice swing, or a captured one
(`mocap.py`). Times are seconds from the takeaway of the swing that strikes the ball.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from golf_pipeline.synthetic import motion
from golf_pipeline.synthetic.body import Points
from golf_pipeline.synthetic.events import STEP_S, Values, event_times, find_events

BALL_FROM_CLUB_HEAD = np.array([0.045, -0.01, 0.02])
"""The ball in front of the face of the club at impact, metres."""

BALL_RADIUS_M = 0.0214

BALL_SPEED = np.array([55.0, 14.0, 0.0])
"""Metres per second after impact: an iron's, so that it leaves the picture within two frames."""

PRACTICE_SPEED = 0.85
PRACTICE_TAKEAWAY = -5.2
_PRACTICE_END = PRACTICE_TAKEAWAY + motion.FINISH / PRACTICE_SPEED
_LOWER_FROM = _PRACTICE_END + 0.5
_RECOIL_S, _RECOIL_TO = 1.1, 1.17
"""The club comes back along the follow-through to this key time: straight to the ball, arms would have to stretch."""
_SETTLE_FROM, _SETTLE_TO = _LOWER_FROM + 0.9, _LOWER_FROM + 2.0
_PRACTICE_REACH = 0.92
"""Of the lead arm in a practice swing, so that the club passes over the waiting ball."""

WAGGLE_FROM, WAGGLE_S, WAGGLES = -1.7, 0.5, 2
_WAGGLE_CLUB_RAD, _WAGGLE_ARM_RAD = np.radians(-30.0), np.radians(-3.0)

Pose = tuple[dict[str, Points], motion.Frames]


@dataclass(frozen=True)
class PerformedSwing:
    """One complete swing of a performance: when its events are, and whether the ball is struck."""

    events: dict[str, float]
    practice: bool = False


@dataclass(frozen=True)
class Performance:
    """A right-hander at work.

    Attributes:
        pose: times (n,) -> joints and axes, as `motion.pose`.
        swings: in order; the one that strikes the ball last.
    """

    pose: Callable[[Values], Pose]
    swings: tuple[PerformedSwing, ...]

    @property
    def impact_s(self) -> float:
        return self.swings[-1].events["impact"]

    def ball_at_rest(self) -> Points:
        """(3,) metres: where the ball lies until it is struck."""
        ball = self.pose(np.array([self.impact_s]))[0]["club_head"][0] + BALL_FROM_CLUB_HEAD
        ball[1] = BALL_RADIUS_M
        return np.asarray(ball)

    def ball(self, time_s: float) -> Points:
        """(3,) metres at a time, in flight after impact."""
        return np.asarray(self.ball_at_rest() + BALL_SPEED * max(0.0, time_s - self.impact_s))


@cache
def own_performance(*, practice_swing: bool = False, waggle: bool = False) -> Performance:
    """The project's own swing; before it, if wanted, a slower practice swing over the ball, or two waggles."""
    swings = [PerformedSwing(event_times())]

    def pose(times: Values) -> Pose:
        times = np.atleast_1d(np.asarray(times, dtype=np.float64))
        values = _rehearsed(times) if practice_swing else motion.curve_values(times)
        return motion.pose_from(_with_waggles(values, times) if waggle else values, times)

    if practice_swing:
        times = np.arange(PRACTICE_TAKEAWAY - 0.5, _LOWER_FROM - 0.05, STEP_S)
        impact = PRACTICE_TAKEAWAY + motion.IMPACT / PRACTICE_SPEED
        swings.insert(0, PerformedSwing(find_events(times, pose(times)[0], PRACTICE_TAKEAWAY, impact), practice=True))
    return Performance(pose, tuple(swings))


def _rehearsed(times: Values) -> dict[str, Values]:
    """The curves of a practice swing, of lowering the club to the ball again, and of the swing itself."""
    forth = np.minimum((times - PRACTICE_TAKEAWAY) * PRACTICE_SPEED, motion.FINISH)
    back = _eased((times - _LOWER_FROM) / _RECOIL_S) * (motion.FINISH - _RECOIL_TO)
    practice = motion.curve_values(forth - back)
    practice["arm_reach"] = practice["arm_reach"] * _PRACTICE_REACH
    swing = motion.curve_values(times)
    share = _eased((times - _SETTLE_FROM) / (_SETTLE_TO - _SETTLE_FROM))
    return {name: practice[name] * (1 - share) + swing[name] * share for name in swing}


def _eased(share: Values) -> Values:
    """0..1 with a soft start and a soft end."""
    share = np.clip(share, 0, 1)
    return np.asarray(share**3 * (10 - 15 * share + 6 * share**2))


def _with_waggles(values: dict[str, Values], times: Values) -> dict[str, Values]:
    phase = (times - WAGGLE_FROM) / WAGGLE_S
    share = np.where((phase > 0) & (phase < WAGGLES), np.sin(np.pi * phase) ** 2, 0.0)
    return {
        **values,
        "club_angle": values["club_angle"] + _WAGGLE_CLUB_RAD * share,
        "arm_angle": values["arm_angle"] + _WAGGLE_ARM_RAD * share,
    }
