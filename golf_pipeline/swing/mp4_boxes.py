"""The box structure of an MP4 or MOV file, as far as it must be known before a decoder is let near the file.

Here: is it such a file at all, was it cut off, does it declare absurdly many samples. Not here: anything about codecs,
times or pictures (`video.py`). Only headers are read, so a file of 100 MB costs a few reads. The layout is ISO/IEC
14496-12: four bytes of size, four of type; size 1 means that a 64-bit size follows, size 0 "to the end".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# What may stand first in such a file. `ftyp` is usual; QuickTime files older than it begin with one of the others.
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_PATH_TO_SAMPLES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MOST_BOXES = (
    10_000  # a fragmented minute has a few hundred; a file made of millions of empty boxes must not keep us busy
)


@dataclass(frozen=True)
class Boxes:
    """What the box headers say.

    Attributes:
        recognised: the file begins as an MP4 or MOV file does.
        brand: major brand of `ftyp` ("qt  ", "isom", ...), empty without one.
        has_index: a complete `moov` box is there.
        cut_short: a top-level box reaches past the end of the file, so its end is missing.
        most_samples: the largest number of samples that one track declares.
    """

    recognised: bool
    brand: str = ""
    has_index: bool = False
    cut_short: bool = False
    most_samples: int = 0


@dataclass(frozen=True)
class _Box:
    kind: bytes
    body: int  # offset of the first byte after the header
    end: int  # offset after the last byte that it claims


def read_boxes(path: Path) -> Boxes:
    """Read the box headers of a file; never raises for what is in it, only OSError for what cannot be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        boxes = list(_walk(file, 0, size))
        if not boxes or boxes[0].kind not in _FIRST_BOXES:
            return Boxes(recognised=False)
        brand = ""
        if boxes[0].kind == b"ftyp":
            file.seek(boxes[0].body)
            brand = file.read(4).decode("latin-1")
        return Boxes(
            recognised=True,
            brand=brand,
            has_index=any(box.kind == b"moov" and box.end <= size for box in boxes),
            cut_short=any(box.end > size for box in boxes),
            most_samples=max(_declared_samples(file, 0, size, _PATH_TO_SAMPLES), default=0),
        )


def _walk(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    position = start
    for _ in range(_MOST_BOXES):
        if position + 8 > end:
            return
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            return
        size, kind, body = int.from_bytes(header[:4], "big"), header[4:8], position + 8
        if size == 1 and len(header) == 16:
            size, body = int.from_bytes(header[8:], "big"), position + 16
        elif size == 0:
            size = end - position
        if size < body - position:
            return  # no box can be smaller than its header: what follows is no box structure
        yield _Box(kind, body, position + size)
        position += size


def _declared_samples(file: BinaryIO, start: int, end: int, path: tuple[bytes, ...]) -> Iterator[int]:
    for box in _walk(file, start, end):
        inside_end = min(box.end, end)
        if path and box.kind == path[0]:
            yield from _declared_samples(file, box.body, inside_end, path[1:])
        elif not path and box.kind in (b"stsz", b"stz2"):
            file.seek(box.body + 8)  # version and flags, then sample size (or field size), then the count
            yield int.from_bytes(file.read(4), "big")
