"""Rendered clips and the samples that the package carries: what the truth says is what the picture shows."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.pose import track_pose
from golf_pipeline.swing.pose_model import find_pose_model
from golf_pipeline.swing.video import probe_video, read_audio, read_frames
from golf_pipeline.synthetic.body import Body
from golf_pipeline.synthetic.camera import Camera
from golf_pipeline.synthetic.clip import SAMPLE_SPECS, SAMPLES, ClipSpec, render_clip, truth_of
from golf_pipeline.synthetic.truth import Truth

SHORT = ClipSpec("short", width=192, height=320, start_s=-0.6, end_s=0.6, fps=10)


@pytest.mark.parametrize("spec", SAMPLE_SPECS, ids=lambda spec: spec.name)
def test_a_sample_is_the_clip_that_its_truth_describes(spec: ClipSpec) -> None:
    truth = Truth.read(SAMPLES / f"{spec.name}.truth.json")
    facts = probe_video(SAMPLES / f"{spec.name}.mp4")
    assert truth == truth_of(spec)
    assert (facts.width, facts.height, facts.frame_count) == (truth.width, truth.height, truth.frame_count)
    assert facts.fps == pytest.approx(truth.fps)
    assert facts.has_audio == spec.sound


@pytest.mark.parametrize("spec", SAMPLE_SPECS, ids=lambda spec: spec.name)
def test_the_samples_are_small(spec: ClipSpec) -> None:
    assert (SAMPLES / f"{spec.name}.mp4").stat().st_size < 600_000
    assert (SAMPLES / f"{spec.name}.truth.json").stat().st_size < 400_000


def test_the_strike_is_in_the_sound_where_the_truth_says() -> None:
    truth, audio = Truth.read(SAMPLES / "face_on_right.truth.json"), read_audio(SAMPLES / "face_on_right.mp4")
    assert audio is not None
    loudest = audio.start_s + int(np.argmax(np.abs(audio.samples))) / audio.rate
    assert loudest == pytest.approx(truth.impact_sound_s, abs=0.005)


@pytest.mark.parametrize("name", ["face_on_right", "down_the_line_right"])
def test_the_pose_model_finds_the_golfers_joints_where_they_are(name: str) -> None:
    path = SAMPLES / f"{name}.mp4"
    track, truth = track_pose(path, probe_video(path), find_pose_model()), Truth.read(path.with_suffix(".truth.json"))
    assert track.coverage == 1
    assert np.median(track.visibility) > 0.85
    torso = Body().spine / Camera(0.0, truth.width, truth.height).view_height_m * truth.height
    for part in ("hip", "shoulder", "knee", "ankle"):
        true = np.array([truth.joints[f"{side}_{part}"].pixels for side in ("left", "right")]).mean(axis=0)
        away = np.linalg.norm(track.midpoint(part) - true[track.frame], axis=1) / torso
        assert np.median(away) < 0.15, part


@settings(max_examples=10, deadline=None)
@given(st.floats(-180, 180), st.sampled_from([25, 30, 60, 120, 240]))
def test_a_left_hander_is_the_mirrored_right_hander(azimuth: float, fps: int) -> None:
    right = truth_of(ClipSpec("r", azimuth_deg=azimuth, fps=fps, start_s=0.0, end_s=0.3))
    left = truth_of(ClipSpec("l", azimuth_deg=-azimuth, fps=fps, start_s=0.0, end_s=0.3, handedness="left"))
    for name, joint in right.joints.items():
        side = name.replace("left", "*").replace("right", "left").replace("*", "right")
        mirrored = np.array(left.joints[side].pixels) * (-1, 1) + (right.width, 0)
        assert np.allclose(mirrored, joint.pixels, atol=0.11), name


@pytest.mark.parametrize("fps", [25, 60, 240])
def test_the_events_happen_at_the_same_time_at_any_frame_rate(fps: int) -> None:
    at_30 = truth_of(ClipSpec("a")).events
    for name, event in truth_of(ClipSpec("b", fps=fps)).events.items():
        assert event.time_s == pytest.approx(at_30[name].time_s)
        assert event.exact_frame == pytest.approx(event.time_s * fps, abs=0.02)


def test_slow_motion_stretches_the_times_and_leaves_the_geometry() -> None:
    real = truth_of(ClipSpec("real", fps=120))
    slow = truth_of(ClipSpec("slow", fps=30, slow_motion_factor=4.0, sound=False))
    assert slow.joints == real.joints
    for name, event in slow.events.items():
        assert event.time_s == pytest.approx(4 * real.events[name].time_s, abs=0.001)
    with pytest.raises(ValueError, match="sound"):
        ClipSpec("slow", slow_motion_factor=4.0)


def test_a_clip_cut_before_impact_claims_no_impact() -> None:
    truth = truth_of(ClipSpec("cut", end_s=1.05))
    assert list(truth.events) == ["address", "toe_up", "mid_backswing", "top", "mid_downswing"]
    assert truth.impact_sound_s is None


@pytest.mark.parametrize("name", ["face_on_right", "down_the_line_right", "face_on_left"])
def test_the_ball_lies_in_the_picture_at_the_club_until_impact(name: str) -> None:
    truth = Truth.read(SAMPLES / f"{name}.truth.json")
    address, top, impact = (truth.events[event].frame for event in ("address", "top", "impact"))
    pictures = {frame.number: frame.image for frame in read_frames(SAMPLES / f"{name}.mp4", numbers=(top, impact + 2))}
    club = np.array(truth.joints["club_head"].pixels)[address]
    x, y = club.round().astype(int)
    assert 20 < x < truth.width - 20
    assert 20 < y < truth.height - 20

    def white(image: np.ndarray) -> int:
        return int((image[y - 20 : y + 21, x - 20 : x + 21].min(axis=2) > 170).sum())

    assert white(pictures[top]) >= 12  # the waiting ball, about 9 pixels across
    assert white(pictures[impact + 2]) == 0


def test_a_clip_is_rendered_with_its_truth_and_reports_its_progress(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    path = render_clip(SHORT, tmp_path, lambda *progress: seen.append(progress))
    assert seen[-1] == ("short", 12, 12)
    assert probe_video(path).frame_count == 12
    assert Truth.read(tmp_path / "short.truth.json") == truth_of(SHORT)


def test_a_mirrored_clip_shows_the_mirrored_picture(tmp_path: Path) -> None:
    one = dataclasses.replace(SHORT, end_s=-0.4, name="one", sound=False)
    other = dataclasses.replace(one, name="other", handedness="left")
    first, second = (next(read_frames(render_clip(spec, tmp_path))).image for spec in (one, other))
    assert np.abs(first[:, ::-1].astype(int) - second).mean() < 3
