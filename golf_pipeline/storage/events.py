"""Reading S3 event notifications out of queue messages."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus


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
    except json.JSONDecodeError as error:
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
    bucket = _field(record, where, "s3", "bucket", "name")
    key = unquote_plus(str(_field(record, where, "s3", "object", "key")))
    etag = str(_field(record, where, "s3", "object", "eTag")).strip('"')
    try:
        size = int(_field(record, where, "s3", "object", "size"))
        when = datetime.fromisoformat(str(_field(record, where, "eventTime")))
    except ValueError as error:
        raise MalformedNotificationError(f"{where}: {error}") from error
    return ObjectCreated(str(bucket), key, etag, size, when)


def _field(record: Any, where: str, *names: str) -> Any:
    value = record
    for depth, name in enumerate(names, start=1):
        if not isinstance(value, dict) or name not in value:
            raise MalformedNotificationError(f"{where}.{'.'.join(names[:depth])}: missing")
        value = value[name]
    return value
