"""A request with a key is done once: of many at a time one begins, and the others get its answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.idempotency import MOST_BODY_BYTES, Begun, Busy, IdempotencyKeys, Mismatch, Replay

START = datetime(2030, 1, 1, tzinfo=UTC)
ANSWER = (202, {"content-type": "application/json"}, b'{"job_id": "1"}\x00\xff')


def keys_at(catalog: Catalog, seconds: float = 0.0) -> IdempotencyKeys:
    return IdempotencyKeys(catalog.engine, 24.0, now=lambda: START + timedelta(seconds=seconds))


def begin(keys: IdempotencyKeys, *, user: str = "ann", operation: str = "analyze", request: str = "a" * 64) -> object:
    return keys.begin(user, operation, "key-1", request)


def finish(keys: IdempotencyKeys) -> None:
    keys.finish("ann", "analyze", "key-1", *ANSWER)


def test_the_answer_comes_back_to_who_asks_again(catalog: Catalog) -> None:
    keys = keys_at(catalog)
    assert begin(keys) == Begun()
    assert begin(keys) == Busy()
    finish(keys)
    assert begin(keys) == Replay(*ANSWER)


def test_the_same_key_with_another_request_is_refused_before_and_after_the_answer(catalog: Catalog) -> None:
    keys = keys_at(catalog)
    begin(keys)
    assert begin(keys, request="b" * 64) == Mismatch()
    finish(keys)
    assert begin(keys, request="b" * 64) == Mismatch()


def test_a_key_belongs_to_its_caller_and_operation(catalog: Catalog) -> None:
    keys = keys_at(catalog)
    assert [begin(keys), begin(keys, user="bob"), begin(keys, operation="upload")] == [Begun()] * 3


def test_an_abandoned_key_is_free_and_one_with_an_answer_cannot_be_abandoned(catalog: Catalog) -> None:
    keys = keys_at(catalog)
    begin(keys)
    keys.abandon("ann", "analyze", "key-1")
    assert begin(keys, request="b" * 64) == Begun()
    finish(keys)
    keys.abandon("ann", "analyze", "key-1")
    assert begin(keys, request="b" * 64) == Replay(*ANSWER)


def test_a_request_that_died_frees_its_key_after_a_minute(catalog: Catalog) -> None:
    begin(keys_at(catalog))
    assert begin(keys_at(catalog, 59)) == Busy()
    assert begin(keys_at(catalog, 60), request="b" * 64) == Begun()
    assert begin(keys_at(catalog, 61), request="b" * 64) == Busy()


def test_a_clock_that_went_back_does_not_hold_a_key(catalog: Catalog) -> None:
    begin(keys_at(catalog, 1_000_000))
    assert begin(keys_at(catalog)) == Begun()


def test_of_two_that_did_it_the_first_answer_stays(catalog: Catalog) -> None:
    begin(keys_at(catalog))
    begin(late := keys_at(catalog, 60))
    finish(late)
    late.finish("ann", "analyze", "key-1", 500, {}, b"late")
    assert begin(late) == Replay(*ANSWER)


def test_an_expired_key_is_as_if_it_were_unknown(catalog: Catalog) -> None:
    keys = keys_at(catalog)
    begin(keys)
    finish(keys)
    day = 24 * 3600
    assert begin(keys_at(catalog, day - 1)) == Replay(*ANSWER)
    assert begin(keys_at(catalog, day), request="b" * 64) == Begun()
    assert begin(keys_at(catalog, day + 1)) == Mismatch()


def test_an_answer_that_is_too_large_is_not_kept(catalog: Catalog) -> None:
    keys = keys_at(catalog)
    begin(keys)
    keys.finish("ann", "analyze", "key-1", 200, {}, b"x" * (MOST_BODY_BYTES + 1))
    assert begin(keys) == Begun()
    keys.finish("ann", "analyze", "key-1", 200, {}, b"x" * MOST_BODY_BYTES)
    assert isinstance(begin(keys), Replay)


@pytest.mark.parametrize("key", ["x" * 201, "a\x00b"])
def test_a_key_that_no_table_holds_is_refused(catalog: Catalog, key: str) -> None:
    with pytest.raises(ValueError, match="the key of an idempotency key"):
        keys_at(catalog).begin("ann", "analyze", key, "a" * 64)


def test_of_a_hundred_at_once_one_begins(catalog: Catalog) -> None:
    keys = keys_at(catalog)
    with ThreadPoolExecutor(100) as threads:
        found = list(threads.map(lambda _: begin(keys), range(100)))
    assert (found.count(Begun()), found.count(Busy())) == (1, 99)


def test_of_those_who_find_an_expired_key_at_once_one_begins(catalog: Catalog) -> None:
    begin(keys_at(catalog))
    later = keys_at(catalog, 3600)
    with ThreadPoolExecutor(30) as threads:
        found = list(threads.map(lambda _: begin(later), range(30)))
    assert (found.count(Begun()), found.count(Busy())) == (1, 29)
