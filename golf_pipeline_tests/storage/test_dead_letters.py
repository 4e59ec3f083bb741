"""Looking at dead letters, sending them back and giving them up, over a real SQS."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import boto3
import pytest

from golf_pipeline.settings import Settings
from golf_pipeline.storage import dead_letters
from golf_pipeline.storage.dead_letters import DeadLetters, DeadLettersUnavailableError
from golf_pipeline.storage.events import parse_s3_notification
from golf_pipeline.storage.object_store import ObjectFacts
from golf_pipeline.storage.queue import UploadQueue

WHEN = datetime(2026, 5, 1, 12, 0, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Queues:
    sqs: Any
    settings: Settings
    dead_letters_url: str

    @property
    def dead(self) -> DeadLetters:
        return DeadLetters(self.sqs, str(self.settings.queue_url), self.settings.bucket)

    def bury(self, body: str, **attributes: Any) -> str:
        sent = self.sqs.send_message(QueueUrl=self.dead_letters_url, MessageBody=body, MessageAttributes=attributes)
        return str(sent["MessageId"])

    def bury_upload(self, key: str, bucket: str = "swings") -> str:
        queue = UploadQueue(self.sqs, self.dead_letters_url, "us-east-1")
        return queue.send_object_created(bucket, ObjectFacts(key, 1, "etag", WHEN))

    def waiting(self) -> list[dict[str, Any]]:
        return self._receive(str(self.settings.queue_url))

    def buried(self) -> list[dict[str, Any]]:
        """What anybody else would be given at this moment."""
        return self._receive(self.dead_letters_url)

    def _receive(self, url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))


@pytest.fixture
def queues(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    monkeypatch.setattr(dead_letters, "LAST_WAIT_S", 0)  # the embedded SQS is one server
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    sqs = boto3.client("sqs", endpoint_url=s3_url, region_name="us-east-1")
    name = f"uploads-{uuid4().hex[:8]}"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    yield Queues(sqs, Settings(bucket="swings", queue_url=queue, sqs_endpoint_url=s3_url), dead)


def test_a_look_tells_what_each_message_speaks_of_and_why_one_cannot_be_read(queues: Queues) -> None:
    good = queues.bury_upload("golf-swings/ann/my swing+ä.mp4")
    bad = queues.bury('{"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}')
    foreign = queues.bury_upload("golf-swings/ann/a.mp4", bucket="holiday")
    letters = {one.message_id: one for one in queues.dead.look()}
    assert set(letters) == {good, bad, foreign}
    (spoken,) = letters[good].objects
    assert (spoken.bucket, spoken.key, spoken.event_time) == ("swings", "golf-swings/ann/my swing+ä.mp4", WHEN)
    assert letters[good].problem == ""
    assert letters[good].receive_count == 1
    assert letters[good].first_received_at is not None
    assert "Records[0].s3.bucket: missing" in letters[bad].problem
    assert "another bucket: holiday" in letters[foreign].problem
    assert json.loads(json.dumps(letters[good].document()))["objects"][0]["key"] == spoken.key


def test_whoever_looks_next_sees_all_of_it_again(queues: Queues) -> None:
    ids = {queues.bury(f"{{}} {number}") for number in range(23)}
    counted: list[int] = []
    assert {one.message_id for one in queues.dead.look(on_message=counted.append)} == ids
    assert counted == list(range(1, 24))
    assert {one.message_id for one in queues.dead.look()} == ids
    assert len(queues.dead.look(most=12)) == 12
    assert len(queues.buried()) == 10
    assert queues.dead.count() == 23


def test_redriving_sends_what_can_be_read_back_and_leaves_the_rest_with_its_reason(queues: Queues) -> None:
    good = [queues.bury_upload(f"golf-swings/ann/{number}.mp4") for number in range(12)]
    bad = queues.bury("no json")
    done = queues.dead.redrive()
    assert sorted(done.done) == sorted(good)
    assert list(done.left) == [bad]
    assert "not JSON" in done.left[bad]
    assert not done.come_back
    assert [one.message_id for one in queues.dead.look()] == [bad]
    came = {parse_s3_notification(message["Body"])[0].key for message in queues.waiting()}
    assert len(came) == 10
    assert queues.dead.count() == 1


def test_a_named_message_that_cannot_be_read_is_sent_and_said_to_come_back(queues: Queues) -> None:
    bad = queues.bury("no json", trace={"DataType": "String", "StringValue": "abc"})
    other = queues.bury_upload("golf-swings/ann/a.mp4")
    done = queues.dead.redrive([bad, "unknown"])
    assert done.done == [bad]
    assert "not JSON" in done.come_back[bad]
    assert done.not_found == ["unknown"]
    (waiting,) = queues.waiting()
    assert waiting["Body"] == "no json"
    assert waiting["MessageAttributes"]["trace"]["StringValue"] == "abc"
    assert [message["MessageId"] for message in queues.buried()] == [other]


def test_a_message_that_the_queue_does_not_take_stays_where_it_is(queues: Queues) -> None:
    mine = queues.bury_upload("golf-swings/ann/a.mp4")
    dead = queues.dead
    assert dead.look()  # the dead-letter queue is known
    queues.sqs.delete_queue(QueueUrl=queues.settings.queue_url)
    with pytest.raises(DeadLettersUnavailableError, match="SendMessage"):
        dead.redrive()
    assert [message["MessageId"] for message in queues.buried()] == [mine]


def test_deleting_takes_the_named_messages_only(queues: Queues) -> None:
    first, second = queues.bury("1"), queues.bury("2")
    done = queues.dead.delete([first])
    assert done.done == [first]
    assert [message["MessageId"] for message in queues.buried()] == [second]
    assert queues.waiting() == []


def test_a_bound_is_kept_and_said(queues: Queues) -> None:
    for number in range(5):
        queues.bury_upload(f"golf-swings/ann/{number}.mp4")
    done = queues.dead.redrive(most=3)
    assert (len(done.done), done.more) == (3, True)
    assert not queues.dead.redrive().more
    assert queues.dead.count() == 0


def test_what_is_missing_is_named_with_the_way_out(queues: Queues) -> None:
    with pytest.raises(DeadLettersUnavailableError, match="GOLF_QUEUE_URL is not set"):
        DeadLetters.from_settings(Settings(queue_url=None))
    alone = queues.settings.model_copy(update={"queue_url": queues.dead_letters_url})
    with pytest.raises(DeadLettersUnavailableError, match="RedrivePolicy"):
        DeadLetters.from_settings(alone).look()
    gone = queues.settings.model_copy(update={"queue_url": f"{queues.settings.queue_url}-gone"})
    with pytest.raises(DeadLettersUnavailableError, match="NonExistentQueue"):
        DeadLetters.from_settings(gone).look()
    silent = queues.settings.model_copy(update={"sqs_endpoint_url": "http://127.0.0.1:9"})
    with pytest.raises(DeadLettersUnavailableError, match="does not answer"):
        DeadLetters.from_settings(silent).count()
