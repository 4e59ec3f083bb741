"""Reading S3 notifications: keys decoded, other messages told apart, mistakes named."""

import json
from datetime import UTC, datetime
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
        (("s3", "object", "size"), "Records[0].s3.object.size"),
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


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", None),
        ("size", -1),
        ("size", 1e400),
        ("size", True),
        ("size", 2**63),
        ("key", ["golf-swings/ann/a.mp4"]),
        ("key", ""),
        ("key", "half a character \ud800"),
        ("eTag", 5),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(field: str, value: object) -> None:
    body = notification()
    body["Records"][0]["s3"]["object"][field] = value
    with pytest.raises(MalformedNotificationError, match=rf"Records\[0\]\.s3\.object\.{field}"):
        parse_s3_notification(json.dumps(body))


@pytest.mark.parametrize("body", ["[" * 100_000, "9" * 5_000])
def test_a_body_that_breaks_the_json_parser_is_told_like_any_other(body: str) -> None:
    with pytest.raises(MalformedNotificationError):
        parse_s3_notification(body)


def test_a_time_without_a_zone_is_utc_wherever_this_runs() -> None:
    body = notification()
    for text in ("2026-05-01T12:00:00", "2026-05-01T14:00:00+02:00"):
        body["Records"][0]["eventTime"] = text
        assert parse_s3_notification(json.dumps(body))[0].event_time == datetime(2026, 5, 1, 12, tzinfo=UTC)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "eTag", "size", "name"]), inner)
    ),
    max_leaves=6,
)


@given(
    st.lists(st.sampled_from(["eventName", "eventTime", "s3", "bucket", "object", "key", "size", "eTag"])), json_values
)
def test_whatever_a_field_holds_the_answer_is_objects_or_the_typed_error(path: list[str], value: Any) -> None:
    body = notification()
    inner = body["Records"][0]
    for step in path[:-1]:
        if not isinstance(inner.get(step), dict):
            return
        inner = inner[step]
    inner[path[-1] if path else "s3"] = value
    try:
        created = parse_s3_notification(json.dumps(body))
    except MalformedNotificationError as error:
        assert "Records[0]" in str(error)
    else:
        assert all(one.size >= 0 and one.event_time.tzinfo for one in created)
