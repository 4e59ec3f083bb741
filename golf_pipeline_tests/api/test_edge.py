"""What holds for every request: limits, headers, one error shape, health and readiness."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from golf_pipeline.api.app import create_app
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline_tests.api.conftest import Serve


def test_a_body_over_10_kb_is_refused_whether_announced_or_streamed(api: httpx.Client) -> None:
    body = b'{"fileName": "' + b"x" * 20_000 + b'"}'

    def chunks() -> Iterator[bytes]:
        for position in range(0, len(body), 1000):
            yield body[position : position + 1000]

    for content in (body, chunks()):
        answer = api.post("/api/video/presigned-url", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("DELETE", "/health", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/video/analyze", 422, "INVALID_REQUEST"),
        ("GET", "/api/video/results/x/passwords", 422, "INVALID_REQUEST"),
    ],
)
def test_every_error_has_the_one_shape(api: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "errors"}
    assert answer.json()["code"] == code


def test_an_invalid_request_names_the_field_and_not_its_content(api: httpx.Client) -> None:
    answer = api.post("/api/video/analyze", json={"s3Key": ["secret-name"], "bucketName": "b"})
    assert answer.json()["errors"] == [{"field": "body.s3Key", "message": "Input should be a valid string"}]
    assert "secret-name" not in answer.text


def test_every_answer_carries_the_security_headers(api: httpx.Client) -> None:
    for answer in (api.get("/health"), api.get("/nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_health_and_readiness_answer(api: httpx.Client) -> None:
    assert api.get("/health").json()["status"] == "ok"
    assert api.get("/ready").json() == {"status": "ready", "checks": {"catalog": "ok", "s3": "ok"}}


def test_readiness_names_what_does_not_answer(api: httpx.Client, store: ObjectStore) -> None:
    store.client.delete_bucket(Bucket=store.bucket)
    answer = api.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"catalog": "ok", "s3": "STORAGE_UNAVAILABLE"}


def test_only_the_apps_own_origins_may_call_from_a_browser(serve: Serve) -> None:
    api = serve(cors_origins=("https://app.example.com",))
    preflight = {"Access-Control-Request-Method": "POST"}
    ours = api.options("/api/video/analyze", headers={"Origin": "https://app.example.com", **preflight})
    theirs = api.options("/api/video/analyze", headers={"Origin": "https://evil.example.com", **preflight})
    assert ours.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in theirs.headers


def test_the_api_publishes_its_openapi_with_examples(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()
    assert {"/api/video/presigned-url", "/api/video/analyze", "/api/video/results/{job_id}", "/ready"} <= set(
        document["paths"]
    )
    assert document["components"]["schemas"]["AnalyzeRequest"]["examples"]


def test_a_store_that_hangs_is_named_in_time_and_does_not_make_the_catalog_look_slow(
    serve: Serve, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("golf_pipeline.api.probes.CHECK_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as takes_calls_and_never_answers:
        port = takes_calls_and_never_answers.getsockname()[1]
        hanging = ObjectStore.connect(store.bucket, f"http://127.0.0.1:{port}", "us-east-1")
        api = serve(its_store=hanging)
        before = threading.active_count()
        for _ in range(8):
            started = time.monotonic()
            answer = api.get("/ready")
            assert time.monotonic() - started < 2
            assert answer.status_code == 503
            assert answer.json()["checks"] == {"catalog": "ok", "s3": "no answer within 0.3 s"}
        assert threading.active_count() <= before + 4


def test_a_process_whose_threads_all_wait_for_s3_still_says_that_it_lives(
    serve: Serve, store: ObjectStore, catalog: Catalog
) -> None:
    there = parse_upload_key("golf-swings/guest/one.mp4")
    catalog.register_object(store.bucket, there, "e1", 5, datetime.now(UTC))
    with socket.create_server(("127.0.0.1", 0), backlog=128) as takes_calls_and_never_answers:
        port = takes_calls_and_never_answers.getsockname()[1]
        api = serve(its_store=ObjectStore.connect(store.bucket, f"http://127.0.0.1:{port}", "us-east-1"))
        more_than_threads = ThreadPoolExecutor(50)
        waiting = [more_than_threads.submit(httpx.get, f"{api.base_url}/api/v1/swings/one/video") for _ in range(50)]
        time.sleep(0.5)
        assert api.get("/health").status_code == 200
        assert not any(one.done() for one in waiting)
    more_than_threads.shutdown(cancel_futures=True)


def test_a_client_is_not_kept_waiting_for_s3_as_long_as_a_run_would_wait() -> None:
    app = create_app(Settings(bucket="b", catalog_url="sqlite://", s3_endpoint_url="http://127.0.0.1:1"))
    config = app.state.store.client.meta.config
    assert (config.connect_timeout + config.read_timeout) * config.retries["total_max_attempts"] < 30


def test_a_fault_of_ours_tells_the_client_nothing_and_can_be_read_by_the_app(
    serve: Serve, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(catalog, "create", broken)
    api = serve(cors_origins=("https://app.example.com",))
    announced = {"fileName": "swing.mp4", "contentType": "video/mp4", "contentLength": 1000}
    answer = api.post("/api/video/presigned-url", json=announced, headers={"Origin": "https://app.example.com"})
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "secret detail" in caplog.text


def test_a_catalog_that_is_gone_is_worth_another_try(serve: Serve, store: ObjectStore, tmp_path: Path) -> None:
    gone = Catalog(f"sqlite:///{tmp_path / 'folder' / 'catalog.db'}")
    (tmp_path / "folder").rmdir()
    api = serve(its_catalog=gone)
    answer = api.get("/api/video/results/x")
    assert (answer.status_code, answer.json()["code"]) == (503, "CATALOG_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0
    assert api.get("/ready").json()["checks"] == {"catalog": "OperationalError", "s3": "ok"}
    asked = {"s3Key": "golf-swings/guest/a.mp4", "bucketName": store.bucket}
    store.put_bytes(asked["s3Key"], b"video", "video/mp4")
    assert api.post("/api/video/analyze", json=asked).status_code == 503


def test_an_error_carries_the_headers_that_http_asks_for(api: httpx.Client) -> None:
    assert api.delete("/health").headers["allow"] == "GET"
    refused = api.get("/api/video/results/x", headers={"Authorization": "Bearer abc"})
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_the_published_errors_are_problem_documents(api: httpx.Client) -> None:
    document = api.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status[0] in "45" and path != "/ready":
                    assert list(response["content"]) == ["application/problem+json"], (path, status)
    schemas = document["components"]["schemas"]
    assert {"ServedAnalysis", "PoseResults", "AiAnalysis"} <= set(schemas)
    assert "HTTPValidationError" not in schemas
    assert all(schemas[name]["examples"] for name in ("PresignedUrl", "AnalysisStarted", "Results"))


def test_a_request_id_is_taken_if_well_formed_and_made_otherwise(api: httpx.Client) -> None:
    assert api.get("/health", headers={"X-Request-Id": "trace.1234-abcd"}).headers["x-request-id"] == "trace.1234-abcd"
    for odd in ("short", "x" * 65, "ann@example.com", "a b c d e f g h"):
        made = api.get("/health", headers={"X-Request-Id": odd}).headers["x-request-id"]
        assert len(made) == 32
        assert made != odd
    assert len(api.get("/nowhere").headers["x-request-id"]) == 32


def test_preflights_and_refusals_carry_an_id_and_the_security_headers_too(serve: Serve) -> None:
    api = serve(cors_origins=("https://app.example.com",))
    origin = {"Origin": "https://app.example.com"}
    preflight = api.options("/api/chat", headers={**origin, "Access-Control-Request-Method": "POST"})
    refused = api.post("/api/video/analyze", content=b"x" * 20_000, headers=origin)
    assert refused.status_code == 413
    for answer in (preflight, refused):
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_heads_that_are_too_large_are_refused(api: httpx.Client) -> None:
    for answer, status, code in (
        (api.get("/health", headers={"X-Long": "x" * 17_000}), 431, "HEADERS_TOO_LARGE"),
        (api.get("/" + "x" * 5000), 414, "ADDRESS_TOO_LONG"),
        (api.get("/health", params={"q": "x" * 5000}), 414, "ADDRESS_TOO_LONG"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_body_that_does_not_end_is_given_up(serve: Serve) -> None:
    api = serve(api_body_timeout_s=0.2)
    hold = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"{"
        hold.wait(1.0)
        yield b"}"

    for path in ("/api/video/analyze", "/nowhere"):
        answer = api.post(path, content=slowly(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (408, "REQUEST_TIMEOUT")


def test_https_behind_a_trusted_proxy_is_told_to_stay(api: httpx.Client) -> None:
    assert "strict-transport-security" not in api.get("/health").headers
    behind = api.get("/health", headers={"X-Forwarded-Proto": "https"})
    assert behind.headers["strict-transport-security"].startswith("max-age=")


def test_nothing_may_be_loaded_by_an_answer_but_the_documentation_may_load_its_own_files(api: httpx.Client) -> None:
    assert api.get("/openapi.json").headers["content-security-policy"].startswith("default-src 'none';")
    page = api.get("/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "http" not in policy.replace("'self'", "")
    assert "unsafe" not in policy.partition("script-src")[2].partition(";")[0]
    loaded = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(loaded) == 2
    for name in loaded:
        assert api.get(name).status_code == 200
    assert api.get("/redoc").status_code == 404
