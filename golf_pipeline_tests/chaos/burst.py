"""Uploads whose one right end is known beforehand, each with content of its own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from golf_pipeline.local.demo import SAMPLE
from golf_pipeline.swing.errors import ErrorCode
from golf_pipeline_tests.chaos.patches.sitecustomize import POISON
from golf_pipeline_tests.local.clips import first_part

SWINGS = ("face_on_right", "face_on_left", "down_the_line_right")
"""Samples that hold a whole swing."""

BOX_HEADER_BYTES = 8


@dataclass(frozen=True)
class Upload:
    """A key, the bytes that are put there, and what must become of them."""

    key: str
    body: bytes
    sample: str | None = None
    """Which sample's numbers the result must have; None: the upload must fail."""
    code: ErrorCode | None = None
    """The error code that it must fail with."""

    @property
    def analysis_id(self) -> str:
        return self.key.rpartition("/")[2].rpartition(".")[0]

    @property
    def etag(self) -> str:
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    def replaced_by(self, other: "Upload") -> "Upload":
        """Another content under the same key."""
        return replace(other, key=self.key)


def swing(name: str, sample: str = SWINGS[0], user: str = "ann") -> Upload:
    """A sample that is analysed to its end: the same film as the sample, but other bytes."""
    return Upload(f"golf-swings/{user}/{name}.mp4", marked(_sample(sample), name.encode()), sample=sample)


def poison(name: str) -> Upload:
    """A fine video whose pose kills the process that looks at it."""
    body = marked(_sample(SWINGS[0]), name.encode() + POISON)
    return Upload(f"golf-swings/ben/{name}.mp4", body, code=ErrorCode.INTERNAL)


def refused(name: str) -> list[Upload]:
    """One of each: no swing in the video, a text, noise, a video that broke off."""
    noise = hashlib.shake_256(name.encode()).digest(50_000)
    bodies = {
        "no-swing.mp4": (marked(_sample("no_swing"), name.encode()), ErrorCode.NO_COMPLETE_SWING),
        "text.mp4": (f"This is a text and no video: {name}.\n".encode(), ErrorCode.VIDEO_UNREADABLE),
        "noise.MOV": (noise, ErrorCode.VIDEO_UNREADABLE),
        "broken-off.m4v": (first_part(SAMPLE, 0.6) + name.encode(), ErrorCode.VIDEO_TRUNCATED),
    }
    return [Upload(f"golf-swings/guest/{name}-{suffix}", body, code=code) for suffix, (body, code) in bodies.items()]


def burst(name: str, swings: int = 4) -> list[Upload]:
    """Swings of several golfers and the four that are refused, mixed."""
    fine = [swing(f"{name}-{number}", SWINGS[number % 3], f"golfer-{number % 4}") for number in range(swings)]
    return mixed(fine, refused(name))


def mixed(fine: Sequence[Upload], others: Sequence[Upload]) -> list[Upload]:
    """The others spread among the fine ones."""
    step = max(1, len(fine) // (len(others) + 1))
    together = list(fine)
    for number, other in enumerate(others):
        together.insert(min(len(together), (number + 1) * step + number), other)
    return together


def marked(video: bytes, mark: bytes) -> bytes:
    """The same film as other bytes: an MP4 box that players skip, with the mark at its end."""
    return video + (BOX_HEADER_BYTES + len(mark)).to_bytes(4, "big") + b"free" + mark


def _sample(name: str) -> bytes:
    return SAMPLE.with_name(f"{name}.mp4").read_bytes()
