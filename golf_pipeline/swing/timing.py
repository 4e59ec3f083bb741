"""The rhythm of golf swings, weighed against what was seen: estimates in, positions and their uncertainty out.

A swing's events keep a rhythm: whoever knows top, impact and mid-backswing knows toe-up to a fraction of a second. The
positions that the rules read off the hands are observations with an error each; the timing of labelled swings is the
prior; both are Gaussian, so that the positions that fit both best, and how sure they are, come from one small linear
system. An observation that disagrees with all others loses weight as under Student's t distribution.

Everything is in downswings (top to impact as the rules read them) from the impact that the rules read, so it is free of
frame rate and slow motion. The numbers are statistics, stored in `knowledge/event_timing.toml` with their source and
made by `golf-pipeline train timing`.
"""

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from math import erf
from pathlib import Path

import numpy as np

from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.signals import Floats

STATISTICS = Path(__file__).parent / "knowledge" / "event_timing.toml"

DEGREES_OF_FREEDOM = 3.0
"""Of Student's t: an observation three deviations off counts a third."""

MOST_CONFIDENCE = 0.99
"""Sixty clips cannot show that a reading fails less often than once in a hundred."""

CLEARLY_SEEN = 0.8
"""Sureness from which an event counts as fully seen: the better wrist of a golfer in plain sight reads 0.8-1."""

_ROUNDS = 8


@dataclass(frozen=True)
class EventTiming:
    """Prior and observation errors; the events in GolfDB's order (e = 8).

    Attributes:
        mean, covariance: (e,) and (e, e) of the events' positions over golfers, in downswings from impact.
        bias, noise: (e,) median and robust deviation of the rules' estimate minus label.
        spread: (e,) what the deviation that comes out must be multiplied by for its confidence to be right.
        fitted_on: GolfDB's ids of the clips that bias, noise and spread come from.
    """

    mean: Floats
    covariance: Floats
    bias: Floats
    noise: Floats
    spread: Floats
    fitted_on: tuple[int, ...] = ()

    def weigh(self, estimate: Floats, sureness: Floats) -> tuple[Floats, Floats]:
        """Positions of the events and their deviations, each (e,), in downswings.

        Args:
            estimate: (e,) of the rules, downswings from impact.
            sureness: (e,) in 0..1: an estimate of half the sureness has twice the noise.
        """
        seen = estimate - self.bias
        noise = (self.noise / np.clip(sureness, 0.1, 1.0)) ** 2
        prior = np.linalg.inv(self.covariance)
        weight = np.ones(len(seen))
        for _ in range(_ROUNDS):
            precision = weight / noise
            posterior = np.linalg.inv(prior + np.diag(precision))
            position = posterior @ (prior @ self.mean + precision * seen)
            weight = (DEGREES_OF_FREEDOM + 1) / (DEGREES_OF_FREEDOM + (seen - position) ** 2 / noise)
        return np.asarray(position), np.sqrt(np.diag(posterior))

    def with_exact(self, event: int, noise: float) -> "EventTiming":
        """The same for an event whose estimate is unbiased and has another noise."""
        bias, noises = self.bias.copy(), self.noise.copy()
        bias[event], noises[event] = 0.0, noise
        return replace(self, bias=bias, noise=noises)

    def confidence(self, deviation: Floats, tolerance: float, sureness: Floats) -> Floats:
        """(e,) probability that an event lies within a tolerance (downswings) of its label.

        An event that could not be seen is no surer than that: its place is then the rhythm's word alone.
        """
        within = np.array([erf(ratio / np.sqrt(2)) for ratio in tolerance / (deviation * self.spread)])
        return np.asarray(
            np.minimum(within * np.minimum(sureness / CLEARLY_SEEN, 1.0), MOST_CONFIDENCE), dtype=np.float64
        )


@cache
def rules_timing() -> EventTiming:
    """What ships with the package: the statistics of the rules alone."""
    return read_timing(STATISTICS)


def read_timing(path: Path) -> EventTiming:
    """Read what `golf-pipeline train timing` wrote."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    events = [table["events"][name.value] for name in EventName]
    return EventTiming(
        mean=np.array([event["mean"] for event in events]),
        covariance=np.array([event["covariance"] for event in events]),
        bias=np.array([event["bias"] for event in events]),
        noise=np.array([event["noise"] for event in events]),
        spread=np.array([event["spread"] for event in events]),
        fitted_on=tuple(table["fitted_on"]),
    )
