"""No more pass than a rate allows, in any window, however many ask at once and whatever the clock does."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.rates import LONGEST_WINDOW_S, Passage, Rate, RateLimiter

START = datetime(2030, 1, 1, tzinfo=UTC)
RATE = Rate("chat", 3, 60.0)


class Clock:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@cache
def in_memory() -> Catalog:
    catalog = Catalog("sqlite:///:memory:")
    catalog.migrate()
    return catalog


def at_times(limiter: RateLimiter, clock: Clock, rate: Rate = RATE) -> Callable[[float], Passage]:
    def take(seconds: float) -> Passage:
        clock.seconds = seconds
        return limiter.take(rate, "ann")

    return take


def test_as_many_pass_as_allowed_and_then_it_is_said_when_the_next_may(catalog: Catalog) -> None:
    take = at_times(RateLimiter(catalog.engine, clock := Clock()), clock)
    assert [take(seconds).remaining for seconds in (0, 10, 20)] == [2, 1, 0]
    assert take(25) == Passage(False, 35.0, 0)
    assert take(60) == Passage(True, 0.0, 0)
    assert take(60.5) == Passage(False, 9.5, 0)


def test_knocking_does_not_lengthen_the_wait(catalog: Catalog) -> None:
    take = at_times(RateLimiter(catalog.engine, clock := Clock()), clock)
    for _ in range(3):
        assert take(0).allowed
    assert not any(take(seconds).allowed for seconds in range(1, 60, 3))
    assert take(60) == Passage(True, 0.0, 2)


def test_each_scope_and_each_subject_counts_by_itself(catalog: Catalog) -> None:
    limiter, once = RateLimiter(catalog.engine), Rate("chat", 1, 60.0)
    assert limiter.take(once, "ann").allowed
    assert not limiter.take(once, "ann").allowed
    assert limiter.take(once, "bob").allowed
    assert limiter.take(Rate("upload", 1, 60.0), "ann").allowed


def test_a_limit_that_an_operator_lowers_holds_from_the_next_request_on(catalog: Catalog) -> None:
    clock = Clock()
    limiter = RateLimiter(catalog.engine, clock)
    for seconds in range(3):
        assert at_times(limiter, clock)(seconds).allowed
    lower = at_times(limiter, clock, Rate("chat", 1, 60.0))
    assert lower(10) == Passage(False, 52.0, 0)
    assert lower(62).allowed


def test_of_a_hundred_clients_at_once_no_more_than_the_limit_pass(catalog: Catalog) -> None:
    limiter = RateLimiter(catalog.engine)
    with ThreadPoolExecutor(100) as threads:
        passages = list(threads.map(lambda _: limiter.take(Rate("chat", 15, 3600), "ann"), range(100)))
    assert sum(one.allowed for one in passages) == 15
    assert sorted(one.remaining for one in passages if one.allowed) == list(range(15))
    assert all(3590 < one.retry_after_s <= 3600 for one in passages if not one.allowed)


def test_of_several_processes_no_more_than_the_limit_pass_together(catalog: Catalog) -> None:
    code = """
import sys
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.rates import Rate, RateLimiter
limiter = RateLimiter(Catalog(sys.argv[1]).engine)
input()
print(sum(limiter.take(Rate("chat", 15, 3600), "ann").allowed for _ in range(25)))
"""
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([sys.executable, "-c", code, catalog.url], stdin=pipe, stdout=pipe, text=True)
        for _ in range(3)
    ]
    assert sum(int(process.communicate("go\n", timeout=60)[0]) for process in started) == 15


def test_a_clock_that_went_back_locks_nobody_out_for_longer_than_the_window(catalog: Catalog) -> None:
    take = at_times(RateLimiter(catalog.engine, clock := Clock()), clock)
    for _ in range(3):
        assert take(1_000_000).allowed
    refused = take(0)
    assert (refused.allowed, refused.retry_after_s) == (False, 60.0)
    assert not take(59.9).allowed
    assert take(60).allowed


@pytest.mark.parametrize(("most", "per_s"), [(0, 60.0), (1, 0.0), (1, LONGEST_WINDOW_S + 1)])
def test_a_rate_that_could_not_be_kept_is_refused(most: int, per_s: float) -> None:
    with pytest.raises(ValueError, match="a rate lets"):
        Rate("chat", most, per_s)


@settings(deadline=None, max_examples=60)
@given(
    most=st.integers(1, 4),
    per_s=st.floats(0.01, 100.0),
    waits=st.lists(st.floats(0, 60) | st.just(0.0) | st.floats(0, 0.1), min_size=1, max_size=30),
)
def test_in_no_window_pass_more_than_allowed_and_who_waits_as_told_passes(
    most: int, per_s: float, waits: list[float]
) -> None:
    clock, subject, rate = Clock(), uuid4().hex, Rate("any", most, per_s)
    limiter = RateLimiter(in_memory().engine, clock)
    passed: list[float] = []
    for wait_s in waits:
        clock.seconds += wait_s
        now = clock().timestamp()
        passage = limiter.take(rate, subject)
        in_window = sum(moment + per_s > now for moment in passed)
        assert passage.allowed == (in_window < most)
        assert passage.remaining == (most - in_window - 1 if passage.allowed else 0)
        if not passage.allowed:
            # Told in whole milliseconds, rounded up.
            assert 0 < passage.retry_after_s < per_s + 0.0011
            clock.seconds += passage.retry_after_s + 0.001
            now = clock().timestamp()
            assert limiter.take(rate, subject).allowed
        passed.append(now)
    for first, last in zip(passed, passed[most:], strict=False):
        assert last - first >= per_s - 1e-6


@settings(deadline=None, max_examples=60)
@given(times=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_whatever_the_clock_does_one_window_of_quiet_is_enough(times: list[float]) -> None:
    clock, subject = Clock(), uuid4().hex
    limiter = RateLimiter(in_memory().engine, clock)
    for clock.seconds in times:
        assert limiter.take(RATE, subject).retry_after_s <= RATE.per_s + 0.001
    clock.seconds = times[-1] + RATE.per_s + 0.001
    assert limiter.take(RATE, subject).allowed
