"""From what one swing took to what a million would take: hours, money for the machine and for requests."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PRICES_FILE = Path(__file__).with_name("pipeline_prices.toml")
PUTS = frozenset({"PUT", "POST"})


@dataclass(frozen=True)
class Prices:
    """Prices of a day; `machine` is what does the work."""

    as_of: str
    source: str
    machine: str
    machine_cores: int
    machine_usd_per_hour: float
    s3_usd_per_1000_puts: float
    s3_usd_per_1000_gets: float
    sqs_usd_per_million: float


@dataclass(frozen=True)
class Projection:
    """What so many swings would take on one machine, at the pace that was measured."""

    hours: float
    machine_usd: float
    requests_usd: float

    @property
    def usd(self) -> float:
        return self.machine_usd + self.requests_usd


@cache
def prices() -> Prices:
    """The prices that the package carries."""
    return Prices(**tomllib.loads(PRICES_FILE.read_text(encoding="utf-8")))


def project(swings: int, seconds_each: float, requests_each: Mapping[str, float], at: Prices) -> Projection:
    """Scale one swing up.

    Args:
        swings: how many.
        seconds_each: wall-clock seconds a swing, of the whole machine.
        requests_each: requests a swing by verb and kind, as `count_requests` names them.
    """
    hours = swings * seconds_each / 3600
    usd_each = 0.0
    for name, count in requests_each.items():
        verb, _, kind = name.partition(" ")
        if kind == "queue":
            usd_each += count * at.sqs_usd_per_million / 1e6
        elif verb in PUTS or kind == "list":
            usd_each += count * at.s3_usd_per_1000_puts / 1000
        else:
            usd_each += count * at.s3_usd_per_1000_gets / 1000
    return Projection(hours, hours * at.machine_usd_per_hour, swings * usd_each)
