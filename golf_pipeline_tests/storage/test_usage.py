"""A day's money cannot be spent twice, and answers are found again."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from golf_pipeline.coach.documents import Spent, StoredAnswer
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import answer_key, is_derived_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.tables import user_usage
from golf_pipeline.storage.usage import BucketAnswers, CatalogLedger, DayUsage, GolferLedger, usage_today

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


def test_what_was_reserved_before_midnight_is_settled_on_its_own_day(catalog: Catalog) -> None:
    days = iter([1, 2, 2])
    ledger = CatalogLedger(catalog.engine, now=lambda: datetime(2030, 1, next(days), tzinfo=UTC))
    assert ledger.reserve(0.5, 1.0)
    assert ledger.reserve(0.25, 1.0)
    assert not ledger.reserve(9.0, 1.0)
    ledger.settle(0.5, Spent(tokens=5, usd=0.1))
    ledger.settle(0.25, Spent(tokens=6, usd=0.2))
    first, second = (usage_today(catalog.engine, lambda day=day: datetime(2030, 1, day, tzinfo=UTC)) for day in (1, 2))
    assert first["coaching"] == DayUsage(pytest.approx(0.1), 5, 1)
    assert second["coaching"] == DayUsage(pytest.approx(0.2), 6, 1)


def test_what_was_never_reserved_cannot_be_settled(catalog: Catalog) -> None:
    ledger = golfer(catalog, "ann")
    assert ledger.reserve(0.5) == ""
    ledger.settle(0.5, Spent())
    for keeper in (ledger, CatalogLedger(catalog.engine)):
        with pytest.raises(ValueError, match="no reservation"):
            keeper.settle(0.5, Spent())


@pytest.mark.parametrize("amount", [-0.01, float("nan")])
def test_only_an_amount_can_be_reserved(catalog: Catalog, amount: float) -> None:
    with pytest.raises(ValueError, match="only an amount"):
        golfer(catalog, "ann").reserve(amount)


def golfer(catalog: Catalog, user_id: str, usd_per_user: float = 1.0, usd: float = 1.5) -> GolferLedger:
    return GolferLedger(catalog.engine, user_id, usd_per_user, usd)


def of_user(catalog: Catalog, user_id: str) -> float:
    with catalog.engine.connect() as connection:
        query = select(user_usage.c.usd).where(user_usage.c.user_id == user_id)
        return float(connection.execute(query).scalar() or 0.0)


def test_a_golfers_money_is_taken_from_both_budgets_or_from_none(catalog: Catalog) -> None:
    ann, bob = golfer(catalog, "ann"), golfer(catalog, "bob")
    assert [ann.reserve(0.8), ann.reserve(0.8)] == ["", "user"]
    assert [bob.reserve(0.8), bob.reserve(0.7)] == ["all", ""]
    assert (of_user(catalog, "ann"), of_user(catalog, "bob")) == (pytest.approx(0.8), pytest.approx(0.7))
    assert usage_today(catalog.engine) == {"chat": DayUsage(pytest.approx(1.5), 0, 2)}


def test_what_a_golfer_did_not_need_comes_back_to_both_budgets(catalog: Catalog) -> None:
    ann = golfer(catalog, "ann")
    assert ann.reserve(0.8) == ""
    ann.settle(0.8, Spent(tokens=700, usd=0.01))
    assert of_user(catalog, "ann") == pytest.approx(0.01)
    assert usage_today(catalog.engine) == {"chat": DayUsage(pytest.approx(0.01), 700, 1)}
    assert golfer(catalog, "ann").reserve(0.9) == ""


def test_a_model_that_takes_more_than_reserved_is_booked_and_stops_the_next(catalog: Catalog) -> None:
    ann = golfer(catalog, "ann")
    assert ann.reserve(0.1) == ""
    ann.settle(0.1, Spent(tokens=9, usd=3.0))
    assert ann.reserve(0.0) == "user"
    assert golfer(catalog, "bob").reserve(0.0) == "all"


def test_a_hundred_requests_at_once_never_spend_more_than_either_limit(catalog: Catalog) -> None:
    ledgers = {user: golfer(catalog, user, 1.0, 2.5) for user in ("ann", "bob", "cat", "dan")}

    def ask(number: int) -> str:
        return ledgers[list(ledgers)[number % 4]].reserve(0.125)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(ask, range(100)))
    assert answers.count("") == 20
    assert usage_today(catalog.engine)["chat"].usd == 2.5
    by_user = [of_user(catalog, user) for user in ledgers]
    assert max(by_user) <= 1.0
    assert sum(by_user) == 2.5


def test_many_of_one_ledger_settle_to_what_they_spent(catalog: Catalog) -> None:
    ann = golfer(catalog, "ann", 10.0, 10.0)

    def chat(_: int) -> None:
        assert ann.reserve(0.01) == ""
        ann.settle(0.01, Spent(tokens=7, usd=0.002))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(chat, range(40)))
    assert usage_today(catalog.engine) == {"chat": DayUsage(pytest.approx(0.08), 280, 40)}
    assert of_user(catalog, "ann") == pytest.approx(0.08)


def test_several_processes_do_not_spend_more_than_the_limits_together(catalog: Catalog) -> None:
    code = """
import sys
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.tables import user_usage
from golf_pipeline.storage.usage import GolferLedger
engine = Catalog(sys.argv[1]).engine
input()
print(sum(GolferLedger(engine, sys.argv[2], 1.0, 1.5).reserve(0.125) == "" for _ in range(20)))
"""
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen([sys.executable, "-c", code, catalog.url, user], stdin=pipe, stdout=pipe, text=True)
        for user in ("ann", "ann", "bob")
    ]
    assert sum(int(process.communicate("go\n", timeout=60)[0]) for process in started) == 12
    assert usage_today(catalog.engine)["chat"].usd == 1.5 == of_user(catalog, "ann") + of_user(catalog, "bob")
    assert of_user(catalog, "ann") <= 1.0


def test_an_answer_is_found_by_its_question_and_one_that_was_never_given_is_none(store: ObjectStore) -> None:
    answers = BucketAnswers(store)
    assert answers.get("abc") is None
    answers.put("abc", ANSWER)
    assert answers.get("abc") == ANSWER
    store.put_bytes(answer_key("broken"), b"{}", "application/json")
    assert answers.get("broken") is None


def test_an_answers_key_is_nobodys_upload() -> None:
    assert is_derived_key(answer_key("abc"))
