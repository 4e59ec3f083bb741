"""How far the picture is turned against level: the camera's roll, from straight lines of the scene.

A phone that is held crooked shifts every angle against the vertical by as much, so the roll is looked for where the
golfer stands at address. Two families of lines tell it:

- **Uprights** (trunks, poles, walls, signs): turned by the roll, and leaning outward from the middle of the picture in
  proportion to their distance from it when the camera looks up or down. Roll and pitch are found together.
- **Level lines near the horizon** (the far edge of the fairway, a hedge, bands of grass). Lines on the ground look
  level only near the horizon, which crosses the golfer at the camera's height: lines above his head are clouds and
  branches, lines below his knees are mats, shadows and tees, and count for nothing.

What is not the scene is left out: the golfer and his club, and borders that run through the picture (black bars, two
pictures side by side), which are level in the file however the phone was held.

The golfer himself tells no roll. On tour players at address (GolfDB, n = 19 face-on, 27 down-the-line) the line through
both ankles reads 1.4 +- 4.7 degrees face-on, as perspective tilts it with every step forward or back; the hips stand
over the ankles within 2.0 face-on and 2.5 down-the-line, but four amateurs down-the-line differ by nine among
themselves (data/videos, -2 to -11) where the horizon is level within one.

How well it does is in docs/accuracy.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName, SwingSegmentation
from golf_pipeline.swing.glimpse import glimpse
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack

Floats = NDArray[np.float64]
Grey = NDArray[np.uint8]

SIDE_PX = 640
MOST_PICTURES = 3

SHORTEST, SHORTEST_PX = 0.045, 25.0
"""Of the picture's longer side, 29 of 640 pixels, and in any picture: a shorter line's direction is known to no better
than a degree."""

LONGEST = 0.3
"""Of the picture's longer side: what a line counts for at most, so that one wall does not outvote the scene."""

MOST_ROLL_DEG, ROLL_STEP_DEG = 12.0, 0.1
"""What is looked for. Who films sees more than that himself, and an upright may as well be a leaning tree."""

LINE_SPREAD_DEG = 2.0
"""By how much single lines differ from true: trunks lean, ground falls. Halved or doubled it moves the median error in
docs/accuracy.md by 0.1 degrees and the worst by 0.7."""

PITCH_DEG, PITCH_STEP_DEG = 12.0, 2.0
USUAL_PITCH_DEG = 5.0
"""How far a camera looks up or down at most, and usually (weight of a pitch: a Gaussian of this width)."""

FOCAL_LENGTH = 0.72
"""Of the picture's longer side: a phone's main camera, 26 mm on 36 mm film."""

BODY_ROOM, CLUB_REACH = 0.35, 2.6
"""Torso lengths: around the golfer's landmarks, and to the sides of the hands below them, where the club is."""

ABOVE_NOSE = 0.6
"""Torso lengths over the nose up to which a level line may be the horizon."""

BORDER_STEP, BORDER_SHARE, BORDER_STANDS_OUT = 6, 0.6, 2.0
BORDER_BLUR_PX, BORDER_ROOM_PX = 2, 3.0
"""Grey levels from one column (or row) to the next, the share of the picture's height (or width) with at least such a
step that makes it a border, and times the share in the columns around it: grass has such steps everywhere. A border is
up to so many pixels wide, and so much around it is left out."""

RESAMPLINGS = 100
NEIGHBOURS = 0.08
"""Of the longer side: lines within one such strip may be edges of one thing, and are drawn together when the
estimate is repeated on resampled lines."""

LEAST_STRIPS, LEAST_SUPPORT = 3, 0.15
"""Strips with lines, and length of the lines that agree (longer sides): less is an accident."""

MOST_SCATTER_DEG = 2.0
"""Of the estimates from resampled lines: beyond, the lines disagree and nothing is said. At 1.2 a fifth of
the answers are lost and the worst is 0.2 degrees better, at 3 a tenth more come and the worst is 1.2 degrees worse."""

TRUE_LEVEL_DEG = 1.5
"""By how much the scene itself is off level: twelve of 14 clips of data/videos read less as they were filmed, two read
1.7, and nobody knows which part of it is the camera's."""

SURE = 2.0
"""Times its spread that a roll must be to be taken out of the numbers."""


@dataclass(frozen=True)
class RollEstimate:
    """How far a picture is turned.

    Attributes:
        degrees: + = what is upright leans to image right (the content is turned clockwise, the camera the other way).
        spread: one sigma in degrees: scatter of the lines and the scene's own slope.
        lines: number of lines that agree with it, in all pictures.
    """

    degrees: float
    spread: float
    lines: int

    @property
    def is_sure(self) -> bool:
        """Whether the picture is turned for certain, so that levelling it does more good than harm."""
        return abs(self.degrees) >= SURE * self.spread


def watch_roll(path: Path, track: LandmarkTrack, segmentation: SwingSegmentation) -> RollEstimate | None:
    """The roll of a video where the golfer stands at address; None where its scene does not tell.

    Args:
        path: a video that `probe_video` accepted.
        track: its landmarks: what is the golfer and not the scene.
        segmentation: its swing.
    """
    return camera_roll(*pictures_at_address(path, track, segmentation))


def pictures_at_address(
    path: Path, track: LandmarkTrack, segmentation: SwingSegmentation
) -> tuple[list[NDArray[np.uint8]], list[Floats]]:
    """Up to three pictures of the golfer at address, `SIDE_PX` at most, and his (33, 2) landmarks in their pixels."""
    rows = _rows_at_address(track, segmentation)
    pictures, bodies = [], []
    for frame in glimpse(path, [float(track.time_s[row]) for row in rows], max_side_px=SIDE_PX):
        row = int(np.abs(track.time_s - frame.time_s).argmin())
        if track.found[row]:
            pictures.append(frame.image)
            bodies.append(track.pixels[row] * (frame.image.shape[1] / track.width))
    return pictures, bodies


def camera_roll(pictures: Sequence[NDArray[np.uint8]], bodies: Sequence[Floats]) -> RollEstimate | None:
    """The roll of some pictures of one scene by one camera; None where the lines are too few or disagree.

    Args:
        pictures: uint8 RGB (height, width, 3), all of one size.
        bodies: (33, 2) pixels of the golfer's landmarks in each of them.
    """
    if not pictures:
        return None
    seen = [_lines(picture, body) for picture, body in zip(pictures, bodies, strict=True)]
    lines = _Lines(*(np.concatenate([getattr(one, name) for one in seen]) for name in _Lines.__annotations__))
    longer = max(pictures[0].shape[:2])
    strip = _strips(lines, longer)
    if len(np.unique(strip)) < LEAST_STRIPS:
        return None
    rolls = np.arange(-MOST_ROLL_DEG, MOST_ROLL_DEG + ROLL_STEP_DEG / 2, ROLL_STEP_DEG)
    votes = _votes(lines, rolls, pictures[0].shape[1], longer) / len(pictures)
    support = votes.sum(axis=2)
    best, pitch = np.unravel_index(int(support.argmax()), support.shape)
    scatter = _scatter(votes, strip, rolls)
    if support[best, pitch] < LEAST_SUPPORT or scatter > MOST_SCATTER_DEG or best in (0, len(rolls) - 1):
        return None
    agree = votes[best, pitch] > np.exp(-2) * votes.max(axis=(0, 1))  # within two line spreads of its own best
    return RollEstimate(
        degrees=round(float(rolls[best]), 1),
        spread=round(float(np.hypot(scatter, TRUE_LEVEL_DEG)), 2),
        lines=int(agree.sum()),
    )


def _rows_at_address(track: LandmarkTrack, segmentation: SwingSegmentation) -> list[int]:
    """Rows of the track around address, in time, within its scene and before the club is up."""
    address, top = (segmentation.frame_of(name) for name in (EventName.ADDRESS, EventName.TOP))
    start = max((cut for cut in track.cuts if cut <= address), default=0)
    apart = max(3, (top - address) // 8)
    wanted = [max(start, address - apart), address, address + apart]
    return sorted({int(np.abs(track.frame - frame).argmin()) for frame in wanted})[:MOST_PICTURES]


@dataclass(frozen=True)
class _Lines:
    """Lines of the scene (n of them): where their middles are, how long they are, by how much they are off.

    Attributes:
        place: (n, 2) pixels.
        length: pixels.
        off: degrees clockwise from upright or from level.
        upright: which of the two it is.
    """

    place: Floats
    length: Floats
    off: Floats
    upright: NDArray[np.bool_]


def _lines(picture: NDArray[np.uint8], body: Floats) -> _Lines:
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    ends = np.zeros((0, 2, 2)) if found is None else found.reshape(-1, 2, 2).astype(np.float64)
    shortest = max(SHORTEST * max(grey.shape), SHORTEST_PX)
    ends = ends[np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) >= shortest]
    ends = ends[~_on_a_border(ends, grey)]
    along, place = ends[:, 1] - ends[:, 0], ends.mean(axis=1)
    off_level = (np.degrees(np.arctan2(along[:, 1], along[:, 0])) + 90) % 180 - 90
    off_upright = np.where(off_level > 0, off_level - 90, off_level + 90)
    torso = float(np.linalg.norm(_middle(body, "shoulder") - _middle(body, "hip")))
    points = np.stack([ends[:, 0], place, ends[:, 1]], axis=1)
    room = BODY_ROOM * torso
    low, high = body.min(axis=0) - room, body.max(axis=0) + room
    on_golfer = np.any(np.all((points > low) & (points < high), axis=2), axis=1)
    hands = _middle(body, "wrist")
    on_club = np.abs(points[..., 0] - hands[0]) < CLUB_REACH * torso
    on_club = np.any(on_club & (points[..., 1] > hands[1] - room), axis=1)
    near_horizon = place[:, 1] > body[INDEX["nose"], 1] - ABOVE_NOSE * torso
    near_horizon &= place[:, 1] < _middle(body, "knee")[1]
    # Beyond the largest roll, lines still count: the best roll lies where most agree, not where the counting ends.
    most = MOST_ROLL_DEG + 2 * LINE_SPREAD_DEG
    upright = (np.abs(off_upright) < most) & ~on_golfer & ~on_club
    level = (np.abs(off_level) < most) & ~on_golfer & near_horizon
    kept = upright | level
    return _Lines(
        place=place[kept],
        length=np.linalg.norm(along[kept], axis=1),
        off=np.where(upright, off_upright, off_level)[kept],
        upright=upright[kept],
    )


def _middle(body: Floats, part: str) -> Floats:
    middle: Floats = (body[INDEX[f"left_{part}"]] + body[INDEX[f"right_{part}"]]) / 2
    return middle


def borders(grey: Grey, axis: int) -> Floats:
    """Where edges run through the whole picture: x of those in one column (axis 0), y of those in one row (axis 1)."""
    steps = np.abs(np.diff(grey.astype(np.int16), axis=1 - axis)) >= BORDER_STEP
    share = steps.mean(axis=axis)
    around = np.pad(share, 4 * BORDER_BLUR_PX, mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(around, 8 * BORDER_BLUR_PX + 1)
    usual = np.median(np.delete(around, np.arange(3 * BORDER_BLUR_PX, 5 * BORDER_BLUR_PX + 1), axis=1), axis=1)
    is_border = (share >= BORDER_SHARE) & (share >= BORDER_STANDS_OUT * usual)
    return np.flatnonzero(is_border).astype(np.float64) + 0.5


def _on_a_border(ends: Floats, grey: Grey) -> NDArray[np.bool_]:
    """(n,) whether a line runs along an edge that goes through the picture in exactly one column or row."""
    on_one = np.zeros(len(ends), dtype=np.bool_)
    for axis in (0, 1):
        away = np.abs(ends[:, :, axis, None] - borders(grey, axis))
        on_one |= np.any(np.all(away < BORDER_ROOM_PX, axis=1), axis=1)
    return on_one


def _strips(lines: _Lines, longer: int) -> NDArray[np.int64]:
    """(n,) number of the strip of each line: a column of the picture for uprights, half a strip's rows for level ones.

    Level lines side by side belong to different things only a few strips apart.
    """
    column = np.floor(lines.place[:, 0] / (NEIGHBOURS * longer))
    row = np.floor(lines.place[:, 1] / (NEIGHBOURS / 2 * longer))
    strips: NDArray[np.int64] = np.where(lines.upright, column, 1000 + 50 * row + column // 3).astype(np.int64)
    return strips


def _votes(lines: _Lines, rolls: Floats, width: int, longer: int) -> Floats:
    """(rolls, pitches, n) what each line says for each roll and pitch of the camera, in longer sides of line."""
    pitches = np.arange(-PITCH_DEG, PITCH_DEG + PITCH_STEP_DEG / 2, PITCH_STEP_DEG)
    outward = lines.upright * (lines.place[:, 0] - width / 2) / (FOCAL_LENGTH * longer)
    fan = np.degrees(np.tan(np.radians(pitches))[:, None] * outward)
    usual = np.where(lines.upright, np.exp(-0.5 * (pitches[:, None] / USUAL_PITCH_DEG) ** 2), 1.0)
    weight = np.minimum(lines.length / longer, LONGEST) * usual
    off = lines.off - rolls[:, None, None] - fan
    votes: Floats = weight * np.exp(-0.5 * (off / LINE_SPREAD_DEG) ** 2)
    return votes


def _scatter(votes: Floats, strip: NDArray[np.int64], rolls: Floats) -> float:
    """Half the range of the middle two thirds of the estimates from resampled strips (a Poisson bootstrap), degrees."""
    _, of_line = np.unique(strip, return_inverse=True)
    times = np.random.default_rng(0).poisson(1.0, (int(of_line.max()) + 1, RESAMPLINGS))
    support = (votes.reshape(-1, len(strip)) @ times[of_line].astype(np.float64)).reshape(*votes.shape[:2], -1)
    estimates = rolls[support.max(axis=1).argmax(axis=0)]
    low, high = np.percentile(estimates, [16, 84])
    return float(high - low) / 2
