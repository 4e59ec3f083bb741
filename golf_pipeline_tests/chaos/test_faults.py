"""The proxy itself: each fault is what its name says, as a client of AWS sees it, and only that."""

import json
import os
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ResponseStreamingError
from mypy_boto3_s3 import S3Client
from mypy_boto3_sqs import SQSClient

from golf_pipeline.storage.events import parse_s3_notification
from golf_pipeline_tests.chaos.faults import FaultProxy, S3Faults, Skew, SqsFaults
from golf_pipeline_tests.local.conftest import AwsProcess, aws, aws_process

__all__ = ["aws", "aws_process"]
pytestmark = pytest.mark.chaos

KEY = "golf-swings/ann/swing.mp4"
BODY = bytes(range(256)) * 400
HOUR_S = 3600.0


@pytest.fixture
def proxy(aws: AwsProcess) -> Iterator[FaultProxy]:
    with FaultProxy(aws.config.port) as proxy:
        yield proxy


@pytest.fixture
def s3(proxy: FaultProxy) -> S3Client:
    return _client("s3", proxy)


@pytest.fixture
def sqs(proxy: FaultProxy) -> SQSClient:
    return _client("sqs", proxy)


def _client(service: str, proxy: FaultProxy):  # type: ignore[no-untyped-def]
    once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=5)
    session = boto3.Session("local", "local", region_name="us-east-1")
    return session.client(service, endpoint_url=proxy.url, config=once)


def received(sqs: SQSClient, aws: AwsProcess, wait_s: int = 0) -> list[str]:
    """The keys of which a receive tells, deleted at once."""
    answer = sqs.receive_message(QueueUrl=aws.config.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s)
    keys = []
    for message in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=aws.config.queue_url, ReceiptHandle=message["ReceiptHandle"])
        keys += [created.key for created in parse_s3_notification(message["Body"])]
    return keys


def test_without_a_fault_nothing_is_changed(aws: AwsProcess, s3: S3Client, sqs: SQSClient) -> None:
    put = s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    got = s3.get_object(Bucket=aws.bucket, Key=KEY)
    assert (got["Body"].read(), got["ETag"]) == (BODY, put["ETag"])
    assert s3.head_object(Bucket=aws.bucket, Key=KEY)["ContentLength"] == len(BODY)
    assert received(sqs, aws) == [KEY]
    assert received(sqs, aws) == []


@pytest.mark.parametrize(("fault", "code"), [("error", "InternalError"), ("slow_down", "SlowDown")])
def test_an_error_comes_as_that_of_s3_and_nothing_is_done(
    aws: AwsProcess, proxy: FaultProxy, s3: S3Client, fault: str, code: str
) -> None:
    proxy.s3 = S3Faults(**{fault: 1.0})
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    assert raised.value.response["Error"]["Code"] == code
    assert aws.s3.list_objects_v2(Bucket=aws.bucket)["KeyCount"] == 0
    assert proxy.counts == {fault: 1}


@pytest.mark.parametrize(("fault", "objects"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_comes_before_or_after_the_work(
    aws: AwsProcess, proxy: FaultProxy, s3: S3Client, fault: str, objects: int
) -> None:
    proxy.s3 = S3Faults(**{fault: 1.0})
    with pytest.raises(ConnectionClosedError):
        s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    assert aws.s3.list_objects_v2(Bucket=aws.bucket)["KeyCount"] == objects


def test_a_body_that_is_cut_breaks_off_in_the_middle(aws: AwsProcess, proxy: FaultProxy, s3: S3Client) -> None:
    aws.s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    proxy.s3 = S3Faults(cut_body=1.0)
    body = s3.get_object(Bucket=aws.bucket, Key=KEY)["Body"]
    with pytest.raises((ResponseStreamingError, BotoCoreError, OSError)):
        body.read()


@pytest.mark.parametrize("fault", ["slow_start", "slow_body"])
def test_a_slow_answer_is_whole_in_the_end(aws: AwsProcess, proxy: FaultProxy, s3: S3Client, fault: str) -> None:
    aws.s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    proxy.s3 = S3Faults(**{fault: 1.0}, pause_s=0.2)
    assert s3.get_object(Bucket=aws.bucket, Key=KEY)["Body"].read() == BODY


def test_a_message_comes_twice(aws: AwsProcess, proxy: FaultProxy, s3: S3Client, sqs: SQSClient) -> None:
    proxy.sqs = SqsFaults(twice=1.0)
    s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    assert [received(sqs, aws) for _ in range(3)] == [[KEY], [KEY], []]


def test_a_message_never_comes(aws: AwsProcess, proxy: FaultProxy, s3: S3Client, sqs: SQSClient) -> None:
    proxy.sqs = SqsFaults(never=1.0)
    s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    assert received(sqs, aws) == []
    proxy.calm()
    assert aws.drain() == []


def test_a_late_message_is_held_back_and_given_when_it_is_due(
    aws: AwsProcess, proxy: FaultProxy, s3: S3Client, sqs: SQSClient
) -> None:
    proxy.sqs = SqsFaults(late=1.0, late_s=60.0)
    s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    assert received(sqs, aws) == []
    proxy.calm()
    assert received(sqs, aws) == [KEY]


def test_the_clocks_of_events_and_of_objects_can_be_others(
    aws: AwsProcess, proxy: FaultProxy, s3: S3Client, sqs: SQSClient
) -> None:
    s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    true_time = aws.s3.head_object(Bucket=aws.bucket, Key=KEY)["LastModified"]
    proxy.skew = Skew(events_s=-HOUR_S, objects_s=HOUR_S)
    head = s3.head_object(Bucket=aws.bucket, Key=KEY)["LastModified"]
    listed = s3.list_objects_v2(Bucket=aws.bucket)["Contents"][0]["LastModified"]
    assert (head - true_time).total_seconds() == HOUR_S
    assert abs((listed - true_time).total_seconds() - HOUR_S) < 1
    [message] = sqs.receive_message(QueueUrl=aws.config.queue_url)["Messages"]
    told = json.loads(message["Body"])["Records"][0]["eventTime"]
    assert told < f"{true_time:%Y-%m-%dT%H:%M:%S}"
    sqs.delete_message(QueueUrl=aws.config.queue_url, ReceiptHandle=message["ReceiptHandle"])


def test_the_process_that_asks_is_known(aws: AwsProcess, proxy: FaultProxy, s3: S3Client) -> None:
    clients: list[int] = []
    proxy.before.append(lambda asked: clients.append(asked.client().pid))  # type: ignore[union-attr]
    s3.put_object(Bucket=aws.bucket, Key=KEY, Body=BODY)
    assert clients == [os.getpid()]
