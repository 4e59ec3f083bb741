"""A real bucket and queue over HTTP, a real catalog, and a code location that uses them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import dagster as dg
import pytest
from moto.server import ThreadedMotoServer

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration import connections
from golf_pipeline.orchestration.dispatch import LANE_TAG, LIVE_LANE
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.swing_assets import FORCE_TAG
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline_tests.databases import sqlite_catalog

REGION = "us-east-1"
MAX_RECEIVES = 3


@dataclass(frozen=True)
class Cloud:
    """One bucket that announces uploads on one queue with a dead-letter queue, and the settings that lead there."""

    settings: Settings
    s3: Any
    sqs: Any
    dead_letter_url: str

    @property
    def store(self) -> SwingStore:
        return SwingStore(settings=self.settings)

    @property
    def catalog(self) -> Catalog:
        return connections.migrated_catalog(self.settings.catalog_url)

    @property
    def objects(self) -> ObjectStore:
        return connections.objects(self.settings)

    def put(self, key: str, body: bytes = b"video") -> None:
        self.s3.put_object(Bucket=self.settings.bucket, Key=key, Body=body)

    def upload(self, key: str, file: Path | bytes) -> AnalysisRecord:
        """Put a file and register it, as the ingest sensor would."""
        body = file if isinstance(file, bytes) else file.read_bytes()
        self.put(key, body)
        etag = self.s3.head_object(Bucket=self.settings.bucket, Key=key)["ETag"].strip('"')
        upload = parse_upload_key(key)
        record, _ = self.catalog.register_object(self.settings.bucket, upload, etag, len(body), datetime.now(UTC))
        return record

    def record(self, analysis_id: str) -> AnalysisRecord:
        record = self.catalog.get(analysis_id)
        assert record is not None
        return record

    def send(self, body: object) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.settings.queue_url, MessageBody=text)

    def messages(self, queue_url: str | None = None) -> int:
        """Messages in a queue, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = queue_url or self.settings.queue_url
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(answer[name]) for name in names)

    def json(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"].read())

    def object_keys(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.settings.bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def cloud(aws_endpoint: str, tmp_path: Path) -> Iterator[Cloud]:
    with open_cloud(aws_endpoint, tmp_path) as cloud:
        yield cloud


@contextmanager
def open_cloud(endpoint: str, folder: Path) -> Iterator[Cloud]:
    """A bucket, its queues and a catalog of their own."""
    name = f"swings-{uuid4().hex[:12]}"
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name=REGION)
    s3.create_bucket(Bucket=name)
    dead_letters = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn(sqs, dead_letters), "maxReceiveCount": str(MAX_RECEIVES)}
    queue = sqs.create_queue(
        QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "30"}
    )["QueueUrl"]
    notify = {"QueueConfigurations": [{"QueueArn": _arn(sqs, queue), "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=notify)
    sqs.purge_queue(QueueUrl=queue)  # S3 announces itself with a test event
    sqlite_catalog(folder)
    settings = Settings(
        bucket=name,
        region=REGION,
        s3_endpoint_url=endpoint,
        queue_url=queue,
        catalog_url=f"sqlite:///{folder / 'catalog.db'}",
        data_folder=folder / "data",
        work_folder=folder / "work",
        openai_api_key=None,
        api_url="https://api.example",
    )
    yield Cloud(settings, s3, sqs, dead_letters)
    connections.catalog(settings.catalog_url).engine.dispose()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def daemons_instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk, as the daemon's: only such a one lets Dagster look partitions up for run requests."""
    with dg.instance_for_test() as instance:
        yield instance


def run_swings(
    cloud: Cloud,
    instance: dg.DagsterInstance,
    keys: list[str],
    *assets: str,
    run_id: str | None = None,
    force: bool = False,
    live: bool = False,
) -> dg.ExecuteInProcessResult:
    """Run the swing job, or some of its assets, over one partition or over the range from the first key to the last."""
    tags = ({FORCE_TAG: "true"} if force else {}) | ({LANE_TAG: LIVE_LANE} if live else {})
    instance.add_dynamic_partitions("swings", keys)
    job = build_defs(cloud.settings).resolve_job_def("swing_job")
    selection = [dg.AssetKey(asset) for asset in assets] or None
    if len(keys) == 1:
        return job.execute_in_process(
            instance=instance,
            partition_key=keys[0],
            tags=tags,
            asset_selection=selection,
            raise_on_error=False,
            run_id=run_id,
        )
    tags |= {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    return job.execute_in_process(
        instance=instance, tags=tags, asset_selection=selection, raise_on_error=False, run_id=run_id
    )


def steps(result: dg.ExecuteInProcessResult, kind: str) -> list[str | None]:
    """The steps with an event of a kind ("STEP_START", "STEP_FAILURE", "STEP_UP_FOR_RETRY"), in order."""
    return [event.step_key for event in result.all_events if event.event_type_value == kind]


def materialised(result: dg.ExecuteInProcessResult) -> dict[str, list[str | None]]:
    """Partitions by asset, in the order of the events."""
    found: dict[str, list[str | None]] = {}
    for event in result.get_asset_materialization_events():
        assert event.asset_key is not None
        found.setdefault(event.asset_key.to_user_string(), []).append(event.partition)
    return found


def in_thread(work: Any) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
