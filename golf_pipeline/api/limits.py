"""Limits on how often: per address for routes that start work or chat, and whatever else a route counts.

Counting is a write to the catalog's database, so that all processes share it; it is done in a thread. Of an address
only a keyed hash is stored: nobody should read off a table from where golfers called, yet all processes must agree on
the hash, so its key comes from the deployment's secrets (the link key, else the catalog's URL with its password) and
not from the process. A deployment on SQLite without a link key has no secret, and its hashes can be guessed.
"""

import hashlib
import hmac
import ipaddress
import math
from dataclasses import dataclass

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from golf_pipeline.api.identity import Caller
from golf_pipeline.api.problems import Problem
from golf_pipeline.settings import Settings
from golf_pipeline.storage.rates import Rate, RateLimiter

MINUTE_S = 60.0
IPV6_NETWORK_BITS = 64
"""What a provider gives to one household: within it a caller can take any address at will."""

_HASHED = b"golf-pipeline hash\0"
"""Before what is hashed: links are signed with the same key, and no hash may say anything of a signature."""

NOWHERE = "unknown"
"""The address of a caller who comes through a socket that has none."""


def client_address(request: HTTPConnection) -> str:
    """The caller's address, as the server sees it or a trusted proxy tells it; of IPv6, the network of the household.

    Which proxies are trusted is uvicorn's matter (`server.py`).
    """
    if request.client is None:
        return NOWHERE
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:  # a trusted proxy may say anything
        return request.client.host[:100]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_NETWORK_BITS), strict=False))


def hashed(settings: Settings, text: str) -> str:
    """A keyed hash of something that must not be stored or logged as it is; the same in every process."""
    secret = settings.link_key.get_secret_value() if settings.link_key else settings.catalog_url
    return hmac.new(secret.encode(), _HASHED + text.encode(errors="replace"), hashlib.sha256).hexdigest()[:32]


def subject_of(request: HTTPConnection, caller: Caller) -> str:
    """By whom a limit counts: the user, or for guests, who share one id, the hash of their address."""
    if not caller.is_guest:
        return caller.user_id
    # No user id holds a colon, so that nobody can take a guest's place.
    return f"guest:{hashed(request.app.state.settings, client_address(request))}"


@dataclass(frozen=True)
class Limit:
    """A rate, who is counted, and how a refusal begins in words."""

    rate: Rate
    subject: str
    sentence: str = "That was a lot at once."


def limited(request: HTTPConnection, *limits: Limit) -> int:
    """Take one place of each limit, or none; returns how many the last leaves. Not for the event loop: it writes.

    Raises:
        Problem: 429, a limit is reached; it says when to come back.
    """
    passages = RateLimiter(request.app.state.catalog.engine).take_all([(one.rate, one.subject) for one in limits])
    if passages[-1].allowed:
        return passages[-1].remaining
    wait_s = max(1, math.ceil(passages[-1].retry_after_s))
    raise Problem(
        429,
        "RATE_LIMITED",
        f"{limits[len(passages) - 1].sentence} Please come back in {_in_words(wait_s)}.",
        {"Retry-After": str(wait_s)},
    )


def of_address(request: HTTPConnection) -> Limit:
    """How often requests that start work or chat may come from one address."""
    settings: Settings = request.app.state.settings
    rate = Rate("address", settings.requests_per_minute_per_ip, MINUTE_S)
    return Limit(rate, hashed(settings, client_address(request)), "Many requests come from your network at the moment.")


async def within_limits(request: Request) -> None:
    """Count this request for its address.

    Raises:
        Problem: 429, too many came from there within a minute.
    """
    await run_in_threadpool(limited, request, of_address(request))


WithinLimits = within_limits
"""For routes that start work or chat: `dependencies=[Depends(WithinLimits)]`."""


def _in_words(seconds: int) -> str:
    if seconds < 2 * MINUTE_S:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    minutes = math.ceil(seconds / MINUTE_S)
    return f"{minutes} minutes" if minutes < 120 else f"{math.ceil(minutes / 60)} hours"
