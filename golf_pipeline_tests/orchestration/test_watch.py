"""The watch as Dagster ticks it: real queues, a real catalog, and somebody who is told over HTTP."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterRun, DagsterRunStatus
from pydantic import SecretStr
from sqlalchemy import update

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration.watch import failed_jobs
from golf_pipeline.storage.alarm_states import CatalogBook
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline_tests.orchestration.conftest import Cloud
from golf_pipeline_tests.test_notify import Webhook, listening

Tick = Callable[..., tuple[str, str]]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with listening(Webhook()) as webhook:
        yield webhook


@pytest.fixture
def tick(cloud: Cloud, instance: dg.DagsterInstance, webhook: Webhook) -> Tick:
    """Ticks the sensor; returns what it says and its cursor."""
    settings = cloud.settings.model_copy(update={"alarm_webhook_url": SecretStr(webhook.url)})
    repository = build_defs(settings).get_repository_def()

    def once(cursor: str | None = None, **others: object) -> tuple[str, str]:
        store = Cloud(settings.model_copy(update=others), cloud.s3, cloud.sqs, "").store
        with dg.build_sensor_context(
            instance, cursor, repository_def=repository, resources={"swing_store": store}
        ) as context:
            data = repository.get_sensor_def("watch_service").evaluate_tick(context)
        assert not data.run_requests
        return data.skip_message or "", data.cursor or ""

    return once


def told(webhook: Webhook) -> list[tuple[str, str]]:
    found = [(document["alarm"], document["change"]) for _, document in webhook.received]
    webhook.received.clear()
    return [one for one in found if one[0] != "DiskFilling"]  # the disk of whoever runs the tests is their own matter


def test_what_begins_and_what_ends_is_told_once_and_what_failed_to_be_told_at_the_next_tick(
    cloud: Cloud, tick: Tick, webhook: Webhook
) -> None:
    assert "DeadLetters" not in tick()[0]
    assert told(webhook) == []

    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_url, MessageBody="lost")
    cloud.upload("golf-swings/ann/monday.mp4", b"x")
    old = datetime.now(UTC) - timedelta(hours=1)
    with cloud.catalog.engine.begin() as connection:
        connection.execute(update(analyses).values(dispatched_at=old, updated_at=old, status=Status.PROCESSING))
    webhook.answers = [503, 503]
    said, _ = tick()
    assert {"DeadLetters", "SwingsStuck"} <= set(said.removeprefix("rings: ").split(", "))
    assert len(told(webhook)) == 2  # twice the same; the channel is then left alone for this tick
    tick()
    assert sorted(told(webhook)) == [("DeadLetters", "rings"), ("SwingsStuck", "rings")]
    tick()
    assert told(webhook) == []

    cloud.sqs.purge_queue(QueueUrl=cloud.dead_letter_url)
    tick()
    assert told(webhook) == [("DeadLetters", "ended")]
    row = CatalogBook(cloud.catalog.engine).get("SwingsStuck")
    assert row is not None
    assert (row.rings, row.value) == (True, 1.0)


def test_a_queue_that_does_not_answer_ends_no_alarm(cloud: Cloud, tick: Tick, webhook: Webhook) -> None:
    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_url, MessageBody="lost")
    tick()
    assert told(webhook) == [("DeadLetters", "rings")]
    said, _ = tick(sqs_endpoint_url="http://127.0.0.1:9")
    assert "DeadLetters" in said
    assert told(webhook) == []
    blind = CatalogBook(cloud.catalog.engine).get("ScrapeSourceDown")
    assert blind is not None
    assert blind.value == 1


def test_a_catalog_that_is_down_is_told_of_all_the_same(tick: Tick, webhook: Webhook) -> None:
    gone = {"catalog_url": f"postgresql://nobody@127.0.0.1:9/{uuid4().hex}"}
    said, cursor = tick(**gone)
    assert "does not answer" in said
    assert told(webhook) == []
    rows = json.loads(cursor)
    rows["CatalogDown"]["above_since"] = (datetime.now(UTC) - timedelta(seconds=121)).isoformat()
    said, cursor = tick(json.dumps(rows), **gone)
    assert "rings: CatalogDown" in said
    assert told(webhook) == [("CatalogDown", "rings")]
    _, cursor = tick(cursor, **gone)
    assert told(webhook) == []
    said, cursor = tick(cursor)
    assert "CatalogDown" not in said
    assert told(webhook) == [("CatalogDown", "ended")]


def test_a_cursor_that_cannot_be_read_is_begun_anew(tick: Tick) -> None:
    assert "CatalogDown" in json.loads(tick("rubbish")[1])


def test_a_job_whose_latest_run_failed_is_counted_until_one_succeeds(instance: dg.DagsterInstance) -> None:
    def ran(job: str, status: DagsterRunStatus) -> None:
        instance.add_run(DagsterRun(job_name=job, run_id=str(uuid4()), status=status))

    now = datetime.now(UTC)
    jobs = ["housekeeping_job", "service_checks_job", "swing_job", "__ASSET_JOB"]
    for job in jobs:
        ran(job, DagsterRunStatus.SUCCESS)
    assert failed_jobs(instance, jobs, now) == []
    for job in jobs:
        ran(job, DagsterRunStatus.FAILURE)
    ran("housekeeping_job", DagsterRunStatus.STARTED)
    assert failed_jobs(instance, jobs, now) == ["housekeeping_job", "service_checks_job"]
    ran("housekeeping_job", DagsterRunStatus.SUCCESS)
    assert failed_jobs(instance, jobs, now) == ["service_checks_job"]
    assert failed_jobs(instance, jobs, now + timedelta(days=2)) == []
