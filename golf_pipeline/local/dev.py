"""`golf-pipeline dev`: the local stack in the foreground, until Ctrl-C."""

import time

from rich.console import Console
from rich.text import Text

from golf_pipeline.local.folder import StackError
from golf_pipeline.local.ports import HOST
from golf_pipeline.local.signals import StopRequested, stop_on_signals
from golf_pipeline.local.stack import POLL_S, LocalStack, StackConfig


def dev(config: StackConfig, console: Console | None = None) -> int:
    """Run the stack in the foreground until Ctrl-C or SIGTERM. Returns the exit code: 0 for such an end, else 1."""
    console = console or Console()
    stack = LocalStack(config)
    failure: StackError | None = None
    try:
        with stop_on_signals():
            with console.status("starting") as status:
                stack.on_step = status.update
                stack.start()
            _print_addresses(stack, console)
            while True:
                stack.check()
                time.sleep(POLL_S)
    except StopRequested:
        pass
    except StackError as error:
        failure = error
    with console.status("stopping"):
        stack.stop()
    if failure is not None:
        console.print(Text(str(failure), style="red"), soft_wrap=True)
        return 1
    console.print("Stopped; uploads and results are kept.")
    return 0


def _print_addresses(stack: LocalStack, console: Console) -> None:
    addresses = [
        ("API", f"{stack.api_url}/docs"),
        ("Dagster", stack.dagster_url),
        ("AWS", f"{stack.aws.endpoint_url}  (bucket {stack.aws.bucket})"),
        ("Issuer", f"{stack.issuer.url}  (for development only; tokens: golf-pipeline token NAME)"),
        ("Data", str(stack.folder)),
        ("Logs", str(stack.logs)),
    ]
    if stack.postgres is not None:
        password = f"(databases golf and dagster, user golf, password in {stack.postgres.folder / 'password'})"
        addresses.insert(3, ("SQL", f"{HOST}:{stack.postgres.port}  {password}"))
    for what, where in addresses:
        console.print(f"  [bold]{what:<8}[/]{where}", soft_wrap=True, highlight=False)
    console.print("Ctrl-C stops everything; uploads and results stay.")
