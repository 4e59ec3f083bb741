"""The work list of re-analyses: who is chosen, handed out once, given back, ended; on both databases."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, update

from golf_pipeline.storage import database
from golf_pipeline.storage.backfills import (
    INTERRUPTED,
    MOST_TRIES,
    Backfills,
    BackfillState,
    HandedOut,
    ItemState,
    Selection,
)
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, backfills, metadata
from golf_pipeline_tests.databases import postgres_catalog, sqlite_catalog
from golf_pipeline_tests.storage.backfilled_swings import BEGAN, Clock, add_swing

EVERYTHING = Selection()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One database of each kind for all tests here: making one takes longer than most of them."""
    if request.param == "sqlite":
        catalog = sqlite_catalog(tmp_path_factory.mktemp("backfills"))
    else:
        catalog = postgres_catalog(request.getfixturevalue("postgres_url"))
    yield catalog
    catalog.engine.dispose()


@pytest.fixture
def catalog(migrated: Catalog) -> Catalog:
    """An empty catalog, on each database."""
    clear(migrated.engine)
    return migrated


@pytest.fixture
def work(catalog: Catalog, clock: Clock) -> Backfills:
    return Backfills(catalog.engine, clock)


@pytest.fixture(scope="module")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database for many examples."""
    folder: Path = tmp_path_factory.mktemp("backfills")
    engine = database.connect(f"sqlite:///{folder / 'catalog.db'}")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def clear(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(analyses))
        connection.execute(delete(backfills))


def started(work: Backfills, selection: Selection = EVERYTHING) -> str:
    return work.create(selection, "an operator", work.count(selection))


def names(items: list[HandedOut]) -> list[str]:
    return [item.analysis_id for item in items]


def set_swing(catalog: Catalog, analysis_id: str, **columns: object) -> None:
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(analyses.c.analysis_id == analysis_id).values(columns))


def finish(work: Backfills, items: list[HandedOut], state: ItemState = ItemState.DONE) -> None:
    for item in items:
        assert work.finish_item(item.backfill_id, item.analysis_id, state, seconds=2.0)


def test_two_who_claim_at_once_get_every_swing_once(catalog: Catalog, work: Backfills) -> None:
    wanted = [f"swing-{number:03}" for number in range(60)]
    with catalog.engine.begin() as connection:
        for name in wanted:
            add_swing(connection, name)
    backfill_id = started(work)
    claimed: list[list[str]] = [[], []]
    go = threading.Barrier(2)

    def claim(own: list[str], limit: int) -> None:
        go.wait()
        while items := work.next_items(limit):
            own += names(items)

    claimers = [threading.Thread(target=claim, args=(own, 3 + number)) for number, own in enumerate(claimed)]
    for claimer in claimers:
        claimer.start()
    for claimer in claimers:
        claimer.join()
    assert sorted(claimed[0] + claimed[1]) == wanted
    assert len(work.items(backfill_id, ItemState.HANDED_OUT)) == 60


@settings(deadline=None, max_examples=25)
@given(
    swings=st.sets(st.text("abB_-~ä1", min_size=1, max_size=4), max_size=12),
    limits=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    held_back=st.sets(st.integers(0, 11)),
)
def test_whatever_the_limits_each_swing_is_handed_out_once_and_the_backfill_ends(
    sqlite_engine: Engine, swings: set[str], limits: list[int], held_back: set[int]
) -> None:
    work = Backfills(sqlite_engine, Clock())
    clear(sqlite_engine)
    with sqlite_engine.begin() as connection:
        for number, name in enumerate(sorted(swings)):
            status = Status.PROCESSING if number in held_back else Status.AI_COMPLETED
            add_swing(connection, name, status=status)
    backfill_id = started(work)
    handed_out: Counter[str] = Counter()
    for round_ in range(100):
        items = work.next_items(limits[round_ % len(limits)])
        handed_out.update(names(items))
        finish(work, items)
        with sqlite_engine.begin() as connection:  # what was under way at first ends after the first round
            connection.execute(update(analyses).values(status=Status.AI_COMPLETED))
        if work.state_of(backfill_id) == BackfillState.FINISHED:
            break
    assert handed_out == Counter(swings)
    assert work.progress(backfill_id).done == len(swings)


def test_a_swing_under_way_waits_and_is_handed_out_before_the_rest_of_the_list(
    catalog: Catalog, work: Backfills
) -> None:
    for name in ("a", "b", "c"):
        add_swing(catalog.engine, name, status=Status.PROCESSING if name == "a" else Status.AI_COMPLETED)
    backfill_id = started(work)
    assert names(work.next_items(1)) == ["b"]
    assert [item.analysis_id for item in work.items(backfill_id, ItemState.WAITING)] == ["a"]
    set_swing(catalog, "a", status=Status.AI_COMPLETED)
    assert names(work.next_items(1)) == ["a"]
    assert names(work.next_items(1)) == ["c"]


def test_a_swing_is_handed_out_by_one_backfill_at_a_time(catalog: Catalog, work: Backfills, clock: Clock) -> None:
    add_swing(catalog.engine, "a")
    first = started(work)
    clock.now += timedelta(seconds=1)
    second = started(work, Selection(force=True))
    (item,) = work.next_items(10)
    assert (item.backfill_id, item.force) == (first, False)
    assert work.next_items(10) == []
    finish(work, [item])
    assert work.next_items(10) == [HandedOut(second, "a", 0, True)]


def test_two_backfills_that_wait_for_the_same_swing_get_it_one_after_the_other(
    catalog: Catalog, work: Backfills
) -> None:
    add_swing(catalog.engine, "a", status=Status.PROCESSING)
    started(work), started(work)
    assert work.next_items(10) == []
    set_swing(catalog, "a", status=Status.AI_COMPLETED)
    first = work.next_items(10)
    assert names(first) == ["a"]
    assert work.next_items(10) == []
    finish(work, first)
    second = work.next_items(10)
    assert {item.backfill_id for item in first + second} == {one.backfill_id for one in work.list(10)}


def test_a_backfill_is_finished_when_its_list_is_at_its_end_and_every_item_ended(
    catalog: Catalog, work: Backfills, clock: Clock
) -> None:
    for name in ("a", "b"):
        add_swing(catalog.engine, name)
    backfill_id = started(work)
    items = work.next_items(10)
    assert work.next_items(10) == [] and work.state_of(backfill_id) == BackfillState.RUNNING
    clock.now += timedelta(seconds=4)
    finish(work, items[:1])
    finish(work, items[1:], ItemState.UNCHANGED)
    assert work.next_items(10) == [] and work.state_of(backfill_id) == BackfillState.FINISHED
    progress = work.progress(backfill_id)
    assert (progress.total, progress.done, progress.unchanged, progress.waiting) == (2, 1, 1, 0)
    assert (progress.seconds, progress.per_second, progress.eta_s) == (4.0, 0.5, None)


def test_the_pace_and_the_time_left_follow_what_ended_lately(catalog: Catalog, work: Backfills, clock: Clock) -> None:
    for number in range(10):
        add_swing(catalog.engine, f"{number}")
    backfill_id = started(work)
    assert work.progress(backfill_id).eta_s is None
    items = work.next_items(4)
    clock.now += timedelta(seconds=8)
    finish(work, items)
    progress = work.progress(backfill_id)
    assert (progress.per_second, progress.eta_s, progress.ended, progress.waiting) == (0.5, 12.0, 4, 6)
    clock.now += timedelta(hours=1)
    assert work.progress(backfill_id).eta_s is None


def test_swings_that_came_after_the_backfill_was_made_are_not_in_it(
    catalog: Catalog, work: Backfills, clock: Clock
) -> None:
    add_swing(catalog.engine, "a")
    started(work)
    add_swing(catalog.engine, "b", created_at=clock.now + timedelta(seconds=1))
    assert names(work.next_items(10)) == ["a"]


def test_nothing_is_handed_out_while_a_backfill_is_paused(catalog: Catalog, work: Backfills) -> None:
    for name in ("a", "b"):
        add_swing(catalog.engine, name)
    backfill_id = started(work)
    items = work.next_items(1)
    assert work.pause(backfill_id) and not work.pause(backfill_id)
    work.give_back(items, counted=False)
    assert work.next_items(10) == []
    assert work.resume(backfill_id) and not work.resume(backfill_id)
    assert work.next_items(10) == [HandedOut(backfill_id, "a", 0, False), HandedOut(backfill_id, "b", 0, False)]


def test_a_canceled_backfill_ends_what_waits_and_lets_what_is_worked_on_end(catalog: Catalog, work: Backfills) -> None:
    for name in ("a", "b", "c", "d"):
        add_swing(catalog.engine, name, status=Status.PROCESSING if name == "a" else Status.AI_COMPLETED)
    backfill_id = started(work)
    items = work.next_items(2)
    assert work.cancel(backfill_id) and not work.cancel(backfill_id) and not work.resume(backfill_id)
    finish(work, items[:1])
    work.give_back(items[1:], counted=True)
    progress = work.progress(backfill_id)
    assert (progress.done, progress.canceled, progress.handed_out, progress.waiting) == (1, 3, 0, 0)
    assert progress.total == 4 and progress.backfill.state == BackfillState.CANCELED
    assert work.next_items(10) == []


def test_an_item_whose_runs_died_too_often_has_failed(catalog: Catalog, work: Backfills) -> None:
    add_swing(catalog.engine, "a")
    backfill_id = started(work)
    for tries in range(MOST_TRIES):
        items = work.next_items(1)
        assert items == [HandedOut(backfill_id, "a", tries, False)]
        work.give_back(items, counted=True)
    assert work.next_items(1) == [] and work.state_of(backfill_id) == BackfillState.FINISHED
    assert work.failures(backfill_id) == {INTERRUPTED: 1}


def test_a_late_word_about_an_earlier_try_changes_nothing(catalog: Catalog, work: Backfills) -> None:
    add_swing(catalog.engine, "a")
    backfill_id = started(work)
    first = work.next_items(1)
    work.give_back(first, counted=True)
    assert not work.finish_item(backfill_id, "a", ItemState.DONE, seconds=1.0)
    second = work.next_items(1)
    work.give_back(first, counted=True)
    assert names(work.items(backfill_id, ItemState.HANDED_OUT)) == ["a"]
    finish(work, second)
    work.give_back(second, counted=True)
    assert not work.finish_item(backfill_id, "a", ItemState.FAILED, seconds=1.0)
    assert work.progress(backfill_id).done == 1


def test_an_item_ends_with_the_transaction_that_it_is_part_of(catalog: Catalog, work: Backfills) -> None:
    add_swing(catalog.engine, "a")
    backfill_id = started(work)
    work.next_items(1)
    with pytest.raises(RuntimeError), catalog.engine.begin() as connection:
        assert work.finish_item(backfill_id, "a", ItemState.DONE, seconds=1.0, connection=connection)
        raise RuntimeError("the disk is full")
    assert names(work.items(backfill_id, ItemState.HANDED_OUT)) == ["a"]
    with catalog.engine.begin() as connection:
        kept = {"stages": ("metrics",), "old_result_key": "old", "new_result_key": "new", "usd": 0.01}
        work.finish_item(backfill_id, "a", ItemState.DONE, seconds=1.0, connection=connection, **kept)
    (item,) = work.items(backfill_id)
    assert (item.stages, item.old_result_key, item.new_result_key, item.usd) == (("metrics",), "old", "new", 0.01)


def test_an_item_ends_with_an_end_only(work: Backfills) -> None:
    with pytest.raises(ValueError, match="does not end"):
        work.finish_item("b", "a", ItemState.WAITING, seconds=1.0)


def test_leases_that_ran_out_are_those_handed_out_before_a_moment(
    catalog: Catalog, work: Backfills, clock: Clock
) -> None:
    for name in ("a", "b"):
        add_swing(catalog.engine, name)
    started(work, Selection(force=True))
    early = work.next_items(1)
    clock.now += timedelta(minutes=30)
    late = work.next_items(1)
    assert work.handed_out_before(clock.now - timedelta(minutes=10)) == early
    assert work.handed_out_before(clock.now + timedelta(minutes=10)) == early + late


def test_a_swing_that_is_deleted_while_it_waits_leaves_the_list(catalog: Catalog, work: Backfills) -> None:
    for name in ("a", "b"):
        add_swing(catalog.engine, name, status=Status.PROCESSING)
    backfill_id = started(work)
    assert work.next_items(10) == []
    set_swing(catalog, "a", status=Status.FAILED, deleted_at=BEGAN)
    with catalog.engine.begin() as connection:
        connection.execute(delete(analyses).where(analyses.c.analysis_id == "b"))
    assert work.next_items(10) == [] and work.state_of(backfill_id) == BackfillState.FINISHED
    assert work.progress(backfill_id).canceled == 2


def test_a_swing_that_failed_for_good_while_it_waited_is_not_tried_again(catalog: Catalog, work: Backfills) -> None:
    add_swing(catalog.engine, "a", status=Status.PROCESSING)
    backfill_id = started(work)
    assert work.next_items(10) == []
    set_swing(catalog, "a", status=Status.FAILED, error_code="NO_GOLFER")
    assert work.next_items(10) == []
    assert work.failures(backfill_id) == {"NO_GOLFER": 1}


def test_items_come_in_pages_and_by_state(catalog: Catalog, work: Backfills) -> None:
    for number in range(5):
        add_swing(catalog.engine, f"{number}")
    backfill_id = started(work)
    items = work.next_items(5)
    finish(work, items[::2])
    assert [item.analysis_id for item in work.items(backfill_id, after="1", limit=2)] == ["2", "3"]
    assert [item.analysis_id for item in work.items(backfill_id, ItemState.DONE, after="0")] == ["2", "4"]


def test_an_unknown_backfill_has_no_state_and_no_progress(work: Backfills) -> None:
    assert work.get("nobody's") is None
    with pytest.raises(LookupError, match="nobody's"):
        work.state_of("nobody's")
    with pytest.raises(LookupError, match="nobody's"):
        work.progress("nobody's")
    assert not (work.pause("nobody's") or work.resume("nobody's") or work.cancel("nobody's"))
