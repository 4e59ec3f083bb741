"""The annotated video: skeleton, the way of the hands, the phase with a timeline of the eight events, live angles.

H.264 with 4:2:0 chroma and the index in front, so that a browser plays it while it loads; true timestamps of the
source, no sound. Drawing is `drawing.py`, the names of the phases are `phases.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName, Handedness, Metric, SwingSegmentation, TimeBase, VideoFacts
from golf_pipeline.swing.drawing import (
    ACCENT,
    INK,
    LEAD,
    MUTED,
    TRAIL,
    WHITE,
    Image,
    PoseBetweenLooks,
    dashes,
    draw_curves,
    draw_dot,
    draw_line,
    draw_panel,
    draw_path,
    draw_skeleton,
    draw_text,
    side_colours,
    text_width,
)
from golf_pipeline.swing.hands import hand_path
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.live_angles import live_angles
from golf_pipeline.swing.phases import EVENT_TITLES, phase_at, phase_title
from golf_pipeline.swing.video import Frame, read_frames

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

ALGORITHM_VERSION = "2"

LONG_SIDE_PX = 960
MOST_FPS = 60.0
"""No screen of a phone shows more, and a 240 per second recording would take four times as long to draw."""

CRF, PRESET = "23", "veryfast"
CLOCK = Fraction(1, 90_000)
"""MPEG's own clock: fine enough for the times of any camera."""

DASH_WIDTHS = 4.0
"""Length of a dash of the backswing's path in widths of a limb."""

PATH_STEP_PX = 3.0

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]


def write_overlay(
    video: Path,
    facts: VideoFacts,
    track: LandmarkTrack,
    segmentation: SwingSegmentation,
    metrics: tuple[Metric, ...],
    path: Path,
    on_progress: Progress | None = None,
) -> None:
    """Draw the analysis over every frame of a video and write it as MP4.

    Args:
        metrics: decide which live angles are shown: those that this clip allows.
        on_progress: called with frames done and frames in all.

    Raises:
        VideoRefused: the video cannot be decoded any more.
        OSError: the file cannot be written.
    """
    import av

    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        painter: _Painter | None = None
        stream: VideoStream | None = None
        for frame in _thinned(read_frames(video, max_side_px=LONG_SIDE_PX), facts.fps):
            if painter is None or stream is None:
                height, width = (side - side % 2 for side in frame.image.shape[:2])
                stream = _add_stream(container, width, height, min(facts.fps, MOST_FPS))
                painter = _Painter(track, segmentation, metrics, width, height)
            picture = np.ascontiguousarray(frame.image[: painter.height, : painter.width])
            painter.paint(picture, frame)
            _write(container, stream, picture, frame.time_s)
            if on_progress is not None:
                on_progress(frame.number + 1, facts.frame_count)
        if stream is not None:
            container.mux(stream.encode(None))


def _thinned(frames: Iterator[Frame], fps: float) -> Iterator[Frame]:
    if fps <= MOST_FPS * 1.05:
        yield from frames
        return
    due = 0.0
    for frame in frames:
        if frame.time_s + 0.5 / fps >= due:
            due += 1 / MOST_FPS
            yield frame


def _add_stream(container: "OutputContainer", width: int, height: int, fps: float) -> "VideoStream":
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = CLOCK
    stream.options = {"crf": CRF, "preset": PRESET}
    return stream


def _write(container: "OutputContainer", stream: "VideoStream", picture: Image, time_s: float) -> None:
    from av import VideoFrame

    frame = VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts, frame.time_base = round(time_s / CLOCK), CLOCK
    container.mux(stream.encode(frame))


class _Painter:
    """What is drawn on one frame of this swing."""

    def __init__(
        self,
        track: LandmarkTrack,
        segmentation: SwingSegmentation,
        metrics: tuple[Metric, ...],
        width: int,
        height: int,
    ) -> None:
        self.width, self.height = width, height
        self._poses = PoseBetweenLooks(track)
        self._scale = width / track.width
        self._segmentation = segmentation
        self._colours = side_colours(segmentation.capture.handedness)
        self._thickness = max(2.0, min(width, height) / 180)
        self._text = max(14.0, min(width, height) / 22)
        first, last = (segmentation.frame_of(name) for name in (EventName.ADDRESS, EventName.FINISH))
        self._first, self._last = first, max(last, first + 1)
        self._angles = live_angles(track, segmentation, metrics)
        self._path = _Path.of(track, segmentation, self._scale, self._thickness)

    def paint(self, picture: Image, frame: Frame) -> None:
        pose = self._poses.at(frame.number, frame.time_s).scaled(self._scale)
        if self._path is not None:
            self._path.paint(picture, frame.number)
        draw_skeleton(picture, pose, self._colours, self._thickness)
        self._paint_heading(picture, frame)
        self._paint_timeline(picture, frame.number)

    def _paint_heading(self, picture: Image, frame: Frame) -> None:
        title = phase_title(phase_at(self._segmentation, frame.number))
        slow = "  •  slow motion" if self._segmentation.capture.time_base == TimeBase.SLOW_MOTION else ""
        shown = (angle.at(frame.time_s) for angle in self._angles)
        lines = [(title, 1.0, WHITE, 700), (f"{frame.time_s:.2f} s  •  frame {frame.number}{slow}", 0.66, MUTED, 500)]
        lines += [(words, 0.8, WHITE, 600) for words in shown if words]
        size, edge = self._text, self._text * 0.5
        wide = max(text_width(words, size * share, weight) for words, share, _, weight in lines)
        size *= min(1.0, (self.width - 2 * edge - size) / wide)  # a narrow picture: small words rather than cut ones
        wide = max(text_width(words, size * share, weight) for words, share, _, weight in lines)
        draw_panel(picture, edge, edge, edge + wide + size, edge + size * (0.7 + len(lines)))
        for number, (words, share, colour, weight) in enumerate(lines):
            draw_text(picture, words, (edge + size / 2, edge + size * (1.23 + number)), size * share, colour, weight)

    def _paint_timeline(self, picture: Image, number: int) -> None:
        size, edge = self._text * 0.66, self._text * 0.5
        bottom = self.height - edge
        left, right = edge * 2, self.width - edge * 2
        bar = bottom - size * 1.0
        draw_panel(picture, edge, bar - size * 2.2, self.width - edge, bottom)

        def place(frame: float) -> float:
            return float(left + (right - left) * np.clip((frame - self._first) / (self._last - self._first), 0, 1))

        draw_line(picture, (left, bar), (right, bar), MUTED, 2)
        draw_line(picture, (left, bar), (place(number), bar), ACCENT, self._thickness)
        for event in self._segmentation.events:
            passed = event.frame <= number
            draw_dot(picture, (place(event.frame), bar), ACCENT if passed else MUTED, size * 0.28, rim=INK)
        latest = [event for event in self._segmentation.events if event.frame <= number]
        label = EVENT_TITLES[latest[-1].event] if latest else "Before the swing"
        room = right - left - draw_text(picture, label, (left, bar - size * 0.9), size, WHITE, 600)
        key = self._key_of_sides if number < self._segmentation.frame_of(EventName.TOP) else self._key_of_path
        key(picture, (right, bar - size * 0.9), size, room)
        draw_dot(picture, (place(number), bar), WHITE, size * 0.4, rim=INK)

    def _key_of_sides(self, picture: Image, at: tuple[float, float], size: float, room: float) -> None:
        key = (("trail", TRAIL), ("lead", LEAD))
        known = self._segmentation.capture.handedness != Handedness.UNKNOWN
        if not known or sum(text_width(words, size) + size * 1.4 for words, _ in key) > room:
            return
        right, baseline = at
        for words, colour in key:
            width = draw_text(picture, words, (right, baseline), size, MUTED, 500, "right")
            draw_dot(picture, (right - width - size * 0.5, baseline - size * 0.35), colour, size * 0.28)
            right -= width + size * 1.4

    def _key_of_path(self, picture: Image, at: tuple[float, float], size: float, room: float) -> None:
        """How the path of the hands is drawn back and down: told when there is both."""
        key = (("down", ACCENT, 1, 1.0), ("hands back", WHITE, 3, 0.55))  # pieces of its line, share of each drawn
        if sum(text_width(words, size) + size * 2.5 for words, *_ in key) > room:
            return
        right, baseline = at
        middle, length = baseline - size * 0.35, size * 1.5
        for words, colour, pieces, share in key:
            width = draw_text(picture, words, (right, baseline), size, MUTED, 500, "right")
            left = right - width - size * 0.4 - length
            for start in (left + length * piece / pieces for piece in range(pieces)):
                end = start + length / pieces * share
                draw_line(picture, (start, middle), (end, middle), colour, self._thickness * 0.6)
            right -= width + size * 2.5


@dataclass(frozen=True)
class _Path:
    """The way of the hands: dashed and white going back, solid and green coming down, thin through to the finish.

    Attributes:
        frame: (n,) frame numbers of the points.
        points: (n, 2) pixels of the video that is written.
        dashes: indices of the points of each dash of the backswing.
        top, impact: frames that end the backswing and the downswing.
    """

    frame: Floats
    points: Floats
    dashes: list[NDArray[np.int64]]
    top: int
    impact: int
    thickness: float

    @classmethod
    def of(
        cls, track: LandmarkTrack, segmentation: SwingSegmentation, scale: float, thickness: float
    ) -> "_Path | None":
        """None where the hands are not known around the top."""
        way = hand_path(track, segmentation.events)
        if way is None:
            return None
        first, top, impact, last = (
            segmentation.frame_of(name)
            for name in (EventName.ADDRESS, EventName.TOP, EventName.IMPACT, EventName.FINISH)
        )
        within = (way.frame >= first) & (way.frame <= last)
        frame, points = _densely(way.frame[within], way.points[within] * scale)
        back = np.where((frame <= top)[:, None], points, np.nan)
        return cls(frame, points, dashes(back, DASH_WIDTHS * thickness), top, impact, thickness)

    def paint(self, picture: Image, number: int) -> None:
        back = [self.points[dash] for dash in self.dashes if self.frame[dash[-1]] <= number]
        draw_curves(picture, back, INK, self.thickness * 0.6 + 2)
        draw_curves(picture, back, WHITE, self.thickness * 0.6)
        until = self.frame <= number
        through = self.points[until & (self.frame >= self.impact)]
        down = self.points[until & (self.frame >= self.top) & (self.frame <= self.impact)]
        draw_path(picture, through, ACCENT, self.thickness * 0.4)
        draw_path(picture, down, INK, self.thickness + 2)
        draw_path(picture, down, ACCENT, self.thickness)


def _densely(frame: Floats, points: Floats) -> tuple[Floats, Floats]:
    """The same line with points `PATH_STEP_PX` apart, so that its dashes are equally long; NaN stays NaN."""
    ways = np.nan_to_num(np.hypot(*np.diff(points, axis=0).T))
    along = np.concatenate([[0.0], np.cumsum(ways)])
    steps = np.union1d(along, np.arange(0, along[-1], PATH_STEP_PX))
    where = np.interp(steps, along, np.arange(len(frame)))
    columns = [np.interp(where, np.arange(len(frame)), column) for column in (frame, *points.T)]
    return columns[0], np.stack(columns[1:], axis=1)
