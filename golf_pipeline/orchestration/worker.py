"""A worker: one of the processes, on any machine, that execute the runs a `WorkerRunLauncher` hands out.

    celery --app golf_pipeline.orchestration.worker worker --concurrency 2

All settings are those of the launcher in $DAGSTER_HOME/dagster.yaml, so that both ends agree. The process that this
command starts takes tasks and supervises; a child for each run at once (`--concurrency`) executes them, one after the
other, and keeps what it has imported: that is what makes it cheaper than a process per run.

Nothing of the analysis may be imported here at the top: children are forked from a process that has imported this.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, Task, states
from celery.signals import worker_process_init
from dagster import DagsterInstance
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.tasks import create_execute_job_task

from golf_pipeline.orchestration.worker_launcher import WorkerRunLauncher
from golf_pipeline.orchestration.workspace import run_folder
from golf_pipeline.settings import Settings, get_settings

LOG = logging.getLogger(__name__)

BEAT_S = 5.0
FORGOTTEN_AFTER_S = 24 * 3600.0


@contextmanager
def beating(task: Any, every_s: float = BEAT_S) -> Iterator[None]:
    """Within the block, a counter in the task's row of the result backend goes up.

    From the process that executes the run, and not from its supervisor: the two die separately, and a supervisor
    that is told to end answers nobody while its children finish.
    """
    backend, request, ended = task.backend, task.request, threading.Event()

    def beat() -> None:
        count = 0
        while not ended.wait(every_s):
            count += 1
            said = {"pid": os.getpid(), "hostname": request.hostname, "beat": count}
            try:
                backend.store_result(request.id, said, states.STARTED, request=request)
            except Exception as error:
                # A database that restarts ends no run; who looks at the beat cannot look either.
                LOG.warning("no beat of task %s: %s", request.id, type(error).__name__)

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class RunTask(Task):  # type: ignore[misc]
    """The task of dagster-celery, with a sign of life, and with a line in the run's log that says who took it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with beating(self):
            self._tell_who(kwargs["execute_job_args_packed"])
            return self.run(*args, **kwargs)

    def _tell_who(self, packed: Any) -> None:
        run_id = unpack_value(packed, as_type=ExecuteRunArgs).run_id
        with DagsterInstance.get() as instance:
            run = instance.get_run_by_id(run_id)
            if run is not None:
                instance.report_engine_event(f"Taken by the worker {self.request.hostname}.", run)


def make_worker_app() -> Celery:
    """The Celery application of the instance's launcher, with the task that executes a run.

    Raises:
        RuntimeError: the instance hands its runs to no workers.
    """
    with DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        if not isinstance(launcher, WorkerRunLauncher):
            raise RuntimeError(
                f"The Dagster instance launches runs by {type(launcher).__name__}: a worker needs a dagster.yaml "
                "whose run_launcher is WorkerRunLauncher, as deploy/dagster-workers.yaml"
            )
        app = launcher.celery
    # A launcher that has launched has registered its own, for every application of its process.
    app.tasks.pop(TASK_EXECUTE_JOB_NAME, None)
    create_execute_job_task(app, base=RunTask)  # type: ignore[arg-type]  # typed as one dict, used as keywords
    return app


def remove_leftovers(settings: Settings, instance: DagsterInstance) -> list[str]:
    """Remove the files of runs that are over, left by a worker that was killed; return the runs' ids.

    The sensor that ends the swings of dead runs removes such files too, but on the code server's machine. Of a run that
    this instance does not know only what is a day old: it may be another instance's, in the same temporary folder.
    """
    prefix = run_folder(settings, "")
    removed = []
    for folder in sorted(prefix.parent.glob(f"{prefix.name}*")):
        run_id = folder.name.removeprefix(prefix.name)
        run = instance.get_run_by_id(run_id)
        if run.is_finished if run is not None else time.time() - folder.stat().st_mtime > FORGOTTEN_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(run_id)
    return removed


@worker_process_init.connect  # type: ignore[untyped-decorator]
def tidy_up(**_: Any) -> None:
    """When a child starts, so at every start of a worker and again after each `worker_max_tasks_per_child` runs."""
    with DagsterInstance.get() as instance:
        for run_id in remove_leftovers(get_settings(), instance):
            LOG.info("removed the files of run %s, which is over", run_id)
    # Celery leaves that to a scheduler of its own, which nothing else here needs.
    app.backend.cleanup()


app = make_worker_app()
