"""The parts of compose.yaml as plain processes: its commands, variables and health checks, and a swing through all.

Docker is not asked for. What stands in for it: the entry point with a folder of secrets, a home that nobody writes to,
ports and paths exchanged. The database is a real PostgreSQL, the AWS the embedded one with the stack of the template.
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

import httpx
import pytest

from golf_pipeline.local.ports import claim_port
from golf_pipeline.synthetic import clip
from golf_pipeline_tests.deploy.conftest import DEPLOY, Create, CreatedStack
from golf_pipeline_tests.deploy.test_compose import SECRETS, compose
from golf_pipeline_tests.deploy.test_image import ENTRYPOINT, all_of

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")]

SAMPLE = Path(clip.__file__).parent / "samples" / "face_on_right.mp4"
PATIENCE_S = 240.0
BIN = Path(sys.executable).parent


@dataclass
class Machine:
    """Where the parts run here: what differs from the containers."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]

    def command(self, given: list[str]) -> list[str]:
        """A command of compose.yaml or of the image, with the ports and paths of here."""
        exchanged = {
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
        folder.mkdir(exist_ok=True)
        for name in secrets:
            (folder / name).write_text(self.environment.get(name, ""))
        public = {name: value for name, value in self.environment.items() if name not in SECRETS}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GOLF_", "DAGSTER_"))}
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        return {**inherited, **public, "SECRETS_FOLDER": str(folder), "PATH": path}


@pytest.fixture
def stack(create: Create) -> CreatedStack:
    stack = create()
    stack.complete()
    return stack


@pytest.fixture
def machine(stack: CreatedStack, database_environment: dict[str, str], tmp_path: Path) -> Machine:
    ports = {name: claim_port(0, name, "") for name in ("api", "code", "webserver")}
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    data.mkdir()
    (home / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    workspace = (DEPLOY / "workspace.yaml").read_text(encoding="utf-8")
    (tmp_path / "workspace.yaml").write_text(
        workspace.replace("host: code", "host: 127.0.0.1").replace("4000", str(ports["code"]))
    )
    home.chmod(0o555)
    outputs = {name: value for name, value in stack.outputs.values() if name.startswith("GOLF_")}
    environment = {
        **database_environment,
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
    }
    return Machine(tmp_path, ports, environment)


@contextmanager
def running(machine: Machine, names: list[str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start parts of compose.yaml and end them, and all that they have started, at the end."""
    services, started = compose()["services"], {}
    try:
        for name in names:
            command = services[name].get("command") or json.loads(all_of("CMD")[0])
            with (machine.folder / f"{name}.log").open("wb") as log:
                started[name] = subprocess.Popen(
                    ["/bin/sh", str(ENTRYPOINT), *machine.command(command)],
                    env=machine.environment_of(services[name]["secrets"]),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        yield started
    finally:
        for process in started.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_healthy(machine: Machine, name: str) -> bool:
    service = compose()["services"][name]
    check = service["healthcheck"]["test"][1:] if "healthcheck" in service else _check_of_the_image()
    environment = machine.environment_of(service["secrets"])
    done = subprocess.run(machine.command(check), env=environment, capture_output=True, check=False)
    return done.returncode == 0


def _check_of_the_image() -> list[str]:
    check: list[str] = json.loads(all_of("HEALTHCHECK")[0].partition(" CMD ")[2])
    return check


def wait_until_healthy(machine: Machine, name: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_healthy(machine, name):
        log = (machine.folder / f"{name}.log").read_text(errors="replace")[-3000:]
        assert process.poll() is None, f"{name} ended:\n{log}"
        assert time.monotonic() < deadline, f"{name} is not healthy:\n{log}"
        time.sleep(1)


@pytest.mark.timeout(900)
def test_a_swing_goes_through_all_parts_as_compose_starts_them(machine: Machine) -> None:
    assert not is_healthy(machine, "api"), "a health check must be able to fail"
    with running(machine, ["api", "code"]) as first:
        for name, process in first.items():
            wait_until_healthy(machine, name, process)
        with running(machine, ["daemon", "webserver"]) as second:
            for name, process in second.items():
                wait_until_healthy(machine, name, process)
            result = upload_and_wait(machine)
    assert result["status"] == "completed", result
    files = [path.name for path in (machine.folder / "home").rglob("*") if path.is_file()]
    assert files == ["dagster.yaml"], "the home is part of an image: nothing is written"


def upload_and_wait(machine: Machine) -> dict[str, object]:
    video = SAMPLE.read_bytes()
    with httpx.Client(base_url=f"http://127.0.0.1:{machine.ports['api']}", timeout=30) as api:
        asked = {"fileName": "swing.mp4", "contentType": "video/mp4", "contentLength": len(video)}
        given = api.post("/api/video/presigned-url", json=asked).raise_for_status().json()
        httpx.put(given["uploadUrl"], content=video, headers=given["headers"], timeout=30).raise_for_status()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            result: dict[str, object] = api.get(f"/api/video/results/{given['jobId']}").raise_for_status().json()
            if result["status"] in {"completed", "failed"} or time.monotonic() > deadline:
                return result
            time.sleep(1)
