"""Finished results from memory: rendered once, conditional, seen to change in time, and only by who may see them."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import event, insert

from golf_pipeline.api import results, served
from golf_pipeline.api.etags import Rendered
from golf_pipeline.api.identity import Caller
from golf_pipeline.api.served import ServedResults
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.deletion import delete_swing
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.tables import golfer_coaches
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.finished import Swings
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.test_video import analysis
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation

__all__ = ["analysis", "findings", "metrics", "report", "segmentation"]

PATHS = ("/api/video/results/s1", "/api/v1/swings/s1", "/api/v1/swings/s1/frames", "/api/v1/swings/s1/analysis")


@pytest.fixture
def swings(catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis) -> Swings:
    return Swings(catalog, store, analysis)


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_the_client_has_is_not_sent_again(
    api: httpx.Client, swings: Swings, tokens: TestIssuer, path: str
) -> None:
    swings.finished("s1")
    ann = tokens.headers("ann")
    first = api.get(path, headers=ann)
    assert first.status_code == 200
    assert first.headers["cache-control"] == "private, no-cache"
    assert "authorization" in first.headers["vary"].lower()
    etag = first.headers["etag"]
    for sent in (etag, "*", f'"other", {etag}', etag.removeprefix("W/")):
        again = api.get(path, headers=ann | {"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert api.get(path, headers=ann | {"If-None-Match": '"other"'}).content == first.content


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_gets_no_kept_answer_whatever_they_send(
    api: httpx.Client, swings: Swings, tokens: TestIssuer, path: str
) -> None:
    swings.finished("s1")
    etag = api.get(path, headers=tokens.headers("ann")).headers["etag"]
    for headers in ({}, tokens.headers("bob"), tokens.headers("bob", "coach")):
        answer = api.get(path, headers=headers | {"If-None-Match": etag})
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_a_coach_sees_a_kept_answer_only_while_the_golfer_names_them(
    api: httpx.Client, swings: Swings, tokens: TestIssuer
) -> None:
    swings.finished("s1")
    coach = tokens.headers("carl", "coach")
    assert api.get(PATHS[0], headers=tokens.headers("ann")).status_code == 200
    assert api.get(PATHS[0], headers=coach).status_code == 404
    with swings.catalog.engine.begin() as connection:
        connection.execute(insert(golfer_coaches).values(user_id="ann", coach_id="carl", named_at=datetime.now(UTC)))
    assert api.get(PATHS[0], headers=coach).status_code == 200
    with swings.catalog.engine.begin() as connection:
        connection.execute(golfer_coaches.delete())
    assert api.get(PATHS[0], headers=coach).status_code == 404


def test_many_clients_at_once_have_a_result_rendered_once(
    serve: Serve, swings: Swings, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    swings.finished("s1")
    rendered, plain = [], results.Renderer.results

    def counted(self: results.Renderer, standing: Any) -> Any:
        rendered.append(standing)
        time.sleep(0.2)
        return plain(self, standing)

    monkeypatch.setattr(results.Renderer, "results", counted)
    api, ann = serve(), tokens.headers("ann")
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: api.get(PATHS[0], headers=ann), range(60)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(rendered) == 1


def test_the_database_is_not_asked_for_each_request(
    serve: Serve, swings: Swings, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "STANDS_FOR_S", 3600.0)
    swings.finished("s1")
    asked: list[str] = []
    event.listen(swings.catalog.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    api, ann = serve(), tokens.headers("ann")
    before = len([one for one in asked if "FROM analyses" in one])
    for _ in range(20):
        assert api.get(PATHS[0], headers=ann).status_code == 200
    assert len([one for one in asked if "FROM analyses" in one]) == before + 1


def test_a_change_by_this_process_is_seen_at_once(
    serve: Serve, swings: Swings, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "STANDS_FOR_S", 3600.0)
    swings.finished("s1")
    api, ann = serve(), tokens.headers("ann")
    first = api.get(PATHS[0], headers=ann)
    assert api.post("/api/v1/swings/s1/reanalyze", headers=ann).status_code == 202
    assert api.get(PATHS[0], headers=ann).json()["status"] == "queued"
    record = swings.catalog.get("s1")
    assert record is not None
    swings.finish(record)
    again = api.get(PATHS[0], headers=ann)
    assert (again.json()["status"], again.json()["attempt"]) == ("completed", 2)
    assert again.headers["etag"] != first.headers["etag"]
    assert api.delete("/api/v1/swings/s1", headers=ann).status_code == 204
    for path in PATHS:
        answer = api.get(path, headers=ann | {"If-None-Match": again.headers["etag"]})
        assert (answer.status_code, answer.json()["code"]) == (410, "SWING_DELETED")


def test_a_change_by_another_process_is_seen_when_the_look_at_the_catalog_is_over(
    serve: Serve, swings: Swings, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "STANDS_FOR_S", 0.0)
    record = swings.finished("s1")
    api, ann = serve(), tokens.headers("ann")
    assert api.get(PATHS[0], headers=ann).status_code == 200
    delete_swing(swings.catalog, swings.store, record)
    assert api.get(PATHS[0], headers=ann).status_code == 410


def test_links_are_made_anew_before_they_expire_and_the_tag_changes_with_them(
    serve: Serve, swings: Swings, tokens: TestIssuer
) -> None:
    swings.finished("s1")
    api, ann = serve(presigned_get_expires_s=2), tokens.headers("ann")
    first = api.get(PATHS[0], headers=ann)
    assert first.json()["links_expire_in"] == 1, "half of their lifetime is left at least"
    time.sleep(1.1)
    later = api.get(PATHS[0], headers=ann | {"If-None-Match": first.headers["etag"]})
    assert later.status_code == 200
    assert later.json()["links"]["report"] != first.json()["links"]["report"]
    assert later.headers["etag"] != first.headers["etag"]


def test_processes_agree_on_what_is_unchanged(serve: Serve, swings: Swings, tokens: TestIssuer) -> None:
    swings.finished("s1")
    ann = tokens.headers("ann")
    one, other = serve(), serve()
    for path in PATHS:
        etag = one.get(path, headers=ann).headers["etag"]
        assert other.get(path, headers=ann | {"If-None-Match": etag}).status_code == 304


def test_links_in_an_answer_work(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    swings.finished("s1")
    ann = tokens.headers("ann")
    for _ in range(2):
        result = api.get(PATHS[0], headers=ann).json()
        assert httpx.get(result["links"]["report"]).text == "<p>report</p>"
        [frame] = api.get(PATHS[2], headers=ann).json()["frames"]
        assert httpx.get(frame["url"]).content == b"jpeg"
        assert frame["phase"] == "impact"


def test_a_result_of_another_version_says_what_to_do(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    swings.finished("s1")
    key = swings.catalog.stages("s1")["result"].key
    swings.store.put_bytes(key, b'{"schema_version": "9.0"}', "application/json")
    for path in PATHS:
        answer = api.get(path, headers=tokens.headers("ann"))
        assert (answer.status_code, answer.json()["code"]) == (409, "RESULT_OUTDATED")


def test_who_polls_does_not_wait_for_the_look_that_their_asking_begins(catalog: Catalog, swings: Swings) -> None:
    swings.finished("s1")
    now = [100.0]
    kept, ann = ServedResults(catalog, clock=lambda: now[0]), Caller("ann")

    async def polled() -> None:
        def render(_: object) -> Rendered:
            return Rendered(b"x", '"e"')

        await kept.get(ann, "s1", "results", render)
        now[0] += served.LOOKED_AGAIN_S + 0.1
        waits = asyncio.create_task(kept.get(ann, "s1", "results", render))
        await asyncio.sleep(0)
        assert waits.done(), "the answer came without a turn of another thread"
        assert kept._standings["s1"][0] == 100.0
        while kept._looks._looking is not None:
            await asyncio.sleep(0.01)
        assert kept._standings["s1"][0] == now[0]

    asyncio.run(polled())


def test_kept_answers_are_bounded_in_bytes(catalog: Catalog) -> None:
    kept = ServedResults(catalog, most_bytes=100)
    for number in range(10):
        kept.keep(f"s{number}", "results", "now", served.Rendered(b"x" * 30, '"e"'))
    assert [number for number in range(10) if kept.kept(f"s{number}", "results", "now")] == [7, 8, 9]
    assert kept.kept("s9", "results", "later") is None
    kept.keep("huge", "results", "now", served.Rendered(b"x" * 101, '"e"'))
    assert kept.kept("huge", "results", "now") is None
    assert kept._bytes == 0


def test_a_look_that_a_change_overtook_is_not_kept(catalog: Catalog, swings: Swings) -> None:
    swings.finished("s1")
    kept = ServedResults(catalog)
    looking, changed = threading.Event(), threading.Event()
    plain = served.standings_of

    def slow(*given: Any) -> Any:
        found = plain(*given)
        looking.set()
        changed.wait(5)
        return found

    served.standings_of = slow  # type: ignore[assignment]
    try:
        thread = threading.Thread(target=kept._look, args=(["s1"],))
        thread.start()
        looking.wait(5)
        kept.forget("s1")
        changed.set()
        thread.join()
    finally:
        served.standings_of = plain
    assert kept._standing("s1") is None
