"""A check of something that this service needs, which may hang without holding anybody up for long."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate

from golf_pipeline.swing.errors import SwingError

CHECK_TIMEOUT_S = 3.0
OK = "ok"


class Probe:
    """One dependency's check, at most one at a time and each in a thread of its own.

    A check that hangs (a store that takes the connection and never answers) is waited for by whoever asks next instead
    of being started again: else the threads pile up, and the dependencies that are well look slow too. The thread is a
    daemon, so that a hanging check does not hold up the end of the process.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._running: Future[None] | None = None

    def start(self) -> "Future[None]":
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                threading.Thread(target=self._run, args=(self._running,), name="ready", daemon=True).start()
            return self._running

    def _run(self, future: "Future[None]") -> None:
        try:
            self._check()
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(None)


def outcomes(probes: Mapping[str, Probe]) -> dict[str, str]:
    """What each check says, in time: `OK`, or how it failed in a word."""
    asked = {name: probe.start() for name, probe in probes.items()}
    deadline = time.monotonic() + CHECK_TIMEOUT_S
    return {name: _outcome(future, deadline) for name, future in asked.items()}


def _outcome(check: "Future[None]", deadline: float) -> str:
    try:
        check.result(max(0.0, deadline - time.monotonic()))
    except TooLate:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except SwingError as error:
        return error.code
    except Exception as error:
        return type(error).__name__
    return OK
