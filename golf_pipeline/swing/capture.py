"""How a swing was filmed: the camera's side, the golfer's hand, real time or slow motion, and what limits the clip.

Belongs here: judgements on the capture, from the pose around a swing whose address, top and impact are known, and the
golfer's own word where it was given. Finding the swing is `events.py`'s work.

Directions are the picture's: x to the right. A right-hander turns clockwise in the backswing, seen from above, whatever
the camera; all rules for the hand follow from that one sentence and flip with a mirrored picture.
"""

from dataclasses import dataclass

import numpy as np

from golf_pipeline.swing.documents import Capture, Handedness, TimeBase, View
from golf_pipeline.swing.landmarks import INDEX
from golf_pipeline.swing.signals import Floats, Scene

REAL_DOWNSWING_S = 0.25
"""Seconds from top to impact in reality: 0.23 in GolfDB's real-time clips (n = 758), 0.27 on a 1000 Hz club tracker
(2,160 drives by 54 golfers); GOLF.md, "Timing in GolfDB"."""

SLOW_MOTION_FROM = 1.9
"""Times the real downswing. Real-time clips read 0.4-1.6 (GolfDB, n = 31; data/videos, n = 9), slow ones 2.3-16
(n = 27 and 6); GolfDB clip 19, whose top is found seven frames early, reads 1.87."""

DOWN_THE_LINE_UP_TO = 0.35
FACE_ON_FROM = 0.65
"""Shoulder width over torso length, both at address. Down-the-line reads 0.02-0.15 (GolfDB, n = 26; data/videos, n = 9,
one 0.28), face-on 0.68-0.91 (GolfDB, n = 17; data/videos, n = 7), GolfDB's "other" 0.05-0.64 (n = 15); GOLF.md found
0.02-0.22 and 0.73-1.0 on 14 clips each."""

VIEW_BLUR = 0.06
"""Width of the borders between the views in the same ratio: the confidence of a view is 0.5 on a border, 0.98 four
blurs away from it."""

SHOULDER_WIDTH = 0.70
FOOT_LENGTH = 0.38
"""Torso lengths that a face-on shoulder line and a sideways foot span (medians of the same face-on and down-the-line
clips): what turns two sideways lengths into the direction that the golfer faces."""

HANDS_AT_MID_BACKSWING = (0.8, 0.3)
HANDS_AT_TOP = (0.5, 0.65)
"""Torso lengths that the hands travel to the trail side, and in toward the body, from address (medians of the same
clips: 0.9 and 0.5 to the side face-on, 0.4 and 0.65 inward down-the-line)."""

FACING = 0.3
"""Torso lengths between the shoulders, along x, from which a body clearly faces the camera or turns its back."""

APPARENT_TURN_DEG = 70.0
"""Degrees that the shoulder line seems to turn from address to top in a MediaPipe pose (mocap: 92-103)."""

DEPTH_WEIGHT = 0.3
"""Weight of the hands' depth against the picture's own evidence: the model's z is right in sign on 33 of 40
down-the-line clips, no more."""

BEHIND_THE_BALL_WEIGHT = 0.25
"""Weight of what golfers do: who films along the target line stands behind the ball (all 36 such clips of GolfDB and
data/videos), where a right-hander faces right. A chest that is seen to turn otherwise outweighs it."""

SURE = 0.4
"""Evidence from which a hand is named; below it the answer is "unknown". On 75 clips (GolfDB 59, data/videos 16; all
look right-handed) and their mirror images none was named wrongly; GolfDB's 50 and 78 stay unknown, as does a
rendered left-hander whose shoulders the model swaps."""


@dataclass(frozen=True)
class CaptureGiven:
    """What the caller knows for certain; None lets the program judge.

    Attributes:
        view: the camera's side.
        handedness: the golfer's hand (from the profile).
        slow_motion_factor: recorded seconds per real second; 1 is real time.
    """

    view: View | None = None
    handedness: Handedness | None = None
    slow_motion_factor: float | None = None


@dataclass(frozen=True)
class Moments:
    """The moments of a swing that the capture is judged from, in samples of its scene."""

    address: int
    mid_backswing: int
    top: int
    impact: int
    mid_follow_through: int


@dataclass(frozen=True)
class _Pose:
    """Sideways measures of the body in torso lengths at address (x to the right), one number a sample."""

    width: Floats  # length of the shoulder line
    opening: Floats  # left minus right shoulder: positive when the chest faces the camera
    hands: Floats  # wrists against the hips
    toes: Floats  # toes against the heels
    depth: Floats  # wrists' z: negative toward the camera


def judge_capture(scene: Scene, moments: Moments, given: CaptureGiven) -> Capture:
    """Judge one swing's capture; what limits the clip is `quality.py`'s word.

    Args:
        moments: of the swing, in samples of the scene.
        given: what the caller knows; it replaces the judgement and is named in `Capture.given`.

    The confidence of the view is how far the shoulder ratio is from the next view's border; that of the hand is the
    size of the evidence against that of a clear swing.
    """
    pose = _measure(scene, moments)
    view, view_confidence = _view(pose, moments)
    hand, hand_confidence, away = _hand(pose, moments)
    if away and view == View.DOWN_THE_LINE:
        view, view_confidence = View.OBLIQUE, 0.5
    factor = (moments.impact - moments.top) * scene.step_s / REAL_DOWNSWING_S
    is_slow = factor >= SLOW_MOTION_FROM
    if given.slow_motion_factor is not None:
        is_slow = given.slow_motion_factor > 1.0
    known = {"view": given.view, "handedness": given.handedness, "slow_motion_factor": given.slow_motion_factor}
    final_view, final_hand = given.view or view, given.handedness or hand
    return Capture(
        view=final_view,
        view_confidence=1.0 if given.view else round(view_confidence, 3),
        handedness=final_hand,
        handedness_confidence=1.0 if given.handedness else round(hand_confidence, 3),
        time_base=TimeBase.SLOW_MOTION if is_slow else TimeBase.REAL,
        slow_motion_factor=(given.slow_motion_factor or round(factor, 1)) if is_slow else 1.0,
        given=tuple(name for name, value in known.items() if value is not None),
    )


def _measure(scene: Scene, moments: Moments) -> _Pose:
    trunk = np.linalg.norm(scene.midpoint("shoulder") - scene.midpoint("hip"), axis=1)
    unit = _around(trunk, moments.address, _reach(moments)) or scene.torso
    line = scene.point("left_shoulder") - scene.point("right_shoulder")
    toes = [scene.point(f"{side}_foot_index") - scene.point(f"{side}_heel") for side in ("left", "right")]
    return _Pose(
        width=np.linalg.norm(line, axis=1) / unit,
        opening=line[:, 0] / unit,
        hands=(scene.midpoint("wrist") - scene.midpoint("hip"))[:, 0] / unit,
        toes=(toes[0] + toes[1])[:, 0] / 2 / unit,
        depth=scene.depth[:, [INDEX["left_wrist"], INDEX["right_wrist"]]].mean(axis=1) / unit,
    )


def _reach(moments: Moments) -> int:
    """Samples on either side of the address over which the golfer stands as at address."""
    return max(1, (moments.top - moments.address) // 6)


def _opening_at_address(pose: _Pose, moments: Moments) -> float:
    """Left minus right shoulder at address, as it must be of somebody who faces the camera at impact.

    Between the two a golfer's chest turns by 40 degrees at most and he does not turn his back: a model that says so has
    taken left for right at address.
    """
    at_address = _around(pose.opening, moments.address, _reach(moments))
    at_impact = _around(pose.opening, moments.impact, 1)
    return abs(at_address) if at_address < -FACING and at_impact > FACING else at_address


def _around(values: Floats, sample: int, reach: int) -> float:
    return float(np.median(values[max(0, sample - reach) : sample + reach + 1]))


def _view(pose: _Pose, moments: Moments) -> tuple[View, float]:
    """View and confidence; a camera that looks at the golfer's back is oblique."""
    ratio = _around(pose.width, moments.address, _reach(moments))
    if ratio <= DOWN_THE_LINE_UP_TO:
        return View.DOWN_THE_LINE, _sigmoid((DOWN_THE_LINE_UP_TO - ratio) / VIEW_BLUR)
    from_behind = _opening_at_address(pose, moments) < 0
    if ratio >= FACE_ON_FROM and not from_behind:
        return View.FACE_ON, _sigmoid((ratio - FACE_ON_FROM) / VIEW_BLUR)
    nearest_border = min(ratio - DOWN_THE_LINE_UP_TO, abs(FACE_ON_FROM - ratio))
    return View.OBLIQUE, _sigmoid(nearest_border / VIEW_BLUR)


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


def _hand(pose: _Pose, moments: Moments) -> tuple[Handedness, float, bool]:
    """Hand, confidence, and whether the camera stands on the target's side.

    The golfer faces an angle away from the camera: its sine is the toes' x, its cosine the shoulder line's. A
    right-hander's hands travel to his right and inward, and his chest turns to his right; what of that a camera sees
    is the travel along x, which counts with the cosine, and the shoulder line's opening, which counts with the sine.
    Each is positive for a right-hander, whatever the view, and its mirror image negative. Behind the ball a
    right-hander faces right, a left-hander left; the other way round the camera is on the target's side.
    """
    reach, near_top = _reach(moments), max(1, _reach(moments) // 2)
    sine = _around(pose.toes, moments.address, reach) / FOOT_LENGTH
    cosine = _opening_at_address(pose, moments) / SHOULDER_WIDTH
    length = max(float(np.hypot(sine, cosine)), 0.5)
    sine, cosine = sine / length, cosine / length
    turn = np.deg2rad(APPARENT_TURN_DEG)
    by_hands = 0.0
    for moment, (sideways, inward) in ((moments.mid_backswing, HANDS_AT_MID_BACKSWING), (moments.top, HANDS_AT_TOP)):
        travel = _around(pose.hands, moment, 1) - _around(pose.hands, moments.address, reach)
        by_hands -= 0.5 * (travel + inward * sine) * cosine / sideways
    # The chest turns one way at the top and the other way after impact; a model that swaps the shoulders of somebody
    # seen from behind seldom does so at both.
    turned = pose.opening[(moments.mid_backswing + moments.top) // 2 : (moments.top + moments.impact) // 2 + 1]
    openings = (float(np.median(turned)), _around(pose.opening, moments.mid_follow_through, near_top))
    by_chest = 0.0
    for side, opening in zip((0.5, -0.5), openings, strict=True):
        by_chest += side * (opening / SHOULDER_WIDTH - cosine * np.cos(turn)) * sine / np.sin(turn)
    nearer = _around(pose.depth, moments.address, reach) - _around(pose.depth, moments.top, near_top)
    by_depth = float(np.clip(nearer, -1, 1)) * sine * abs(sine)
    evidence = float(by_hands + by_chest + DEPTH_WEIGHT * by_depth + BEHIND_THE_BALL_WEIGHT * sine * abs(sine))
    confidence = min(1.0, abs(evidence))
    if confidence < SURE:
        return Handedness.UNKNOWN, confidence, False
    hand = Handedness.RIGHT if evidence > 0 else Handedness.LEFT
    return hand, confidence, bool(evidence * sine < 0 and abs(sine) > np.sqrt(0.5))
