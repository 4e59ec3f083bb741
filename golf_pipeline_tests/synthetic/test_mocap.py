"""Captured swings as the synthetic golfer's motion; skipped where the capture is not beside the checkout."""

import csv
from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.synthetic import motion
from golf_pipeline.synthetic.clip import ClipSpec, truth_of
from golf_pipeline.synthetic.mocap import (
    SUMMARY_FILE,
    SWINGS,
    captured_impact_and_top_frames,
    captured_performance,
)


@pytest.fixture(scope="module")
def capture(shared_data: Path) -> Path:
    folder = shared_data / "mocap"
    if not (folder / SUMMARY_FILE).is_file():
        pytest.skip("no motion capture in the shared data")
    return folder


@pytest.mark.parametrize("swing", SWINGS)
def test_our_rule_puts_top_and_impact_where_the_capture_system_does(capture: Path, swing: int) -> None:
    frames = captured_impact_and_top_frames(capture, swing)
    assert frames["impact"][0] == pytest.approx(frames["impact"][1], abs=1.0)
    assert frames["top"][0] == pytest.approx(frames["top"][1], abs=8)  # a frame of 30 fps


@pytest.mark.parametrize("swing", SWINGS)
def test_a_captured_swing_has_every_joint_and_axis_of_the_keyed_one(capture: Path, swing: int) -> None:
    times = np.linspace(-1.0, 2.0, 60)
    joints, frames = captured_performance(capture, swing).pose(times)
    keyed, _ = motion.pose(times)
    assert joints.keys() == keyed.keys()
    assert all(np.isfinite(points).all() and points.shape == (60, 3) for points in joints.values())
    for axis in vars(frames).values():
        assert np.linalg.norm(axis, axis=1) == pytest.approx(1)


@pytest.mark.parametrize("swing", SWINGS)
def test_a_captured_golfer_stands_on_the_ground_holds_the_club_and_faces_the_ball(capture: Path, swing: int) -> None:
    performance = captured_performance(capture, swing)
    joints, _ = performance.pose(np.array([-0.5, performance.impact_s]))
    for side in ("lead", "trail"):
        assert joints[f"{side}_heel"][0, 1] == pytest.approx(0.02, abs=0.015)
        assert joints[f"{side}_foot_index"][:, 1] == pytest.approx(0.02, abs=0.015)
        assert np.linalg.norm(joints[f"{side}_wrist"] - joints[f"{side}_index"], axis=1).max() < 0.11
    assert joints["lead_hip"][0, 0] > joints["trail_hip"][0, 0]
    assert performance.ball_at_rest()[2] > 0.6
    assert joints["club_head"][:, 1].max() < 0.06


@pytest.mark.parametrize("swing", SWINGS)
def test_the_turns_of_a_captured_swing_are_those_of_its_summary(capture: Path, swing: int) -> None:
    with (capture / SUMMARY_FILE).open() as file:
        row = next(row for row in csv.DictReader(file) if int(row["swing"]) == swing)
    truth = truth_of(ClipSpec("captured", captured_swing=swing, fps=240, start_s=-0.1, end_s=1.4, sound=False), capture)
    assert truth.angles is not None
    top = truth.events["top"].frame
    assert truth.angles.shoulder_turn_deg[top] == pytest.approx(float(row["shoulder_turn_top"]), abs=8)
    assert truth.angles.pelvis_turn_deg[top] == pytest.approx(float(row["hip_turn_top"]), abs=5)
    assert "finish" not in truth.events


def test_a_captured_swing_without_its_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="motion capture"):
        truth_of(ClipSpec("captured", captured_swing=1))
    with pytest.raises(ValueError, match="practice"):
        ClipSpec("captured", captured_swing=1, practice_swing=True)


def test_an_unknown_captured_swing_is_refused(capture: Path) -> None:
    with pytest.raises(ValueError, match="no swing 99"):
        captured_performance(capture, 99)
