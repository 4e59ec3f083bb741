"""Who lets which coach see, and coaches' sessions, on both databases."""

from golf_pipeline.storage import profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.coaches import (
    coaches_of,
    create_session,
    is_coach_of,
    name_coaches,
    players_who_agreed,
    session_of,
)


def name(catalog: Catalog, user: str, *coaches: str) -> None:
    with catalog.engine.begin() as connection:
        profiles.locked_golfer(connection, user)
        name_coaches(connection, user, coaches)


def test_a_golfers_list_of_coaches_is_replaced_as_a_whole(catalog: Catalog) -> None:
    name(catalog, "ann", "carl", "cora", "carl")
    name(catalog, "bob", "carl")
    with catalog.engine.connect() as connection:
        assert coaches_of(connection, "ann") == ("carl", "cora")
    assert players_who_agreed(catalog.engine, "carl", ["ann", "bob", "eve"]) == {"ann", "bob"}
    name(catalog, "ann", "cora", "cyd")
    assert not is_coach_of(catalog.engine, "carl", "ann")
    assert is_coach_of(catalog.engine, "carl", "bob")
    name(catalog, "ann")
    with catalog.engine.connect() as connection:
        assert coaches_of(connection, "ann") == ()
    assert players_who_agreed(catalog.engine, "carl", []) == frozenset()


def test_a_session_is_kept_as_it_was_made(catalog: Catalog) -> None:
    made = create_session(catalog.engine, "carl", "Tuesday", "wedges", ["ann", "bob"])
    assert session_of(catalog.engine, made.session_id) == made
    assert session_of(catalog.engine, "unknown") is None
