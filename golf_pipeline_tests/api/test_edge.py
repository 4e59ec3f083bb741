"""What holds for every request: limits, headers, one error shape, health and readiness."""

from collections.abc import Iterator

import httpx
import pytest

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
    assert answer.json()["checks"] == {"catalog": "ok", "s3": "SwingError"}


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
