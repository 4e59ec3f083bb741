"""PyAV behind one door: open a container safely, pick the picture track, decode past damage, turn pictures upright.

Here: what both the probe and the reader of `video.py` need from libav. Not here: limits, facts, numbering, times.
libav's own messages are off by PyAV's default; a damaged file prints nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.errors import ErrorCode, VideoRefused

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.buffer import Buffer
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

_AnyStream = TypeVar("_AnyStream", "VideoStream", "AudioStream")

# Share of the declared frames that must be there and decode. Muxers and damaged packets lose one or two; a cut upload
# loses more.
LEAST_SHARE_OF_FRAMES = 0.95
# What a sound track may claim to have in a second: studios stop at 192,000. Silence is made at this rate.
MOST_SOUND_RATE = 400_000

UNREADABLE = "This file is not a video that we can read. Please upload an MP4 or MOV straight from the phone's camera."
TRUNCATED = "Part of the video is missing, as after an interrupted upload. Please upload it again."


def open_video(path: Path, max_pixels: int) -> "InputContainer":
    """Open an MP4 or MOV file; its decoders refuse pictures of more pixels, whatever size the container declares.

    Raises:
        VideoRefused: VIDEO_UNREADABLE.
    """
    import av

    bound = {"max_pixels": str(max_pixels)}
    try:
        # The format is given because libav would otherwise guess it: a playlist named .mp4 makes it open addresses.
        # Titles are not always UTF-8, and nobody reads them here.
        container = av.open(str(path), format="mov", options=bound, metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, f"{type(error).__name__} when opened") from error
    for stream in container.streams.video:
        if stream.codec_context is not None:  # options of `open` reach its own probing only
            stream.codec_context.options = bound
    return container


def picture_stream(container: "InputContainer") -> "VideoStream":
    from av.stream import Disposition

    still = Disposition.attached_pic | Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & still:
            if stream.codec_context is None:
                raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, "no decoder for the picture track")
            return stream
    raise refusal(
        ErrorCode.VIDEO_WITHOUT_PICTURE,
        "The file has no moving picture, only sound. Please upload the video itself.",
        f"streams: {', '.join(stream.type for stream in container.streams) or 'none'}",
    )


def sound_stream(container: "InputContainer") -> "AudioStream | None":
    """The sound track, if there is one with a decoder and a rate that makes sense."""
    for stream in container.streams.audio:
        if stream.codec_context is not None and 0 < stream.rate <= MOST_SOUND_RATE:
            return stream
    return None


def read_packets(container: "InputContainer", stream: _AnyStream) -> Iterator["Packet[_AnyStream]"]:
    """The packets of one track, up to where the container can be read: whoever counts them notices what is missing."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, FFmpegError):
            return
        yield packet


def decode(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
    """Decoded frames in display order, past damaged packets; refuses at the end if too few came out.

    What comes before the first key frame cannot be decoded, and is not missed: trimmed files begin like that.
    """
    from av.error import FFmpegError

    packets = frames = 0
    begun = False
    for packet in read_packets(container, stream):
        begun = begun or packet.is_keyframe
        packets += begun and bool(packet.size) and not packet.is_discard
        try:
            decoded = packet.decode()
        except FFmpegError:
            continue
        for frame in decoded:
            frames += 1
            yield frame
    if frames == 0:
        raise refusal(ErrorCode.VIDEO_UNREADABLE, UNREADABLE, "no frame decodes")
    if frames < packets * LEAST_SHARE_OF_FRAMES:
        raise refusal(ErrorCode.VIDEO_TRUNCATED, TRUNCATED, f"{frames} of {packets} frames decode")


def decode_sound(container: "InputContainer", stream: "AudioStream") -> Iterator["AudioFrame"]:
    """Decoded sound in order; a damaged packet is left out and shows as a gap in the times."""
    from av.error import FFmpegError

    for packet in read_packets(container, stream):
        try:
            decoded = packet.decode()
        except FFmpegError:
            continue
        yield from decoded


@dataclass(frozen=True)
class Upright:
    """How a stored picture becomes an upright one with square pixels: scale first, it is the cheapest order."""

    width: int
    height: int
    transpose: bool
    flip_x: bool
    flip_y: bool

    @classmethod
    def of(cls, frame: "VideoFrame", stream: "VideoStream") -> "Upright":
        aspect = stream.sample_aspect_ratio  # of one pixel; files that state a senseless one exist
        width = round(frame.width * aspect) if aspect and 0.25 <= aspect <= 4 else frame.width
        # x' = a x + c y, y' = b x + d y (ISO/IEC 14496-12, tkhd). Players show multiples of 90 degrees and mirrors.
        a, b, c, d = _display_matrix(frame)
        transpose = abs(b) + abs(c) > abs(a) + abs(d)
        if transpose:
            return cls(frame.height, width, True, c < 0, b < 0)
        return cls(width, frame.height, False, a < 0, d < 0)

    def scaled(self, max_side_px: int | None) -> "Upright":
        longer = max(self.width, self.height)
        factor = 1.0 if max_side_px is None else min(1.0, max_side_px / longer)
        width, height = max(1, round(self.width * factor)), max(1, round(self.height * factor))
        return Upright(width, height, self.transpose, self.flip_x, self.flip_y)

    def picture(self, frame: "VideoFrame", reformatter: "VideoReformatter") -> NDArray[np.uint8]:
        width, height = (self.height, self.width) if self.transpose else (self.width, self.height)
        scaled = reformatter.reformat(frame, width=width, height=height, format="rgb24", interpolation="BILINEAR")
        image = np.asarray(scaled.to_ndarray(), np.uint8)
        image = image.transpose(1, 0, 2) if self.transpose else image
        image = image[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.ascontiguousarray(image)


def refusal(code: ErrorCode, message: str, detail: str = "") -> VideoRefused:
    """The error for the caller to raise."""
    return VideoRefused(code, message, detail=detail)


def _display_matrix(frame: "VideoFrame") -> tuple[int, int, int, int]:
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(bytes(cast("Buffer", data)), np.int32)[:5].tolist()
    return a, b, c, d
