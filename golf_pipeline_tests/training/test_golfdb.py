"""Reading labelled clips in GolfDB's form."""

from pathlib import Path

import polars as pl
import pytest

from golf_pipeline.swing.documents import EventName
from golf_pipeline.training.golfdb import BenchmarkDataError, read_clips, source_videos
from golf_pipeline_tests.training.clips import GOLFERS, RHYTHM, write_clips


def test_a_clip_has_its_landmarks_labels_view_and_speed(tmp_path: Path) -> None:
    clips = read_clips(*write_clips(tmp_path))
    assert [clip.id for clip in clips] == list(range(100, 100 + len(GOLFERS)))
    golfer, clip = GOLFERS[3], clips[3]
    assert (clip.view, clip.slow) == ("face-on", True)
    assert len(clip.track) == len(golfer.track())
    assert clip.labels[EventName.IMPACT] == round((golfer.before + RHYTHM[EventName.IMPACT]) * golfer.downswing)


def test_frames_without_a_body_are_missing_rows_and_stay_unseen(tmp_path: Path) -> None:
    landmarks, labels = write_clips(tmp_path, GOLFERS[:1])
    pl.read_parquet(landmarks).filter(~pl.col("frame").is_between(5, 9)).write_parquet(landmarks)
    [clip] = read_clips(landmarks, labels)
    assert not clip.track.found[5:10].any()
    assert clip.track.found.sum() == len(clip.track) - 5


def test_only_the_id_and_the_event_frames_are_needed(tmp_path: Path) -> None:
    landmarks, labels = write_clips(tmp_path)
    pl.read_csv(labels).drop("sex", "view", "slow", "abs_start", "clip_end").write_csv(labels)
    assert {clip.view for clip in read_clips(landmarks, labels)} == {"unknown"}


def test_clips_follow_one_another_in_a_video_while_time_goes_on_and_the_golfer_is_the_same() -> None:
    rows = [
        {"id": 0, "sex": "f", "abs_start": 400},
        {"id": 1, "sex": "f", "abs_start": 800},
        {"id": 2, "sex": "f", "abs_start": 100},
        {"id": 3, "sex": "m", "abs_start": 700},
        {"id": 9, "sex": "m", "abs_start": 701},
    ]
    assert source_videos(rows) == {0: 0, 1: 0, 2: 1, 3: 2, 9: 2}
    assert source_videos(rows[::-1]) == source_videos(rows)


def test_clips_that_name_no_start_are_each_a_video_of_their_own() -> None:
    assert source_videos([{"id": 1}, {"id": 2}]) == {1: 0, 2: 1}


def test_a_file_of_another_form_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    landmarks, labels = write_clips(tmp_path, GOLFERS[:1])
    with pytest.raises(BenchmarkDataError, match=r"landmarks\.parquet cannot be read as CSV"):
        read_clips(landmarks, landmarks)
    with pytest.raises(BenchmarkDataError, match=r"events\.csv cannot be read as Parquet"):
        read_clips(labels, labels)
    pl.read_csv(labels).drop("clip_top").write_csv(labels)
    with pytest.raises(BenchmarkDataError, match=r"events\.csv lacks clip_top"):
        read_clips(landmarks, labels)


def test_files_without_a_clip_in_common_are_refused(tmp_path: Path) -> None:
    landmarks, labels = write_clips(tmp_path, GOLFERS[:1])
    pl.read_csv(labels).with_columns(id=7).write_csv(labels)
    with pytest.raises(BenchmarkDataError, match="no clip in common"):
        read_clips(landmarks, labels)
