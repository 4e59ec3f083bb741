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


def test_chest_stance_and_hands_of_a_posed_golfer_are_read_exactly(swaying: LandmarkTrack) -> None:
    leaning = 0.3 - np.sin(np.radians(15))
    assert read(swaying, FACE_ON, "chest_sway", TOP).value == pytest.approx(-0.2, abs=1e-3)
    assert read(swaying, FACE_ON, "chest_sway", IMPACT).value == pytest.approx(leaning, abs=1e-3)
    assert read(swaying, FACE_ON, "stance_width", ADDRESS).value == pytest.approx(60 / 40, abs=1e-3)
    assert read(swaying, FACE_ON, "hands_ahead", ADDRESS).value == pytest.approx(60 / TORSO, abs=1e-3)


def test_a_doubt_lowers_the_trust_at_its_phases_and_in_its_views_only(
    swaying: LandmarkTrack, standing_up: LandmarkTrack
) -> None:
    top, impact = (read(standing_up, DTL, "pelvis_thrust", phase) for phase in (TOP, IMPACT))
    assert (top.trust, impact.trust) == (Trust.LOW, Trust.MEASURED)
    assert "hips" in top.reason
    assert read(swaying, FACE_ON, "head_stability", None).trust == Trust.LOW
    assert read(standing_up, DTL, "head_stability", None).trust == Trust.MEASURED


def test_a_reading_has_the_noise_of_its_phase_where_one_is_known(swaying: LandmarkTrack) -> None:
    for definition in knowledge.load().metrics.values():
        for reading in definition.readings if definition.unit not in {"ratio", "s"} else ():
            one = read(swaying, FACE_ON, definition.id, reading.event)
            assert one.noise == (reading.noise or definition.noise), (definition.id, reading.phase)


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
def test_a_metric_is_measured_only_in_its_view_and_has_a_reason_otherwise(view: View, swaying: LandmarkTrack) -> None:
    for metric in measure_swing(swaying, segmentation(view)):
        if view not in metric.valid_views and view == View.OBLIQUE:
            assert metric.trust != Trust.MEASURED
        elif view not in metric.valid_views:
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


@pytest.mark.parametrize(("visibility", "trust"), [(0.9, Trust.MEASURED), (0.4, Trust.LOW), (0.1, Trust.UNAVAILABLE)])
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


def test_tempo_and_times_follow_the_events_and_are_never_surer_than_a_frame(swaying: LandmarkTrack) -> None:
    tempo = read(swaying, FACE_ON, "tempo", None)
    assert tempo.value == pytest.approx(34 / 8, abs=1e-3)
    assert tempo.noise == pytest.approx(0.6)
    quick = [one.model_copy(update={"exact_frame": 47.0}) if one.event == IMPACT else one for one in FACE_ON.events]
    coarse = read(swaying, FACE_ON.model_copy(update={"events": tuple(quick)}), "tempo", None)
    assert coarse.noise == pytest.approx(34 / 3 / 3, abs=1e-2), "one frame of a downswing of three"
    assert read(swaying, FACE_ON, "downswing_time", None).value == pytest.approx(8 / 30, abs=1e-3)


def panned(track: LandmarkTrack, dx: float = 0.0, dy: float = 0.0) -> LandmarkTrack:
    """The same swing seen by a camera that moves steadily, by torso lengths from address to impact."""
    xyz = track.xyz.copy()
    share = np.clip((np.arange(len(track)) - 12) / 30, 0, 1)[:, None]
    xyz[:, :, 0] += (dx * TORSO / track.width * share).astype(np.float32)
    xyz[:, :, 1] += (dy * TORSO / track.height * share).astype(np.float32)
    return dataclasses.replace(track, xyz=xyz)


def test_a_panning_camera_does_not_make_a_sway(swaying: LandmarkTrack) -> None:
    for name, phase in (("pelvis_sway", TOP), ("pelvis_sway", IMPACT), ("chest_sway", IMPACT)):
        steady, moving = (read(track, FACE_ON, name, phase) for track in (swaying, panned(swaying, dx=0.5)))
        assert moving.value == pytest.approx(steady.value, abs=0.02)
        assert moving.trust == Trust.MEASURED


def test_a_camera_that_moves_up_or_down_makes_heights_doubtful(swaying: LandmarkTrack) -> None:
    assert read(swaying, FACE_ON, "head_lift", IMPACT).trust == Trust.MEASURED
    sinking = read(panned(swaying, dy=0.3), FACE_ON, "head_lift", IMPACT)
    assert (sinking.trust, "camera" in sinking.reason) == (Trust.LOW, True)


def test_without_feet_a_sideways_way_is_doubtful(swaying: LandmarkTrack) -> None:
    seen = swaying.visibility.copy()
    seen[:, [INDEX[name] for name in ("left_heel", "right_heel", "left_foot_index", "right_foot_index")]] = 0.1
    sway = read(dataclasses.replace(swaying, visibility=seen), FACE_ON, "pelvis_sway", TOP)
    assert (sway.value, sway.trust) == (pytest.approx(-0.2, abs=1e-3), Trust.LOW)


def test_one_hidden_joint_is_not_outvoted_by_the_seen_ones() -> None:
    track = track_of({ADDRESS: standing(35), TOP: standing(35), IMPACT: standing(35)})
    seen = track.visibility.copy()
    seen[:, INDEX["left_knee"]] = 0.1
    track = dataclasses.replace(track, visibility=seen)
    assert read(track, DTL, "knee_flex_lead", ADDRESS).value is None
    assert read(track, DTL, "knee_flex_trail", ADDRESS).trust == Trust.MEASURED


def test_a_trunk_that_changes_its_length_makes_a_reading_doubtful() -> None:
    broken = moved(-0.2)
    broken |= {name: (x, y - 0.4 * TORSO) for name, (x, y) in broken.items() if "shoulder" in name or "ear" in name}
    track = track_of({ADDRESS: moved(0), TOP: broken, IMPACT: moved(0.3)})
    at_top, at_impact = (read(track, FACE_ON, "pelvis_sway", phase) for phase in (TOP, IMPACT))
    assert (at_top.trust, "does not fit" in at_top.reason) == (Trust.LOW, True)
    assert at_impact.trust == Trust.MEASURED


def test_a_camera_behind_the_golfer_turns_the_target_with_the_body(swaying: LandmarkTrack) -> None:
    behind = swaying.mirrored()
    sides = [
        INDEX[name.replace("left", "right") if "left" in name else name.replace("right", "left")] for name in INDEX
    ]
    behind = dataclasses.replace(behind, xyz=behind.xyz[:, sides], visibility=behind.visibility[:, sides])
    assert read(behind, FACE_ON, "pelvis_sway", TOP).value == pytest.approx(-0.2, abs=1e-3)


def test_an_oblique_camera_gives_low_trust_and_the_reason(swaying: LandmarkTrack) -> None:
    sway = read(swaying, segmentation(View.OBLIQUE), "pelvis_sway", TOP)
    assert (sway.value, sway.trust) == (pytest.approx(-0.2, abs=1e-3), Trust.LOW)
    assert "face-on" in sway.reason
    end_on = track_of({phase: standing(hip=(360, 700), shoulder_half=10) for phase in (ADDRESS, TOP, IMPACT)})
    assert read(end_on, segmentation(View.OBLIQUE), "pelvis_sway", TOP).value is None


def test_down_the_line_the_ball_is_found_without_knowing_the_hand(standing_up: LandmarkTrack) -> None:
    unknown = segmentation(View.DOWN_THE_LINE, Handedness.UNKNOWN)
    assert read(standing_up, unknown, "pelvis_thrust", IMPACT).value == pytest.approx(0.15, abs=1e-3)
    assert read(standing_up.mirrored(), unknown, "pelvis_thrust", IMPACT).value == pytest.approx(0.15, abs=1e-3)
    assert read(standing_up, unknown, "knee_flex_lead", ADDRESS).value is None


def test_a_reading_never_looks_across_a_cut(swaying: LandmarkTrack) -> None:
    xyz = swaying.xyz.copy()
    xyz[:10, :, 0] += 0.4
    cut = dataclasses.replace(swaying, xyz=xyz, cuts=(10,))
    assert read(cut, FACE_ON, "pelvis_sway", TOP).value == pytest.approx(-0.2, abs=1e-3)


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


@pytest.mark.parametrize(("wrists", "trust"), [((0.05, 0.05), Trust.UNAVAILABLE), ((0.05, 0.9), Trust.MEASURED)])
def test_the_hands_are_as_well_seen_as_the_better_wrist(
    swaying: LandmarkTrack, wrists: tuple[float, float], trust: Trust
) -> None:
    seen = swaying.visibility.copy()
    seen[:, [INDEX["left_wrist"], INDEX["right_wrist"]]] = wrists
    hidden = dataclasses.replace(swaying, visibility=seen)
    assert read(hidden, FACE_ON, "hands_ahead", ADDRESS).trust == trust
    assert read(hidden, FACE_ON, "pelvis_sway", TOP).trust == Trust.MEASURED


def test_shoulders_on_one_spot_have_no_width_to_compare_with(swaying: LandmarkTrack) -> None:
    xyz = swaying.xyz.copy()
    xyz[:, INDEX["left_shoulder"]] = xyz[:, INDEX["right_shoulder"]]
    assert read(dataclasses.replace(swaying, xyz=xyz), FACE_ON, "stance_width", ADDRESS).value is None
