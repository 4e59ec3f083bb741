"""The local stack: embedded AWS, development issuer, Dagster and the API, started and stopped together.

Every part is a process of its own that runs the code it runs in the cloud; what differs is only in its GOLF_*
variables. The embedded AWS is a process too and not a thread: moto's state and its load on the interpreter stay out of
the supervisor, and it may be killed without a loss. One code server is shared by the daemon and the webserver, so the
definitions are imported once.

Everything that must survive is in one data folder: objects and queue (`aws/`), catalog, Dagster's history
(`dagster/`), the keys of the development issuer (`issuer/`), logs. One stack at a time uses a folder, held by a lock.
How processes are ended whatever happens: `processes.py` and `keeper.py`.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from rich.console import Console
from rich.text import Text

import golf_pipeline
from golf_pipeline.local import probes
from golf_pipeline.local.aws import EmbeddedAws
from golf_pipeline.local.issuer import DISCOVERY_PATH, DevIssuer
from golf_pipeline.local.ports import HOST, PortTakenError, claim_port
from golf_pipeline.local.processes import Child, Family
from golf_pipeline.settings import Settings

CODE_LOCATION = "golf_pipeline"
DAEMON = "dagster-daemon"
CODE_SERVER = "dagster-code"
STOP_ORDER = (("api", "dagster-webserver", DAEMON), (CODE_SERVER,), ("aws", "issuer"))
ENDED_OUTRIGHT = (DAEMON, CODE_SERVER)
"""Asked to end, both wait for sensors that wait themselves, up to 20 s, and log failed ticks. Both are made to be cut
off: ticks and runs under way go on at the next start (`crashed_runs.py`), from the last stage that is stored."""
LOCK_WAIT_S = 20.0
POLL_S = 0.1

api_port_option = "--api-port (GOLF_API_PORT)"
dagster_port_option = "--dagster-port (GOLF_DAGSTER_PORT)"
aws_port_option = "--aws-port (GOLF_AWS_PORT)"
issuer_port_option = "--issuer-port (GOLF_ISSUER_PORT)"


class StackError(Exception):
    """The stack cannot start or go on; the message is for the person at the terminal."""


class StopRequested(BaseException):
    """A signal asks to end. Not an `Exception`, so that nothing on the way takes it for a failure."""


@dataclass(frozen=True)
class StackConfig:
    """What a stack needs to know. A port of 0 takes a free one."""

    data_folder: Path
    api_port: int = 8000
    dagster_port: int = 3000
    aws_port: int = 4566
    issuer_port: int = 4567
    environment: Mapping[str, str] = field(default_factory=dict)
    """More variables for every part, such as smaller limits."""
    with_dagster: bool = True
    """False: storage, issuer and API only, where results are read and none are made."""
    start_timeout_s: float = 120.0
    stop_grace_s: float = 10.0


class LocalStack:
    """Start with `start()` or as a context manager; `stop()` leaves no process."""

    def __init__(self, config: StackConfig, on_step: Callable[[str], None] = lambda _: None) -> None:
        self.config = config
        self.folder = config.data_folder.resolve()
        self.on_step = on_step
        self._lock: IO[str] | None = None
        self._family: Family | None = None
        self.aws: EmbeddedAws
        self.issuer: DevIssuer
        self.environment: dict[str, str]
        self.api_port = self.dagster_port = self.code_port = 0

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.api_port}"

    @property
    def dagster_url(self) -> str:
        return f"http://{HOST}:{self.dagster_port}"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def start(self) -> None:
        """Start all parts and wait until each is ready.

        Raises:
            StackError: the folder is in use, a port is taken, a part ended or is late (with the tail of its log).
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = lock_folder(self.folder)
            self._claim_ports()
            self._prepare()
            self._family = Family(self.logs, self._lock.fileno(), self.config.stop_grace_s)
            self._start_parts()
        except PortTakenError as error:
            self.stop()
            raise StackError(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all parts; safe to call in any state, and again. A signal meanwhile ends them by force."""
        if self._family is not None:
            with _signals(lambda: self._family.kill() if self._family else None):
                self._family.stop(STOP_ORDER)
            self._family = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check(self) -> None:
        """Raise StackError if a part has ended by itself."""
        family = self._running()
        child = family.ended()
        if child is not None:
            raise StackError(_obituary(child))
        if not family.keeper_lives:
            raise StackError("The process that guards the stack's end was killed; ending the stack with it.")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Preparation

    def _claim_ports(self) -> None:
        config = self.config
        self.api_port = claim_port(config.api_port, "the API", api_port_option)
        self.dagster_port = claim_port(config.dagster_port, "Dagster", dagster_port_option)
        aws_port = claim_port(config.aws_port, "the embedded AWS", aws_port_option)
        issuer_port = claim_port(config.issuer_port, "the development issuer", issuer_port_option)
        self.code_port = claim_port(0, "the code server", "")
        ports = [self.api_port, self.dagster_port, aws_port, issuer_port]
        if len(set(ports)) < len(ports):
            listed = ", ".join(map(str, ports))
            raise PortTakenError(f"The ports of API, Dagster, AWS and issuer must differ, not {listed}.")
        settings = Settings()
        self.aws = EmbeddedAws(
            self.folder / "aws", aws_port, settings.bucket, settings.region, settings.queue_visibility_s
        )
        self.issuer = DevIssuer(self.folder, issuer_port)
        self.issuer.prepare()
        self.environment = self._environment(settings)

    def _environment(self, settings: Settings) -> dict[str, str]:
        """The developer's own environment, pointed at this stack; paths made absolute as parts run elsewhere."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        no_proxy = ",".join(filter(None, (exempt, HOST, "localhost")))
        own = {
            "GOLF_DATA_FOLDER": str(self.folder),
            "GOLF_CATALOG_URL": f"sqlite:///{self.folder / 'catalog.db'}",
            "GOLF_WORK_FOLDER": str((settings.work_folder or self.folder / "work").resolve()),
            "GOLF_API_HOST": HOST,
            "GOLF_API_PORT": str(self.api_port),
            "GOLF_API_URL": self.api_url,
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
            "PYTHONUNBUFFERED": "1",
        }
        if settings.pose_model is not None:
            own["GOLF_POSE_MODEL"] = str(settings.pose_model.resolve())
        return {**inherited, **self.aws.environment, **self.issuer.environment, **own, **self.config.environment}

    def _prepare(self) -> None:
        home = self.folder / "dagster"
        for folder in (home, Path(self.environment["GOLF_WORK_FOLDER"])):
            folder.mkdir(parents=True, exist_ok=True)
        instance = Path(golf_pipeline.__file__).resolve().parents[1] / "dagster.yaml"
        if not instance.is_file():
            raise StackError(f"{instance} is missing: the local stack runs from a checkout of the project.")
        shutil.copyfile(instance, home / "dagster.yaml")
        (self.folder / "workspace.yaml").write_text(
            f"load_from:\n  - grpc_server: {{host: {HOST}, port: {self.code_port}, location_name: {CODE_LOCATION}}}\n"
        )

    # Start

    def _start_parts(self) -> None:
        since = time.time()
        deadline = time.monotonic() + self.config.start_timeout_s
        python = sys.executable
        aws = self._start_part("aws", [python, "-m", "golf_pipeline.local.aws"])
        issuer = self._start_part("issuer", [python, "-m", "golf_pipeline.local.issuer"])
        code_server, recovery = self._start_code_server() if self.config.with_dagster else (None, None)
        self._wait(aws, lambda: probes.answers(self.aws.port, f"/{self.aws.bucket}?max-keys=0"), deadline)
        api = self._start_part("api", [python, "-m", "golf_pipeline.cli", "api"])
        if code_server is not None:
            self._wait(code_server, lambda: probes.code_server_serves(self.code_port), deadline)
        if recovery is not None:
            self._wait(recovery, lambda: None if recovery.exit_code == 0 else "still at work", deadline)
        dagster = self._start_dagster(since) if self.config.with_dagster else []
        self._wait(issuer, lambda: probes.answers(self.issuer.port, DISCOVERY_PATH), deadline)
        self._wait(api, lambda: probes.answers(self.api_port, "/ready"), deadline)
        for child, probe in dagster:
            self._wait(child, probe, deadline)

    def _start_code_server(self) -> tuple[Child, Child | None]:
        """The server of the definitions and, in a folder with a history, the task that heals crashed runs."""
        recovery = None
        if (self.folder / "dagster" / "history").is_dir():
            recovery = self._start_part(
                "dagster-recovery", [sys.executable, "-m", "golf_pipeline.local.crashed_runs"], is_task=True
            )
        code = ["-m", "golf_pipeline.definitions", "--location-name", CODE_LOCATION]
        command = [sys.executable, "-m", "dagster", "api", "grpc", "-p", str(self.code_port), *code]
        return self._start_part(CODE_SERVER, command), recovery

    def _start_dagster(self, since: float) -> list[tuple[Child, probes.Probe]]:
        """Start the webserver and the daemon; returns each with what tells that it is ready."""
        workspace = ["-w", str(self.folder / "workspace.yaml")]
        web = [sys.executable, "-m", "dagster_webserver", "-h", HOST, "-p", str(self.dagster_port), *workspace]
        webserver = self._start_part("dagster-webserver", web)
        daemon = self._start_part(DAEMON, [sys.executable, "-m", "dagster._daemon", "run", *workspace])
        return [
            (webserver, lambda: probes.definitions_loaded(self.dagster_port)),
            (daemon, lambda: probes.daemon_beats(self.dagster_port, since)),
        ]

    def _start_part(self, name: str, command: list[str], *, is_task: bool = False) -> Child:
        grace_s = 0.0 if name in ENDED_OUTRIGHT else None
        return self._running().start(name, command, self.environment, self.folder, is_task=is_task, grace_s=grace_s)

    def process_group(self, name: str) -> int:
        """The process group of a part: it and all that it has started."""
        return next(child.process.pid for child in self._running().children if child.name == name)

    def _running(self) -> Family:
        if self._family is None:
            raise StackError("The stack is not started.")
        return self._family

    def _wait(self, child: Child, probe: probes.Probe, deadline: float) -> None:
        self.on_step(f"waiting for {child.name}")
        while (missing := probe()) is not None:
            self.check()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{child.name} is not ready after {self.config.start_timeout_s:.0f} s: {missing}\n{_tail(child)}"
                )
            time.sleep(POLL_S)


def dev(
    data_folder: Path,
    *,
    api_port: int = 8000,
    dagster_port: int = 3000,
    aws_port: int = 4566,
    issuer_port: int = 4567,
    console: Console | None = None,
) -> int:
    """Run the stack in the foreground until Ctrl-C or SIGTERM. Returns the exit code: 0 for such an end, else 1."""
    console = console or Console()
    stack = LocalStack(StackConfig(data_folder, api_port, dagster_port, aws_port, issuer_port))
    failure: StackError | None = None
    try:
        with _signals(_request_stop):
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


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within the block, SIGINT, SIGTERM and SIGHUP raise StopRequested in the main thread."""
    with _signals(_request_stop):
        yield


def _request_stop() -> None:
    raise StopRequested


@contextmanager
def _signals(action: Callable[[], None]) -> Iterator[None]:
    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        action()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def lock_folder(folder: Path) -> IO[str]:
    """Take the folder's lock; the file names its holder.

    Raises:
        StackError: another stack runs in the folder.
    """
    lock = (folder / "stack.lock").open("a+")
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            # A dead holder's keeper keeps the lock until it has ended what the holder left: worth a short wait.
            if _process_lives(holder) or time.monotonic() > deadline:
                lock.close()
                raise StackError(
                    f"A stack (process {holder}) already runs in {folder}: stop it, or choose another data folder."
                ) from None
            time.sleep(POLL_S)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _process_lives(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _obituary(child: Child) -> str:
    return f"{child.name} ended by itself with code {child.exit_code}.\n{_tail(child)}"


def _tail(child: Child) -> str:
    return f"The end of {child.log}:\n{child.log_tail()}"


def _print_addresses(stack: LocalStack, console: Console) -> None:
    for what, where in (
        ("API", f"{stack.api_url}/docs"),
        ("Dagster", stack.dagster_url),
        ("AWS", f"{stack.aws.endpoint_url}  (bucket {stack.aws.bucket})"),
        ("Issuer", f"{stack.issuer.url}  (for development only; tokens: golf-pipeline token NAME)"),
        ("Data", str(stack.folder)),
        ("Logs", str(stack.logs)),
    ):
        console.print(f"  [bold]{what:<8}[/]{where}", soft_wrap=True, highlight=False)
    console.print("Ctrl-C stops everything; uploads and results stay.")
