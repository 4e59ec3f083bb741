"""The swings routes: list, read, compare, analyse again; over real HTTP and with everybody who may not."""

import socket
from urllib.parse import quote

import httpx
import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.swing.documents import SwingAnalysis, View
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.finished import VIDEO, Swings
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.test_swing_list import SWINGS, announce, name_coach
from golf_pipeline_tests.api.test_video import analysis
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation

__all__ = ["analysis", "findings", "metrics", "report", "segmentation"]


@pytest.fixture
def swings(catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis) -> Swings:
    return Swings(catalog, store, analysis)


def test_one_swing_tells_how_far_it_is_and_then_what_was_concluded(
    api: httpx.Client, swings: Swings, tokens: TestIssuer
) -> None:
    record = swings.uploaded("s1")
    ann = tokens.headers("ann")
    waiting = api.get(f"{SWINGS}/s1", headers=ann).json()
    assert (waiting["status"], waiting["summary"]) == ("queued", None)
    for part in ("frames", "analysis"):
        early = api.get(f"{SWINGS}/s1/{part}", headers=ann)
        assert (early.status_code, early.json()["code"]) == (409, "NOT_READY")
    swings.finish(record)
    done = api.get(f"{SWINGS}/s1", headers=ann).json()
    assert done["status"] == "completed"
    assert done["summary"]["faults"]
    assert done["summary"]["handedness"] == swings.analysis.capture.handedness  # type: ignore[union-attr]
    for part in ("self", "frames", "analysis", "results"):
        assert api.get(done["links"][part], headers=ann).status_code == 200, part
    for part in ("video", "report"):
        assert api.get(done["links"][part], headers=ann).status_code == 307, part


def test_the_analysis_is_the_stored_document_byte_for_byte(
    api: httpx.Client, swings: Swings, tokens: TestIssuer
) -> None:
    swings.finished("s1")
    answer = api.get(f"{SWINGS}/s1/analysis", headers=tokens.headers("ann"))
    assert SwingAnalysis.model_validate_json(answer.content) == swings.analysis
    assert answer.text == swings.analysis.model_dump_json(indent=2)


def test_a_failed_swing_says_why_it_has_no_parts(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    swings.uploaded("s1")
    swings.catalog.fail("s1", SwingError(ErrorCode.NO_COMPLETE_SWING, "We saw no complete swing."))
    answer = api.get(f"{SWINGS}/s1/analysis", headers=tokens.headers("ann"))
    assert (answer.status_code, answer.json()["code"]) == (409, "ANALYSIS_FAILED")
    assert "We saw no complete swing." in answer.json()["detail"]


def test_the_video_comes_from_a_signed_url_and_says_when_it_is_gone(
    api: httpx.Client, swings: Swings, tokens: TestIssuer
) -> None:
    record = swings.uploaded("s1")
    announce(swings.catalog, "s2")
    ann = tokens.headers("ann")
    answer = api.get(f"{SWINGS}/s1/video", headers=ann)
    assert answer.status_code == 307
    assert httpx.get(answer.headers["location"]).content == VIDEO
    assert "X-Amz-Expires=3600" in answer.headers["location"]
    assert api.get(f"{SWINGS}/s1/video").status_code == 404
    early = api.get(f"{SWINGS}/s2/video", headers=ann)
    assert (early.status_code, early.json()["code"]) == (409, "NOT_READY")
    swings.store.delete([record.s3_key])
    gone = api.get(f"{SWINGS}/s1/video", headers=ann)
    assert (gone.status_code, gone.json()["code"]) == (410, "VIDEO_DELETED")


def test_an_id_that_cannot_be_one_is_simply_unknown(api: httpx.Client, tokens: TestIssuer) -> None:
    names = ["..", ".", "%2e%2e", "%2e%2e%2f", "..%2f..%2fhealth", "%00", "a%00b", "%ED%A0%80", "x" * 3000, "%E2%80%AE"]
    for name in (*names, "%25", "%", "%zz", ";", "s1%2f"):
        for method, part in (
            ("DELETE", ""),
            ("POST", "/reanalyze"),
            *(("GET", part) for part in ("", "/video", "/frames", "/analysis", "/compare/x")),
        ):
            target = f"{SWINGS}/{name}{part}"
            status = sent_raw(api, method, target, tokens.headers("ann")["Authorization"])
            assert status in {404, 405}, target


def sent_raw(api: httpx.Client, method: str, target: str, token: str) -> int:
    """The status of a request whose path is written as it is; a client library would tidy it up."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Authorization: {token}", "Content-Length: 0"]
    with socket.create_connection(("127.0.0.1", api.base_url.port or 0), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        return int(connection.recv(65536).split(b" ")[1])


def test_an_id_with_strange_characters_is_reached_by_its_own_links(
    api: httpx.Client, swings: Swings, tokens: TestIssuer
) -> None:
    name = "my swing & 100% ü?#;"
    swings.finished(name)
    ann = tokens.headers("ann")
    swing = api.get(f"{SWINGS}/{quote(name, safe='')}", headers=ann).json()
    assert swing["analysis_id"] == name
    for part in ("self", "frames", "analysis", "results"):
        assert api.get(swing["links"][part], headers=ann).status_code == 200, part


def test_a_deleted_swing_is_gone_for_its_golfer_and_unknown_to_others(
    api: httpx.Client, swings: Swings, tokens: TestIssuer
) -> None:
    swings.finished("s1")
    name_coach(swings.catalog, "ann", "carl")
    ann, coach = tokens.headers("ann"), tokens.headers("carl", "coach")
    assert api.delete(f"{SWINGS}/s1").json()["code"] == "SIGN_IN_NEEDED"
    assert api.delete(f"{SWINGS}/s1", headers=tokens.headers("bob")).status_code == 404
    assert api.delete(f"{SWINGS}/s1", headers=coach).json()["code"] == "NOT_YOURS"
    deleted = api.delete(f"{SWINGS}/s1", headers=ann)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.delete(f"{SWINGS}/s1", headers=ann).status_code == 204, "whoever was not answered asks again"
    for method, path in (
        ("GET", f"{SWINGS}/s1"),
        ("GET", f"{SWINGS}/s1/video"),
        ("GET", f"{SWINGS}/s1/compare/s1"),
        ("GET", "/api/video/results/s1/report"),
        ("POST", f"{SWINGS}/s1/reanalyze"),
    ):
        for headers in (ann, coach) if method == "GET" else (ann,):
            answer = api.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (410, "SWING_DELETED"), path
    assert api.delete(f"{SWINGS}/s1", headers=coach).status_code == 410
    assert api.get(f"{SWINGS}/s1", headers=tokens.headers("bob")).status_code == 404
    assert list(swings.store.list_objects("")) == []


def test_a_guests_swing_can_be_deleted_by_an_admin_only(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    swings.finished("g1", user="guest")
    assert api.delete(f"{SWINGS}/g1").status_code == 401
    assert api.delete(f"{SWINGS}/g1", headers=tokens.headers("ann")).json()["code"] == "NOT_YOURS"
    assert api.delete(f"{SWINGS}/g1", headers=tokens.headers("root", "admin")).status_code == 204
    assert api.get(f"{SWINGS}/g1").status_code == 410


def test_a_deletion_that_the_storage_breaks_off_hides_the_swing_and_can_be_repeated(
    serve: Serve, swings: Swings, tokens: TestIssuer
) -> None:
    swings.finished("s1")
    ann = tokens.headers("ann")
    broken = serve(
        its_store=ObjectStore.connect("no-such-bucket-here", swings.store.client.meta.endpoint_url, "us-east-1")
    )
    answer = broken.delete(f"{SWINGS}/s1", headers=ann)
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
    assert answer.json()["detail"].startswith("The swing is deleted")
    api = serve()
    assert api.get(f"{SWINGS}/s1", headers=ann).status_code == 410
    assert list(swings.store.list_objects("")) != []
    assert api.delete(f"{SWINGS}/s1", headers=ann).status_code == 204
    assert list(swings.store.list_objects("")) == []


def test_a_swing_is_analysed_again_when_it_has_ended(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    record = swings.uploaded("s1")
    name_coach(swings.catalog, "ann", "carl")
    ann = tokens.headers("ann")
    path = f"{SWINGS}/s1/reanalyze"
    early = api.post(path, headers=ann)
    assert (early.status_code, early.json()["code"]) == (409, "UNDER_WAY")
    swings.finish(record)
    assert api.post(path, headers=tokens.headers("bob")).status_code == 404
    assert api.post(path, headers=tokens.headers("carl", "coach")).status_code == 403
    key = {"Idempotency-Key": "once"}
    answers = [api.post(path, headers=ann | key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert answers[0].headers["location"] == f"{SWINGS}/s1"
    assert answers[0].json() == answers[2].json()
    assert [one.analysis_id for one in swings.catalog.pending(5)] == ["s1"]
    assert answers[0].json()["attempt"] == 2


def test_a_swing_whose_video_is_gone_keeps_its_result(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    record = swings.finished("s1")
    swings.store.delete([record.s3_key])
    ann = tokens.headers("ann")
    answer = api.post(f"{SWINGS}/s1/reanalyze", headers=ann)
    assert (answer.status_code, answer.json()["code"]) == (404, "UPLOAD_DELETED")
    assert api.get(f"{SWINGS}/s1", headers=ann).json()["status"] == "completed"
    announce(swings.catalog, "s2")
    swings.catalog.fail("s2", SwingError(ErrorCode.STORAGE_UNAVAILABLE, "Again.", retryable=True))
    never = api.post(f"{SWINGS}/s2/reanalyze", headers=ann)
    assert (never.status_code, never.json()["code"]) == (409, "NOT_READY")


def test_two_swings_of_one_golfer_are_compared(
    api: httpx.Client, swings: Swings, tokens: TestIssuer, analysis: SwingAnalysis
) -> None:
    swings.finished("s1")
    swings.finished("s2")
    assert analysis.capture is not None
    other_view = View.FACE_ON if analysis.capture.view != View.FACE_ON else View.DOWN_THE_LINE
    turned = analysis.capture.model_copy(update={"view": other_view})
    swings.finished("s3", analysis=analysis.model_copy(update={"capture": turned}))
    ann = tokens.headers("ann")
    answer = api.get(f"{SWINGS}/s1/compare/s2", headers=ann)
    assert answer.status_code == 200
    assert answer.json()["comparable"] is True
    assert answer.json()["metrics"]
    again = api.get(f"{SWINGS}/s1/compare/s2", headers=ann | {"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert "different sides" in api.get(f"{SWINGS}/s1/compare/s3", headers=ann).json()["reason"]
    record = swings.catalog.request_analysis("s2", only_ended=True)
    assert record is not None
    unready = api.get(f"{SWINGS}/s1/compare/s2", headers=ann)
    assert (unready.status_code, unready.json()["code"]) == (409, "NOT_READY")


def test_what_cannot_be_compared_says_why(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    swings.finished("s1")
    swings.uploaded("bad")
    swings.catalog.fail("bad", SwingError(ErrorCode.NO_COMPLETE_SWING, "We saw no complete swing."))
    swings.finished("b1", user="bob")
    swings.finished("g1", user="guest")
    ann = tokens.headers("ann")
    for other, status, code, words in (
        ("bad", 422, "NOTHING_TO_COMPARE", "We saw no complete swing."),
        ("s1", 422, "NOTHING_TO_COMPARE", "one swing"),
        ("g1", 422, "NOTHING_TO_COMPARE", "two golfers"),
        ("b1", 404, "NOT_FOUND", ""),
        ("none", 404, "NOT_FOUND", ""),
    ):
        for path in (f"{SWINGS}/s1/compare/{other}", f"{SWINGS}/{other}/compare/s1"):
            answer = api.get(path, headers=ann)
            assert (answer.status_code, answer.json()["code"]) == (status, code), path
            assert words in answer.json()["detail"]


def test_a_coach_compares_their_players_and_nobody_elses(api: httpx.Client, swings: Swings, tokens: TestIssuer) -> None:
    swings.finished("s1")
    swings.finished("b1", user="bob")
    coach, path = tokens.headers("carl", "coach"), f"{SWINGS}/s1/compare/b1"
    name_coach(swings.catalog, "ann", "carl")
    assert api.get(path, headers=coach).status_code == 404
    name_coach(swings.catalog, "bob", "carl")
    assert api.get(path, headers=coach).status_code == 200
    assert api.get(path, headers=tokens.headers("root", "admin")).status_code == 200
    assert api.get(path, headers=tokens.headers("ann")).status_code == 404


def test_every_route_is_published_with_examples(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()
    operations = {
        operation["operationId"]: operation
        for path, methods in document["paths"].items()
        if path.startswith(SWINGS)
        for operation in methods.values()
    }
    assert set(operations) == {
        "uploadSwing",
        "listSwings",
        "getSwing",
        "deleteSwing",
        "getSwingVideo",
        "getSwingFrames",
        "getSwingAnalysis",
        "reanalyzeSwing",
        "compareSwings",
    }
    for name in ("getSwing", "getSwingFrames", "getSwingAnalysis", "compareSwings"):
        assert "304" in operations[name]["responses"]
        assert "If-None-Match" in {parameter["name"] for parameter in operations[name]["parameters"]}
        assert operations[name]["security"], "the token is published on routes that are answered directly too"
    for name in ("Swing", "SwingDetail", "SwingPage", "SwingFrames"):
        assert document["components"]["schemas"][name]["examples"]
