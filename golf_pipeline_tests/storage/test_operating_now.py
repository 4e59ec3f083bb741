"""What the operators' page says of backfills."""

from datetime import UTC, datetime

from golf_pipeline.storage.backfill_selection import Selection
from golf_pipeline.storage.operating_now import chosen


def test_a_selection_is_told_in_words_that_can_be_told_apart_and_name_no_golfer() -> None:
    assert chosen(Selection(force=True)) == "all swings, every stage anew"
    told = chosen(
        Selection(
            user_id="ann@example.com",
            permanent=True,
            failed_only=True,
            since=datetime(2030, 1, 1, tzinfo=UTC),
            until=datetime(2030, 1, 3, tzinfo=UTC),
        )
    )
    assert told == (
        "swings of one golfer, failed, failures of the video itself too, "
        "uploaded from 2030-01-01 00:00, uploaded before 2030-01-03 00:00"
    )
