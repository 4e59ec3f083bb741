"""A whole stack on PostgreSQL behind a proxy that can fail, with the hands that a test needs: kill, fill, restart."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import boto3
import psutil
from mypy_boto3_s3 import S3Client
from sqlalchemy.exc import SQLAlchemyError

from golf_pipeline.local.ports import claim_port
from golf_pipeline.local.stack import CODE_SERVER, LocalStack, StackConfig
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline_tests.chaos.faults import FaultProxy

PATCHES = Path(__file__).parent / "patches"
WORK_BYTES = 200 * 2**20
"""Of the work folder's own file system, which a test fills up."""

RUN_WORKER = "multiprocessing.spawn"
"""In the command line of a process that carries out a run; the code server is its parent."""


class Rig:
    """Start with `with`. The tests speak to the embedded AWS and the database directly, the parts through the proxy."""

    def __init__(self, seed: int = 1) -> None:
        self._resources = ExitStack()
        self.folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="golf-chaos-")))
        self.work = self.folder / "work"
        self.work_is_limited = self._resources.enter_context(_small_file_system(self.work))
        api, dagster, aws, issuer, postgres = (claim_port(0, "a test", "") for _ in range(5))
        self.proxy = self._resources.enter_context(FaultProxy(aws, seed))
        environment = {
            "GOLF_S3_ENDPOINT_URL": self.proxy.url,
            "GOLF_SQS_ENDPOINT_URL": self.proxy.url,
            "GOLF_WORK_FOLDER": str(self.work),
            "GOLF_BATCH_BACKLOG": "4",
            "GOLF_BATCH_SIZE": "4",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(PATCHES), os.environ.get("PYTHONPATH")))),
        }
        # The ports stay the same over restarts, as they do where it counts.
        self.stack = LocalStack(
            StackConfig(
                self.folder / "data",
                api,
                dagster,
                aws,
                issuer,
                environment=environment,
                postgres=True,
                postgres_port=postgres,
                restart_parts=True,
                start_timeout_s=240,
            )
        )
        self.restarted = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as unless_started:
            unless_started.callback(self._resources.close)
            self.stack.start()
            unless_started.pop_all()
        self.catalog = Catalog(self.stack.environment["GOLF_CATALOG_URL"])
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.kill()
        self._resources.close()

    # -- what is there -------------------------------------------------------------------------------------------

    @property
    def s3(self) -> S3Client:
        session = boto3.Session("local", "local", region_name=self.stack.aws.region)
        return session.client("s3", endpoint_url=self.stack.aws.endpoint_url)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.stack.aws.bucket, Key=key, Body=body)

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.stack.aws.bucket, Key=key)["Body"].read()

    def keys(self, prefix: str) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.aws.bucket, Prefix=prefix)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def records(self, keys: Iterable[str]) -> dict[str, AnalysisRecord]:
        """The records of uploads by key; none while the database is away."""
        try:
            found = {key: self.catalog.by_key(self.stack.aws.bucket, key) for key in keys}
        except SQLAlchemyError:
            return {}
        return {key: record for key, record in found.items() if record is not None}

    def told(self, words: bytes) -> int:
        """How often the runs have logged these words."""
        return sum(log.read_bytes().count(words) for log in self.stack.logs.glob(f"{CODE_SERVER}.log*"))

    # -- what is done to it --------------------------------------------------------------------------------------

    def look_after(self) -> None:
        """Start again what has ended, as compose does."""
        self.stack.check()

    def pass_time(self, seconds: float) -> None:
        """Let time pass while parts that end are started again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look_after()
            time.sleep(0.1)

    def kill(self, part: str) -> None:
        """End a part and all that it has started, by force; `look_after` starts it again."""
        for process in _family(self.stack.process_group(part)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def run_workers(self) -> list[psutil.Process]:
        """The processes that carry out a run."""
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.stack.process_group(CODE_SERVER)).children(recursive=True)
            return [child for child in children if _is_worker(child)]
        return []

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Within the block, the work folder's file system has no byte left."""
        filler = self.work / "filler"
        try:
            with filler.open("wb") as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(2**16))
                    file.flush()
            yield
        finally:
            filler.unlink()


def _family(process_id: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        head = psutil.Process(process_id)
        return [head, *head.children(recursive=True)]
    return []


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(RUN_WORKER in word for word in process.cmdline())
    return False


@contextmanager
def _small_file_system(folder: Path) -> Iterator[bool]:
    """A folder with a file system of its own; yields whether that was allowed, which takes root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={WORK_BYTES}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
