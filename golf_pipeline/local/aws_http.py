"""How the embedded AWS speaks HTTP: connections that stay open.

werkzeug's own handler ends each connection after one answer, which costs a thread here, a new connection at the client
and a handshake in between for every object. Which answer is given does not belong here: that is the application's.
"""

import io
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import DechunkedInput
from werkzeug.test import run_wsgi_app

_SENT_HERE = frozenset({"connection", "transfer-encoding", "content-length"})
_WITHOUT_LENGTH = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class KeepAliveHandler(MotoRequestHandler):
    """Answers one request after the other on a connection.

    A body is read to its end before anything is done, as the next request begins behind it. One that ends too early,
    as when its client is killed, is not done at all.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = wbufsize = 64 * 1024
    """The body of a usual object comes in one piece, and leaves in one with its head."""

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        is_chunked = isinstance(environ["wsgi.input"], DechunkedInput)
        try:
            body = environ["wsgi.input"].read() if is_chunked else self._body(environ.get("CONTENT_LENGTH") or "0")
        except (OSError, ValueError) as error:
            self.send_error(HTTPStatus.BAD_REQUEST, explain=str(error))
            return
        if is_chunked:  # trailers may follow, which nobody has read
            self.close_connection = True
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        try:
            answer, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
        except Exception:
            self.server.log("error", "%s %s:\n%s", self.command, self.path, traceback.format_exc())
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        self._send(status, headers, b"".join(answer))

    def handle_expect_100(self) -> bool:
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del code, size

    def _body(self, length: str) -> bytes:
        if not length.isdecimal():
            raise ValueError(f"Content-Length is {length!r}")
        body: bytes = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError(f"The body ended after {len(body)} of {length} bytes")
        return body

    def _send(self, status: str, headers: Iterable[tuple[str, Any]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        length = str(len(body))
        for name, value in headers:
            if name.lower() not in _SENT_HERE:
                self.send_header(name, value)
            elif name.lower() == "content-length" and self.command == "HEAD":
                length = value
        if int(code) not in _WITHOUT_LENGTH:
            self.send_header("Content-Length", length)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
