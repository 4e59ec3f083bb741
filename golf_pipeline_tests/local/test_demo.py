"""The demo from outside: what it refuses at once, and (slowly) the whole of it."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from golf_pipeline.local.demo import DOWNLOADS, run_demo
from golf_pipeline_tests.local.support import parts_of


def demo(video: Path | None, out: Path) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=120)
    code = run_demo(video, out, console=console)
    return code, console.file.getvalue()  # type: ignore[attr-defined]


def test_a_video_that_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    code, printed = demo(tmp_path / "none.mp4", tmp_path / "out")
    assert code == 1
    assert "none.mp4" in printed
    assert not (tmp_path / "out").exists()


def test_a_file_that_the_api_would_refuse_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "swing.avi").write_bytes(b"")
    code, printed = demo(tmp_path / "swing.avi", tmp_path / "out")
    assert code == 1
    assert "swing.avi is none of .mp4" in printed


def test_a_folder_of_somebody_else_is_never_deleted(tmp_path: Path) -> None:
    mine = tmp_path / "stack" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    code, printed = demo(None, tmp_path)
    assert code == 1
    assert "not a demo's" in printed
    assert mine.read_text() == "years of work"


@pytest.mark.slow
def test_the_demo_ends_well_and_twice_in_the_same_folder(tmp_path: Path) -> None:
    for _ in range(2):
        code, printed = demo(None, tmp_path)
        assert code == 0, printed
        assert "the pipeline adds" in printed
        assert all((tmp_path / name).stat().st_size > 0 for name in DOWNLOADS.values())
        assert parts_of(tmp_path / "stack") == []
