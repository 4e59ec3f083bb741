"""A proxy in front of the embedded AWS that answers as S3 and SQS do on a bad day; its faults are switched as it runs.

It stands between the parts of a stack and the embedded AWS, over HTTP: the clients under test are the real ones, with
their own time-outs and retries. The tests themselves speak to the embedded AWS directly.

For S3: errors, slow answers, connections reset before the work, after it and in the middle of an answer. For SQS:
messages twice, out of order, late, and never. For both: another clock. What a share hits is drawn per request from one
seeded generator; which request draws first is up to the clients, so a seed fixes the mix and not the single victim.
"""

import hashlib
import http.client
import json
import os
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import psutil

from golf_pipeline.local.ports import HOST

UPSTREAM_TIMEOUT_S = 60.0
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server"}
MOST_MESSAGES = 10
LAST_MODIFIED = re.compile(rb"(?<=<LastModified>)[^<]+(?=</LastModified>)")
SLOW_PIECES = 10


@dataclass(frozen=True)
class S3Faults:
    """Shares of the requests to S3, from 0 to 1 and together at most 1, that go wrong in one way each."""

    error: float = 0.0
    """500 InternalError, nothing done."""
    slow_down: float = 0.0
    """503 SlowDown, nothing done."""
    reset_before: float = 0.0
    """The connection is reset before S3 has seen the request."""
    reset_after: float = 0.0
    """S3 has done the work; the connection is reset instead of an answer."""
    cut_body: float = 0.0
    """Half of the answer's body, then a reset."""
    slow_start: float = 0.0
    """The answer begins after `pause_s`."""
    slow_body: float = 0.0
    """The answer's body takes `pause_s`."""
    pause_s: float = 3.0

    def draw(self, number: float) -> str | None:
        """The fault that a number from 0 to 1 stands for, None for a request that goes well."""
        names = ("error", "slow_down", "reset_before", "reset_after", "cut_body", "slow_start", "slow_body")
        for name in names:
            number -= getattr(self, name)
            if number < 0:
                return name
        return None


@dataclass(frozen=True)
class SqsFaults:
    """Shares of the messages, from 0 to 1, that go wrong."""

    twice: float = 0.0
    late: float = 0.0
    late_s: float = 10.0
    never: float = 0.0
    shuffled: bool = False


@dataclass(frozen=True)
class Skew:
    """How far the clock of AWS is ahead of ours, in seconds, in what it says of events and of objects."""

    events_s: float = 0.0
    objects_s: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One request on its way to the embedded AWS."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    client_port: int

    @property
    def action(self) -> str | None:
        """The action of SQS that is asked for; None for S3."""
        return dict(self.headers).get("X-Amz-Target", "").partition("AmazonSQS.")[2] or None

    @property
    def key(self) -> str:
        """The key of the object; empty for the bucket itself and for SQS."""
        return unquote(urlsplit(self.target).path).lstrip("/").partition("/")[2]

    def client(self) -> psutil.Process | None:
        """The process that asks, if it still holds its connection."""
        for connection in psutil.net_connections("tcp4"):
            if connection.laddr.port == self.client_port and connection.pid and connection.status == "ESTABLISHED":
                return psutil.Process(connection.pid)
        return None


@dataclass
class Answered:
    """What the client is to get; the names of the headers in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


Hook = Callable[[Asked], None]


class _Reset(Exception):
    """The connection to the client is to be reset."""


@dataclass
class FaultProxy:
    """Start with `with`; `url` is the endpoint for the parts under test."""

    upstream_port: int
    seed: int = 1
    s3: S3Faults = S3Faults()
    sqs: SqsFaults = SqsFaults()
    skew: Skew = Skew()
    before: list[Hook] = field(default_factory=list)
    """Called with each request before the embedded AWS sees it."""
    after: list[Hook] = field(default_factory=list)
    """Called with each request after the embedded AWS has done it and before the client hears of it."""
    counts: Counter[str] = field(default_factory=Counter)
    """How often each fault was done."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._late: list[tuple[float, dict[str, Any]]] = []
        self._doubled: set[str] = set()
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def calm(self) -> None:
        """From now on everything goes well; messages that were held back are given out."""
        self.s3, self.sqs, self.skew = S3Faults(), SqsFaults(), Skew()
        self.before.clear()
        self.after.clear()
        with self._lock:
            self._late = [(0.0, message) for _, message in self._late]

    # -- one request ---------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> tuple[Answered, str | None]:
        """What the client gets, and the fault with which it gets it."""
        fault = None if asked.action else self.s3.draw(self._draw())
        if fault:
            self._count(fault)
        if fault == "reset_before":
            raise _Reset
        if fault == "error":
            return _s3_error(500, "InternalError", "We encountered an internal error. Please try again."), fault
        if fault == "slow_down":
            return _s3_error(503, "SlowDown", "Please reduce your request rate."), fault
        for hook in list(self.before):
            hook(asked)
        answered = self._receive(asked) if asked.action == "ReceiveMessage" else self._forward(asked)
        for hook in list(self.after):
            hook(asked)
        if fault == "reset_after":
            raise _Reset
        return self._with_skew(answered), fault

    def _forward(self, asked: Asked) -> Answered:
        connection = http.client.HTTPConnection(HOST, self.upstream_port, timeout=UPSTREAM_TIMEOUT_S)
        try:
            headers = {name: value for name, value in asked.headers.items() if name.lower() not in HOP_BY_HOP}
            headers.pop("Expect", None)
            connection.request(
                asked.method, asked.target, asked.body, headers | {"Content-Length": str(len(asked.body))}
            )
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.headers.items()}
            return Answered(answer.status, answer.reason, named, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise _Reset from error  # the embedded AWS is being restarted
        finally:
            connection.close()

    def _draw(self) -> float:
        with self._lock:
            return self._random.random()

    def _count(self, fault: str) -> None:
        with self._lock:
            self.counts[fault] += 1

    # -- the queue -----------------------------------------------------------------------------------------------

    def _receive(self, asked: Asked) -> Answered:
        if self._late:  # else what is held back would wait for the end of a long poll
            document = json.loads(asked.body) | {"WaitTimeSeconds": 1}
            asked = replace(asked, body=json.dumps(document).encode())
        answered = self._forward(asked)
        if answered.status != http.client.OK:
            return answered
        document = json.loads(answered.body)
        given = [message for message in document.get("Messages", []) if self._gives(asked, message)]
        now = time.monotonic()
        with self._lock:
            due = [one for one in self._late if one[0] <= now][: MOST_MESSAGES - len(given)]
            self._late = [one for one in self._late if one not in due]
            given += [message for _, message in due]
            if self.sqs.shuffled:
                self._random.shuffle(given)
        document["Messages"] = [self._skewed(message) for message in given]
        return replace(answered, body=json.dumps(document).encode())

    def _gives(self, asked: Asked, message: dict[str, Any]) -> bool:
        """Whether a message is given out now."""
        if self._draw() < self.sqs.never:
            self._count("message never")
            self._ask(asked, "DeleteMessage", {"ReceiptHandle": message["ReceiptHandle"]})
            return False
        if message["Body"] not in self._doubled and self._draw() < self.sqs.twice:
            self._count("message twice")
            self._doubled.add(message["Body"])
            self._ask(asked, "SendMessage", {"MessageBody": message["Body"]})
        if self._draw() < self.sqs.late:
            self._count("message late")
            with self._lock:
                self._late.append((time.monotonic() + self._random.uniform(0, self.sqs.late_s), message))
            return False
        return True

    def _ask(self, asked: Asked, action: str, parameters: dict[str, Any]) -> None:
        body = {"QueueUrl": json.loads(asked.body)["QueueUrl"], **parameters}
        headers = {**asked.headers, "X-Amz-Target": f"AmazonSQS.{action}"}
        self._forward(replace(asked, headers=headers, body=json.dumps(body).encode()))

    def _skewed(self, message: dict[str, Any]) -> dict[str, Any]:
        if not self.skew.events_s:
            return message
        document = json.loads(message["Body"])
        for record in document.get("Records", []):
            record["eventTime"] = _moved_text(record["eventTime"], self.skew.events_s)
        self._count("event of another clock")
        body = json.dumps(document)
        digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
        return {**message, "Body": body, "MD5OfBody": digest}

    # -- the clock -----------------------------------------------------------------------------------------------

    def _with_skew(self, answered: Answered) -> Answered:
        seconds = self.skew.objects_s
        if not seconds:
            return answered
        headers = dict(answered.headers)
        for name in ("date", "last-modified"):
            if name in headers:
                moved = parsedate_to_datetime(headers[name]) + timedelta(seconds=seconds)
                headers[name] = format_datetime(moved, usegmt=True)
        body = LAST_MODIFIED.sub(lambda found: _moved_text(found[0].decode(), seconds).encode(), answered.body)
        return replace(answered, headers=headers, body=body)


def _moved_text(text: str, seconds: float) -> str:
    moved = datetime.fromisoformat(text) + timedelta(seconds=seconds)
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _s3_error(status: int, code: str, message: str) -> Answered:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Answered(status, code, {"content-type": "application/xml"}, body.encode())


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except _Reset:
                self._reset()
            except OSError:  # the client was killed
                self.close_connection = True

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, dict(self.headers), body, self.client_address[1])
            answered, fault = proxy.answer(asked)
            if fault == "slow_start":
                time.sleep(proxy.s3.pause_s)
            self.send_response_only(answered.status, answered.reason)
            for name, value in answered.headers.items():
                if name not in HOP_BY_HOP:
                    self.send_header(name, value)
            length = answered.headers.get("content-length", "0") if asked.method == "HEAD" else str(len(answered.body))
            self.send_header("Content-Length", length)
            self.end_headers()
            self._send_body(b"" if asked.method == "HEAD" else answered.body, fault)

        def _send_body(self, body: bytes, fault: str | None) -> None:
            if fault == "cut_body":
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                raise _Reset
            pieces = SLOW_PIECES if fault == "slow_body" else 1
            size = -(-len(body) // pieces) or 1
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                self.wfile.flush()
                if pieces > 1:
                    time.sleep(proxy.s3.pause_s / pieces)

        def _reset(self) -> None:
            self.close_connection = True
            # No time to linger: the kernel sends a reset instead of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler._pass_on)
    return Handler
