"""What the API counts and times, and `GET /metrics` in Prometheus' text format.

Counters and histograms are kept by the processes: each on its own, or all together where `server.py` has named them a
folder (prometheus_client's multiprocess mode), so that a scrape that reaches any worker sees the sum of all. Gauges are
read when they are scraped (`gauges.py`). Labels have few values: a route is its template, never a path.
"""

import os
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import Scope

from golf_pipeline.coach.chat.documents import ChatAnswer
from golf_pipeline.coach.chat.openai_chat import ModelCall, Outcome

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client itself, at its import."""

UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "WS"})
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ANSWER_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 40)
_OUTCOMES: tuple[str, ...] = get_args(Outcome)

REGISTRY = CollectorRegistry()

requests_total = Counter(
    "golf_api_requests", "Requests by route template and status.", ("method", "route", "status"), registry=REGISTRY
)
request_seconds = Histogram(
    "golf_api_request_seconds",
    "Time from a request's head to the end of its answer; streams of notices are left out.",
    ("method", "route"),
    buckets=_REQUEST_BUCKETS,
    registry=REGISTRY,
)
chat_requests_total = Counter(
    "golf_chat_requests", "Chat answers by who wrote them.", ("written_by", "fell_back"), registry=REGISTRY
)
chat_seconds = Histogram(
    "golf_chat_seconds",
    "Time to a chat answer, the model's own included.",
    ("written_by",),
    buckets=_ANSWER_BUCKETS,
    registry=REGISTRY,
)
chat_tokens_total = Counter("golf_chat_tokens", "Tokens of chat answers, in and out.", registry=REGISTRY)
chat_cost_total = Counter("golf_chat_cost_usd", "USD spent on chat answers.", registry=REGISTRY)
model_calls_total = Counter(
    "golf_model_calls", "Calls to the chat's model by outcome.", ("outcome",), registry=REGISTRY
)
model_seconds = Histogram(
    "golf_model_call_seconds", "Time of a call to the chat's model.", buckets=_ANSWER_BUCKETS, registry=REGISTRY
)

# What is not there yet has no rate: those with few labels are there from the beginning.
for _outcome in _OUTCOMES:
    model_calls_total.labels(_outcome)
for _writer in ("model", "rules"):
    chat_seconds.labels(_writer)
    for _fell_back in ("yes", "no"):
        chat_requests_total.labels(_writer, _fell_back)

_request_parts: dict[tuple[str, str, int], Any] = {}
_seconds_parts: dict[tuple[str, str], Any] = {}


def route_of(scope: Scope) -> str:
    """The template of the route that a request reached, such as `/api/video/results/{job_id}`."""
    route = scope.get("route")
    template = getattr(route, "path", None)
    return template if isinstance(template, str) else UNMATCHED


def observe_request(method: str, route: str, status: int, seconds: float | None) -> None:
    """Count a request that is answered; `seconds` is None where its end says nothing about how fast we are."""
    if method not in _METHODS:
        method = "other"
    counter = _request_parts.get((method, route, status))
    if counter is None:
        counter = _request_parts[method, route, status] = requests_total.labels(method, route, str(status))
    counter.inc()
    if seconds is not None:
        timer = _seconds_parts.get((method, route))
        if timer is None:
            timer = _seconds_parts[method, route] = request_seconds.labels(method, route)
        timer.observe(seconds)


def observe_chat(answer: ChatAnswer, seconds: float) -> None:
    """Count a chat answer: who wrote it, how long it took, what it cost."""
    chat_requests_total.labels(answer.written_by, "yes" if answer.fallback_reason else "no").inc()
    chat_seconds.labels(answer.written_by).observe(seconds)
    chat_tokens_total.inc(answer.tokens_used)
    chat_cost_total.inc(answer.cost_usd)


class ModelCalls:
    """Counts calls to the chat's model (`openai_chat.ChatObserver`)."""

    def called(self, call: ModelCall) -> None:
        """Count one call: how it ended and how long it took; a call that the breaker held back took no time."""
        model_calls_total.labels(call.outcome).inc()
        if call.outcome != "left alone":
            model_seconds.observe(call.seconds)


def counted() -> bytes:
    """All counters and histograms as text: of all workers where they share a folder, else of this process."""
    if FOLDER_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)
