"""Pictures near given times: they must be those that reading from the start finds."""

from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.swing.glimpse import glimpse
from golf_pipeline.swing.video import read_frames
from golf_pipeline_tests.swing.small_videos import corner_picture, moving_pictures, write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, a key frame every 20 frames, pictures that refer to later ones."""
    path = tmp_path_factory.mktemp("glimpse") / "clip.mp4"
    return write_video(path, moving_pictures(60), options={"preset": "veryfast", "g": "20", "bf": "2"})


@pytest.mark.parametrize("numbers", [[0], [0, 1, 2], [19, 20, 21], [33, 47], [59], [3, 31, 58]])
def test_the_pictures_are_those_of_reading_from_the_start(clip: Path, numbers: list[int]) -> None:
    read = list(read_frames(clip, max_side_px=64, numbers=numbers))
    seen = glimpse(clip, [frame.time_s for frame in read], max_side_px=64)
    assert [frame.time_s for frame in seen] == pytest.approx([frame.time_s for frame in read])
    for one, other in zip(seen, read, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_between_two_frames_the_later_one_is_seen(clip: Path) -> None:
    assert [frame.time_s for frame in glimpse(clip, [10.5 / 30], max_side_px=64)] == pytest.approx([11 / 30], abs=1e-3)


def test_two_times_in_one_frame_give_it_once(clip: Path) -> None:
    assert len(glimpse(clip, [10.2 / 30, 10.5 / 30, 20 / 30], max_side_px=64)) == 2


def test_times_after_the_end_and_no_times_give_nothing(clip: Path) -> None:
    assert glimpse(clip, [5.0], max_side_px=64) == []
    assert glimpse(clip, [], max_side_px=64) == []


def test_a_rotated_video_is_upright(tmp_path: Path) -> None:
    path = write_video(tmp_path / "turned.mov", [corner_picture(96, 64)] * 30, rotation=90)
    (seen,) = glimpse(path, [0.5], max_side_px=640)
    assert seen.image.shape == (96, 64, 3)
    np.testing.assert_array_equal(seen.image, next(read_frames(path, numbers=[15])).image)
