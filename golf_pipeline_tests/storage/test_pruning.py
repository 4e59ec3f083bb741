"""Pruning removes what decides nothing any more, a bounded number at a time, and nothing else."""

from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Table, func, insert, select

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.idempotency import Begun, Busy, IdempotencyKeys
from golf_pipeline.storage.keys import parse_upload_key, upload_key
from golf_pipeline.storage.profiles import record_profile
from golf_pipeline.storage.pruning import (
    Pruned,
    prune,
    prune_backfills,
    prune_profile_failures,
    prune_usage,
)
from golf_pipeline.storage.rates import Rate, RateLimiter
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import backfill_items, backfills, profile_failures, user_usage
from golf_pipeline_tests.storage.kept_swings import backfill

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


def rows(catalog: Catalog, table: Table) -> int:
    with catalog.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_what_golfers_cost_is_kept_for_a_year(catalog: Catalog) -> None:
    for day in ("2029-01-02", "2029-01-03", "2030-01-03"):
        row = {"day": day, "user_id": "ann", "purpose": "chat", "usd": 1.0, "tokens": 1, "calls": 1}
        with catalog.engine.begin() as connection:
            connection.execute(insert(user_usage).values(row))
    assert [prune_usage(catalog.engine, NOW) for _ in range(2)] == [1, 0]
    assert rows(catalog, user_usage) == 2


def test_backfills_that_were_over_long_ago_go_with_their_swings_a_bounded_number_at_a_time(catalog: Catalog) -> None:
    old = backfill(catalog, ["a", "b", "c"], over_at=NOW - timedelta(days=181))
    kept = backfill(catalog, ["a"], over_at=NOW - timedelta(days=179)), backfill(catalog, ["a"], over_at=None)
    assert [prune_backfills(catalog.engine, NOW, most_rows=2) for _ in range(3)] == [2, 2, 0]
    with catalog.engine.connect() as connection:
        left = set(connection.execute(select(backfills.c.backfill_id)).scalars())
    assert left == set(kept)
    assert old not in left
    assert rows(catalog, backfill_items) == 2


def test_failures_of_golfers_who_are_gone_go(sqlite: Catalog) -> None:
    upload = parse_upload_key(upload_key("ann", "s1", "mp4"))
    sqlite.register_object("bucket", upload, "etag", 9, NOW)
    sqlite.set_status("s1", Status.AI_COMPLETED, "")
    record_profile(sqlite.engine, "bob", "1", "key", NOW)
    for user in ("ann", "bob", "gone"):
        row = {"user_id": user, "failures": 1, "failed_at": NOW, "message": ""}
        with sqlite.engine.begin() as connection:
            connection.execute(insert(profile_failures).values(row))
    assert [prune_profile_failures(sqlite.engine) for _ in range(2)] == [1, 0]
    assert rows(sqlite, profile_failures) == 2
