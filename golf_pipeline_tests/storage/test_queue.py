"""What is announced on the queue is what its reader reads, over a real SQS."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import boto3
import pytest

from golf_pipeline.settings import Settings
from golf_pipeline.storage.events import ObjectCreated, parse_s3_notification
from golf_pipeline.storage.object_store import ObjectFacts
from golf_pipeline.storage.queue import QueueUnavailableError, UploadQueue

FACTS = ObjectFacts("golf-swings/ann|oidc/my swing+1 ä.mp4", 1234, "abc", datetime(2026, 5, 1, 12, 0, 3, tzinfo=UTC))


@pytest.fixture
def queue_url(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    sqs = boto3.client("sqs", endpoint_url=s3_url, region_name="us-east-1")
    yield sqs.create_queue(QueueName=f"uploads-{uuid4().hex[:8]}")["QueueUrl"]


def connect(queue_url: str, endpoint: str) -> UploadQueue:
    queue = UploadQueue.from_settings(Settings(queue_url=queue_url, sqs_endpoint_url=endpoint))
    assert queue is not None
    return queue


def test_a_message_reads_as_the_object_that_was_announced(queue_url: str, s3_url: str) -> None:
    message_id = connect(queue_url, s3_url).send_object_created("bucket", FACTS)
    sqs = boto3.client("sqs", endpoint_url=s3_url, region_name="us-east-1")
    (message,) = sqs.receive_message(QueueUrl=queue_url)["Messages"]
    assert message["MessageId"] == message_id
    expected = ObjectCreated("bucket", FACTS.key, FACTS.etag, FACTS.size, FACTS.last_modified)
    assert parse_s3_notification(message["Body"]) == [expected]


def test_a_queue_that_is_not_there_or_does_not_answer_is_one_error(queue_url: str, s3_url: str) -> None:
    with pytest.raises(QueueUnavailableError):
        connect(f"{queue_url}-gone", s3_url).send_object_created("bucket", FACTS)
    with pytest.raises(QueueUnavailableError):
        connect("http://127.0.0.1:9/1/q", "http://127.0.0.1:9").send_object_created("bucket", FACTS)


def test_without_a_queue_in_the_settings_there_is_none() -> None:
    assert UploadQueue.from_settings(Settings(queue_url=None)) is None
