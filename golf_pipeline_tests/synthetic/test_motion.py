"""The rendered golfer's motion: a body that keeps its bones, and events that are what their names say."""

import numpy as np
import pytest

from golf_pipeline.synthetic import motion
from golf_pipeline.synthetic.body import Body
from golf_pipeline.synthetic.events import event_times

TIMES = np.linspace(-1.0, 2.6, 400)


def length(joints: dict[str, np.ndarray], a: str, b: str) -> np.ndarray:
    return np.linalg.norm(joints[a] - joints[b], axis=1)


@pytest.mark.parametrize("side", ["lead", "trail"])
def test_no_bone_changes_its_length_in_the_whole_swing(side: str) -> None:
    joints, _ = motion.pose(TIMES)
    body = Body()
    for a, b, metres in (
        (f"{side}_hip", f"{side}_knee", body.thigh),
        (f"{side}_knee", f"{side}_ankle", body.shank),
        (f"{side}_shoulder", f"{side}_elbow", body.upper_arm),
        (f"{side}_elbow", f"{side}_wrist", body.forearm),
        ("pelvis", "neck", body.spine),
        ("lead_index", "club_head", body.shaft),
    ):
        assert length(joints, a, b) == pytest.approx(metres, abs=1e-9), (a, b)


def test_both_hands_stay_on_the_club_and_both_feet_on_the_ground() -> None:
    joints, _ = motion.pose(TIMES)
    assert length(joints, "lead_index", "trail_index") == pytest.approx(Body().hand_gap, abs=1e-9)
    for side in ("lead", "trail"):
        assert joints[f"{side}_foot_index"][:, 1] == pytest.approx(0.02, abs=1e-9)
        assert (joints[f"{side}_heel"][:, 1] > 0).all()


def test_the_events_are_in_order_and_time_as_a_swing_does() -> None:
    events = event_times()
    assert list(events.values()) == sorted(events.values())
    backswing, downswing = events["top"] - events["address"], events["impact"] - events["top"]
    assert 0.7 < backswing < 1.0
    assert 0.2 < downswing < 0.3
    assert 2.6 < backswing / downswing < 5.3


def test_the_events_are_what_their_definitions_say() -> None:
    events = event_times()
    joints, _ = motion.pose(np.array(list(events.values())))
    at = {name: number for number, name in enumerate(events)}
    shaft = joints["club_head"] - joints["grip_end"]
    arm = joints["lead_wrist"] - joints["lead_shoulder"]
    for name in ("toe_up", "mid_follow_through"):
        assert shaft[at[name], 1] == pytest.approx(0, abs=1e-3)
    for name in ("mid_backswing", "mid_downswing"):
        assert arm[at[name], 1] == pytest.approx(0, abs=1e-3)
    assert joints["club_head"][at["impact"], 1] < 0.05
    assert joints["lead_index"][at["top"], 1] > joints["lead_shoulder"][at["top"], 1]


def test_the_chest_and_pelvis_turn_as_far_as_a_golfers() -> None:
    _, frames = motion.pose(np.array([event_times()["top"]]))
    chest, pelvis = (np.degrees(np.arctan2(axis[0, 2], axis[0, 0])) for axis in (frames.chest_left, frames.pelvis_left))
    assert 70 < abs(chest) < 110
    assert 35 < abs(pelvis) < 55


@pytest.mark.parametrize("side", ["lead", "trail"])
def test_no_arm_and_no_club_passes_through_the_head_or_the_neck(side: str) -> None:
    joints, _ = motion.pose(TIMES)
    for a, b in ((f"{side}_elbow", f"{side}_wrist"), (f"{side}_wrist", f"{side}_index"), ("grip_end", "club_head")):
        assert distance_to_segment(joints["head"], joints[a], joints[b]).min() > 0.15, (a, b)
    assert length(joints, "neck", f"{side}_elbow").min() > 0.19
    assert distance_to_segment(joints["neck"], joints[f"{side}_elbow"], joints[f"{side}_wrist"]).min() > 0.15


def distance_to_segment(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = np.clip(((points - a) * (b - a)).sum(axis=1) / ((b - a) ** 2).sum(axis=1), 0, 1)
    return np.linalg.norm(points - a - along[:, None] * (b - a), axis=1)
