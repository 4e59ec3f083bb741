"""Serving the API with uvicorn: one process or several, each with its own loop over the same socket.

The settings travel with the configuration into the workers, which are started afresh (spawned). What a client can hold
open is bounded here: the bytes and the time of a request's head, which no middleware sees before it is complete.
"""

import asyncio
import os
import socket
import sys
import tempfile
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from golf_pipeline.api.board import CLOSING
from golf_pipeline.settings import Settings

GRACE_S = 10
KEEP_ALIVE_S = 20
"""An idle connection stays open for so long: longer than a client's pause between two polls."""

START_S = 60
"""A worker that says nothing for so long is replaced. Its imports count: on a busy machine they take many seconds, and
with uvicorn's own 5 s a worker is killed and started over and over."""

THREAD_TURN_S = 0.001
"""How long a thread that computes keeps the event loop from its turn; Python's own 5 ms, times the threads that are at
work, is what every other client would wait."""

BACKLOG = 2048
MAX_NOTICE_BYTES = 8 * 1024
"""Of a message to us over a WebSocket: only tokens come."""

LAST_CHANCE_S = 0.25
TARGET_BYTES = 8 * 1024
"""For the request line, on top of the headers."""


def build(settings: Settings) -> FastAPI:
    """The app of one worker, its log as JSON lines on stderr."""
    from golf_pipeline.api import logs
    from golf_pipeline.api.app import create_app
    from golf_pipeline.coach import vocabulary
    from golf_pipeline.coach.chat import phrases

    logs.configure(settings.api_log_level)
    sys.setswitchinterval(THREAD_TURN_S)
    phrases.load()  # half a second, which the first golfer to chat would wait
    vocabulary.load()
    return create_app(settings)


class Config(uvicorn.Config):
    """uvicorn's configuration with our settings, so that the protocol finds its limits in a worker too."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__(
            partial(build, settings),
            factory=True,
            host=settings.api_host,
            port=settings.api_port,
            workers=settings.api_workers,
            http=BoundedHead,
            ws_max_size=MAX_NOTICE_BYTES,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=settings.api_trusted_proxies,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            timeout_worker_healthcheck=START_S,
        )


class BoundedHead(HttpToolsProtocol):
    """uvicorn's HTTP protocol, for heads that come in time and do not grow without end, and without trailers.

    A head that is complete is measured by `edge.py`, which answers with a problem document. One that is not would be
    collected for as long as the client sends, and one that stops in the middle would keep its connection for ever.

    Trailers, the headers that may follow a chunked body, are left out: uvicorn adds them to the headers, after whatever
    a trusted proxy has said there, and collects them without end.
    """

    def __init__(self, config: Config, *args: Any, **options: Any) -> None:
        super().__init__(config, *args, **options)
        self._most_bytes = config.settings.api_max_header_bytes + TARGET_BYTES
        self._timeout_s = config.settings.api_body_timeout_s
        self._in_head = False
        self._fruitless_bytes = 0
        """Since something was complete: a head, or a piece of a body."""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self._timeout_s, self._is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._fruitless_bytes = True, 0
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._timeout_s, self._is_late)

    def on_headers_complete(self) -> None:
        self._in_head, self._fruitless_bytes = False, 0
        self._end_wait()
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._fruitless_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._fruitless_bytes = 0
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self._fruitless_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:  # it is a WebSocket now
            return
        # Where something was complete, the count began anew, and what follows is within one piece.
        if self._fruitless_bytes > self._most_bytes:
            self._refuse(431)
        elif self._is_answered and self._deadline is None and self.timeout_keep_alive_task is None:
            # uvicorn waits without end for more of what it will not read: a line break, a body that nobody wants.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    @property
    def _is_answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete

    def shutdown(self) -> None:
        """Called for every connection when the server ends: streams that would not end by themselves are told so."""
        closing = self.app_state.get(CLOSING)
        if closing is not None:
            closing.set()
        super().shutdown()

    def _is_late(self) -> None:
        # Where the loop itself was held up, the timer comes before bytes that have long been there: those go first.
        self._deadline = self.loop.call_later(LAST_CHANCE_S, self._refuse, 408)

    def _refuse(self, status: int) -> None:
        self._end_wait()
        if self.transport.is_closing():
            return
        reason = {408: "Request Timeout", 431: "Request Header Fields Too Large"}[status]
        # Without a word where nothing was ever asked, or where it would be taken for the answer to a request before.
        if self._in_head and (self.cycle is None or self._is_answered):
            self.transport.write(
                f"HTTP/1.1 {status} {reason}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
        self.transport.close()

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Workers(Multiprocess):
    """uvicorn's worker processes, of which one that dies while it is asked for a sign of life is replaced at once.

    uvicorn keeps the worker's end of their pipe open in the parent as well, so the question would wait `START_S` for an
    answer that cannot come.
    """

    def keep_subprocess_alive(self) -> None:
        for process in self.processes:
            process.child_conn.close()
        super().keep_subprocess_alive()


def run(settings: Settings) -> None:
    """Serve until a signal; requests under way get `GRACE_S` seconds to end. A worker that dies is started again."""
    from golf_pipeline.api import logs, metrics

    logs.configure(settings.api_log_level)
    if settings.api_workers == 1:
        server = uvicorn.Server(Config(settings))
        server.run()
        if not server.started:
            sys.exit(uvicorn.config.STARTUP_FAILURE)
        return
    with tempfile.TemporaryDirectory(prefix="golf-metrics-") as folder:
        # Set before a worker imports prometheus_client: from then on the workers count together.
        os.environ[metrics.FOLDER_VARIABLE] = folder
        config = Config(settings)
        listener: socket.socket = config.bind_socket()
        Workers(config, sockets=[listener]).run()


if __name__ == "__main__":
    from golf_pipeline.settings import get_settings

    run(get_settings())
