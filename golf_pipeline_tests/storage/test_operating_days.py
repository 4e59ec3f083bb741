"""Swings by hour and day, waits and costs, on both databases."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from golf_pipeline.storage import operating_days
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.operating_days import Spread
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import daily_statistics, model_usage
from golf_pipeline_tests.storage.operated import NOW, add_analysis, on_sqlite

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def keep_day(catalog: Catalog, day: date, document: Any) -> None:
    with catalog.engine.begin() as connection:
        connection.execute(
            insert(daily_statistics).values(day=day.isoformat(), statistics=document, computed_at=datetime.now(UTC))
        )


def test_swings_count_in_the_hour_in_which_they_came_and_in_which_they_ended(catalog: Catalog) -> None:
    add_analysis(catalog, "now", NOW - timedelta(minutes=1))
    add_analysis(catalog, "over the hour", NOW.replace(minute=0) - timedelta(seconds=10))
    add_analysis(catalog, "failed", NOW - 3 * HOUR, Status.FAILED)
    add_analysis(catalog, "waits", NOW, Status.STARTED)
    add_analysis(catalog, "yesterday at this hour", NOW - DAY)
    add_analysis(catalog, "deleted", NOW, deleted_at=NOW)
    hours = operating_days.hours(catalog.engine, NOW)
    assert [one.start for one in hours] == [NOW.replace(minute=0) - back * HOUR for back in range(23, -1, -1)]
    counted = {one.start.hour: (one.uploads, one.completed, one.failed) for one in hours}
    assert {hour: counts for hour, counts in counted.items() if any(counts)} == {
        9: (1, 0, 1),
        11: (1, 0, 0),
        12: (2, 2, 0),
    }


def test_today_and_yesterday_are_counted_and_older_days_are_those_that_were_written_down(catalog: Catalog) -> None:
    add_analysis(catalog, "today", NOW)
    add_analysis(catalog, "over midnight", NOW.replace(hour=0, minute=0) - timedelta(seconds=10))
    add_analysis(catalog, "long ago", NOW - 5 * DAY)
    waited = {"median_s": 21.5, "p95_s": 40}
    keep_day(catalog, date(2026, 5, 5), {"uploads": 7, "completed": 6, "failed": 1, "waiting_time": waited})
    keep_day(catalog, date(2026, 5, 9), {"uploads": 99, "completed": 99, "failed": 99, "waiting_time": waited})
    days = {one.day: one for one in operating_days.days(catalog.engine, NOW)}
    assert list(days) == [date(2026, 5, 10) - back * DAY for back in range(29, -1, -1)]
    today, yesterday, written, unknown = (days[date(2026, 5, day)] for day in (10, 9, 5, 4))
    assert (today.uploads, today.completed, today.median_s) == (1, 2, None)
    assert (yesterday.uploads, yesterday.completed, yesterday.median_s) == (1, 0, 21.5)
    assert (written.uploads, written.completed, written.failed, written.p95_s) == (7, 6, 1, 40.0)
    assert (unknown.uploads, unknown.completed, unknown.failed) == (None, None, None)


@on_sqlite
def test_a_day_that_another_version_wrote_down_costs_none_of_the_others(catalog: Catalog) -> None:
    keep_day(catalog, date(2026, 5, 5), {"uploads": "many", "waiting_time": 3, "later": {}})
    keep_day(catalog, date(2026, 5, 6), ["what?"])
    keep_day(catalog, date(2026, 5, 7), {"uploads": 3, "waiting_time": None})
    days = {one.day.day: one for one in operating_days.days(catalog.engine, NOW) if one.day.month == 5}
    assert [days[day].uploads for day in (5, 6, 7)] == [None, None, 3]


@on_sqlite
def test_the_wait_is_that_of_todays_uploads_with_a_result(catalog: Catalog) -> None:
    assert operating_days.upload_to_coaching(catalog.engine, NOW) is None
    for number in range(1, 21):
        came = NOW - number * timedelta(minutes=1)
        add_analysis(catalog, f"s{number}", came, completed_at=came + timedelta(seconds=number))
    add_analysis(catalog, "failed", NOW - HOUR, Status.FAILED)
    add_analysis(catalog, "analysed again, years later", NOW - 400 * DAY, completed_at=NOW)
    assert operating_days.upload_to_coaching(catalog.engine, NOW) == Spread(count=20, median_s=10, p95_s=19)


@on_sqlite
def test_a_clock_that_is_ahead_makes_no_negative_wait(catalog: Catalog) -> None:
    add_analysis(catalog, "from the future", NOW, completed_at=NOW - timedelta(seconds=5))
    assert operating_days.upload_to_coaching(catalog.engine, NOW) == Spread(count=1, median_s=0, p95_s=0)


@on_sqlite
def test_costs_are_those_of_thirty_days(catalog: Catalog) -> None:
    with catalog.engine.begin() as connection:
        for day in ("2026-05-10", "2026-04-11", "2026-04-10"):
            connection.execute(insert(model_usage).values(day=day, purpose="chat", usd=1.5, tokens=1, calls=1))
    assert [one.day for one in operating_days.costs(catalog.engine, NOW)] == [date(2026, 4, 11), date(2026, 5, 10)]
