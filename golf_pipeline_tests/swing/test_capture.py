"""View, hand and time base of stick golfers filmed from known places."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.capture import CaptureGiven
from golf_pipeline.swing.documents import Capture, Handedness, TimeBase, View
from golf_pipeline.swing.events import segment_swing
from golf_pipeline_tests.swing.stick_golfer import StickGolfer


def capture_of(golfer: StickGolfer, *, mirrored: bool = False, given: CaptureGiven | None = None) -> Capture:
    track = golfer.track()
    return segment_swing(track.mirrored() if mirrored else track, given or CaptureGiven()).capture


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("azimuth", "view"), [(0, View.FACE_ON), (12, View.FACE_ON), (90, View.DOWN_THE_LINE), (82, View.DOWN_THE_LINE)]
)
def test_view_and_hand_are_seen_from_both_usual_places(azimuth: int, view: View, mirrored: bool) -> None:
    capture = capture_of(StickGolfer(azimuth_deg=azimuth), mirrored=mirrored)
    assert capture.view == view
    assert capture.view_confidence > 0.8
    assert capture.handedness == (Handedness.LEFT if mirrored else Handedness.RIGHT)


def test_a_camera_in_between_is_called_oblique_and_says_where_to_stand() -> None:
    capture = capture_of(StickGolfer(azimuth_deg=50))
    assert capture.view == View.OBLIQUE
    assert any("between face-on and down-the-line" in issue.text for issue in capture.issues)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_camera_on_the_targets_side_is_not_taken_for_one_behind_the_ball(mirrored: bool) -> None:
    capture = capture_of(StickGolfer(azimuth_deg=-90), mirrored=mirrored)
    assert capture.view == View.OBLIQUE
    assert capture.handedness == (Handedness.LEFT if mirrored else Handedness.RIGHT)
    assert any("target's side" in issue.text for issue in capture.issues)


def test_a_camera_behind_the_golfers_back_is_not_face_on() -> None:
    capture = capture_of(StickGolfer(azimuth_deg=180))
    assert capture.view == View.OBLIQUE
    assert any("your back" in issue.text for issue in capture.issues)


@settings(max_examples=30, deadline=None)
@given(azimuth=st.floats(-180, 180), mirrored=st.booleans())
def test_the_hand_is_never_named_wrongly_whatever_the_camera(azimuth: float, mirrored: bool) -> None:
    capture = capture_of(StickGolfer(azimuth_deg=azimuth), mirrored=mirrored)
    assert capture.handedness in (Handedness.UNKNOWN, Handedness.LEFT if mirrored else Handedness.RIGHT)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_model_that_takes_left_for_right_at_address_is_not_believed(mirrored: bool) -> None:
    golfer = StickGolfer()
    track = golfer.track().mirrored() if mirrored else golfer.track()
    mirror_image = track.mirrored()
    swapped = track.xyz.copy()
    early = slice(0, int(golfer.top - golfer.downswing))
    swapped[early] = mirror_image.xyz[early]
    swapped[early, :, 0] = 1 - swapped[early, :, 0]
    capture = segment_swing(replace(track, xyz=swapped)).capture
    assert capture.view == View.FACE_ON
    assert capture.handedness == (Handedness.LEFT if mirrored else Handedness.RIGHT)


def test_real_time_and_slow_motion_are_told_apart_by_the_downswing() -> None:
    real = capture_of(StickGolfer(downswing=7.5))
    slow = capture_of(StickGolfer(downswing=60))
    assert (real.time_base, real.slow_motion_factor) == (TimeBase.REAL, 1.0)
    assert slow.time_base == TimeBase.SLOW_MOTION
    assert slow.slow_motion_factor == pytest.approx(8, rel=0.1)
    assert any("slow motion" in issue.text for issue in slow.issues)


@pytest.mark.parametrize("factor", [1.04, 1.25, 8.0])
def test_a_factor_that_was_given_is_taken_as_it_is(factor: float) -> None:
    capture = capture_of(StickGolfer(), given=CaptureGiven(slow_motion_factor=factor))
    assert (capture.time_base, capture.slow_motion_factor) == (TimeBase.SLOW_MOTION, factor)


def test_the_same_swing_at_a_higher_frame_rate_is_still_real_time() -> None:
    assert capture_of(StickGolfer(downswing=60, fps=240)).time_base == TimeBase.REAL


def test_what_the_caller_knows_overrides_the_judgement_and_is_named() -> None:
    given_words = CaptureGiven(view=View.OBLIQUE, handedness=Handedness.LEFT, slow_motion_factor=4.0)
    capture = capture_of(StickGolfer(), given=given_words)
    assert (capture.view, capture.handedness, capture.slow_motion_factor) == (View.OBLIQUE, Handedness.LEFT, 4.0)
    assert (capture.view_confidence, capture.handedness_confidence) == (1.0, 1.0)
    assert capture.time_base == TimeBase.SLOW_MOTION
    assert capture.given == ("view", "handedness", "slow_motion_factor")


def test_a_golfer_who_is_small_in_the_picture_is_asked_to_come_closer() -> None:
    assert any("Film closer" in issue.text for issue in capture_of(StickGolfer(size=60)).issues)
    assert not any("Film closer" in issue.text for issue in capture_of(StickGolfer(size=250)).issues)
