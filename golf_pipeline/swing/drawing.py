"""Drawing shared by the pictures and the overlay video: colours, text, panels, the skeleton, poses between two looks.

Belongs here: pixels on an image that somebody else chose. Which frames are shown is `phases.py` and `pictures.py`; what
a video frame carries is `overlay.py`.

Images are uint8 RGB (height, width, 3) and drawn on in place; positions are pixels, x to the right, y down. The lead
side is always amber and the trail side blue (a pair that colour-blind people tell apart); where the golfer's hand is
not known, both are white: a guess would be read as a fact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import Handedness
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (15, 20, 26)
MUTED: Colour = (176, 186, 196)
LEAD: Colour = (255, 178, 36)
TRAIL: Colour = (64, 184, 255)
ACCENT: Colour = (94, 224, 138)

LEAST_VISIBILITY = 0.4
"""MediaPipe's visibility from which a landmark is drawn. On the real clips the arm that the body hides down-the-line
reads 0.02-0.2, one in full view 0.9 and more, a hand blurred at impact 0.4-0.6."""

PANEL_OPACITY = 0.78
"""So dark that `MUTED` text stands out 4.5 to 1 (WCAG AA) before a white sky."""

SUBPIXEL_BITS = 4  # OpenCV draws at 1/16 pixel: a skeleton at whole pixels trembles when it should move smoothly

_LIMBS = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("wrist", "index"),
    ("shoulder", "hip"),
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "heel"),
    ("heel", "foot_index"),
    ("ankle", "foot_index"),
)
_ACROSS = (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"))
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those three head tables and extensions
_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@dataclass(frozen=True)
class Pose:
    """The body in one frame: points (33, 2) in pixels of the upright image, visibility (33,), NaN where not known."""

    points: Floats
    visibility: Floats

    def scaled(self, factor: float, offset: tuple[float, float] = (0.0, 0.0)) -> "Pose":
        """The pose after the image was cropped at `offset` (its own pixels) and then scaled by `factor`."""
        return Pose((self.points - np.array(offset)) * factor, self.visibility)

    def seen(self, name: str) -> bool:
        """Whether a landmark is known and visible enough to be drawn."""
        index = INDEX[name]
        return bool(np.isfinite(self.points[index]).all() and self.visibility[index] >= LEAST_VISIBILITY)

    def point(self, name: str) -> tuple[float, float]:
        x, y = self.points[INDEX[name]]
        return float(x), float(y)


class PoseBetweenLooks:
    """The pose of any frame of a video, also of those that the pose stage skipped on a fast recording.

    Between two neighbouring looks the landmarks move on a straight line in time. Nothing is bridged where a look found
    nobody, across a cut, or before the first and after the last look: there the pose is NaN.
    """

    def __init__(self, track: LandmarkTrack) -> None:
        self._track = track
        self._points = track.pixels
        self._visibility = track.visibility.astype(np.float64)
        # Which scene each look belongs to; a line between two looks must stay within one.
        self._scene = np.searchsorted(np.array(sorted(track.cuts), dtype=np.int64), track.frame, side="right")

    def at(self, frame: int, time_s: float) -> Pose:
        """The pose in one frame (number in display order, presentation time in seconds from the first frame)."""
        after = int(np.searchsorted(self._track.frame, frame))
        if after < len(self._track) and self._track.frame[after] == frame:
            return Pose(self._points[after], self._visibility[after])
        before = after - 1
        if before < 0 or after >= len(self._track) or self._scene[before] != self._scene[after]:
            return Pose(np.full((len(INDEX), 2), np.nan), np.full(len(INDEX), np.nan))
        start_s, end_s = self._track.time_s[before], self._track.time_s[after]
        share = float(np.clip((time_s - start_s) / (end_s - start_s), 0, 1))
        return Pose(
            self._points[before] * (1 - share) + self._points[after] * share,
            np.minimum(self._visibility[before], self._visibility[after]),
        )


def side_colours(handedness: Handedness) -> dict[str, Colour]:
    """Colour of the "left" and the "right" side of the body."""
    if handedness == Handedness.UNKNOWN:
        return {"left": WHITE, "right": WHITE}
    lead = "left" if handedness == Handedness.RIGHT else "right"
    return {side: LEAD if side == lead else TRAIL for side in ("left", "right")}


def draw_skeleton(
    image: Image, pose: Pose, colours: dict[str, Colour], thickness: float = 3.0, opacity: float = 1.0
) -> None:
    """Draw limbs and joints in pixels of this image; a limb with a hidden or unknown end is left out.

    Args:
        colours: of the sides, from `side_colours`.
        thickness: of a limb in pixels.
        opacity: 0..1 of the whole skeleton.
    """
    canvas = image if opacity >= 1 else image.copy()
    limbs = [(f"{side}_{a}", f"{side}_{b}", colours[side]) for side in ("left", "right") for a, b in _LIMBS]
    drawn = [limb for limb in [(a, b, WHITE) for a, b in _ACROSS] + limbs if pose.seen(limb[0]) and pose.seen(limb[1])]
    for a, b, _ in drawn:  # a dark rim first, so that the lines hold on grass, sky and white shirts alike
        draw_line(canvas, pose.point(a), pose.point(b), INK, thickness + 2)
    for a, b, colour in drawn:
        draw_line(canvas, pose.point(a), pose.point(b), colour, thickness)
    for side in ("left", "right"):
        for joint in _JOINTS:
            if pose.seen(f"{side}_{joint}"):
                draw_dot(canvas, pose.point(f"{side}_{joint}"), WHITE, thickness * 1.1, rim=colours[side])
    if opacity < 1:
        np.copyto(image, (image * (1 - opacity) + canvas * opacity).astype(np.uint8))


def draw_line(
    image: Image, start: tuple[float, float], end: tuple[float, float], colour: Colour, thickness: float
) -> None:
    import cv2

    cv2.line(image, _fixed(start), _fixed(end), colour, max(1, round(thickness)), cv2.LINE_AA, SUBPIXEL_BITS)


def draw_path(image: Image, points: Floats, colour: Colour, thickness: float) -> None:
    """A curve through (n, 2) points; NaN points break it."""
    ends = np.flatnonzero(~np.isfinite(points).all(axis=1))
    draw_curves(image, [piece[np.isfinite(piece).all(axis=1)] for piece in np.split(points, ends)], colour, thickness)


def draw_curves(image: Image, curves: Sequence[Floats], colour: Colour, thickness: float) -> None:
    """Curves through (n, 2) points, none of them NaN; one of fewer than two points is left out."""
    import cv2

    lines = [np.round(curve * (1 << SUBPIXEL_BITS)).astype(np.int32) for curve in curves if len(curve) > 1]
    cv2.polylines(image, lines, False, colour, max(1, round(thickness)), cv2.LINE_AA, SUBPIXEL_BITS)


def draw_dot(
    image: Image, centre: tuple[float, float], colour: Colour, radius: float, rim: Colour | None = None
) -> None:
    import cv2

    if rim is not None:
        cv2.circle(image, _fixed(centre), _fixed_length(radius + 1.5), rim, -1, cv2.LINE_AA, SUBPIXEL_BITS)
    cv2.circle(image, _fixed(centre), _fixed_length(radius), colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def dashes(points: Floats, length: float) -> list[NDArray[np.int64]]:
    """Indices of the points of each dash along a curve of (n, 2) points; dashes and gaps are `length` pixels long.

    A dash holds at least two points: on a curve with points further apart than `length` it is longer. NaN points are
    in no dash.
    """
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(known) < 2:
        return []
    ways = np.hypot(*np.diff(points[known], axis=0).T)
    number = (np.concatenate([[0.0], np.cumsum(ways)]) // length).astype(np.int64)
    runs = np.split(np.arange(len(known)), np.flatnonzero((np.diff(number) != 0) | (np.diff(known) > 1)) + 1)
    shown = []
    for run in runs:
        after = run[-1] + 1
        joined = after < len(known) and known[after] == known[run[-1]] + 1
        if number[run[0]] % 2 == 0 and (len(run) > 1 or joined):
            shown.append(known[run[0] : after + (1 if joined else 0)])
    return shown


def draw_text(
    image: Image,
    text: str,
    at: tuple[float, float],
    size: float,
    colour: Colour = WHITE,
    weight: int = 500,
    align: Literal["left", "centre", "right"] = "left",
) -> int:
    """Write one line of text and return its width in pixels; parts outside the image are cut off.

    Args:
        at: left end, middle or right end of the baseline, by `align`.
        size: of the font in pixels.
        weight: 300 light .. 800 bold.
    """
    mask, baseline = _text_mask(text, round(size), weight)
    height, width = int(mask.shape[0]), int(mask.shape[1])
    left = round(at[0] - {"left": 0, "centre": width / 2, "right": width}[align])
    top = round(at[1]) - baseline
    x0, y0, x1, y1 = max(0, left), max(0, top), min(image.shape[1], left + width), min(image.shape[0], top + height)
    if x0 < x1 and y0 < y1:
        cover = mask[y0 - top : y1 - top, x0 - left : x1 - left, None].astype(np.int32)
        region = image[y0:y1, x0:x1]
        region += ((np.array(colour, np.int32) - region) * cover // 255).astype(np.int16).astype(np.uint8)
    return width


def text_width(text: str, size: float, weight: int = 500) -> int:
    """Width in pixels of one line of text."""
    return int(_text_mask(text, round(size), weight)[0].shape[1])


def draw_panel(
    image: Image, left: float, top: float, right: float, bottom: float, opacity: float = PANEL_OPACITY
) -> None:
    """A dark translucent panel with round corners, for text on a picture."""
    x0, y0 = max(0, round(left)), max(0, round(top))
    x1, y1 = min(image.shape[1], round(right)), min(image.shape[0], round(bottom))
    if x0 >= x1 or y0 >= y1:
        return
    import cv2

    ink, keep, cover = _panel(x1 - x0, y1 - y0, round(opacity * 255))
    image[y0:y1, x0:x1] = cv2.blendLinear(image[y0:y1, x0:x1], ink, keep, cover)


def encode_jpeg(image: Image, quality: int) -> bytes:
    """JPEG bytes of an RGB image.

    Raises:
        OSError: the picture could not be encoded.
    """
    import cv2

    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise OSError(f"a picture of {image.shape} could not be encoded as JPEG")
    return data.tobytes()


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG from its frame header (ITU T.81, B.2.2), without decoding; None where it is none."""
    at = 2
    if not data.startswith(b"\xff\xd8"):
        return None
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _FRAME_HEADERS:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def write_jpeg(image: Image, path: Path, quality: int) -> None:
    path.write_bytes(encode_jpeg(image, quality))


def fit(image: Image, width: int, height: int) -> Image:
    """The image at another size: averaged when smaller, smooth when larger."""
    import cv2

    if image.shape[:2] == (height, width):
        return image
    shrinks = width < image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)


@lru_cache(maxsize=1024)  # a video repeats its labels on every frame; drawing one takes a millisecond
def _text_mask(text: str, size: int, weight: int) -> tuple[Image, int]:
    """Coverage 0..255 (height, width) of a line of text, and the row of its baseline."""
    import cv2

    font = _font()
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), font, size, weight)
    mask = np.zeros((size + size // 2, width + 2), np.uint8)
    cv2.putText(mask, text, (0, size + size // 12), (255,), font, size, weight)
    return mask, size + size // 12


@lru_cache(maxsize=1)
def _font():  # type: ignore[no-untyped-def]
    import cv2

    return cv2.FontFace("sans")  # OpenCV's built-in variable font: the same picture on every machine


@lru_cache(maxsize=64)
def _panel(width: int, height: int, level: int) -> tuple[Image, NDArray[np.float32], NDArray[np.float32]]:
    """The panel's colour, and the weights 0..1 (height, width) of what lies under it and of itself."""
    import cv2

    scale = 4  # drawn large and shrunk: smooth corners
    radius = min(10, width // 2, height // 2) * scale
    mask = np.zeros((height * scale, width * scale), np.uint8)
    cv2.rectangle(mask, (radius, 0), (width * scale - radius, height * scale), (level,), -1)
    cv2.rectangle(mask, (0, radius), (width * scale, height * scale - radius), (level,), -1)
    for x in (radius, width * scale - radius - 1):
        for y in (radius, height * scale - radius - 1):
            cv2.circle(mask, (x, y), radius, (level,), -1)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    cover = np.asarray(small, dtype=np.float32) / np.float32(255)
    return np.full((height, width, 3), INK, np.uint8), 1 - cover, cover


def _fixed(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0] * (1 << SUBPIXEL_BITS)), round(point[1] * (1 << SUBPIXEL_BITS))


def _fixed_length(length: float) -> int:
    return max(1, round(length * (1 << SUBPIXEL_BITS)))
