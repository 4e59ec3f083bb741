"""A day's money cannot be spent twice, and answers are found again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from golf_pipeline.coach.documents import Spent, StoredAnswer
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import answer_key, is_derived_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.usage import BucketAnswers, CatalogLedger

ANSWER = StoredAnswer(words=None, reason="not usable", model="m", spent=Spent(tokens=800, usd=0.001))


def test_money_is_reserved_up_to_the_limit_and_what_was_not_needed_comes_back(catalog: Catalog) -> None:
    ledger = CatalogLedger(catalog.engine)
    assert ledger.reserve(0.6, 1.0)
    assert not CatalogLedger(catalog.engine).reserve(0.6, 1.0)
    ledger.settle(0.6, Spent(tokens=900, usd=0.1))
    assert (ledger.today().tokens, ledger.today().usd) == (900, pytest.approx(0.1))
    assert CatalogLedger(catalog.engine).reserve(0.6, 1.0)


def test_a_new_day_has_new_money_and_a_purpose_has_its_own(catalog: Catalog) -> None:
    def on(day: int) -> CatalogLedger:
        return CatalogLedger(catalog.engine, now=lambda: datetime(2030, 1, day, tzinfo=UTC))

    days = {day: on(day) for day in (1, 2)}
    assert days[1].reserve(1.0, 1.0)
    assert not days[1].reserve(0.1, 1.0)
    assert days[2].reserve(1.0, 1.0)
    assert CatalogLedger(catalog.engine, "chat").reserve(1.0, 1.0)
    assert days[1].today().usd == pytest.approx(1.0)


def test_a_limit_of_nothing_allows_nothing(catalog: Catalog) -> None:
    assert not CatalogLedger(catalog.engine).reserve(0.001, 0.0)


def test_many_at_a_time_do_not_spend_more_than_the_day_has(catalog: Catalog) -> None:
    def reserve(_: int) -> bool:
        return CatalogLedger(catalog.engine).reserve(0.1, 0.55)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(reserve, range(12))) == 5


def test_many_at_a_time_settle_to_what_they_spent(catalog: Catalog) -> None:
    def coach(_: int) -> None:
        ledger = CatalogLedger(catalog.engine)
        assert ledger.reserve(0.01, 10.0)
        ledger.settle(0.01, Spent(tokens=7, usd=0.002))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(coach, range(24)))
    spent = CatalogLedger(catalog.engine).today()
    assert spent.tokens == 24 * 7
    assert spent.usd == pytest.approx(24 * 0.002)


def test_an_answer_is_found_by_its_question_and_one_that_was_never_given_is_none(store: ObjectStore) -> None:
    answers = BucketAnswers(store)
    assert answers.get("abc") is None
    answers.put("abc", ANSWER)
    assert answers.get("abc") == ANSWER
    store.put_bytes(answer_key("broken"), b"{}", "application/json")
    assert answers.get("broken") is None


def test_an_answers_key_is_nobodys_upload() -> None:
    assert is_derived_key(answer_key("abc"))
