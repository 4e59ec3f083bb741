"""The embedded AWS as a process of its own, to be killed and started again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from mypy_boto3_s3 import S3Client
from mypy_boto3_sqs import SQSClient

from golf_pipeline.local import probes
from golf_pipeline.local.aws import EmbeddedAws
from golf_pipeline.local.ports import claim_port
from golf_pipeline.storage.object_store import ObjectStore

START_TIMEOUT_S = 60.0
VISIBILITY_S = 1


class AwsProcess:
    """`python -m golf_pipeline.local.aws` on a free port, with clients that speak to it over HTTP."""

    def __init__(self, data_folder: Path) -> None:
        self._data_folder = data_folder
        self.config = EmbeddedAws(data_folder / "aws", claim_port(0, "a test", ""), visibility_s=VISIBILITY_S)
        self.bucket = self.config.bucket
        session = boto3.Session("local", "local", region_name=self.config.region)
        self.s3: S3Client = session.client("s3", endpoint_url=self.config.endpoint_url)
        self.sqs: SQSClient = session.client("sqs", endpoint_url=self.config.endpoint_url)
        self.start()

    def start(self) -> None:
        environment = {**os.environ, **self.config.environment, "GOLF_DATA_FOLDER": str(self._data_folder)}
        self.process = subprocess.Popen([sys.executable, "-m", "golf_pipeline.local.aws"], env=environment)
        deadline = time.monotonic() + START_TIMEOUT_S
        while probes.answers(self.config.port, f"/{self.bucket}?max-keys=0") is not None:
            assert self.process.poll() is None, "the embedded AWS ended while starting"
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        while self.process.poll() is None:  # asked again: what is tested is what survives the end, not the end
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)

    def restart_after(self, number: signal.Signals) -> None:
        self.end(number)
        self.start()

    def drain(self, queue_url: str | None = None) -> list[str]:
        """Receive and delete everything that is visible."""
        bodies = []
        url = queue_url or self.config.queue_url
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get(
            "Messages"
        ):
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


@pytest.fixture(scope="module")
def aws_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsProcess]:
    process = AwsProcess(tmp_path_factory.mktemp("aws"))
    yield process
    process.end()


@pytest.fixture
def aws(aws_process: AwsProcess) -> AwsProcess:
    """Running, with an empty bucket and empty queues (but for messages in flight)."""
    for page in aws_process.s3.get_paginator("list_objects_v2").paginate(Bucket=aws_process.bucket):
        for entry in page.get("Contents", []):
            aws_process.s3.delete_object(Bucket=aws_process.bucket, Key=entry["Key"])
    aws_process.drain()
    return aws_process


@pytest.fixture
def store(aws: AwsProcess, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    return ObjectStore.connect(aws.bucket, aws.config.endpoint_url, aws.config.region)
