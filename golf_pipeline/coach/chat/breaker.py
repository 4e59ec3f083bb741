"""The circuit breaker before a model service: after some failed calls in a row it is left alone for a while.

pybreaker keeps the states. Its own `call` would hold its lock while the service thinks, so that a process asked one
question at a time; here it is held only before and after a call. And where it would let everybody through once it is
half open, here one call tries the service and the others are told to wait.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pybreaker import STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker, CircuitBreakerError, CircuitMemoryStorage

from golf_pipeline.coach.service import CoachUnavailableError

T = TypeVar("T")

LEFT_ALONE = "the model service failed several times in a row and is left alone for a while"


class BreakerOpenError(CoachUnavailableError):
    """Nothing was asked: the breaker is open, or another call is just trying the service."""


class Breaker:
    """One for each model service in a process; every method may be called from any thread."""

    def __init__(self, name: str, failures: int, reset_s: float) -> None:
        self.storage = CircuitMemoryStorage("closed")
        self._breaker = CircuitBreaker(
            fail_max=failures,
            reset_timeout=reset_s,
            exclude=[_is_served],
            state_storage=self.storage,
            name=name,
            throw_new_error_on_trip=False,
        )
        self._lock = threading.Lock()
        self._is_trying = False

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`; an open one becomes half open by the next call after its time."""
        return self._breaker.current_state

    @property
    def is_closed_to_calls(self) -> bool:
        """Whether a call would be turned away now; one that is not may still find another trying the service."""
        opened = self.storage.opened_at
        if self.state != STATE_OPEN or opened is None:
            return False
        return datetime.now(UTC) < opened + timedelta(seconds=self._breaker.reset_timeout)

    def run(self, call: Callable[[], T]) -> T:
        """Return what the call returns, and count how it ended.

        Raises:
            BreakerOpenError: nothing was called.
            Exception: what the call raised; it counts as a failure unless the service is well (`served`).
        """
        guard, is_trial = self._admitted()
        try:
            result = call()
        except BaseException as error:
            self._ended(guard, is_trial, error)
            raise
        self._ended(guard, is_trial, None)
        return result

    def _admitted(self) -> tuple[AbstractContextManager[Any], bool]:
        with self._lock:
            if self._is_trying:
                raise BreakerOpenError(LEFT_ALONE)
            guard: AbstractContextManager[Any] = self._breaker.calling()
            try:
                guard.__enter__()
            except CircuitBreakerError as error:
                raise BreakerOpenError(LEFT_ALONE) from error
            self._is_trying = self.state == STATE_HALF_OPEN
            return guard, self._is_trying

    def _ended(self, guard: AbstractContextManager[Any], is_trial: bool, error: BaseException | None) -> None:
        with self._lock:
            if is_trial:
                self._is_trying = False
            try:
                guard.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
            except BaseException as raised:
                if raised is not error:
                    raise


_breakers: dict[tuple[str, str], Breaker] = {}
_breakers_lock = threading.Lock()


def breaker_of(service: str, model: str, failures: int, reset_s: float) -> Breaker:
    """The process's breaker of a model service: made at the first call, and the same at every other."""
    with _breakers_lock:
        return _breakers.setdefault((service, model), Breaker(f"{service} {model}", failures, reset_s))


def _is_served(error: BaseException) -> bool:
    return isinstance(error, CoachUnavailableError) and error.served
