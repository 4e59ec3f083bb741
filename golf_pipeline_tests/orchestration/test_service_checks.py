"""The standing checks and the redrive job as Dagster runs them, over real queues and a real catalog."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import update

from golf_pipeline.definitions import build_defs
from golf_pipeline.settings import Settings
from golf_pipeline.storage import dead_letters
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.orchestration.conftest import Cloud

LOCATION = cache(lambda: build_defs(Settings()))


def run(cloud: Cloud, instance: dg.DagsterInstance, job: str, **config: Any) -> dg.ExecuteInProcessResult:
    return (
        LOCATION()
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            run_config=config or None,
            raise_on_error=False,
            resources={"swing_store": cloud.store},
        )
    )


def checks(cloud: Cloud, instance: dg.DagsterInstance) -> dict[str, dg.AssetCheckEvaluation]:
    assert cloud.catalog  # migrated, as the sensors do it before any run
    result = run(cloud, instance, "service_checks_job")
    assert result.success
    evaluations = result.get_asset_check_evaluations()
    assert {one.asset_key.to_user_string() for one in evaluations} == {"uploads"}
    return {one.check_name: one for one in evaluations}


def value(evaluation: dg.AssetCheckEvaluation, name: str) -> Any:
    return evaluation.metadata[name].value


def age(cloud: Cloud, name: str, **values: Any) -> None:
    with cloud.catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(analyses.c.analysis_id == name).values(values))


def test_a_quiet_service_passes_all_of_them(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    found = checks(cloud, instance)
    assert set(found) == {
        "dead_letters_empty",
        "no_swing_stuck",
        "no_swing_failed_lately",
        "queue_keeps_up",
        "uploads_fresh",
    }
    assert all(one.passed for one in found.values())
    assert "GOLF_FRESH_UPLOAD_HOURS is not set" in (found["uploads_fresh"].description or "")


def test_each_failure_is_named_with_its_swings_and_what_to_do(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    for name in ("stuck", "broken", "refused", "waits"):
        cloud.upload(f"golf-swings/ann/{name}.mp4", b"x")
        age(cloud, name, uploaded_at=old, dispatched_at=None if name == "waits" else old)
    age(cloud, "stuck", status=Status.PROCESSING, updated_at=old)
    cloud.catalog.fail("broken", SwingError(ErrorCode.INTERNAL, "x", retryable=True))
    cloud.catalog.fail("refused", SwingError(ErrorCode.NO_GOLFER, "x"))
    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_url, MessageBody="lost")
    impatient = cloud.settings.model_copy(update={"fresh_upload_hours": 0.5})
    found = checks(Cloud(impatient, cloud.s3, cloud.sqs, ""), instance)
    assert not any(one.passed for one in found.values())
    assert value(found["no_swing_stuck"], "analysis_ids") == ["stuck"]
    assert value(found["no_swing_failed_lately"], "analysis_ids") == ["broken"]
    assert value(found["no_swing_failed_lately"], "refused_videos") == 1
    assert value(found["dead_letters_empty"], "messages") == 1
    assert value(found["queue_keeps_up"], "swings_without_a_run") == 1
    assert all(len(value(one, "what_to_do")) > 20 for one in found.values())
    assert found["uploads_fresh"].severity == dg.AssetCheckSeverity.WARN
    assert found["dead_letters_empty"].severity == dg.AssetCheckSeverity.ERROR


def test_a_queue_that_does_not_answer_fails_the_checks_that_need_it_alone(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    silent = cloud.settings.model_copy(update={"sqs_endpoint_url": "http://127.0.0.1:9"})
    found = checks(Cloud(silent, cloud.s3, cloud.sqs, ""), instance)
    assert {name for name, one in found.items() if not one.passed} == {"dead_letters_empty", "queue_keeps_up"}
    assert "EndpointConnectionError" in (found["queue_keeps_up"].description or "")


def test_the_job_sends_back_what_can_be_read_and_names_what_cannot(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "LAST_WAIT_S", 0)
    good = {"Records": [{"eventName": "ObjectCreated:Put", "eventTime": "2026-05-01T12:00:00Z", "s3": {
        "bucket": {"name": cloud.settings.bucket}, "object": {"key": "golf-swings/ann/a.mp4", "size": 1, "eTag": "e"},
    }}]}  # fmt: skip
    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_url, MessageBody=json.dumps(good))
    bad = cloud.sqs.send_message(QueueUrl=cloud.dead_letter_url, MessageBody="rubbish")["MessageId"]

    def outcome(**config: Any) -> Any:
        result = run(cloud, instance, "redrive_dead_letters", **config)
        assert result.success
        (output,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
        return {name: one.value for name, one in output.step_output_data.metadata.items()}

    found = outcome()
    assert (found["sent_back"], list(found["left"])) == (1, [bad])
    assert (cloud.messages(), cloud.messages(cloud.dead_letter_url)) == (1, 1)
    found = outcome(ops={"send_back": {"config": {"message_ids": [bad]}}})
    assert (found["sent_back"], list(found["will_come_back"])) == (1, [bad])
    assert (cloud.messages(), cloud.messages(cloud.dead_letter_url)) == (2, 0)


def test_without_a_queue_the_job_says_what_to_set(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    alone = Cloud(cloud.settings.model_copy(update={"queue_url": None}), cloud.s3, cloud.sqs, "")
    result = run(alone, instance, "redrive_dead_letters")
    assert not result.success
    failure = result.failure_data_for_node("send_back")
    assert failure is not None
    assert "GOLF_QUEUE_URL is not set" in str(failure.user_failure_data)
