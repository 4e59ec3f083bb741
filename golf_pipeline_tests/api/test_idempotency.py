"""A repeated POST is done once per caller and key, and everything else about it stays as it was."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.issuer import TestIssuer

ANNOUNCED = {"fileName": "swing.mp4", "contentType": "video/mp4", "contentLength": 1000}
PATH = "/api/video/presigned-url"


def announce(api: httpx.Client, key: str | None, headers: dict[str, str] | None = None, **changed: object):
    named = {} if key is None else {"Idempotency-Key": key}
    return api.post(PATH, json=ANNOUNCED | changed, headers={**(headers or {}), **named})


def test_the_same_request_with_the_same_key_is_answered_as_the_first_time(api: httpx.Client) -> None:
    first, again, other = announce(api, "k1"), announce(api, "k1"), announce(api, "k2")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert "idempotency-replayed" not in first.headers
    assert other.json()["jobId"] not in first.text


def test_without_a_key_each_request_counts(api: httpx.Client) -> None:
    assert announce(api, None).content != announce(api, None).content


def test_a_key_belongs_to_its_caller(api: httpx.Client, tokens: TestIssuer) -> None:
    guest, ann, bob = (announce(api, "k", headers) for headers in ({}, tokens.headers("ann"), tokens.headers("bob")))
    assert len({guest.content, ann.content, bob.content}) == 3
    elsewhere = announce(api, "k", {"X-Forwarded-For": "203.0.113.9"})
    assert elsewhere.content != guest.content


def test_a_key_with_another_request_is_refused(api: httpx.Client) -> None:
    announce(api, "k")
    refused = announce(api, "k", contentLength=2000)
    assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("key", ["", "x" * 201, "two words"])
def test_a_malformed_key_is_refused(api: httpx.Client, key: str) -> None:
    refused = announce(api, key)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_IDEMPOTENCY_KEY")


def test_a_key_does_not_help_a_token_that_is_not_valid(api: httpx.Client) -> None:
    announce(api, "k")
    assert announce(api, "k", {"Authorization": "Bearer a.b.c"}).status_code == 401


def test_a_refusal_is_not_kept_so_that_the_same_request_may_succeed_later(
    api: httpx.Client, store: ObjectStore
) -> None:
    key = "golf-swings/guest/6f6f1a7e-6a52-4f57-9d1f-0d8c4f7a1b2c.mp4"
    asked = {"s3Key": key, "bucketName": store.bucket}
    headers = {"Idempotency-Key": "k"}
    assert api.post("/api/video/analyze", json=asked, headers=headers).status_code == 404
    store.put_bytes(key, b"video", "video/mp4")
    assert api.post("/api/video/analyze", json=asked, headers=headers).status_code == 202
    assert api.post("/api/video/analyze", json=asked, headers=headers).headers["idempotency-replayed"] == "true"


def test_a_fault_of_ours_is_not_kept(serve: Serve, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    api = serve()
    with monkeypatch.context() as patch:

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError

        patch.setattr(catalog, "create", broken)
        assert announce(api, "k").status_code == 500
    assert announce(api, "k").status_code == 201


def test_of_many_at_a_time_one_is_done_and_the_others_are_told_to_ask_again(
    serve: Serve, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = serve()
    entered, go_on, create, made = threading.Event(), threading.Event(), catalog.create, []

    def slow(*given: object, **known: object) -> object:
        made.append(1)
        entered.set()
        go_on.wait(10)
        return create(*given, **known)

    monkeypatch.setattr(catalog, "create", slow)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(announce, api, "k")
        assert entered.wait(10)
        busy = announce(api, "k")
        go_on.set()
        assert first.result().status_code == 201
    assert (busy.status_code, busy.json()["code"]) == (409, "IDEMPOTENCY_KEY_IN_USE")
    assert int(busy.headers["retry-after"]) > 0
    assert announce(api, "k").content == first.result().content
    assert made == [1]


def test_the_header_is_published_on_routes_that_start_work_only(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()
    for path, named in ((PATH, True), ("/api/video/analyze", True)):
        parameters = document["paths"][path]["post"].get("parameters", [])
        assert ([one["name"] for one in parameters if one["in"] == "header"] == ["Idempotency-Key"]) == named
    for operations in document["paths"].values():
        for method, operation in operations.items():
            names = [one["name"] for one in operation.get("parameters", [])]
            assert method == "post" or "Idempotency-Key" not in names
            assert names.count("Idempotency-Key") <= 1
