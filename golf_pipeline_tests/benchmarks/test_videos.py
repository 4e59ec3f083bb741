"""The benchmark of labelled videos: matching swings to labels, tolerances, mirrored copies."""

from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.benchmarks.mirror import mirror_video
from golf_pipeline.benchmarks.videos import LabelledSwing, LabelledVideo, judge_video, read_labelled_videos
from golf_pipeline.swing.analysis import assemble_analysis
from golf_pipeline.swing.documents import (
    CandidateSwing,
    Capture,
    EventName,
    Handedness,
    Refusal,
    SwingAnalysis,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    View,
)
from golf_pipeline.swing.video import read_frames
from golf_pipeline.synthetic.clip import SAMPLES
from golf_pipeline.training.golfdb import BenchmarkDataError

LABELLED = LabelledVideo(
    Path("a.mp4"),
    (LabelledSwing(impact=40, top=32, impact_tolerance=1, top_tolerance=2),),
    "face-on",
    Handedness.RIGHT,
)


def analysis(
    *impacts: int, top: int = 32, hand: Handedness = Handedness.RIGHT, view: View = View.FACE_ON
) -> SwingAnalysis:
    """An analysis in which the first of some complete swings was analysed."""
    frames = dict.fromkeys(EventName, 0) | {EventName.TOP: top, EventName.IMPACT: impacts[0]}
    return assemble_analysis(
        segmentation=SwingSegmentation(
            capture=Capture(
                view=view,
                view_confidence=1,
                handedness=hand,
                handedness_confidence=1,
                time_base=TimeBase.REAL,
                slow_motion_factor=1,
            ),
            events=tuple(
                SwingEvent(event=name, frame=frame, time_s=frame / 30, exact_frame=frame, confidence=0.9)
                for name, frame in frames.items()
            ),
            candidates=tuple(
                CandidateSwing(top_frame=at - 8, impact_frame=at, complete=True, chosen=at == impacts[0], reason="")
                for at in impacts
            ),
        )
    )


def test_a_swing_near_its_label_is_found_and_one_far_from_any_is_invented() -> None:
    result = judge_video(LABELLED, analysis(41, 90), mirrored=False)
    assert (result.found, result.missed, result.invented) == (1, 0, 1)
    assert (result.impact_error, result.top_error) == (1, 0)
    assert result.wrong == ("swing at 90 invented",)


def test_an_event_beyond_its_tolerance_a_wrong_view_and_a_wrong_hand_are_named() -> None:
    result = judge_video(LABELLED, analysis(42, top=29, hand=Handedness.LEFT, view=View.OBLIQUE), mirrored=False)
    assert result.wrong == (
        "impact +2 frames (allowed 1)",
        "top -3 frames (allowed 2)",
        "view oblique",
        "hand left",
    )


def test_a_mirrored_copy_shows_a_golfer_of_the_other_hand() -> None:
    assert judge_video(LABELLED, analysis(40, hand=Handedness.LEFT), mirrored=True).hand_right
    assert not judge_video(LABELLED, analysis(40), mirrored=True).hand_right


def test_a_refusal_misses_a_labelled_swing_and_is_right_without_one() -> None:
    refused = assemble_analysis(refusal=Refusal(code="NO_COMPLETE_SWING", message="Cut.", detail=""))
    assert judge_video(LABELLED, refused, mirrored=False).missed == 1
    empty = LabelledVideo(Path("a.mp4"), (), None, None)
    assert judge_video(empty, refused, mirrored=False).wrong == ()


def test_labels_of_both_forms_are_read_and_a_missing_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        "file,view,handedness,top_frame,top_tolerance,impact_frame,impact_tolerance\na.mp4,face-on,L,30,4,40.5,0.5\n"
    )
    (tmp_path / "fixture_swings.csv").write_text(
        "file,complete_swings,swing,address_frame,top_frame,impact_frame\nb.mp4,1,1,,8,16\nc.mp4,0,,,,\n"
    )
    with pytest.raises(BenchmarkDataError, match=r"a\.mp4, b\.mp4, c\.mp4"):
        read_labelled_videos(tmp_path)
    for name in "abc":
        (tmp_path / f"{name}.mp4").touch()
    one, two, none = read_labelled_videos(tmp_path)
    assert (one.hand, one.view) == (Handedness.LEFT, "face-on")
    assert (one.swings[0].impact_tolerance, one.swings[0].top_tolerance) == (1.0, 4.0)
    assert (len(two.swings), none.swings) == (1, ())


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkDataError, match="holds neither"):
        read_labelled_videos(tmp_path)


def test_a_mirrored_copy_has_the_same_frames_the_other_way_round(tmp_path: Path) -> None:
    video = SAMPLES / "face_on_right.mp4"
    copy = mirror_video(video, tmp_path / "mirrored.mp4")
    assert copy is not None
    originals, mirrored = list(read_frames(video, numbers={0, 60})), list(read_frames(copy, numbers={0, 60}))
    for one, other in zip(originals, mirrored, strict=True):
        assert other.time_s == pytest.approx(one.time_s, abs=1e-3)
        difference = np.abs(one.image[:, ::-1].astype(int) - other.image)
        assert difference.mean() < 4


def test_a_file_that_is_no_video_has_no_mirrored_copy(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video")
    assert mirror_video(path, tmp_path / "b.mp4") is None
