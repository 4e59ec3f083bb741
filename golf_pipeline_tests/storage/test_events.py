"""Reading S3 notifications: keys decoded, other messages told apart, mistakes named."""

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.storage.events import MalformedNotificationError, parse_s3_notification


def notification(key: str = "golf-swings/ann/a.mp4", name: str = "ObjectCreated:Put") -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventName": name,
                "eventTime": "2026-05-01T12:00:00.000Z",
                "s3": {"bucket": {"name": "b"}, "object": {"key": quote_plus(key), "eTag": "abc", "size": 7}},
            }
        ]
    }


@given(st.text(min_size=1, max_size=100).filter(lambda text: text.encode("utf-8", "ignore").decode() == text))
def test_any_key_survives_the_encoding_of_the_event(key: str) -> None:
    (created,) = parse_s3_notification(json.dumps(notification(key)))
    assert (created.bucket, created.key, created.etag, created.size) == ("b", key, "abc", 7)
    assert created.event_time.tzinfo is not None


def test_other_events_and_the_test_event_announce_no_object() -> None:
    assert parse_s3_notification(json.dumps(notification(name="ObjectRemoved:Delete"))) == []
    assert parse_s3_notification(json.dumps({"Event": "s3:TestEvent", "Bucket": "b"})) == []


def test_a_notification_that_came_through_sns_is_unwrapped() -> None:
    wrapped = {"Type": "Notification", "Message": json.dumps(notification())}
    assert parse_s3_notification(json.dumps(wrapped))[0].key == "golf-swings/ann/a.mp4"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (("s3", "bucket"), "Records[0].s3.bucket"),
        (("s3", "object", "key"), "Records[0].s3.object.key"),
        (("s3", "object", "eTag"), "Records[0].s3.object.eTag"),
        (("eventName",), "Records[0].eventName"),
        (("eventTime",), "Records[0].eventTime"),
    ],
)
def test_a_missing_field_is_named(path: tuple[str, ...], named: str) -> None:
    body = notification()
    inner = body["Records"][0]
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    with pytest.raises(MalformedNotificationError, match=named.replace("[", r"\[").replace("]", r"\]")):
        parse_s3_notification(json.dumps(body))


@pytest.mark.parametrize("body", ["", "hello", "[]", "{}", '{"Records": 1}', '{"Records": [1]}', "null"])
def test_what_is_no_notification_is_told(body: str) -> None:
    with pytest.raises(MalformedNotificationError):
        parse_s3_notification(body)
