"""Standing checks: whether the service as a whole does its work, as an operator sees it in the Dagster UI.

They hang on `uploads`, the asset that golfers make and the pipeline does not: the root of the graph. A job evaluates
them every ten minutes, or whenever an operator asks. What calls an operator is `watch.py`; what they find here is which
swings it is about and what to do.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from golf_pipeline.alarms import alarm_named
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.swing_assets import OWNERS
from golf_pipeline.orchestration.watch import queue_readings
from golf_pipeline.settings import Settings
from golf_pipeline.storage.operating import CatalogReadings
from golf_pipeline.storage.service_readings import (
    DAY,
    NamedSwings,
    Reading,
    ServiceReadings,
    read_queue,
    upload_silence,
)

EVERY_TEN_MINUTES = "*/10 * * * *"

uploads = dg.AssetSpec(
    "uploads",
    description="The videos that golfers put into the bucket, below golf-swings/. S3 announces each on the queue, and "
    "the sensor ingest_uploads takes it in. Its checks say whether the service does its work.",
    group_name="service",
    owners=OWNERS,
    kinds={"s3"},
)


@dataclass(frozen=True)
class _Seen:
    """What the checks look at, at one time."""

    settings: Settings
    general: CatalogReadings
    swings: ServiceReadings
    now: datetime

    def queue(self) -> Mapping[Reading, float]:
        return read_queue(queue_readings(self.settings))


@dataclass(frozen=True)
class _Finding:
    passed: bool
    told: str
    metadata: Mapping[str, Any]
    to_do: str = ""


@dataclass(frozen=True)
class _Check:
    """A standing check; `loud`: golfers notice or something is lost."""

    name: str
    description: str
    judge: Callable[[_Seen], _Finding]
    loud: bool = True


def _judge_dead_letters(seen: _Seen) -> _Finding:
    count = int(seen.queue()[Reading.DEAD_LETTERS])
    told = f"Messages that were given up: {count}." if count else "No message was given up."
    return _Finding(not count, told, {"messages": count}, alarm_named("DeadLetters").action)


def _judge_stuck(seen: _Seen) -> _Finding:
    stuck = seen.swings.stuck()
    told = (
        f"Swings that have not moved for 45 minutes: {stuck.count}." if stuck.count else "Every swing under way moves."
    )
    return _Finding(not stuck.count, told, _named(stuck), alarm_named("SwingsStuck").action)


def _judge_failed(seen: _Seen) -> _Finding:
    failed, refused = seen.swings.failed_through_us(DAY), seen.swings.refused(DAY)
    told = (
        f"Swings that failed through a fault of ours: {failed.count}."
        if failed.count
        else "No swing failed through us."
    )
    values = {**_named(failed), "refused_videos": refused, "hours": 24}
    return _Finding(not failed.count, told, values, alarm_named("SwingsFailing").action)


def _judge_queue(seen: _Seen) -> _Finding:
    messages = int(seen.queue()[Reading.QUEUE_WAITING])
    swings, oldest_s = seen.general.waiting()
    long, late = alarm_named("QueueLong"), alarm_named("SwingsWaitTooLong")
    values = {
        "messages_in_queue": messages,
        "most_messages": long.above,
        "swings_without_a_run": swings,
        "oldest_waits_seconds": round(oldest_s, 1),
        "most_seconds": late.above,
    }
    if messages > long.above:
        return _Finding(False, f"Events that wait in the queue: {messages}.", values, long.action)
    if oldest_s > late.above:
        return _Finding(False, f"An upload has waited for a run for {oldest_s:.0f} s.", values, late.action)
    return _Finding(True, "Uploads are taken in and handed to runs in time.", values)


def _judge_silence(seen: _Seen) -> _Finding:
    hours, last = seen.settings.fresh_upload_hours, seen.swings.last_upload_at()
    values: dict[str, Any] = {"last_upload": dg.MetadataValue.text("none yet")}
    if last is not None:
        values["last_upload"] = dg.MetadataValue.timestamp(last)
    if hours is None:
        return _Finding(True, "Not asked for: GOLF_FRESH_UPLOAD_HOURS is not set.", values)
    values["hours_allowed"] = hours
    silence = upload_silence(last, seen.settings, seen.now)
    if silence > alarm_named("NoUploads").above:
        told = f"The last upload came {silence * hours:.1f} hours ago."
        return _Finding(False, told, values, alarm_named("NoUploads").action)
    return _Finding(True, "No upload came so far." if last is None else "Uploads come in.", values)


_CHECKS = (
    _Check("dead_letters_empty", "No upload event was given up after three receives.", _judge_dead_letters),
    _Check("no_swing_stuck", "No swing under way has stood still for 45 minutes.", _judge_stuck),
    _Check(
        "no_swing_failed_lately",
        "No swing failed through a fault of ours in 24 hours. Refused videos are counted, and no failure.",
        _judge_failed,
    ),
    _Check("queue_keeps_up", "Uploads are taken in, and handed to a run, as fast as they come.", _judge_queue),
    _Check(
        "uploads_fresh",
        "An upload came within GOLF_FRESH_UPLOAD_HOURS, where that is set.",
        _judge_silence,
        loud=False,
    ),
)


@dg.multi_asset_check(
    name="service_checks",
    description="Whether the service does its work: the queue, the swings under way, and those that failed.",
    specs=[dg.AssetCheckSpec(check.name, asset=uploads.key, description=check.description) for check in _CHECKS],
    can_subset=True,
)
def service_checks(context: dg.AssetCheckExecutionContext, swing_store: SwingStore) -> Iterator[dg.AssetCheckResult]:
    now, settings = datetime.now(UTC), swing_store.settings
    engine = swing_store.catalog.engine
    seen = _Seen(settings, CatalogReadings(engine, lambda: now), ServiceReadings(engine, now), now)
    wanted = {key.name for key in context.selected_asset_check_keys}
    for check in _CHECKS:
        if check.name in wanted:
            yield _result(check, seen)


service_checks_job = dg.define_asset_job(
    "service_checks_job",
    selection=dg.AssetSelection.checks(service_checks),
    description="Evaluates the standing checks of the asset uploads; changes nothing.",
    executor_def=dg.in_process_executor,
    # In a burst the answer is wanted most, and it takes a second: before the swings that wait.
    tags={"dagster/priority": "10"},
)
service_checks_schedule = dg.ScheduleDefinition(
    name="service_checks_every_ten_minutes",
    job=service_checks_job,
    cron_schedule=EVERY_TEN_MINUTES,
    description="Keeps the standing checks of the asset uploads current.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def _result(check: _Check, seen: _Seen) -> dg.AssetCheckResult:
    """One check's result; what it needs and does not get is a failure of this check alone."""
    try:
        found = check.judge(seen)
    except Exception as error:
        found = _Finding(
            False,
            f"It cannot be judged: {type(error).__name__}.",
            {},
            alarm_named("ScrapeSourceDown").action,
        )
    return dg.AssetCheckResult(
        check_name=check.name,
        asset_key=uploads.key,
        passed=found.passed,
        severity=dg.AssetCheckSeverity.ERROR if check.loud else dg.AssetCheckSeverity.WARN,
        description=found.told,
        metadata={**found.metadata, **({} if found.passed else {"what_to_do": found.to_do})},
    )


def _named(swings: NamedSwings) -> dict[str, Any]:
    named: dict[str, Any] = {"swings": swings.count}
    if swings.analysis_ids:
        named["analysis_ids"] = list(swings.analysis_ids)
    return named
