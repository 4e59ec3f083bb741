"""A golfer in numbers, counted by both databases."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, insert

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.drills_done import count_drills_done, drills_done_since, record_drill
from golf_pipeline.storage.golfer_stats import SwingCounts, count_swings, last_months
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing import trend

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


def add(
    catalog: Catalog, user: str, times: list[datetime], status: Status = Status.AI_COMPLETED, **values: object
) -> None:
    rows = [
        {
            "analysis_id": f"{user}-{status}-{number}-{len(values)}",
            "partition_key": f"{user}-{status}-{number}-{len(values)}",
            "user_id": user,
            "is_authenticated": True,
            "bucket_name": "bucket",
            "s3_key": f"{user}-{status}-{number}-{len(values)}",
            "status": status,
            "progress_message": "",
            "attempt": 1,
            "retryable": False,
            "ai_analysis_completed": True,
            "created_at": when,
            "updated_at": when,
            "uploaded_at": when,
            **values,
        }
        for number, when in enumerate(times)
    ]
    with catalog.engine.begin() as connection:
        connection.execute(insert(analyses), rows)


def count(catalog: Catalog, user: str) -> SwingCounts:
    with catalog.engine.connect() as connection:
        return count_swings(connection, user, NOW)


def test_swings_are_counted_by_status_month_and_practice(catalog: Catalog) -> None:
    evening = datetime(2026, 2, 28, 23, 50, tzinfo=UTC)
    times = [evening, evening + timedelta(minutes=20), evening + timedelta(days=3), NOW - timedelta(days=400)]
    add(catalog, "ann", times)
    add(catalog, "ann", [NOW], Status.FAILED)
    add(catalog, "ann", [NOW], Status.PROCESSING)
    add(catalog, "ann", [NOW], Status.FAILED, deleted_at=NOW)
    add(catalog, "bob", [NOW])
    counts = count(catalog, "ann")
    assert {status: count for status, count in counts.by_status.items() if count} == {
        Status.AI_COMPLETED: 4,
        Status.FAILED: 1,
        Status.PROCESSING: 1,
    }
    assert (len(counts.by_month), counts.by_month[0], counts.by_month[-2:]) == (
        12,
        ("2025-04", 0),
        (("2026-02", 1), ("2026-03", 2)),
    )
    assert counts.practices == 3
    assert counts.first == ("ann-AI_COMPLETED-3-0", times[3])
    assert counts.latest == ("ann-AI_COMPLETED-2-0", times[2])


def test_a_golfer_without_swings_has_zeros(catalog: Catalog) -> None:
    counts = count(catalog, "nobody")
    assert set(counts.by_status.values()) == {0}
    assert {swings for _, swings in counts.by_month} == {0}
    assert (counts.practices, counts.first, counts.latest) == (0, None, None)


def test_five_thousand_swings_are_counted_as_the_profile_counts_them(catalog: Catalog) -> None:
    random = Random(5)
    times, when = [], NOW - timedelta(days=2000)
    for _ in range(5000):
        when += timedelta(seconds=random.choice([40, 3600, 4 * 3600 - 1, 4 * 3600 + 1, 86_400]))
        times.append(when)
    random.shuffle(times)
    add(catalog, "ann", times)
    counts = count(catalog, "ann")
    assert counts.practices == len(trend.by_practice(sorted(times), [0.0] * len(times)))
    assert counts.by_status[Status.AI_COMPLETED] == 5000
    months = last_months(NOW)
    assert sum(swings for _, swings in counts.by_month) == sum(months[0] <= one < months[-1] for one in times)


def test_only_the_golfers_own_rows_are_looked_at(catalog: Catalog) -> None:
    if catalog.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL chooses its plan by the size of the tables")
    statements: list[tuple[str, Any]] = []

    @event.listens_for(catalog.engine, "before_cursor_execute")
    def note(_: object, __: object, statement: str, parameters: Any, *_rest: object) -> None:
        statements.append((statement, parameters))

    count(catalog, "ann")
    event.remove(catalog.engine, "before_cursor_execute", note)
    with catalog.engine.connect() as connection:
        seen = [
            str(row[3])
            for statement, parameters in statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    of_table = [step for step in seen if " analyses" in step]
    assert of_table
    assert [step for step in of_table if not step.startswith("SEARCH") or "user_id=?" not in step] == []


def test_months_begin_on_the_first_in_utc_and_cross_the_year() -> None:
    months = last_months(datetime(2026, 1, 1, 1, tzinfo=UTC).astimezone(), 3)
    assert [f"{one:%Y-%m-%d %H}" for one in months] == [
        "2025-11-01 00",
        "2025-12-01 00",
        "2026-01-01 00",
        "2026-02-01 00",
    ]


def test_drills_done_are_counted_from_each_moment(catalog: Catalog) -> None:
    for days in (0, 6, 8, 29, 31):
        record_drill(catalog.engine, "ann", "pump_drill" if days else "chair", NOW - timedelta(days=days))
    record_drill(catalog.engine, "bob", "chair", NOW)
    week, month = NOW - timedelta(days=7), NOW - timedelta(days=30)
    assert count_drills_done(catalog.engine, "ann", week, month) == (2, 4)
    assert count_drills_done(catalog.engine, "nobody", week, month) == (0, 0)
    done = drills_done_since(catalog.engine, "ann", month)
    assert {drill: (one.times, one.last_at) for drill, one in done.items()} == {
        "chair": (1, NOW),
        "pump_drill": (3, NOW - timedelta(days=6)),
    }
