"""Small video files for the whole pipeline, most of them bad in exactly one way."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 10


def grey_clip(seconds: float) -> bytes:
    """An MP4 of a grey wall: a fine video without a golfer."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width = stream.height = 128
        stream.pix_fmt = "yuv420p"
        picture = np.full((128, 128, 3), 128, np.uint8)
        for number in range(round(seconds * RATE)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def sound_only(seconds: float = 2.0) -> bytes:
    """An MP4 that holds a tone and no picture."""
    buffer = io.BytesIO()
    sample_rate = 16_000
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=sample_rate)
        tone = np.sin(np.arange(round(seconds * sample_rate)) * 0.2).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = sample_rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def first_part(clip: Path, share: float) -> bytes:
    """A video whose upload broke off."""
    body = clip.read_bytes()
    return body[: int(len(body) * share)]
