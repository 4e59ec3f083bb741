"""Listing the embedded bucket by its index. moto looks at every object of the bucket for each page of a listing: with a
hundred thousand objects, one page for each of a thousand golfers keeps it busy for minutes."""

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.s3.models import FakeBucket, S3Backend

    from golf_pipeline.local.durable import DurableKeys, Folder

ROWS_AT_ONCE = 64
"""Read from the index in the search for folders, which are skipped as a whole."""


class IndexedListing:
    """Pages of one bucket: its objects and folders in the order of the bytes of their names, as S3 has them."""

    def __init__(self, folder: "Folder", bucket: "FakeBucket", keys: "DurableKeys") -> None:
        self._folder, self._bucket, self._keys = folder, bucket, keys

    def install(self, backend: "S3Backend") -> None:
        """Have moto list this bucket by the index, and any other one in its own way."""
        motos_way = backend.list_objects_v2

        def list_objects_v2(
            bucket: "FakeBucket",
            prefix: str | None,
            delimiter: str | None,
            continuation_token: str | None,
            start_after: str | None,
            max_keys: int,
        ) -> Any:
            if bucket is not self._bucket:
                return motos_way(bucket, prefix, delimiter, continuation_token, start_after, max_keys)
            after = _position(continuation_token) if continuation_token else _name_bytes(start_after or "")
            names, position = self._page(_name_bytes(prefix or ""), _name_bytes(delimiter or ""), after, max_keys)
            # A folder is told by its name; an object that was deleted a moment ago is not told.
            found = [name if is_folder else self._keys.get(name) for name, is_folder in names]
            token = None if position is None else base64.urlsafe_b64encode(position).decode()
            return [one for one in found if one is not None], position is not None, token

        backend.list_objects_v2 = list_objects_v2  # type: ignore[method-assign]

    def _page(
        self, prefix: bytes, delimiter: bytes, after: bytes, most: int
    ) -> tuple[list[tuple[str, bool]], bytes | None]:
        """Names behind a position, each with whether it is a folder, and the position behind them if more follow."""
        found: list[tuple[str, bool]] = []
        position = after
        while most:
            rows = self._folder.names(self._bucket.name, prefix, position, ROWS_AT_ONCE if delimiter else most + 1)
            for name in rows:
                if name <= position:  # of a folder that was skipped
                    continue
                if len(found) == most:
                    return found, position
                head, is_folder, _ = name[len(prefix) :].partition(delimiter) if delimiter else (b"", b"", b"")
                folder = prefix + head + delimiter
                found.append((_text(folder if is_folder else name), bool(is_folder)))
                position = _last_in(folder) if is_folder else name
            if not rows:
                break
        return found, None


def _last_in(folder: bytes) -> bytes:
    """A position behind all names in a folder: no name has this byte."""
    return folder + b"\xff"


def _position(token: str) -> bytes:
    from moto.s3.exceptions import InvalidContinuationToken

    try:
        return base64.urlsafe_b64decode(token)
    except ValueError:
        raise InvalidContinuationToken from None


def _name_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")
