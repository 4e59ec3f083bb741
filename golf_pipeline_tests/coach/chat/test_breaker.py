"""The circuit breaker: it opens, turns calls away, lets one try, and asks many at a time while it is closed."""

import threading
from collections.abc import Callable

import pytest

from golf_pipeline.coach.chat.breaker import Breaker, BreakerOpenError, breaker_of
from golf_pipeline.coach.service import CoachUnavailableError

NEVER_S = 3600.0
AT_ONCE_S = 1e-9


def fails() -> None:
    raise CoachUnavailableError("down")


def opened(failures: int = 3, reset_s: float = NEVER_S) -> Breaker:
    breaker = Breaker("test", failures, reset_s)
    for _ in range(failures):
        with pytest.raises(CoachUnavailableError, match="down"):
            breaker.run(fails)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_calls_nothing_then() -> None:
    breaker = opened()
    assert breaker.state == "open"
    assert breaker.is_closed_to_calls
    called: list[int] = []
    with pytest.raises(BreakerOpenError, match="left alone"):
        breaker.run(lambda: called.append(1))
    assert called == []


def test_a_success_in_between_begins_the_count_anew() -> None:
    breaker = Breaker("test", 2, NEVER_S)
    for _ in range(5):
        with pytest.raises(CoachUnavailableError):
            breaker.run(fails)
        assert breaker.run(lambda: 7) == 7
    assert breaker.state == "closed"


def test_a_service_that_is_well_and_refuses_one_question_does_not_count() -> None:
    def refuses() -> None:
        raise CoachUnavailableError("filtered", served=True)

    breaker = Breaker("test", 2, NEVER_S)
    for _ in range(5):
        with pytest.raises(CoachUnavailableError, match="filtered"):
            breaker.run(refuses)
    assert breaker.state == "closed"


def test_after_its_time_a_success_closes_it_and_a_failure_opens_it_again() -> None:
    breaker = opened(reset_s=AT_ONCE_S)
    assert not breaker.is_closed_to_calls
    with pytest.raises(CoachUnavailableError, match="down"):
        breaker.run(fails)
    assert breaker.state == "open"
    assert breaker.run(lambda: "well") == "well"
    assert breaker.state == "closed"


def test_one_call_tries_a_half_open_service_and_the_others_are_turned_away() -> None:
    breaker = opened(reset_s=AT_ONCE_S)

    def trial() -> str:
        assert breaker.state == "half-open"
        with pytest.raises(BreakerOpenError):
            breaker.run(lambda: "another")
        return "well"

    assert breaker.run(trial) == "well"
    assert breaker.run(lambda: "another") == "another"


def test_calls_run_at_the_same_time() -> None:
    breaker, together = Breaker("test", 2, NEVER_S), threading.Barrier(8, timeout=10)
    ended: list[int] = []

    def meets() -> None:
        together.wait()  # breaks unless all eight are in their call at once

    threads = [threading.Thread(target=lambda: ended.append(breaker.run(meets) is None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 8


def test_failures_of_many_threads_are_all_counted() -> None:
    breaker, start = Breaker("test", 40, NEVER_S), threading.Barrier(39, timeout=10)

    def in_thread(call: Callable[[], None]) -> None:
        start.wait()
        with pytest.raises(CoachUnavailableError):
            breaker.run(call)

    threads = [threading.Thread(target=in_thread, args=(fails,)) for _ in range(39)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breaker.state == "closed"
    with pytest.raises(CoachUnavailableError):
        breaker.run(fails)
    assert breaker.state == "open"


def test_a_service_has_one_breaker_in_a_process() -> None:
    assert breaker_of("http://a/v1", "m", 5, 30) is breaker_of("http://a/v1", "m", 5, 30)
    assert breaker_of("http://a/v1", "m", 5, 30) is not breaker_of("http://b/v1", "m", 5, 30)
