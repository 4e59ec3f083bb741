"""`golf-pipeline train timing`: parse, call, print."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make the numbers behind the events from labelled clips.", no_args_is_help=True)

Landmarks = Annotated[Path, typer.Option(help="Parquet file in GolfDB's form", exists=True, dir_okay=False)]
Labels = Annotated[Path, typer.Option(help="CSV file in GolfDB's form", exists=True, dir_okay=False)]


@contextmanager
def data_errors() -> Iterator[None]:
    """End a command with the message, not a traceback, where a file of labelled data cannot be used."""
    from golf_pipeline.training.golfdb import BenchmarkDataError

    try:
        yield
    except BenchmarkDataError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


@app.command()
def timing(
    landmarks: Landmarks,
    labels: Labels,
    out: Annotated[Path | None, typer.Option(help="default: the file that ships with the package")] = None,
) -> None:
    """Fit the statistics of event timing, which ship with the package: seconds of work, no model."""
    from golf_pipeline.swing.timing import STATISTICS
    from golf_pipeline.training.golfdb import read_clips
    from golf_pipeline.training.timing import fit_rules_timing, observe, prior_of_labels, write_timing

    with data_errors():
        clips = read_clips(landmarks, labels)
    seen = observe(clips)
    source = f"Rhythm: GolfDB's labels from clip 100 on. Errors: {len(seen)} of the {len(clips)} clips with landmarks."
    write_timing(
        fit_rules_timing(seen, prior_of_labels(labels)), out or STATISTICS, source, [one.clip.id for one in seen]
    )
    typer.echo(f"{out or STATISTICS}: {source}")
