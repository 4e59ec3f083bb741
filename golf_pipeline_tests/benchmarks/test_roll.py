"""The benchmark of the camera's roll: turning, cutting off what is not the scene, and counting."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from golf_pipeline.benchmarks import roll as benchmark
from golf_pipeline.benchmarks.roll import TURNS_DEG, print_tables, score_roll, turned
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.training.golfdb import BenchmarkDataError
from golf_pipeline_tests.swing.test_roll import GOLFER, body_at_address, empty_scene, filmed, with_posts
from golf_pipeline_tests.swing.test_roll import turned as drawn


def test_what_is_turned_clockwise_leans_to_the_right_and_nothing_from_outside_comes_in() -> None:
    white = np.full((640, 360, 3), 255, np.uint8)
    white[:, 180] = 0
    (picture,), (body,) = turned([white], [np.array([[179.5, 119.5], [179.5, 519.5]])], 10)
    assert picture.min(axis=(1, 2)).max() < 255
    assert (picture[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    lean = np.degrees(np.arctan2(body[0, 0] - body[1, 0], body[1, 1] - body[0, 1]))
    assert lean == pytest.approx(10, abs=0.01)
    top = int(picture[0, :, 0].argmin())
    assert top == pytest.approx(body[0, 0] + np.tan(np.radians(10)) * body[0, 1], abs=1.5)


def test_a_scene_that_is_told_well_is_levelled_whenever_it_is_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = GOLFER.track()
    filmed(tmp_path / "posts.mp4", track, 0)
    (tmp_path / "notes.txt").write_text("no video")
    (tmp_path / "broken.mp4").write_bytes(b"no video either")

    def stick_track(*_: object) -> LandmarkTrack:
        return track

    monkeypatch.setattr(benchmark, "track_pose", stick_track)
    result = score_roll(tmp_path, tmp_path, lambda *_: None)
    assert [clip.file for clip in result.clips] == ["posts.mp4"]
    assert [one.turned_deg for one in result.turns] == list(TURNS_DEG)
    for one in result.turns:
        assert (one.clips, one.answers) == (1, 1)
        assert one.worst_error is not None
        assert one.worst_error < 1
        assert one.levelled == (abs(one.turned_deg) >= 4)
        assert one.worst_left == (one.worst_error if one.levelled else abs(one.turned_deg))
    console = Console(record=True, width=150)
    print_tables(result, console)
    assert "posts.mp4" in console.export_text()


def test_black_bars_are_cut_off_before_the_picture_is_turned() -> None:
    picture = drawn(with_posts(empty_scene()), 0)
    picture[:80], picture[560:] = 0, 0
    (inside,), (body,) = benchmark._without_borders([picture], [body_at_address()])
    assert inside.shape[0] == pytest.approx(480, abs=8)
    assert (inside.max(axis=(1, 2)) > 0).all()
    np.testing.assert_allclose(body[0, 1], body_at_address()[0, 1] - 82, atol=3)


def test_a_folder_without_a_swing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkDataError, match="no MP4 or MOV file with a swing"):
        score_roll(tmp_path, tmp_path, lambda *_: None)
