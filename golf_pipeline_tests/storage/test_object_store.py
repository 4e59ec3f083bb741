"""The object store against an S3 over HTTP: what comes back, and what each failure is called."""

import socket
import threading
from pathlib import Path

import httpx
import pytest

from golf_pipeline.storage.object_store import PART_BYTES, ObjectStore, Patience
from golf_pipeline.swing.errors import ErrorCode, SwingError

ONE_TRY = Patience(2, 10, 1)


def code_of(call: object, *arguments: object, **named: object) -> tuple[ErrorCode, bool]:
    with pytest.raises(SwingError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.code, caught.value.retryable


def test_a_file_comes_back_as_it_was_put(store: ObjectStore, tmp_path: Path) -> None:
    body, target = bytes(range(256)) * 5000, tmp_path / "there"
    store.put_bytes("k/ünï +&.mp4", body, "video/mp4")
    facts = store.download("k/ünï +&.mp4", target)
    assert target.read_bytes() == body
    assert facts == store.head("k/ünï +&.mp4")
    assert facts.size == 1_280_000
    store.copy("k/ünï +&.mp4", "k/copy")
    assert store.head("k/copy").etag == facts.etag


def test_a_missing_object_is_a_deleted_upload_for_good(store: ObjectStore, tmp_path: Path) -> None:
    gone = (ErrorCode.UPLOAD_DELETED, False)
    assert code_of(store.head, "x") == gone
    assert code_of(store.download, "x", tmp_path / "x") == gone
    assert code_of(store.get_bytes, "x") == gone
    assert code_of(store.copy, "x", "y") == gone


def test_a_video_replaced_while_it_is_read_is_noticed(store: ObjectStore, tmp_path: Path) -> None:
    store.put_bytes("k", b"one", "video/mp4")
    etag = store.head("k").etag
    store.put_bytes("k", b"two", "video/mp4")
    assert code_of(store.download, "k", tmp_path / "k", etag=etag) == (ErrorCode.UPLOAD_DELETED, False)


def test_an_object_over_the_limit_is_not_read(store: ObjectStore, tmp_path: Path) -> None:
    store.put_bytes("k", b"x" * 11, "video/mp4")
    assert code_of(store.download, "k", tmp_path / "k", max_bytes=10) == (ErrorCode.VIDEO_TOO_LARGE, False)
    assert not (tmp_path / "k").exists()


def test_a_storage_that_does_not_answer_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    nobody = ObjectStore.connect("b", "http://127.0.0.1:9", "us-east-1", ONE_TRY)
    assert code_of(nobody.head, "k") == (ErrorCode.STORAGE_UNAVAILABLE, True)
    assert code_of(nobody.check) == (ErrorCode.STORAGE_UNAVAILABLE, True)


def test_a_bucket_that_is_not_there_is_our_fault_and_not_a_deleted_upload(store: ObjectStore, tmp_path: Path) -> None:
    elsewhere = ObjectStore.connect("no-such-bucket-here", store.client.meta.endpoint_url, "us-east-1")
    for call, arguments in (
        (elsewhere.check, ()),
        (elsewhere.download, ("k", tmp_path / "k")),
        (elsewhere.get_bytes, ("k",)),
    ):
        assert code_of(call, *arguments) == (ErrorCode.STORAGE_UNAVAILABLE, True)


def test_a_transfer_that_breaks_off_is_retryable_and_leaves_no_half_file(store: ObjectStore, tmp_path: Path) -> None:
    del store  # for its credentials
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def promise_more_than_is_sent() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b'HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\nETag: "e"\r\n'
                    b"Last-Modified: Fri, 01 May 2026 12:00:00 GMT\r\n\r\n" + b"x" * 2_000_000
                )

        server = threading.Thread(target=promise_more_than_is_sent)
        server.start()
        broken = ObjectStore.connect("b", f"http://127.0.0.1:{listener.getsockname()[1]}", "us-east-1", ONE_TRY)
        assert code_of(broken.download, "k", tmp_path / "k") == (ErrorCode.STORAGE_UNAVAILABLE, True)
        server.join()
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_on_aws_a_presigned_url_names_the_buckets_own_region(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    url = httpx.URL(ObjectStore.connect("my-swings", None, region).presign_put("k", "video/mp4", 5, 60))
    assert url.host in {f"my-swings.s3.{region}.amazonaws.com", "my-swings.s3.amazonaws.com"}
    assert region == "us-east-1" or region in url.host
    assert {"content-length", "content-type"} <= set(url.params["X-Amz-SignedHeaders"].split(";"))


def test_objects_are_listed_in_key_order_from_a_key_on(store: ObjectStore) -> None:
    for name in ("p/c", "p/a", "p/b", "q/z"):
        store.put_bytes(name, b"", "text/plain")
    assert [one.key for one in store.list_objects("p/")] == ["p/a", "p/b", "p/c"]
    assert [one.key for one in store.list_objects("p/", start_after="p/a")] == ["p/b", "p/c"]


def test_a_presigned_get_reads_the_object_and_says_when_it_expires(store: ObjectStore) -> None:
    store.put_bytes("k", b"body", "text/plain")
    url = store.presign_get("k", 60)
    assert httpx.get(url).content == b"body"
    assert httpx.URL(url).params["X-Amz-Expires"] == "60"


def parts_left(store: ObjectStore) -> int:
    return len(store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", []))


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 7])
def test_what_is_streamed_comes_back_whole(store: ObjectStore, size: int) -> None:
    body = bytes(range(251)) * (size // 251 + 1)
    upload = store.stream("k", "video/mp4")
    for position in range(0, size, 700_001):
        upload.write(body[position : min(size, position + 700_001)])
    upload.complete()
    upload.abort()
    assert store.get_bytes("k") == body[:size]
    assert store.client.head_object(Bucket=store.bucket, Key="k")["ContentType"] == "video/mp4"
    assert upload.size == size
    assert parts_left(store) == 0


def test_a_streamed_upload_that_is_aborted_leaves_nothing(store: ObjectStore) -> None:
    upload = store.stream("k", "video/mp4")
    assert not upload.wants(PART_BYTES - 1)
    assert upload.wants(PART_BYTES)
    upload.write(bytes(PART_BYTES + 1))
    assert parts_left(store) == 1
    upload.abort()
    upload.abort()
    assert parts_left(store) == 0
    assert list(store.list_objects("")) == []


def test_a_folder_is_deleted_and_not_what_only_begins_with_its_name(store: ObjectStore) -> None:
    for name in ("p/a/1", "p/a/2/3", "p/ab/1", "p/a.mp4"):
        store.put_bytes(name, b"x", "text/plain")
    assert store.delete_prefix("p/a/") == 2
    assert [one.key for one in store.list_objects("")] == ["p/a.mp4", "p/ab/1"]
    for no_folder in ("p/a", "", "/"):
        with pytest.raises(ValueError, match="not a folder"):
            store.delete_prefix(no_folder)


def test_more_objects_than_one_request_takes_are_deleted(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("golf_pipeline.storage.object_store.DELETED_AT_ONCE", 2)
    names = ["a", "ünï +&<>", "c", "d", "e"]
    for name in names:
        store.put_bytes(name, b"x", "text/plain")
    assert store.delete([*names, "never there"]) == 6
    assert list(store.list_objects("")) == []
    assert (
        code_of(ObjectStore.connect("no-such-bucket-here", store.client.meta.endpoint_url, "us-east-1").delete, ["a"])[
            0
        ]
        == ErrorCode.STORAGE_UNAVAILABLE
    )
