"""The ball at rest, and the frame in which it leaves: the sharpest sign of impact that a picture holds.

The ground around the feet is looked at before and after impact. A ball is a compact spot that is there before, is gone
after, and left in one step near the pose's impact: club head, legs, shadows and flying turf pass, but do not step. In
slow motion the club head hides the ball around impact, so there is a last frame in which the ball lies still and a
first in which its place is seen empty. What is not clear is not reported: a wrong frame is worse than none.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName, ImpactBall, SwingSegmentation, VideoFacts, View
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.steady import Box, CameraMovesError, SteadyCamera
from golf_pipeline.swing.video import read_frames

Images = NDArray[np.float32]
Floats = NDArray[np.float64]

LEAST_TORSO_PX = 45.0
"""Torso length under which a ball has less than four or five pixels across: a spot like any other."""

FULL_TORSO_PX = 130.0
"""The picture is scaled down to about this torso length: the ball has 12 pixels across then, more says no more."""

RADII = (1 / 24, 1 / 20, 1 / 16)
"""Of a ball, in torso lengths as they are seen: a leaning trunk is short, and the ball lies nearer to the camera. Real
clips read 1/23 to 1/17."""

TO_THE_HANDS, FROM_THE_HANDS, REACH_FACE_ON = 2.3, 0.0, 0.7
REACH_ABOVE, REACH_BELOW = 0.5, 1.3
"""Where a ball may lie around the feet, torso lengths: a driver's ball was seen 1.7 beside the toes, on the side of the
hands (down the line), and 0.7 below them (face-on, where it lies between the feet or little beside)."""

LEAST_LEAN = 0.15
"""Torso lengths that the hands at impact must be beside the ankles for a side to be told."""

LEG_REACH = 0.15
"""Torso lengths around knee, ankle, heel and toe that are leg and shoe: a heel that lifts leaves its place too."""

BEFORE, AFTER = (-1.1, -0.3), (0.4, 1.0)
"""Downswings from the pose's impact: when the ball surely lies still, and when it is surely gone."""

NEAR = 0.25
"""Downswings from the pose's impact within which the ball may leave; the pose was up to 0.1 off on real clips."""

LEAST_NEAR = 2.5
"""Frames: `NEAR` of a downswing at 30 frames per second is less than the pose's own error."""

MOST_REFERENCES = 9
LEAST_REFERENCES = 2
MOST_HIDDEN = 0.12
"""Downswings between the last sight of the ball and the first of its empty place."""

LEAST_CONTRAST = 24.0
"""Grey levels of 255 by which a ball stands out from its ground, beyond what its surroundings change; 38 to 123 were
seen. In one colour at least it is brighter than the ground, so that shadows are out."""

CONTRAST_OVER_NOISE = 5.0
MOST_SPOTS = 8
RIVAL = 0.6
"""Of the clearest spot's contrast; a weaker one that leaves at another time is no reason for doubt."""

ALIKE = 0.45
"""A pixel looks as before if it differs from that by less than this share of the change."""

IN_SIGHT, AT_REST, LEFT = 0.75, 0.5, 0.25
"""Shares of the ball's pixels that look as before: nothing is in front of it; the club head may be, but it lies still;
it is not there."""

STEADY, EMPTY = 0.9, 0.75
"""Shares of the frames before that show the ball, and of those after that show its empty place."""

SHARP, LEAST_STEP = 3, 0.28
"""Frames just before and after the step in which the spot must be whole and gone, but for this share of its contrast:
a shadow's edge also passes, over several frames."""

LARGEST_SHIFT = 0.6
"""Torso lengths that the camera may move in the frames looked at."""

HEAD_START = 0.01
"""Downswings that a club head hides the ball before it strikes, seen from behind: 0.4 m on the way down the line."""


@dataclass(frozen=True)
class _Plan:
    """What to look at: numbers of frames, and places in pixels of the pictures that are read.

    Attributes:
        before, near, after: frames in which the ball lies still, may leave, and has left.
        box, body: x0, y0, x1, y1 of the ground to search and of the golfer.
        torso: length in pixels.
        legs: (n, 4, 2) knee, ankle, heel and toe of either leg in every frame.
        width, height: of the pictures.
    """

    before: tuple[int, ...]
    near: tuple[int, ...]
    after: tuple[int, ...]
    box: Box
    torso: float
    legs: Floats
    body: Box
    width: int
    height: int

    @property
    def numbers(self) -> list[int]:
        return sorted({*self.before, *self.near, *self.after})


@dataclass(frozen=True)
class _Spot:
    """Something compact that is in the picture before and not after (pixels of the box)."""

    x: int
    y: int
    radius: float
    contrast: float


@dataclass(frozen=True)
class _Step:
    spot: _Spot
    last: int
    first: int


class _NotUsableError(Exception):
    """Why nothing can be said about the ball of a clip."""


def watch_ball(path: Path, facts: VideoFacts, track: LandmarkTrack, segmentation: SwingSegmentation) -> ImpactBall:
    """Find the ball and the frame in which it leaves.

    Args:
        path: a video that `probe_video` accepted, with its facts.
        track: its landmarks: where the feet are and how large the golfer is.
        segmentation: its swing: around which frame to look.

    Returns:
        "not usable" where the picture cannot tell (too small, cut, a moving camera), "not seen" where nothing like a
        ball left the ground near impact.

    Raises:
        VideoRefused: the video does not decode.
    """
    try:
        plan = _plan(facts, track, segmentation)
        images, ways = _look(path, plan)
    except _NotUsableError as why:
        return ImpactBall(status="not usable", reason=str(why))
    except CameraMovesError:
        return ImpactBall(status="not usable", reason="the camera moves around impact")
    numbers = plan.numbers
    before = np.median(images[np.isin(numbers, plan.before)], axis=0)
    after = np.median(images[np.isin(numbers, plan.after)], axis=0)
    some = images[:, ::4, ::4]
    noise = float(np.median(np.abs(some - np.median(some, axis=0))))
    least = max(LEAST_CONTRAST, CONTRAST_OVER_NOISE * noise)
    spots = _spots(before, after, plan, least)
    if not spots:
        return ImpactBall(status="not seen", reason="nothing like a ball left the ground near impact")
    swing = _swing(segmentation)
    found = [step for spot in spots if (step := _step(spot, images, before, after, plan, swing))]
    if not found:
        return ImpactBall(status="not seen", reason="something changed on the ground, but not in one step as a ball")
    best, others = found[0], [step for step in found[1:] if step.spot.contrast > RIVAL * found[0].spot.contrast]
    if any(other.last >= best.first or other.first <= best.last for other in others):
        return ImpactBall(status="not seen", reason="several things left the ground at different times")
    return _describe(best, plan, ways[numbers.index(best.last)], swing[1], segmentation.capture.view)


def _describe(step: _Step, plan: _Plan, way: Floats, downswing: float, view: View) -> ImpactBall:
    """`way` is the camera's to the last frame in which the ball lies still, `downswing` is in frames."""
    exact = step.last + 0.5
    if view != View.FACE_ON:
        exact += min((step.first - step.last - 1) / 2, HEAD_START * downswing)
    x, y, _ = way @ (plan.box[0] + step.spot.x, plan.box[1] + step.spot.y, 1)
    return ImpactBall(
        status="seen",
        x=round((float(x) + 0.5) / plan.width, 4),
        y=round((float(y) + 0.5) / plan.height, 4),
        radius=round(step.spot.radius / plan.height, 4),
        last_frame=step.last,
        first_frame=step.first,
        exact_frame=round(exact, 2),
        contrast=round(step.spot.contrast, 1),
    )


def _swing(segmentation: SwingSegmentation) -> tuple[float, float]:
    """The pose's impact, exact, and the length of the downswing, both in frames."""
    impact = segmentation.event(EventName.IMPACT).exact_frame
    return impact, max(impact - segmentation.event(EventName.TOP).exact_frame, 1.0)


def _plan(facts: VideoFacts, track: LandmarkTrack, segmentation: SwingSegmentation) -> _Plan:
    impact, downswing = _swing(segmentation)
    first = max((cut for cut in track.cuts if cut <= impact), default=0)
    last = min((cut for cut in track.cuts if cut > impact), default=facts.frame_count) - 1

    def frames(start: float, end: float) -> list[int]:
        start, end = min(impact + start * downswing, impact - 3), max(impact + end * downswing, impact + 3)
        return [n for n in range(int(np.ceil(start)), int(end) + 1) if first <= n <= last]

    before = [n for n in frames(BEFORE[0], 0) if n <= impact + BEFORE[1] * downswing]
    after = [n for n in frames(0, AFTER[1]) if n >= impact + AFTER[0] * downswing]
    if min(len(before), len(after)) < LEAST_REFERENCES:
        raise _NotUsableError("the recording does not show the ground before and after impact")
    seen = (track.frame >= before[0]) & (track.frame <= after[-1]) & track.found
    at = seen & (track.frame <= impact)
    if not at.any():
        raise _NotUsableError("nobody was found before impact")
    torso = float(np.median(np.linalg.norm(track.midpoint("shoulder") - track.midpoint("hip"), axis=1)[at]))
    if torso < LEAST_TORSO_PX:
        raise _NotUsableError("the picture is too small to see a ball in")
    scale = min(1.0, FULL_TORSO_PX / torso)
    width, height = (max(1, round(side * scale)) for side in (track.width, track.height))
    legs = np.concatenate([_leg(track, side)[seen] for side in ("left", "right")]) * scale
    feet = np.concatenate([np.median(_leg(track, side)[at], axis=0)[1:] for side in ("left", "right")]) * scale
    torso *= scale
    to_left, to_right = _sides(track, segmentation)
    reach = np.array([[to_left, REACH_ABOVE], [to_right, REACH_BELOW]]) * torso
    box = _box(feet.min(axis=0) - reach[0], feet.max(axis=0) + reach[1], width, height)
    if min(box[2] - box[0], box[3] - box[1]) < torso / 2:
        raise _NotUsableError("the ground around the feet is not in the picture")
    low, high = (ends(track.pixels[at], axis=(0, 1)) * scale for ends in (np.min, np.max))
    body = _box(low - torso / 4, high + torso / 4, width, height)
    near = frames(-NEAR - 0.05, NEAR + 0.15)
    return _Plan(_thinned(before), tuple(near), _thinned(after), box, torso, legs, body, width, height)


def _box(low: Floats, high: Floats, width: int, height: int) -> Box:
    """The part of a box that is in the picture, in whole pixels."""
    ends = np.clip(np.concatenate([low, high]), 0, (width, height, width, height)).astype(int).tolist()
    return ends[0], ends[1], ends[2], ends[3]


def _sides(track: LandmarkTrack, segmentation: SwingSegmentation) -> tuple[float, float]:
    """How far to the left and to the right of the feet a ball may lie, torso lengths."""
    if segmentation.capture.view == View.FACE_ON:
        return REACH_FACE_ON, REACH_FACE_ON
    at = int(np.argmin(np.abs(track.frame - segmentation.frame_of(EventName.IMPACT))))
    torso = float(np.linalg.norm(track.midpoint("shoulder")[at] - track.midpoint("hip")[at]))
    lean = float(track.midpoint("wrist")[at, 0] - track.midpoint("ankle")[at, 0]) / torso
    if not abs(lean) >= LEAST_LEAN:
        return TO_THE_HANDS, TO_THE_HANDS
    return (FROM_THE_HANDS, TO_THE_HANDS) if lean > 0 else (TO_THE_HANDS, FROM_THE_HANDS)


def _leg(track: LandmarkTrack, side: str) -> Floats:
    """(n, 4, 2) pixels of knee, ankle, heel and toe."""
    return np.stack([track.point(f"{side}_{part}") for part in ("knee", "ankle", "heel", "foot_index")], axis=1)


def _thinned(numbers: list[int]) -> tuple[int, ...]:
    places = np.linspace(0, len(numbers) - 1, min(MOST_REFERENCES, len(numbers))).round().astype(int)
    return tuple(numbers[place] for place in places)


def _look(path: Path, plan: _Plan) -> tuple[Images, Floats]:
    """The box in the frames of the plan, (n, h, w, 3) RGB, as if the camera stood; and its (n, 3, 3) ways."""
    import cv2

    x0, y0, x1, y1 = plan.box
    camera = SteadyCamera(plan.box, plan.body, LARGEST_SHIFT * plan.torso)
    boxes, ways = [], []
    for frame in read_frames(path, max_side_px=max(plan.width, plan.height), numbers=plan.numbers):
        image = frame.image
        if image.shape[:2] != (plan.height, plan.width):  # rounded otherwise than here
            image = cv2.resize(image, (plan.width, plan.height)).astype(np.uint8, copy=False)
        way = camera.way(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False))
        if (way == np.eye(3)).all():
            box = image[y0:y1, x0:x1]
        else:
            from_box = (way @ np.array([[1, 0, x0], [0, 1, y0], [0, 0, 1]]))[:2]
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            box = cv2.warpAffine(image, from_box, (x1 - x0, y1 - y0), flags=flags).astype(np.uint8, copy=False)
        boxes.append(cv2.GaussianBlur(box, (3, 3), 0))
        ways.append(way)
    if len(boxes) < len(plan.numbers):
        raise _NotUsableError("the recording ends before the ball could have left")
    return np.stack(boxes).astype(np.float32), np.stack(ways)


def _spots(before: Images, after: Images, plan: _Plan, least: float) -> list[_Spot]:
    """Compact spots of a ball's size that are there before and not after, the clearest first."""
    import cv2

    change = before - after
    size = np.linalg.norm(change, axis=2) / np.sqrt(3)
    best = np.zeros(size.shape, np.float32)
    radius_at = np.zeros(size.shape, np.float32)
    for share in RADII:
        radius = max(share * plan.torso, 1.8)
        disc, ring = _kernels(radius)
        inside = np.linalg.norm(cv2.filter2D(change, -1, disc), axis=2) / np.sqrt(3)
        stood_out = np.linalg.norm(cv2.filter2D(before, -1, disc) - cv2.filter2D(before, -1, ring), axis=2)
        remains = np.linalg.norm(cv2.filter2D(after, -1, disc) - cv2.filter2D(after, -1, ring), axis=2)
        inside[cv2.filter2D(change.max(axis=2), -1, disc) < least / 2] = 0
        score = np.minimum(inside, (stood_out - remains) / np.sqrt(3)) - cv2.filter2D(size, -1, ring)
        better = score > best
        best[better], radius_at[better] = score[better], radius
    best[_legs(plan, best.shape)] = 0
    spots: list[_Spot] = []
    apart = int(np.ceil(plan.torso / 6))
    while len(spots) < MOST_SPOTS:
        y, x = (int(place) for place in np.unravel_index(np.argmax(best), best.shape))
        if best[y, x] < least:
            break
        spots.append(_Spot(x, y, float(radius_at[y, x]), float(best[y, x])))
        best[max(0, y - apart) : y + apart + 1, max(0, x - apart) : x + apart + 1] = 0
    return spots


def _kernels(radius: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Averages over a disc, and over the ring around it with the ball's soft edge left out."""
    reach = int(np.ceil(2.6 * radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    away = np.hypot(x, y)
    disc = (away <= radius * 0.9).astype(np.float32)
    ring = ((away >= 1.5 * radius) & (away <= 2.6 * radius)).astype(np.float32)
    return disc / disc.sum(), ring / ring.sum()


def _legs(plan: _Plan, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where shanks and shoes are in any of the frames."""
    import cv2

    mask = np.zeros(shape[:2], np.uint8)
    lines = list((plan.legs - np.array(plan.box[:2])).round().astype(np.int32))
    cv2.polylines(mask, lines, False, 1, thickness=max(1, round(2 * LEG_REACH * plan.torso)))
    return mask.astype(np.bool_)


def _step(
    spot: _Spot, images: Images, before: Images, after: Images, plan: _Plan, swing: tuple[float, float]
) -> _Step | None:
    """When a spot left, if it was steady before, left in one step near impact and stayed away."""
    impact, downswing = swing
    numbers = np.array(plan.numbers)
    as_before, as_after, presence = _likeness(spot, images, before, after)
    at_rest = as_before >= AT_REST
    gone = (as_before <= LEFT) & (as_after >= AT_REST)
    if not at_rest.any() or not gone[np.flatnonzero(at_rest)[-1] :].any():
        return None
    last = int(np.flatnonzero(at_rest)[-1])
    first = last + 1 + int(np.flatnonzero(gone[last + 1 :])[0])
    in_sight = as_before[:last] >= IN_SIGHT
    is_step = in_sight.size and in_sight.mean() >= STEADY and gone[first:].mean() >= EMPTY
    most = max(1, MOST_HIDDEN * downswing) + 1
    is_sharp = (
        np.median(presence[max(0, last - SHARP) : max(last, 1)]) >= 1 - LEAST_STEP
        and np.median(presence[first : first + SHARP]) <= LEAST_STEP
    )
    is_near = abs(numbers[last] + 0.5 - impact) <= max(NEAR * downswing, LEAST_NEAR)
    if not (is_step and is_sharp and is_near) or numbers[first] - numbers[last] > most:
        return None
    return _Step(spot, int(numbers[last]), int(numbers[first]))


def _likeness(spot: _Spot, images: Images, before: Images, after: Images) -> tuple[Floats, Floats, Floats]:
    """How a spot looks in every frame, each (n,).

    Returns:
        the shares of its pixels that look as before, and as after; how much of the change is still to come (1 before).
    """
    y, x = np.mgrid[: before.shape[0], : before.shape[1]]
    inside = np.hypot(x - spot.x, y - spot.y) <= 0.9 * spot.radius
    there, empty, seen = (part.astype(np.float64) for part in (before[inside], after[inside], images[:, inside]))
    change = there - empty
    alike = ALIKE * float(np.median(np.linalg.norm(change, axis=1)))
    from_before, from_after = (np.linalg.norm(seen - ideal, axis=2) for ideal in (there, empty))
    as_before = (from_before < alike) & (from_before < from_after)
    as_after = (from_after < alike) & (from_after < from_before)
    presence = ((seen - empty) * change).sum(axis=(1, 2)) / (change**2).sum()
    return as_before.mean(axis=1), as_after.mean(axis=1), presence
