"""The command line on real files: results, refusals, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from golf_pipeline.cli import _labels
from golf_pipeline.swing.documents import SwingAnalysis

SAMPLES = Path(__file__).parents[1] / "golf_pipeline" / "synthetic" / "samples"


def golf_pipeline(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "golf_pipeline.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("analysed")
    return out, golf_pipeline("analyze", SAMPLES / "face_on_right.mp4", "--out", out)


def test_analyze_writes_every_output_and_ends_with_0(analysed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, ended = analysed
    assert ended.returncode == 0, ended.stderr
    written = {path.name for path in out.iterdir()}
    assert written == {
        "analysis.json",
        "pose_keypoints.parquet",
        "contact_sheet.jpg",
        "overlay.mp4",
        "report.html",
        "coaching.json",
        "frames",
    }
    assert 12 <= len(list((out / "frames").glob("*.jpg"))) <= 16


def test_analyze_prints_no_warning_and_no_chatter(analysed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, ended = analysed
    for word in ("Warning", "WARNING", "W0000", "INFO:", "Traceback", "Error"):
        assert word not in ended.stderr + ended.stdout


def test_the_document_follows_its_own_schema_and_orders_the_events(
    analysed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ = analysed
    analysis = SwingAnalysis.model_validate_json((out / "analysis.json").read_text())
    assert analysis.status == "analysed"
    frames = [event.frame for event in analysis.events]
    assert len(frames) == 8
    assert frames == sorted(frames)
    assert all((metric.value is None) == (metric.trust == "unavailable") for metric in analysis.metrics)
    assert all(metric.reason for metric in analysis.metrics if metric.value is None)


def test_a_file_that_is_no_video_ends_with_2_and_says_why(tmp_path: Path) -> None:
    note = tmp_path / "note.mp4"
    note.write_text("not a video")
    ended = golf_pipeline("analyze", note, "--out", tmp_path / "out")
    assert ended.returncode == 2
    document = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert document["status"] == "refused"
    assert document["refusal"]["code"] == "VIDEO_UNREADABLE"
    assert document["refusal"]["code"] in ended.stderr
    assert (tmp_path / "out" / "report.html").exists()


def test_a_clip_without_a_swing_ends_with_2_and_leaves_nothing_of_an_earlier_clip(tmp_path: Path) -> None:
    (tmp_path / "overlay.mp4").write_bytes(b"of an earlier clip")
    ended = golf_pipeline("analyze", SAMPLES / "no_swing.mp4", "--out", tmp_path)
    assert ended.returncode == 2
    assert "NO_COMPLETE_SWING" in ended.stderr
    assert not (tmp_path / "overlay.mp4").exists()


def test_a_missing_file_is_refused_without_a_traceback(tmp_path: Path) -> None:
    ended = golf_pipeline("analyze", tmp_path / "nowhere.mp4", "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_an_unknown_view_is_a_usage_error_that_names_the_option(tmp_path: Path) -> None:
    ended = golf_pipeline("analyze", SAMPLES / "face_on_right.mp4", "--out", tmp_path, "--view", "sideways")
    assert ended.returncode == 2
    assert "--view" in ended.stderr
    assert "down-the-line" in ended.stderr


def test_the_alarms_are_printed_as_a_rules_file() -> None:
    ended = golf_pipeline("alarms")
    assert ended.returncode == 0
    rules = [rule for group in json.loads(ended.stdout)["groups"] for rule in group["rules"]]
    assert {"ApiErrorsHigh", "ChatTokensHigh"} <= {rule["alert"] for rule in rules}


def test_schemas_cannot_be_written_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = golf_pipeline("schema", "--out", tmp_path / "file")
    assert ended.returncode == 1
    assert "Cannot write the schemas" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_folders_of_one_name_are_told_apart_by_the_folder_above(tmp_path: Path) -> None:
    assert _labels(tmp_path / "may" / "swing", tmp_path / "june" / "swing") == ("may/swing", "june/swing")
    assert _labels(tmp_path / "before" / ".", tmp_path / "after") == ("before", "after")


def test_compare_gives_a_folder_that_is_named_by_a_dot_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _labels(Path(), Path("..")) == (tmp_path.name, tmp_path.parent.name)


def test_compare_takes_folders_and_ends_with_0(
    analysed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ended = golf_pipeline("compare", analysed[0], analysed[0], "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "comparison.json",
        "comparison.jpg",
        "comparison.html",
    }
    assert "changed by less than their noise" in ended.stdout


def test_compare_with_a_folder_that_holds_no_analysis_ends_with_2_and_says_which(
    analysed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ended = golf_pipeline("compare", analysed[0], tmp_path, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert str(tmp_path / "analysis.json") in ended.stderr
    assert "Traceback" not in ended.stderr
