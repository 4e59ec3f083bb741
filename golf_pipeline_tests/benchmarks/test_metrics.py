"""The benchmark of the metrics: exact on clips whose readings are known to be right, wrong or missing."""

from pathlib import Path

import pytest

from golf_pipeline.benchmarks.metrics import (
    MetricsBenchmark,
    ReadingAccuracy,
    ScoredClip,
    accuracies,
    not_comparable,
    repeatabilities,
    score_clip,
    score_metrics,
    summarise_errors,
)
from golf_pipeline.benchmarks.metrics_tables import print_tables
from golf_pipeline.benchmarks.metrics_truth import FORMULAS, true_metrics
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import (
    CandidateSwing,
    Capture,
    EventName,
    Handedness,
    Metric,
    Refusal,
    SwingAnalysis,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.synthetic.clip import ClipSpec, truth_of
from golf_pipeline.synthetic.truth import Truth
from golf_pipeline.training.golfdb import BenchmarkDataError
from golf_pipeline_tests.synthetic.true_track import true_track

FACE_ON = truth_of(ClipSpec("face_on"))
LEFT = truth_of(ClipSpec("left", handedness="left"))
SWAY = ("pelvis_sway", "impact")


def analysis_of(truth: Truth, late: int = 0, view: View | None = None) -> SwingAnalysis:
    """What an analysis would say whose pose is perfect and whose events are so many frames late."""
    swing = truth.swings[0]
    seen = SwingSegmentation(
        capture=Capture(
            view=view or View(truth.view),
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
                time_s=event.time_s + late / truth.fps,
                exact_frame=event.exact_frame + late,
                confidence=1,
            )
            for name, event in swing.events.items()
        ),
        candidates=(
            CandidateSwing(
                top_frame=swing.events["top"].frame,
                impact_frame=swing.events["impact"].frame,
                complete=True,
                chosen=True,
                reason="",
            ),
        ),
    )
    return SwingAnalysis(
        status="analysed",
        algorithm_versions={},
        capture=seen.capture,
        events=seen.events,
        candidates=seen.candidates,
        metrics=measure_swing(true_track(truth), seen),
    )


def clip_of(truth: Truth, late: int = 0, view: View | None = None) -> ScoredClip:
    clip = score_clip("clip", truth, analysis_of(truth, late, view), true_track(truth))
    assert isinstance(clip, ScoredClip)
    return clip


def changed(analysis: SwingAnalysis, key: tuple[str, str], by: float) -> SwingAnalysis:
    def moved(one: Metric) -> Metric:
        fits = (one.id, one.phase or "swing") == key and one.value is not None
        return one.model_copy(update={"value": (one.value or 0) + by}) if fits else one

    return analysis.model_copy(update={"metrics": tuple(moved(one) for one in analysis.metrics)})


def reading_of(clips: list[ScoredClip], key: tuple[str, str]) -> ReadingAccuracy:
    return next(one for one in accuracies(clips) if (one.metric, one.phase) == key)


def test_every_metric_that_can_be_measured_has_a_true_value() -> None:
    measurable = {one.id for one in knowledge.load().metrics.values() if one.most_trust != Trust.UNAVAILABLE}
    assert measurable <= set(FORMULAS) <= set(knowledge.load().metrics)


def test_truth_follows_the_golfer_and_not_the_picture() -> None:
    right, left = (true_metrics(truth, truth.swings[0]) for truth in (FACE_ON, LEFT))
    assert right.keys() == left.keys()
    for key, value in right.items():
        assert left[key] == pytest.approx(value, abs=0.3), key
    assert right[SWAY] > 0.1


def test_a_perfect_pose_at_the_true_events_is_nearly_true() -> None:
    sway = reading_of([clip_of(FACE_ON), clip_of(LEFT)], SWAY)
    assert (sway.truths, sway.unavailable, sway.valid, sway.misses_reach) == (2, 0, True, False)
    assert sway.found is not None
    assert sway.found.median < 0.03
    assert sway.found.within == 1


def test_late_events_show_in_the_found_errors_and_not_in_those_at_the_true_events() -> None:
    tempo = reading_of([clip_of(FACE_ON, late=0)], ("downswing_time", "swing"))
    late = reading_of([clip_of(FACE_ON, late=4)], SWAY)
    assert tempo.found is not None
    assert tempo.found.median < 0.001
    assert late.found is not None
    assert late.true_events is not None
    assert late.found.median > 0.03 > late.true_events.median


def test_a_wrong_view_makes_a_reading_unavailable_where_the_truth_exists() -> None:
    sway = reading_of([clip_of(FACE_ON, view=View.DOWN_THE_LINE)], SWAY)
    assert (sway.truths, sway.unavailable, sway.found, sway.trust) == (1, 1, None, {})
    assert sway.true_events is not None


def test_a_measured_reading_beyond_the_reach_is_said_to_miss_it() -> None:
    wrong = score_clip("wrong", FACE_ON, changed(analysis_of(FACE_ON), SWAY, 0.2), true_track(FACE_ON))
    assert isinstance(wrong, ScoredClip)
    sway = reading_of([wrong], SWAY)
    assert sway.misses_reach
    assert sway.found is not None
    assert sway.found.bias == pytest.approx(0.2, abs=0.03)
    assert sway.bias_by_motion == {"own": sway.found.bias}


def test_bias_and_spread_are_those_of_the_errors() -> None:
    errors = summarise_errors([1.0, 2.0, 3.0, 4.0, 100.0], "deg")
    assert errors is not None
    assert (errors.bias, errors.median, errors.worst, errors.within) == (3, 3, 100, 0.6)
    assert errors.spread == pytest.approx(1.483)
    assert summarise_errors([], "deg") is None
    seconds = summarise_errors([0.1], "s")
    assert seconds is not None
    assert seconds.within is None


def test_an_analysis_of_something_else_is_left_out_and_says_so() -> None:
    analysis = analysis_of(FACE_ON)
    elsewhere = analysis.candidates[0].model_copy(update={"impact_frame": 0, "top_frame": 0})
    reason = score_clip("x", FACE_ON, analysis.model_copy(update={"candidates": (elsewhere,)}), true_track(FACE_ON))
    assert isinstance(reason, str)
    assert "something else" in reason


def test_what_two_analyses_of_one_swing_differ_by_is_its_repeatability() -> None:
    one = analysis_of(FACE_ON)
    sway = next(each for each in repeatabilities([(one, changed(one, SWAY, 0.2))]) if (each.metric, each.phase) == SWAY)
    assert (sway.n, sway.view, sway.unit) == (1, "face-on", "torso lengths")
    assert sway.median == pytest.approx(0.2 / 2**0.5, abs=1e-3)


def test_only_analyses_of_the_same_swing_in_the_same_view_are_compared() -> None:
    one = analysis_of(FACE_ON)
    assert not_comparable((one, one)) == ""
    assert "another view" in not_comparable((one, analysis_of(FACE_ON, view=View.OBLIQUE)))
    assert "another swing" in not_comparable((one, analysis_of(FACE_ON, late=30)))
    refused = SwingAnalysis(status="refused", algorithm_versions={}, refusal=Refusal(code="X", message="none"))
    assert not_comparable((one, refused)) == "refused: X"


def test_a_folder_without_clips_or_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkDataError, match="no clip"):
        score_metrics(tmp_path, None, Path("model"), lambda *_: None)
    FACE_ON.write(tmp_path / "a.truth.json")
    (tmp_path / "a.mp4").touch()
    (tmp_path / "videos").mkdir()
    with pytest.raises(BenchmarkDataError, match="no video"):
        score_metrics(tmp_path, tmp_path / "videos", Path("model"), lambda *_: None)


def test_the_tables_name_what_misses_and_what_it_ran_on(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    wrong = score_clip("wrong", FACE_ON, changed(analysis_of(FACE_ON), SWAY, 0.2), true_track(FACE_ON))
    assert isinstance(wrong, ScoredClip)
    result = MetricsBenchmark(
        clips_folder="somewhere",
        clips=("wrong",),
        left_out={"still": "refused: NO_COMPLETE_SWING"},
        frames=wrong.frames,
        motions={"own": 1},
        pose_model="the model",
        algorithm_versions={"metrics": "7"},
        readings=tuple(accuracies([wrong])),
    )
    print_tables(result, Console(width=150))
    said = capsys.readouterr().out
    for words in ("pelvis_sway impact (face-on)", "1 of own motion", "somewhere", "NO_COMPLETE_SWING", "metrics 7"):
        assert words in said, words


def test_without_a_folder_it_says_that_it_ran_on_the_samples_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model").touch()
    monkeypatch.setattr("golf_pipeline.benchmarks.metrics._score_file", lambda path, _: f"not analysed: {path.parent}")
    result = score_metrics(None, None, tmp_path / "model", lambda *_: None)
    assert all(reason.endswith("samples") for reason in result.left_out.values())
    assert {"face_on_right", "down_the_line_right"} < set(result.left_out)
    assert "one body" in result.note
