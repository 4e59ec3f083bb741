"""The annotated video: skeleton, the way of the hands, the phase with a timeline of the eight events, one live angle.

H.264 with 4:2:0 chroma and the index in front, so that a browser plays it while it loads; true timestamps of the
source, no sound. Drawing is `drawing.py`, the names of the phases are `phases.py`.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from golf_pipeline.swing.documents import EventName, Metric, SwingSegmentation, VideoFacts, View
from golf_pipeline.swing.drawing import (
    ACCENT,
    INK,
    MUTED,
    WHITE,
    Image,
    Pose,
    PoseBetweenLooks,
    draw_dot,
    draw_line,
    draw_panel,
    draw_path,
    draw_skeleton,
    draw_text,
    side_colours,
    text_width,
)
from golf_pipeline.swing.geometry import lean_deg
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.phases import EVENT_TITLES, phase_at, phase_title
from golf_pipeline.swing.video import Frame, read_frames

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

ALGORITHM_VERSION = "1"

LONG_SIDE_PX = 960
MOST_FPS = 60.0
"""No screen of a phone shows more, and a 240 per second recording would take four times as long to draw."""

CRF, PRESET = "23", "veryfast"
CLOCK = Fraction(1, 90_000)
"""MPEG's own clock: fine enough for the times of any camera."""

TRAIL_SHARE = 0.6
"""How much of the way from address to finish the drawn path of the hands reaches back."""

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
        metrics: decide which live angle is shown: one that this clip allows.
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
        self._text = max(13.0, min(width, height) / 26)
        self._hands = track.midpoint("wrist") * self._scale
        self._frames = track.frame
        first, last = (segmentation.frame_of(name) for name in (EventName.ADDRESS, EventName.FINISH))
        self._first, self._last = first, max(last, first + 1)
        self._angle = _live_angle(segmentation, metrics)

    def paint(self, picture: Image, frame: Frame) -> None:
        pose = self._poses.at(frame.number, frame.time_s).scaled(self._scale)
        self._paint_hands(picture, frame.number)
        draw_skeleton(picture, pose, self._colours, self._thickness)
        self._paint_heading(picture, frame, pose)
        self._paint_timeline(picture, frame.number)

    def _paint_hands(self, picture: Image, number: int) -> None:
        if not self._first <= number <= self._last:
            return
        back = number - TRAIL_SHARE * (self._last - self._first)
        shown = (self._frames >= max(back, self._first)) & (self._frames <= number)
        draw_path(picture, self._hands[shown], ACCENT, self._thickness * 0.8)

    def _paint_heading(self, picture: Image, frame: Frame, pose: Pose) -> None:
        size, edge = self._text, self._text * 0.6
        title = phase_title(phase_at(self._segmentation, frame.number))
        below = f"{frame.time_s:.2f} s  •  frame {frame.number}"
        angle = self._angle_text(pose)
        lines = [line for line in (below, angle) if line]
        width = max(text_width(title, size, 700), *(text_width(line, size * 0.7) for line in lines))
        draw_panel(picture, edge, edge, edge + width + size, edge + size * (2.0 + 1.0 * len(lines)))
        draw_text(picture, title, (edge + size / 2, edge + size * 1.3), size, WHITE, 700)
        for number, line in enumerate(lines, start=1):
            draw_text(picture, line, (edge + size / 2, edge + size * (1.4 + 0.95 * number)), size * 0.7, MUTED)

    def _angle_text(self, pose: Pose) -> str:
        if self._angle is None or not all(
            pose.seen(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "shoulder")
        ):
            return ""
        middle = {
            part: (np.add(pose.point(f"left_{part}"), pose.point(f"right_{part}"))) / 2 for part in ("hip", "shoulder")
        }
        return f"{self._angle} {abs(float(lean_deg(middle['hip'], middle['shoulder']))):.0f}°"

    def _paint_timeline(self, picture: Image, number: int) -> None:
        size, edge = self._text * 0.62, self._text * 0.6
        bottom = self.height - edge
        left, right = edge * 2, self.width - edge * 2
        bar = bottom - size * 1.1
        draw_panel(picture, edge, bar - size * 2.4, self.width - edge, bottom)

        def place(frame: float) -> float:
            return float(left + (right - left) * np.clip((frame - self._first) / (self._last - self._first), 0, 1))

        draw_line(picture, (left, bar), (right, bar), MUTED, 2)
        draw_line(picture, (left, bar), (place(number), bar), ACCENT, self._thickness)
        for event in self._segmentation.events:
            passed = event.frame <= number
            draw_dot(picture, (place(event.frame), bar), ACCENT if passed else MUTED, size * 0.28, rim=INK)
        latest = [event for event in self._segmentation.events if event.frame <= number]
        label = EVENT_TITLES[latest[-1].event] if latest else "Before the swing"
        draw_text(picture, label, (left, bar - size * 0.9), size, WHITE, 600)
        draw_text(picture, "swing timeline", (right, bar - size * 0.9), size, MUTED, 500, "right")
        draw_dot(picture, (place(number), bar), WHITE, size * 0.4, rim=INK)


def _live_angle(segmentation: SwingSegmentation, metrics: tuple[Metric, ...]) -> str | None:
    """The name of the one angle that this view shows truly, if it was measured in this clip."""
    by_view = {View.DOWN_THE_LINE: ("spine_forward_bend", "spine bend"), View.FACE_ON: ("secondary_axis_tilt", "tilt")}
    found = by_view.get(segmentation.capture.view)
    if found is None:
        return None
    return found[1] if any(metric.id == found[0] and metric.value is not None for metric in metrics) else None
