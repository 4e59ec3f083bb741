"""The server as a process: it answers, bounds what a client can hold open, logs JSON, and ends when it is told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_socket

from golf_pipeline.api import server as serving
from golf_pipeline.settings import Settings
from golf_pipeline_tests.api.issuer import TestIssuer

BODY_TIMEOUT_S = 2.0


@dataclass
class Running:
    """A server that was started as an operator starts it."""

    process: subprocess.Popen[bytes]
    port: int
    stopped: tuple[bytes, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{self.url}/health")
                return
            except httpx.TransportError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.process.communicate()[1]
                time.sleep(0.05)

    def stop(self) -> list[dict[str, Any]]:
        """End it as a supervisor would; returns the lines of its log."""
        if self.stopped is None:
            self.process.send_signal(signal.SIGTERM)
            self.stopped = self.process.communicate(timeout=30)
        out, err = self.stopped
        assert out == b""
        return [json.loads(line) for line in err.splitlines()]


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path, tokens: TestIssuer) -> Iterator[Start]:
    started: list[Running] = []

    def begin(**environment: str) -> Running:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        given = {
            **os.environ,
            "GOLF_API_PORT": str(port),
            "GOLF_CATALOG_URL": f"sqlite:///{tmp_path / 'catalog.db'}",
            "GOLF_S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "GOLF_API_BODY_TIMEOUT_S": str(BODY_TIMEOUT_S),
            **{f"GOLF_{name.upper()}": str(value) for name, value in tokens.settings.items()},
            **environment,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "golf_pipeline.api.server"],
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        running = Running(process, port)
        started.append(running)
        running.wait()
        return running

    yield begin
    for running in started:
        with suppress(ProcessLookupError):  # the workers too: they hold the pipes
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.communicate()


def said(port: int, request: bytes, wait_s: float = 10) -> bytes:
    """What a server answers to these bytes until it closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        answered = b""
        with suppress(OSError):  # it may have had enough before the end
            connection.sendall(request)
        with suppress(OSError):
            while part := connection.recv(65536):
                answered += part
        return answered


def test_the_server_answers_logs_in_json_and_ends_on_a_signal(start: Start) -> None:
    server = start()
    answer = httpx.get(f"{server.url}/health", headers={"X-Request-Id": "req-12345678"})
    assert answer.json()["status"] == "ok"
    assert "server" not in answer.headers
    assert answer.headers["x-request-id"] == "req-12345678"
    lines = server.stop()
    (line,) = [line for line in lines if line.get("request_id") == "req-12345678"]
    assert (line["route"], line["status"]) == ("/health", 200)
    assert all(line["level"] == "info" for line in lines), lines
    assert server.process.returncode in {0, -signal.SIGTERM}


def test_the_log_can_be_switched_off(start: Start) -> None:
    server = start(GOLF_API_LOG_LEVEL="WARNING")
    httpx.get(f"{server.url}/health")
    assert server.stop() == []


def test_slow_and_endless_clients_are_cut_off_and_do_not_hold_up_the_others(start: Start) -> None:
    server = start()
    head = b"POST /api/video/analyze HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    slow_body = head + b"Content-Length: 50\r\n\r\n{"
    cases = {
        "body": slow_body,
        "head": head,
        "nothing": b"",
        "endless head": b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 2_000_000,
        "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Some: header\r\n" * 100_000,
        "large head": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
    }
    with ThreadPoolExecutor(8) as threads:
        answers = {name: threads.submit(said, server.port, request) for name, request in cases.items()}
        began = time.monotonic()
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert time.monotonic() - began < BODY_TIMEOUT_S * 5
        found = {name: answer.result() for name, answer in answers.items()}
    assert b" 408 " in found["body"]
    assert b"REQUEST_TIMEOUT" in found["body"]
    assert b" 408 " in found["head"]
    assert found["nothing"] == b""
    # A client that still sends may find the connection reset instead of the answer.
    assert found["endless head"] == b"" or b" 431 " in found["endless head"]
    assert found["many headers"] == b"" or b" 431 " in found["many headers"]
    assert b"HEADERS_TOO_LARGE" in found["large head"]

    # A connection that asks again and again is not taken for a slow one.
    with httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            assert client.get("/health").status_code == 200
            threading.Event().wait(BODY_TIMEOUT_S * 0.6)
        assert client.get("/health").status_code == 200


def test_what_follows_a_chunked_body_is_no_header_and_does_not_grow_without_end(start: Start) -> None:
    port = start().port
    chunked = b"Host: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    named = b"X-Request-Id: told-by-the-client\r\n"
    assert b"told-by-the-client" in said(port, b"GET /health HTTP/1.1\r\n" + named + chunked + b"\r\n")
    answered = said(port, b"GET /health HTTP/1.1\r\n" + chunked + named + b"\r\n")
    assert b" 200 " in answered
    assert b"told-by-the-client" not in answered
    trailers = b"X-Some: trailer\r\n" * 1000
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, pytest.raises(ConnectionError):
        kept_open = chunked.replace(b"Connection: close\r\n", b"")
        connection.sendall(b"POST /api/v1/swings/upload HTTP/1.1\r\nAuthorization: x\r\n" + kept_open)
        for _ in range(1000):
            connection.sendall(trailers)


def test_requests_in_one_piece_are_all_answered_whatever_their_length_together(start: Start) -> None:
    asked = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Padding: " + b"a" * 1000 + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", start().port), timeout=5) as connection:
        connection.sendall(asked * 40 + asked[:20])
        threading.Event().wait(0.1)  # so that the rest is another piece
        connection.sendall(asked[20:-2] + b"Connection: close\r\n\r\n")
        answered = b""
        while part := connection.recv(65536):
            answered += part
    assert answered.count(b"HTTP/1.1 200 OK") == 41


async def answering_without_reading(scope: Scope, _: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@pytest.mark.parametrize(("length", "rest"), [(0, b"\r\n"), (1000, b"a part of a body that nobody reads")])
def test_a_connection_is_not_kept_for_what_is_no_request(
    monkeypatch: pytest.MonkeyPatch, length: int, rest: bytes
) -> None:
    monkeypatch.setattr(serving, "KEEP_ALIVE_S", 1)
    monkeypatch.setattr(serving, "build", lambda _: answering_without_reading)
    running = uvicorn.Server(serving.Config(Settings(api_port=0)))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
        assert b" 204 " in connection.recv(65536)
        connection.sendall(rest)
        assert connection.recv(65536) == b""
    running.should_exit = True
    thread.join(10)


def test_streams_of_notices_end_at_once_when_the_server_does(start: Start, tokens: TestIssuer) -> None:
    server = start()
    headers = tokens.headers("ann")
    address = f"ws://127.0.0.1:{server.port}/api/v1/realtime/connect"
    with (
        open_socket(address, additional_headers=headers) as connection,
        httpx.stream("GET", f"{server.url}/api/v1/realtime/events", headers=headers, timeout=30) as stream,
    ):
        assert json.loads(connection.recv(timeout=10)) == {"type": "CONNECTED"}
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        began = time.monotonic()
        log = server.stop()
        assert time.monotonic() - began < 8
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)
        assert list(lines)
    assert not [line for line in log if line["level"] in {"error", "critical"}]
    routes = {line.get("route"): line["status"] for line in log if line["event"] == "request"}
    assert routes["/api/v1/realtime/events"] == 200
    assert routes["/api/v1/realtime/connect"] == 101


def test_workers_share_the_port_count_together_and_are_replaced_when_they_die(start: Start) -> None:
    # Twenty clients in one process are slow: between connecting and asking one may wait longer than BODY_TIMEOUT_S.
    server = start(GOLF_API_WORKERS="2", GOLF_API_BODY_TIMEOUT_S="30")

    def ask(_: int) -> int:
        return httpx.get(f"{server.url}/health", timeout=30).status_code

    def counted() -> float:
        (line,) = [
            line
            for line in httpx.get(f"{server.url}/metrics", timeout=30).text.splitlines()
            if line.startswith('golf_api_requests_total{method="GET",route="/health",status="200"}')
        ]
        return float(line.rpartition(" ")[2])

    before = counted()
    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(ask, range(200))) == {200}
    assert counted() == before + 200

    children = _children(server.process.pid)
    os.kill(children[0], signal.SIGSTOP)
    time.sleep(1)  # by now it is being asked whether it lives
    os.kill(children[0], signal.SIGKILL)
    deadline = time.monotonic() + serving.START_S / 2
    while len(now := _children(server.process.pid)) < len(children) or children[0] in now:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server.wait()
    assert counted() >= before + 200
    server.stop()


def _children(pid: int) -> list[int]:
    """The workers of a server: its child processes that were spawned with an app, not multiprocessing's own helper."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with suppress(OSError):  # it may end just now
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return sorted(found)
