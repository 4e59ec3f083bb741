"""`golf-pipeline train`, as a user calls it."""

from pathlib import Path

from typer.testing import CliRunner

from golf_pipeline.cli import app
from golf_pipeline.swing.timing import read_timing
from golf_pipeline_tests.training.clips import GOLFERS, write_clips


def train(landmarks: Path, labels: Path, out: Path) -> tuple[int, str]:
    arguments = ["train", "timing", "--landmarks", str(landmarks), "--labels", str(labels), "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_the_statistics_are_written_with_the_clips_they_come_from(tmp_path: Path) -> None:
    out = tmp_path / "timing.toml"
    code, output = train(*write_clips(tmp_path), out)
    assert (code, out.name in output) == (0, True)
    assert read_timing(out).fitted_on == tuple(range(100, 100 + len(GOLFERS)))


def test_a_file_of_another_form_ends_the_command_with_its_name_and_writes_nothing(tmp_path: Path) -> None:
    _, labels = write_clips(tmp_path)
    out = tmp_path / "timing.toml"
    code, output = train(labels, labels, out)
    assert (code, out.exists()) == (1, False)
    assert "events.csv cannot be read as Parquet" in output
