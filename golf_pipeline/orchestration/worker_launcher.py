"""Hands runs to long-lived workers, on this machine or on others, and notices when one of them dies.

Dagster's Celery launcher with what it lacks for that (dagster-celery 0.29):

- **A worker that is gone.** Celery says STARTED of a task for ever when the machine under it vanishes, and Dagster
  would wait for `max_runtime_seconds`. Here whoever executes a run beats (`worker.py`): a counter in the task's row of
  the result backend. A beat that stands still means that the run ends as failed, and its swings are taken up again.
- **A task that is over before its run is** (the database was away when the run's end was to be written, or Celery
  delivered a task twice and Dagster ignored the second). The launcher of dagster-celery takes that for health.
- **A broker that is down** for a minute fails no run: it goes back into Dagster's queue, as with a code server.
- **The task's id** is noted before the task is sent. Noted after, as in dagster-celery, a daemon that dies between the
  two leaves a run that nobody can check or end.

What the worker's process itself does is in `worker.py`; the settings of both are in `deploy/dagster-workers.yaml`.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import states
from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from kombu.exceptions import OperationalError

LOST_AFTER_S = 30.0
"""A beat that stands still for longer, six times what it takes (`worker.BEAT_S`), comes from nobody."""

LOST_AFTER_LOOKS = 3
"""So many looks in a row must have found the same beat: while the database is away nobody can look, and time that
passed unseen says nothing about a worker."""

FORGET_AFTER_S = 3600.0


@dataclass
class _Seen:
    beat: Hashable
    since: float
    at: float
    looks: int = 0


class BeatWatch:
    """Tells from looks at counters which of them stand still.

    Only whether a beat changes counts, and only by the watcher's own clock: clocks of workers may be wrong.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def stands_still(self, name: str, beat: Hashable, now: float) -> bool:
        """Look once, at `now` (seconds of any steady clock); True if this beat has not changed for too long."""
        for other in [key for key, seen in self._seen.items() if now - seen.at > FORGET_AFTER_S]:
            del self._seen[other]
        seen = self._seen.get(name)
        if seen is None or seen.beat != beat:
            self._seen[name] = _Seen(beat, since=now, at=now)
            return False
        seen.at = now
        seen.looks += 1
        return seen.looks >= LOST_AFTER_LOOKS and now - seen.since >= LOST_AFTER_S


class WorkerRunLauncher(CeleryRunLauncher):
    """See the module. Configured as `dagster_celery.launcher.CeleryRunLauncher`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clock: Callable[[], float] = time.monotonic
        self._watch = BeatWatch()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send the run to the broker.

        Raises:
            DagsterUserCodeUnreachableError: the broker does not answer. The one error after which Dagster puts a run
                back into its queue (`max_user_code_failure_retries` times) instead of failing it.
        """
        try:
            super().launch_run(context)
        except (OperationalError, ConnectionError) as error:
            raise DagsterUserCodeUnreachableError("The broker of the workers does not answer.") from error

    def _launch_celery_task_run(self, run: DagsterRun, task_signature: Any, routing_key: str) -> None:
        # A new one at each launch: Celery keeps SUCCESS for an id, whatever comes after.
        task_id = str(uuid4())
        self._instance.add_run_tags(run.run_id, {DAGSTER_CELERY_TASK_ID_TAG: task_id})
        super()._launch_celery_task_run(run, task_signature.set(task_id=task_id), routing_key)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Asked by Dagster's run monitoring of each run that has started; it fails a run that is not RUNNING here.

        Dagster reads the run's state once more before it does, so a run that ended a moment ago stays what it is.
        """
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "launched by an instance without workers")
        meta = self.celery.backend.get_task_meta(task_id, cache=False)
        state, said = meta["status"], meta["result"]
        if state == states.SUCCESS:
            return CheckRunHealthResult(WorkerStatus.FAILED, "The worker was done with the run, which had not ended.")
        if state in states.READY_STATES:
            return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker's process was lost: {said!r}")
        told = said if isinstance(said, dict) else {}
        if self._watch.stands_still(task_id, (state, told.get("beat")), self.clock()):
            where = told.get("hostname", "which took it")
            return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker {where} gives no sign of life.")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """For the message of a run that is failed: what its task last said of itself."""
        del include_container_logs
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:
            return None
        meta = self.celery.backend.get_task_meta(task_id, cache=False)
        return f"Celery task {task_id}: {meta['status']} {meta['result']!r}"
