"""Days and golfers in numbers: what is counted on which day, and who is counted again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.keys import parse_upload_key, upload_key
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.statistics import (
    REFUSALS,
    DailyStatistics,
    WaitingTime,
    changed_golfers,
    days,
    days_to_count,
    golfer,
    store_day,
    store_golfer,
)
from golf_pipeline.storage.tables import messages, model_usage, stage_outputs
from golf_pipeline.swing.errors import ErrorCode
from golf_pipeline_tests.storage.kept_swings import change, record

DAY = date(2030, 1, 3)
NOON = datetime(2030, 1, 3, 12, tzinfo=UTC)
DAY_BEFORE = timedelta(days=1)


def swing(catalog: Catalog, user: str, name: str, at: datetime, took_s: float | None = None, **ended: Any) -> None:
    """A swing that came at a moment and, with `took_s`, ended so many seconds later."""
    catalog.register_object("bucket", parse_upload_key(upload_key(user, name, "mp4")), name, 9, at)
    if took_s is not None:
        values = {"status": Status.AI_COMPLETED, "completed_at": at + timedelta(seconds=took_s)}
        change(catalog, name, **values | ended)


def chat(catalog: Catalog, user: str, at: datetime, *roles: str) -> None:
    conversation = Conversations(catalog.engine, lambda: at).open(user, 9)
    with catalog.engine.begin() as connection:
        for place, role in enumerate(roles):
            row = {"message_id": f"{user}{place}", "conversation_id": conversation.conversation_id, "position": place}
            row |= {"role": role, "content": "", "timestamp": at, "tokens_used": 0}
            connection.execute(insert(messages).values(row))


def test_a_day_is_counted_from_its_own_rows(catalog: Catalog) -> None:
    for number in range(20):
        swing(catalog, "ann", f"s{number}", NOON, took_s=number + 1)
    swing(catalog, "bob", "late", NOON + timedelta(hours=11.99), took_s=120)  # ends on the next day
    swing(catalog, "guest", "waits", NOON)
    swing(catalog, "ann", "refused", NOON, 2, status=Status.FAILED, error_code="NO_COMPLETE_SWING")
    swing(catalog, "ann", "failed", NOON, 2, status=Status.FAILED, error_code="INTERNAL")
    swing(catalog, "eve", "deleted", NOON, 2, deleted_at=NOON)
    swing(catalog, "old", "again", NOON - 400 * DAY_BEFORE, took_s=400 * 86_400)  # analysed anew on this day
    outputs = (("s1", "pose", 2.5, NOON), ("s2", "pose", 1.0, NOON), ("s3", "pose", 9.0, NOON - DAY_BEFORE))
    with catalog.engine.begin() as connection:
        for name, stage, seconds, at in outputs:
            row = {"analysis_id": name, "stage": stage, "version": "1", "key": "k", "stored_at": at}
            connection.execute(insert(stage_outputs).values(row | {"facts": {"compute_seconds": seconds}}))
        for day, usd in (("2030-01-03", 0.5), ("2030-01-02", 9.0)):
            row = {"day": day, "purpose": "chat", "usd": usd, "tokens": 1, "calls": 1}
            connection.execute(insert(model_usage).values(row))
    chat(catalog, "ann", NOON, "user", "assistant", "user", "analysis")
    chat(catalog, "bob", NOON - DAY_BEFORE, "user")

    counted = store_day(catalog.engine, DAY)

    assert counted == DailyStatistics(
        day=DAY,
        uploads=24,
        completed=21,
        failed=2,
        refused=1,
        failures={"INTERNAL": 1, "NO_COMPLETE_SWING": 1},
        golfers_active=2,
        waiting_time=WaitingTime(median_s=11.0, p95_s=20.0),
        stage_seconds={"pose": 3.5},
        usd={"chat": 0.5},
        chat_messages=2,
    )
    assert days(catalog.engine, DAY - DAY_BEFORE, DAY) == [counted]


def test_counting_again_replaces_a_day_but_forgets_no_message_that_was_folded_away(catalog: Catalog) -> None:
    chat(catalog, "ann", NOON, "user", "user")
    assert store_day(catalog.engine, DAY).chat_messages == 2
    with catalog.engine.begin() as connection:
        connection.execute(delete(messages))
    swing(catalog, "ann", "s1", NOON)
    again = [store_day(catalog.engine, DAY) for _ in range(2)]
    assert [(one.uploads, one.chat_messages) for one in again] == [(1, 2), (1, 2)]
    assert again[0].waiting_time is None
    assert len(days(catalog.engine, DAY, DAY)) == 1


def test_days_that_nobody_counted_are_made_up_for_from_the_last_one_that_was_but_not_for_ever(sqlite: Catalog) -> None:
    def asked(today: date) -> tuple[date, date, int]:
        found = days_to_count(sqlite.engine, today)
        return found[0], found[-1], len(found)

    assert asked(DAY) == (DAY - timedelta(days=1), DAY, 2)
    store_day(sqlite.engine, DAY)
    assert asked(DAY) == (DAY - timedelta(days=1), DAY, 2)
    assert asked(DAY + timedelta(days=3)) == (DAY, DAY + timedelta(days=3), 4)
    assert asked(DAY + timedelta(days=365))[2] == 31


def test_refusals_are_failures_that_say_something_of_the_video() -> None:
    ours = {"UPLOAD_DELETED", "UPLOAD_FORBIDDEN", "UPLOAD_NEVER_CAME", "POSE_MODEL_MISSING", "POSE_MODEL_WRONG"}
    assert set(ErrorCode) - REFUSALS == ours | {"STORAGE_UNAVAILABLE", "INTERNAL"}


def test_a_golfers_numbers_are_those_of_their_swings(catalog: Catalog) -> None:
    swing(catalog, "ann", "first", NOON - timedelta(days=40), took_s=5)
    swing(catalog, "ann", "latest", NOON, took_s=5)
    swing(catalog, "ann", "waits", NOON)
    store_golfer(catalog.engine, "ann", NOON)
    kept = golfer(catalog.engine, "ann")
    assert kept is not None
    assert (kept.as_of, kept.practices) == (NOON, 2)
    assert (kept.by_status[Status.AI_COMPLETED], kept.by_status[Status.STARTED]) == (2, 1)
    assert (kept.swings_per_month["2029-11"], kept.swings_per_month["2030-01"]) == (1, 1)
    assert kept.first and kept.latest
    assert (kept.first.analysis_id, kept.latest.analysis_id) == ("first", "latest")
    assert golfer(catalog.engine, "bob") is None


def test_golfers_are_counted_again_when_something_has_changed_and_not_otherwise(catalog: Catalog) -> None:
    engine, hour = catalog.engine, timedelta(hours=1)
    for number, user in enumerate(("ann", "bob", "guest", "eve")):
        swing(catalog, user, f"{user}1", NOON + number * timedelta(minutes=1))
    later = NOON + hour
    [ann] = changed_golfers(engine, NOON, later, limit=1)
    assert (ann.user_id, ann.changed_at) == ("ann", NOON)
    rest = changed_golfers(engine, NOON, later, limit=9, after=ann)
    assert [one.user_id for one in rest] == ["bob", "eve"]
    for one in (ann, *rest):
        store_golfer(engine, one.user_id, later)
    assert changed_golfers(engine, rest[-1].changed_at, later, limit=9) == []
    change(catalog, "ann1", status=Status.AI_COMPLETED, completed_at=later + hour)
    assert [one.user_id for one in changed_golfers(engine, rest[-1].changed_at, later, limit=9)] == []
    now = later + 2 * hour
    assert [one.user_id for one in changed_golfers(engine, rest[-1].changed_at, now, limit=9)] == ["ann"]
    assert record(catalog, "ann1").completed_at == later + hour
