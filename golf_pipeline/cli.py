"""The terminal: `golf-pipeline analyze | compare | history | cohort | demo | dev | token | api | benchmark | ...`.

Commands parse, call and print; what they do lives in the packages. Heavy imports happen inside the command that needs
them, so that `--help` is instant.
"""

import sys
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from golf_pipeline.backfill_cli import app as backfill
from golf_pipeline.benchmarks.cli import app as benchmarks
from golf_pipeline.local.cli import app as local
from golf_pipeline.operations_cli import app as operations
from golf_pipeline.progress import StageProgress, stage_progress
from golf_pipeline.training.cli import app as training

if TYPE_CHECKING:
    from golf_pipeline.settings import Settings
    from golf_pipeline.swing.capture import CaptureGiven
    from golf_pipeline.swing.compare import SwingComparison
    from golf_pipeline.swing.documents import Handedness, SwingAnalysis, View
    from golf_pipeline.swing.errors import SwingError

app = typer.Typer(
    help="Golf swing videos in, coaching out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(benchmarks, name="benchmark")
app.add_typer(training, name="train")
app.add_typer(local)
app.add_typer(backfill, name="backfill")
app.add_typer(operations)
console = Console()
complaints = Console(stderr=True)


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    REFUSED = 2


SIDES = ("first", "second")
"""Folders inside that of a comparison for the results of videos that were analysed for it."""

E = TypeVar("E", bound=StrEnum)
ViewOption = Annotated[str | None, typer.Option(help="face-on, down-the-line or oblique, if you know better")]
SlowMotionOption = Annotated[
    float | None,
    typer.Option(
        help="recorded seconds per real second, if you know: 1 is real time, 8 is 240 fps at 30", min=1, max=100
    ),
]
HandOption = Annotated[str | None, typer.Option(help="right or left, if you know better")]


@app.command()
def analyze(
    video: Annotated[Path, typer.Argument(help="an MP4 or MOV with one golf swing", exists=True, dir_okay=False)],
    out: Annotated[Path, typer.Option(help="folder for the results; made if needed")],
    view: ViewOption = None,
    hand: HandOption = None,
    slow_motion: SlowMotionOption = None,
) -> None:
    """Analyse one video on this machine: no server, no account. Exit code 2: refused, with the reason."""
    from golf_pipeline.swing.capture import CaptureGiven

    given = CaptureGiven(view=_view(view), handedness=_hand(hand), slow_motion_factor=slow_motion)
    if _analyze(video, out, given).refusal is not None:
        raise typer.Exit(Exit.REFUSED)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="a folder that `analyze` wrote, or a video", exists=True)],
    second: Annotated[Path, typer.Argument(help="the swing to compare with it: likewise", exists=True)],
    out: Annotated[Path, typer.Option(help="folder for the comparison; made if needed")],
) -> None:
    """Compare two swings: what changed by more than noise, the events in pairs. Exit code 2: nothing to compare."""
    from golf_pipeline.swing.compare import NothingToCompare
    from golf_pipeline.swing.compare_files import PAGE_FILE, write_comparison

    try:
        folders = [
            one if one.is_dir() else _analyzed(one, out / name)
            for one, name in zip((first, second), SIDES, strict=True)
        ]
        comparison = write_comparison(folders[0], folders[1], out, _labels(first, second))
    except NothingToCompare as error:
        complaints.print(f"[bold yellow]Nothing to compare:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(Exit.REFUSED) from error
    except OSError as error:
        complaints.print(f"[bold red]Cannot compare:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(Exit.FAILED) from error
    _print_comparison(comparison)
    console.print(f"Open {out / PAGE_FILE}", soft_wrap=True)


@app.command()
def api() -> None:
    """Serve the API alone, as a deployment does; everything is set by GOLF_* variables."""
    from golf_pipeline.api.identity import IdentityConfigError, verifier_from_settings
    from golf_pipeline.api.server import run
    from golf_pipeline.settings import get_settings

    settings = get_settings()
    try:
        verifier_from_settings(settings)  # here and not in a worker, which would be started again and again
    except IdentityConfigError as error:
        complaints.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(Exit.FAILED) from error
    run(settings)


@app.command()
def synthetic(
    out: Annotated[Path, typer.Argument(help="folder for the rendered clips and their truth")],
    suite: Annotated[
        bool, typer.Option("--suite", help="the set that `benchmark synthetic` measures, not samples")
    ] = False,
    mocap: Annotated[
        Path | None, typer.Option(help="folder of captured_joints_240hz.parquet, for the captured swings of the suite")
    ] = None,
) -> None:
    """Render clips of the project's own synthetic golfer, with exact truth beside each (needs numba)."""
    from golf_pipeline.synthetic.clip import make_samples

    if mocap is not None and not suite:
        raise typer.BadParameter("only the suite has captured swings: add --suite", param_hint="--mocap")
    with stage_progress(complaints) as progress:
        made = _make_suite(out, mocap, progress) if suite else make_samples(out, progress.report)
    for path in made:
        console.print(path)


@app.command()
def history(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="folders made by `analyze`, of one golfer; a name that starts with 2026-05-01 tells the day"
        ),
    ] = None,
    user: Annotated[str | None, typer.Option(help="a user id: the profile stored in the configured bucket")] = None,
) -> None:
    """Show how one golfer's numbers moved: latest, percentile among their own, trend beyond noise and chance."""
    from golf_pipeline.history_table import NoHistory, profile_of_folders, stored_profile, trend_tables
    from golf_pipeline.settings import get_settings
    from golf_pipeline.swing.errors import SwingError

    if bool(folders) == bool(user):
        raise typer.BadParameter("give folders, or --user and no folder", param_hint="FOLDERS")
    left_out: tuple[str, ...] = ()
    settings = get_settings()
    try:
        if user:
            profile = stored_profile(user, settings)
        else:
            profile, left_out = profile_of_folders("you", folders or [])
    except SwingError as error:
        _print_storage_failure(error, settings)
        raise typer.Exit(Exit.FAILED) from error
    except (NoHistory, OSError) as error:
        complaints.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(Exit.FAILED) from error
    console.print(f"swings of {profile.user_id}: {profile.swing_count}\n", soft_wrap=True, markup=False)
    for table in trend_tables(profile):
        console.print(table)
    for caution in (*profile.cautions, *(f"Left out: {one}" for one in left_out)):
        console.print(caution, soft_wrap=True, markup=False)


@app.command()
def cohort(
    view: Annotated[str, typer.Option(help="face-on or down-the-line: readings of one view compare")],
    metric: Annotated[str | None, typer.Option(help="a metric's id; without it, how common each fault is")] = None,
    phase: Annotated[str, typer.Option(help="the event at which the metric is read")] = "swing",
) -> None:
    """Show one metric, or the faults, over all golfers of the configured bucket; few golfers are never told."""
    from golf_pipeline.cohort_table import NoCohort, fault_cohort, metric_cohort
    from golf_pipeline.settings import get_settings
    from golf_pipeline.storage.history import SwingHistory
    from golf_pipeline.storage.object_store import ObjectStore
    from golf_pipeline.swing.documents import View
    from golf_pipeline.swing.errors import SwingError

    settings, side = get_settings(), _member(View, view, "--view")
    store = ObjectStore.connect(settings.bucket, settings.s3_endpoint_url, settings.region)
    try:
        with SwingHistory(store) as history:
            table = metric_cohort(history, metric, phase, side) if metric else fault_cohort(history, side)
    except SwingError as error:
        _print_storage_failure(error, settings)
        raise typer.Exit(Exit.FAILED) from error
    except NoCohort as error:
        complaints.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(Exit.FAILED) from error
    console.print(table)


@app.command()
def alarms() -> None:
    """Print the alarms as a rules file of Prometheus, each with what it means and what to do."""
    from golf_pipeline.alarms import alerting_rules

    sys.stdout.write(alerting_rules() + "\n")


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="a folder: write the published schemas there")] = None,
) -> None:
    """Print the JSON schema of analysis.json, or write all published schemas."""
    from golf_pipeline.schemas import analysis_schema, write_schemas

    if out is None:
        sys.stdout.write(analysis_schema())
    else:
        try:
            written = write_schemas(out)
        except OSError as error:
            complaints.print(f"Cannot write the schemas to {out}: {error}", soft_wrap=True, markup=False)
            raise typer.Exit(Exit.FAILED) from error
        for path in written:
            console.print(path)


def main() -> None:
    """The console script: `Ctrl-C` ends a command without a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


def _make_suite(out: Path, mocap: Path | None, progress: StageProgress) -> tuple[Path, ...]:
    from golf_pipeline.synthetic.suite import SUITE, make_suite, suite_specs

    skipped = [spec.name for spec in SUITE if spec not in suite_specs(mocap)]
    if skipped:
        complaints.print(f"Left out for want of --mocap FOLDER: {', '.join(skipped)}", soft_wrap=True)
    try:
        return make_suite(out, mocap, progress.report)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error), param_hint="--mocap") from error


def _analyze(video: Path, out: Path, given: "CaptureGiven") -> "SwingAnalysis":
    """Analyse a video into a folder and print what was found.

    Raises:
        typer.Exit: nothing can be said about the video; the reason is printed.
    """
    from golf_pipeline.coach.on_disk import write_coaching
    from golf_pipeline.model_download import download
    from golf_pipeline.settings import get_settings
    from golf_pipeline.swing.analysis import StageTimes, analyze_swing
    from golf_pipeline.swing.errors import PoseModelError
    from golf_pipeline.swing.pose_model import find_pose_model
    from golf_pipeline.swing.video import VideoLimits

    settings = get_settings()
    limits = VideoLimits(settings.max_upload_bytes, settings.min_duration_s, settings.max_duration_s)
    times = StageTimes()
    try:
        model = find_pose_model(settings.pose_model, settings.data_folder / "models", download)
        with stage_progress(complaints) as progress:
            analysis = analyze_swing(
                video, out, pose_model=model, given=given, limits=limits, on_progress=progress.report, times=times
            )
        with times.measure("coaching"):
            write_coaching(analysis, out, settings)
    except PoseModelError as error:
        complaints.print(f"[bold red]{error.code}[/] {error.message} {error.detail}", soft_wrap=True)
        raise typer.Exit(Exit.FAILED) from error
    except OSError as error:
        complaints.print(f"[bold red]Cannot write the results to {out}:[/] {error}", soft_wrap=True)
        raise typer.Exit(Exit.FAILED) from error
    _print_analysis(analysis, video, out, times.seconds)
    return analysis


def _analyzed(video: Path, folder: Path) -> Path:
    from golf_pipeline.swing.capture import CaptureGiven

    _analyze(video, folder, CaptureGiven())
    return folder


def _labels(first: Path, second: Path) -> tuple[str, str]:
    """What a comparison calls its two swings: their names, with the folder above where these are the same."""
    one, other = first.resolve(), second.resolve()
    if one.name == other.name and one != other:
        return f"{one.parent.name}/{one.name}", f"{other.parent.name}/{other.name}"
    return one.name, other.name


def _print_comparison(comparison: "SwingComparison") -> None:
    if not comparison.comparable:
        console.print(f"Positions of the body are not compared: {comparison.reason}", soft_wrap=True)
    for metric in comparison.metrics:
        if metric.verdict in {"better", "worse", "changed"}:
            at = metric.phase.replace("_", " ") if metric.phase else "whole swing"
            console.print(
                f"  {metric.verdict:<8} {metric.name}, {at}: {metric.first:g} to {metric.second:g} {metric.unit}"
            )
    within = sum(metric.verdict == "within noise" for metric in comparison.metrics)
    console.print(f"{within} numbers changed by less than their noise", soft_wrap=True)


def _print_storage_failure(error: "SwingError", settings: "Settings") -> None:
    """The message of the error is for a golfer who waits for a video, not for whoever asks the bucket."""
    complaints.print(
        f"{error.code}: the bucket {settings.bucket} cannot be read ({error.detail}). "
        "Check GOLF_BUCKET, GOLF_S3_ENDPOINT_URL and the AWS credentials of this terminal.",
        soft_wrap=True,
        markup=False,
    )


def _view(name: str | None) -> "View | None":
    from golf_pipeline.swing.documents import View

    return None if name is None else _member(View, name, "--view")


def _hand(name: str | None) -> "Handedness | None":
    from golf_pipeline.swing.documents import Handedness

    return None if name is None else _member(Handedness, name, "--hand")


def _member(kind: type[E], name: str, option: str) -> E:
    try:
        return kind(name)
    except ValueError as error:
        known = ", ".join(kind)
        raise typer.BadParameter(f"{name!r} is none of {known}", param_hint=option) from error


def _print_analysis(analysis: "SwingAnalysis", video: Path, out: Path, seconds: dict[str, float]) -> None:
    console.print()
    if analysis.refusal is not None:
        refusal = analysis.refusal
        complaints.print(f"[bold yellow]{video.name}: {refusal.code}[/] {refusal.message}", soft_wrap=True)
        complaints.print(f"The reason is in {out / 'analysis.json'}", soft_wrap=True)
        return
    if analysis.report is not None:
        console.print(analysis.report.summary, soft_wrap=True)
    for event in analysis.events:
        console.print(
            f"  {event.event.replace('_', ' '):<18} frame {event.frame:>4}  {event.time_s:6.2f} s"
            f"  confidence {event.confidence:.2f}"
        )
    spent = ", ".join(f"{stage.replace('_', ' ')} {taken:.1f}" for stage, taken in seconds.items() if taken >= 0.05)
    console.print(f"\n[dim]seconds: {spent}; in all {sum(seconds.values()):.1f}[/]", soft_wrap=True)
    console.print(f"Open {out / 'report.html'}", soft_wrap=True)


if __name__ == "__main__":
    main()
