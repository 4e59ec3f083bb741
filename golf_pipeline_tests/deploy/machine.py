"""The parts of a compose file as plain processes: its commands, variables and health checks.

Docker is not asked for. What stands in for it: the entry point with a folder of secrets, a home that nobody writes to,
ports and paths exchanged.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golf_pipeline.local.ports import claim_port
from golf_pipeline_tests.deploy.conftest import DEPLOY, CreatedStack
from golf_pipeline_tests.deploy.test_compose import SECRETS, compose
from golf_pipeline_tests.deploy.test_image import ENTRYPOINT, all_of

PATIENCE_S = 240.0
BIN = Path(sys.executable).parent
PORTS = ("api", "code", "webserver", "broker")


@dataclass
class Machine:
    """Where the parts run here: what differs from the containers."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]
    services: dict[str, Any]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def command(self, given: list[str]) -> list[str]:
        """A command of compose.yaml or of the image, with the ports and paths of here."""
        exchanged = {
            "$$": "$",  # as Compose reads it
            "/opt/golf/dagster/workspace.yaml": str(self.folder / "workspace.yaml"),
            "/opt/golf/entrypoint.sh": str(ENTRYPOINT),
            "0.0.0.0": "127.0.0.1",  # noqa: S104
            "4000": str(self.ports["code"]),
            "3000": str(self.ports["webserver"]),
        }
        here = list(given)
        for old, new in exchanged.items():
            here = [word.replace(old, new) for word in here]
        return here

    def environment_of(self, secrets: list[str]) -> dict[str, str]:
        folder = self.folder / "-".join(["secrets", *secrets])
        if not folder.exists():  # else a part that starts is reading them
            folder.mkdir()
            for name in secrets:
                (folder / name).write_text(self.environment.get(name, ""))
        public = {name: value for name, value in self.environment.items() if name not in SECRETS}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GOLF_", "DAGSTER_"))}
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return {**inherited, **public, "SECRETS_FOLDER": str(folder), "PATH": path}

    def start(self, service: str, name: str = "", **more: str) -> subprocess.Popen[bytes]:
        """Start a part, in a process group of its own; its log is `{name}.log`."""
        given = self.services[service]
        command = given.get("command") or json.loads(all_of("CMD")[0])
        with (self.folder / f"{name or service}.log").open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", str(ENTRYPOINT), *self.command(command)],
                env={**self.environment_of(given["secrets"]), **more},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def is_healthy(self, service: str) -> bool:
        given = self.services[service]
        check = given["healthcheck"]["test"][1:] if "healthcheck" in given else check_of_the_image()
        environment = self.environment_of(given["secrets"])
        done = subprocess.run(self.command(check), env=environment, capture_output=True, check=False)
        return done.returncode == 0

    def wait_until_healthy(self, name: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_healthy(name):
            log = self.log(name)[-3000:]
            assert process.poll() is None, f"{name} ended:\n{log}"
            assert time.monotonic() < deadline, f"{name} is not healthy:\n{log}"
            time.sleep(1)


def machine_in(
    folder: Path, stack: CreatedStack, database: dict[str, str], *, instance: str = "dagster.yaml", **more: str
) -> Machine:
    """A machine whose home has this file of deploy/ as its dagster.yaml; `more` are further variables."""
    ports = {name: claim_port(0, name, "") for name in PORTS}
    home, data = folder / "home", folder / "data"
    home.mkdir()
    data.mkdir()
    (home / "dagster.yaml").write_text((DEPLOY / instance).read_text(encoding="utf-8"))
    workspace = (DEPLOY / "workspace.yaml").read_text(encoding="utf-8")
    (folder / "workspace.yaml").write_text(
        workspace.replace("host: code", "host: 127.0.0.1").replace("4000", str(ports["code"]))
    )
    home.chmod(0o555)
    outputs = {name: value for name, value in stack.outputs.values() if name.startswith("GOLF_")}
    environment = {
        **database,
        **outputs,
        "GOLF_S3_ENDPOINT_URL": stack.url,
        "DAGSTER_HOME": str(home),
        "GOLF_DATA_FOLDER": str(data),
        "GOLF_WORK_FOLDER": str(data / "work"),
        "GOLF_API_HOST": "127.0.0.1",
        "GOLF_API_PORT": str(ports["api"]),
        "GOLF_LINK_KEY": "k" * 32,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "HOME": "/tmp",
        **more,
    }
    return Machine(folder, ports, environment, compose()["services"])


def check_of_the_image() -> list[str]:
    check: list[str] = json.loads(all_of("HEALTHCHECK")[0].partition(" CMD ")[2])
    return check


@contextmanager
def running(machine: Machine, names: list[str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start parts and end them, and all that they have started, at the end."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in names:
            started[name] = machine.start(name)
        yield started
    finally:
        for process in started.values():
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a part and its children as a power cut does."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
