"""Scenes beyond the plain clip: bystanders, cuts, blur, practice swings, waggles; the truth says what is shown."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.swing.video import read_frames
from golf_pipeline.synthetic.camera import DOWN_THE_LINE_AZIMUTH_DEG
from golf_pipeline.synthetic.clip import Bystander, ClipSpec, render_clip, truth_of
from golf_pipeline.synthetic.performance import own_performance
from golf_pipeline.synthetic.render import FrameJob, draw_frame
from golf_pipeline.synthetic.scene import exposures, performance_of
from golf_pipeline.synthetic.soundtrack import SAMPLE_RATE, soundtrack

SMALL = ClipSpec("small", width=96, height=160, fps=10, start_s=0.0, end_s=0.1, sound=False)


def picture(spec: ClipSpec) -> np.ndarray:
    """The first frame of a clip."""
    figures = next(exposures(spec, performance_of(spec)))
    return draw_frame(FrameJob(spec.camera, figures, spec.handedness == "left")).astype(int)


def test_a_practice_swing_is_a_second_complete_swing_before_the_one_at_the_ball() -> None:
    truth = truth_of(ClipSpec("practice", practice_swing=True, start_s=-6.0))
    assert [(swing.practice, swing.complete) for swing in truth.swings] == [(True, True), (False, True)]
    practice, real = truth.swings
    assert practice.events["finish"].frame < real.events["address"].frame
    assert truth.events == real.events
    assert truth.impact_sound_s == pytest.approx(real.events["impact"].time_s, abs=0.03)


def test_a_practice_swing_passes_over_the_waiting_ball_and_through_no_ground() -> None:
    performance = own_performance(practice_swing=True)
    before = np.arange(-6.0, -0.5, 0.002)
    club = performance.pose(before)[0]["club_head"]
    assert np.linalg.norm(club - performance.ball_at_rest(), axis=1).min() > 0.025
    assert club[:, 1].min() > 0.02


def test_a_waggle_moves_the_club_before_the_takeaway_and_leaves_the_swing_as_it_is() -> None:
    plain, waggling = truth_of(ClipSpec("a", start_s=-2.2)), truth_of(ClipSpec("b", start_s=-2.2, waggle=True))
    assert waggling.events == plain.events
    heads = [np.array(truth.joints["club_head"].metres) for truth in (plain, waggling)]
    moved = np.linalg.norm(heads[1] - heads[0], axis=1)
    assert moved.max() > 0.3
    assert moved[plain.events["address"].frame :].max() == 0


def test_scenes_follow_each_other_behind_cuts_and_each_has_its_own_truth() -> None:
    replay = ClipSpec("replay", azimuth_deg=DOWN_THE_LINE_AZIMUTH_DEG, sound=False, slow_motion_factor=2.0)
    truth = truth_of(ClipSpec("cut", then=(replay,)))
    assert truth.cuts == (108,)
    assert truth.frame_count == 108 + 216 == len(truth.joints["nose"].pixels)
    assert [scene.view for scene in truth.scenes] == ["face-on", "down-the-line"]
    first, second = truth.swings
    assert second.events["impact"].exact_frame == pytest.approx(108 + 2 * first.events["impact"].exact_frame, abs=0.01)
    assert truth.angles is not None
    assert len(truth.angles.shoulder_turn_deg) == truth.frame_count


def test_scenes_of_another_size_or_rate_are_refused() -> None:
    with pytest.raises(ValueError, match="size or frame rate"):
        ClipSpec("cut", then=(ClipSpec("other", fps=60),))


def test_a_clip_with_a_cut_is_rendered_with_all_its_scenes(tmp_path: Path) -> None:
    spec = dataclasses.replace(SMALL, start_s=-1.0, end_s=-0.8, then=(dataclasses.replace(SMALL, azimuth_deg=-90.0),))
    path = render_clip(spec, tmp_path)
    first, second, other = (frame.image.astype(int) for frame in read_frames(path))
    assert np.abs(other - second).mean() > 5 * np.abs(second - first).mean()


@pytest.mark.parametrize(("start_s", "end_s", "last_event"), [(-1.0, 0.7, "mid_backswing"), (1.25, 3.0, "finish")])
def test_a_partial_clip_has_a_partial_swing(start_s: float, end_s: float, last_event: str) -> None:
    truth = truth_of(ClipSpec("partial", start_s=start_s, end_s=end_s))
    (swing,) = truth.swings
    assert not swing.complete
    assert list(swing.events)[-1] == last_event


def test_a_clip_of_somebody_who_stands_still_has_no_swing_but_a_ball() -> None:
    truth = truth_of(ClipSpec("still", start_s=-3.0, end_s=-2.0, sound=False))
    assert truth.swings == ()
    assert truth.events == {}
    assert truth.scenes[0].ball.metres[1] == pytest.approx(0.021)


@pytest.mark.parametrize("handedness", ["right", "left"])
def test_turns_are_0_at_address_and_close_to_the_trail_side_at_the_top_for_both_hands(handedness: str) -> None:
    truth = truth_of(ClipSpec("turns", handedness=handedness))  # type: ignore[arg-type]
    angles, at = truth.angles, {name: event.frame for name, event in truth.events.items()}
    assert angles is not None
    assert angles.shoulder_turn_deg[at["address"]] == pytest.approx(0, abs=0.5)
    assert -110 < angles.shoulder_turn_deg[at["top"]] < -85
    assert angles.pelvis_turn_deg[at["top"]] == pytest.approx(-45, abs=2)
    assert angles.pelvis_turn_deg[at["impact"]] > 25
    assert 30 < angles.spine_bend_deg[at["address"]] < 48


def test_a_bystander_stands_where_the_spec_says_and_mirrors_with_a_left_hander() -> None:
    alone = dataclasses.replace(SMALL, width=160, height=96)
    beside = dataclasses.replace(alone, bystanders=(Bystander(1.3, 0.0, scale=0.9, shirt=(0.0, 0.0, 0.9)),))
    changed = np.abs(picture(beside) - picture(alone)).max(axis=2) > 25
    hips = beside.camera.project(np.array([1.3, 0.85, 0.0]))
    above_the_shadow = changed[: int(hips[1])].any(axis=0)
    assert abs(np.flatnonzero(above_the_shadow).mean() - hips[0]) < 3
    left = dataclasses.replace(beside, handedness="left")
    assert np.array_equal(picture(left), picture(beside)[:, ::-1])


def test_an_open_shutter_blurs_what_moves_and_only_that() -> None:
    sharp = dataclasses.replace(SMALL, start_s=1.05, end_s=1.15)
    blurred = np.abs(picture(dataclasses.replace(sharp, shutter=0.5)) - picture(sharp)).max(axis=2)
    feet = sharp.camera.project(np.array([0.2, 0.05, 0.1])).astype(int)
    assert (blurred > 20).sum() > 20
    assert blurred[feet[1] - 2 : feet[1] + 3, feet[0] - 2 : feet[0] + 3].max() < 40
    with pytest.raises(ValueError, match="shutter"):
        ClipSpec("open", shutter=1.5)


def test_the_strike_of_every_real_time_scene_is_heard() -> None:
    spec = ClipSpec("two", then=(ClipSpec("again", sound=False),))
    loud = np.flatnonzero(np.abs(soundtrack(spec)) > 0.1) / SAMPLE_RATE
    impact = truth_of(spec).events["impact"].time_s
    assert {round(float(time_s) - impact, 1) for time_s in loud} == {0.0, 3.6}
