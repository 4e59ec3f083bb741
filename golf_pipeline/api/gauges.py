"""Gauges of `GET /metrics`: read from the catalog and the queue when they are scraped, and kept for some seconds.

Each source may fail or hang alone: its gauges are then absent (an old number would look like a fresh one), and
`golf_scrape_source_up` says which source it was.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from golf_pipeline.api.readings import TIMEOUT_S, Source
from golf_pipeline.failures import our_faults
from golf_pipeline.settings import Settings
from golf_pipeline.storage.operating import CatalogReadings, QueueReadings

KEPT_S = 10.0
"""Several scrapers, or one that reaches all workers in turn, cost the catalog no more than this allows."""


class Gauges(Collector):
    """All sources together, as one collector."""

    def __init__(self, sources: Iterable[Source[list[Metric]]]) -> None:
        self._sources = tuple(sources)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    @classmethod
    def from_settings(cls, settings: Settings, catalog: CatalogReadings) -> "Gauges":
        """The gauges of a deployment; the queue's where there is a queue."""
        sources = [
            _source("catalog", lambda: _of_catalog(catalog)),
            _source("chat", lambda: _of_chat(catalog, settings)),
        ]
        if settings.queue_url is not None:
            queue = QueueReadings.connect(settings.queue_url, settings.sqs_endpoint_url, settings.region)
            sources.append(_source("queue", lambda: _of_queue(queue)))
        return cls(sources)

    def text(self) -> bytes:
        """All gauges in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: what is there depends on which sources answer."""
        return ()

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("golf_scrape_source_up", "Whether a source of gauges could be read.", labels=["source"])
        deadline = time.monotonic() + TIMEOUT_S
        for source in self._sources:
            source.start()
        for source in self._sources:
            found = source.reading(deadline)
            up.add_metric([source.name], 0 if found is None else 1)
            yield from () if found is None else found[0]
        yield up


def _source(name: str, read: Callable[[], list[Metric]]) -> Source[list[Metric]]:
    return Source(name, read, KEPT_S, "gauges")


def _of_catalog(catalog: CatalogReadings) -> list[Metric]:
    under_way = GaugeMetricFamily("golf_swings", "Swings under way, by status.", labels=["status"])
    for status, count in catalog.under_way().items():
        under_way.add_metric([status.value], count)
    ended = GaugeMetricFamily("golf_swings_ended_day", "Swings that ended in 24 hours, by status.", labels=["status"])
    for status, count in catalog.ended_last_day().items():
        ended.add_metric([status.value], count)
    stored = GaugeMetricFamily("golf_stage_outputs_hour", "Outputs stored in an hour, by stage.", labels=["stage"])
    took = GaugeMetricFamily("golf_stage_seconds_hour", "Seconds of work in them, by stage.", labels=["stage"])
    for stage, (count, seconds) in catalog.stages_last_hour().items():
        stored.add_metric([stage], count)
        took.add_metric([stage], seconds)
    failed = GaugeMetricFamily("golf_swings_failed_hour", "Swings that failed in an hour, by code.", labels=["code"])
    # What is not there yet has no alarm: the codes that are our fault are there from the beginning.
    for code, count in (dict.fromkeys(sorted(our_faults()), 0) | catalog.failures_last_hour()).items():
        failed.add_metric([code], count)
    waiting, oldest_s = catalog.waiting()
    return [
        under_way,
        ended,
        stored,
        took,
        failed,
        GaugeMetricFamily("golf_swings_waiting", "Uploads that wait for a run.", value=waiting),
        GaugeMetricFamily("golf_swings_waiting_oldest_seconds", "How long the oldest of them has.", value=oldest_s),
    ]


def _of_chat(catalog: CatalogReadings, settings: Settings) -> list[Metric]:
    limits = {"chat": settings.chat_usd_per_day, "coaching": settings.coach_usd_per_day}
    spent = dict.fromkeys(limits, 0.0) | catalog.cost_today()
    cost = GaugeMetricFamily("golf_model_cost_day_usd", "USD on models today (UTC), by purpose.", labels=["purpose"])
    most = GaugeMetricFamily("golf_model_cost_day_limit_usd", "The day's limit of it.", labels=["purpose"])
    for purpose, limit in limits.items():
        cost.add_metric([purpose], spent[purpose])
        most.add_metric([purpose], limit)
    active = catalog.active_conversations()
    return [cost, most, GaugeMetricFamily("golf_conversations_active", "With a message lately.", value=active)]


def _of_queue(queue: QueueReadings) -> list[Metric]:
    family = GaugeMetricFamily("golf_queue_messages", "Messages by queue and state.", labels=["queue", "state"])
    for (name, state), count in queue.messages().items():
        family.add_metric([name, state], count)
    return [family]
