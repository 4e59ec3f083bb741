"""Metrics of posed golfers: exact values, signs that follow the golfer, and honesty where a clip does not allow one."""

import dataclasses

import numpy as np
import pytest

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName, Handedness, Metric, SwingSegmentation, TimeBase, Trust, View
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.metrics import FORMULAS, measure_swing
from golf_pipeline_tests.swing.posed import TORSO, Pose, segmentation, standing, track_of

ADDRESS, TOP, IMPACT = EventName.ADDRESS, EventName.TOP, EventName.IMPACT
FACE_ON, DTL = segmentation(View.FACE_ON), segmentation(View.DOWN_THE_LINE)


def read(track: LandmarkTrack, seen: SwingSegmentation, name: str, phase: EventName | None) -> Metric:
    return next(one for one in measure_swing(track, seen) if (one.id, one.phase) == (name, phase))


def moved(dx: float, dy: float = 0.0, **more: float) -> Pose:
    return standing(hip=(360 + dx * TORSO, 700 + dy * TORSO), **more)


def rounding(metric: Metric) -> float:
    """What float32 coordinates may cost: acos near 0 turns a millionth of a width into a twelfth of a degree."""
    return 0.1 if metric.unit == "deg" else 5e-3


@pytest.fixture
def swaying() -> LandmarkTrack:
    """Face-on: 0.2 away from the target at the top, 0.3 toward it and leaning back 15 degrees at impact."""
    return track_of({ADDRESS: moved(0), TOP: moved(-0.2), IMPACT: moved(0.3, bend_deg=-15)})


@pytest.fixture
def standing_up() -> LandmarkTrack:
    """Down-the-line: bent 35 degrees at address, 20 at impact, the pelvis 0.15 nearer to the ball and 0.1 higher."""
    return track_of(
        {
            ADDRESS: standing(bend_deg=35),
            TOP: standing(bend_deg=33),
            IMPACT: standing(bend_deg=20, hip=(360 + 0.15 * TORSO, 700 - 0.1 * TORSO)),
        }
    )


def test_sway_tilt_and_head_of_a_posed_golfer_are_read_exactly(swaying: LandmarkTrack) -> None:
    assert read(swaying, FACE_ON, "pelvis_sway", TOP).value == pytest.approx(-0.2, abs=1e-3)
    assert read(swaying, FACE_ON, "pelvis_sway", IMPACT).value == pytest.approx(0.3, abs=1e-3)
    assert read(swaying, FACE_ON, "secondary_axis_tilt", ADDRESS).value == pytest.approx(0, abs=1e-3)
    assert read(swaying, FACE_ON, "secondary_axis_tilt", IMPACT).value == pytest.approx(15, abs=1e-2)
    assert read(swaying, FACE_ON, "head_sway", TOP).value == pytest.approx(-0.2, abs=1e-3)


def test_bend_thrust_and_lift_of_a_posed_golfer_are_read_exactly(standing_up: LandmarkTrack) -> None:
    assert read(standing_up, DTL, "spine_forward_bend", ADDRESS).value == pytest.approx(35, abs=1e-2)
    assert read(standing_up, DTL, "posture_change", IMPACT).value == pytest.approx(-15, abs=1e-2)
    assert read(standing_up, DTL, "pelvis_thrust", IMPACT).value == pytest.approx(0.15, abs=1e-3)
    assert read(standing_up, DTL, "pelvis_lift", IMPACT).value == pytest.approx(0.1, abs=1e-3)
    assert read(standing_up, DTL, "knee_flex_trail", ADDRESS).value == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize("view", [View.FACE_ON, View.DOWN_THE_LINE])
def test_a_mirrored_left_hander_reads_the_same_with_the_same_signs(
    view: View, swaying: LandmarkTrack, standing_up: LandmarkTrack
) -> None:
    track = swaying if view == View.FACE_ON else standing_up
    right = measure_swing(track, segmentation(view))
    left = measure_swing(track.mirrored(), segmentation(view, Handedness.LEFT))
    assert [one.value is None for one in right] == [one.value is None for one in left]
    for one, other in zip(right, left, strict=True):
        assert (one.id, one.phase, one.trust) == (other.id, other.phase, other.trust)
        if one.value is not None:
            assert other.value == pytest.approx(one.value, abs=rounding(one)), one.id


@pytest.mark.parametrize("view", list(View))
def test_a_metric_has_a_value_only_in_its_view_and_a_reason_otherwise(view: View, swaying: LandmarkTrack) -> None:
    for metric in measure_swing(swaying, segmentation(view)):
        if view not in metric.valid_views:
            assert (metric.value, metric.trust, metric.frames) == (None, Trust.UNAVAILABLE, ())
        assert (metric.value is None) == (metric.trust == Trust.UNAVAILABLE)
        assert metric.reason or metric.trust == Trust.MEASURED
        assert metric.unit


@pytest.mark.parametrize("view", list(View))
def test_the_x_factor_and_the_sequence_are_never_a_number(view: View, swaying: LandmarkTrack) -> None:
    never = [one for one in measure_swing(swaying, segmentation(view)) if one.id in {"x_factor", "kinematic_sequence"}]
    assert [(one.value, one.trust) for one in never] == [(None, Trust.UNAVAILABLE)] * 2


def test_a_turn_is_a_direction_only(swaying: LandmarkTrack) -> None:
    assert read(swaying, FACE_ON, "shoulder_turn", TOP).trust == Trust.DIRECTION_ONLY


def test_without_a_known_hand_nothing_with_a_side_is_signed(swaying: LandmarkTrack) -> None:
    metrics = {
        (one.id, one.phase): one for one in measure_swing(swaying, segmentation(View.FACE_ON, Handedness.UNKNOWN))
    }
    for name in ("pelvis_sway", "head_sway"):
        assert metrics[name, TOP].value is None
        assert "left-handed" in metrics[name, TOP].reason
    assert metrics["head_stability", None].value is not None


def test_a_body_that_is_not_found_is_unavailable_and_never_zero(swaying: LandmarkTrack) -> None:
    xyz = swaying.xyz.copy()
    xyz[50:55] = np.nan
    lost = read(dataclasses.replace(swaying, xyz=xyz), FACE_ON, "pelvis_sway", IMPACT)
    assert (lost.value, lost.trust) == (None, Trust.UNAVAILABLE)
    assert "not seen" in lost.reason


@pytest.mark.parametrize(("visibility", "trust"), [(0.9, Trust.MEASURED), (0.5, Trust.LOW), (0.1, Trust.UNAVAILABLE)])
def test_hidden_landmarks_lower_the_trust_until_there_is_no_number(
    swaying: LandmarkTrack, visibility: float, trust: Trust
) -> None:
    seen = swaying.visibility.copy()
    seen[:, [INDEX["left_hip"], INDEX["right_hip"], INDEX["left_shoulder"], INDEX["right_shoulder"]]] = visibility
    track = dataclasses.replace(swaying, visibility=seen)
    assert read(track, FACE_ON, "secondary_axis_tilt", IMPACT).trust == trust


def test_one_frame_of_jitter_does_not_move_a_reading(swaying: LandmarkTrack) -> None:
    xyz = swaying.xyz.copy()
    xyz[52, :, 0] += 0.2
    jittered = read(dataclasses.replace(swaying, xyz=xyz), FACE_ON, "pelvis_sway", IMPACT)
    assert jittered.value == pytest.approx(0.3, abs=1e-3)


def test_tempo_and_times_follow_the_events_and_carry_a_frames_noise(swaying: LandmarkTrack) -> None:
    tempo = read(swaying, FACE_ON, "tempo", None)
    assert tempo.value == pytest.approx(34 / 8, abs=1e-3)
    assert tempo.noise == pytest.approx(34 / 8 / 8, abs=1e-2)
    assert read(swaying, FACE_ON, "downswing_time", None).value == pytest.approx(8 / 30, abs=1e-3)


def test_slow_motion_keeps_the_ratio_and_withholds_the_seconds(swaying: LandmarkTrack) -> None:
    slow = segmentation(View.FACE_ON, time_base=TimeBase.SLOW_MOTION, factor=8.0)
    assert read(swaying, slow, "tempo", None).value == pytest.approx(4.25)
    assert read(swaying, slow, "backswing_time", None).value is None
    told = segmentation(View.FACE_ON, time_base=TimeBase.SLOW_MOTION, factor=8.0, given=("slow_motion_factor",))
    estimated = read(swaying, told, "backswing_time", None)
    assert estimated.value == pytest.approx(34 / 30 / 8, abs=1e-3)
    assert estimated.trust == Trust.LOW
    assert "estimated" in estimated.reason


def test_the_size_of_the_golfer_in_the_picture_changes_no_metric(swaying: LandmarkTrack) -> None:
    small = dataclasses.replace(swaying, xyz=(swaying.xyz * 0.4 + 0.1).astype(np.float32))
    for one, other in zip(measure_swing(swaying, FACE_ON), measure_swing(small, FACE_ON), strict=True):
        if one.value is not None:
            assert other.value == pytest.approx(one.value, abs=rounding(one)), one.id


def test_every_metric_of_the_knowledge_base_has_a_formula_or_is_never_measured() -> None:
    never = {one.id for one in knowledge.load().metrics.values() if one.most_trust == Trust.UNAVAILABLE}
    assert set(FORMULAS) | never == set(knowledge.load().metrics)
    assert not set(FORMULAS) & never
