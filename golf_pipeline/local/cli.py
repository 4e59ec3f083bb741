"""`golf-pipeline demo | dev | token`: the local stack from the terminal; parse, call and print."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer()
complaints = Console(stderr=True)
FAILED = 1

DataFolderOption = Annotated[Path | None, typer.Option(help="what survives a restart; default GOLF_DATA_FOLDER")]


@app.command()
def demo(
    video: Annotated[Path | None, typer.Option(help="your own video instead of the rendered sample")] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("demo_output"),
    api_port: Annotated[int, typer.Option(help="0 takes a free one")] = 0,
    dagster_port: Annotated[int, typer.Option(help="0 takes a free one")] = 0,
    aws_port: Annotated[int, typer.Option(help="0 takes a free one")] = 0,
    issuer_port: Annotated[int, typer.Option(help="0 takes a free one")] = 0,
) -> None:
    """Run the main job end to end: presigned PUT, queue event, sensor, run, API; then say where the time went."""
    from golf_pipeline.local.demo import run_demo

    raise typer.Exit(
        run_demo(video, out, api_port=api_port, dagster_port=dagster_port, aws_port=aws_port, issuer_port=issuer_port)
    )


@app.command()
def dev(
    api_port: Annotated[int, typer.Option(envvar="GOLF_API_PORT", help="0 takes a free one")] = 8000,
    dagster_port: Annotated[int, typer.Option(envvar="GOLF_DAGSTER_PORT", help="0 takes a free one")] = 3000,
    aws_port: Annotated[int, typer.Option(envvar="GOLF_AWS_PORT", help="0 takes a free one")] = 4566,
    issuer_port: Annotated[int, typer.Option(envvar="GOLF_ISSUER_PORT", help="0 takes a free one")] = 4567,
    postgres: Annotated[bool, typer.Option("--postgres", help="PostgreSQL for both databases, as deployed")] = False,
    data_folder: DataFolderOption = None,
) -> None:
    """Start the embedded AWS, the development issuer, Dagster and the API together, until Ctrl-C."""
    from golf_pipeline.local.dev import dev as run_dev
    from golf_pipeline.local.stack import StackConfig
    from golf_pipeline.settings import get_settings

    folder = data_folder or get_settings().data_folder
    raise typer.Exit(run_dev(StackConfig(folder, api_port, dagster_port, aws_port, issuer_port, postgres=postgres)))


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="who the token is to be for: any user id")],
    role: Annotated[list[str] | None, typer.Option(help="coach or admin; may be repeated")] = None,
    hours: Annotated[float, typer.Option(help="how long it is good")] = 8.0,
    data_folder: DataFolderOption = None,
) -> None:
    """Print a token for the local stack. For development only: whoever reads the data folder is whoever they say."""
    from golf_pipeline.local.issuer import NoTokenError, mint_token
    from golf_pipeline.settings import get_settings

    try:
        minted = mint_token(data_folder or get_settings().data_folder, user, role or (), hours)
    except (NoTokenError, OSError, ValueError) as error:
        complaints.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(FAILED) from error
    sys.stdout.write(f"{minted}\n")
