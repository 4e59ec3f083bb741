"""The log: one JSON line per request, who and what without naming anybody, and nothing that is secret."""

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_socket

from golf_pipeline.api import logs
from golf_pipeline.api.logs import REDACTED, RequestLog, redacted
from golf_pipeline.settings import Settings
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.issuer import TestIssuer

JOB = "6f6f1a7e-6a52-4f57-9d1f-0d8c4f7a1b2c"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged as `golf-pipeline api` logs it; the loggers are put back afterwards."""
    root = logging.getLogger()
    touched = (
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "botocore",
        "boto3",
        "httpx",
        "urllib3",
        "openai",
        "alembic",
    )
    kept = (root.handlers[:], root.level)
    levels = {name: (logging.getLogger(name).level, logging.getLogger(name).disabled) for name in touched}
    stream = io.StringIO()
    logs.configure("INFO", stream)
    yield stream
    root.handlers[:], root.level = kept
    for name, (level, disabled) in levels.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).disabled = disabled


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def requests(written: io.StringIO, count: int = 1) -> list[dict[str, Any]]:
    """The lines of requests, of which there will be so many: one is written just after its answer has gone out."""
    deadline = time.monotonic() + 10
    while len(found := [line for line in lines(written) if line["event"] == "request"]) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_a_request_leaves_one_line_with_the_routes_template(
    serve: Serve, tokens: TestIssuer, written: io.StringIO
) -> None:
    answer = serve().get(
        f"/api/video/results/{JOB}?who=ann@example.com",
        headers=tokens.headers("ann@example.com") | {"X-Request-Id": "req-12345678"},
    )
    (line,) = requests(written)
    assert line["route"] == "/api/video/results/{job_id}"
    assert (line["method"], line["status"], line["bytes"]) == ("GET", 404, len(answer.content))
    assert (line["request_id"], line["analysis_id"], line["level"]) == ("req-12345678", JOB, "info")
    assert line["ms"] > 0
    assert len(line["user"]) == 12
    assert "ann" not in written.getvalue()


def test_guests_are_called_guests_and_ids_that_somebody_chose_are_hashed(serve: Serve, written: io.StringIO) -> None:
    serve().get("/api/video/results/ann-smith-driver")
    (line,) = requests(written)
    assert line["user"] == "guest"
    assert len(line["analysis_id"]) == 12
    assert "smith" not in written.getvalue()


def test_neither_bodies_nor_paths_nor_tokens_are_written(
    serve: Serve, tokens: TestIssuer, written: io.StringIO
) -> None:
    api, header = serve(), tokens.headers("ann")
    api.post("/api/video/analyze", json={"s3Key": "my secret body", "bucketName": "x"}, headers=header)
    api.get("/a-secret-path")
    api.get("/health", headers={"Authorization": "Bearer a-secret-token"})
    assert [line["route"] for line in requests(written, 3)] == ["/api/video/analyze", "unmatched", "/health"]
    assert "secret" not in written.getvalue()
    assert header["Authorization"].removeprefix("Bearer ") not in written.getvalue()


def test_a_socket_leaves_one_line_without_its_callers_address_whether_it_is_accepted_or_refused(
    serve: Serve, tokens: TestIssuer, written: io.StringIO
) -> None:
    url = f"ws://127.0.0.1:{serve().base_url.port}/api/v1/realtime/connect"
    logs.configure("INFO", written)  # uvicorn has put its own in place of it
    with pytest.raises(InvalidStatus), open_socket(f"{url}?analysis_id=secret", additional_headers=tokens.headers("a")):
        pass
    with pytest.raises(InvalidStatus), open_socket(url.replace("connect", "ann-smith")):
        pass
    with open_socket(url, additional_headers=tokens.headers("ann")):
        pass
    refused, unknown, accepted = requests(written, 3)
    assert (refused["route"], refused["status"], accepted["status"]) == ("/api/v1/realtime/connect", 404, 101)
    assert (unknown["route"], unknown["status"]) == ("unmatched", 403)
    assert all(line["level"] == "info" for line in lines(written)), written.getvalue()
    assert not any(private in written.getvalue() for private in ("127.0.0.1", "secret", "smith"))


def test_other_loggers_write_in_the_same_format_and_with_the_id_of_the_request(written: io.StringIO) -> None:
    token = logs.REQUEST_ID.set("req-12345678")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request from %s", "ann@example.com")
    logs.REQUEST_ID.reset(token)
    try:
        raise ValueError("no such user: ann@example.com")
    except ValueError:
        logging.getLogger("golf_pipeline.x").exception("it failed")
    warning, failure = lines(written)
    assert warning["event"] == f"Invalid HTTP request from {REDACTED}"
    assert (warning["logger"], warning["level"], warning["request_id"]) == ("uvicorn.error", "warning", "req-12345678")
    assert "Traceback" in failure["exception"]
    assert "ann@" not in failure["exception"]


def test_a_share_of_the_requests_can_be_logged_and_failures_of_ours_always_are(written: io.StringIO) -> None:
    note = RequestLog(Settings(api_log_share=0.0)).note
    for status in (200, 404, 500):
        note({"method": "GET", "state": {"request_id": "r"}}, "/x", status, 0.001, 10)
    assert [line["status"] for line in requests(written)] == [500]


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl",
        "Authorization: Bearer abc.def-ghi",
        "sk-proj-abcdefgh12345678",
        "AKIAIOSFODNN7EXAMPLE",
        "ann.smith+golf@mail.example.co.uk",
        "https://s3.example.com/key?X-Amz-Signature=abcdef&X-Amz-Expires=900",
        "postgresql://golf:hunter22@db.example.com/golf",
        '{"password": "hunter22"}',
        "token=hunter22",
    ],
)
def test_what_looks_like_a_secret_is_redacted(secret: str) -> None:
    shown = redacted(f"before {secret} after")
    assert REDACTED in shown
    for part in ("hunter22", "abc.def", "abcdef", "IOSFODNN", "ann.smith", "eyJzdWIi"):
        assert part not in shown
    assert shown.startswith("before ")


@settings(deadline=None)
@given(st.text(), st.from_regex(r"[a-z]{1,10}@[a-z]{1,10}\.[a-z]{2,3}", fullmatch=True))
def test_an_email_is_redacted_wherever_it_stands(around: str, email: str) -> None:
    assert email not in redacted(f"{around} {email} {around}")[: logs.MAX_TEXT]


def test_a_plain_sentence_stays_as_it_is() -> None:
    told = "the catalog cannot say what has ended: OperationalError (attempt 3)"
    assert redacted(told) == told
