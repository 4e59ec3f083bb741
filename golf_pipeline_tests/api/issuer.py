"""An issuer of tokens for tests: real keys, and its JWKS and discovery document over real HTTP."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE = "golf-app"


@dataclass(frozen=True)
class Key:
    """A signing key and the id under which its public half is published."""

    kid: str
    private: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)

    @property
    def published(self) -> dict[str, Any]:
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": "RS256"}


class TestIssuer:
    """Signs tokens and serves its keys on a free port; what it serves may be changed, and is counted by path."""

    __test__ = False

    def __init__(self) -> None:
        self.key = Key("first")
        self.published: list[dict[str, Any]] = [self.key.published]
        self.discovery: dict[str, Any] = {}
        self.fetches: list[str] = []
        self.failing = False
        self.delay_s = 0.0
        self.body: bytes | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks.json"

    @property
    def settings(self) -> dict[str, object]:
        """The settings of an API that trusts this issuer."""
        return {"oidc_issuer": self.url, "oidc_audience": AUDIENCE, "oidc_jwks_url": self.jwks_url}

    def claims(self, user: str, *roles: str, **claims: Any) -> dict[str, Any]:
        """The claims of an honest token, with some changed; a claim that is set to None is left out."""
        now = int(time.time())
        honest = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": user,
            "iat": now,
            "exp": now + 600,
            "roles": list(roles),
        }
        return {name: value for name, value in (honest | claims).items() if value is not None}

    def token(self, user: str, *roles: str, key: Key | None = None, header: Any = None, **claims: Any) -> str:
        """A token signed with RS256, honest unless told otherwise."""
        key = key or self.key
        headers = {name: value for name, value in ({"kid": key.kid} | (header or {})).items() if value is not None}
        return jwt.encode(self.claims(user, *roles, **claims), key.private, algorithm="RS256", headers=headers)

    def headers(self, user: str, *roles: str, **changed: Any) -> dict[str, str]:
        """The header that a signed-in client sends, such as `headers("ann", "coach")`."""
        return {"Authorization": f"Bearer {self.token(user, *roles, **changed)}"}

    def rotate(self, kid: str, *, keep: bool = False) -> Key:
        """Sign with a new key from now on; the old one is published no more unless told so. Returns the old key."""
        old, self.key = self.key, Key(kid)
        self.published = [self.key.published, *(self.published if keep else [])]
        return old

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> bytes | None:
        self.fetches.append(path)
        time.sleep(self.delay_s)
        if self.failing:
            return None
        if path == "/jwks.json":
            return self.body if self.body is not None else json.dumps({"keys": self.published}).encode()
        if path == "/.well-known/openid-configuration":
            return json.dumps({"issuer": self.url, "jwks_uri": self.jwks_url} | self.discovery).encode()
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = issuer._answer(self.path)
                self.send_response(500 if body is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a test's output is for what failed."""

        return Handler
