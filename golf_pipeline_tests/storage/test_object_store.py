"""The object store against an S3 over HTTP: what comes back, and what each failure is called."""

from pathlib import Path

import httpx
import pytest

from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.swing.errors import ErrorCode, SwingError


def code_of(call: object, *arguments: object, **named: object) -> tuple[ErrorCode, bool]:
    with pytest.raises(SwingError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.code, caught.value.retryable


def test_a_file_comes_back_as_it_was_put(store: ObjectStore, tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(bytes(range(256)) * 5000)
    store.upload(source, "k/ünï +&.mp4", "video/mp4")
    facts = store.download("k/ünï +&.mp4", target)
    assert target.read_bytes() == source.read_bytes()
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
    monkeypatch.setattr("golf_pipeline.storage.object_store.ATTEMPTS", 1)
    nobody = ObjectStore.connect("b", "http://127.0.0.1:9", "us-east-1")
    assert code_of(nobody.head, "k") == (ErrorCode.STORAGE_UNAVAILABLE, True)
    assert code_of(nobody.check) == (ErrorCode.STORAGE_UNAVAILABLE, True)


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
