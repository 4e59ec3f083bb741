"""The watch: once a minute the pipeline reads its own numbers, evaluates the alarms, and tells what changed.

A sensor and no schedule, as a tick costs no run, and as it goes on while the run queue stands still. How an alarm
stands is in the catalog (`storage/alarm_states.py`); only the alarm that the catalog is down keeps that in the sensor's
cursor, as it has to ring just then. Prometheus may watch the same alarms from outside (`golf-pipeline alarms`): it also
sees when the whole pipeline is gone, which no sensor can.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial

import dagster as dg
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from golf_pipeline import notify
from golf_pipeline.alarms import Alarm, watched_alarms
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.settings import Settings
from golf_pipeline.storage.alarm_states import AlarmBook, AlarmState, CatalogBook, Change, MemoryBook, look, tell
from golf_pipeline.storage.operating import QueueReadings
from golf_pipeline.storage.service_readings import Reading, read_catalog, read_disk, read_queue, read_sources

EVERY_S = 60
CARRY_SWINGS = frozenset({"swing_job", "profile_job", "reanalysis_job"})
"""Jobs whose failed runs are counted by what they carried: a refused video fails its run, and is no alarm."""

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]

_ROWS = TypeAdapter(dict[str, AlarmState])


@dg.sensor(
    name="watch_service",
    description="Reads queues, swings, money and disks once a minute, evaluates the alarms of alarms.toml, and tells "
    "the log, the webhook and the SNS topic of those that begin, end, or ring for another day.",
    minimum_interval_seconds=EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def watch_service(context: dg.SensorEvaluationContext, swing_store: SwingStore) -> dg.SensorResult:
    now, settings = datetime.now(UTC), swing_store.settings
    channels = notify.channels(settings)
    by_catalog, by_itself = _divided(watched_alarms())
    in_cursor = MemoryBook(_parse(context.cursor))
    try:
        engine = swing_store.catalog.engine
        values = _read(context, settings, engine, now)
        book = CatalogBook(engine)
        book.forget_others({alarm.name for alarm in by_catalog})
        watch = Watch(book, channels, settings, context.log)
        watch.look_at(by_catalog, values, now)
        down = False
    except SQLAlchemyError as error:
        context.log.error(f"the catalog does not answer: {type(error).__name__}")
        watch, down = Watch(in_cursor, channels, settings, context.log), True
    beside = Watch(in_cursor, channels, settings, context.log, silent=watch.silent)
    beside.look_at(by_itself, {Reading.CATALOG_DOWN: float(down)}, now)
    ringing = [*(watch.ringing if not down else ()), *beside.ringing]
    told = f"rings: {', '.join(sorted(ringing))}" if ringing else "all quiet"
    return dg.SensorResult(
        skip_reason=told + (" (the catalog does not answer)" if down else ""),
        cursor=_ROWS.dump_json(in_cursor.rows).decode(),
    )


class Watch:
    """Evaluates alarms into a book and tells channels; one that fails is left alone until the next tick.

    So a tick is held up by each channel once at most, however many alarms ring.
    """

    def __init__(
        self,
        book: AlarmBook,
        channels: Sequence[notify.Channel],
        settings: Settings,
        log: logging.Logger,
        silent: set[str] | None = None,
    ) -> None:
        self._book, self._channels, self._settings, self._log = book, channels, settings, log
        self.silent = set() if silent is None else silent
        """Names of channels that failed in this tick."""
        self.ringing: list[str] = []

    def look_at(self, alarms: Sequence[Alarm], values: Mapping[Reading, float], now: datetime) -> None:
        """Evaluate all alarms first, so that how they stand is kept whatever the channels do; then tell."""
        standing = [(alarm, state) for alarm in alarms if (state := self._state(alarm, values, now)) is not None]
        self.ringing = [alarm.name for alarm, state in standing if state.rings]
        for alarm, state in standing:
            for channel in self._channels:
                if channel.name not in self.silent:
                    send = partial(self._send, channel, alarm, state)
                    tell(self._book, state, channel.name, now, send)

    def _state(self, alarm: Alarm, values: Mapping[Reading, float], now: datetime) -> AlarmState | None:
        if alarm.reading is None or alarm.reading not in values:
            # What it was told of before may still have to reach somebody.
            return self._book.get(alarm.name)
        return look(self._book, alarm.name, values[alarm.reading], alarm.above, alarm.for_s, now)

    def _send(self, channel: notify.Channel, alarm: Alarm, state: AlarmState, change: Change) -> bool:
        try:
            channel.send(notify.telling(alarm, state, change, self._settings))
        except notify.NotToldError as error:
            self._log.warning(f"{alarm.name} {change}: {error}; it is told at the next tick")
            self.silent.add(channel.name)
            return False
        self._log.info(f"{alarm.name} {change}: told to {channel.name}")
        return True


def _divided(alarms: Sequence[Alarm]) -> tuple[list[Alarm], list[Alarm]]:
    """The alarms that are kept in the catalog, and the one about it."""
    of_catalog = [alarm for alarm in alarms if alarm.reading == Reading.CATALOG_DOWN]
    return [alarm for alarm in alarms if alarm not in of_catalog], of_catalog


def _read(
    context: dg.SensorEvaluationContext, settings: Settings, engine: Engine, now: datetime
) -> dict[Reading, float]:
    """All numbers that can be read.

    Raises:
        SQLAlchemyError: the catalog does not answer; without it nothing can be kept.
    """
    jobs = context.repository_def.job_names if context.repository_def else ()
    sources: dict[str, Callable[[], Mapping[Reading, float]]] = {
        "queue": lambda: read_queue(queue_readings(settings)),
        "disk": lambda: read_disk(settings),
        "dagster": lambda: {Reading.JOBS_FAILED_DAY: len(failed_jobs(context.instance, jobs, now))},
    }

    def failed(source: str, error: Exception) -> None:
        context.log.warning(f"{source} cannot be read: {type(error).__name__}")

    return read_catalog(engine, settings, now) | read_sources(sources, failed)


def failed_jobs(instance: dg.DagsterInstance, jobs: Sequence[str], now: datetime) -> list[str]:
    """Jobs whose latest run of the last 24 hours failed; those that carry swings or golfers are not asked."""
    failed = []
    for job in jobs:
        if job in CARRY_SWINGS or job.startswith("__"):
            continue
        lately = dg.RunsFilter(job_name=job, statuses=ENDED, updated_after=now - timedelta(days=1))
        latest = instance.get_runs(lately, limit=1)
        if latest and latest[0].status == dg.DagsterRunStatus.FAILURE:
            failed.append(job)
    return failed


def queue_readings(settings: Settings) -> QueueReadings | None:
    """The readings of the upload queue over a client that is kept; None without a queue."""
    if settings.queue_url is None:
        return None
    endpoint_url = settings.sqs_endpoint_url or settings.s3_endpoint_url
    return _queue_readings(settings.queue_url, endpoint_url, settings.region)


@lru_cache
def _queue_readings(queue_url: str, endpoint_url: str | None, region: str) -> QueueReadings:
    return QueueReadings.connect(queue_url, endpoint_url, region)


def _parse(cursor: str | None) -> dict[str, AlarmState]:
    try:
        return _ROWS.validate_json(cursor or "{}")
    except ValidationError:
        return {}
