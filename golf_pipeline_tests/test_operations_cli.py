"""The operator's commands over a real queue."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

from golf_pipeline.operations_cli import app
from golf_pipeline.settings import get_settings
from golf_pipeline.storage import dead_letters
from golf_pipeline_tests.test_notify import Webhook, listening

UPLOAD = {"eventName": "ObjectCreated:Put", "eventTime": "2026-05-01T12:00:00Z", "s3": {"bucket": {"name": "swings"}}}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("GOLF_BUCKET", "swings")
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


@pytest.fixture
def bury(environment: pytest.MonkeyPatch) -> Iterator[Any]:
    environment.setattr(dead_letters, "LAST_WAIT_S", 0)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1")
    name = f"uploads-{uuid4().hex[:8]}"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    environment.setenv(
        "GOLF_QUEUE_URL", sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    )
    environment.setenv("GOLF_SQS_ENDPOINT_URL", endpoint)
    yield lambda body: sqs.send_message(QueueUrl=dead, MessageBody=body)["MessageId"]
    server.stop()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_dead_letters_are_listed_sent_back_and_deleted(bury: Any) -> None:
    assert "No dead letters." in run("dead-letters", "list").stdout
    upload = {**UPLOAD, "s3": {**UPLOAD["s3"], "object": {"key": "golf-swings/ann/[x].mp4", "size": 1, "eTag": "e"}}}
    good, bad = bury(json.dumps({"Records": [upload]})), bury("rubbish")

    listed = run("dead-letters", "list")
    assert f"{good}\n  object    s3://swings/golf-swings/ann/[x].mp4, created 2026-05-01 12:00:00 UTC" in listed.stdout
    assert "cannot be taken in: the body is not JSON" in listed.stdout
    assert "Messages: 2; cannot be taken in: 1." in listed.stdout
    assert "looking" in listed.stderr
    document = {one["message_id"]: one for one in json.loads(run("dead-letters", "list", "--json").stdout)}
    assert document[good]["problem"] == ""

    assert run("dead-letters", "redrive").exit_code == 2
    everything = run("dead-letters", "redrive", "--all")
    assert (everything.exit_code, everything.stdout) == (0, "Sent back: 1.\n")
    assert f"{bad} was left, it would come back: the body is not JSON" in everything.stderr
    named = run("dead-letters", "redrive", bad)
    assert f"{bad} will come back" in named.stderr

    another = bury("rubbish")
    deleted = run("dead-letters", "delete", another, "unknown")
    assert (deleted.exit_code, deleted.stdout) == (1, "Deleted: 1.\n")
    assert "Not found: unknown" in deleted.stderr


def test_without_a_queue_the_command_says_what_to_set(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("GOLF_QUEUE_URL", raising=False)
    answer = run("dead-letters", "list")
    assert answer.exit_code == 1
    assert "GOLF_QUEUE_URL is not set" in answer.stderr


def test_an_operator_can_try_whether_alarms_arrive(environment: pytest.MonkeyPatch) -> None:
    with listening(Webhook(200, 500, 500)) as webhook:
        environment.setenv("GOLF_ALARM_WEBHOOK_URL", webhook.url)
        arrived, lost = run("alarm-test"), run("alarm-test")
    assert (arrived.exit_code, arrived.stdout) == (0, "log: taken\nwebhook: taken\n")
    assert lost.exit_code == 1
    assert "webhook: the webhook did not take it: it answered 500" in lost.stderr
    assert "Nothing is wrong" in webhook.received[0][1]["text"]
