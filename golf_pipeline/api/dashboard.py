"""`GET /operations` and `GET /operations.json`: an operator's day at a glance, as a page and as the same numbers.

Each part is read by a source of its own, kept for a while and waited for until one deadline (`readings.py`): a part
that cannot be read is named in `unavailable` and is null, and the rest is shown. No reading grows with all swings that
there are; how each is bounded stands where its query is (`storage/operating_*.py`). Golfers are not named.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from golf_pipeline.alarms import Alarm, alarms
from golf_pipeline.api.dashboard_messages import (
    AlarmsNow,
    CostsByDay,
    Failed,
    FailureCount,
    Operations,
    Queues,
    RingingAlarm,
    SwingsNow,
)
from golf_pipeline.api.dashboard_page import rendered
from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.operations import scraping
from golf_pipeline.api.probes import Probe, outcomes
from golf_pipeline.api.problems import documented
from golf_pipeline.api.readings import TIMEOUT_S, Source
from golf_pipeline.failures import failures
from golf_pipeline.settings import Settings
from golf_pipeline.storage import operating_days, operating_failures, operating_now, operating_stages
from golf_pipeline.storage.operating import CatalogReadings, QueueReadings
from golf_pipeline.storage.operating_failures import FailedSwing
from golf_pipeline.storage.usage import CHAT, COACHING

MOMENTS_S = 5.0
"""How long a reading is kept that costs next to nothing."""

A_WHILE_S = 30.0
"""One that reads a day's rows, or all items of a backfill."""

LONG_S = 60.0
"""One that changes with releases only, and counts tens of thousands of rows after one."""

MOST_AT_ONCE = 3
"""Readings of the catalog at a time: they share the connections with whoever is being served."""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
T = TypeVar("T")

router = APIRouter(tags=["operations"], dependencies=[Depends(scraping)])


@router.get("/operations.json", operation_id="getOperations", responses=documented(401, 403, 503))
def get_operations(request: Request) -> Operations:
    """What an operator looks at every day, as numbers: what waits, what rings, what was done and what failed.

    A part that cannot be read is null and is named in `unavailable`. For whoever may read the metrics.
    """
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard.read()


@router.get("/operations", include_in_schema=False)
def operations_page(request: Request) -> HTMLResponse:
    """The same as a page that needs nothing else."""
    dashboard: Dashboard = request.app.state.dashboard
    return HTMLResponse(rendered(dashboard.read(), settings_of(request)), headers=_HEADERS)


class Dashboard:
    """The sources of all parts."""

    def __init__(self, settings: Settings, engine: Engine, probes: Mapping[str, Probe]) -> None:
        self._settings, self._engine, self._probes = settings, engine, probes
        self._slots = threading.Semaphore(MOST_AT_ONCE)
        catalog = CatalogReadings(engine)
        self._sources: dict[str, Source[Any]] = {
            "swings": self._source("swings", MOMENTS_S, lambda: _swings(catalog)),
            "alarms": self._source("alarms", MOMENTS_S, lambda: _alarms(engine)),
            "backfills": self._timed("backfills", A_WHILE_S, operating_now.backfills_now),
            "hours": self._timed("hours", A_WHILE_S, operating_days.hours),
            "days": self._timed("days", A_WHILE_S, operating_days.days),
            "upload_to_coaching": self._timed("upload_to_coaching", A_WHILE_S, operating_days.upload_to_coaching),
            "stages": self._timed("stages", A_WHILE_S, operating_stages.stages_lately),
            "failures": self._source("failures", MOMENTS_S, self._failures),
            "latest_failed": self._source("latest_failed", MOMENTS_S, self._latest_failed),
            "costs": self._source("costs", MOMENTS_S, self._costs),
            "versions": self._source("versions", LONG_S, partial(operating_stages.versions_in_use, engine)),
            "profiles": self._source("profiles", A_WHILE_S, partial(operating_failures.failing_profiles, engine)),
        }
        if settings.queue_url is not None:
            queue = QueueReadings.connect(settings.queue_url, settings.sqs_endpoint_url, settings.region)
            self._sources["queues"] = Source("queues", lambda: _queues(queue), MOMENTS_S, "operations")

    def read(self) -> Operations:
        """All parts that can be read in time."""
        deadline = time.monotonic() + TIMEOUT_S
        for source in self._sources.values():
            source.start()
        checks = outcomes(self._probes)
        readings = {name: source.reading(deadline) for name, source in self._sources.items()}
        return Operations(
            at=_now(),
            checks=checks,
            unavailable=tuple(name for name, found in readings.items() if found is None),
            **{name: found[0] for name, found in readings.items() if found is not None},
        )

    def _source(self, name: str, kept_s: float, read: Callable[[], T]) -> Source[T]:
        def in_turn() -> T:
            with self._slots:
                return read()

        return Source(name, in_turn, kept_s, "operations")

    def _timed(self, name: str, kept_s: float, read: Callable[[Engine, datetime], T]) -> Source[T]:
        return self._source(name, kept_s, lambda: read(self._engine, _now()))

    def _failures(self) -> tuple[FailureCount, ...]:
        counted = operating_failures.failures_by_code(self._engine, _now())
        return tuple(
            FailureCount(
                code=code,
                swings=swings,
                cause=known.cause if (known := failures().get(code)) else None,
                meaning=known.meaning if known else "",
                action=known.action if known else "",
            )
            for code, swings in counted.items()
        )

    def _latest_failed(self) -> tuple[Failed, ...]:
        return tuple(self._linked(one) for one in operating_failures.latest_failed(self._engine, _now()))

    def _linked(self, swing: FailedSwing) -> Failed:
        dagster = self._settings.dagster_url
        return Failed(
            **swing.model_dump(),
            result_url=f"{self._settings.api_url.rstrip('/')}/api/video/results/{quote(swing.analysis_id, safe='')}",
            dagster_url=None if dagster is None else partition_url(dagster, swing.partition_key),
        )

    def _costs(self) -> CostsByDay:
        limits = {COACHING: self._settings.coach_usd_per_day, CHAT: self._settings.chat_usd_per_day}
        return CostsByDay(limits_usd=limits, days=operating_days.costs(self._engine, _now()))


def partition_url(dagster_url: str, partition_key: str) -> str:
    """The page of a swing in the Dagster UI: the last asset of the chain, at the swing's partition."""
    shown = urlencode({"view": "partitions", "partition": partition_key})
    return f"{dagster_url.rstrip('/')}/assets/analysis_result?{shown}"


def _swings(catalog: CatalogReadings) -> SwingsNow:
    waiting, oldest_s = catalog.waiting()
    ended = {status.value: count for status, count in catalog.ended_last_day().items()}
    return SwingsNow(
        waiting=waiting,
        waiting_oldest_s=oldest_s,
        under_way={status.value: count for status, count in catalog.under_way().items()},
        ended_last_day=ended,
    )


def _queues(queue: QueueReadings) -> Queues:
    counts = queue.messages()
    return Queues(
        waiting=counts["uploads", "waiting"],
        in_flight=counts["uploads", "in_flight"],
        dead_letters=counts.get(("dead_letters", "waiting")),
    )


def _alarms(engine: Engine) -> AlarmsNow:
    known: dict[str, Alarm] = {alarm.name: alarm for alarm in alarms()}
    states = operating_now.alarm_states_now(engine)
    return AlarmsNow(
        looked_at=max((state.looked_at for state in states), default=None),
        watched=len(states),
        ringing=tuple(RingingAlarm.of(state, known.get(state.name)) for state in states if state.rings),
        soon=tuple(state.name for state in states if state.above_since is not None and not state.rings),
    )


def _now() -> datetime:
    return datetime.now(UTC)
