"""The formulas on the rendered golfer's true landmarks: plane readings against what is true in space.

No pose model takes part, so what differs is the formula and the camera's perspective, not the pose. What the pose adds
is measured by `golf-pipeline benchmark metrics`.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.benchmarks.metrics_truth import true_metrics
from golf_pipeline.swing.documents import (
    Capture,
    EventName,
    Handedness,
    Metric,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.swing.readings import SIDES_SWAPPED
from golf_pipeline.synthetic.truth import Truth
from golf_pipeline_tests.synthetic.true_track import true_track

SAMPLES = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples"

TOLERANCE = {"deg": 1.0, "torso lengths": 0.025, "stance widths": 0.025, "ratio": 0.001, "s": 0.001}

PERSPECTIVE = {
    "knee_flex_lead": 3.0,
    "knee_flex_trail": 3.0,
    "knee_brace": 3.0,
    "shoulder_tilt": 5.0,
    "stance_width": 0.1,
}
"""Degrees or shoulder widths that a camera five metres away may cost, where near meets far or a leg turns."""

NOT_OF_A_PLANE = {"shoulder_turn", "pelvis_turn", "lead_arm"}
"""One camera cannot see these whole, and their trust says so."""


def read(name: str, track: LandmarkTrack | None = None) -> tuple[Truth, dict[tuple[str, str], Metric]]:
    """The metrics of a clip's true landmarks, or of others, at its true events."""
    truth = Truth.read(SAMPLES / f"{name}.truth.json")
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
    return truth, {(one.id, one.phase or "swing"): one for one in measure_swing(track or true_track(truth), seen)}


@pytest.mark.parametrize("name", ["face_on_right", "face_on_left", "down_the_line_right"])
def test_every_plane_reading_of_true_landmarks_is_the_one_in_space(name: str) -> None:
    truth, metrics = read(name)
    true = true_metrics(truth, truth.swings[0])
    checked = {key for key, one in metrics.items() if one.value is not None and one.id not in NOT_OF_A_PLANE}
    assert len(checked) > 20
    for key in sorted(checked):
        one = metrics[key]
        tolerance = PERSPECTIVE.get(one.id, TOLERANCE.get(one.unit))
        assert one.value == pytest.approx(true[key], abs=tolerance), key


def test_the_rendered_golfers_left_handed_twin_reads_the_same() -> None:
    (_, right), (_, left) = read("face_on_right"), read("face_on_left")
    assert sum(one.value is not None for one in right.values()) > 20
    for key, one in right.items():
        other = left[key]
        tolerance = 1.0 if one.unit == "deg" else 0.01
        assert one.trust == other.trust, key
        assert (one.value or 0) == pytest.approx(other.value or 0, abs=tolerance), key


def test_a_turn_by_foreshortening_is_too_small_and_is_no_number_to_trust() -> None:
    truth, metrics = read("face_on_right")
    true = true_metrics(truth, truth.swings[0])["shoulder_turn", EventName.TOP]
    turn = metrics["shoulder_turn", EventName.TOP]
    assert turn.trust == Trust.DIRECTION_ONLY
    assert true > 90 > (turn.value or 0), "acos ends at 90 degrees"


def test_a_pose_that_mistakes_the_sides_at_address_keeps_the_target_and_is_doubted() -> None:
    truth, metrics = read("face_on_right")
    track = true_track(truth)
    other_sides = track.mirrored().xyz * (-1, 1, 1) + (1, 0, 0)
    until = (truth.events["address"].frame + truth.events["toe_up"].frame) // 2
    xyz = np.where(np.arange(len(track))[:, None, None] < until, other_sides, track.xyz)
    _, mistaken = read("face_on_right", dataclasses.replace(track, xyz=xyz.astype(np.float32)))
    for key, tolerance in ((("pelvis_sway", EventName.IMPACT), 0.1), (("secondary_axis_tilt", EventName.ADDRESS), 0.1)):
        assert mistaken[key].value == pytest.approx(metrics[key].value, abs=tolerance), key
        assert (mistaken[key].trust, mistaken[key].reason) == (Trust.LOW, SIDES_SWAPPED)
    tilt = mistaken["shoulder_tilt", EventName.IMPACT]
    assert (tilt.value, tilt.reason) == (None, SIDES_SWAPPED)
