"""What limits a clip, and how to film the next one better.

Belongs here: every remark on the filming of a swing that was found. How it was filmed (view, hand, time base) is judged
in `capture.py`; a clip without a swing is refused in `events.py`.

Thresholds were set on 16 swings of `data/videos` ("videos") and on 61 of GolfDB's with labelled events, whose landmarks
come from 160-pixel clips and jitter more ("GolfDB"). Lengths are torso lengths or shares of the picture, never pixels;
no rule knows left from right, so a mirrored clip gets the same remarks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.capture import DOWN_THE_LINE_UP_TO, FOOT_LENGTH, SHOULDER_WIDTH
from golf_pipeline.swing.documents import (
    CaptureCode,
    CaptureIssue,
    EventName,
    Handedness,
    SwingSegmentation,
    TimeBase,
    View,
)
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.signals import Floats

SMALL_GOLFER = 0.08
"""Torso length over picture height: the golfer fills less than a quarter of it (data/videos: 0.12-0.21)."""

OFF_CENTRE = 0.35
"""Picture widths between the hips at address and the middle: from there on a lens bends and a finish has no room. Read
0-0.27 on videos and 0-0.32 on GolfDB; two clips that show two views side by side read 0.41 and 0.48."""

OUTSIDE = 0.02
OUTSIDE_FOR = 0.05
"""Share of the picture by which a landmark lies outside it, and of the frames from address to finish in which one does.
No landmark of the videos lies outside; on GolfDB, which is cropped close, toes or hands read 0.01-0.02 on nine clips
that look complete, and 0.05 in a few frames of another."""

LOW_FRAME_RATE = 24.5
"""Frames per second. A downswing is 0.25 s: at 24 it has six frames, and the club moves 2 m in the one around impact.
All ten real-time videos have 30."""

LOST_FOR = 0.10
"""Share of the frames from address to finish without a body: 0 on videos, up to 0.04 on GolfDB, 0.17 on the one clip
whose landmarks are of no use."""

UNCLEAR_WRISTS = 0.3
UNCLEAR_FOR = 0.25
"""Mean visibility of the two wrists that makes the hands a guess, and the share of the frames from address to finish in
which it is lower: up to 0.15 on videos, up to 0.07 on GolfDB, 0.36 and 0.48 on the two clips whose hands leave the
picture or the light. One hidden wrist, as down-the-line, reads 0.5-0.7."""

CAMERA_RANGE = 0.45
"""Torso lengths over which the point between the ankles moves (5th to 95th percentile) from address to top, when both
feet stand: 0.03-0.11 on videos, 0.04-0.31 on GolfDB (n = 60), 1.30 on the one whose camera pans."""

CAMERA_SHAKE = 0.06
"""Median of that point's steps from frame to frame, torso lengths: 0.001-0.008 on videos, 0.008-0.037 on GolfDB
(n = 60), 0.08 on the clip of no use. A shaking hand that keeps the golfer in place passes the range, not this."""

CROOKED_DEG = 5.0
"""Roll of the camera from which the golfer is told. The numbers are levelled, but only to about 1.5 degrees
(`roll.TRUE_LEVEL_DEG`), and a hand that is as far off seldom holds still."""

LEAST_AFTER_IMPACT = 2.0
"""Downswings recorded after impact: 1.5-1.7 on the three videos that end before the finish, 2.3-7.7 on the other
thirteen; GolfDB's finish lies 2.6 after impact."""


WORDS: dict[CaptureCode, tuple[str, str]] = {
    CaptureCode.VIEW_FROM_BEHIND: (
        "The camera looks at your back.",
        "Film from the front (face-on) or from behind the ball.",
    ),
    CaptureCode.VIEW_FROM_TARGET: (
        "The camera stands on the target's side.",
        "Film from behind the ball, looking at the target.",
    ),
    CaptureCode.VIEW_OBLIQUE: (
        "The camera stands between face-on and down-the-line, so angles are less certain.",
        "Put it square to your chest, or on the line through your hands to the target.",
    ),
    CaptureCode.CAMERA_ROLLED: (
        "The camera was held crooked: the whole picture leans to one side, so angles are less certain.",
        "Stand the phone upright: turn on the camera's grid and line it up with something level.",
    ),
    CaptureCode.CAMERA_MOVES: (
        "The camera moves during the swing, so what your body does is less certain.",
        "Put the phone on a tripod or lean it against your bag.",
    ),
    CaptureCode.BODY_LOST: (
        "We lost sight of you in some frames of the swing.",
        "Film in good light, with the sun behind the camera and nobody else in the picture.",
    ),
    CaptureCode.HANDS_UNCLEAR: (
        "Your hands are hard to see in much of the swing.",
        "Film in good light, not against the sun, in clothes that stand out from the background.",
    ),
    CaptureCode.HEAD_OUTSIDE: (
        "Your head leaves the picture during the swing.",
        "Step back or tilt the camera up, so that there is room above you.",
    ),
    CaptureCode.HANDS_OUTSIDE: (
        "Your hands leave the picture during the swing.",
        "Step back, so that there is room for the whole swing above and beside you.",
    ),
    CaptureCode.FEET_OUTSIDE: (
        "Your feet are not in the picture during the whole swing.",
        "Step back or tilt the camera down, so that there is ground below your feet.",
    ),
    CaptureCode.GOLFER_SMALL: (
        "You are small in the picture.",
        "Film closer, so that you fill most of its height.",
    ),
    CaptureCode.OFF_CENTRE: (
        "You stand near the edge of the picture.",
        "Turn the camera until you are in the middle.",
    ),
    CaptureCode.LOW_FRAME_RATE: (
        "The video has so few frames per second that the moment of impact is uncertain.",
        "Film at 60 frames per second or more.",
    ),
    CaptureCode.STARTS_LATE: (
        "The recording starts with the takeaway.",
        "Film a second of standing still before it.",
    ),
    CaptureCode.ENDS_EARLY: (
        "The recording ends before the finish.",
        "Keep filming until you have held it.",
    ),
    CaptureCode.SLOW_MOTION: (
        "This looks like slow motion: times and speeds are estimates, ratios hold.",
        "For your times, film in real time at 60 frames per second or more.",
    ),
    CaptureCode.HAND_UNKNOWN: (
        "We could not tell whether you play right- or left-handed.",
        "Set it in your profile.",
    ),
}
"""What the golfer is told, the gravest first."""


def judge_quality(track: LandmarkTrack, segmentation: SwingSegmentation) -> tuple[CaptureIssue, ...]:
    """Say what limits a clip, the gravest first; a well filmed one gets no remark.

    Args:
        track: the landmarks that the swing was found in.
        segmentation: the swing; what the caller gave (its `capture.given`) is not doubted.
    """
    swing = _Swing.of(track, segmentation)
    found = {
        *_filming(track, segmentation),
        *_direction(track, swing, segmentation),
        *_framing(track, swing),
        *_sight(track, swing),
        *_recording(track, swing),
    }
    return tuple(CaptureIssue(code=code, message=WORDS[code][0], how=WORDS[code][1]) for code in WORDS if code in found)


@dataclass(frozen=True)
class _Swing:
    """Rows of the track, and the golfer's size in it.

    Attributes:
        address, top, impact, finish: rows of the events.
        first, last: rows of the first and the last frame with a body in the swing's scene.
        torso: median mid-shoulder to mid-hip distance from address to finish, pixels.
    """

    address: int
    top: int
    impact: int
    finish: int
    first: int
    last: int
    torso: float

    @classmethod
    def of(cls, track: LandmarkTrack, segmentation: SwingSegmentation) -> "_Swing":
        rows = {event.event: int(np.searchsorted(track.frame, event.frame)) for event in segmentation.events}
        address, finish = rows[EventName.ADDRESS], rows[EventName.FINISH]
        borders = [0, *np.searchsorted(track.frame, sorted(track.cuts)).tolist(), len(track)]
        start = max(border for border in borders if border <= address)
        stop = min(border for border in borders if border > address)
        seen = start + np.flatnonzero(track.found[start:stop])
        trunk = np.linalg.norm(track.midpoint("shoulder") - track.midpoint("hip"), axis=1)
        return cls(
            address=address,
            top=rows[EventName.TOP],
            impact=rows[EventName.IMPACT],
            finish=finish,
            first=int(seen[0]),
            last=int(seen[-1]),
            torso=float(np.nanmedian(trunk[address : finish + 1])),
        )

    @property
    def whole(self) -> slice:
        return slice(self.address, self.finish + 1)

    @property
    def standing(self) -> slice:
        """Rows in which the golfer stands as at address."""
        reach = max(1, (self.top - self.address) // 6)
        return slice(max(self.first, self.address - reach), self.address + reach + 1)


def _filming(track: LandmarkTrack, segmentation: SwingSegmentation) -> set[CaptureCode]:
    capture, codes = segmentation.capture, set()
    if abs(capture.roll_deg or 0.0) > CROOKED_DEG:
        codes.add(CaptureCode.CAMERA_ROLLED)
    if capture.handedness == Handedness.UNKNOWN:
        codes.add(CaptureCode.HAND_UNKNOWN)
    if capture.time_base == TimeBase.SLOW_MOTION:
        codes.add(CaptureCode.SLOW_MOTION)
    elif 1 / np.median(np.diff(track.time_s) / np.diff(track.frame)) < LOW_FRAME_RATE:
        codes.add(CaptureCode.LOW_FRAME_RATE)
    return codes


def _direction(track: LandmarkTrack, swing: _Swing, segmentation: SwingSegmentation) -> set[CaptureCode]:
    capture = segmentation.capture
    if capture.view != View.OBLIQUE:
        return set()
    if "view" in capture.given:
        return {CaptureCode.VIEW_OBLIQUE}
    trunk = np.linalg.norm(track.midpoint("shoulder") - track.midpoint("hip"), axis=1)
    unit = _median(trunk[swing.standing])
    line = (track.point("left_shoulder") - track.point("right_shoulder"))[swing.standing] / unit
    opening, width = _median(line[:, 0]), _median(np.linalg.norm(line, axis=1))
    if opening < 0 and width > DOWN_THE_LINE_UP_TO:
        return {CaptureCode.VIEW_FROM_BEHIND}
    # The golfer faces right of the camera when his toes do; behind the ball a right-hander does, a left-hander not.
    toes = [track.point(f"{side}_foot_index") - track.point(f"{side}_heel") for side in ("left", "right")]
    sine = _median((toes[0] + toes[1])[swing.standing, 0]) / 2 / unit / FOOT_LENGTH
    sine /= max(float(np.hypot(sine, opening / SHOULDER_WIDTH)), 0.5)
    wrong_way = {Handedness.RIGHT: -sine, Handedness.LEFT: sine, Handedness.UNKNOWN: 0.0}[capture.handedness]
    return {CaptureCode.VIEW_FROM_TARGET if wrong_way > np.sqrt(0.5) else CaptureCode.VIEW_OBLIQUE}


def _framing(track: LandmarkTrack, swing: _Swing) -> set[CaptureCode]:
    codes = set()
    if swing.torso < SMALL_GOLFER * track.height:
        codes.add(CaptureCode.GOLFER_SMALL)
    if abs(_median(track.midpoint("hip")[swing.standing, 0]) / track.width - 0.5) > OFF_CENTRE:
        codes.add(CaptureCode.OFF_CENTRE)
    parts = {
        CaptureCode.HEAD_OUTSIDE: ("nose",),
        CaptureCode.HANDS_OUTSIDE: ("left_wrist", "right_wrist"),
        CaptureCode.FEET_OUTSIDE: ("left_heel", "right_heel", "left_foot_index", "right_foot_index"),
    }
    for code, names in parts.items():
        places = track.xyz[swing.whole][track.found[swing.whole]][:, [INDEX[name] for name in names], :2]
        is_outside = (np.abs(places - 0.5) > 0.5 + OUTSIDE).any(axis=(1, 2))
        if is_outside.mean() > OUTSIDE_FOR:
            codes.add(code)
    return codes


def _sight(track: LandmarkTrack, swing: _Swing) -> set[CaptureCode]:
    codes = set()
    found = track.found[swing.whole]
    if 1 - found.mean() > LOST_FOR:
        codes.add(CaptureCode.BODY_LOST)
    wrists = track.visibility[swing.whole][:, [INDEX["left_wrist"], INDEX["right_wrist"]]].mean(axis=1)
    if (wrists[found] < UNCLEAR_WRISTS).mean() > UNCLEAR_FOR:
        codes.add(CaptureCode.HANDS_UNCLEAR)
    feet = (track.midpoint("ankle") / swing.torso)[swing.address : swing.top + 1]
    feet = feet[track.found[swing.address : swing.top + 1]]
    if len(feet) < 2:
        return codes
    spread = np.percentile(feet, 95, axis=0) - np.percentile(feet, 5, axis=0)
    steps = np.linalg.norm(np.diff(feet, axis=0), axis=1)
    if np.linalg.norm(spread) > CAMERA_RANGE or _median(steps) > CAMERA_SHAKE:
        codes.add(CaptureCode.CAMERA_MOVES)
    return codes


def _recording(track: LandmarkTrack, swing: _Swing) -> set[CaptureCode]:
    codes = set()
    if swing.address <= swing.first:
        codes.add(CaptureCode.STARTS_LATE)
    downswing = track.time_s[swing.impact] - track.time_s[swing.top]
    if track.time_s[swing.last] - track.time_s[swing.impact] < LEAST_AFTER_IMPACT * downswing:
        codes.add(CaptureCode.ENDS_EARLY)
    return codes


def _median(values: Floats | NDArray[np.floating]) -> float:
    """Median of the frames with a body; NaN, which is beyond no threshold, where there is none."""
    seen = values[~np.isnan(values)]
    return float(np.median(seen)) if len(seen) else float("nan")
