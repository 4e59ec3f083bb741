"""The list of swings: whose it is, page by page while swings come and go, and cursors that belong to one list."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from golf_pipeline.api.paging import decode_cursor, encode_cursor
from golf_pipeline.api.problems import Problem
from golf_pipeline.api.swing_messages import statuses_of
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, golfer_coaches
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.finished import Swings
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.test_video import analysis
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation
from golf_pipeline_tests.databases import postgres_catalog
from golf_pipeline_tests.storage.conftest import postgres_url

__all__ = ["analysis", "findings", "metrics", "postgres_url", "report", "segmentation"]

SWINGS = "/api/v1/swings"


@pytest.fixture
def swings(catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis) -> Swings:
    return Swings(catalog, store, analysis)


def announce(catalog: Catalog, name: str, user: str = "ann") -> None:
    catalog.create("b", parse_upload_key(f"golf-swings/{user}/{name}.mov"))


def name_coach(catalog: Catalog, golfer: str, coach: str) -> None:
    with catalog.engine.begin() as connection:
        connection.execute(insert(golfer_coaches).values(user_id=golfer, coach_id=coach, named_at=datetime.now(UTC)))


def pages(get: Callable[[dict[str, Any]], httpx.Response], **asked: Any) -> list[list[str]]:
    found, cursor = [], None
    while True:
        answer = get({**asked, **({} if cursor is None else {"cursor": cursor})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append([swing["analysis_id"] for swing in page["swings"]])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def test_a_golfer_pages_through_their_own_swings_newest_first(
    api: httpx.Client, catalog: Catalog, tokens: TestIssuer
) -> None:
    for number in range(7):
        announce(catalog, f"s{number}")
    announce(catalog, "other", "bob")
    ann = tokens.headers("ann")
    found = pages(lambda asked: api.get(SWINGS, params=asked, headers=ann), limit=3)
    assert found == [["s6", "s5", "s4"], ["s3", "s2", "s1"], ["s0"]]
    assert pages(lambda asked: api.get(SWINGS, params=asked, headers=tokens.headers("carl"))) == [[]]


def test_swings_that_come_or_go_while_one_pages_move_no_other(
    api: httpx.Client, catalog: Catalog, swings: Swings, tokens: TestIssuer
) -> None:
    for number in range(6):
        announce(catalog, f"s{number}")
    swings.uploaded("gone")
    ann = tokens.headers("ann")
    coming = iter(range(100))

    def get(asked: dict[str, Any]) -> httpx.Response:
        answer = api.get(SWINGS, params=asked, headers=ann)
        announce(catalog, f"new{next(coming)}")
        api.delete(f"{SWINGS}/gone", headers=ann)
        return answer

    found = pages(get, limit=2)
    assert found == [["gone", "s5"], ["s4", "s3"], ["s2", "s1"], ["s0"]]


def test_swings_of_one_instant_are_each_shown_once(api: httpx.Client, catalog: Catalog, tokens: TestIssuer) -> None:
    names = [f"s{number}" for number in range(9)]
    for name in names:
        announce(catalog, name)
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).values(created_at=datetime(2026, 5, 1, 12, 0, 0, 123456, UTC)))
    found = pages(lambda asked: api.get(SWINGS, params=asked, headers=tokens.headers("ann")), limit=2)
    assert sorted(name for page in found for name in page) == names


def test_the_list_is_filtered_by_the_clients_word_and_leaves_out_the_deleted(
    api: httpx.Client, swings: Swings, tokens: TestIssuer
) -> None:
    swings.finished("done")
    swings.uploaded("waiting")
    swings.uploaded("bad")
    swings.catalog.fail("bad", SwingError(ErrorCode.NO_COMPLETE_SWING, "We saw no complete swing."))
    swings.uploaded("gone")
    ann = tokens.headers("ann")
    assert api.delete(f"{SWINGS}/gone", headers=ann).status_code == 204
    for status, names in (("completed", ["done"]), ("queued", ["waiting"]), ("failed", ["bad"]), ("processing", [])):
        page = api.get(SWINGS, params={"status": status}, headers=ann).json()
        assert [swing["analysis_id"] for swing in page["swings"]] == names
    [failed] = api.get(SWINGS, params={"status": "failed"}, headers=ann).json()["swings"]
    assert failed["error"] == {
        "code": "NO_COMPLETE_SWING",
        "message": "We saw no complete swing.",
        "retryable": False,
    }


def test_a_list_belongs_to_its_golfer_their_coaches_and_admins(
    api: httpx.Client, catalog: Catalog, tokens: TestIssuer
) -> None:
    announce(catalog, "s1")
    announce(catalog, "secret", "guest")
    name_coach(catalog, "ann", "carl")
    asked = {"user_id": "ann"}
    for headers in (tokens.headers("ann"), tokens.headers("carl", "coach"), tokens.headers("root", "admin")):
        assert len(api.get(SWINGS, params=asked, headers=headers).json()["swings"]) == 1
    for headers in (tokens.headers("bob"), tokens.headers("carl"), tokens.headers("dora", "coach")):
        assert api.get(SWINGS, params=asked, headers=headers).status_code == 404
    assert api.get(SWINGS, params={"user_id": "guest"}, headers=tokens.headers("ann")).status_code == 404
    answer = api.get(SWINGS)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_IN_NEEDED")


def test_a_cursor_is_good_for_its_own_list_only(api: httpx.Client, catalog: Catalog, tokens: TestIssuer) -> None:
    for user in ("ann", "bob"):
        for number in range(3):
            announce(catalog, f"{user}{number}", user)
    ann, bob = tokens.headers("ann"), tokens.headers("bob")
    cursor = api.get(SWINGS, params={"limit": 1}, headers=ann).json()["next_cursor"]
    changed = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for headers, asked in (
        (bob, {"cursor": cursor}),
        (ann, {"cursor": cursor, "status": "queued"}),
        (ann, {"cursor": changed}),
        (ann, {"cursor": cursor[:-4]}),
        (ann, {"cursor": ""}),
        (ann, {"cursor": "ü€"}),
        (ann, {"cursor": "A" * 1500}),
    ):
        answer = api.get(SWINGS, params=asked, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_CURSOR"), asked
    for asked in ({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"status": "done"}, {"cursor": "A" * 1501}):
        assert api.get(SWINGS, params=asked, headers=ann).json()["code"] == "INVALID_REQUEST"


@settings(deadline=None)
@given(
    st.datetimes(timezones=st.just(UTC)),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200),
    st.text(max_size=20),
)
def test_every_position_survives_its_cursor_and_no_other_text_is_one(when: datetime, name: str, scope: str) -> None:
    cursor = encode_cursor((when, name), scope)
    assert decode_cursor(cursor, scope) == (when, name)
    for wrong, of in ((cursor, scope + "x"), (cursor + "A", scope), (cursor + "=", scope), (name, scope)):
        with pytest.raises(Problem, match="INVALID_CURSOR"):
            decode_cursor(wrong, of)


@pytest.mark.parametrize(
    ("when", "name"),
    [
        ("0001-01-01T00:00:00+23:59", "x"),
        ("9999-12-31T23:59:59-10:00", "x"),
        ("2026-05-01T12:00:00+00:00", "half \ud800 a character"),
        ("2026-05-01T12:00:00+00:00", "a\0b"),
        ("2026-05-01T12:00:00+00:00", 5),
        (5, "x"),
    ],
)
def test_a_cursor_that_somebody_made_is_refused_whatever_it_holds(when: object, name: object) -> None:
    body = json.dumps([when, name], separators=(",", ":")).encode()
    fitting = hashlib.sha256(b"scope\0" + body).digest()[:12]
    with pytest.raises(Problem, match="INVALID_CURSOR"):
        decode_cursor(base64.urlsafe_b64encode(fitting + body).decode().rstrip("="), "scope")


def test_a_golfer_whose_id_no_database_can_hold_is_one_that_is_not_there(
    serve: Serve, tokens: TestIssuer, postgres_url: str
) -> None:
    on_postgresql = postgres_catalog(postgres_url)
    api = serve(on_postgresql)
    answers = [api.get(f"{SWINGS}?user_id=a%00b", headers=tokens.headers("kim", role)) for role in ("coach", "admin")]
    on_postgresql.engine.dispose()
    assert [answer.status_code for answer in answers] == [404, 200]
    assert answers[1].json()["swings"] == []


def test_statuses_of_the_catalog_are_all_reached_by_a_filter() -> None:
    words = ("queued", "processing", "completed", "failed")
    assert {status for word in words for status in statuses_of(word)} == set(Status)
