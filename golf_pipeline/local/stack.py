"""The local stack: embedded AWS, development issuer, Dagster and the API, started and stopped together.

Every part is a process of its own that runs the code it runs in the cloud; what differs is only in its GOLF_*
variables. The embedded AWS is a process too and not a thread: moto's state and its load on the interpreter stay out of
the supervisor, and it may be killed without a loss. One code server is shared by the daemon and the webserver, so the
definitions are imported once. The databases are SQLite files or, as in a deployment, an embedded PostgreSQL.

Everything that must survive is in one data folder (`folder.py`). How processes are ended whatever happens:
`processes.py` and `keeper.py`; the terminal's side: `dev.py`.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from golf_pipeline.local import probes
from golf_pipeline.local.aws import EmbeddedAws
from golf_pipeline.local.folder import StackError, lock_folder, write_instance
from golf_pipeline.local.issuer import DISCOVERY_PATH, DevIssuer
from golf_pipeline.local.ports import HOST, PortTakenError, claim_port
from golf_pipeline.local.postgres import EmbeddedPostgres
from golf_pipeline.local.processes import Child, Family
from golf_pipeline.local.signals import on_signals
from golf_pipeline.settings import Settings

CODE_LOCATION = "golf_pipeline"
AWS, ISSUER, API, POSTGRES = "aws", "issuer", "api", "postgres"
DAEMON, CODE_SERVER, WEBSERVER = "dagster-daemon", "dagster-code", "dagster-webserver"
STOP_ORDER = ((API, WEBSERVER, DAEMON), (CODE_SERVER,), (AWS, ISSUER, POSTGRES))
ENDED_OUTRIGHT = (DAEMON, CODE_SERVER)
"""Asked to end, both wait for sensors that wait themselves, up to 20 s, and log failed ticks. Both are made to be cut
off: ticks and runs under way go on at the next start (`crashed_runs.py`), from the last stage that is stored."""

CODE_SERVER_THREADS = 16
"""As in deploy/compose.yaml: sensors that watch hold three for seconds, and each run that starts one, where Dagster has
six on two cores."""

EVENT_BATCH_SIZE = 50
"""Events of one step that Dagster may write in one statement (DAGSTER_EVENT_BATCH_SIZE). Only PostgreSQL gains."""

RESTART_AFTER_S = 1.0
"""A part that ends is not started again sooner than this after its last start."""
POLL_S = 0.1

api_port_option = "--api-port (GOLF_API_PORT)"
dagster_port_option = "--dagster-port (GOLF_DAGSTER_PORT)"
aws_port_option = "--aws-port (GOLF_AWS_PORT)"
issuer_port_option = "--issuer-port (GOLF_ISSUER_PORT)"


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
    postgres: bool = False
    """Catalog and Dagster's history in an embedded PostgreSQL, as in a deployment, and not in SQLite files."""
    postgres_port: int = 0
    max_concurrent_runs: int | None = None
    """Runs at once; None: as many as dagster.yaml says."""
    restart_parts: bool = False
    """Parts that end are started again, as systemd or compose would; else the end of one is the end of the stack."""
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
        self.postgres: EmbeddedPostgres | None = None
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
            with on_signals(lambda: self._family.kill() if self._family else None):
                self._family.stop(STOP_ORDER)
            self._family = None
        self._unlock()

    def kill(self) -> None:
        """End all parts at once, by force, as when the machine loses its power; safe to call in any state."""
        if self._family is not None:
            self._family.kill()
            self._family = None
        self._unlock()

    def check(self) -> None:
        """Look after the parts: start again what has ended, with `restart_parts`.

        Raises:
            StackError: a part has ended by itself and is not to be started again.
        """
        family = self._running()
        while (child := family.ended()) is not None:
            if not self.config.restart_parts:
                raise StackError(_obituary(child))
            if time.monotonic() - child.started < RESTART_AFTER_S:
                break
            self._restart(child)
        if not family.keeper_lives:
            raise StackError("The process that guards the stack's end was killed; ending the stack with it.")

    def restart(self, name: str) -> None:
        """Kill a part, with all that it has started, and start it again, while the others live.

        Its variables are those that `environment` holds now: so a part is deployed anew.
        """
        self._restart(self._child(name))

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
        if config.postgres:
            self.postgres = EmbeddedPostgres(
                self.folder / "postgres", claim_port(config.postgres_port, "PostgreSQL", "")
            )
            self.postgres.prepare()
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
            "GOLF_DAGSTER_URL": self.dagster_url,
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
            "PYTHONUNBUFFERED": "1",
        }
        # Each run is a process of its own, and a third of what it takes to start one would be compiling.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        if self.postgres is not None:
            own |= {**self.postgres.environment, "DAGSTER_EVENT_BATCH_SIZE": str(EVENT_BATCH_SIZE)}
        if settings.pose_model is not None:
            own["GOLF_POSE_MODEL"] = str(settings.pose_model.resolve())
        return {**inherited, **self.aws.environment, **self.issuer.environment, **own, **self.config.environment}

    def _prepare(self) -> None:
        config = self.config
        write_instance(
            self.folder / "dagster", postgres=config.postgres, max_concurrent_runs=config.max_concurrent_runs
        )
        Path(self.environment["GOLF_WORK_FOLDER"]).mkdir(parents=True, exist_ok=True)
        (self.folder / "workspace.yaml").write_text(
            f"load_from:\n  - grpc_server: {{host: {HOST}, port: {self.code_port}, location_name: {CODE_LOCATION}}}\n"
        )

    # Start

    def _start_parts(self) -> None:
        since = time.time()
        deadline = time.monotonic() + self.config.start_timeout_s
        python = sys.executable
        aws = self._start_part(AWS, [python, "-m", "golf_pipeline.local.aws"])
        issuer = self._start_part(ISSUER, [python, "-m", "golf_pipeline.local.issuer"])
        has_history = self._has_history()
        if self.postgres is not None:
            database = self._start_part(POSTGRES, self.postgres.command)
            self._wait(database, self.postgres.accepts, deadline)
        code_server, recovery = self._start_code_server(has_history) if self.config.with_dagster else (None, None)
        self._wait(aws, lambda: probes.answers(self.aws.port, f"/{self.aws.bucket}?max-keys=0"), deadline)
        api = self._start_part(API, [python, "-m", "golf_pipeline.cli", "api"])
        if code_server is not None:
            self._wait(code_server, lambda: probes.code_server_serves(self.code_port), deadline)
        if recovery is not None:
            self._wait(recovery, lambda: None if recovery.exit_code == 0 else "still at work", deadline)
        dagster = self._start_dagster(since) if self.config.with_dagster else []
        self._wait(issuer, lambda: probes.answers(self.issuer.port, DISCOVERY_PATH), deadline)
        self._wait(api, lambda: probes.answers(self.api_port, "/ready"), deadline)
        for child, probe in dagster:
            self._wait(child, probe, deadline)

    def _has_history(self) -> bool:
        """Whether an earlier stack of this folder may have left runs."""
        return (self.postgres.data if self.postgres else self.folder / "dagster" / "history").is_dir()

    def _start_code_server(self, has_history: bool) -> tuple[Child, Child | None]:
        """The server of the definitions and, in a folder with a history, the task that heals crashed runs."""
        recovery = self._start_part("dagster-recovery", _recovery_command(), is_task=True) if has_history else None
        return self._start_part(CODE_SERVER, self._code_server_command()), recovery

    def _code_server_command(self) -> list[str]:
        code = ["-m", "golf_pipeline.definitions", "--location-name", CODE_LOCATION]
        workers = ["--max-workers", str(CODE_SERVER_THREADS)]
        return [sys.executable, "-m", "dagster", "api", "grpc", "-p", str(self.code_port), *workers, *code]

    def _start_dagster(self, since: float) -> list[tuple[Child, probes.Probe]]:
        """Start the webserver and the daemon; returns each with what tells that it is ready."""
        workspace = ["-w", str(self.folder / "workspace.yaml")]
        web = [sys.executable, "-m", "dagster_webserver", "-h", HOST, "-p", str(self.dagster_port), *workspace]
        webserver = self._start_part(WEBSERVER, web)
        daemon = self._start_part(DAEMON, [sys.executable, "-m", "dagster._daemon", "run", *workspace])
        return [
            (webserver, lambda: probes.definitions_loaded(self.dagster_port)),
            (daemon, lambda: probes.daemon_beats(self.dagster_port, since)),
        ]

    def _start_part(self, name: str, command: list[str], *, is_task: bool = False) -> Child:
        # Asked with SIGTERM, PostgreSQL waits until the last client has gone by itself.
        stop_signal = signal.SIGINT if name == POSTGRES else signal.SIGTERM
        grace_s = 0.0 if name in ENDED_OUTRIGHT else None
        environment = self.environment
        if name == AWS:  # it reads its own port there, where the others may be given a proxy
            environment = {**environment, "GOLF_S3_ENDPOINT_URL": self.aws.endpoint_url}
        return self._running().start(
            name, command, environment, self.folder, is_task=is_task, grace_s=grace_s, stop_signal=stop_signal
        )

    def _restart(self, child: Child) -> None:
        if child.name != CODE_SERVER:
            self._running().restart(child)
            return
        # As in deploy/compose.yaml: its runs were its children and are gone, so they are ended before it serves again.
        chain = 'recovery="$1"; shift; "$0" -m "$recovery" && exec "$@"'
        recovery = _recovery_command()
        self._running().restart(
            child, ["/bin/sh", "-c", chain, recovery[0], recovery[-1], *self._code_server_command()]
        )

    # While it runs

    def process_group(self, name: str) -> int:
        """The process group of a part: it and all that it has started."""
        return self._child(name).process.pid

    def _child(self, name: str) -> Child:
        return next(child for child in self._running().children if child.name == name)

    def _running(self) -> Family:
        if self._family is None:
            raise StackError("The stack is not started.")
        return self._family

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _wait(self, child: Child, probe: probes.Probe, deadline: float) -> None:
        self.on_step(f"waiting for {child.name}")
        while (missing := probe()) is not None:
            self.check()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{child.name} is not ready after {self.config.start_timeout_s:.0f} s: {missing}\n{_tail(child)}"
                )
            time.sleep(POLL_S)


def _recovery_command() -> list[str]:
    return [sys.executable, "-m", "golf_pipeline.local.crashed_runs"]


def _obituary(child: Child) -> str:
    return f"{child.name} ended by itself with code {child.exit_code}.\n{_tail(child)}"


def _tail(child: Child) -> str:
    return f"The end of {child.log}:\n{child.log_tail()}"
