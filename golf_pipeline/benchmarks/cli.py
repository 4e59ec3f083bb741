"""`golf-pipeline benchmark events | videos | pose | synthetic`: parse, call, print."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Score the analysis on labelled data.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON document instead of tables")]


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
