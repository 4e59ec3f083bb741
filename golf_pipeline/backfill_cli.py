"""`golf-pipeline backfill start | list | show | pause | resume | cancel | follow | report`: swings analysed again.

Commands parse, call and print. They write rows of the catalog only; the sensor `top_up_reanalysis` takes them up. What
is printed is `backfill_words.py`, the bar `backfill_follow.py`, how options are read `backfill_options.py`.
"""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from typer.core import TyperGroup

if TYPE_CHECKING:
    from golf_pipeline.settings import Settings
    from golf_pipeline.storage.backfill_plan import PresentStage
    from golf_pipeline.storage.backfills import BackfillRecord, Backfills, Selection
    from golf_pipeline.storage.catalog import Catalog


class _StartsByDefault(TyperGroup):
    """`backfill --outdated` means `backfill start --outdated`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_start = bool(args) and args[0].startswith("-") and args[0] != "--help"
        return super().parse_args(ctx, ["start", *args] if is_start else args)


app = typer.Typer(
    help="Analyse stored swings again: which, what it takes, how far it is, what it changed.",
    no_args_is_help=True,
    cls=_StartsByDefault,
)
console = Console()
complaints = Console(stderr=True)
FAILED, REFUSED = 1, 2
"""Exit codes, as in `cli.py`: something went wrong, or items failed; there is nothing to do."""

INTERRUPTED = 130
SHOWN_FAILURES = 5

BackfillId = Annotated[str, typer.Argument(help="as `list` shows it")]
FollowOption = Annotated[bool, typer.Option(help="show the progress bar; Ctrl-C leaves the backfill running")]


@app.command()
def start(
    swing: Annotated[str | None, typer.Option(help="one swing, by its analysis id")] = None,
    golfer: Annotated[str | None, typer.Option(help="the swings of one golfer, by user id")] = None,
    since: Annotated[
        str | None, typer.Option(help="uploaded on this day (UTC) or later; a time of it works too")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="uploaded until the end of this day (UTC), or before a time")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="only failed ones that another try may mend")] = False,
    permanent: Annotated[
        bool, typer.Option("--permanent", help="failures of the video itself too: a new version may see more")
    ] = False,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="any stage is of another version than the present one, or missing")
    ] = False,
    older_than: Annotated[
        list[str] | None, typer.Option(help="such as metrics=3: that stage is of an older version; may be repeated")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="every swing; stages that are up to date stay")] = False,
    force: Annotated[bool, typer.Option("--force", help="make every stage anew, whatever is stored")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what it would take")] = False,
    runs: Annotated[int, typer.Option(help="re-analyses side by side, for the estimate of the time", min=1)] = 2,
    following: Annotated[
        bool, typer.Option("--follow/--no-follow", help="show the progress bar; Ctrl-C leaves")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Analyse swings again. All conditions that are given hold together. Exit code 2: no swing is chosen."""
    conditions = (swing, golfer, since, until, failed, outdated, older_than)
    if any(conditions) == everything:
        why = "--all takes every swing: leave the other conditions out" if everything else "say which swings, or --all"
        raise typer.BadParameter(why, param_hint="--swing, --golfer, --since, --until, --failed, --outdated")
    from golf_pipeline.backfill_options import moment, present_stages, selection, versions

    stages = present_stages()
    chosen = selection(
        analysis_id=swing,
        user_id=golfer,
        since=moment(since, "--since"),
        until=moment(until, "--until", is_end=True),
        failed_only=failed,
        permanent=permanent,
        outdated={stage.name: stage.version for stage in stages} if outdated else {},
        older_than=versions(older_than or [], stages),
        force=force,
    )
    with _catalog() as desk:
        total = _print_plan(desk, chosen, stages, runs)
        if dry_run:
            return
        if not yes:
            _ask(total)
        backfill_id = desk.work.create(chosen, _operator(), total)
        _say(f"Backfill {backfill_id} is on the list.")
        if following:
            _follow(desk, backfill_id)
        else:
            _say(f"Look at it: golf-pipeline backfill follow {backfill_id}")


@app.command("list")
def list_(most: Annotated[int, typer.Option(help="how many, the latest first", min=1)] = 20) -> None:
    """Show the latest backfills."""
    from golf_pipeline.backfill_words import listed

    with _catalog() as desk:
        known = [desk.work.progress(one.backfill_id) for one in desk.work.list(most)]
    for one in known:
        for line in listed(one):
            _say(line)
    if not known:
        _say("No backfill was ever started.")


@app.command()
def show(backfill_id: BackfillId) -> None:
    """Show one backfill: which swings, how far, what failed."""
    with _catalog() as desk:
        _known(desk, backfill_id)
        _print_progress(desk, backfill_id)


@app.command()
def pause(backfill_id: BackfillId) -> None:
    """Hand out nothing more until it is resumed. What is in work is finished or given back."""
    with _catalog() as desk:
        state = _known(desk, backfill_id).state
        _done_or_not(
            desk.work.pause(backfill_id), "Paused.", f"It is {state.lower()}: only one that runs can be paused."
        )
    _say(f"Go on with it: golf-pipeline backfill resume {backfill_id}")


@app.command()
def resume(backfill_id: BackfillId) -> None:
    """Go on with a backfill that was paused."""
    with _catalog() as desk:
        state = _known(desk, backfill_id).state
        _done_or_not(
            desk.work.resume(backfill_id), "Resumed.", f"It is {state.lower()}: only a paused one can be resumed."
        )


@app.command()
def cancel(backfill_id: BackfillId) -> None:
    """End a backfill for good. Swings that were analysed again keep their new results."""
    with _catalog() as desk:
        state = _known(desk, backfill_id).state
        _done_or_not(desk.work.cancel(backfill_id), "Canceled.", f"It is {state.lower()} already.")


@app.command()
def follow(backfill_id: BackfillId) -> None:
    """Show the progress bar of a backfill until it ends. Exit code 1: some of its swings failed."""
    with _catalog() as desk:
        _known(desk, backfill_id)
        _follow(desk, backfill_id)


@app.command()
def report(
    backfill_id: BackfillId,
    out: Annotated[Path, typer.Option(help="folder for report.json and report.html; made if needed")],
) -> None:
    """Compare old and new results: main faults, verdicts, scores, by how much each number moved."""
    from golf_pipeline.progress import stage_progress
    from golf_pipeline.storage.backfill_report_files import report_of, write_report
    from golf_pipeline.storage.object_store import ObjectStore
    from golf_pipeline.swing.errors import SwingError

    with _catalog() as desk:
        _known(desk, backfill_id)
        settings = desk.settings
        store = ObjectStore.connect(settings.bucket, settings.s3_endpoint_url, settings.region)
        try:
            with stage_progress(complaints) as bar:
                made = report_of(
                    desk.work, store, backfill_id, lambda done, total: bar.report("comparing", done, total)
                )
            page = write_report(made, out)
        except SwingError as error:
            _fail(
                f"{error.code}: the bucket {settings.bucket} cannot be read ({error.detail}). "
                "Check GOLF_BUCKET, GOLF_S3_ENDPOINT_URL and the AWS credentials of this terminal."
            )
        except OSError as error:
            _fail(f"Cannot write the report to {out}: {error}")
    changes = made.changes
    _say(
        f"{changes.compared:,} results compared: {changes.main_fault_changed:,} with another main fault, "
        f"{changes.level_changed:,} with another verdict."
    )
    _say(f"Open {page}")


@dataclass(frozen=True)
class _Desk:
    """What the commands work on."""

    catalog: "Catalog"
    work: "Backfills"
    settings: "Settings"


@contextmanager
def _catalog() -> Iterator[_Desk]:
    """The configured catalog; what is wrong with it is printed and ends the command."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

    from golf_pipeline.settings import get_settings
    from golf_pipeline.storage.backfills import Backfills
    from golf_pipeline.storage.catalog import Catalog

    settings = get_settings()
    try:
        url = make_url(settings.catalog_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            _fail(f"There is no catalog at {url.database}. Check GOLF_CATALOG_URL; the pipeline makes it as it starts.")
        catalog = Catalog(settings.catalog_url)
        yield _Desk(catalog, Backfills(catalog.engine), settings)
    except (DBAPIError, PoolTimeoutError) as error:
        why = str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]
        _fail(f"The catalog does not answer: {why}. Check GOLF_CATALOG_URL; the pipeline brings it up to date.")


def _print_plan(desk: _Desk, chosen: "Selection", stages: list["PresentStage"], runs: int) -> int:
    """Print what a selection would take; returns how many swings it has. Ends the command if it has none."""
    from golf_pipeline.backfill_options import why_none
    from golf_pipeline.backfill_words import described, plan_lines, plan_table
    from golf_pipeline.storage.backfill_plan import read_plan
    from golf_pipeline.storage.usage import COACHING, usage_today

    plan = read_plan(desk.catalog.engine, chosen, stages)
    if not plan.swings:
        is_unknown, why = why_none(desk.catalog, chosen)
        _fail(why, FAILED if is_unknown else REFUSED)
    _say(f"{plan.swings:,} swings: {described(chosen)}")
    if plan.stages:
        console.print(plan_table(plan))
    today = usage_today(desk.catalog.engine).get(COACHING)
    for line in plan_lines(plan, runs, desk.settings, today.usd if today else 0.0):
        _say(line)
    return plan.swings


def _ask(total: int) -> None:
    if not sys.stdin.isatty():
        _fail("Nobody is here to be asked: give --yes, or --dry-run to look only.", REFUSED)
    if not typer.confirm(f"Analyse {total:,} swings again?"):
        raise typer.Exit(REFUSED)


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "unknown"


def _known(desk: _Desk, backfill_id: str) -> "BackfillRecord":
    found = desk.work.get(backfill_id)
    if found is None:
        _fail(f"There is no backfill {backfill_id}. `golf-pipeline backfill list` shows those that there are.")
    return found


def _follow(desk: _Desk, backfill_id: str) -> None:
    from golf_pipeline.backfill_follow import follow as follow_bar

    try:
        progress = follow_bar(desk.work, backfill_id, complaints)
    except KeyboardInterrupt as interrupt:
        _say(f"The backfill goes on. Look again: golf-pipeline backfill follow {backfill_id}")
        _say(f"Pause it: golf-pipeline backfill pause {backfill_id}")
        raise typer.Exit(INTERRUPTED) from interrupt
    _print_progress(desk, backfill_id)
    if progress.done:
        _say(f"What changed: golf-pipeline backfill report {backfill_id} --out FOLDER")
    if progress.failed:
        raise typer.Exit(FAILED)


def _print_progress(desk: _Desk, backfill_id: str) -> None:
    from golf_pipeline.backfill_words import progress_lines
    from golf_pipeline.storage.backfills import ItemState

    failed = desk.work.items(backfill_id, ItemState.FAILED, limit=SHOWN_FAILURES)
    for line in progress_lines(desk.work.progress(backfill_id), desk.work.failures(backfill_id), failed):
        _say(line)


def _done_or_not(is_done: bool, done: str, why_not: str) -> None:
    if not is_done:
        _fail(why_not)
    _say(done)


def _say(line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def _fail(why: str, code: int = FAILED) -> NoReturn:
    complaints.print(why, soft_wrap=True, markup=False, highlight=False)
    raise typer.Exit(code)
