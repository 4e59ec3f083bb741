"""The short way to an object of the embedded AWS: what a client sees of it is what moto's long way shows."""

import json
import re
import signal
import socket
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import unquote_plus

import pytest

from golf_pipeline.storage.object_store import ObjectFacts, ObjectStore
from golf_pipeline.swing.errors import SwingError
from golf_pipeline_tests.local.conftest import AwsProcess

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, Signature=any"}
LONG_WAY = {"If-None-Match": '"another"'}
"""A condition that is met: it changes nothing but who answers."""

OF_THE_LONG_WAY = "access-control-allow-origin"
"""Which moto adds to every answer, whether a page of another origin asks or not."""

Answer = tuple[int, dict[str, str], bytes]


def ask(aws: AwsProcess, method: str, key: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    with closing(HTTPConnection("127.0.0.1", aws.config.port)) as connection:
        connection.request(method, f"/{aws.bucket}/{key}", body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def ask_both(aws: AwsProcess, method: str, key: str, headers: dict[str, str], body: bytes = b"") -> list[Answer]:
    """What the short way and the long way answer, without what only that one request has."""
    answers = []
    for way, is_long in ((SIGNED, False), (SIGNED | LONG_WAY, True)):
        status, found, content = ask(aws, method, key, headers | way, body)
        assert (OF_THE_LONG_WAY in found) is is_long, f"{method} took the other way"
        missing = {"date", "last-modified", "x-amzn-requestid"} - found.keys()
        assert not missing
        for name in ("date", "server", "x-amzn-requestid", OF_THE_LONG_WAY):
            found.pop(name, None)
        if method == "PUT":  # a moment later there is another object
            del found["last-modified"]
            content = re.sub(rb"(?<=<LastModified>)[0-9-]+T[0-9:]+\.000Z(?=<)", b"now", content)
            if not content:  # which moto takes for a page
                found.pop("content-type", None)
        answers.append((status, found, content))
    return answers


def announced(aws: AwsProcess) -> list[tuple[str, str, int, str]]:
    records = [record for message in aws.drain() for record in json.loads(message)["Records"]]
    told = [(record["eventName"], record["s3"]["object"]) for record in records]
    return [(name, unquote_plus(one["key"]), one["size"], one["eTag"]) for name, one in told]


def test_put_copy_read_and_head_are_answered_as_moto_answers_them(aws: AwsProcess, store: ObjectStore) -> None:
    key, headers = "golf-swings/ann@example.org/one/frames/frame_001.jpg", {"Content-Type": "image/jpeg"}
    source = {"x-amz-copy-source": f"/{aws.bucket}/{key.replace('@', '%40')}"}
    for method, asked, extra, body in (
        ("PUT", key, headers, b"picture"),
        ("PUT", "copy.jpg", source, b""),
        ("GET", "copy.jpg", {}, b""),
        ("HEAD", "copy.jpg", {}, b""),
        ("GET", key, {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, b""),
    ):
        short, long = ask_both(aws, method, asked, extra, body)
        assert short == long
        assert short[0] == 200
    assert short[1]["content-type"] == "image/jpeg"
    assert short[2] == b"picture"
    assert [one.key for one in store.list_objects("")] == ["copy.jpg", key]


def test_what_the_store_put_copied_and_replaced_survives_as_it_was(aws: AwsProcess, store: ObjectStore) -> None:
    store.put_bytes("a", b"first", "text/plain")
    store.put_bytes("a", b"second", "application/json")
    store.put_bytes("replaced-by-copy", b"old", "text/plain")
    store.copy("a", "replaced-by-copy")
    store.put_bytes("a", b"third", "image/jpeg")
    store.put_bytes("empty", b"", "text/plain")

    def seen() -> dict[str, tuple[bytes, str, ObjectFacts]]:
        found = {}
        for facts in store.list_objects(""):
            got = store.client.get_object(Bucket=aws.bucket, Key=facts.key)
            assert (got["ETag"].strip('"'), got["ContentLength"]) == (facts.etag, facts.size)
            found[facts.key] = (got["Body"].read(), got["ContentType"], facts)
        return found

    before = seen()
    assert {key: one[:2] for key, one in before.items()} == {
        "a": (b"third", "image/jpeg"),
        "replaced-by-copy": (b"second", "application/json"),
        "empty": (b"", "text/plain"),
    }
    aws.restart_after(signal.SIGKILL)
    assert seen() == before
    assert len(list(aws.config.folder.glob("objects/*/*"))) == 3, "no body is left of what was replaced"


def test_a_video_that_is_put_or_copied_is_announced_once_and_nothing_else_is(
    aws: AwsProcess, store: ObjectStore
) -> None:
    store.put_bytes("golf-swings/u/a.mp4", b"video", "video/mp4")
    etag = store.head("golf-swings/u/a.mp4").etag
    store.copy("golf-swings/u/a.mp4", "golf-swings/u/b.mp4")
    store.put_bytes("golf-swings/u/a/metrics.json", b"{}", "application/json")
    assert sorted(announced(aws)) == [
        ("ObjectCreated:Copy", "golf-swings/u/b.mp4", 5, etag),
        ("ObjectCreated:Put", "golf-swings/u/a.mp4", 5, etag),
    ]


def test_what_a_plain_put_replaces_leaves_no_tags(aws: AwsProcess, store: ObjectStore) -> None:
    store.client.put_object(Bucket=aws.bucket, Key="a", Body=b"1", Tagging="colour=green")
    assert store.client.get_object(Bucket=aws.bucket, Key="a")["TagCount"] == 1
    store.put_bytes("a", b"2", "text/plain")
    assert store.client.get_object_tagging(Bucket=aws.bucket, Key="a")["TagSet"] == []


def test_a_stranger_neither_reads_nor_replaces_nor_copies(aws: AwsProcess, store: ObjectStore) -> None:
    store.put_bytes("a", b"mine", "text/plain")
    for headers in ({}, {"X-Amz-Date": "20260101T000000Z"}):
        for method, extra in (("GET", {}), ("PUT", {}), ("PUT", {"x-amz-copy-source": f"{aws.bucket}/a"})):
            assert ask(aws, method, "a", headers | extra, b"theirs")[0] == 403
    assert store.get_bytes("a") == b"mine"


def test_what_asks_for_more_is_left_to_moto(aws: AwsProcess, store: ObjectStore) -> None:
    store.put_bytes("a", b"first", "text/plain")
    conditional = ask(aws, "PUT", "a", SIGNED | {"If-None-Match": "*"}, b"second")
    into_itself = ask(aws, "PUT", "a", SIGNED | {"x-amz-copy-source": f"{aws.bucket}/a"})
    of_nothing = ask(aws, "PUT", "b", SIGNED | {"x-amz-copy-source": f"{aws.bucket}/none"})
    part = ask(aws, "GET", "a", SIGNED | {"Range": "bytes=1-2"})
    assert [one[0] for one in (conditional, into_itself, of_nothing, part)] == [412, 400, 404, 206]
    chunked = b"6;chunk-signature=any\r\nsigned\r\n0;chunk-signature=any\r\n\r\n"
    hashed = {"X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Decoded-Content-Length": "6"}
    assert ask(aws, "PUT", "a", SIGNED | hashed, chunked)[0] == 200
    assert store.get_bytes("a") == b"signed"
    with pytest.raises(SwingError, match="no longer there"):
        store.get_bytes("none")


def test_a_bucket_that_gets_versions_is_left_to_moto(aws: AwsProcess, store: ObjectStore) -> None:
    store.client.put_bucket_versioning(Bucket=aws.bucket, VersioningConfiguration={"Status": "Enabled"})
    try:
        _, headers, _ = ask(aws, "PUT", "a", SIGNED, b"one")
        assert "x-amz-version-id" in headers
    finally:
        store.client.put_bucket_versioning(Bucket=aws.bucket, VersioningConfiguration={"Status": "Suspended"})


def test_a_body_that_ends_too_early_or_has_no_length_makes_no_object(aws: AwsProcess, store: ObjectStore) -> None:
    authorization = f"Authorization: {SIGNED['Authorization']}"
    for length in (b"100", b"-1", b"many"):
        with socket.create_connection(("127.0.0.1", aws.config.port)) as connection:
            head = f"PUT /{aws.bucket}/a HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\nContent-Length: ".encode()
            connection.sendall(head + length + b"\r\n\r\nonly this")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert list(store.list_objects("")) == []


def test_a_body_in_chunks_of_http_is_taken_whole(aws: AwsProcess, store: ObjectStore) -> None:
    connection = HTTPConnection("127.0.0.1", aws.config.port)
    pieces = iter((b"one ", b"two ", b"three"))
    connection.request("PUT", f"/{aws.bucket}/a", pieces, SIGNED, encode_chunked=True)
    assert connection.getresponse().status == 200
    assert store.get_bytes("a") == b"one two three"
