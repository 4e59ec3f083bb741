"""The box structure of an MP4 or MOV file, as far as it must be known before a decoder is let near the file.

Here: is it such a file at all, was it cut off, would its tables fill the memory of whoever builds them. Not here:
anything about codecs, times or pictures (`video.py`). Only headers and what stands outside the media data are read, so
a file of 100 MB costs a few reads. The layout is ISO/IEC 14496-12: four bytes of size, four of type; size 1 means that
a 64-bit size follows, size 0 "to the end".

libav reads a table wherever it stands, whatever boxes are around it, and gives it to the track that was opened last.
So tables are looked for as libav would come upon them, in the order of their bytes, not on the paths where they belong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

# What may stand first in such a file. `ftyp` is usual; QuickTime files older than it begin with one of the others.
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_WITHOUT_TABLES = frozenset({b"mdat", b"skip", b"wide", b"uuid"})  # some cameras append megabytes of their own
_TABLE = re.compile(rb"trak|stsz|stz2|stsc|stco|co64|elst|trun|cmov")
# A fragmented minute has a few hundred boxes; a file made of millions of empty ones must not keep us busy.
_MOST_BOXES = 10_000
_MOST_TABLES = 50_000


@dataclass(frozen=True)
class Boxes:
    """What the box headers say.

    Attributes:
        recognised: the file begins as an MP4 or MOV file does.
        brand: major brand of `ftyp` ("qt  ", "isom", ...), empty without one.
        has_index: a complete `moov` box is there.
        cut_short: a top-level box reaches past the end of the file, so its end is missing.
        is_photo: no index, but the top-level `meta` of a HEIC or AVIF photo.
        too_many: more boxes or tables than were read: the numbers below are too small.
        compressed: the index is compressed, so that the numbers below say nothing of it.
        tracks: how many tracks are declared.
        samples: how many entries all tracks' indexes would have, each edit of a track counted as a copy of it.
    """

    recognised: bool
    brand: str = ""
    has_index: bool = False
    cut_short: bool = False
    is_photo: bool = False
    too_many: bool = False
    compressed: bool = False
    tracks: int = 0
    samples: int = 0


@dataclass(frozen=True)
class _Box:
    kind: bytes
    body: int  # offset of the first byte after the header
    end: int  # offset after the last byte that it claims


@dataclass
class _Track:
    """The largest claims of the tables that follow one `trak`; fragments' samples add up."""

    sized: int = 0
    fragmented: int = 0
    edits: int = 1
    chunks: int = 0
    runs: NDArray[np.float64] | None = None  # (n, 2) first chunk, from 1, and the samples in each chunk from there on

    @property
    def samples(self) -> int:
        chunked = 0.0
        if self.runs is not None:
            starts = np.append(np.minimum(self.runs[:, 0], self.chunks + 1), self.chunks + 1)
            chunked = float((np.maximum(np.diff(starts), 0) * self.runs[:, 1]).sum())
        return (max(self.sized, int(chunked)) + self.fragmented) * self.edits


def read_boxes(path: Path) -> Boxes:
    """Read the box headers of a file; never raises for what is in it, only OSError for what cannot be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        boxes = list(_walk(file, size))
        if not boxes or boxes[0].kind not in _FIRST_BOXES:
            return Boxes(recognised=False)
        brand = ""
        if boxes[0].kind == b"ftyp":
            file.seek(boxes[0].body)
            brand = file.read(4).decode("latin-1")
        has_index = any(box.kind == b"moov" and box.end <= size for box in boxes)
        tracks, tables, compressed = [_Track()], 0, False
        for kind, data in _tables(file, boxes, size):
            tables += 1
            compressed = compressed or kind == b"cmov"
            if kind == b"trak":
                tracks.append(_Track())
            else:
                _claim(tracks[-1], kind, data)
            if tables == _MOST_TABLES:
                break
        return Boxes(
            recognised=True,
            brand=brand,
            has_index=has_index,
            cut_short=any(box.end > size for box in boxes),
            is_photo=not has_index and any(box.kind == b"meta" for box in boxes),
            too_many=len(boxes) == _MOST_BOXES or tables == _MOST_TABLES,
            compressed=compressed,
            tracks=len(tracks) - 1,
            samples=sum(track.samples for track in tracks),
        )


def _walk(file: BinaryIO, end: int) -> Iterator[_Box]:
    position = 0
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


def _tables(file: BinaryIO, boxes: list[_Box], size: int) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and body of every table outside the media data, in the order of the bytes."""
    for box in boxes:
        if box.kind in _WITHOUT_TABLES:
            continue
        file.seek(box.body)
        content = memoryview(file.read(min(box.end, size) - box.body))
        for match in _TABLE.finditer(content):
            start = match.start() - 4
            claimed = int.from_bytes(content[max(0, start) : start + 4], "big")
            # What claims less than a header is no box. More than its parent holds libav reads as far as it goes, so
            # it counts; a cover picture of 100 kB holds such letters by chance once in 5,000 files.
            if start >= 0 and (claimed <= 1 or claimed >= 8):
                body = start + (16 if claimed == 1 else 8)
                yield match.group(), content[body : start + claimed if claimed > 1 else len(content)]


def _claim(track: _Track, kind: bytes, body: memoryview) -> None:
    def word(offset: int) -> int:
        return int.from_bytes(body[offset : offset + 4], "big")

    count = word(4)  # behind version and flags
    if kind in (b"stsz", b"stz2"):  # size of all samples (or of the field), then the count
        track.sized = max(track.sized, word(8))
    elif kind == b"trun":
        track.fragmented += count
    elif kind == b"elst":
        track.edits = max(track.edits, count)
    elif kind in (b"stco", b"co64"):
        track.chunks = max(track.chunks, min(count, len(body) // 4))
    elif kind == b"stsc":
        whole = min(count, max(0, len(body) - 8) // 12)
        track.runs = (
            np.frombuffer(body, ">u4", whole * 3, 8).reshape(-1, 3)[:, :2].astype(np.float64) if whole else None
        )
