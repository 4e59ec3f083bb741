"""Which profiles are stale, on both databases: whatever came while a run was under way is made known by the next."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from golf_pipeline.storage import profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key, user_context_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.profiles import Golfer, record_profile
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.stale_profiles import stale_among
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing.profile import UserContext

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
WORDS = tuple(f"{first}{second}" for first in ("hook", "slice", "fade", "draw") for second in "abcdef")


def finish(catalog: Catalog, user: str, name: str) -> None:
    upload = parse_upload_key(f"golf-swings/{user}/{name}.mov")
    catalog.register_object("bucket", upload, f"etag-{name}", 10, NOON)
    catalog.set_status(name, Status.AI_COMPLETED, "done")


def stale(catalog: Catalog, version: str = "1") -> set[str]:
    return stale_among(catalog.engine, ["ann", "bob", "guest"], version)


def say(catalog: Catalog, user: str, **context: object) -> None:
    with catalog.engine.begin() as connection:
        profiles.locked_golfer(connection, user)
        profiles.set_context(connection, user, UserContext.model_validate(context))


def known(catalog: Catalog, user: str) -> Golfer:
    with catalog.engine.connect() as connection:
        return profiles.golfer(connection, user)


def ask(catalog: Catalog, user: str) -> None:
    with catalog.engine.begin() as connection:
        profiles.ask_refresh(connection, user)


def run(catalog: Catalog, user: str, golfer: Golfer) -> None:
    """What a profile's run notes at its end, after it had read this golfer at its beginning."""
    latest = max((one.completed_at for one in catalog.completed_of_user(user) if one.completed_at), default=None)
    record_profile(catalog.engine, user, "1", "key", latest, golfer.revision)


def test_a_golfers_profile_is_stale_until_it_knows_the_latest_result(catalog: Catalog) -> None:
    finish(catalog, "ann", "s1")
    finish(catalog, "guest", "s2")
    assert stale(catalog) == {"ann"}
    run(catalog, "ann", known(catalog, "ann"))
    assert stale(catalog) == set()
    assert stale(catalog, "2") == {"ann"}
    finish(catalog, "ann", "s3")
    assert stale(catalog) == {"ann"}
    assert [one.analysis_id for one in catalog.completed_of_user("ann")] == ["s1", "s3"]


def test_a_changed_context_makes_the_profile_stale_until_a_run_has_read_it(catalog: Catalog) -> None:
    finish(catalog, "ann", "s1")
    run(catalog, "ann", known(catalog, "ann"))
    for handicap in (12, 11):
        say(catalog, "ann", handicap=handicap)
        assert stale(catalog) == {"ann"}
        assert known(catalog, "ann").context == UserContext(handicap=handicap)
        run(catalog, "ann", known(catalog, "ann"))
        assert stale(catalog) == set()


@pytest.mark.parametrize("first", [True, False], ids=["the first profile", "a later profile"])
def test_a_run_that_read_before_the_change_does_not_clear_the_wish(catalog: Catalog, first: bool) -> None:
    finish(catalog, "ann", "s1")
    if not first:
        run(catalog, "ann", known(catalog, "ann"))
        ask(catalog, "ann")
    read = known(catalog, "ann")
    say(catalog, "ann", goals="break 80")
    run(catalog, "ann", read)
    assert stale(catalog) == {"ann"}
    run(catalog, "ann", known(catalog, "ann"))
    assert stale(catalog) == set()


def test_the_wish_does_not_depend_on_anybodys_clock(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(catalog, "ann", "s1")
    run(catalog, "ann", known(catalog, "ann"))
    monkeypatch.setattr(profiles, "_now", lambda: NOON - timedelta(days=9))
    say(catalog, "ann", goals="x")
    assert stale(catalog) == {"ann"}


def test_a_golfer_without_a_finished_swing_needs_no_profile(catalog: Catalog) -> None:
    say(catalog, "ann", handicap=3)
    ask(catalog, "ann")
    ask(catalog, "guest")
    assert stale(catalog) == set()
    assert known(catalog, "guest") == Golfer()
    finish(catalog, "ann", "s1")
    assert stale(catalog) == {"ann"}


def test_a_profile_whose_last_swing_was_deleted_is_made_again_without_it(catalog: Catalog) -> None:
    finish(catalog, "ann", "s1")
    run(catalog, "ann", known(catalog, "ann"))
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).values(status=Status.FAILED))
        profiles.ask_refresh(connection, "ann")
    assert stale(catalog) == {"ann"}
    run(catalog, "ann", known(catalog, "ann"))
    assert stale(catalog) == set()


def test_of_a_golfer_without_swings_and_profile_nothing_is_noted(catalog: Catalog) -> None:
    record_profile(catalog.engine, "ann", "1", "key", None, 3)
    with catalog.engine.connect() as connection:
        assert profiles.stored_profile(connection, "ann") is None


def test_many_changes_at_once_lose_nothing(catalog: Catalog) -> None:
    fields = ("goals", "primary_miss", "limitations")

    def change(number: int) -> None:
        with catalog.engine.begin() as connection:
            before = profiles.locked_golfer(connection, "ann").context or UserContext()
            field = fields[number % 3]
            value = f"{getattr(before, field)} {WORDS[number]}"
            profiles.set_context(connection, "ann", before.model_copy(update={field: value}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(24)))
    golfer = known(catalog, "ann")
    assert golfer.revision == 24
    assert golfer.context is not None
    said = " ".join(getattr(golfer.context, field) for field in fields)
    assert sorted(said.split()) == sorted(WORDS)


def test_copies_that_overtake_each_other_end_with_the_latest(
    catalog: Catalog, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(catalog, "ann", handicap=1)
    put = store.put_bytes
    late: list[bytes] = []

    def overtaken(key: str, body: bytes, content_type: str) -> None:
        if not late:
            late.append(body)
            say(catalog, "ann", handicap=2)
            profiles.write_context_file(catalog.engine, store, "ann")
        put(key, body, content_type)

    monkeypatch.setattr(store, "put_bytes", overtaken)
    profiles.write_context_file(catalog.engine, store, "ann")
    assert UserContext.model_validate_json(store.get_bytes(user_context_key("ann"))) == UserContext(handicap=2)
    assert profiles.read_context_file(store, "ann") == UserContext(handicap=2)


def test_a_context_that_was_never_said_is_not_copied(catalog: Catalog, store: ObjectStore) -> None:
    ask(catalog, "ann")
    profiles.write_context_file(catalog.engine, store, "ann")
    assert list(store.list_objects("golf-profiles/")) == []
