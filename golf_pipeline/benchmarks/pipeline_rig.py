"""The stack that is measured: everything that a deployment has, on PostgreSQL, in a folder that goes with it.

The benchmark speaks to the embedded AWS, to the catalog and to Dagster's own storage as an operator would; what it adds
to the parts is in `patches/sitecustomize.py`.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, select, text

from golf_pipeline.benchmarks.patches.sitecustomize import REQUESTS
from golf_pipeline.benchmarks.pipeline_clips import Upload
from golf_pipeline.benchmarks.pipeline_meter import Accounts, RunSampler, memory_mb, read_accounts
from golf_pipeline.local import probes
from golf_pipeline.local.postgres import DAGSTER_DATABASE
from golf_pipeline.local.stack import API, AWS, CODE_SERVER, DAEMON, POSTGRES, WEBSERVER, LocalStack, StackConfig
from golf_pipeline.storage import database
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import UPLOADS_PREFIX, is_derived_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.tables import analyses

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from mypy_boto3_sqs import SQSClient

PATCHES = Path(__file__).parent / "patches"
PARTS = (AWS, POSTGRES, CODE_SERVER, DAEMON, WEBSERVER, API)
START_TIMEOUT_S = 300.0
POLL_S = 0.5
WRITERS = 8
"""Uploads that are put at the same time, and results that are read."""

ENDED = [status for status in Status if status.ended]


class NothingMovesError(Exception):
    """The stack did not come to an end in the time that it was given; the message says what is left."""


class Rig:
    """Start with `with`; the folder goes at the end."""

    def __init__(self) -> None:
        self._resources = ExitStack()
        self.folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="golf-benchmark-")))
        self._requests = self.folder / "requests.tsv"
        python_path = os.pathsep.join(filter(None, (str(PATCHES), os.environ.get("PYTHONPATH"))))
        environment = {"PYTHONPATH": python_path, REQUESTS: str(self._requests)}
        config = StackConfig(
            self.folder / "stack", 0, 0, 0, 0, environment, postgres=True, start_timeout_s=START_TIMEOUT_S
        )
        self.stack = LocalStack(config)

    def __enter__(self) -> Self:
        try:
            self.stack.start()
        except BaseException:
            self._resources.close()
            raise
        self._resources.callback(self.stack.stop)
        known = {name: value for name, value in self.stack.environment.items() if name.startswith(("AWS_", "DAGSTER_"))}
        os.environ.update(known)  # boto3 and Dagster's instance read nothing else
        self.catalog = Catalog(self.stack.environment["GOLF_CATALOG_URL"])
        self._resources.callback(self.catalog.engine.dispose)
        self.objects = ObjectStore.connect(self.stack.aws.bucket, self.stack.aws.endpoint_url, self.stack.aws.region)
        sampler = RunSampler(lambda: self.stack.process_group(CODE_SERVER))
        self.sampler = self._resources.enter_context(sampler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    # -- uploads and their ends --------------------------------------------------------------------------------------

    def put(self, uploads: Sequence[Upload], on_progress: Callable[[int], None]) -> int:
        """Put uploads, some at a time; returns how many bytes."""

        def put_one(upload: Upload) -> int:
            body = upload.body()
            self.objects.put_bytes(upload.key, body, "video/mp4")
            return len(body)

        put = 0
        with ThreadPoolExecutor(WRITERS) as pool:
            for number, size in enumerate(pool.map(put_one, uploads), start=1):
                put += size
                on_progress(number)
        return put

    def wait(
        self, name: str, count: int, timeout_s: float, on_ended: Callable[[int], None], idle_s: float = 600.0
    ) -> None:
        """Wait until so many analyses whose ids begin with `name-` have ended.

        Raises:
            NothingMovesError: the time is over, or nothing ended for `idle_s`.
            StackError: a part of the stack ended.
        """
        ended, moved = -1, time.monotonic()
        deadline = moved + timeout_s
        while True:
            self.stack.check()
            now_ended = self.ended(name)
            if now_ended != ended:
                ended, moved = now_ended, time.monotonic()
                on_ended(ended)
            if ended >= count:
                return
            if time.monotonic() > min(deadline, moved + idle_s):
                raise NothingMovesError(f"{count - ended} of {count} uploads {name}-... have not ended")
            time.sleep(POLL_S)

    def ended(self, name: str) -> int:
        mine = analyses.c.analysis_id.startswith(f"{name}-", autoescape=True)
        query = select(func.count()).select_from(analyses).where(mine, analyses.c.status.in_(ENDED))
        with database.for_reading(self.catalog.engine).connect() as connection:
            return connection.execute(query).scalar_one()

    def records(self, name: str) -> dict[str, AnalysisRecord]:
        """The records of analyses whose ids begin with `name-`, by id."""
        query = select(analyses).where(analyses.c.analysis_id.startswith(f"{name}-", autoescape=True))
        with database.for_reading(self.catalog.engine).connect() as connection:
            found = [AnalysisRecord.model_validate(row._asdict()) for row in connection.execute(query)]
        return {record.analysis_id: record for record in found}

    # -- how it stands -----------------------------------------------------------------------------------------------

    def deploy(self, **variables: str) -> None:
        """Start the code server again with more variables, and wait until the daemon works with it."""
        self.stack.environment.update(variables)
        self.stack.restart(CODE_SERVER)
        restarted = time.time()
        self._until(lambda: probes.code_server_serves(self.stack.code_port) is None, "a new code server", 300.0)
        self._until(lambda: self._has_ticked_since(restarted), "ticks of the new code server", 300.0)

    def wait_for_quiet(self, timeout_s: float = 3600.0) -> None:
        """Wait until no event of the bucket waits and no run is under way."""
        self._until(lambda: not self._messages() and not self._runs_under_way(), "the stack's rest", timeout_s)

    def _until(self, is_so: Callable[[], bool], what: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_so():
            self.stack.check()
            if time.monotonic() > deadline:
                raise NothingMovesError(f"{what} did not come in {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def _has_ticked_since(self, moment: float) -> bool:
        from dagster._core.scheduler.instigation import InstigatorType, TickStatus

        states = self.dagster.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        return any(
            tick.status == TickStatus.SKIPPED
            for state in states
            for tick in self.dagster.get_ticks(state.instigator_origin_id, state.selector_id, after=moment)
        )

    def _messages(self) -> int:
        wanted: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._queue.get_queue_attributes(QueueUrl=self.stack.aws.queue_url, AttributeNames=wanted)
        return sum(int(count) for count in answer["Attributes"].values())

    def _runs_under_way(self) -> int:
        from dagster import DagsterRunStatus, RunsFilter

        busy = [DagsterRunStatus.QUEUED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
        return self.dagster.get_runs_count(RunsFilter(statuses=busy))

    @cached_property
    def _queue(self) -> "SQSClient":
        import boto3

        return boto3.client("sqs", endpoint_url=self.stack.aws.endpoint_url, region_name=self.stack.aws.region)

    # -- what it costs -----------------------------------------------------------------------------------------------

    @property
    def process_ids(self) -> dict[str, int]:
        return {name: self.stack.process_group(name) for name in PARTS}

    def accounts(self) -> Accounts:
        return read_accounts(self.process_ids)

    def memory_mb(self) -> dict[str, float]:
        return memory_mb(self.process_ids)

    def dagster_bytes(self) -> int:
        """Size of Dagster's database on disk."""
        with database.for_reading(self.catalog.engine).connect() as connection:
            size = connection.execute(text("SELECT pg_database_size(:name)"), {"name": DAGSTER_DATABASE})
            return int(size.scalar_one())

    def transactions(self) -> dict[str, int]:
        """Transactions of each database so far; PostgreSQL tells them with up to a second's delay."""
        query = text("SELECT datname, xact_commit + xact_rollback FROM pg_stat_database WHERE datname IS NOT NULL")
        with database.for_reading(self.catalog.engine).connect() as connection:
            return {str(name): int(count) for name, count in connection.execute(query)}

    def request_mark(self) -> int:
        """Where the log of requests ends at the moment."""
        return self._requests.stat().st_size

    def requests_since(self, mark: int) -> Counter[str]:
        """Requests to the embedded AWS by verb and kind of what they ask for, since a mark."""
        with self._requests.open("rb") as log:
            log.seek(mark)
            lines = log.read().decode(errors="replace").splitlines()
        return count_requests(lines, self.stack.aws.bucket)

    @cached_property
    def dagster(self) -> "DagsterInstance":
        from dagster import DagsterInstance

        instance = DagsterInstance.from_config(self.stack.environment["DAGSTER_HOME"])
        self._resources.callback(instance.dispose)
        return instance

    def versions(self) -> str:
        from importlib.metadata import version

        with database.for_reading(self.catalog.engine).connect() as connection:
            postgres = str(connection.execute(text("SHOW server_version")).scalar_one())
        return f"PostgreSQL {postgres}, Dagster {version('dagster')}, moto {version('moto')} as S3 and SQS"


def count_requests(lines: Sequence[str], bucket: str) -> Counter[str]:
    """Lines of the log of requests as counts: "GET upload", "PUT output", "POST queue", ..."""
    counts: Counter[str] = Counter()
    for line in lines:
        method, path, query = [*line.split("\t"), "", ""][:3]
        counts[f"{method} {_kind(path, query, bucket)}"] += 1
    return counts


def _kind(path: str, query: str, bucket: str) -> str:
    key = path.removeprefix(f"/{bucket}").removeprefix("/")
    if not path.startswith(f"/{bucket}"):
        return "queue"
    if not key:
        return "list" if "list-type" in query or "prefix" in query else "bucket"
    if not key.startswith(UPLOADS_PREFIX):
        return "profile"
    return "output" if is_derived_key(key) else "upload"
