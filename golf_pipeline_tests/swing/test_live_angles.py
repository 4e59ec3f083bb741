"""Live angles: the numbers of the metrics, in every frame up to impact, and none that the clip does not allow."""

import numpy as np
import pytest

from golf_pipeline.swing.documents import EventName, Handedness, Metric, SwingSegmentation, Trust, View
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.live_angles import live_angles
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.posed import FRAMES, segmentation, standing, track_of

POSES = {EventName.ADDRESS: standing(35), EventName.TOP: standing(28), EventName.IMPACT: standing(20)}
DTL, FACE_ON = segmentation(View.DOWN_THE_LINE), segmentation(View.FACE_ON)


def shown(
    track: LandmarkTrack, clip: SwingSegmentation = DTL, metrics: tuple[Metric, ...] | None = None
) -> list[list[str]]:
    """The words at address, top, impact and finish."""
    measured = measure_swing(track, clip) if metrics is None else metrics
    angles = live_angles(track, clip, measured)
    moments = [FRAMES[name] / 30 for name in (EventName.ADDRESS, EventName.TOP, EventName.IMPACT, EventName.FINISH)]
    return [[angle.at(time_s) for angle in angles] for time_s in moments]


def test_down_the_line_the_spine_bend_is_that_of_the_metric_and_ends_at_impact() -> None:
    address, top, impact, finish = shown(track_of(POSES))
    assert (address[0], top[0], impact[0]) == ("spine bend 35°", "spine bend 28°", "spine bend 20°")
    assert set(finish) == {""}


@pytest.mark.parametrize("hand", [Handedness.RIGHT, Handedness.LEFT])
def test_face_on_the_tilt_is_from_the_target_for_either_hand(hand: Handedness) -> None:
    track = track_of(dict.fromkeys(POSES, standing(-12)))  # leans to image left, away from a right-hander's target
    clip = segmentation(View.FACE_ON, hand)
    words = shown(track if hand == Handedness.RIGHT else track.mirrored(), clip)
    assert words[0][0] == "axis tilt 12° from the target"
    upright = shown(track_of(dict.fromkeys(POSES, standing(6))), FACE_ON)
    assert upright[0][0] == "axis tilt 6° to the target"


def test_a_crooked_camera_is_taken_out_as_it_is_of_the_metrics() -> None:
    track = track_of(POSES)
    rolled = DTL.model_copy(update={"capture": DTL.capture.model_copy(update={"roll_deg": 5.0})})
    metrics = measure_swing(track.levelled(-5.0), rolled)
    assert shown(track.levelled(-5.0), rolled, metrics)[0][0] == "spine bend 35°"


@pytest.mark.parametrize("trust", [Trust.UNAVAILABLE, Trust.DIRECTION_ONLY])
def test_what_was_not_measured_is_not_shown(trust: Trust) -> None:
    track = track_of(POSES)
    metrics = tuple(
        one.model_copy(update={"trust": trust, "value": None if trust == Trust.UNAVAILABLE else one.value})
        for one in measure_swing(track, DTL)
    )
    assert live_angles(track, DTL, metrics) == ()


@pytest.mark.parametrize("view", list(View))
def test_there_are_at_most_two_and_none_for_an_oblique_camera(view: View) -> None:
    track = track_of(POSES)
    clip = segmentation(view)
    assert len(live_angles(track, clip, measure_swing(track, clip))) <= (0 if view == View.OBLIQUE else 2)


def test_an_angle_is_left_out_where_what_it_needs_is_hidden() -> None:
    track = track_of(POSES)
    metrics = measure_swing(track, DTL)
    track.visibility[FRAMES[EventName.TOP], INDEX["left_shoulder"]] = 0.1
    address, top, *_ = shown(track, DTL, metrics)
    assert (address[0], top[0]) == ("spine bend 35°", "")
    assert np.isnan(live_angles(track, DTL, metrics)[0].degrees[FRAMES[EventName.TOP]])
