"""GET /metrics: what is counted, what is read, who may see it, and that the alarms find what they name."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import boto3
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, update

from golf_pipeline.alarms import alarms
from golf_pipeline.api import gauges
from golf_pipeline.api.metrics import ModelCalls, observe_chat
from golf_pipeline.coach.chat.documents import ChatAnswer
from golf_pipeline.coach.chat.openai_chat import ModelCall
from golf_pipeline.coach.documents import Spent
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload
from golf_pipeline.storage.records import StageOutput, Status
from golf_pipeline.storage.tables import analyses, model_usage
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.api.conftest import Serve
from golf_pipeline_tests.api.issuer import TestIssuer


def scraped(api: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = api.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(api: httpx.Client, name: str, **labels: str) -> float:
    return scraped(api).get((name, tuple(sorted(labels.items()))), 0.0)


@pytest.fixture
def queue_url(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue with one message in it and a dead-letter queue behind it with two."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    sqs = boto3.client("sqs", endpoint_url=s3_url, region_name="us-east-1")
    name = uuid4().hex
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    url: str = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    for target, count in ((url, 1), (dead, 2)):
        for _ in range(count):
            sqs.send_message(QueueUrl=target, MessageBody="{}")
    return url


def a_swing(catalog: Catalog, name: str) -> str:
    upload = Upload("ann", name, "mp4", f"golf-swings/ann/{name}.mp4")
    return catalog.register_object("b", upload, "e", 1, datetime.now(UTC) - timedelta(seconds=700))[0].analysis_id


def test_requests_are_counted_by_template_and_status_and_never_by_path(api: httpx.Client) -> None:
    labels = {"method": "GET", "route": "/api/video/results/{job_id}", "status": "404"}
    before = value(api, "golf_api_requests_total", **labels)
    for name in ("one", "two"):
        api.get(f"/api/video/results/{name}")
    api.get("/nowhere/one")
    api.request("BREW", "/nowhere/two")
    found = scraped(api)
    assert found["golf_api_requests_total", tuple(sorted(labels.items()))] == before + 2
    routes = {dict(labels)["route"] for name, labels in found if name == "golf_api_requests_total"}
    assert "unmatched" in routes
    assert not any("one" in route or "two" in route for route in routes)
    assert {dict(labels).get("method") for name, labels in found if name == "golf_api_requests_total"} <= {
        *("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "WS", "other")
    }


def test_latency_is_a_histogram_by_route(api: httpx.Client) -> None:
    labels = {"method": "GET", "route": "/health"}
    before = value(api, "golf_api_request_seconds_count", **labels)
    api.get("/health")
    assert value(api, "golf_api_request_seconds_count", **labels) == before + 1


def test_a_chat_answer_counts_with_its_tokens_and_cost(api: httpx.Client) -> None:
    answer = ChatAnswer(text="x", written_by="model", model="m", topic="t", tokens_used=700, cost_usd=0.25)
    tokens_before, cost_before = value(api, "golf_chat_tokens_total"), value(api, "golf_chat_cost_usd_total")
    calls_before = value(api, "golf_model_calls_total", outcome="failed")
    observe_chat(answer, 1.5)
    ModelCalls().called(ModelCall("answer", "failed", 15.0, Spent()))
    assert value(api, "golf_chat_tokens_total") == tokens_before + 700
    assert value(api, "golf_chat_cost_usd_total") == pytest.approx(cost_before + 0.25)
    assert value(api, "golf_model_calls_total", outcome="failed") == calls_before + 1
    outcomes = {dict(labels).get("outcome") for name, labels in scraped(api) if name == "golf_model_calls_total"}
    assert outcomes == {"answered", "refused", "failed", "overcharged", "left alone"}


def test_swings_the_queue_and_the_days_cost_are_read_when_scraped(
    serve: Serve, catalog: Catalog, queue_url: str, s3_url: str
) -> None:
    a_swing(catalog, "waits")
    catalog.set_status(a_swing(catalog, "runs"), Status.PROCESSING, "x")
    for name, seconds in (("waits", 4.5), ("runs", 5.5)):
        catalog.record_stage(
            StageOutput(analysis_id=name, stage="pose", version="1", key="key", facts={"compute_seconds": seconds})
        )
    catalog.fail(a_swing(catalog, "fails"), SwingError(ErrorCode.INTERNAL, "x"))
    catalog.fail(a_swing(catalog, "failed long ago"), SwingError(ErrorCode.INTERNAL, "x"))
    long_ago = datetime.now(UTC) - timedelta(days=3)
    with catalog.engine.begin() as writing:
        writing.execute(
            update(analyses).where(analyses.c.analysis_id == "failed long ago").values(completed_at=long_ago)
        )
        today = datetime.now(UTC).date().isoformat()
        writing.execute(insert(model_usage).values(day=today, purpose="chat", usd=1.25, tokens=10, calls=1))
    api = serve(queue_url=queue_url, sqs_endpoint_url=s3_url, chat_usd_per_day=7.0)
    found = scraped(api)
    assert found["golf_swings", (("status", "STARTED"),)] == 1
    assert found["golf_swings", (("status", "PROCESSING"),)] == 1
    assert found["golf_swings_ended_day", (("status", "FAILED"),)] == 1
    assert found["golf_stage_outputs_hour", (("stage", "pose"),)] == 2
    assert found["golf_stage_seconds_hour", (("stage", "pose"),)] == 10.0
    assert found["golf_swings_failed_hour", (("code", "INTERNAL"),)] == 1
    assert found["golf_swings_waiting", ()] == 1
    assert 690 < found["golf_swings_waiting_oldest_seconds", ()] < 800
    assert found["golf_model_cost_day_usd", (("purpose", "chat"),)] == 1.25
    assert found["golf_model_cost_day_limit_usd", (("purpose", "chat"),)] == 7.0
    assert found["golf_conversations_active", ()] == 0
    assert found["golf_queue_messages", (("queue", "uploads"), ("state", "waiting"))] == 1
    assert found["golf_queue_messages", (("queue", "dead_letters"), ("state", "waiting"))] == 2
    assert {found["golf_scrape_source_up", (("source", name),)] for name in ("catalog", "chat", "queue")} == {1}


def test_every_metric_that_an_alarm_names_is_exported(serve: Serve, queue_url: str, s3_url: str) -> None:
    api = serve(queue_url=queue_url, sqs_endpoint_url=s3_url)
    api.get("/health")
    exported = {name for name, _ in scraped(api)}
    for alarm in alarms():
        assert alarm.metrics <= exported, alarm.name


def test_a_source_that_fails_is_named_and_the_others_are_there(serve: Serve) -> None:
    api = serve(queue_url="http://127.0.0.1:9/queue", sqs_endpoint_url="http://127.0.0.1:9")
    found = scraped(api)
    assert found["golf_scrape_source_up", (("source", "queue"),)] == 0
    assert found["golf_scrape_source_up", (("source", "catalog"),)] == 1
    assert not any(name == "golf_queue_messages" for name, _ in found)


def test_scrapes_in_a_row_read_the_catalog_once(
    serve: Serve, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = serve()
    assert value(api, "golf_swings", status="STARTED") == 0
    a_swing(catalog, "new")
    assert value(api, "golf_swings", status="STARTED") == 0
    monkeypatch.setattr(gauges, "KEPT_S", 0.0)
    assert value(api, "golf_swings", status="STARTED") in {0, 1}


def test_only_operators_read_the_metrics(serve: Serve, tokens: TestIssuer) -> None:
    api = serve()
    assert api.get("/metrics").status_code == 200
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via", "CF-Connecting-IP"):
        passed_on = api.get("/metrics", headers={header: "127.0.0.1"})
        assert (passed_on.status_code, passed_on.json()["code"]) == (401, "SIGN_IN_NEEDED"), header
    assert api.get("/metrics", headers=tokens.headers("ann")).status_code == 403
    assert api.get("/metrics", headers=tokens.headers("boss", "admin")).status_code == 200


def test_where_there_is_a_token_for_the_metrics_the_machine_alone_does_not_do(serve: Serve, tokens: TestIssuer) -> None:
    api = serve(metrics_token="a-token-of-the-scraper")
    assert api.get("/metrics").status_code == 401
    assert api.get("/metrics", headers={"Authorization": "Bearer a-token-of-the-scraper"}).status_code == 200
    assert api.get("/metrics", headers={"Authorization": "Bearer a-token-of-the-scrapes"}).status_code == 401
    assert api.get("/metrics", headers=tokens.headers("boss", "admin")).status_code == 200
