"""`golf-pipeline dead-letters list | redrive | delete` and `alarm-test`: an operator's commands; parse, call, print."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from golf_pipeline.progress import stage_progress

if TYPE_CHECKING:
    from golf_pipeline.storage.dead_letters import DeadLetter, DeadLetters, Done

app = typer.Typer()
dead_letters = typer.Typer(help="Upload events that were given up after three receives.", no_args_is_help=True)
app.add_typer(dead_letters, name="dead-letters")
console = Console()
complaints = Console(stderr=True)
FAILED = 1
MOST = 1000

MostOption = Annotated[int, typer.Option("--most", help="look at no more messages than this", min=1, max=MOST)]
Ids = Annotated[list[str], typer.Argument(help="message ids, as `list` shows them")]


@dead_letters.command("list")
def list_(
    most: MostOption = 100,
    as_json: Annotated[bool, typer.Option("--json", help="for programs: all that is known of each message")] = False,
) -> None:
    """Show the messages, what each speaks of, and why one cannot be taken in. Each look counts as one more receive."""
    with _queue("looking", most) as (queue, bar):
        letters = queue.look(most, bar)
    if as_json:
        typer.echo(json.dumps([letter.document() for letter in letters], indent=2))
        return
    if not letters:
        console.print("No dead letters.")
        return
    for letter in letters:
        _print_letter(letter)
    unreadable = sum(bool(letter.problem) for letter in letters)
    console.print(f"Messages: {len(letters)}; cannot be taken in: {unreadable}.", soft_wrap=True)
    if len(letters) == most:
        console.print(f"There may be more: --most {most} was reached.", soft_wrap=True)
    if unreadable < len(letters):
        console.print("Send back those that can be: golf-pipeline dead-letters redrive --all", soft_wrap=True)


@dead_letters.command()
def redrive(
    ids: Annotated[list[str] | None, typer.Argument(help="message ids, as `list` shows them")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all that can be read; the others would come back")] = False,
    most: MostOption = MOST,
) -> None:
    """Send messages back to the upload queue. Exit code 1: something that was named is not there."""
    if bool(ids) == everything:
        raise typer.BadParameter("name messages, or give --all", param_hint="IDS")
    with _queue("sending back", most) as (queue, bar):
        done = queue.redrive(ids or None, most, bar)
    console.print(f"Sent back: {len(done.done)}.")
    for message_id, problem in done.come_back.items():
        complaints.print(
            f"{message_id} will come back: {problem}. Delete it once you have seen what it is.",
            soft_wrap=True,
            markup=False,
        )
    for message_id, problem in done.left.items():
        complaints.print(
            f"{message_id} was left, it would come back: {problem}. Delete it, or name it to send it all the same.",
            soft_wrap=True,
            markup=False,
        )
    _end(done)


@dead_letters.command()
def delete(ids: Ids, most: MostOption = MOST) -> None:
    """Delete messages for good. An upload among them is still found, by listing. Exit code 1: one is not there."""
    with _queue("deleting", most) as (queue, bar):
        done = queue.delete(ids, most, bar)
    console.print(f"Deleted: {len(done.done)}.")
    _end(done)


@app.command("alarm-test")
def alarm_test() -> None:
    """Tell the log, the webhook and the SNS topic of a test alarm. Exit code 1: one of them did not take it."""
    from golf_pipeline import notify
    from golf_pipeline.settings import get_settings

    failed = False
    settings = get_settings()
    for channel in notify.channels(settings):
        try:
            channel.send(notify.trial_telling(settings))
        except notify.NotToldError as error:
            failed = True
            complaints.print(f"{channel.name}: {error}", soft_wrap=True, markup=False)
        else:
            console.print(f"{channel.name}: taken")
    if settings.alarm_webhook_url is None and settings.alarm_topic_arn is None:
        console.print("Nobody but the log is told: set GOLF_ALARM_WEBHOOK_URL or GOLF_ALARM_TOPIC_ARN.", soft_wrap=True)
    if failed:
        raise typer.Exit(FAILED)


@contextmanager
def _queue(doing: str, most: int) -> Iterator[tuple["DeadLetters", Callable[[int], None]]]:
    from golf_pipeline.settings import get_settings
    from golf_pipeline.storage.dead_letters import DeadLetters, DeadLettersUnavailableError

    try:
        queue = DeadLetters.from_settings(get_settings())
        total = min(most, queue.count())
        with stage_progress(complaints) as progress:
            yield queue, lambda seen: progress.report(doing, seen, max(total, seen))
    except DeadLettersUnavailableError as error:
        complaints.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(FAILED) from error


def _print_letter(letter: "DeadLetter") -> None:
    lines = [letter.message_id]
    for one in letter.objects:
        lines.append(f"  object    s3://{one.bucket}/{one.key}, created {_at(one.event_time)}")
    if not letter.objects and not letter.problem:
        lines.append("  object    none: it tells of nothing that was created")
    lines.append(f"  receives  {letter.receive_count}, the first {_at(letter.first_received_at)}")
    lines.append(
        f"  state     cannot be taken in: {letter.problem}" if letter.problem else "  state     can be sent back"
    )
    # What a key holds is no markup of ours.
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _at(when: datetime | None) -> str:
    return "never" if when is None else f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _end(done: "Done") -> None:
    if done.more:
        console.print("There may be more: the bound was reached. Run it again, or raise --most.", soft_wrap=True)
    if done.not_found:
        complaints.print(f"Not found: {', '.join(done.not_found)}", soft_wrap=True, markup=False)
        raise typer.Exit(FAILED)
