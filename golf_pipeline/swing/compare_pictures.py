"""Two swings side by side: the eight events in pairs, at the same size of the golfer and with the feet in one place.

What the numbers say is `compare.py`. Pictures come from the key frames that an analysis keeps, so the videos are not
needed any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golf_pipeline.swing.compare import SwingComparison
from golf_pipeline.swing.documents import EventName, Handedness, SwingAnalysis
from golf_pipeline.swing.drawing import (
    INK,
    MUTED,
    WHITE,
    Image,
    PoseBetweenLooks,
    draw_skeleton,
    draw_text,
    fit,
    side_colours,
    write_jpeg,
)
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.phases import EVENT_TITLES

ALGORITHM_VERSION = "1"

TORSO_PX = 80.0
"""Torso length of either golfer in a picture of a pair."""

REACH = (2.1, 2.1, 4.9, 0.6)
"""What is shown to the left, the right, above and below the feet in torso lengths, where both pictures hold as much. A
golfer stands 3.5 high, the hands reach one more above the head."""

LEAST_REACH = 0.5
"""Torso lengths that are shown to each side of the feet even where a picture ends: dark there."""

GAP_PX, MARGIN_PX, HEADER_PX, CAPTION_PX = 4, 28, 100, 44
COLUMNS = 4
JPEG_QUALITY = 86


@dataclass(frozen=True)
class SwingPictures:
    """One of the two swings: its analysis, its pose, and the folder of its key frames."""

    analysis: SwingAnalysis
    track: LandmarkTrack
    frames: Path
    label: str


def pair_pictures(first: SwingPictures, second: SwingPictures, comparison: SwingComparison) -> dict[EventName, Image]:
    """The events of which both swings have a picture, the first swing on the left.

    Where one plays left-handed and the other right-handed, the second one is mirrored.

    Raises:
        OSError: a key frame that the analysis names is no picture.
    """
    hand = comparison.first.handedness
    left = _Side.of(first, hand, mirrored=False)
    right = _Side.of(
        second, hand if comparison.mirrored else comparison.second.handedness, mirrored=comparison.mirrored
    )
    if left is None or right is None:
        return {}
    both = zip(REACH, left.room, right.room, strict=True)
    window = _Window(*(round(TORSO_PX * max(LEAST_REACH, min(reaches))) for reaches in both))
    ones, others = left.pictures(window), right.pictures(window)
    gap = np.full((window.above + window.below, GAP_PX, 3), INK, np.uint8)
    return {name: np.hstack([ones[name], gap, others[name]]) for name in EventName if name in ones and name in others}


def write_comparison_sheet(
    pairs: Mapping[EventName, Image], comparison: SwingComparison, labels: tuple[str, str], path: Path
) -> None:
    """Write the pairs on one JPEG, four across, with their events' names."""
    if not pairs:
        return
    height, width = next(iter(pairs.values())).shape[:2]
    rows = -(-len(pairs) // COLUMNS)
    across = MARGIN_PX + min(COLUMNS, len(pairs)) * (width + MARGIN_PX)
    sheet = np.empty((HEADER_PX + rows * (height + CAPTION_PX) + MARGIN_PX // 2, across, 3), np.uint8)
    sheet[:] = INK
    draw_text(sheet, "Two swings, event by event", (MARGIN_PX, 44), 32, WHITE, 700)
    said = [f"left: {_shortened(labels[0])}", f"right: {_shortened(labels[1])}"]
    said += ["right one mirrored"] if comparison.mirrored else []
    said += [] if comparison.comparable else ["not comparable: see the page"]
    draw_text(sheet, "  ·  ".join(said), (MARGIN_PX, 78), 20, MUTED, 400)
    for number, (name, pair) in enumerate(pairs.items()):
        row, column = divmod(number, COLUMNS)
        left, top = MARGIN_PX + column * (width + MARGIN_PX), HEADER_PX + row * (height + CAPTION_PX)
        sheet[top : top + height, left : left + width] = pair
        draw_text(sheet, EVENT_TITLES[name], (left, top + height + 28), 22, WHITE, 600)
    write_jpeg(sheet, path, JPEG_QUALITY)


@dataclass(frozen=True)
class _Window:
    """What is shown around the feet, in pixels of the pair's picture."""

    left: int
    right: int
    above: int
    below: int


@dataclass(frozen=True)
class _Side:
    """One swing of a pair as it is shown; the feet and the trunk in pixels of the track, which stand for all events."""

    swing: SwingPictures
    track: LandmarkTrack
    hand: Handedness
    mirrored: bool
    feet: tuple[float, float]
    torso: float

    @classmethod
    def of(cls, swing: SwingPictures, hand: Handedness, *, mirrored: bool) -> "_Side | None":
        """None where no event has a body."""
        track = swing.track.mirrored() if mirrored else swing.track
        rows = np.isin(track.frame, [event.frame for event in swing.analysis.events]) & track.found
        if not rows.any():
            return None
        x, y = np.median(track.midpoint("ankle")[rows], axis=0)
        torso = np.linalg.norm(track.midpoint("shoulder") - track.midpoint("hip"), axis=1)[rows]
        return cls(swing, track, hand, mirrored, (float(x), float(y)), float(np.median(torso)))

    @property
    def room(self) -> tuple[float, float, float, float]:
        """What the picture holds to the left, the right, above and below the feet, in torso lengths."""
        (x, y), torso = self.feet, self.torso
        return x / torso, (self.track.width - x) / torso, y / torso, (self.track.height - y) / torso

    def pictures(self, window: _Window) -> dict[EventName, Image]:
        files = {frame.frame_number: self.swing.frames / frame.file_name for frame in self.swing.analysis.key_frames}
        scale = TORSO_PX / self.torso
        left, top = round(self.feet[0] * scale) - window.left, round(self.feet[1] * scale) - window.above
        poses, colours = PoseBetweenLooks(self.track), side_colours(self.hand)
        pictures = {}
        for event in self.swing.analysis.events:
            file = files.get(event.frame)
            if file is None or not file.is_file():
                continue
            image = _read(file)
            image = np.ascontiguousarray(image[:, ::-1]) if self.mirrored else image
            whole = fit(image, round(self.track.width * scale), round(self.track.height * scale))
            picture = _cut(whole, left, top, window)
            pose = poses.at(event.frame, event.time_s).scaled(scale, (left / scale, top / scale))
            draw_skeleton(picture, pose, colours, thickness=2.0, opacity=0.8)
            pictures[event.event] = picture
        return pictures


def _cut(whole: Image, left: int, top: int, window: _Window) -> Image:
    """A part of a picture; what lies outside it is dark."""
    height, width = window.above + window.below, window.left + window.right
    shown = np.full((height, width, 3), INK, np.uint8)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(whole.shape[1], left + width), min(whole.shape[0], top + height)
    if x0 < x1 and y0 < y1:
        shown[y0 - top : y1 - top, x0 - left : x1 - left] = whole[y0:y1, x0:x1]
    return shown


def _read(file: Path) -> Image:
    import cv2

    stored = cv2.imread(str(file))
    if stored is None:
        raise OSError(f"{file} is no picture: analyse the video again")
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), np.uint8)


def _shortened(label: str, most: int = 40) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
