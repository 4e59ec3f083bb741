"""Plain HTTP to the parts of the local stack: one request, one answer.

http.client and not a library that reads the environment: a proxy must never stand between us and the loopback address.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return http.client.OK <= self.status < http.client.MULTIPLE_CHOICES

    def json(self) -> Any:
        """The body as JSON; raises ValueError where it is none."""
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.status} {self.body[:300].decode(errors='replace')}"


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Send one request to an http:// address and read the whole answer, whatever its status.

    Raises:
        OSError: no connection, no answer in time, or an answer that is not HTTP.
    """
    address = urlsplit(url)
    target = address.path + (f"?{address.query}" if address.query else "")
    connection = http.client.HTTPConnection(address.netloc, timeout=timeout_s)
    try:
        connection.request(method, target or "/", body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read())
    except http.client.HTTPException as error:
        raise OSError(f"{method} {url}: {error}") from error
    finally:
        connection.close()


def post_json(url: str, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """POST a document as JSON; raises OSError as `request` does."""
    return request("POST", url, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})})
