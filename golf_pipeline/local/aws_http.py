"""How the embedded AWS speaks HTTP: connections that stay open, and plain reads without the way through moto.

moto's own server ends each connection after one answer, with a thread, a handshake and a new connection of the client's
for every object, and takes two milliseconds to find out that a GET is one. On a machine that everything shares these
would be a good part of what the pipeline costs. Whatever is not a plain read of a plain key is moto's matter.
"""

import io
import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.s3.models import FakeKey
from werkzeug.serving import DechunkedInput

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)*")
_NOT_PLAIN = ("HTTP_RANGE", "HTTP_ORIGIN", "HTTP_X_AMZ_CHECKSUM_MODE")
_CONDITION = "HTTP_IF_"
_SIGNED = "HTTP_AUTHORIZATION"
"""moto checks no signature, but lets nobody read without one."""

_OURS = frozenset({"connection", "transfer-encoding", "content-length"})


class KeepAliveHandler(MotoRequestHandler):
    """Answers one request after the other on a connection. A body is read to its end before anything is done."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    """Head and body leave together."""

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        body = environ["wsgi.input"].read(_length(environ)) if _has_body(environ) else b""
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        answered: list[tuple[str, list[tuple[str, str]]]] = []
        try:
            answer = self.server.app(environ, lambda status, headers, *_: answered.append((status, headers)))
            data = b"".join(answer)
        except Exception as error:
            self.server.log("error", f"{self.command} {self.path}: {error!r}")
            answered, data = [("500 Internal Server Error", [])], b""
            self.close_connection = True
        status, headers = answered[-1]
        self._send(status, headers, data)

    def handle_expect_100(self) -> bool:
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del code, size

    def _send(self, status: str, headers: list[tuple[str, str]], data: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        length = str(len(data))
        for name, value in headers:
            if name.lower() not in _OURS:
                self.send_header(name, value)
            elif name.lower() == "content-length" and self.command == "HEAD":
                length = value
        if int(code) not in {204, 304}:
            self.send_header("Content-Length", length)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()


def with_plain_reads(
    application: WsgiApplication, bucket: str, find: Callable[[str], FakeKey | None]
) -> WsgiApplication:
    """An application that answers plain reads of a bucket itself.

    Args:
        find: the object of a key, None if there is none.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        key = _plainly_read(environ, bucket)
        found = None if key is None else find(key)
        if found is None:
            return application(environ, start_response)
        try:
            body = found.value
        except FileNotFoundError:  # overwritten or deleted at this moment
            return application(environ, start_response)
        headers = {**found.response_dict, **found.metadata, "Accept-Ranges": "bytes", "content-length": len(body)}
        start_response("200 OK", [(str(name), str(value)) for name, value in headers.items()])
        return [body]

    return answer


def _plainly_read(environ: dict[str, Any], bucket: str) -> str | None:
    if environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING"):
        return None
    root, _, key = str(environ["PATH_INFO"])[1:].partition("/")
    is_plain = root == bucket and _PLAIN_KEY.fullmatch(key) and _SIGNED in environ
    if not is_plain or any(name in _NOT_PLAIN or name.startswith(_CONDITION) for name in environ):
        return None
    return key


def _has_body(environ: dict[str, Any]) -> bool:
    return isinstance(environ["wsgi.input"], DechunkedInput) or bool(environ.get("CONTENT_LENGTH"))


def _length(environ: dict[str, Any]) -> int:
    return -1 if isinstance(environ["wsgi.input"], DechunkedInput) else int(environ["CONTENT_LENGTH"])
