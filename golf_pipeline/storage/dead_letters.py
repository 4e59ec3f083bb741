"""The dead-letter queue behind the upload queue: what lies there and why, sending it back, or giving it up.

A message ends there after it was received three times and never dealt with. Most speak of uploads that the catalog
could not take at the time: sent back, they are taken now. One that cannot be read comes back whatever is done.

SQS has no look without a receive. Whoever looks hides the messages from others meanwhile and shows them again at once
when done; a process that dies in between leaves them hidden for `HIDDEN_S`, and nothing is lost. A message is deleted
only after the upload queue has taken it: it may be doubled, which registering does not mind, never lost.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from golf_pipeline.settings import Settings
from golf_pipeline.storage.events import MalformedNotificationError, parse_s3_notification
from golf_pipeline.storage.queue import dead_letters_url

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MESSAGES_PER_CALL = 10  # SQS takes and gives no more at once
HIDDEN_S = 300
LAST_WAIT_S = 1
"""A receive that waits asks all of SQS's servers; one that does not may miss messages, and would end a look early."""

MOST_MESSAGES = 1000
"""Messages of one look: what is hidden must be shown again within `HIDDEN_S`."""

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 10


class DeadLettersUnavailableError(Exception):
    """There is no dead-letter queue to look at, or SQS refuses it; the message says what to set or whom to ask."""


@dataclass(frozen=True)
class Spoken:
    """An object that a message says was created."""

    bucket: str
    key: str
    event_time: datetime


@dataclass(frozen=True)
class DeadLetter:
    """A message in the dead-letter queue; times are aware UTC."""

    message_id: str
    sent_at: datetime
    first_received_at: datetime | None
    receive_count: int
    """Receives of all time; each look here is one more."""
    objects: tuple[Spoken, ...]
    problem: str
    """Why it cannot be taken in, empty where it can: with a problem it comes back after another three receives."""

    def document(self) -> dict[str, Any]:
        """The message as JSON shows it."""
        first = self.first_received_at
        return {
            "message_id": self.message_id,
            "sent_at": self.sent_at.isoformat(),
            "first_received_at": None if first is None else first.isoformat(),
            "receive_count": self.receive_count,
            "objects": [
                {"bucket": one.bucket, "key": one.key, "event_time": one.event_time.isoformat()} for one in self.objects
            ],
            "problem": self.problem,
        }


@dataclass
class Done:
    """What became of the messages; `come_back` were sent back though they cannot be read."""

    done: list[str] = field(default_factory=list)
    come_back: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    """Messages that stay where they are, and why."""
    not_found: list[str] = field(default_factory=list)
    more: bool = False
    """Whether the look ended at its bound, so that more may be there."""


class DeadLetters:
    """The dead-letter queue of an upload queue."""

    def __init__(self, client: "SQSClient", queue_url: str, bucket: str) -> None:
        self._client, self._queue_url, self._bucket = client, queue_url, bucket
        self._found: str | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "DeadLetters":
        """The dead-letter queue behind the queue that the settings name; nothing is asked yet.

        Raises:
            DeadLettersUnavailableError: the settings name no queue.
        """
        if settings.queue_url is None:
            raise DeadLettersUnavailableError(
                "GOLF_QUEUE_URL is not set: there is no queue, so nothing lies behind it."
            )
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S + LAST_WAIT_S,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
        client = boto3.session.Session().client(
            "sqs",
            endpoint_url=settings.sqs_endpoint_url or settings.s3_endpoint_url,
            region_name=settings.region,
            config=config,
        )
        return cls(client, settings.queue_url, settings.bucket)

    def count(self) -> int:
        """How many messages lie there, roughly (as SQS counts), those that somebody looks at included."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with _told_plainly(self._queue_url):
            told = self._client.get_queue_attributes(QueueUrl=self._url(), AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def look(self, most: int = MOST_MESSAGES, on_message: Callable[[int], None] = lambda _: None) -> list[DeadLetter]:
        """The messages, oldest first, at most so many; `on_message` is told how many were seen so far.

        Raises:
            DeadLettersUnavailableError: there is no dead-letter queue, or SQS does not answer, or not to us.
        """
        seen: list[DeadLetter] = []
        with _told_plainly(self._queue_url), self._hidden(most) as messages:
            for message in messages:
                seen.append(self._read(message))
                on_message(len(seen))
        return sorted(seen, key=lambda one: one.sent_at)

    def redrive(
        self,
        ids: Collection[str] | None = None,
        most: int = MOST_MESSAGES,
        on_message: Callable[[int], None] = lambda _: None,
    ) -> Done:
        """Send messages back to the upload queue: those named, or all that can be read.

        Without ids, those that cannot be read are left: they would come back. A named one is sent all the same.

        Raises:
            DeadLettersUnavailableError: as `look`; what was sent until then is gone from here, all else is still there.
        """

        def send(message: "MessageTypeDef", done: Done) -> bool:
            letter = self._read(message)
            if letter.problem and ids is None:
                done.left[letter.message_id] = letter.problem
                return False
            attributes = message.get("MessageAttributes", {})
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=message["Body"], MessageAttributes=_sendable(attributes)
            )
            if letter.problem:
                done.come_back[letter.message_id] = letter.problem
            return True

        return self._each(ids, most, send, on_message)

    def delete(
        self,
        ids: Collection[str],
        most: int = MOST_MESSAGES,
        on_message: Callable[[int], None] = lambda _: None,
    ) -> Done:
        """Delete the named messages for good. An upload among them is still found: the reconcile sensor lists it.

        Raises:
            DeadLettersUnavailableError: as `look`.
        """
        return self._each(ids, most, lambda _message, _done: True, on_message)

    # -- inside --------------------------------------------------------------------------------------------------

    def _each(
        self,
        ids: Collection[str] | None,
        most: int,
        deal_with: Callable[["MessageTypeDef", Done], bool],
        on_message: Callable[[int], None],
    ) -> Done:
        """Deal with each wanted message and delete those for which that returns True; all others are shown again."""
        wanted = None if ids is None else set(ids)
        done, looked = Done(), 0
        with _told_plainly(self._queue_url), self._hidden(most, wanted) as messages:
            for message in messages:
                looked += 1
                if (wanted is None or message["MessageId"] in wanted) and deal_with(message, done):
                    self._client.delete_message(QueueUrl=self._url(), ReceiptHandle=message["ReceiptHandle"])
                    messages.gone(message)
                    done.done.append(message["MessageId"])
                on_message(looked)
        done.more = looked >= most
        done.not_found = sorted((wanted or set()) - set(done.done))
        return done

    @contextmanager
    def _hidden(self, most: int, wanted: Collection[str] | None = None) -> Iterator["_Hidden"]:
        """Messages received one after the other, and shown again at the end except those that are gone."""
        hidden = _Hidden(self._client, self._url(), most, wanted)
        try:
            yield hidden
        finally:
            hidden.show_again()

    def _url(self) -> str:
        if self._found is None:
            told = self._client.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["RedrivePolicy"])
            policy = told.get("Attributes", {}).get("RedrivePolicy")
            if policy is None:
                raise DeadLettersUnavailableError(
                    f"The queue {self._queue_url} has no dead-letter queue: a message that cannot be dealt with comes "
                    "back until its retention ends. Give the queue a RedrivePolicy."
                )
            self._found = dead_letters_url(self._client, policy)
        return self._found

    def _read(self, message: "MessageTypeDef") -> DeadLetter:
        told: Mapping[Any, str] = message.get("Attributes", {})
        objects: tuple[Spoken, ...] = ()
        problem = ""
        try:
            created = parse_s3_notification(message["Body"])
            objects = tuple(Spoken(one.bucket, one.key, one.event_time) for one in created)
            foreign = {one.bucket for one in created} - {self._bucket}
            if foreign:
                problem = f"it speaks of another bucket: {', '.join(sorted(foreign))}"
        except MalformedNotificationError as error:
            problem = str(error)
        return DeadLetter(
            message_id=message["MessageId"],
            sent_at=_time(told["SentTimestamp"]),
            first_received_at=_time(told["ApproximateFirstReceiveTimestamp"])
            if "ApproximateFirstReceiveTimestamp" in told
            else None,
            receive_count=int(told.get("ApproximateReceiveCount", 0)),
            objects=objects,
            problem=problem,
        )


class _Hidden:
    """Receives messages until the queue is empty, the bound is reached, or all that are wanted were seen."""

    def __init__(self, client: "SQSClient", url: str, most: int, wanted: Collection[str] | None) -> None:
        self._client, self._url, self._most, self._wanted = client, url, most, wanted
        self._handles: dict[str, str] = {}
        self._seen: set[str] = set()

    def __iter__(self) -> Iterator["MessageTypeDef"]:
        while len(self._seen) < self._most and not (self._wanted is not None and self._seen >= set(self._wanted)):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(MESSAGES_PER_CALL, self._most - len(self._seen)),
                VisibilityTimeout=HIDDEN_S,
                WaitTimeSeconds=LAST_WAIT_S,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            received = answer.get("Messages", [])
            self._handles |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
            fresh = [message for message in received if message["MessageId"] not in self._seen]
            if not fresh:
                return  # empty, or what was hidden at first has come again: everything has been seen
            for message in fresh:
                self._seen.add(message["MessageId"])
                yield message

    def gone(self, message: "MessageTypeDef") -> None:
        """The message was deleted: there is nothing to show again."""
        self._handles.pop(message["MessageId"], None)

    def show_again(self) -> None:
        """Make everybody see the messages again at once."""
        for handles in _packs(self._handles.values(), MESSAGES_PER_CALL):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles)
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


@contextmanager
def _told_plainly(queue_url: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "refused")
        raise DeadLettersUnavailableError(
            f"SQS refuses ({code} on {error.operation_name}) for the queue {queue_url} or the dead-letter queue behind "
            "it. Check GOLF_QUEUE_URL, GOLF_REGION and what these credentials may do."
        ) from error
    except BotoCoreError as error:
        raise DeadLettersUnavailableError(
            f"SQS does not answer ({type(error).__name__}) for the queue {queue_url}. Check GOLF_QUEUE_URL, "
            "GOLF_SQS_ENDPOINT_URL and the AWS credentials of this process."
        ) from error


def _sendable(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A message's own attributes as `send_message` takes them: what was received has lists that must not be sent."""
    names = ("DataType", "StringValue", "BinaryValue")
    return {key: {name: value[name] for name in names if name in value} for key, value in attributes.items()}


def _packs(handles: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    rest = iter(list(handles))
    while pack := list(islice(rest, size)):
        yield pack


def _time(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
