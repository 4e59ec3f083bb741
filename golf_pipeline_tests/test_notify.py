"""Telling of alarms over real HTTP and a real SNS with a queue behind it."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from golf_pipeline import notify
from golf_pipeline.alarms import alarm_named
from golf_pipeline.notify import LogChannel, NotToldError, SnsChannel, Telling, WebhookChannel, channels
from golf_pipeline.settings import Settings
from golf_pipeline.storage.alarm_states import Change

SINCE = datetime(2026, 5, 1, 12, 0, 3, tzinfo=UTC)
WHAT = Telling(alarm_named("DeadLetters"), Change.RINGS, 3.0, SINCE, "my-swings", "https://dagster.example")


class Webhook:
    """A receiver that answers as it is told to, and keeps what it was sent."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.received: list[tuple[str, Any]] = []
        self.delay = threading.Event()
        self.url = ""

    def answer(self) -> int:
        return self.answers.pop(0) if self.answers else 200


@contextmanager
def listening(webhook: Webhook) -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook.received.append((self.headers["Content-Type"], json.loads(body)))
            status = webhook.answer()
            if status == 0:
                webhook.delay.wait(10)
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", webhook.url)
            self.end_headers()

        def do_GET(self) -> None:
            webhook.received.append(("GET", None))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    webhook.url = f"http://127.0.0.1:{server.server_port}/services/T0/secret-token"
    try:
        yield webhook
    finally:
        webhook.delay.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


def test_a_webhook_gets_text_for_people_and_fields_for_programs() -> None:
    with listening(Webhook(204)) as webhook:
        WebhookChannel(webhook.url).send(WHAT)
    ((kind, document),) = webhook.received
    assert kind == "application/json"
    assert document["text"].startswith(
        "[my-swings] critical DeadLetters rings: 3 messages (threshold 0), since 2026-05"
    )
    assert "What to do: golf-pipeline dead-letters list" in document["text"]
    assert document["text"].endswith("https://dagster.example")
    assert (document["alarm"], document["change"], document["severity"]) == ("DeadLetters", "rings", "critical")
    assert (document["value"], document["threshold"]) == (3.0, 0.0)


def test_a_webhook_that_fails_once_is_tried_again() -> None:
    with listening(Webhook(500, 200)) as webhook:
        WebhookChannel(webhook.url).send(WHAT)
    assert len(webhook.received) == 2


@pytest.mark.parametrize("status", [400, 404, 500, 302])
def test_an_answer_that_is_no_yes_was_not_told_and_a_redirect_is_not_followed(status: int) -> None:
    with listening(Webhook(*[status] * 5)) as webhook, pytest.raises(NotToldError, match=f"answered {status}") as error:
        WebhookChannel(webhook.url).send(WHAT)
    assert [kind for kind, _ in webhook.received] == ["application/json"] * 2
    assert "secret-token" not in str(error.value)


def test_a_webhook_that_hangs_is_given_up_after_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "READ_TIMEOUT_S", 0.1)
    with listening(Webhook(0, 0)) as webhook, pytest.raises(NotToldError, match="TimeoutError"):
        WebhookChannel(webhook.url).send(WHAT)


def test_a_webhook_that_is_not_there_was_not_told() -> None:
    with pytest.raises(NotToldError):
        WebhookChannel("http://127.0.0.1:9/x").send(WHAT)


@pytest.fixture
def sns_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_an_sns_topic_passes_the_document_on_with_attributes_to_filter_by(sns_url: str) -> None:
    region = "eu-west-1"
    sns: Any = boto3.session.Session().client("sns", endpoint_url=sns_url, region_name=region)
    sqs = boto3.client("sqs", endpoint_url=sns_url, region_name=region)
    topic = sns.create_topic(Name="operators")["TopicArn"]
    queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    channel = SnsChannel.connect(topic, sns_url)
    channel.send(WHAT)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    notification = json.loads(message["Body"])
    assert notification["Subject"] == "[my-swings] critical DeadLetters rings"
    assert json.loads(notification["Message"]) == WHAT.document()
    assert notification["MessageAttributes"]["severity"]["Value"] == "critical"
    with pytest.raises(NotToldError, match="SNS did not take it: NotFound"):
        SnsChannel(sns, f"{topic}-gone").send(WHAT)


def test_the_log_gets_one_line_of_json_as_loud_as_the_alarm(caplog: pytest.LogCaptureFixture) -> None:
    LogChannel().send(WHAT)
    LogChannel().send(Telling(alarm_named("QueueLong"), Change.ENDED, 0.0, SINCE, "my-swings"))
    rings, ended = caplog.records
    assert (rings.levelno, ended.levelno) == (logging.ERROR, logging.WARNING)
    assert json.loads(rings.getMessage())["alarm"] == "DeadLetters"
    assert json.loads(ended.getMessage())["change"] == "ended"


def test_who_is_told_follows_the_settings_and_a_wrong_address_is_refused_at_once() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:operators"
    assert [one.name for one in channels(Settings())] == ["log"]
    settings = Settings(alarm_webhook_url="https://hooks.example/x\n", alarm_topic_arn=topic)
    assert [one.name for one in channels(settings)] == ["log", "webhook", "sns"]
    assert [one.name for one in channels(Settings(alarm_webhook_url="", alarm_topic_arn=""))] == ["log"]
    for wrong in ({"alarm_webhook_url": "hooks.example/x"}, {"alarm_topic_arn": "operators"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Settings(**wrong)
