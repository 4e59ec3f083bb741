"""The public keys of the tokens' issuer: found, fetched, kept; and fetched again when it signs with a new one.

The address comes from the settings or from the issuer's discovery document (OpenID Connect Discovery 1.0). Nothing that
a token says decides what is fetched, and how often is bounded whatever tokens come: at most one fetch at a time and a
pause after each. An issuer that fails takes nothing from who is known already: keys that were fetched stay good for
`STALE_S`. The fetch runs in a thread; the usual look-up never leaves the event loop.
"""

import asyncio
import http.client
import json
import logging
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm

FRESH_S = 600.0
"""Keys older than this are fetched again beside the requests: so a withdrawn key is forgotten."""
STALE_S = 24 * 3600.0
"""Keys older than this are not trusted any more, as nobody knows whether one was withdrawn."""
PAUSE_S = 10.0
"""Between two fetches, whatever key ids the tokens name: a new key may have to wait for so long."""
PAUSE_AFTER_FAILURE_S = 2.0
TIMEOUT_S = 5.0
MAX_BYTES = 64 * 1024
MIN_KEY_BITS = 2048
"""RFC 7518, section 3.3."""

log = logging.getLogger(__name__)


class KeysUnavailableError(Exception):
    """The issuer does not hand out its keys, so that nobody can say whether a token is good."""


class IssuerKeys:
    """The keys of one issuer by their id; for one event loop at a time."""

    def __init__(self, issuer: str, jwks_url: str | None) -> None:
        self._issuer, self._configured_url = issuer, jwks_url
        self._keys: dict[str, RSAPublicKey] = {}
        self._discovered_url: str | None = None
        self._stored_at = self._tried_at = float("-inf")
        self._failed = False
        self._fetch: asyncio.Task[None] | None = None
        self.version = 0
        """Grows whenever the keys have changed."""

    async def find(self, kid: str) -> RSAPublicKey | None:
        """The key of this id; None where the issuer has none.

        Raises:
            KeysUnavailableError: the id is not known and the issuer cannot be asked.
        """
        age_s = time.monotonic() - self._stored_at
        if age_s > STALE_S:
            self._keys = {}
        key = self._keys.get(kid)
        if key is not None and age_s <= FRESH_S:
            return key
        fetch = self._fetching()
        if key is not None:
            return key
        if fetch is not None:
            await asyncio.shield(fetch)  # others wait for it too: a client that leaves must not end it
        key = self._keys.get(kid)
        if key is None and self._failed:
            raise KeysUnavailableError
        return key

    def _fetching(self) -> asyncio.Task[None] | None:
        """The fetch under way, started if it is time for one."""
        loop = asyncio.get_running_loop()
        if self._fetch is not None and not self._fetch.done() and self._fetch.get_loop() is loop:
            return self._fetch
        pause_s = PAUSE_AFTER_FAILURE_S if self._failed else PAUSE_S
        if time.monotonic() - self._tried_at < pause_s:
            return None
        self._fetch = loop.create_task(self._refresh())
        return self._fetch

    async def _refresh(self) -> None:
        try:
            keys = await asyncio.to_thread(self._read)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            log.warning("the keys of the issuer %s cannot be had: %s: %s", self._issuer, type(error).__name__, error)
            self._failed = True
            self._discovered_url = None
        else:
            self._failed = False
            self._keys, self._stored_at = keys, time.monotonic()
            self.version += 1
        finally:
            self._tried_at = time.monotonic()

    def _read(self) -> dict[str, RSAPublicKey]:
        url = self._configured_url or self._discovered_url
        if url is None:
            url = self._discovered_url = discovered_jwks_url(self._issuer)
        keys = signing_keys(fetch_json(url))
        if not keys:
            raise ValueError(f"{url} holds no RSA key for signatures")
        return keys


def discovered_jwks_url(issuer: str) -> str:
    """Where an issuer says that its keys are.

    Raises:
        OSError, http.client.HTTPException: it does not answer.
        ValueError: its discovery document is none, is another issuer's, or leads from https to http.
    """
    document = fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ValueError("the discovery document names another issuer")
    url = document.get("jwks_uri")
    if not isinstance(url, str) or not is_web_address(url):
        raise ValueError("the discovery document names no address of keys")
    if urlsplit(issuer).scheme == "https" and urlsplit(url).scheme != "https":
        raise ValueError("the discovery document of an https issuer names keys on http")
    return url


def signing_keys(document: object) -> dict[str, RSAPublicKey]:
    """The RSA keys for signatures of a JWKS by their id; what else is in it is left out.

    An id under which two different keys stand says nothing about which is meant, and is left out as well.

    Raises:
        ValueError: it is no JWKS.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("this is no JWKS")
    keys: dict[str, RSAPublicKey] = {}
    ambiguous: set[str] = set()
    for one in listed:
        key = _rsa_key(one)
        if key is None:
            continue
        kid = one["kid"]
        if kid in keys and keys[kid].public_numbers() != key.public_numbers():
            ambiguous.add(kid)
        keys[kid] = key
    if ambiguous:
        log.warning("the issuer publishes different keys under one id; none of them is used")
    return {kid: key for kid, key in keys.items() if kid not in ambiguous}


def _rsa_key(one: Any) -> RSAPublicKey | None:
    if not isinstance(one, dict) or one.get("kty") != "RSA" or not isinstance(one.get("kid"), str):
        return None
    if one.get("use", "sig") != "sig" or one.get("alg", "RS256") != "RS256":
        return None
    try:
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": one.get("n"), "e": one.get("e")})
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS else None


def is_web_address(url: str) -> bool:
    """Whether this is an http or https address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer that is not 200, and so a failure: it could lead anywhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def fetch_json(url: str) -> Any:
    """Read a small JSON document within `TIMEOUT_S`.

    Raises:
        OSError, http.client.HTTPException: there was no good answer in time.
        ValueError: not an http(s) address, too large, or not JSON.
    """
    if not is_web_address(url):
        raise ValueError("only http and https addresses are read")
    deadline = time.monotonic() + TIMEOUT_S
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 checked above
    body = b""
    with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S) as answer:
        while part := answer.read1(MAX_BYTES):
            body += part
            if len(body) > MAX_BYTES:
                raise ValueError(f"{url} answers with more than {MAX_BYTES} bytes")
            if time.monotonic() > deadline:  # the socket's own time-out begins anew with every byte
                raise TimeoutError(f"{url} does not come to an end")
    return json.loads(body)
