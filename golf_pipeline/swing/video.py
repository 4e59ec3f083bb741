"""One video file: what it is, whether it may be analysed, its frames upright at their true times, its sound, its cuts.

Built on `decoder.py` (libav) and `mp4_boxes.py` (the file before libav sees it). What the pictures show is `pose.py`.

A frame's time is its presentation time with the edit list applied, counted from the first frame shown: phones write a
second of lead-in that no player shows, and a rate taken from the header is up to 16 % wrong on their files. Frames are
numbered in display order from 0; a frame whose time is not after its predecessor's is never shown and not counted.
Memory stays bounded: frames are yielded one by one and nothing keeps them.
"""

import hashlib
from collections.abc import Collection, Generator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.decoder import (
    LEAST_SHARE_OF_FRAMES,
    TRUNCATED,
    UNREADABLE,
    Upright,
    decode,
    decode_sound,
    open_video,
    picture_stream,
    read_packets,
    refusal,
    sound_stream,
)
from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.errors import ErrorCode
from golf_pipeline.swing.mp4_boxes import Boxes, read_boxes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

ALGORITHM_VERSION = "2"

# A PCM sound track declares one sample per 1/96000 s: a minute of it is 5.8 million, with two edits twice that. libav
# builds an index entry for each declared sample when it opens a file, whatever the file's size (40 bytes in a
# fragmented file, 75 in one chunk), so more is refused before it is opened.
MOST_DECLARED_SAMPLES = 12_000_000
# Phones write up to ten (depth, gaze, motion beside picture and sound). libav opens a decoder for each: 7 ms, 0.7 MB.
MOST_TRACKS = 64
# Share of the decoded frames whose time is after all before. Repeated times do occur, by the handful; where many go
# backward nobody knows when anything happened.
LEAST_SHARE_IN_ORDER = 0.9
# Packets of sound that are read: a minute has 6,000 of AAC. A damaged PCM track has one a sample, at 0.1 ms each.
MOST_SOUND_PACKETS = 20_000
# How far a frame may be off an even spacing, as a share of that spacing, before frame number / rate misnames a frame.
EVEN_SPACING_TOLERANCE = 0.5

CUT_SIDE_PX = 64
CUT_MIN_DIFFERENCE = 10.0  # grey levels of 255; GOLF.md: broadcast cuts read 11-44, motion up to 8
CUT_MEDIAN_FACTOR = 6.0  # times the clip's median difference, so that a shaky clip is not all cuts (GOLF.md)


@dataclass(frozen=True)
class VideoLimits:
    """What is accepted. The defaults are SPEC section 3; the sizes hold 8K and a minute at 240 frames per second."""

    max_bytes: int = 100 * 1024 * 1024
    min_duration_s: float = 1.0
    max_duration_s: float = 60.0
    min_side_px: int = 64  # GolfDB's 160x160 clips can still be read; at less than half of that a golfer is a smudge
    max_side_px: int = 8192
    max_pixels: int = 7680 * 4320
    max_frames: int = 15_000
    max_fps: float = 1000.0  # beyond any camera that golfers own: such times are damage
    max_decoded_pixels: int = 60 * 30 * 7680 * 4320  # a minute of 8K at 30 frames per second, or of 4K at 120


@dataclass(frozen=True)
class Frame:
    """One upright picture: `image` is uint8 RGB (height, width, 3); `time_s` counts from the first frame shown."""

    number: int
    time_s: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class AudioTrack:
    """Mono sound: float32 samples in -1..1, `rate` per second, the first at `start_s` on the frames' clock."""

    samples: NDArray[np.float32]
    rate: int
    start_s: float


def probe_video(path: Path, limits: VideoLimits | None = None) -> VideoFacts:
    """Say what a video is, or refuse it. Reads packets without decoding them, then decodes one frame as proof.

    Raises:
        VideoRefused: with one of the VIDEO_* codes.
        OSError: the file cannot be read at all.
    """
    limits = limits or VideoLimits()
    size = path.stat().st_size
    boxes = _check_file(path, size, limits)
    with open_video(path, limits.max_pixels) as container:
        stream = picture_stream(container)
        _check_size(stream.width, stream.height, limits)
        codec, has_audio = stream.codec_context.codec.canonical_name, sound_stream(container) is not None
        timeline = _read_timeline(container, stream, limits)
    first = _first_frame(path, limits)
    _check_size(first.upright.width, first.upright.height, limits)
    shown = np.unique([pts for pts in timeline.pts if pts >= first.pts])
    gaps = np.diff(shown) * timeline.unit_s
    if len(gaps) == 0:
        raise refusal(ErrorCode.VIDEO_TOO_SHORT, _too_short(limits), "one picture only")
    gap = float(np.median(gaps))
    if gap * limits.max_fps < 1:
        raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, f"{1 / gap:.0f} frames per second")
    duration = float(shown[-1] - shown[0]) * timeline.unit_s + (timeline.last_duration * timeline.unit_s or gap)
    if duration < limits.min_duration_s:
        raise refusal(ErrorCode.VIDEO_TOO_SHORT, _too_short(limits), f"{duration:.2f} s")
    if duration > limits.max_duration_s:
        raise refusal(ErrorCode.VIDEO_TOO_LONG, _too_long(limits), f"{duration:.1f} s")
    if len(shown) * first.upright.width * first.upright.height > limits.max_decoded_pixels:
        raise refusal(ErrorCode.VIDEO_TOO_LONG, _too_long(limits), f"{len(shown)} pictures of this size")
    return VideoFacts(
        container="mov" if boxes.brand == "qt  " or not boxes.brand else "mp4",
        codec=codec,
        width=first.upright.width,
        height=first.upright.height,
        rotation_deg=first.rotation_deg,
        frame_count=len(shown),
        duration_s=duration,
        fps=1 / gap,
        variable_frame_rate=not _evenly_spaced(shown),
        has_audio=has_audio,
        size_bytes=size,
        sha256=_sha256(path),
    )


def read_frames(
    path: Path, *, max_side_px: int | None = None, numbers: Collection[int] | None = None, every: int = 1
) -> Generator[Frame]:
    """Yield the frames of a video in display order, upright, one at a time.

    Args:
        path: a video that `probe_video` accepted.
        max_side_px: scale down so that the longer side has at most this many pixels; never up.
        numbers: only these frame numbers; decoding stops after the last. None: all.
        every: only each n-th frame (0, n, 2n, ...); the others are decoded but not converted.

    Raises:
        VideoRefused: at the end: VIDEO_TRUNCATED if far fewer frames decoded than the file holds, VIDEO_UNREADABLE if
            none did or if the times of many go backward.
    """
    from av.video.reformatter import VideoReformatter

    wanted = None if numbers is None else frozenset(numbers)
    if wanted is not None and not wanted:
        return
    last = None if wanted is None else max(wanted)
    reformatter, shape, start_pts, last_pts, number, decoded = VideoReformatter(), None, None, None, -1, 0
    with open_video(path, VideoLimits().max_pixels) as container:
        stream = picture_stream(container)
        stream.thread_type = "AUTO"
        unit_s = float(stream.time_base or 0)
        for frame in decode(container, stream):
            decoded += 1
            if frame.pts is None or (last_pts is not None and frame.pts <= last_pts):
                continue
            start_pts, last_pts, number = frame.pts if start_pts is None else start_pts, frame.pts, number + 1
            shape = shape or Upright.of(frame, stream).scaled(max_side_px)
            if number % every == 0 and (wanted is None or number in wanted):
                yield Frame(number, (frame.pts - start_pts) * unit_s, shape.picture(frame, reformatter))
            if number == last:
                return
    if number + 2 < decoded * LEAST_SHARE_IN_ORDER:  # one may always repeat a time
        raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, f"{number + 1} of {decoded} frames have times in order")


def read_audio(path: Path) -> AudioTrack | None:
    """The sound of a video as mono, on the clock of its frames; None without any. Pauses become silence.

    At most `VideoLimits.max_duration_s` after the first frame are read, whatever the sound track's length.

    Raises:
        VideoRefused: the file has no picture that decodes, so that there is no clock.
    """
    from av import AudioResampler

    limits = VideoLimits()
    zero_s = _first_frame(path, limits).time_s
    pieces: list[NDArray[np.float32]] = []
    length, start_s = 0, 0.0
    with open_video(path, limits.max_pixels) as container:
        stream = sound_stream(container)
        if stream is None:
            return None
        rate = stream.rate
        resampler = AudioResampler(format="flt", layout="mono", rate=rate)
        for frame in islice(decode_sound(container, stream), MOST_SOUND_PACKETS):
            if frame.pts is None or not frame.time_base:
                continue
            time_s = float(frame.pts * frame.time_base) - zero_s
            # The second: a million packets may all claim the same time, and would fill the memory.
            if time_s > limits.max_duration_s or length > 2 * limits.max_duration_s * rate:
                break
            if time_s < -limits.max_duration_s:  # not of this picture; silence from there on would fill the memory
                continue
            start_s = start_s if pieces else time_s
            pause = round((time_s - start_s) * rate) - length
            if pause > frame.samples:  # less is rounding and the encoder's own delay
                pieces.append(np.zeros(pause, np.float32))
                length += pause
            try:
                parts = resampler.resample(frame)
            except ValueError:  # a damaged header that claims another format in mid-track
                continue
            for part in parts:
                pieces.append(part.to_ndarray().reshape(-1).astype(np.float32, copy=False))
                length += part.samples
    return AudioTrack(np.concatenate(pieces), rate, start_s) if pieces else None


class CutDetector:
    """Finds scene changes while frames stream by: feed every frame to `add`, read `cuts` at the end.

    The difference of two frames is the mean absolute difference of their 64x64 grey versions. A cut is a difference
    above `CUT_MIN_DIFFERENCE` and above `CUT_MEDIAN_FACTOR` times the median of all of them.
    """

    def __init__(self) -> None:
        self._previous: NDArray[np.int16] | None = None
        self._numbers: list[int] = []
        self._differences: list[float] = []

    def add(self, frame: Frame) -> bool:
        """Take the next frame; whether it looks like a cut by the frames so far (`cuts` has the last word)."""
        import cv2

        # Area averaging of a large picture costs 3 ms; of every n-th row and column of it a few tenths.
        step = max(1, min(frame.image.shape[:2]) // (2 * CUT_SIDE_PX))
        thinned = np.ascontiguousarray(frame.image[::step, ::step])
        small = cv2.resize(thinned, (CUT_SIDE_PX, CUT_SIDE_PX), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.int16)
        suspected = False
        if self._previous is not None:
            difference = float(np.abs(grey - self._previous).mean())
            suspected = difference > self._threshold()
            self._numbers.append(frame.number)
            self._differences.append(difference)
        self._previous = grey
        return suspected

    @property
    def cuts(self) -> tuple[int, ...]:
        """Numbers of the frames with which a new scene starts."""
        threshold = self._threshold()
        return tuple(
            number
            for number, difference in zip(self._numbers, self._differences, strict=True)
            if difference > threshold
        )

    def _threshold(self) -> float:
        usual = float(np.median(self._differences)) if self._differences else 0.0
        return max(CUT_MIN_DIFFERENCE, CUT_MEDIAN_FACTOR * usual)


@dataclass(frozen=True)
class _Timeline:
    pts: list[int]  # of the shown packets, as stored (decode order)
    unit_s: float
    last_duration: int  # of the packet that is shown last, in units


def _check_file(path: Path, size: int, limits: VideoLimits) -> Boxes:
    if size == 0:
        raise refusal(ErrorCode.VIDEO_EMPTY, "The video file is empty. Please upload it again.")
    if size > limits.max_bytes:
        raise refusal(
            ErrorCode.VIDEO_TOO_LARGE,
            f"The video is larger than {limits.max_bytes // 2**20} MB. Please trim it to the swing and try again.",
            f"{size} bytes",
        )
    boxes = read_boxes(path)
    oddities = {
        "no MP4 or MOV structure": not boxes.recognised,
        "a photo": boxes.is_photo and not boxes.cut_short,
        "more boxes than any video has": boxes.too_many,
        "a compressed index": boxes.compressed,  # of QuickTime 3; a few bytes of it may become gigabytes
        f"{boxes.tracks} tracks": boxes.tracks > MOST_TRACKS,
    }
    for oddity, is_so in oddities.items():
        if is_so:
            raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, oddity)
    if not boxes.has_index:
        raise refusal(ErrorCode.VIDEO_TRUNCATED, TRUNCATED, "no complete moov box")
    if boxes.samples > MOST_DECLARED_SAMPLES:
        raise refusal(ErrorCode.VIDEO_TOO_LONG, _too_long(limits), f"{boxes.samples} samples declared")
    return boxes


def _read_timeline(container: "InputContainer", stream: "VideoStream", limits: VideoLimits) -> _Timeline:
    """Times of the packets that are shown; refuses a file whose packets are not all there."""
    shown: list[tuple[int, int]] = []
    complete = 0
    for packet in read_packets(container, stream):
        if packet.pts is None or packet.is_corrupt or not packet.size:
            continue
        complete += 1
        if not packet.is_discard:
            shown.append((packet.pts, packet.duration or 0))
        if len(shown) > limits.max_frames or complete > 4 * limits.max_frames:
            raise refusal(ErrorCode.VIDEO_TOO_LONG, _too_long(limits), f"more than {limits.max_frames} frames")
    # The index, not the stream's frame count: the edit list has already taken from it what is never shown.
    declared = len(stream.index_entries)
    if complete < declared * LEAST_SHARE_OF_FRAMES:
        raise refusal(ErrorCode.VIDEO_TRUNCATED, TRUNCATED, f"{complete} of {declared} packets are there")
    if not shown:
        raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, "no packet is shown")
    return _Timeline([pts for pts, _ in shown], float(stream.time_base or 0), max(shown)[1])


@dataclass(frozen=True)
class _FirstFrame:
    pts: int
    time_s: float
    upright: Upright
    rotation_deg: int  # clockwise


def _first_frame(path: Path, limits: VideoLimits) -> _FirstFrame:
    with open_video(path, limits.max_pixels) as container:
        stream = picture_stream(container)
        for frame in decode(container, stream):
            if frame.pts is not None:
                time_s = float(frame.pts * (stream.time_base or 0))
                return _FirstFrame(frame.pts, time_s, Upright.of(frame, stream), -frame.rotation % 360)
    raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, "no frame has a time")


def _check_size(width: int, height: int, limits: VideoLimits) -> None:
    if min(width, height) <= 0:
        raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, f"a picture of {width}x{height}")
    if min(width, height) < limits.min_side_px:
        raise refusal(
            ErrorCode.VIDEO_DIMENSIONS,
            "The picture is too small to see a golfer in. Please film at 720p or more.",
            f"{width}x{height}",
        )
    if max(width, height) > limits.max_side_px or width * height > limits.max_pixels:
        raise refusal(
            ErrorCode.VIDEO_DIMENSIONS,
            "The picture is larger than we can handle. Please film at 4K or less; 1080p is plenty.",
            f"{width}x{height}",
        )


def _evenly_spaced(shown: NDArray[np.int64]) -> bool:
    even = np.linspace(shown[0], shown[-1], len(shown))
    spacing = (shown[-1] - shown[0]) / (len(shown) - 1)
    return bool(np.abs(shown - even).max() <= EVEN_SPACING_TOLERANCE * spacing)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _too_short(limits: VideoLimits) -> str:
    return (
        f"The video is too short to hold a swing. Please film at least {limits.min_duration_s:g} s, "
        "from before the takeaway to the finish."
    )


def _too_long(limits: VideoLimits) -> str:
    return f"The video is too long. Please trim it to one swing, {limits.max_duration_s:g} s at most."
