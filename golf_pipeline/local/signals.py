"""What a signal does while the local stack is at work: whoever holds the stack is told, in the main thread."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequested(BaseException):
    """A signal asks to end. Not an `Exception`, so that nothing on the way takes it for a failure."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within the block, SIGINT, SIGTERM and SIGHUP raise StopRequested in the main thread."""
    with on_signals(_request_stop):
        yield


@contextmanager
def on_signals(action: Callable[[], None]) -> Iterator[None]:
    """Within the block, SIGINT, SIGTERM and SIGHUP call `action` in the main thread."""

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        action()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _request_stop() -> None:
    raise StopRequested
