"""The fast client against an S3 over HTTP: it reads what boto3 wrote, and its failures have boto3's names."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.session
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golf_pipeline.storage.keys import output_key, parse_upload_key
from golf_pipeline.storage.object_store import ObjectStore, Patience
from golf_pipeline.storage.whole_objects import WholeObjects
from golf_pipeline.swing.errors import ErrorCode, SwingError

TWO_TRIES = Patience(2, 1, 2)


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives each connection the next of the answers, the last one again and again; what it was asked."""
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(answers[min(len(asked), len(answers)) - 1])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def http(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} Told\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return head.encode() + b'ETag: "e"\r\nLast-Modified: Fri, 01 May 2026 12:00:00 GMT\r\n\r\n' + body


def error(status: int, code: str) -> bytes:
    return http(status, f"<Error><Code>{code}</Code><Message>Told.</Message></Error>".encode())


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def connected(url: str) -> ObjectStore:
    return ObjectStore.connect("b", url, "us-east-1", TWO_TRIES)


SEGMENTS = st.text(min_size=1, max_size=20)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(user=SEGMENTS, name=SEGMENTS, body=st.binary(max_size=100))
def test_both_clients_mean_the_same_object_by_the_key_of_any_upload(
    store: ObjectStore, user: str, name: str, body: bytes
) -> None:
    try:
        upload = parse_upload_key(f"golf-swings/{user}/{name}.mp4")
    except SwingError:
        return
    key = output_key(upload.user_id, upload.analysis_id, "metrics", "1", "swing_metrics.json")
    store.put_bytes(key, body, "application/json")
    stored = store.client.get_object(Bucket=store.bucket, Key=key)
    assert (stored["Body"].read(), stored["ContentType"]) == (body, "application/json")
    store.copy(key, key + "2")
    assert store.get_bytes(key + "2") == body
    assert [one.key for one in store.list_objects(key)] == [key, key + "2"]


@pytest.mark.parametrize(
    ("status", "code", "means", "retryable"),
    [
        (404, "NoSuchKey", ErrorCode.UPLOAD_DELETED, False),
        (404, "NoSuchBucket", ErrorCode.STORAGE_UNAVAILABLE, True),
        (403, "AccessDenied", ErrorCode.UPLOAD_FORBIDDEN, False),
        (403, "SignatureDoesNotMatch", ErrorCode.STORAGE_UNAVAILABLE, True),
        (403, "RequestTimeTooSkewed", ErrorCode.STORAGE_UNAVAILABLE, True),
        (400, "ExpiredToken", ErrorCode.STORAGE_UNAVAILABLE, True),
        (412, "PreconditionFailed", ErrorCode.UPLOAD_DELETED, False),
        (500, "InternalError", ErrorCode.STORAGE_UNAVAILABLE, True),
    ],
)
@pytest.mark.usefixtures("known")
def test_a_refusal_is_called_what_it_is_with_either_client(
    status: int, code: str, means: ErrorCode, retryable: bool
) -> None:
    with answering(error(status, code)) as (url, _):
        store = connected(url)
        for call in (
            lambda: store.get_bytes("k"),
            lambda: store.put_bytes("k", b"body", "text/plain"),
            lambda: store.copy("k", "l"),
            lambda: store.delete(["k"]),
        ):
            with pytest.raises(SwingError) as caught:
                call()
            assert (caught.value.code, caught.value.retryable) == (means, retryable)
            assert code in (caught.value.detail or "")


@pytest.mark.usefixtures("known")
def test_what_fails_once_is_asked_for_again() -> None:
    with answering(error(503, "SlowDown"), http(200, b"body")) as (url, asked):
        assert connected(url).get_bytes("k") == b"body"
        assert len(asked) == 2
    with answering(b"", http(200, b"")) as (url, asked):
        connected(url).put_bytes("k", b"body", "text/plain")
        assert len(asked) == 2


@pytest.mark.usefixtures("known")
def test_an_answer_that_breaks_off_or_never_comes_is_retryable() -> None:
    with answering(http(200, bytes(100))[:-50]) as (url, _), pytest.raises(SwingError) as caught:
        connected(url).get_bytes("k")
    assert (caught.value.code, caught.value.retryable) == (ErrorCode.STORAGE_UNAVAILABLE, True)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(SwingError) as caught:
        connected(f"http://127.0.0.1:{silent.getsockname()[1]}").get_bytes("k")
    assert (caught.value.code, caught.value.retryable) == (ErrorCode.STORAGE_UNAVAILABLE, True)


def test_without_credentials_it_is_our_fault_and_nothing_is_asked() -> None:
    with answering(http(200, b"")) as (url, asked):
        whole = WholeObjects.connect(
            "b", url, "us-east-1", None, TWO_TRIES, in_host_name=False, user_agent="golf_pipeline"
        )
        with pytest.raises(SwingError) as caught:
            whole.get("k")
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.STORAGE_UNAVAILABLE, True)
        assert asked == []


def test_the_request_names_us_and_is_signed_with_the_credentials_of_the_moment() -> None:
    class Renewed:
        """As boto3's are, that end and are renewed."""

        def get_frozen_credentials(self) -> object:
            from botocore.credentials import ReadOnlyCredentials

            return ReadOnlyCredentials("of-this-hour", "secret", "its-token")

    with answering(http(200, b"")) as (url, asked):
        credentials = Renewed()
        WholeObjects.connect(
            "my-swings",
            url.replace("127.0.0.1", "localhost"),
            "eu-west-1",
            credentials,  # type: ignore[arg-type]
            TWO_TRIES,
            in_host_name=False,
            user_agent="golf_pipeline",
        ).put("a/b c.json", b"{}", "application/json")
    (request,) = asked
    lines = request.decode().lower().split("\r\n")
    assert lines[0] == "put /my-swings/a/b%20c.json http/1.1"
    assert "user-agent: golf_pipeline" in lines
    assert "x-amz-security-token: its-token" in lines
    assert any("credential=of-this-hour/" in line and "/eu-west-1/s3/aws4_request" in line for line in lines)
    assert not any(line.startswith("expect:") for line in lines)


def test_on_aws_the_bucket_stands_in_the_host_name(monkeypatch: pytest.MonkeyPatch, known: None) -> None:
    del known
    with answering(http(200, b"body")) as (url, asked):
        monkeypatch.setenv("http_proxy", url)  # who sees the whole address of what is asked
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        credentials = botocore.session.get_session().get_credentials()
        place = "http://s3.eu-west-1.example.test"
        whole = WholeObjects.connect(
            "my-swings", place, "eu-west-1", credentials, TWO_TRIES, in_host_name=True, user_agent="golf_pipeline"
        )
        assert whole.get("a/b.json") == b"body"
    assert asked[0].startswith(b"GET http://my-swings.s3.eu-west-1.example.test/a/b.json HTTP/1.1")
