"""Reports and coaching of real swings say facts only: every number in them is walked, whoever the golfer is.

GolfDB's tour players bring their landmarks, so they are quick; the labelled videos go through the whole analysis and
run with `make test-slow`.
"""

import contextlib
from pathlib import Path

import pytest

from golf_pipeline.coach.coach import coach_swing, facts_of
from golf_pipeline.coach.grounding import coaching_problems, report_problems
from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.analysis import analyze_swing, assemble_analysis, to_json
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.errors import SwingNotFound
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.training.golfdb import read_clips

LABELLED = (
    "range_dtl_1.mp4",
    "range_dtl_2.mp4",
    "range_dtl_5.mp4",
    "phone_hevc_rotated_1.mov",
    "phone_hevc_rotated_2.mov",
    "golfdb_dtl_slow.mp4",
    "fixture_03.mp4",
    "fixture_11.mp4",
    "fixture_15.mp4",
    "fixture_17.mp4",
    "fixture_19.mp4",
    "fixture_23.mp4",
)
"""The videos of `labels.csv` and `fixture_swings.csv` that hold a complete swing."""


def analysed(track: LandmarkTrack) -> SwingAnalysis:
    seen = segment_swing(track)
    measured = measure_swing(track, seen)
    findings = find_faults(measured, seen)
    report = write_report(findings, measured, seen)
    return assemble_analysis(track=track, segmentation=seen, measured=measured, findings=findings, advice_report=report)


def problems(analysis: SwingAnalysis) -> list[str]:
    facts = facts_of(analysis)
    assert analysis.report is not None
    found = [*report_problems(analysis.report, facts), *coaching_problems(coach_swing(analysis), facts)]
    return [str(problem) for problem in found]


@pytest.mark.slow
def test_the_words_on_every_tour_player_and_their_mirror_image_hold_only_facts(shared_data: Path) -> None:
    golfdb = shared_data / "golfdb"
    walked = 0
    for clip in read_clips(golfdb / "landmarks.parquet", golfdb / "events.csv"):
        for track in (clip.track, clip.track.mirrored()):
            with contextlib.suppress(SwingNotFound):
                assert problems(analysed(track)) == [], clip.id
                walked += 1
    assert walked > 110


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELLED)
def test_the_words_on_every_labelled_video_hold_only_facts_and_are_the_same_twice(shared_data: Path, name: str) -> None:
    first, second = (analyze_swing(shared_data / "videos" / name) for _ in range(2))
    assert first.refusal is None
    assert problems(first) == []
    assert to_json(first) == to_json(second)
    assert coach_swing(first) == coach_swing(second)
