"""A video read for the landmarker: once all of it, of which some frames become pictures; then stretches of it.

Belongs here: what a reading for the pose costs beside the landmarker. Every frame is decoded once and compared with its
neighbour in small, which finds cuts and repeated pictures; only frames that are looked at are converted at full size.
A stretch is decoded from the key frame before it. Which frames those are is said by `pose.py`.

Frames are numbered and timed as by `video.read_frames`. Memory does not grow with the video: what is kept of a frame is
its time stamp.
"""

import queue
import threading
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.decoder import UNREADABLE, Upright, decode, open_video, picture_stream, refusal
from golf_pipeline.swing.errors import ErrorCode
from golf_pipeline.swing.video import CUT_SIDE_PX, LEAST_SHARE_IN_ORDER, CutDetector, Frame, VideoLimits

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_Item = TypeVar("_Item")

SMALL_SIDE_PX = 2 * CUT_SIDE_PX
"""Shorter side of the small picture: a hand that moves by a pixel of the full one changes it by several levels."""

REPEAT_LEVELS = 2
"""Grey levels of 255 by which no pixel of the small picture differs where a picture is shown again. Leaves out 115 of
945 frames of a broadcast clip with still pictures, 24 of 412 of an AV1 export, 3 of 88 of another; none of five clips
whose frames all differ (data/videos)."""

_DECODE_AHEAD = 8
"""Decoded pictures that wait for the landmarker: enough to ride out a slow frame, 12 MB at most."""


@dataclass(frozen=True)
class Look:
    """One frame to look at: `image` is uint8 RGB (height, width, 3), None where it repeats the look before it."""

    number: int
    time_s: float
    image: NDArray[np.uint8] | None
    new_scene: bool


class VideoSampler:
    """Reads one video; `survey` comes first, `stretch` as often as needed after it."""

    def __init__(self, path: Path, max_side_px: int, finest: int = 1) -> None:
        """`finest`: only each n-th frame is compared or looked at, for recordings faster than the pose needs."""
        self._path, self._max_side_px, self._finest = path, max_side_px, finest
        self._cuts = CutDetector()
        self._pts: list[int] = []

    @property
    def cuts(self) -> tuple[int, ...]:
        """Numbers of the frames with which a new scene starts; complete after `survey`."""
        return self._cuts.cuts

    def survey(self, every: int) -> Generator[Look]:
        """Every n-th frame, and the first and the last of each scene; all others are decoded and compared only.

        Raises:
            VideoRefused: at the end, as `video.read_frames`.
        """
        decoded, looked = 0, -every
        with _opened(self._path) as (container, stream):
            pictures = _Pictures(stream, self._max_side_px)
            before: VideoFrame | None = None
            for frame in decode(container, stream):
                decoded += 1
                if frame.pts is None or (self._pts and frame.pts <= self._pts[-1]):
                    continue
                number = len(self._pts)
                self._pts.append(frame.pts)
                if number % self._finest:
                    continue
                small = pictures.small(frame)
                is_new = self._cuts.add(Frame(number, self._time_s(number, stream), small))
                if is_new and before is not None and looked < number - self._finest:
                    yield self._look(pictures, before, number - self._finest, stream)
                if is_new or number - looked >= every:
                    looked = number
                    yield self._look(pictures, frame, number, stream, is_new)
                before = frame
            final = (len(self._pts) - 1) // self._finest * self._finest
            if before is not None and looked < final:
                yield self._look(pictures, before, final, stream)
        if len(self._pts) + 1 < decoded * LEAST_SHARE_IN_ORDER:
            raise refusal(
                ErrorCode.VIDEO_UNREADABLE, UNREADABLE, f"{len(self._pts)} of {decoded} frames have times in order"
            )

    def stretch(self, numbers: Collection[int]) -> Generator[Look]:
        """Frames of these numbers, in order; none of them starts a scene.

        Raises:
            VideoRefused: the video does not decode any more.
        """
        wanted = {self._pts[number]: number for number in numbers if number < len(self._pts)}
        if not wanted:
            return
        last = max(wanted)
        with _opened(self._path) as (container, stream):
            pictures = _Pictures(stream, self._max_side_px)
            for frame in _decoded_from(self._path, container, stream, min(wanted)):
                if frame.pts is None:
                    continue
                if frame.pts in wanted:
                    yield self._look(pictures, frame, wanted[frame.pts], stream)
                if frame.pts >= last:
                    return

    def _time_s(self, number: int, stream: "VideoStream") -> float:
        return (self._pts[number] - self._pts[0]) * float(stream.time_base or 0)

    def _look(
        self, pictures: "_Pictures", frame: "VideoFrame", number: int, stream: "VideoStream", is_new: bool = False
    ) -> Look:
        return Look(number, self._time_s(number, stream), pictures.full(frame, is_new), is_new)


class _Pictures:
    """Upright pictures of one reading, small for comparing and full for looking."""

    def __init__(self, stream: "VideoStream", max_side_px: int) -> None:
        from av.video.reformatter import VideoReformatter

        self._stream, self._max_side_px = stream, max_side_px
        self._to_small, self._to_full = VideoReformatter(), VideoReformatter()
        self._shapes: tuple[Upright, Upright] | None = None
        self._looked_at: NDArray[np.uint8] | None = None
        self._small_of: tuple[int | None, NDArray[np.uint8]] | None = None

    def small(self, frame: "VideoFrame") -> NDArray[np.uint8]:
        if self._small_of is None or self._small_of[0] != frame.pts:
            self._small_of = (frame.pts, self._sized(frame)[0].picture(frame, self._to_small))
        return self._small_of[1]

    def full(self, frame: "VideoFrame", is_new: bool) -> NDArray[np.uint8] | None:
        """The picture to look at; None if it is the same as the one looked at before."""
        small = self.small(frame)
        if self._looked_at is not None and not is_new and _same(small, self._looked_at):
            return None
        self._looked_at = small
        return self._sized(frame)[1].picture(frame, self._to_full)

    def _sized(self, frame: "VideoFrame") -> tuple[Upright, Upright]:
        if self._shapes is None:
            upright = Upright.of(frame, self._stream)
            longer = SMALL_SIDE_PX * max(upright.width, upright.height) // min(upright.width, upright.height)
            self._shapes = upright.scaled(longer), upright.scaled(self._max_side_px)
        return self._shapes


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return int(np.abs(one.astype(np.int16) - other).max()) <= REPEAT_LEVELS


class _opened:  # noqa: N801 - read as a function
    """An open container and its picture track, decoded with as many threads as the codec allows."""

    def __init__(self, path: Path) -> None:
        self._container = open_video(path, VideoLimits().max_pixels)

    def __enter__(self) -> "tuple[InputContainer, VideoStream]":
        stream = picture_stream(self._container)
        stream.thread_type = "AUTO"
        return self._container, stream

    def __exit__(self, *_: object) -> None:
        self._container.close()


def _decoded_from(
    path: Path, container: "InputContainer", stream: "VideoStream", first_pts: int
) -> "Iterator[VideoFrame]":
    """Frames from the last key frame at or before a time stamp on; from the start where seeking does not lead there.

    Pictures that precede their key frame on the screen may lack what they refer to, so none before it is given out.
    """
    from av.error import FFmpegError

    try:
        container.seek(first_pts, stream=stream)
    except FFmpegError:
        yield from _decoded_from_the_start(path)
        return
    begun = False
    for frame in decode(container, stream):
        if not begun and frame.key_frame and frame.pts is not None:
            if frame.pts > first_pts:
                break
            begun = True
        if begun:
            yield frame
    if not begun:
        yield from _decoded_from_the_start(path)


def _decoded_from_the_start(path: Path) -> "Iterator[VideoFrame]":
    with _opened(path) as (container, stream):
        yield from decode(container, stream)


def ahead(items: Generator[_Item]) -> Generator[_Item]:
    """The same items, made by a thread of their own: decoder and landmarker both leave Python's lock, a core each."""
    waiting: queue.Queue[_Item | BaseException | None] = queue.Queue(_DECODE_AHEAD)
    stop = threading.Event()

    def put(item: _Item | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            with closing(items):
                for item in items:
                    if not put(item):
                        return
            put(None)
        except BaseException as error:  # handed over: the caller's thread raises it
            put(error)

    thread = threading.Thread(target=make, name="decode-ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
