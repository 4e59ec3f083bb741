"""ANALYSIS_COMPLETE reaches whoever may hear it, over both ways, and nobody else."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import Queue
from socket import SHUT_RDWR
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import OperationalError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket

from golf_pipeline.api import board, notices
from golf_pipeline.api.identity import Caller
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import GUEST, Upload
from golf_pipeline.storage.notices import Ended, EndedAnalyses
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, golfer_coaches
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.issuer import TestIssuer

EVENTS, CONNECT = "/api/v1/realtime/events", "/api/v1/realtime/connect"


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "POLL_S", 0.05)


def a_swing(catalog: Catalog, owner: str) -> str:
    name = str(uuid4())
    upload = Upload(owner, name, "mp4", f"golf-swings/{owner}/{name}.mp4")
    catalog.register_object("b", upload, "e", 1, datetime.now(UTC))
    return name


def name_coach(catalog: Catalog, golfer: str, coach: str) -> None:
    with catalog.engine.begin() as writing:
        writing.execute(insert(golfer_coaches).values(user_id=golfer, coach_id=coach, named_at=datetime.now(UTC)))


def finish(catalog: Catalog, name: str) -> None:
    assert catalog.set_status(name, Status.AI_COMPLETED, "done")


class Stream:
    """Server-sent events as a client reads them, on a thread."""

    def __init__(self) -> None:
        self.events: Queue[dict[str, str]] = Queue()
        self.connected = threading.Event()

    def read(self, response: httpx.Response) -> None:
        event: dict[str, str] = {}
        try:
            for line in response.iter_lines():
                if line == ": connected":
                    self.connected.set()
                elif line and not line.startswith((":", "retry")):
                    name, _, text = line.partition(": ")
                    event[name] = text
                elif event:
                    self.events.put(event)
                    event = {}
        except httpx.HTTPError:
            pass
        self.events.put({})

    def next(self) -> dict[str, Any]:
        event = self.events.get(timeout=10)
        return json.loads(event["data"]) | {"id": event["id"]} if event else {}


@contextmanager
def listening(api: httpx.Client, headers: dict[str, str] | None = None, **query: str) -> Iterator[Stream]:
    stream = Stream()
    with (
        httpx.Client(base_url=api.base_url, timeout=10) as client,
        client.stream("GET", EVENTS, params=query, headers=headers) as response,
    ):
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["cache-control"] == "no-store"
        thread = threading.Thread(target=stream.read, args=(response,), daemon=True)
        thread.start()
        assert stream.connected.wait(10)
        yield stream
        # Closing alone would leave the thread in its read until that times out.
        response.extensions["network_stream"].get_extra_info("socket").shutdown(SHUT_RDWR)
        thread.join(10)


@contextmanager
def socket(api: httpx.Client, headers: dict[str, str] | None = None, **options: Any) -> Iterator[ClientConnection]:
    query = options.pop("query", "")
    url = f"ws://127.0.0.1:{api.base_url.port}{CONNECT}{query}"
    with open_socket(url, additional_headers=headers, **options) as connection:
        yield connection


def heard(connection: ClientConnection) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(connection.recv(timeout=10))
    return said


def test_a_golfer_hears_of_their_own_swing_over_both_ways_and_of_no_other(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog
) -> None:
    mine, theirs = a_swing(catalog, "ann"), a_swing(catalog, "bob")
    with listening(api, tokens.headers("ann")) as stream, socket(api, tokens.headers("ann")) as connection:
        assert heard(connection) == {"type": "CONNECTED"}
        finish(catalog, theirs)
        finish(catalog, mine)
        for told in (stream.next(), heard(connection)):
            assert (told["type"], told["analysis_id"], told["status"]) == ("ANALYSIS_COMPLETE", mine, "AI_COMPLETED")
            assert datetime.fromisoformat(told["completed_at"]).tzinfo
            assert "error" not in told
        last = a_swing(catalog, "ann")
        catalog.fail(last, SwingError(ErrorCode.INTERNAL, "It did not work.", retryable=True))
        for told in (stream.next(), heard(connection)):
            assert (told["analysis_id"], told["status"]) == (last, "FAILED")
            assert told["error"] == {"code": "INTERNAL", "message": "It did not work.", "retryable": True}


def test_what_ended_just_before_the_connection_is_not_lost_and_what_ended_long_ago_is_not_told(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog
) -> None:
    old, new, next_one = (a_swing(catalog, "ann") for _ in range(3))
    finish(catalog, old)
    with catalog.engine.begin() as writing:
        before = datetime.now(UTC) - timedelta(hours=1)
        writing.execute(update(analyses).where(analyses.c.analysis_id == old).values(completed_at=before))
    finish(catalog, new)
    with listening(api, tokens.headers("ann")) as stream:
        assert stream.next()["analysis_id"] == new
        finish(catalog, next_one)
        assert stream.next()["analysis_id"] == next_one


def test_a_stream_goes_on_after_the_last_event_that_the_client_saw(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog
) -> None:
    first, missed = a_swing(catalog, "ann"), a_swing(catalog, "ann")
    with listening(api, tokens.headers("ann")) as stream:
        finish(catalog, first)
        seen = stream.next()["id"]
    finish(catalog, missed)
    with catalog.engine.begin() as writing:  # two hours ago: without the id it would not be told
        for name, minutes in ((first, 125), (missed, 120)):
            then = datetime.now(UTC) - timedelta(minutes=minutes)
            writing.execute(update(analyses).where(analyses.c.analysis_id == name).values(completed_at=then))
    seen = str(int(seen) - 123 * 60 * 1_000_000)
    with listening(api, tokens.headers("ann") | {"Last-Event-ID": seen}) as stream:
        assert stream.next()["analysis_id"] == missed
    with listening(api, tokens.headers("ann") | {"Last-Event-ID": "9" * 40}):
        pass


def test_a_commit_that_comes_late_is_told_although_a_later_end_was_told_before(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog
) -> None:
    late, early = a_swing(catalog, "ann"), a_swing(catalog, "ann")
    with listening(api, tokens.headers("ann")) as stream:
        finish(catalog, early)
        assert stream.next()["analysis_id"] == early
        with catalog.engine.begin() as writing:
            ended = {"status": Status.AI_COMPLETED, "completed_at": datetime.now(UTC) - timedelta(seconds=10)}
            writing.execute(update(analyses).where(analyses.c.analysis_id == late).values(ended))
        assert stream.next()["analysis_id"] == late


def test_a_guest_hears_of_the_analysis_that_they_name_also_where_it_has_ended(
    api: httpx.Client, catalog: Catalog
) -> None:
    swing, other = a_swing(catalog, GUEST), a_swing(catalog, GUEST)
    with listening(api, analysis_id=swing) as stream, socket(api, query=f"?analysis_id={swing}") as connection:
        assert heard(connection)["type"] == "CONNECTED"
        finish(catalog, other)
        finish(catalog, swing)
        assert stream.next()["analysis_id"] == heard(connection)["analysis_id"] == swing
    with listening(api, analysis_id=swing) as stream:
        assert stream.next()["analysis_id"] == swing


@pytest.mark.parametrize(
    ("query", "user", "status", "code"),
    [
        ("", None, 401, "SIGN_IN_NEEDED"),
        ("?analysis_id=unknown", None, 404, "NOT_FOUND"),
        ("?analysis_id={anns}", "bob", 404, "NOT_FOUND"),
        ("?analysis_id={anns}", None, 404, "NOT_FOUND"),
    ],
)
def test_what_a_caller_may_not_see_they_cannot_listen_to(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, query: str, user: str | None, status: int, code: str
) -> None:
    path = query.format(anns=a_swing(catalog, "ann"))
    headers = tokens.headers(user) if user else {}
    refused = api.get(f"{EVENTS}{path}", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    if query:
        with pytest.raises(InvalidStatus) as denied, socket(api, headers, query=path):
            pass
        assert denied.value.response.status_code == status
        assert json.loads(denied.value.response.body)["code"] == code


def test_a_coach_hears_of_the_players_who_named_them(api: httpx.Client, tokens: TestIssuer, catalog: Catalog) -> None:
    name_coach(catalog, "ann", "carl")
    anns, bobs = a_swing(catalog, "ann"), a_swing(catalog, "bob")
    with listening(api, tokens.headers("carl", "coach")) as stream:
        finish(catalog, bobs)
        finish(catalog, anns)
        assert stream.next()["analysis_id"] == anns


def test_a_coach_hears_what_their_players_ended_while_the_connection_was_gone(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog
) -> None:
    name_coach(catalog, "ann", "carl")
    anns, bobs = a_swing(catalog, "ann"), a_swing(catalog, "bob")
    for name in (bobs, anns):
        finish(catalog, name)
    with listening(api, tokens.headers("carl", "coach")) as stream:
        assert stream.next()["analysis_id"] == anns
    with listening(api, tokens.headers("carl")) as stream:  # their token is no coach's any more
        finish(catalog, carls := a_swing(catalog, "carl"))
        assert stream.next()["analysis_id"] == carls


def test_a_coach_who_is_named_no_more_hears_no_more_of_a_swing_that_they_listen_to(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog
) -> None:
    name_coach(catalog, "ann", "carl")
    name_coach(catalog, "bob", "carl")
    anns, bobs = a_swing(catalog, "ann"), a_swing(catalog, "bob")
    headers = tokens.headers("carl", "coach")
    with (
        listening(api, headers, analysis_id=anns) as of_anns,
        listening(api, headers, analysis_id=bobs) as of_bobs,
        listening(api, tokens.headers("root", "admin"), analysis_id=anns) as of_admin,
    ):
        with catalog.engine.begin() as writing:
            writing.execute(delete(golfer_coaches).where(golfer_coaches.c.user_id == "ann"))
        for name in (anns, bobs):
            finish(catalog, name)
        assert of_bobs.next()["analysis_id"] == bobs
        assert of_admin.next()["analysis_id"] == anns
        assert of_anns.events.empty()


def by_header(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def by_protocol(token: str) -> dict[str, Any]:
    return {"subprotocols": ["golf.v1", f"bearer.{token}"]}


@pytest.mark.parametrize("way", [by_header, by_protocol])
def test_a_socket_is_signed_in_by_header_or_by_protocol(
    api: httpx.Client, tokens: TestIssuer, way: Callable[[str], dict[str, Any]]
) -> None:
    with socket(api, **way(tokens.token("ann"))) as connection:
        assert heard(connection) == {"type": "CONNECTED"}
        assert connection.subprotocol == ("golf.v1" if way is by_protocol else None)
    with pytest.raises(InvalidStatus) as denied, socket(api, **way("a.b.c")):
        pass
    assert denied.value.response.status_code == 401


def test_a_socket_is_signed_in_by_its_first_message(api: httpx.Client, tokens: TestIssuer, catalog: Catalog) -> None:
    mine = a_swing(catalog, "ann")
    with socket(api) as connection:
        connection.send(json.dumps({"type": "AUTHENTICATE", "token": tokens.token("ann")}))
        assert heard(connection) == {"type": "CONNECTED"}
        finish(catalog, mine)
        assert heard(connection)["analysis_id"] == mine


@pytest.mark.parametrize(
    "message", ["nonsense", b"\0bytes", '{"type": "AUTHENTICATE", "token": "a.b.c"}', '{"type": "PING"}', None]
)
def test_a_socket_that_does_not_say_who_it_is_is_closed(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch, message: str | bytes | None
) -> None:
    monkeypatch.setattr(notices, "AUTHENTICATE_WITHIN_S", 0.2 if message is None else 5.0)
    with socket(api) as connection:
        if message is not None:
            connection.send(message)
        assert heard(connection)["type"] == "ERROR"
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == notices.POLICY_VIOLATION


def test_a_socket_answers_pings_and_ends_with_who_says_too_much(
    api: httpx.Client, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MAX_MESSAGES", 3)
    with socket(api, tokens.headers("ann")) as connection:
        heard(connection)
        connection.send('{"type": "PING"}')
        assert heard(connection) == {"type": "PONG"}
        for nonsense in ("[]", b"\0bytes"):
            connection.send(nonsense)
            assert heard(connection)["code"] == "UNKNOWN_MESSAGE"
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)


@pytest.mark.parametrize("stranger", ["https://evil.example.com", "null", "http://[", "https://app.example.com.evil"])
def test_pages_of_strangers_cannot_open_a_socket(serve: Serve, tokens: TestIssuer, stranger: str) -> None:
    api = serve(cors_origins=("https://app.example.com",))
    with pytest.raises(InvalidStatus) as denied, socket(api, tokens.headers("ann"), origin=stranger):
        pass
    assert denied.value.response.status_code == 403
    assert denied.value.response.headers["x-content-type-options"] == "nosniff"
    assert "x-request-id" in denied.value.response.headers
    with socket(api, tokens.headers("ann"), origin="https://app.example.com") as connection:
        assert heard(connection) == {"type": "CONNECTED"}


def test_one_golfer_cannot_take_all_connections_and_gets_them_back_when_they_close(
    api: httpx.Client, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "MAX_PER_SUBJECT", 2)
    headers = tokens.headers("ann")
    with listening(api, headers), listening(api, headers):
        refused = api.get(EVENTS, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_CONNECTIONS")
        assert "retry-after" in refused.headers
        with listening(api, tokens.headers("bob")):
            pass
    deadline = time.monotonic() + 10
    while True:  # the server hears of the end a moment later
        with api.stream("GET", EVENTS, headers=headers) as response:
            if response.status_code == 200:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_that_does_not_read_is_cut_off_and_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "MAX_WAITING", 3)
    listener = board.Listener(Caller("ann"), "ann", None)
    for number in range(10):
        listener.tell(Ended(str(number), "ann", Status.AI_COMPLETED, 1, datetime.now(UTC), None, None, False))
    assert [listener.waiting.get_nowait() is None for _ in range(4)] == [False, False, False, True]
    assert listener.waiting.empty()


def test_a_catalog_that_does_not_answer_for_a_while_loses_no_notice(
    api: httpx.Client, tokens: TestIssuer, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "RETRY_S", 0.05)
    mine, failed, look = a_swing(catalog, "ann"), threading.Event(), EndedAnalyses.since

    def gone(*_: object, **__: object) -> list[object]:
        failed.set()
        raise OperationalError("x", {}, Exception())

    with listening(api, tokens.headers("ann")) as stream:
        finish_other = a_swing(catalog, "ann")
        finish(catalog, finish_other)
        assert stream.next()["analysis_id"] == finish_other
        monkeypatch.setattr(EndedAnalyses, "since", gone)
        finish(catalog, mine)
        assert failed.wait(10)
        monkeypatch.setattr(EndedAnalyses, "since", look)
        assert stream.next()["analysis_id"] == mine
