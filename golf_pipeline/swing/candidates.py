"""Candidate swings of one scene: every fall of the hands, judged complete or not, and ranked.

Belongs here: what makes a rise and fall of the hands a golf swing rather than a waggle, a lowered club, the bounce of a
finish or half a swing. Where the events lie inside a swing is `placement.py`'s work.

All rules are ratios (torso lengths, shares of the descent, multiples of the fall time), so that a swing at 30 fps and
its eight-fold slow motion give the same answer. The ranges called "true" are those of the 59 GolfDB landmark clips in
which the golfer was tracked and of 17 swings in data/videos.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from golf_pipeline.swing.signals import (
    Floats,
    Scene,
    body_path,
    despike,
    last_crossing,
    next_crossing,
    smooth,
    turning_points,
)

COARSE_SIGMA = 0.7
"""Samples. Takes single-sample jitter from the height before its turns are counted; a 30 fps downswing has seven."""

SMALLEST_MOVE = 0.45
"""Torso lengths. Smaller turns of the hand height are waggles (below 0.3), noise, or the bounce of a finish."""

SMALLEST_DESCENT = 0.6
"""Torso lengths from top to impact below which a fall of the hands is no swing (true swings: 0.73-1.86)."""

LEAST_RISE_BEFORE = 0.7
"""Shares of the descent that the hands rise before the top (true: 0.94-1.43)."""

QUICKEST_BACKSWING = 0.7
"""Fall times that the hands take from 20 to 80 % of their rise before the top (true: 1.0-7, and 12 where the golfer's
back hides the hands; a follow-through that bounces: 0.1-0.5)."""

LATEST_RISE_AFTER = 3.0
"""Fall times after the lowest point by which the hands are on their way up: a swing does not rest (true: 0.3-2.8)."""

SWUNG_THROUGH = 0.35
"""Share of the descent that the hands must rise after impact for a follow-through."""

FULL_FOLLOW_THROUGH = 0.6
"""Share of the descent that the hands reach when the scene goes on (true: 0.67-2.1, below 0.85 only where the golfer's
back hides the hands; hands that settle before the chest after a finish: 0.35-0.49)."""

FOLLOW_THROUGH_WITHIN = 6.0
"""Fall times after the lowest point within which the follow-through is full."""

LEAST_BY_EACH = 0.45
"""Share of the descent that the wrist which falls less must fall: both hands hold the club (true: 0.54-1.03; a wrist
that the model guesses behind the body: below 0.35)."""

LEAST_BY_ELBOWS = 0.25
"""Share of the descent that the elbows fall with the hands (true: 0.33-0.66; jumping wrists: 0.12-0.28)."""

LEAST_CHANGE = 1.5
"""Torso lengths, summed as a vector over ten joints, between the poses at top and impact (true: 1.68-3.2; jumping
wrists and the play of the arms after a finish: 0.6-1.43)."""

LEAST_FOUND = 0.5
"""Share of the frames between top and impact in which a body must be found."""

LOWERED_SPEED = 0.5
"""A fall slower than this share of the next one is a club that is lowered to the ball, not a swing."""


class Flaw(StrEnum):
    """Why a fall of the hands is no complete swing, in words for a golfer."""

    NO_BACKSWING = "the recording starts after the backswing had begun"
    CUT_BEFORE_IMPACT = "the recording ends in the downswing, before impact"
    CUT_AT_IMPACT = "the recording ends at impact, before the follow-through"
    NO_FOLLOW_THROUGH = "the hands come down without swinging through"
    BODY_LOST = "the golfer is lost from sight between the top and impact"
    FINISH = "the hands only settle after the swing before it"
    NOT_THE_BODY = "the hands seem to move but the body does not swing with them"
    LOWERED = "the club is only lowered to the ball"


@dataclass(frozen=True)
class Candidate:
    """A fall of the hands in one scene (positions in samples of that scene).

    Attributes:
        scene: number of the scene in the track.
        top, impact: samples of the peak before the fall and of the lowest point (coarse; `placement` refines them).
        fall: samples in which the hands fall from 80 to 20 % of the descent, the swing's own unit of time.
        descent: torso lengths from the peak to the lowest point.
        rise_before, rise_after: share of the descent that the hands rise before the top, and after impact within
            FOLLOW_THROUGH_WITHIN.
        backswing, follow: fall times of the rise from 20 to 80 % before the top, and to SWUNG_THROUGH after impact.
        to_the_finish: whether the scene goes on for FOLLOW_THROUGH_WITHIN after the lowest point.
        by_each, by_elbows: share of the descent that the lesser wrist and the elbows fall.
        change: torso lengths between the poses at top and impact (vector over the ten joints of `signals.BODY`).
        found: share of the samples between top and impact in which a body was found.
        flaw: what makes it incomplete; None for a complete swing.
    """

    scene: int
    top: int
    impact: int
    fall: float
    descent: float
    rise_before: float
    rise_after: float
    backswing: float
    follow: float
    to_the_finish: bool
    by_each: float
    by_elbows: float
    change: float
    found: float
    flaw: Flaw | None = None

    @property
    def speed(self) -> float:
        """Torso lengths a sample during the fall."""
        return 0.6 * self.descent / self.fall

    @property
    def likeness(self) -> float:
        """How much it looks like a full swing: its size, less its distance from a swing's proportions in doublings."""
        size = min(self.descent, 1.5) + 0.5 * min(self.rise_after, 1.2) + 0.2 * self.to_the_finish
        return (
            size - 0.3 * _doublings_outside(self.backswing, 1.0, 6.0) - 0.3 * _doublings_outside(self.follow, 0.5, 2.4)
        )


def _doublings_outside(value: float, low: float, high: float) -> float:
    return float(np.log2(max(low / max(value, 0.05), value / high, 1.0)))


def coarse_height(height: Floats) -> Floats:
    """The hand height in which turns are counted."""
    return smooth(height, COARSE_SIGMA)


def find_candidates(scene: Scene, height: Floats, number: int) -> list[Candidate]:
    """Every fall of the hands in a scene that is deep enough for a swing, in order of time, each with its flaw.

    Args:
        height: (n,) height of the hands above the ankles, torso lengths (`signals.hand_height`).
        number: the scene's number in its track.
    """
    heights = _heights(scene, height)
    coarse = heights.hands
    turns = turning_points(coarse, SMALLEST_MOVE)
    falls = [
        _measure(scene, heights, number, high, low)
        for high, low in pairwise(turns)
        if coarse[high] - coarse[low] >= SMALLEST_DESCENT
    ]
    judged: list[Candidate] = []
    for position, fall in enumerate(falls):
        following = falls[position + 1] if position + 1 < len(falls) else None
        judged.append(_with(fall, _flaw(fall, coarse, judged[-1] if judged else None, following)))
    return judged


@dataclass(frozen=True)
class _Heights:
    """(n,) coarse heights in torso lengths of what falls in a downswing, and (n, 20) the body's joints."""

    hands: Floats
    left_wrist: Floats
    right_wrist: Floats
    elbows: Floats
    body: Floats


def _heights(scene: Scene, height: Floats) -> _Heights:
    left, right, elbows = (
        coarse_height(despike(-points[:, 1] / scene.torso))
        for points in (scene.point("left_wrist"), scene.point("right_wrist"), scene.midpoint("elbow"))
    )
    return _Heights(coarse_height(height), left, right, elbows, body_path(scene))


def _measure(scene: Scene, heights: _Heights, number: int, top: int, impact: int) -> Candidate:
    height = heights.hands
    low, descent = float(height[impact]), float(height[top] - height[impact])
    start = last_crossing(height, low + 0.8 * descent, impact, top)
    end = next_crossing(height, low + 0.2 * descent, int(start) + 1, impact)
    fall = max(end - start, 0.5)
    risen = last_crossing(height, low + 0.8 * descent, top)
    rising = last_crossing(height, low + 0.2 * descent, int(risen))
    through = next_crossing(height, low + SWUNG_THROUGH * descent, impact)
    horizon = impact + int(np.ceil(FOLLOW_THROUGH_WITHIN * fall)) + 1
    reach = max(1, int(fall / 3))

    def lost(path: Floats) -> Floats:
        high, low = (path[max(0, at - reach) : at + reach + 1] for at in (top, impact))
        return np.asarray(np.median(high, axis=0) - np.median(low, axis=0))

    return Candidate(
        scene=number,
        top=top,
        impact=impact,
        fall=fall,
        descent=descent,
        rise_before=float(height[top] - height[: top + 1].min()) / descent,
        rise_after=float(height[impact:horizon].max() - low) / descent,
        backswing=max(risen - rising, 0.1) / fall,
        follow=(through - impact) / fall,
        to_the_finish=horizon <= len(height),
        by_each=float(min(lost(heights.left_wrist), lost(heights.right_wrist))) / descent,
        by_elbows=float(lost(heights.elbows)) / descent,
        change=float(np.linalg.norm(lost(heights.body))),
        found=float(scene.found[top : impact + 1].mean()),
    )


def _flaw(one: Candidate, height: Floats, before: Candidate | None, after: Candidate | None) -> Flaw | None:
    if before is not None and _swung(before, one) and _bounces(one, height, before):
        return Flaw.FINISH
    if one.rise_before < LEAST_RISE_BEFORE:
        return Flaw.NO_BACKSWING
    if after is not None and one.speed < LOWERED_SPEED * after.speed and one.follow > 1:
        return Flaw.LOWERED
    if one.backswing < QUICKEST_BACKSWING:
        return Flaw.NO_FOLLOW_THROUGH if before is None else Flaw.FINISH
    if one.rise_after < SWUNG_THROUGH and one.impact + one.fall * LATEST_RISE_AFTER >= len(height):
        address = float(height[: one.top + 1].min())
        is_down = height[one.impact] - address < 0.2 * (height[one.top] - address)
        return Flaw.CUT_AT_IMPACT if is_down else Flaw.CUT_BEFORE_IMPACT
    if one.rise_after < (FULL_FOLLOW_THROUGH if one.to_the_finish else SWUNG_THROUGH) or one.follow > LATEST_RISE_AFTER:
        return Flaw.NO_FOLLOW_THROUGH
    if one.found < LEAST_FOUND:
        return Flaw.BODY_LOST
    moves_as_one = one.by_each >= LEAST_BY_EACH and one.by_elbows >= LEAST_BY_ELBOWS and one.change >= LEAST_CHANGE
    return None if moves_as_one else Flaw.NOT_THE_BODY


def _swung(before: Candidate, after: Candidate) -> bool:
    """Whether a fall went on into a follow-through, with or without its backswing on the recording."""
    if before.speed < LOWERED_SPEED * after.speed or before.follow > LATEST_RISE_AFTER:
        return False
    return before.flaw is None or (before.flaw == Flaw.NO_BACKSWING and before.rise_after >= FULL_FOLLOW_THROUGH)


def _bounces(one: Candidate, height: Floats, before: Candidate) -> bool:
    """Whether the hands were not back at the ball since the swing before: its finish, not a second swing.

    A second swing starts from an address as low as the impact before it, held for longer than the way through the ball.
    """
    since = height[before.impact : one.top + 1]
    low = float(height[before.impact]) + 0.25 * before.descent
    is_up = np.flatnonzero(since > low)
    return not len(is_up) or bool(np.all(since[is_up[0] :] > low))


def _with(candidate: Candidate, flaw: Flaw | None) -> Candidate:
    return Candidate(**{**candidate.__dict__, "flaw": flaw})


def rank(candidates: list[Candidate]) -> list[Candidate]:
    """Complete candidates, the most likely real swing first.

    Size and proportions lead; of two alike the faster and the later one is the ball, not the practice swing.
    """
    complete = [candidate for candidate in candidates if candidate.flaw is None]
    return sorted(complete, key=lambda one: _merit(one, complete), reverse=True)


def _merit(one: Candidate, complete: list[Candidate]) -> float:
    quickness = float(np.log2(one.speed / max(other.speed for other in complete)))
    is_last = one is complete[-1]
    return one.likeness + 0.1 * max(quickness, -3.0) + 0.1 * is_last


def compare(chosen: Candidate, other: Candidate) -> str:
    """Why one complete candidate was taken before another, in words."""
    reasons = []
    if chosen.descent > 1.1 * other.descent:
        reasons.append("larger")
    if chosen.speed > 1.1 * other.speed:
        reasons.append("faster")
    if (chosen.scene, chosen.impact) > (other.scene, other.impact):
        reasons.append("later, after what may be a practice swing")
    if chosen.to_the_finish and not other.to_the_finish:
        reasons.append("seen to the finish")
    return ", ".join(reasons) or "closer to a full swing's rhythm"
