"""Reading S3 event notifications out of queue messages."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

MAX_SIZE_BYTES = 5 * 2**40
"""The largest object that S3 keeps."""


@dataclass(frozen=True)
class ObjectCreated:
    """One object that S3 says was created; the key is decoded."""

    bucket: str
    key: str
    etag: str
    size: int
    event_time: datetime


class MalformedNotificationError(ValueError):
    """A queue message that is no S3 notification; the message names the field that is wrong."""


def parse_s3_notification(body: str) -> list[ObjectCreated]:
    """Return the created objects of one queue message; other event kinds and S3's test event give none.

    A notification that came through SNS is unwrapped.

    Raises:
        MalformedNotificationError: the body is no notification.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedNotificationError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedNotificationError("the body is not a JSON object")
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        return parse_s3_notification(document["Message"])
    if document.get("Event") == "s3:TestEvent":
        return []
    records = document.get("Records")
    if not isinstance(records, list):
        raise MalformedNotificationError("Records: missing or not a list")
    return [
        _object_created(record, f"Records[{index}]")
        for index, record in enumerate(records)
        if str(_field(record, f"Records[{index}]", "eventName")).removeprefix("s3:").startswith("ObjectCreated:")
    ]


def _object_created(record: Any, where: str) -> ObjectCreated:
    bucket = _text(record, where, "s3", "bucket", "name")
    key = unquote_plus(_text(record, where, "s3", "object", "key"))
    etag = _text(record, where, "s3", "object", "eTag").strip('"')
    size = _field(record, where, "s3", "object", "size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_SIZE_BYTES:
        raise MalformedNotificationError(f"{where}.s3.object.size: not a number of bytes")
    try:
        when = datetime.fromisoformat(_text(record, where, "eventTime"))
        # S3 writes a Z; a service that leaves it out means UTC too, never this machine's zone.
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedNotificationError(f"{where}.eventTime: {error}") from error
    return ObjectCreated(bucket, key, etag, size, when)


def _text(record: Any, where: str, *names: str) -> str:
    value = _field(record, where, *names)
    # JSON can escape half a character ("\ud800"), which no database stores.
    if not isinstance(value, str) or not value or value != value.encode(errors="replace").decode():
        raise MalformedNotificationError(f"{where}.{'.'.join(names)}: not a text")
    return value


def _field(record: Any, where: str, *names: str) -> Any:
    value = record
    for depth, name in enumerate(names, start=1):
        if not isinstance(value, dict) or name not in value:
            raise MalformedNotificationError(f"{where}.{'.'.join(names[:depth])}: missing")
        value = value[name]
    return value
