"""Takes an MP4 or MOV file apart into boxes and puts it together again, for tests that need a header that lies.

The media data must stand before the index (no `faststart`), so that offsets stay true when the index grows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack

_PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex", b"dinf"})
SAMPLE_TABLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


@dataclass
class Box:
    """One box: its four letters and either its bytes or its children."""

    kind: bytes
    body: bytes = b""
    children: list["Box"] = field(default_factory=list)

    def __bytes__(self) -> bytes:
        body = self.body + b"".join(bytes(child) for child in self.children)
        return pack(">I4s", len(body) + 8, self.kind) + body

    def at(self, *path: bytes) -> "Box":
        """The first box on a path of kinds."""
        box = self
        for kind in path:
            box = next(child for child in box.children if child.kind == kind)
        return box

    def table(self, kind: bytes) -> "Box":
        """A table of the first track's samples."""
        return self.at(*SAMPLE_TABLE, kind)


def operate(source: Path, change: Callable[[Box], object]) -> Path:
    """Write a changed copy of a file next to it: `change` gets a nameless box whose children are the file's."""
    root = Box(b"", children=_parse(source.read_bytes()))
    change(root)
    target = source.with_name(f"changed_{source.name}")
    target.write_bytes(b"".join(bytes(child) for child in root.children))
    return target


def counted(rows: Sequence[tuple[int, ...]], *, version: int = 0) -> bytes:
    """The body of a table: version and flags, the number of rows, 32-bit numbers (two's complement)."""
    numbers = b"".join(pack(">I", number % 2**32) for row in rows for number in row)
    return pack(">BxxxI", version, len(rows)) + numbers


def _parse(data: bytes) -> list[Box]:
    boxes, position = [], 0
    while position + 8 <= len(data):
        size, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        body = data[position + 8 : position + size]
        boxes.append(Box(kind, children=_parse(body)) if kind in _PARENTS else Box(kind, body))
        position += size
    return boxes
