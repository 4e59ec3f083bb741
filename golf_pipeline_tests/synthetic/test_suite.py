"""The suite: what it covers, and what is left out without the motion capture."""

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from golf_pipeline.cli import app
from golf_pipeline.synthetic.clip import ClipSpec, truth_of
from golf_pipeline.synthetic.suite import SUITE, make_suite, suite_specs


def test_names_are_unique_and_frames_few_enough_to_render() -> None:
    assert max(Counter(spec.name for spec in SUITE).values()) == 1
    assert sum(spec.clip_frame_count for spec in SUITE) < 4500


def test_without_the_capture_only_its_clips_are_left_out(tmp_path: Path) -> None:
    left_out = set(SUITE) - set(suite_specs(None))
    assert left_out == {spec for spec in SUITE if spec.name.startswith("captured")}
    assert suite_specs(tmp_path) == SUITE


def test_the_suite_covers_the_ways_of_filming() -> None:
    scenes = [scene for spec in SUITE for scene in spec.scenes]
    assert {spec.fps for spec in SUITE} == {24, 25, 30, 60, 120, 240}
    assert {scene.handedness for scene in scenes} == {"right", "left"}
    assert {truth_of(spec).view for spec in suite_specs(None)} == {"face-on", "down-the-line", "oblique"}
    assert any(spec.width > spec.height for spec in SUITE)
    for feature in ("bystanders", "shutter", "practice_swing", "waggle", "then"):
        assert any(getattr(spec, feature) for spec in SUITE), feature


@pytest.mark.parametrize("spec", suite_specs(None), ids=lambda spec: spec.name)
def test_a_clip_to_refuse_holds_no_complete_swing_and_every_other_does(spec: ClipSpec) -> None:
    complete = [swing for swing in truth_of(spec).swings if swing.complete]
    assert bool(complete) != spec.name.startswith("refuse")


def test_a_folder_without_capture_is_named_before_anything_is_rendered(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="captured_joints"):
        make_suite(tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("synthetic", "out", "--mocap", "."), "--suite"), (("synthetic", "out", "--suite", "--mocap", "."), "captured")],
)
def test_the_command_names_a_folder_without_use_and_renders_nothing(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 2
    assert said in ended.output
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_small_suite_is_drawn_by_worker_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = ClipSpec("tiny", width=64, height=96, start_s=0.0, end_s=0.1, sound=False)
    monkeypatch.setattr("golf_pipeline.synthetic.suite.SUITE", (tiny,))
    (path,) = make_suite(tmp_path, processes=1)
    assert path.stat().st_size > 0
    assert path.with_name("tiny.truth.json").exists()
