"""The tables of `golf-pipeline benchmark synthetic`."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from golf_pipeline.benchmarks.synthetic import PARTS, ClipScore, Told
from golf_pipeline.swing.analysis import ALGORITHM_VERSIONS
from golf_pipeline.swing.documents import EventName

_NARROWEST = 190
"""Columns below which a table of eight events becomes unreadable; a pipe has no width of its own."""


def print_tables(scores: list[ClipScore], summary: dict[str, float | int], folder: Path, model: str) -> None:
    """Clip by clip, then in all, then what it ran on."""
    console = Console(highlight=False)
    if not console.is_terminal or console.width < _NARROWEST:
        console = Console(highlight=False, width=_NARROWEST)
    console.print(_events_table(scores))
    console.print(_capture_table(scores))
    totals = Table(title="In all", show_header=False)
    for name, value in summary.items():
        totals.add_row(name.replace("_", " "), f"{value:g}")
    console.print(totals)
    versions = ", ".join(f"{stage} {version}" for stage, version in ALGORITHM_VERSIONS.items())
    console.print(f"Ran on {summary['clips']} rendered clips, {summary['frames']} frames, of {folder}")
    console.print(f"Pose model {model}; algorithm versions: {versions}")


def _events_table(scores: list[ClipScore]) -> Table:
    table = Table(
        title="Swings, and frames that each event is off (estimate minus truth; red: beyond GolfDB's tolerance)"
    )
    table.add_column("clip", no_wrap=True)
    for heading in ("swings", "found", "inv.", "tol."):
        table.add_column(heading, justify="right")
    for event in EventName:
        table.add_column(event.value.replace("_", "\n"), justify="right")
    table.add_column("exact\nimpact", justify="right")
    table.add_column("verdict")
    for score in scores:
        cells = [_error(score, event) for event in EventName]
        exact = "" if score.exact_impact_error is None else f"{score.exact_impact_error:+.2f}"
        verdict = score.verdict if score.verdict == "right" else f"[red]{score.verdict}[/]"
        reason = f" ({score.refusal})" if score.refusal else ""
        counts = (score.swings, score.found, score.invented, score.tolerance)
        table.add_row(score.name, *map(str, counts), *cells, exact, verdict + reason)
    return table


def _error(score: ClipScore, event: EventName) -> str:
    if event.value not in score.errors:
        return ""
    error = score.errors[event.value]
    return f"{error:+d}" if abs(error) <= score.tolerance else f"[red]{error:+d}[/]"


def _capture_table(scores: list[ClipScore]) -> Table:
    table = Table(title="Capture, and landmarks off their joints (median, in torso lengths)")
    table.add_column("clip", no_wrap=True)
    for heading in ("fps", "frames"):
        table.add_column(heading, justify="right")
    for heading in ("view", "hand", "slow motion"):
        table.add_column(heading)
    for part in PARTS:
        table.add_column(part, justify="right")
    for score in scores:
        told = (_told(one) for one in (score.view, score.hand, score.slow_motion))
        errors = (f"{score.landmark_error[part]:.3f}" if part in score.landmark_error else "" for part in PARTS)
        table.add_row(score.name, f"{score.fps:g}", str(score.frames), *told, *errors)
    return table


def _told(told: Told | None) -> str:
    if told is None:
        return ""
    return told.said if told.right else f"[red]{told.said}, is {told.truth}[/]"
