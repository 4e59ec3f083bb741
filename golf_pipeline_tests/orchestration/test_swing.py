"""What one swing puts and reads in a run: together, ahead, and never noted before it is stored."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.orchestration.workspace import Workspace
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.orchestration.conftest import Cloud


@pytest.fixture
def swing(cloud: Cloud) -> Iterator[Swing]:
    cloud.upload("golf-swings/ann/s1.mp4", b"video")
    cloud.catalog.mark_dispatched(["s1"])
    workspace = Workspace(cloud.settings, cloud.catalog, cloud.objects, "run")
    yield workspace.swing("s1")
    workspace.close()


def stored(swing: Swing, *names: str, stage: str = "metrics") -> None:
    """Put files of a stage, and note them."""
    with swing.writing(stage, "1", "0123456789abcdef") as written:
        keys = [swing.put_bytes(name, name.encode()) for name in names]
        swing.record_stage(written.output(keys[0], None, {}))


def test_an_output_is_noted_once_all_of_it_is_stored(
    swing: Swing, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, put = threading.Event(), ObjectStore.put_bytes

    def slowly(store: ObjectStore, key: str, body: bytes, content_type: str) -> None:
        assert let_go.wait(30)
        put(store, key, body, content_type)

    monkeypatch.setattr(ObjectStore, "put_bytes", slowly)
    thread = threading.Thread(target=stored, args=(swing, "a.json", "b.json"))
    thread.start()
    assert cloud.catalog.stages("s1") == {}
    let_go.set()
    thread.join()
    noted = cloud.catalog.stages("s1")["metrics"]
    assert [swing.workspace.objects.get_bytes(noted.key_of(name)) for name in ("a.json", "b.json")] == [
        b"a.json",
        b"b.json",
    ]


@pytest.mark.parametrize("quiet", [False, True])
def test_an_output_that_was_not_stored_is_not_noted(
    swing: Swing, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    def fails(*_: object) -> None:
        raise SwingError(ErrorCode.STORAGE_UNAVAILABLE, "No answer.", retryable=True)

    monkeypatch.setattr(ObjectStore, "put_bytes", fails)
    swing.quiet = quiet
    with pytest.raises(SwingError, match="No answer"):
        stored(swing, "a.json")
        swing.end("Ready.")
    assert cloud.catalog.stages("s1") == {}


def test_what_is_still_under_way_when_a_swing_is_given_up_comes_before_what_is_tried_next(
    swing: Swing, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, put, order = threading.Event(), ObjectStore.put_bytes, []

    def slowly(store: ObjectStore, key: str, body: bytes, content_type: str) -> None:
        assert let_go.wait(30)
        put(store, key, body, content_type)
        order.append("put")

    monkeypatch.setattr(ObjectStore, "put_bytes", slowly)
    swing.quiet = True
    stored(swing, "a.json")
    threading.Timer(0.2, let_go.set).start()
    swing.workspace.forget("s1")
    order.append("forgotten")
    assert order == ["put", "forgotten"]


def test_what_was_read_ahead_is_not_asked_for_again(swing: Swing, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(swing, "a.json", "b.json")
    asked: list[str] = []
    get = ObjectStore.get_bytes

    def noted(store: ObjectStore, key: str) -> bytes:
        asked.append(Path(key).name)
        return get(store, key)

    monkeypatch.setattr(ObjectStore, "get_bytes", noted)
    swing.read_ahead([("metrics", "a.json"), ("overlay", "overlay.mp4")])
    assert swing.fetch("metrics", "a.json").read_bytes() == b"a.json"
    assert swing.fetch("metrics", "b.json").read_bytes() == b"b.json"
    assert asked == ["a.json", "b.json"], "and nothing of a stage that the swing does not have"
    assert swing.read == [("metrics", "a.json"), ("metrics", "b.json")]


def test_what_was_read_ahead_and_is_gone_fails_where_it_is_wanted(swing: Swing) -> None:
    stored(swing, "a.json")
    swing.workspace.objects.delete([swing.stored("metrics").key])
    swing.read_ahead([("metrics", "a.json")])
    with pytest.raises(SwingError) as caught:
        swing.fetch("metrics", "a.json")
    assert caught.value.code == ErrorCode.INTERNAL, "our loss, not the golfer's"
