"""From S3 to the catalog: reading the queue of upload events, and finding by listing what events missed.

Registering is idempotent on bucket, key and ETag, so both ways may see the same object any number of times. Nothing
here starts work: a registered upload is pending until `dispatch` takes it up.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from golf_pipeline.storage.events import MalformedNotificationError, ObjectCreated, parse_s3_notification
from golf_pipeline.storage.keys import UPLOADS_PREFIX, is_derived_key, parse_upload_key
from golf_pipeline.storage.object_store import ObjectFacts, ObjectStore
from golf_pipeline.storage.records import RegisterOutcome
from golf_pipeline.swing.errors import SwingError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from golf_pipeline.storage.catalog import Catalog

MESSAGES_PER_RECEIVE = 10  # SQS gives no more at once
LONGEST_POLL_S = 20  # SQS waits no longer
LAST_CHARACTER = chr(0x10FFFF)
"""After a folder's name: a position behind all that is in it."""


@dataclass
class IngestCounts:
    """What one pass saw: outcomes of registering ("new", "new content", "known"), failures and messages left over."""

    outcomes: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()) if count)
        return told or "nothing new"


def drain_queue(
    queue: "SQSClient",
    queue_url: str,
    catalog: "Catalog",
    bucket: str,
    deadline: float,
    log: logging.Logger,
) -> IngestCounts:
    """Register uploads from the queue until a deadline (of `time.monotonic`), waiting for messages by long polling.

    A message is deleted only after all of its records are durable. One that cannot be read, or that speaks of another
    bucket, is logged and left alone: the queue hands it out again until it lands in the dead-letter queue, where the
    alarm is. An exception of the database leaves the messages in hand to the queue as well.
    """
    counts = IngestCounts()
    while True:
        answer = queue.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=MESSAGES_PER_RECEIVE, WaitTimeSeconds=_whole_seconds_to(deadline)
        )
        finished = [message for message in answer.get("Messages", []) if _take(message, catalog, bucket, counts, log)]
        if finished:
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(finished)
            ]
            # A delete that fails means the message comes again, and registering again changes nothing.
            queue.delete_message_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]
        if _whole_seconds_to(deadline) == 0:
            return counts


def _whole_seconds_to(deadline: float) -> int:
    """As SQS wants the time to wait: whole seconds, at most 20; 0 does not wait."""
    return max(0, min(int(deadline - time.monotonic()), LONGEST_POLL_S))


def _take(
    message: "MessageTypeDef", catalog: "Catalog", bucket: str, counts: IngestCounts, log: logging.Logger
) -> bool:
    """Whether all that the message says is durable, so that it may be deleted."""
    try:
        created = parse_s3_notification(message["Body"])
    except MalformedNotificationError as error:
        log.warning(f"message {message['MessageId']} is left to the dead-letter queue: {error}")
        counts.outcomes["malformed"] += 1
        return False
    for event in created:
        if event.bucket != bucket:
            log.warning(f"message {message['MessageId']} is left to the dead-letter queue: bucket {event.bucket}")
            counts.outcomes["foreign bucket"] += 1
            return False
    for event in created:
        counts.outcomes[register(catalog, event)] += 1
    return True


def register(catalog: "Catalog", created: ObjectCreated) -> str:
    """Put one object into the catalog and say what became of it; a file in a wrong place gets a FAILED record."""
    if is_derived_key(created.key):
        return "derived"
    try:
        upload = parse_upload_key(created.key)
    except SwingError as error:
        catalog.register_failure(created.bucket, created.key, error)
        return "not an upload"
    _, outcome = catalog.register_object(created.bucket, upload, created.etag, created.size, created.event_time)
    return outcome.value


@dataclass(frozen=True)
class ReconcileCursor:
    """Where the listing goes on: after this key. None: from the beginning.

    A position in key order and not a time: objects of the same second are not lost, and S3 lists after a key whether or
    not that object still exists.
    """

    after: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> "ReconcileCursor":
        try:
            return cls(json.loads(text or "{}").get("after"))
        except (json.JSONDecodeError, AttributeError):
            return cls()

    def __str__(self) -> str:
        return json.dumps({"after": self.after})


def reconcile(
    objects: ObjectStore,
    catalog: "Catalog",
    cursor: ReconcileCursor,
    deadline: float,
    most_looks: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[IngestCounts, ReconcileCursor]:
    """Register the uploads that a listing finds, from the cursor on until the end of the bucket or a deadline.

    It costs a request for each golfer, or each thousand uploads of one, and a query for those that are known.

    Args:
        most_looks: a golfer is one, and so is each page of uploads; None for as many as there is time for.
    """
    counts = IngestCounts()
    for looks, (found, position) in enumerate(_uploads(objects, cursor.after), start=1):
        seen = {one.key: (one.etag, one.last_modified) for one in found}
        known = catalog.known_objects(objects.bucket, seen) if seen else frozenset()
        counts.outcomes[RegisterOutcome.KNOWN.value] += len(known)
        for one in found:
            if one.key not in known:
                counts.outcomes[register(catalog, _as_created(objects.bucket, one))] += 1
        if clock() >= deadline or looks == most_looks:
            return counts, ReconcileCursor(position)
    return counts, ReconcileCursor()


def _uploads(objects: ObjectStore, after: str | None) -> Iterator[tuple[Sequence[ObjectFacts], str]]:
    """Uploads in key order, a page at a time, each with the position after it; of outputs only the folders are seen."""
    done = after or ""
    golfer = None if after is None else UPLOADS_PREFIX + after.removeprefix(UPLOADS_PREFIX).partition("/")[0]
    for level in objects.list_level(UPLOADS_PREFIX, start_after=golfer):
        astray = {one.key: one for one in level.objects}
        for name in sorted((*astray, *level.folders)):
            if name in astray:
                if name > done:
                    yield (astray[name],), name
            elif name + LAST_CHARACTER > done:
                for page in objects.list_level(name, start_after=after if done.startswith(name) else None):
                    if page.objects:
                        yield page.objects, page.objects[-1].key
                yield (), name + LAST_CHARACTER


def _as_created(bucket: str, found: ObjectFacts) -> ObjectCreated:
    return ObjectCreated(bucket, found.key, found.etag, found.size, found.last_modified)
