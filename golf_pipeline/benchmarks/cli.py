"""`golf-pipeline benchmark events | videos | pose | synthetic | roll | ... | api | pipeline`: parse, call, print."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from golf_pipeline.progress import stage_progress
from golf_pipeline.training.cli import data_errors

if TYPE_CHECKING:
    from pydantic import BaseModel

app = typer.Typer(help="Score the analysis on labelled data.", no_args_is_help=True)

Result = TypeVar("Result", bound="BaseModel")

TABLE_WIDTH = 150
"""Columns of the tables, wherever they are printed: a log keeps what a terminal would fold."""

JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")]


@app.command()
def events(
    landmarks: Annotated[Path, typer.Option(help="Parquet file in GolfDB's form", exists=True, dir_okay=False)],
    labels: Annotated[Path, typer.Option(help="CSV file in GolfDB's form", exists=True, dir_okay=False)],
    as_json: JsonOption = False,
) -> None:
    """PCE of the eight events against experts' labels: over all, by event, by view, by slow motion, clip by clip."""
    from golf_pipeline.benchmarks.events import print_tables, score_events

    with data_errors():
        result = score_events(landmarks, labels)
    _show(result, print_tables, as_json=as_json)


@app.command()
def videos(
    labels: Annotated[Path, typer.Option(help="folder with labels.csv and the videos", exists=True, file_okay=False)],
    mirrored: Annotated[bool, typer.Option(help="analyse a mirrored copy of each video as well")] = False,
    as_json: JsonOption = False,
) -> None:
    """Swings found, missed and invented in labelled videos; event errors in frames; view and hand."""
    from golf_pipeline.benchmarks.videos import print_tables, score_videos

    with data_errors(), stage_progress(Console(stderr=True)) as progress:
        result = score_videos(labels, _pose_model(), mirrored=mirrored, on_progress=progress.report)
    _show(result, print_tables, as_json=as_json)


@app.command()
def pose(
    video: Annotated[Path, typer.Argument(help="any golf video", exists=True, dir_okay=False)],
    as_json: JsonOption = False,
) -> None:
    """Cost of the analysis against the bare landmarker on every frame, in one run, as a ratio."""
    from golf_pipeline.benchmarks.pose import run

    run(video, as_json=as_json)


@app.command()
def synthetic(
    folder: Annotated[
        Path, typer.Argument(help="made by `golf-pipeline synthetic --suite`", exists=True, file_okay=False)
    ],
    as_json: JsonOption = False,
) -> None:
    """Swings, events, view, hand and landmarks of rendered clips against their exact truth."""
    from golf_pipeline.benchmarks.synthetic import run

    try:
        run(folder, as_json=as_json)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="FOLDER") from error


@app.command()
def metrics(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="made by `golf-pipeline synthetic --suite`; without it the three clips that the package carries",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    videos: Annotated[
        Path | None, typer.Option(help="real videos, for repeatability", exists=True, file_okay=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bias and spread of every metric against the exact truth of rendered clips; repeatability on real videos."""
    from golf_pipeline.benchmarks.metrics import score_metrics
    from golf_pipeline.benchmarks.metrics_tables import print_tables

    with data_errors(), stage_progress(Console(stderr=True)) as progress:
        result = score_metrics(folder, videos, _pose_model(), progress.report)
    _show(result, print_tables, as_json=as_json)


@app.command()
def roll(
    folder: Annotated[Path, typer.Argument(help="real videos, filmed about level", exists=True, file_okay=False)],
    as_json: JsonOption = False,
) -> None:
    """How far the camera's roll is found and taken out when the pictures of real videos are turned."""
    from golf_pipeline.benchmarks.roll import print_tables, score_roll

    with data_errors(), stage_progress(Console(stderr=True)) as progress:
        result = score_roll(folder, _pose_model(), progress.report)
    _show(result, print_tables, as_json=as_json)


@app.command()
def coach(
    analyses: Annotated[
        Path | None,
        typer.Option(
            help="folder of stored analysis.json files; without it, swings made from the knowledge files",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Grounding: fabrications planted into honest coaching and caught, by kind; false alarms; tokens."""
    from golf_pipeline.benchmarks.coach import score_coach
    from golf_pipeline.benchmarks.coach_tables import print_tables

    try:
        result = score_coach(analyses)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--analyses") from error
    _show(result, print_tables, as_json=as_json)


@app.command()
def api(
    seconds: Annotated[float, typer.Option(help="length of each load", min=1)] = 10.0,
    workers: Annotated[int, typer.Option(help="processes of the API", min=1)] = 1,
    as_json: JsonOption = False,
) -> None:
    """The API under a hundred clients: results and chat, with the floor measured in the same run; memory, errors."""
    from golf_pipeline.benchmarks.api import print_tables, score_api

    with stage_progress(Console(stderr=True)) as progress:
        result = score_api(seconds, workers, _pose_model(), progress.report)
    _show(result, print_tables, as_json=as_json)


@app.command()
def pipeline(
    videos: Annotated[
        Path | None,
        typer.Option(help="real clips beside the samples that the package carries", exists=True, file_okay=False),
    ] = None,
    burst: Annotated[int, typer.Option(help="uploads at once, each with bytes of its own", min=0)] = 0,
    copies: Annotated[int, typer.Option(help="uploads of the same few films", min=0)] = 0,
    remeasure: Annotated[int, typer.Option(help="stored swings measured by a new version", min=0)] = 0,
    live: Annotated[
        bool, typer.Option("--live-during-backfill", help="one upload while a heavy backfill fills the machine")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="all of them at full size: 300, 10,000 and 1,000; hours")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="JSON file for the numbers", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """The whole pipeline under load; without sizes, all of it small (15 minutes). Exit code 1: a target was missed."""
    from golf_pipeline.benchmarks.pipeline import FULL, REDUCED, Plan, score_pipeline
    from golf_pipeline.benchmarks.pipeline_numbers import print_tables
    from golf_pipeline.benchmarks.pipeline_rig import NothingMovesError
    from golf_pipeline.local.folder import StackError

    chosen = Plan(burst, copies, remeasure, live)
    plan = FULL if full else chosen or REDUCED
    complaints = Console(stderr=True)

    def keep(so_far: "BaseModel") -> None:
        if out is not None:
            out.write_text(so_far.model_dump_json(indent=2) + "\n", encoding="utf-8")

    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with data_errors(), stage_progress(complaints) as progress:
            result = score_pipeline(plan, videos, _pose_model(), progress.report, keep)
    except (StackError, NothingMovesError) as error:
        complaints.print(f"The benchmark failed: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    _show(result, print_tables, as_json=as_json)
    if not result.met:
        raise typer.Exit(1)


def _show(result: Result, print_tables: Callable[[Result, Console], None], *, as_json: bool) -> None:
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        print_tables(result, Console(width=TABLE_WIDTH))


def _pose_model() -> Path:
    from golf_pipeline.model_download import download
    from golf_pipeline.settings import get_settings
    from golf_pipeline.swing.pose_model import find_pose_model

    settings = get_settings()
    return find_pose_model(settings.pose_model, settings.data_folder / "models", download)
