"""The benchmark of events: what it counts, and that no clip is scored by its own video."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from golf_pipeline.benchmarks.events import EventsBenchmark, score_events, timings_without_own_video
from golf_pipeline.cli import app
from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.timing import rules_timing
from golf_pipeline.training.golfdb import read_clips
from golf_pipeline.training.timing import observe
from golf_pipeline_tests.training.clips import GOLFERS, write_clips


def test_clips_are_scored_by_event_view_and_time_base_and_mirrored_ones_alike(tmp_path: Path) -> None:
    score = score_events(*write_clips(tmp_path)).default
    assert (score.clips, score.refused, score.cross_validated) == (len(GOLFERS), 0, 0)
    assert set(score.by_view) == {"face-on", "down-the-line"}
    assert {kind: one.clips for kind, one in score.by_time_base.items()} == {"real time": 6, "slow motion": 2}
    assert score.by_event[EventName.IMPACT] == 1.0
    assert score_events(*write_clips(tmp_path, mirrored=True)).default.pce == pytest.approx(score.pce, abs=0.02)


def test_a_refused_clip_misses_all_events_and_says_why(tmp_path: Path) -> None:
    landmarks, labels = write_clips(tmp_path, GOLFERS[:4])
    cut = pl.read_parquet(landmarks).filter((pl.col("clip_id") != 101) | (pl.col("frame") < 40))
    cut.write_parquet(landmarks)
    whole, part = (score_events(*files).default for files in (write_clips(tmp_path, GOLFERS[:4]), (landmarks, labels)))
    assert whole.refused == 0
    cut.write_parquet(landmarks)
    part = score_events(landmarks, labels).default
    refused = part.per_clip[1]
    assert (part.refused, refused.errors, len(refused.missed)) == (1, None, 8)
    assert "Film from before the takeaway" in refused.refusal
    assert part.pce < whole.pce


def test_a_label_that_is_off_by_more_than_the_tolerance_is_a_miss(tmp_path: Path) -> None:
    landmarks, labels = write_clips(tmp_path, GOLFERS[:1])
    before = score_events(landmarks, labels).default
    pl.read_csv(labels).with_columns(pl.col("clip_impact") + 3).write_csv(labels)
    after = score_events(landmarks, labels).default
    assert before.by_event[EventName.IMPACT] == 1.0
    assert after.by_event[EventName.IMPACT] == 0.0
    assert EventName.IMPACT in after.per_clip[0].missed


def test_clips_of_a_video_that_was_fitted_on_are_scored_without_it(tmp_path: Path) -> None:
    clips = read_clips(*write_clips(tmp_path))
    shipped = rules_timing()
    known = type(shipped)(**{**shipped.__dict__, "fitted_on": (100, 102, 104)})
    timings = timings_without_own_video(clips, observe(clips), known)
    videos = {clip.video for clip in clips if clip.id in known.fitted_on}
    assert set(timings) == videos
    assert all(timing.fitted_on == () for timing in timings.values())


def test_the_command_prints_one_json_document(tmp_path: Path) -> None:
    landmarks, labels = write_clips(tmp_path, GOLFERS[:2])
    arguments = ["benchmark", "events", "--landmarks", str(landmarks), "--labels", str(labels), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert EventsBenchmark.model_validate(json.loads(result.stdout)).clips == 2


def test_a_file_of_another_form_ends_the_command_with_its_name(tmp_path: Path) -> None:
    _, labels = write_clips(tmp_path, GOLFERS[:1])
    result = CliRunner().invoke(app, ["benchmark", "events", "--landmarks", str(labels), "--labels", str(labels)])
    assert result.exit_code == 1
    assert "events.csv cannot be read as Parquet" in result.output


def test_golfdb_is_scored_at_what_was_measured(shared_data: Path) -> None:
    golfdb = shared_data / "golfdb"
    score = score_events(golfdb / "landmarks.parquet", golfdb / "events.csv").default
    assert (score.clips, score.cross_validated) == (61, 61)
    assert score.pce >= 0.70
    assert score.by_event[EventName.IMPACT] >= 0.93
    assert score.by_event[EventName.TOP] >= 0.82
    assert score.calibration_error <= 0.06
