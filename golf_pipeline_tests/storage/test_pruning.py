"""Pruning removes what decides nothing any more, a bounded number at a time, and nothing else."""

from datetime import UTC, datetime, timedelta
from functools import partial

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.idempotency import Begun, Busy, IdempotencyKeys
from golf_pipeline.storage.pruning import Pruned, prune
from golf_pipeline.storage.rates import Rate, RateLimiter

NOW = datetime(2030, 1, 3, tzinfo=UTC)
ONCE = Rate("chat", 1, 3600.0)


def at(hours_ago: float) -> datetime:
    return NOW - timedelta(hours=hours_ago)


def test_only_what_is_too_old_to_decide_anything_goes(catalog: Catalog) -> None:
    for hours_ago in (25, 0.5):
        assert RateLimiter(catalog.engine, partial(at, hours_ago)).take(ONCE, f"{hours_ago}").allowed
        keys = IdempotencyKeys(catalog.engine, 24, partial(at, hours_ago))
        assert keys.begin("ann", "op", f"{hours_ago}", "a") == Begun()
    assert prune(catalog.engine, 24, now=NOW) == Pruned(1, 1)
    assert prune(catalog.engine, 24, now=NOW) == Pruned(0, 0)
    assert not RateLimiter(catalog.engine, lambda: NOW).take(ONCE, "0.5").allowed
    # 59 s after it began a request may still be under way.
    under_way = IdempotencyKeys(catalog.engine, 24, lambda: at(0.5) + timedelta(seconds=59))
    assert under_way.begin("ann", "op", "0.5", "a") == Busy()


def test_a_call_removes_a_bounded_number_of_rows(catalog: Catalog) -> None:
    limiter = RateLimiter(catalog.engine, lambda: at(48))
    for subject in range(5):
        assert limiter.take(ONCE, str(subject)).allowed
    removed = [prune(catalog.engine, 24, most_rows=2, now=NOW).rate_limits for _ in range(4)]
    assert removed == [2, 2, 1, 0]


def test_a_row_that_was_used_again_stays(catalog: Catalog) -> None:
    assert RateLimiter(catalog.engine, lambda: at(48)).take(ONCE, "ann").allowed
    assert RateLimiter(catalog.engine, lambda: at(1)).take(ONCE, "ann").allowed
    assert prune(catalog.engine, 24, now=NOW) == Pruned(0, 0)
