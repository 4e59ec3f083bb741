"""What is uploaded: real clips and the project's samples, each upload with content of its own, spread over golfers.

An upload is made distinct by an MP4 `free` box at its end (ISO/IEC 14496-12, 8.1.2: players skip it): the same film and
the same analysis, but other bytes, so that nothing that was stored for one can be used again for another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from golf_pipeline.local.demo import SAMPLE
from golf_pipeline.storage.keys import VIDEO_EXTENSIONS, upload_key

BOX_HEADER_BYTES = 8


@dataclass(frozen=True)
class Clip:
    """A video file; its name is unique among the clips of a benchmark."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def extension(self) -> str:
        return self.path.suffix.lower().removeprefix(".")


@dataclass(frozen=True)
class Upload:
    """A place in the bucket, and which clip's film is put there; `mark` makes its bytes its own (empty: a copy)."""

    user_id: str
    analysis_id: str
    clip: Clip
    mark: bytes

    @property
    def key(self) -> str:
        return upload_key(self.user_id, self.analysis_id, self.clip.extension)

    def body(self) -> bytes:
        film = self.clip.path.read_bytes()
        return distinct(film, self.mark) if self.mark else film


def find_clips(folder: Path | None) -> tuple[Clip, ...]:
    """The videos of a folder and the samples that the package carries, by name.

    Raises:
        ValueError: the folder holds no video.
    """
    samples = sorted(SAMPLE.parent.glob("*.mp4"))
    found = [] if folder is None else sorted(one for one in folder.iterdir() if _is_video(one))
    if folder is not None and not found:
        raise ValueError(f"{folder} holds no video (.{', .'.join(VIDEO_EXTENSIONS)})")
    return tuple(Clip(path) for path in {path.name: path for path in (*samples, *found)}.values())


def distinct(film: bytes, mark: bytes) -> bytes:
    """The same film as other bytes: a `free` box with the mark is appended."""
    return film + (BOX_HEADER_BYTES + len(mark)).to_bytes(4, "big") + b"free" + mark


def make_uploads(name: str, count: int, clips: Sequence[Clip], golfers: int, *, copies: bool = False) -> list[Upload]:
    """So many uploads, clip after clip and golfer after golfer in turn; `copies`: with the clips' own bytes."""
    return [
        Upload(
            user_id=f"{name}-golfer-{number % golfers:03}",
            analysis_id=f"{name}-{number:05}",
            clip=clips[number % len(clips)],
            mark=b"" if copies else f"{name}-{number:05}".encode(),
        )
        for number in range(count)
    ]


def _is_video(path: Path) -> bool:
    return path.is_file() and path.suffix.lower().removeprefix(".") in VIDEO_EXTENSIONS
