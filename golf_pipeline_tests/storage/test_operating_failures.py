"""What failed lately, on both databases; and that finding it does not pass over all that succeeded."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event, insert

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.operating_failures import failing_profiles, failures_by_code, latest_failed
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import profile_failures
from golf_pipeline_tests.storage.operated import NOW, add_analysis, on_sqlite

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def add_failed(catalog: Catalog, name: str, hours_ago: int, code: str = "INTERNAL", **values: object) -> None:
    told = {"error_code": code, "error_message": "Something went wrong.", **values}
    add_analysis(catalog, name, NOW - hours_ago * HOUR, Status.FAILED, **told)


@on_sqlite
def test_failures_of_a_day_are_counted_by_code_the_most_frequent_first(catalog: Catalog) -> None:
    for number, code in enumerate(("NO_GOLFER", "INTERNAL", "INTERNAL")):
        add_failed(catalog, f"s{number}", 2, code)
    add_failed(catalog, "long ago", 30, "VIDEO_EMPTY")
    add_failed(catalog, "deleted", 2, "VIDEO_EMPTY", deleted_at=NOW)
    assert list(failures_by_code(catalog.engine, NOW).items()) == [("INTERNAL", 2), ("NO_GOLFER", 1)]


def test_the_latest_failed_swings_are_those_that_ended_last_in_a_run_or_before_any(catalog: Catalog) -> None:
    for number in range(25):
        add_failed(catalog, f"f{number:02}", number + 2)
    add_failed(catalog, "before any run", 1, dispatched_at=None, attempt=2, retryable=True)
    add_failed(catalog, "a month ago", 31 * 24)
    add_analysis(catalog, "succeeded", NOW)
    latest = latest_failed(catalog.engine, NOW)
    assert [one.analysis_id for one in latest] == ["before any run", *(f"f{number:02}" for number in range(19))]
    assert (latest[0].code, latest[0].message) == ("INTERNAL", "Something went wrong.")
    assert (latest[0].attempt, latest[0].retryable, latest[0].partition_key) == (2, True, "before any run")


@on_sqlite
def test_the_latest_failed_swings_are_found_along_an_index_and_not_sorted(catalog: Catalog) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    latest_failed(catalog.engine, NOW)
    statement, values = next(one for one in asked if one[0].startswith("SELECT"))
    with catalog.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    told = "; ".join(row[-1] for row in plan)
    assert "ix_analyses_waiting (status=? AND dispatched_at>?)" in told
    assert "TEMP B-TREE" not in told


def test_a_golfer_whose_profile_fails_is_told_of_by_their_latest_swing(catalog: Catalog) -> None:
    for name, ago in (("older", 2), ("newer", 1)):
        add_analysis(catalog, name, NOW - ago * DAY)
    with catalog.engine.begin() as connection:
        for user, failures, ago in (("ann", 3, 1), ("gone", 1, 2)):
            values = {"user_id": user, "failures": failures, "failed_at": NOW - ago * HOUR, "message": "INTERNAL"}
            connection.execute(insert(profile_failures).values(values))
    failing = failing_profiles(catalog.engine)
    assert failing.count == 2
    assert [(one.latest_analysis_id, one.failures) for one in failing.latest] == [("newer", 3), (None, 1)]
