"""Finding stale profiles on both databases: what happened lately at once, and everything else on a round of pages."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, update

from golf_pipeline.storage import profiles, stale_profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.stale_profiles import (
    lately_concerned,
    page_of_golfers,
    page_of_outdated,
    with_swings_under_way,
)
from golf_pipeline.storage.tables import analyses, backfill_items, backfills
from golf_pipeline.storage.tombstones import bury
from golf_pipeline_tests.databases import sqlite_catalog

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def upload(catalog: Catalog, user: str, name: str) -> None:
    catalog.register_object("bucket", parse_upload_key(f"golf-swings/{user}/{name}.mov"), f"etag-{name}", 10, NOON)


def finish(catalog: Catalog, user: str, name: str, at: datetime) -> None:
    upload(catalog, user, name)
    catalog.set_status(name, Status.AI_COMPLETED, "done")
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(analyses.c.analysis_id == name).values(completed_at=at))


def note_profile(catalog: Catalog, user: str, knows_until: datetime) -> None:
    with catalog.engine.connect() as connection:
        revision = profiles.golfer(connection, user).revision
    profiles.record_profile(catalog.engine, user, "1", "key", knows_until, revision)


def ask(catalog: Catalog, user: str) -> None:
    with catalog.engine.begin() as connection:
        profiles.ask_refresh(connection, user)


def test_swings_that_ended_lately_name_their_golfers_the_first_to_wait_first(catalog: Catalog) -> None:
    for user, minutes in (("known", 5), ("old", 61), ("late", 3), ("early", 30), ("guest", 4)):
        finish(catalog, user, f"{user}-1", NOON - timedelta(minutes=minutes))
    finish(catalog, "early", "early-2", NOON - timedelta(minutes=1))
    note_profile(catalog, "known", NOON - timedelta(minutes=5))
    assert lately_concerned(catalog.engine, NOON) == ["early", "late"]


def test_a_swing_that_a_slow_clock_finished_is_missed_by_its_profile_all_the_same(catalog: Catalog) -> None:
    note_profile(catalog, "ann", NOON)
    finish(catalog, "ann", "a1", NOON - timedelta(hours=1))
    assert stale_profiles.stale_among(catalog.engine, ["ann"], "1") == {"ann"}
    assert page_of_outdated(catalog.engine, "", "1").user_ids == ["ann"]


def test_a_deleted_swing_names_its_golfer_at_once(catalog: Catalog) -> None:
    finish(catalog, "ann", "a1", NOON - timedelta(days=9))
    note_profile(catalog, "ann", NOON)
    assert lately_concerned(catalog.engine, NOON) == []
    record = catalog.get("a1")
    assert record is not None
    bury(catalog, record)
    assert lately_concerned(catalog.engine, NOON) == ["ann"]
    assert stale_profiles.stale_among(catalog.engine, ["ann"], "1") == {"ann"}


def test_a_round_over_the_golfers_meets_each_of_them_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    users = ["ann", "bob|oidc", "eve", "guest", "zoë"]
    for user in users:
        for swing in range(3):
            upload(catalog, user, f"{user}-{swing}")
    monkeypatch.setattr(stale_profiles, "GOLFERS_A_PAGE", 2)
    met, after = [], ""
    for _ in range(3):
        page = page_of_golfers(catalog.engine, after)
        met.append(page.user_ids)
        after = page.next_after
    assert after == ""
    assert sorted(user for page in met for user in page) == users
    assert [len(page) for page in met] == [2, 2, 1]


def test_a_round_over_the_profiles_finds_changes_and_older_versions(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("ann", "bob", "cat", "dan"):
        note_profile(catalog, user, NOON)
    ask(catalog, "bob")
    ask(catalog, "dan")
    monkeypatch.setattr(stale_profiles, "PROFILES_A_PAGE", 3)
    first = page_of_outdated(catalog.engine, "", "1")
    assert (first.user_ids, first.next_after) == (["bob"], "cat")
    last = page_of_outdated(catalog.engine, first.next_after, "1")
    assert (last.user_ids, last.next_after) == (["dan"], "")
    assert page_of_outdated(catalog.engine, "", "2").user_ids == ["ann", "bob", "cat"]


def test_who_has_more_to_come_is_known(catalog: Catalog) -> None:
    users = ("waits", "runs", "failed", "announced", "again", "handed-back")
    for user in users:
        upload(catalog, user, user)
    catalog.mark_dispatched(["runs"])
    finish(catalog, "again", "again-1", NOON)
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(analyses.c.user_id == "announced").values(etag=None))
        ended = analyses.c.analysis_id.in_(["failed", "again", "handed-back"])
        connection.execute(update(analyses).where(ended).values(status=Status.FAILED))
        row = {"backfill_id": "b", "created_at": NOON, "created_by": "x", "selection": {}, "state": "RUNNING"}
        connection.execute(insert(backfills).values(**row, total=2))
        for name, state in (("again-1", "HANDED_OUT"), ("handed-back", "WAITING")):
            item = {"backfill_id": "b", "analysis_id": name, "state": state, "tries": 0, "handed_out_at": NOON}
            connection.execute(insert(backfill_items).values(item))
    assert with_swings_under_way(catalog.engine, users) == {"waits", "runs", "again"}


def test_finding_them_reads_no_table_of_swings_from_end_to_end(tmp_path: Path) -> None:
    """Asked of SQLite, whose plans do not depend on how many rows there are."""
    catalog = sqlite_catalog(tmp_path)
    plans: list[str] = []

    def explain(*called: Any) -> None:
        _, _, statement, parameters, *_ = called
        raw = catalog.engine.raw_connection()
        plans.extend(row[-1] for row in raw.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
        raw.close()

    event.listen(catalog.engine, "before_cursor_execute", explain)
    lately_concerned(catalog.engine, NOON)
    page_of_golfers(catalog.engine, "ann")
    page_of_outdated(catalog.engine, "ann", "1")
    stale_profiles.stale_among(catalog.engine, ["ann", "bob"], "1")
    with_swings_under_way(catalog.engine, ["ann", "bob"])
    catalog.engine.dispose()
    tables = ("analyses", "golfers", "profiles", "backfill_items")
    assert [plan for plan in plans if plan.startswith(tuple(f"SCAN {table}" for table in tables))] == []
    searched_by = {found[1] for plan in plans if (found := re.match(r"SEARCH analyses USING .*\((\w+)", plan))}
    assert searched_by == {"completed_at", "purge_at", "user_id", "analysis_id"}
