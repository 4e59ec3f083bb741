"""The cost benchmark: a complete document about any video, refused ones included; how fast is not asserted."""

import json
from pathlib import Path

import pytest

from golf_pipeline.benchmarks.pose import as_text, measure, run
from golf_pipeline.swing.errors import VideoRefused
from golf_pipeline_tests.conftest import REPOSITORY

SAMPLES = REPOSITORY / "golf_pipeline" / "synthetic" / "samples"


@pytest.mark.slow
def test_the_cost_of_a_sample_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    run(SAMPLES / "face_on_right.mp4", as_json=True)
    cost = json.loads(capsys.readouterr().out)
    assert (cost["video"], cost["refusal"]) == ("face_on_right.mp4", None)
    assert cost["looks"] == cost["frames"] > 100
    assert cost["fps"] > 0
    assert cost["width"] > 0
    assert cost["height"] > 0
    assert cost["ratio"] == pytest.approx(cost["analysis_s"] / cost["bare_s"], abs=0.02)
    assert 0 < cost["floor_s"] < cost["bare_s"]
    assert list(cost["stages_s"])[:3] == ["video", "pose", "events"]
    assert sum(cost["stages_s"].values()) <= cost["analysis_s"] + 0.01
    assert cost["peak_rss_mb"] > 50
    assert cost["cpus"] >= 1
    assert cost["model"].startswith("pose_landmarker")


def test_a_refused_video_has_a_cost_too() -> None:
    cost = measure(SAMPLES / "no_swing.mp4", pairs=1)
    assert cost.refusal == "NO_COMPLETE_SWING"
    assert cost.analysis_s > 0
    text = as_text(cost)
    assert "no_swing.mp4" in text
    assert "NO_COMPLETE_SWING" in text


def test_a_file_that_is_no_video_cannot_be_compared(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(VideoRefused):
        measure(path)
