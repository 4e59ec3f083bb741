"""Stored documents kept in memory between requests: who asks the coach three things has one profile, not three.

A document is known by its key and by when the catalog says that it was stored, so one that is written anew is another
one. Whether it may be read at all is asked of the catalog each time, before this is.
"""

import threading
from collections import OrderedDict
from datetime import datetime

from golf_pipeline.storage.object_store import ObjectStore

MOST_BYTES = 32 * 2**20
"""About a thousand results."""


class KeptObjects:
    """The bytes of objects that were read last; for any thread."""

    def __init__(self, objects: ObjectStore, most_bytes: int = MOST_BYTES) -> None:
        self._objects, self._most_bytes = objects, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, datetime | None], bytes] = OrderedDict()
        self._bytes = 0

    def get_bytes(self, key: str, stored_at: datetime | None) -> bytes:
        """The bytes of an object.

        Raises:
            SwingError: as `ObjectStore.get_bytes`.
        """
        which = (key, stored_at)
        with self._lock:
            if which in self._kept:
                self._kept.move_to_end(which)
                return self._kept[which]
        body = self._objects.get_bytes(key)
        with self._lock:
            if which not in self._kept and len(body) <= self._most_bytes:
                self._kept[which] = body
                self._bytes += len(body)
                while self._bytes > self._most_bytes:
                    self._bytes -= len(self._kept.popitem(last=False)[1])
        return body
