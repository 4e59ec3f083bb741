"""GET /operations and /operations.json: what they tell, to whom, and what is left when a part cannot be read."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, text

from golf_pipeline.api.dashboard import partition_url
from golf_pipeline.api.dashboard_charts import hours_chart
from golf_pipeline.api.dashboard_page import duration
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.operating_days import Hour
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import alarm_states, backfill_items, backfills, model_usage, profile_failures
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.storage.operated import add_analysis, add_output

MINUTE = timedelta(minutes=1)
PARTS = {
    *("swings", "alarms", "backfills", "hours", "days", "upload_to_coaching", "stages"),
    *("failures", "latest_failed", "costs", "versions", "profiles"),
}


@pytest.fixture
def worked(catalog: Catalog) -> Catalog:
    """A catalog after some minutes of work."""
    now = datetime.now(UTC)
    add_analysis(catalog, "good", now - 2 * MINUTE)
    add_analysis(catalog, "waits", now - MINUTE, Status.STARTED, dispatched_at=None)
    told = {"error_code": "NO_GOLFER", "error_message": "We found <b>nobody</b> in this video."}
    private = {"user_name": "Ann Private", "user_email": "ann@example.com"}
    add_analysis(catalog, "bad/1", now - 2 * MINUTE, Status.FAILED, partition_key="bad-1a", **told, **private)
    for analysis_id, version in (("good", "3"), ("bad/1", "2")):
        add_output(catalog, analysis_id, "pose", version, now - MINUTE, compute_seconds=5.0, reused=False)
    with catalog.engine.begin() as connection:
        for name, rings in (("DeadLetters", True), ("QueueLong", False), ("DeadLetters/webhook", True)):
            state = {"name": name, "rings": rings, "value": 2.0, "above_since": now - MINUTE}
            connection.execute(insert(alarm_states).values(**state, changed_at=now - MINUTE, looked_at=now))
        day = now.date().isoformat()
        connection.execute(insert(model_usage).values(day=day, purpose="chat", usd=1.25, tokens=1, calls=1))
        one = {"backfill_id": "b1", "created_at": now - 9 * MINUTE, "created_by": "boss@example.com"}
        chosen = {"user_id": "ann", "failed_only": True}
        connection.execute(insert(backfills).values(**one, selection=chosen, state="RUNNING", total=4))
        item = {"backfill_id": "b1", "analysis_id": "good", "state": "DONE", "tries": 1, "seconds": 2.0}
        connection.execute(insert(backfill_items).values(**item, handed_out_at=now - 5 * MINUTE, ended_at=now))
        failure = {"user_id": "ann", "failures": 2, "failed_at": now, "message": "INTERNAL"}
        connection.execute(insert(profile_failures).values(failure))
    return catalog


def read(api: httpx.Client) -> Any:
    answer = api.get("/operations.json")
    assert answer.status_code == 200, answer.text
    return answer.json()


class _Page(HTMLParser):
    """What a page holds: tags and texts, and addresses that are loaded or led to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = {name: value or "" for name, value in attrs}
        (self.links if tag == "a" else self.loaded).extend(found[name] for name in ("href", "src") if name in found)


@pytest.mark.usefixtures("worked")
def test_the_numbers_tell_what_waits_rings_runs_and_failed(serve: Serve) -> None:
    told = read(serve(dagster_url="http://dagster:3000/", api_url="https://api.example.com"))
    assert told["unavailable"] == []
    assert told["checks"] == {"catalog": "ok", "s3": "ok"}
    assert told["swings"]["waiting"] == 1
    assert 50 < told["swings"]["waiting_oldest_s"] < 600
    assert told["swings"]["ended_last_day"] == {"AI_COMPLETED": 1, "FAILED": 1}
    (ringing,) = told["alarms"]["ringing"]
    assert (ringing["name"], ringing["severity"], told["alarms"]["soon"]) == ("DeadLetters", "critical", ["QueueLong"])
    assert ringing["meaning"]
    assert ringing["action"]
    (backfill,) = told["backfills"]
    assert (backfill["total"], backfill["done"], backfill["chosen"]) == (4, 1, "swings of one golfer, failed")
    assert backfill["eta_s"] > 0
    assert sum(hour["uploads"] for hour in told["hours"]) == 3
    assert len(told["days"]) == 30
    assert told["upload_to_coaching"] == {"count": 1, "median_s": 20.0, "p95_s": 20.0}
    assert told["stages"]["stages"][0]["outputs"] == 2
    (failure,) = told["failures"]
    assert (failure["code"], failure["swings"], failure["cause"]) == ("NO_GOLFER", 1, "video")
    (failed,) = told["latest_failed"]
    assert failed["result_url"] == "https://api.example.com/api/video/results/bad%2F1"
    assert failed["dagster_url"] == "http://dagster:3000/assets/analysis_result?view=partitions&partition=bad-1a"
    assert told["costs"]["days"][0]["usd"] == 1.25
    assert told["costs"]["limits_usd"]["chat"] == 100
    (pose,) = told["versions"]
    assert (pose["newest"], pose["older"]) == ("3", [{"version": "2", "swings": 1, "are_more": False}])
    assert told["profiles"]["latest"][0]["latest_analysis_id"] in {"good", "bad/1", "waits"}


@pytest.mark.usefixtures("worked")
def test_the_page_tells_the_same_loads_nothing_and_escapes_what_it_shows(serve: Serve) -> None:
    answer = serve(dagster_url="http://dagster:3000").get("/operations")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    page = _Page(answer.text)
    assert "script" not in page.tags
    assert page.loaded == ["data:,"]
    assert partition_url("http://dagster:3000", "bad-1a") in page.links
    assert "We found &lt;b&gt;nobody&lt;/b&gt; in this video." in answer.text
    for words in ("One alarm rings", "DeadLetters", "swings of one golfer, failed", "1 of 4", "NO_GOLFER"):
        assert words in answer.text


@pytest.mark.usefixtures("worked")
def test_golfers_and_operators_are_not_named(serve: Serve) -> None:
    api = serve()
    for path in ("/operations", "/operations.json"):
        shown = api.get(path).text
        assert not [name for name in ("Ann Private", "ann@example.com", '"ann"', "boss@") if name in shown]


def test_an_empty_catalog_is_told_as_one(serve: Serve) -> None:
    api = serve()
    told = read(api)
    assert {part for part in PARTS if told[part] is None} == {"upload_to_coaching"}
    page = api.get("/operations")
    assert page.status_code == 200
    assert "No alarm was ever evaluated" in page.text
    assert "Nothing is stored yet." in page.text


def test_a_part_that_cannot_be_read_is_named_and_the_others_are_there(serve: Serve, worked: Catalog) -> None:
    with worked.engine.begin() as connection:
        connection.execute(text("DROP TABLE model_usage"))
    api = serve(queue_url="http://127.0.0.1:9/queue", sqs_endpoint_url="http://127.0.0.1:9")
    told = read(api)
    assert set(told["unavailable"]) == {"costs", "queues"}
    assert {part for part in PARTS if told[part] is None} == {"costs"}
    page = api.get("/operations").text
    assert "Could not be read just now: costs, queue. The rest is shown." in page
    assert "NO_GOLFER" in page


def test_readings_are_kept_so_that_a_page_that_is_left_open_costs_little(serve: Serve, catalog: Catalog) -> None:
    api = serve()
    assert read(api)["versions"] == []
    add_output(catalog, add_analysis(catalog, "new", datetime.now(UTC)), "pose", "3", datetime.now(UTC))
    assert read(api)["versions"] == []


def test_the_page_is_for_those_who_may_read_the_metrics(serve: Serve, tokens: TestIssuer) -> None:
    api = serve()
    for path in ("/operations", "/operations.json"):
        assert api.get(path).status_code == 200
        assert api.get(path, headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
        assert api.get(path, headers=tokens.headers("ann")).status_code == 403
        assert api.get(path, headers=tokens.headers("carl", "coach")).status_code == 403
        assert api.get(path, headers=tokens.headers("boss", "admin")).status_code == 200
    closed = serve(metrics_token="a-token-of-the-scraper")
    assert closed.get("/operations").status_code == 401
    assert closed.get("/operations", headers={"Authorization": "Bearer a-token-of-the-scraper"}).status_code == 200


def test_bars_stand_on_each_other_and_fit_below_a_round_number() -> None:
    start = datetime(2026, 5, 10, 6, tzinfo=UTC)
    chart = hours_chart([Hour(start=start, uploads=30, completed=20, failed=5)])
    (bar,) = chart.bars
    assert (chart.top, chart.ticks, bar.mark) == (40, ("40", "20"), 25.0)
    assert [(piece.kind, piece.y, piece.height) for piece in bar.pieces] == [
        ("completed", 50, 50),
        ("failed", 37.5, 12.5),
    ]
    assert (bar.name, bar.label, bar.told) == ("06:00", "06:00", "06:00: 30 came, 20 completed, 5 failed")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0.04, "0.04 s"), (2.25, "2.2 s"), (59.6, "60 s"), (200, "3 min 20 s"), (1500, "25 min")),
        *((7500, "2 h 5 min"), (7200, "2 h"), (300_000, "3 days")),
    ],
)
def test_a_time_is_said_in_the_units_that_people_use(seconds: float, said: str) -> None:
    assert duration(seconds) == said
