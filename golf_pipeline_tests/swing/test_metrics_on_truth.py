"""The formulas on the rendered golfer's true landmarks: plane readings against the angles and ways in space.

No pose model takes part, so what differs is the formula and the camera's perspective, not the pose.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from golf_pipeline.swing.documents import (
    Capture,
    EventName,
    Handedness,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.synthetic.truth import Truth

SAMPLES = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples"
ADDRESS, TOP, IMPACT = EventName.ADDRESS, EventName.TOP, EventName.IMPACT
TARGET, UP, BALL = 0, 1, 2  # axes of the truth's metres, a right-hander's target

Joints = dict[str, NDArray[np.float64]]


def seen_and_true(name: str) -> tuple[LandmarkTrack, SwingSegmentation, Joints, float]:
    """The track of the true pixels, the true events, the joints in metres, and +1 or -1 for the target's side."""
    truth = Truth.read(SAMPLES / f"{name}.truth.json")
    xyz = np.zeros((truth.frame_count, 33, 3), np.float32)
    for joint, place in truth.joints.items():
        if joint in INDEX:
            xyz[:, INDEX[joint], :2] = np.array(place.pixels) / (truth.width, truth.height)
    count = np.arange(truth.frame_count)
    visible = np.ones(xyz.shape[:2], np.float32)
    track = LandmarkTrack(count, count / truth.fps, xyz, visible, xyz, truth.width, truth.height)
    seen = SwingSegmentation(
        capture=Capture(
            view=View(truth.view),
            view_confidence=1,
            handedness=Handedness(truth.handedness),
            handedness_confidence=1,
            time_base=TimeBase.REAL,
            slow_motion_factor=1,
        ),
        events=tuple(SwingEvent(event=event, confidence=1, **truth.events[event].model_dump()) for event in EventName),
        candidates=(),
    )
    metres = {joint: np.array(place.metres) for joint, place in truth.joints.items()}
    return track, seen, metres, 1.0 if truth.handedness == "right" else -1.0


def middle(joints: Joints, part: str) -> NDArray[np.float64]:
    return (joints[f"left_{part}"] + joints[f"right_{part}"]) / 2


def flex(joints: Joints, side: str) -> NDArray[np.float64]:
    thigh, shank = (joints[f"{side}_{part}"] - joints[f"{side}_knee"] for part in ("hip", "ankle"))
    cosine = (thigh * shank).sum(axis=1) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shank, axis=1)
    return 180 - np.degrees(np.arccos(cosine))


def lean(joints: Joints, axis: int) -> NDArray[np.float64]:
    trunk = middle(joints, "shoulder") - middle(joints, "hip")
    return np.degrees(np.arctan2(trunk[:, axis], trunk[:, UP]))


def way(joints: Joints, part: str, axis: int, frame: int, home: int, seen_axis: int) -> float:
    trunk = (middle(joints, "shoulder") - middle(joints, "hip"))[home]
    torso = np.hypot(trunk[seen_axis], trunk[UP])  # as long as the camera sees it
    place = middle(joints, part)[:, axis]
    return float((place[frame] - place[home]) / torso)


def read(track: LandmarkTrack, seen: SwingSegmentation) -> Callable[[str, EventName | None], float]:
    values = {(one.id, one.phase): one.value for one in measure_swing(track, seen)}
    return lambda name, phase: values[name, phase]  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["face_on_right", "face_on_left"])
def test_face_on_tilt_and_ways_are_those_in_space(name: str) -> None:
    track, seen, joints, target = seen_and_true(name)
    value = read(track, seen)
    home = seen.frame_of(ADDRESS)
    for phase in (ADDRESS, TOP, IMPACT):
        tilt = -target * lean(joints, TARGET)[seen.frame_of(phase)]
        assert value("secondary_axis_tilt", phase) == pytest.approx(tilt, abs=1.0)
    for phase in (TOP, IMPACT):
        frame = seen.frame_of(phase)
        for metric, part in (("pelvis_sway", "hip"), ("head_sway", "ear")):
            true = target * way(joints, part, TARGET, frame, home, TARGET)
            assert value(metric, phase) == pytest.approx(true, abs=0.025), metric
        for metric, part in (("pelvis_lift", "hip"), ("head_lift", "ear")):
            assert value(metric, phase) == pytest.approx(way(joints, part, UP, frame, home, TARGET), abs=0.025), metric


def test_down_the_line_bend_thrust_and_knees_are_those_in_space() -> None:
    track, seen, joints, _ = seen_and_true("down_the_line_right")
    value = read(track, seen)
    home = seen.frame_of(ADDRESS)
    for phase in (ADDRESS, TOP, IMPACT):
        frame = seen.frame_of(phase)
        assert value("spine_forward_bend", phase) == pytest.approx(lean(joints, BALL)[frame], abs=1.0)
        assert value("knee_flex_lead", phase) == pytest.approx(flex(joints, "left")[frame], abs=3.0)
        assert value("knee_flex_trail", phase) == pytest.approx(flex(joints, "right")[frame], abs=3.0)
    for phase in (TOP, IMPACT):
        true = way(joints, "hip", BALL, seen.frame_of(phase), home, BALL)
        assert value("pelvis_thrust", phase) == pytest.approx(true, abs=0.025)


def test_the_rendered_golfers_left_handed_twin_reads_the_same() -> None:
    right, left = (measure_swing(*seen_and_true(name)[:2]) for name in ("face_on_right", "face_on_left"))
    assert sum(one.value is not None for one in right) > 20
    for one, other in zip(right, left, strict=True):
        tolerance = 1.0 if one.unit == "deg" else 0.01
        assert (one.id, one.phase, one.trust) == (other.id, other.phase, other.trust)
        assert (one.value or 0) == pytest.approx(other.value or 0, abs=tolerance), one.id


def test_a_turn_by_foreshortening_is_too_small_and_is_no_number_to_trust() -> None:
    track, seen, joints, _ = seen_and_true("face_on_right")
    line = joints["left_shoulder"] - joints["right_shoulder"]
    turned = np.degrees(np.arctan2(line[:, BALL], line[:, TARGET]))
    true = abs(turned[seen.frame_of(TOP)] - turned[seen.frame_of(ADDRESS)])
    turn = next(one for one in measure_swing(track, seen) if one.id == "shoulder_turn")
    assert turn.trust == Trust.DIRECTION_ONLY
    assert true > 90 > (turn.value or 0), "acos ends at 90 degrees"
