"""The scoring of analyses against rendered clips' truth: exact on answers that are known to be right or wrong."""

from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.benchmarks.synthetic import PARTS, ClipScore, landmark_error, run, score_clip, summarise
from golf_pipeline.swing.documents import (
    CandidateSwing,
    Capture,
    EventName,
    Handedness,
    Refusal,
    SwingAnalysis,
    SwingEvent,
    TimeBase,
    View,
)
from golf_pipeline.swing.landmarks import INDEX, LANDMARKS, LandmarkTrack
from golf_pipeline.synthetic.clip import ClipSpec, truth_of
from golf_pipeline.synthetic.truth import TrueSwing, Truth

PLAIN = truth_of(ClipSpec("plain"))
PRACTICE = truth_of(ClipSpec("practice", practice_swing=True, start_s=-6.0))
STILL = truth_of(ClipSpec("still", start_s=-3.0, end_s=-1.0, sound=False))
REFUSED = SwingAnalysis(
    status="refused", algorithm_versions={}, refusal=Refusal(code="NO_COMPLETE_SWING", message="none")
)


def candidate(swing: TrueSwing, *, chosen: bool) -> CandidateSwing:
    top, impact = (swing.events[name].frame for name in ("top", "impact"))
    return CandidateSwing(top_frame=top, impact_frame=impact, complete=True, chosen=chosen, reason="")


def analysis_of(truth: Truth, chosen: int = 0, late: int = 0) -> SwingAnalysis:
    """An analysis that finds every swing and says what is true of one, all events so many frames late."""
    return SwingAnalysis(
        status="analysed",
        algorithm_versions={},
        capture=Capture(
            view=View(truth.view),
            view_confidence=1,
            handedness=Handedness(truth.handedness),
            handedness_confidence=1,
            time_base=TimeBase.REAL,
            slow_motion_factor=1.0,
        ),
        events=tuple(
            SwingEvent(
                event=EventName(name),
                frame=event.frame + late,
                time_s=event.time_s,
                exact_frame=event.exact_frame + late,
                confidence=1,
            )
            for name, event in truth.swings[chosen].events.items()
        ),
        candidates=tuple(candidate(swing, chosen=number == chosen) for number, swing in enumerate(truth.swings)),
    )


def test_a_true_analysis_is_right_in_everything() -> None:
    score = score_clip("plain", PLAIN, analysis_of(PLAIN), None)
    assert (score.swings, score.found, score.missed, score.invented, score.verdict) == (1, 1, 0, 0, "right")
    assert set(score.errors.values()) == {0}
    assert score.exact_impact_error == 0
    assert all(told is not None and told.right for told in (score.view, score.hand, score.slow_motion))
    assert summarise([score])["pce"] == 1


def test_late_events_are_positive_errors_beyond_the_tolerance() -> None:
    score = score_clip("plain", PLAIN, analysis_of(PLAIN, late=2), None)
    assert set(score.errors.values()) == {2}
    assert score.tolerance == 1
    assert summarise([score])["pce"] == 0


def test_the_practice_swing_is_not_the_swing_that_was_meant() -> None:
    right, wrong = (score_clip("practice", PRACTICE, analysis_of(PRACTICE, number), None) for number in (1, 0))
    assert right.verdict == "right"
    assert wrong.verdict == "analysed the practice swing"
    assert (wrong.found, wrong.missed) == (2, 0)


def test_refusals_are_right_only_where_there_is_no_swing() -> None:
    assert score_clip("still", STILL, REFUSED, None).verdict == "right"
    refused = score_clip("plain", PLAIN, REFUSED, None)
    assert (refused.verdict, refused.missed, refused.errors) == ("refused a complete swing", 1, {})
    invented = score_clip("still", STILL, analysis_of(PLAIN), None)
    assert (invented.verdict, invented.invented) == ("analysed a swing that is not there", 1)
    assert summarise([refused, invented])["refused_wrongly"] == 1


def track_of(truth: Truth, wrists_off_px: float) -> LandmarkTrack:
    xyz = np.zeros((truth.frame_count, len(LANDMARKS), 3), np.float32)
    for name, joint in truth.joints.items():
        if name in INDEX:
            off = (wrists_off_px, 0) if name.endswith("wrist") else (0, 0)
            xyz[:, INDEX[name], :2] = (np.array(joint.pixels) + off) / (truth.width, truth.height)
    numbers, ones = np.arange(truth.frame_count), np.ones(xyz.shape[:2], np.float32)
    return LandmarkTrack(numbers, numbers / truth.fps, xyz, ones, xyz, truth.width, truth.height)


def test_landmarks_are_off_by_their_distance_in_torso_lengths() -> None:
    assert landmark_error(PLAIN, track_of(PLAIN, 0.0)) == dict.fromkeys(PARTS, 0.0)
    near, far = (landmark_error(PLAIN, track_of(PLAIN, pixels)) for pixels in (20.0, 40.0))
    assert near["wrist"] == pytest.approx(20 / 100, rel=0.2)
    assert far["wrist"] == pytest.approx(2 * near["wrist"], abs=0.002)
    assert near["hip"] == 0


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clip"):
        run(tmp_path, as_json=False)


def test_a_truth_without_its_clip_is_named(tmp_path: Path) -> None:
    STILL.write(tmp_path / "lonely.truth.json")
    with pytest.raises(ValueError, match=r"no video for lonely\.truth\.json"):
        run(tmp_path, as_json=False)


def test_nothing_to_summarise_is_no_error() -> None:
    empty = ClipScore("refused", 60, 30.0, swings=0, found=0, missed=0, invented=0, refusal="X", verdict="right")
    assert summarise([empty])["clips_without_swing"] == 1
