"""Structured logs of the API: JSON lines on stderr, one format for our loggers, uvicorn's and everybody else's.

A line about a request holds the template of its route, never the raw path or query, and no body. Users stand there as a
keyed hash. An analysis id stands as it is where this service made it (a UUID says nothing about anybody); one that came
from the name of a file somebody put to S3 may hold that person's name, and is hashed. Free text of other lines passes
through `redacted`.
"""

import logging
import random
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import IO, Any

import structlog
from pydantic_core import to_json
from starlette.types import Scope

from golf_pipeline.api.limits import hashed
from golf_pipeline.settings import Settings

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
REDACTED = "[redacted]"
MAX_TEXT = 4000
"""Of one event's text and of one traceback: a line is for reading."""

_SHOWN = 12
"""Characters of a hash: enough to tell people apart, short enough to read."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECRETS = re.compile(
    r"""
    \beyJ[\w-]+\.[\w-]+\.[\w-]*                       # a JWT
    | (?i:\bbearer\s+)[^\s"',;]+                      # any other bearer token
    | \bsk-[\w-]{8,}                                  # a key of a model's service
    | \b(?:AKIA|ASIA)[A-Z0-9]{12,}                    # a key of AWS
    | (?<=://)[^/\s@]+:[^/\s@]+(?=@)                  # a password in an address
    | [\w.+%-]+@[\w-]+(?:\.[\w-]+)+                   # an e-mail
    | (?<=\?)[^\s"'<>?]*=[^\s"'<>]*                   # the query of an address, signed or not
    | (?i:\b(?:password|secret|token|signature|api[_-]?key|credential)["']?\s*[=:]\s*)[^\s,;}&]+
    """,
    re.VERBOSE,
)
_ANALYSIS_PARAMETERS = ("job_id", "analysis_id", "swing_id", "id")
_requests = logging.getLogger("golf_pipeline.requests")


def redacted(text: str) -> str:
    """The text without what looks like a token, a key, an e-mail or the query of an address; cut to `MAX_TEXT`."""
    return _SECRETS.sub(REDACTED, text[:MAX_TEXT])


def configure(level: str = "INFO", stream: IO[str] | None = None) -> None:
    """Let everything that this process logs come out as JSON lines, on stderr unless told otherwise."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        _Lines(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _tidy,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # Not asked for in any line, and a third of what a record costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in (("uvicorn", "INFO"), ("uvicorn.error", "INFO"), ("botocore", "WARNING"), ("boto3", "WARNING")):
        other = logging.getLogger(name)
        other.handlers.clear()
        other.propagate = True
        other.setLevel(max(logging.getLevelName(least), logging.getLevelName(level.upper())))
    # Its lines hold raw paths and queries; ours hold templates.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_is_no_socket_line)
    for name in ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "urllib3", "alembic"):
        logging.getLogger(name).setLevel("WARNING")


_SOCKET_LINES = ('%s - "WebSocket %s" ', "ASGI callable returned without completing handshake")


def _is_no_socket_line(record: logging.LogRecord) -> bool:
    """Leaves out uvicorn's own lines of a WebSocket: its caller's address and raw path, and an error where we refuse.

    The line of `RequestLog` says of both what may be said.
    """
    return not str(record.msg).startswith(_SOCKET_LINES)


class _Lines(structlog.stdlib.ProcessorFormatter):
    """The format of all lines; those of requests, of which there are thousands a second, take a short way."""

    def format(self, record: logging.LogRecord) -> str:
        told = record.__dict__.get("request")
        if told is None:
            return super().format(record)
        written = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        return to_json({"time": written, "level": "info", "logger": record.name, "event": "request", **told}).decode()


class RequestLog:
    """One line per request, or for a share of them; failures of ours are always told."""

    def __init__(self, settings: Settings) -> None:
        self._share = settings.api_log_share
        self._short_hash = lru_cache(4096)(lambda text: hashed(settings, text)[:_SHOWN])

    def note(self, scope: Scope, route: str, status: int, seconds: float, size: int) -> None:
        """Write the line of a request that is answered."""
        if not _requests.isEnabledFor(logging.INFO):
            return
        if status < 500 and self._share < 1.0 and random.random() >= self._share:
            return
        told: dict[str, Any] = {
            "method": scope.get("method", "WS"),
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "bytes": size,
            "request_id": scope["state"]["request_id"],
        }
        parameters = scope.get("path_params") or {}
        for name in _ANALYSIS_PARAMETERS:
            if isinstance(named := parameters.get(name), str):
                told["analysis_id"] = named if _UUID.fullmatch(named) else self._short_hash(named[:200])
                break
        caller = scope["state"].get("caller")
        if caller is not None:
            told["user"] = "guest" if caller.is_guest else self._short_hash(caller.user_id)
        # Made here, as `Logger.info` would look for its caller, which costs more than all the rest.
        record = logging.LogRecord(_requests.name, logging.INFO, "", 0, "request", (), None)
        record.request = told
        _requests.handle(record)


def _tidy(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Put a line into its order, redact its free text and add the id of the request during which it was written."""
    line = {"time": event.pop("timestamp", ""), "level": event.pop("level", ""), "logger": event.pop("logger", "")}
    line["event"] = redacted(str(event.pop("event", "")))
    if request_id := REQUEST_ID.get():
        line["request_id"] = request_id
    return {**line, **{name: redacted(str(value)) for name, value in event.items()}}
