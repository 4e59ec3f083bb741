"""Scoring events against labels: PCE, the percentage of correct events of GolfDB (arXiv 1903.06528, section 4).

Belongs here: arithmetic on event frames. Reading labels and running the analysis is a benchmark's or a test's work.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from golf_pipeline.swing.documents import EventName

EventFrames = Mapping[EventName, float]

REAL_TIME_DIVISOR = 30
"""GolfDB allows one frame for a real-time 30 fps swing (address to impact about 30 frames) and scales from there."""


def tolerance(labels: EventFrames) -> int:
    """Frames by which an event may miss its label: max(1, round((impact - address) / 30)), GolfDB's rule."""
    return max(1, round((labels[EventName.IMPACT] - labels[EventName.ADDRESS]) / REAL_TIME_DIVISOR))


@dataclass(frozen=True)
class Score:
    """Share of events within tolerance: over all events and per event (0..1), and the number of swings behind it."""

    pce: float
    per_event: dict[EventName, float]
    swings: int


def pce(pairs: Iterable[tuple[EventFrames | None, EventFrames]]) -> Score:
    """Score (found, labels) pairs; found is None where no swing was found, which misses all of its events.

    Args:
        pairs: frames of the eight events, found and labelled, of each swing.

    Raises:
        ValueError: there is no pair.
    """
    hits: dict[EventName, int] = dict.fromkeys(EventName, 0)
    swings = 0
    for found, labels in pairs:
        swings += 1
        allowed = tolerance(labels)
        for name in EventName:
            hits[name] += found is not None and abs(round(found[name]) - labels[name]) <= allowed
    if not swings:
        raise ValueError("no swing to score")
    per_event = {name: count / swings for name, count in hits.items()}
    return Score(pce=sum(per_event.values()) / len(per_event), per_event=per_event, swings=swings)
