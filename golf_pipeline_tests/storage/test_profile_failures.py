"""How long golfers wait whose profile cannot be made, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from golf_pipeline.storage import profile_failures
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.profile_failures import begin, due, fail, failing, succeed, wait_after, waiting
from golf_pipeline.storage.tables import profile_failures as table
from golf_pipeline.swing.errors import ErrorCode, SwingError

MINUTE = timedelta(minutes=1)
BROKEN = SwingError(ErrorCode.INTERNAL, "Something went wrong.", detail="KeyError: 'x'")
DOWN = SwingError(ErrorCode.STORAGE_UNAVAILABLE, "Please wait.", retryable=True)


def fail_often(catalog: Catalog, user: str, times: int, error: SwingError = BROKEN) -> datetime:
    for _ in range(times):
        begun_at = begin(catalog.engine, user)
        fail(catalog.engine, user, begun_at, error)
    return begun_at


def is_waiting(catalog: Catalog, user: str, now: datetime) -> bool:
    """As both questions answer it, which must agree."""
    waits = user in waiting(catalog.engine, [user, "nobody"], now)
    assert waits != (user in due(catalog.engine, now, 9))
    return waits


@pytest.mark.parametrize(("failures", "minutes"), [(1, 2), (2, 4), (5, 32), (10, 1024), (11, 1440), (5000, 1440)])
def test_the_wait_doubles_up_to_a_day(failures: int, minutes: int) -> None:
    assert wait_after(failures) == minutes * MINUTE


def test_who_failed_waits_and_is_then_due(catalog: Catalog) -> None:
    for user, failures, minutes in (("ann", 1, 2), ("bob", 3, 8), ("eve", 13, 1440)):
        failed_at = fail_often(catalog, user, failures)
        assert is_waiting(catalog, user, failed_at + (minutes - 0.1) * MINUTE)
        assert not is_waiting(catalog, user, failed_at + minutes * MINUTE)


def test_a_success_forgets_all_failures(catalog: Catalog) -> None:
    fail_often(catalog, "ann", 3)
    assert [(one.user_id, one.failures, one.message) for one in failing(catalog.engine, 3)] == [("ann", 3, str(BROKEN))]
    assert succeed(catalog.engine, "ann", begin(catalog.engine, "ann"))
    assert failing(catalog.engine, 1) == []
    assert due(catalog.engine, datetime.now(UTC) + timedelta(days=2), 9) == []


def test_a_try_whose_process_died_counts_when_the_next_one_begins_and_makes_its_golfer_wait(catalog: Catalog) -> None:
    begun_at = begin(catalog.engine, "ann")
    assert failing(catalog.engine, 1) == []
    assert is_waiting(catalog, "ann", begun_at + 1.9 * MINUTE)
    assert not is_waiting(catalog, "ann", begun_at + 2 * MINUTE)
    begun_at = begin(catalog.engine, "ann")
    assert [one.failures for one in failing(catalog.engine, 1)] == [1]
    fail(catalog.engine, "ann", begun_at, BROKEN)
    assert [one.failures for one in failing(catalog.engine, 1)] == [2]


def test_an_outage_of_ours_makes_nobody_wait_for_hours(catalog: Catalog) -> None:
    fail_often(catalog, "ann", 20, DOWN)
    (one,) = failing(catalog.engine, 1)
    assert wait_after(one.failures) == 16 * MINUTE


def test_of_two_tries_at_once_only_the_later_one_ends_well(catalog: Catalog) -> None:
    first = begin(catalog.engine, "ann")
    second = begin(catalog.engine, "ann")
    assert not succeed(catalog.engine, "ann", first)
    fail(catalog.engine, "ann", first, BROKEN)
    with catalog.engine.connect() as connection:
        assert connection.execute(select(table.c.message)).scalar_one() == profile_failures.UNFINISHED
    assert succeed(catalog.engine, "ann", second)
    assert not succeed(catalog.engine, "ann", second)
