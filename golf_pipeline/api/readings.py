"""Readings of something that may fail or hang: taken off the event loop, kept for seconds, waited for until a deadline.

`GET /metrics` and `GET /operations` read the same way: each of their parts is a source, all sources are started
together, and who asks waits for them until one deadline. What cannot be read in time is absent: an old number would
look like a fresh one.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooLate
from typing import Generic, TypeVar

from golf_pipeline.api.probes import Probe

TIMEOUT_S = 3.0
T = TypeVar("T")
log = logging.getLogger(__name__)


class Source(Generic[T]):
    """Something that is read, at most once at a time.

    Args:
        name: what it is called in the log, after `group`.
        read: takes the reading; may raise anything.
        kept_s: how long a reading is good.
        group: whose source it is.
    """

    def __init__(self, name: str, read: Callable[[], T], kept_s: float, group: str) -> None:
        self.name = name
        self._read, self._kept_s, self._group = read, kept_s, group
        self._probe = Probe(self._refresh)
        self._kept: tuple[float, T] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to read, where what is kept is too old."""
        if self._fresh() is None:
            self._probe.start()

    def reading(self, deadline: float) -> tuple[T] | None:
        """What was read, alone in a tuple; None where it cannot be read, or not in time (`time.monotonic()`)."""
        if (kept := self._fresh()) is not None:
            return kept
        try:
            self._probe.start().result(max(0.0, deadline - time.monotonic()))
        except TooLate:
            log.warning("%s: %s did not answer within %g s", self._group, self.name, TIMEOUT_S)
        except Exception as error:
            log.warning("%s: %s cannot be read: %s", self._group, self.name, type(error).__name__)
        return self._fresh()

    def _fresh(self) -> tuple[T] | None:
        with self._lock:
            if self._kept is not None and time.monotonic() - self._kept[0] < self._kept_s:
                return (self._kept[1],)
        return None

    def _refresh(self) -> None:
        read = self._read()
        with self._lock:
            self._kept = (time.monotonic(), read)
