"""Small videos made on the spot, for tests that need a certain container, rotation, timing or damage."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

TICKS_PER_S = 600  # as phones write it


def corner_picture(width: int, height: int, level: int = 40) -> NDArray[np.uint8]:
    """A grey picture whose top left quarter is red and whose top right quarter is green."""
    image = np.full((height, width, 3), level, np.uint8)
    image[: height // 2, : width // 2] = (220, 20, 20)
    image[: height // 2, width // 2 :] = (20, 220, 20)
    return image


def write_video(
    path: Path,
    images: Sequence[NDArray[np.uint8]],
    *,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    hflip: bool = False,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    faststart: bool = False,
    sound_s: float = 0.0,
    fragmented: bool = False,
    title: str = "",
    transfer: int | None = None,
) -> Path:
    """Write pictures (height, width, 3 or 4) at `times` in 1/600 s (default: 30 a second), and a sine of `sound_s`.

    `transfer` is the number of a wide-gamut transfer curve (18 HLG, 16 PQ); the colours are then tagged as BT.2020.
    """
    flags = "+".join(flag for flag, on in (("faststart", faststart), ("frag_keyframe", fragmented)) if on)
    with av.open(str(path), "w", options={"movflags": flags} if flags else {}) as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=30, options=options or {"preset": "ultrafast", "bf": "0"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if transfer is not None:
            context = stream.codec_context
            context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip=hflip)
        sound = container.add_stream("aac", rate=44100) if sound_s else None
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image), format="rgb24" if image.shape[2] == 3 else "rgba"
            )
            frame.pts = times[number] if times is not None else number * TICKS_PER_S // 30
            frame.time_base = Fraction(1, TICKS_PER_S)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _write_sine(container, sound, sound_s)
    return path


def write_sound(path: Path, seconds: float, *, cover: NDArray[np.uint8] | None = None) -> Path:
    """An MP4 file with sound and no moving picture, as music is: with a cover, if one is given."""
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=44100)
        if cover is not None:
            art = container.add_stream("mjpeg", rate=1)
            art.height, art.width = cover.shape[:2]
            art.pix_fmt = "yuvj420p"
            art.disposition = Disposition.attached_pic
            container.mux(art.encode(av.VideoFrame.from_ndarray(cover, format="rgb24")))
            container.mux(art.encode(None))
        _write_sine(container, sound, seconds)
    return path


def moving_pictures(count: int, width: int = 96, height: int = 128) -> list[NDArray[np.uint8]]:
    """Pictures with texture (so that packets have some size) and a bar that moves."""
    random = np.random.default_rng(7)
    ground = random.integers(0, 90, (height, width, 3)).astype(np.uint8)
    images = []
    for number in range(count):
        image = ground.copy()
        left = number * 2 % (width - 8)
        image[:, left : left + 8] = 230
        images.append(image)
    return images


def _write_sine(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    samples = np.sin(np.arange(int(44100 * seconds)) * 2 * np.pi * 440 / 44100).astype(np.float32) * 0.5
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
