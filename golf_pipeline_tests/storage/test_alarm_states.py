"""When an alarm rings, who is told of it and how often, by a given clock."""

from datetime import UTC, datetime, timedelta

import pytest

from golf_pipeline.storage.alarm_states import (
    LEASE,
    AlarmBook,
    CatalogBook,
    Change,
    MemoryBook,
    evaluated,
    look,
    tell,
)
from golf_pipeline.storage.catalog import Catalog

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def book() -> AlarmBook:
    """In memory, as the rules are the same; the last tests hold the catalog to them."""
    return MemoryBook()


class Receiver:
    """A channel that can be out of order."""

    def __init__(self) -> None:
        self.told: list[Change] = []
        self.works = True

    def __call__(self, change: Change) -> bool:
        if self.works:
            self.told.append(change)
        return self.works


def step(book: AlarmBook, minutes: float, value: float, receiver: Receiver, for_s: float = 0) -> bool:
    state = look(book, "Alarm", value, 10, for_s, at(minutes))
    tell(book, state, "webhook", at(minutes), receiver)
    return state.rings


def test_an_alarm_rings_only_after_its_number_was_above_for_so_long_without_a_break(book: AlarmBook) -> None:
    receiver = Receiver()
    rang = [
        step(book, minutes, value, receiver, for_s=120)
        for minutes, value in enumerate([11, 12, 10, 11, 11, 11, 11, 10, 11])
    ]
    assert rang == [False, False, False, False, False, True, True, False, False]
    assert receiver.told == [Change.RINGS, Change.ENDED]


def test_a_number_at_its_threshold_is_not_above_it(book: AlarmBook) -> None:
    receiver = Receiver()
    assert not step(book, 0, 10, receiver)
    assert receiver.told == []


def test_it_is_told_once_when_it_begins_once_a_day_and_once_when_it_ends(book: AlarmBook) -> None:
    receiver = Receiver()
    hours = range(70)
    for hour in hours:
        step(book, hour * 60, 11 if hour < 60 else 0, receiver)
    assert receiver.told == [Change.RINGS, Change.STILL_RINGS, Change.STILL_RINGS, Change.ENDED]


def test_what_was_not_taken_is_told_at_the_next_look(book: AlarmBook) -> None:
    receiver = Receiver()
    receiver.works = False
    for minute in range(3):
        step(book, minute, 11, receiver)
    receiver.works = True
    step(book, 3, 11, receiver)
    step(book, 4, 11, receiver)
    assert receiver.told == [Change.RINGS]
    receiver.works = False
    step(book, 5, 0, receiver)
    receiver.works = True
    step(book, 6, 0, receiver)
    step(book, 7, 0, receiver)
    assert receiver.told == [Change.RINGS, Change.ENDED]


def test_a_ring_that_ended_before_a_channel_could_be_told_is_still_told_of(book: AlarmBook) -> None:
    receiver = Receiver()
    receiver.works = False
    step(book, 0, 11, receiver)
    step(book, 1, 0, receiver)
    receiver.works = True
    step(book, 2, 0, receiver)
    step(book, 3, 0, receiver)
    assert receiver.told == [Change.ENDED]


def test_an_old_ring_is_no_news_to_a_channel_that_comes_back(book: AlarmBook) -> None:
    receiver = Receiver()
    receiver.works = False
    step(book, 0, 11, receiver)
    step(book, 1, 0, receiver)
    receiver.works = True
    step(book, 60 * 48, 0, receiver)
    assert receiver.told == []


def test_a_channel_that_is_new_hears_of_what_rings_and_not_of_what_is_over(book: AlarmBook) -> None:
    first, second = Receiver(), Receiver()
    step(book, 0, 11, first)
    step(book, 1, 0, first)
    state = look(book, "Alarm", 0, 10, 0, at(2))
    assert tell(book, state, "sns", at(2), second) is None
    state = look(book, "Alarm", 11, 10, 0, at(3))
    assert tell(book, state, "sns", at(3), second) == Change.RINGS


def test_of_two_daemons_at_once_one_tells(book: AlarmBook) -> None:
    told: list[str] = []
    state = look(book, "Alarm", 11, 10, 0, at(0))

    def by_the_first(change: Change) -> bool:
        # The second comes while the first is telling.
        assert tell(book, state, "webhook", at(0), lambda _: told.append("second") is None) is None
        told.append(f"first {change}")
        return True

    assert tell(book, state, "webhook", at(0), by_the_first) == Change.RINGS
    assert tell(book, state, "webhook", at(0), lambda _: told.append("third") is None) is None
    assert told == ["first rings"]


def test_what_a_daemon_died_over_is_told_by_the_next_one_after_a_while(book: AlarmBook) -> None:
    state = look(book, "Alarm", 11, 10, 0, at(0))

    def dies(_: Change) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell(book, state, "webhook", at(0), dies)
    receiver = Receiver()
    soon = at(0) + LEASE / 2
    assert tell(book, look(book, "Alarm", 11, 10, 0, soon), "webhook", soon, receiver) is None
    later = at(0) + LEASE
    assert tell(book, look(book, "Alarm", 11, 10, 0, later), "webhook", later, receiver) == Change.RINGS


def hold_to_the_rows(book: AlarmBook) -> None:
    old = evaluated(None, "Row", 11, 10, 0, at(0))
    assert book.put(None, old)
    assert not book.put(None, old)
    newer = evaluated(old, "Row", 5, 10, 0, at(1))
    assert book.put(old, newer)
    assert not book.put(old, evaluated(old, "Row", 12, 10, 0, at(2)))
    assert book.get("Row") == newer


def test_a_row_that_changed_meanwhile_is_not_overwritten(book: AlarmBook) -> None:
    hold_to_the_rows(book)


def test_the_catalog_keeps_it_all(catalog: Catalog) -> None:
    book, receiver = CatalogBook(catalog.engine), Receiver()
    hold_to_the_rows(book)
    for minutes, value in ((0, 11), (1, 11), (60 * 24, 11), (60 * 25, 0)):
        step(book, minutes, value, receiver)
    assert receiver.told == [Change.RINGS, Change.STILL_RINGS, Change.ENDED]
    book.forget_others({"Row"})
    assert book.get("Alarm") is None
    assert book.get("Alarm/webhook") is None
    assert book.get("Row") is not None
