"""Whether a golfer's number moved: one test on a series of readings, and what keeps many of them honest.

The unit of evidence is the practice, not the swing. Swings of one practice share the camera's place, the club and the
light: ten of them say little more than one about next week, and a camera that stood elsewhere would pass for progress.
A series is therefore the median of each practice, in order of time.

What a change must pass: it is larger than the instrument's noise (`compare.is_beyond_noise`), and larger than the
golfer's own spread explains (`chance_of_trend`). A profile tests dozens of series at once, so the share of false alarms
is held for all of them together (`adjusted`).

Of simulated golfers who never change (600 for each figure, 45 series each, no instrument noise to hide behind), this
share is told of at least one change, after 8 and after 20 practices: readings normal 1.0 and 4.8 %, heavy-tailed
(Student's t, 3 degrees of freedom) 2.0 and 4.3 %, skewed (exponential) 2.2 and 4.2 %, rounded to one spread 0.2 and
2.0 %, correlated between metrics 2.3 and 3.7 %. A test of the latest practice alone against the earlier ones was tried
and left out: Student's holds its share only where readings are normal (heavy-tailed 34 and 49 %).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import median

import numpy as np
from numpy.typing import NDArray

PRACTICE_GAP = timedelta(hours=4)
"""Swings further apart in time belong to two practices: longer than a bucket of balls, shorter than a night."""

MOST_CHANCE = 0.05
"""Probability, over all series of one profile, that a golfer who does not change is told of any change."""

FEWEST_PRACTICES = 5
"""Practices below which no order of the values is rarer than `MOST_CHANCE`: the rarest of four is 2 in 24, or 8 %."""

MOST_PRACTICES = 20
"""Practices that a trend is read from, the latest: older ones tell of another golfer."""

FEWEST_FOR_A_PERCENTILE = 10
"""Earlier readings below which one of them moves a percentile by more than ten points."""


def by_practice(times: Sequence[datetime], values: Sequence[float]) -> list[float]:
    """The median of each practice, in order; times ascend."""
    practices: list[list[float]] = []
    last: datetime | None = None
    for time, value in zip(times, values, strict=True):
        if last is None or time - last > PRACTICE_GAP:
            practices.append([])
        practices[-1].append(value)
        last = time
    return [median(practice) for practice in practices]


def chance_of_trend(practices: Sequence[float]) -> float | None:
    """How often values in random order would rise or fall this steadily (Mann-Kendall, exact, two-sided).

    Nothing is assumed of how the values scatter. Equal values count for neither direction, against the distribution
    without them, which errs towards "no trend"; SciPy has no exact test for them. None below `FEWEST_PRACTICES`.
    """
    values = np.asarray(practices[-MOST_PRACTICES:], dtype=np.float64)
    if len(values) < FEWEST_PRACTICES:
        return None
    earlier, later = np.triu_indices(len(values), 1)
    score = abs(int(np.sign(values[later] - values[earlier]).sum()))
    return float(_chance_of_score(len(values))[score])


@lru_cache
def _chance_of_score(count: int) -> NDArray[np.float64]:
    """By score (pairs that rise minus pairs that fall): the share of all orders with this score or a larger one.

    The number of orders by falling pairs has the generating function (1)(1 + q)(1 + q + q^2)...
    """
    orders = np.ones(1)
    for factors in range(2, count + 1):
        orders = np.convolve(orders, np.full(factors, 1 / factors))
    pairs = len(orders) - 1
    scores = np.abs(pairs - 2 * np.arange(pairs + 1))
    return np.array([orders[scores >= score].sum() for score in range(pairs + 1)])


def ends_of_trend(practices: Sequence[float]) -> tuple[float, float]:
    """First and last value of the Theil-Sen line through the practices that a trend is read from; at least two."""
    values = np.asarray(practices[-MOST_PRACTICES:], dtype=np.float64)
    earlier, later = np.triu_indices(len(values), 1)
    slope = float(np.median((values[later] - values[earlier]) / (later - earlier)))
    start = float(np.median(values - slope * np.arange(len(values))))
    return start, start + slope * (len(values) - 1)


def adjusted(chances: Sequence[float | None]) -> list[float | None]:
    """Chances for many tests at once (Benjamini-Hochberg); what was not tested stays None and costs the others nothing.

    Of all changes whose adjusted chance is at most `MOST_CHANCE`, at most that share is chance, and a golfer who does
    not change at all is told of any with at most that probability. SciPy has the same, but 3 s of import with it.
    """
    tested = sorted((chance, place) for place, chance in enumerate(chances) if chance is not None)
    result: list[float | None] = [None] * len(chances)
    least = 1.0
    for rank in range(len(tested), 0, -1):
        chance, place = tested[rank - 1]
        least = min(least, chance * len(tested) / rank)
        result[place] = least
    return result


def percentile(value: float, earlier: Sequence[float]) -> float | None:
    """Where a value lies among earlier ones: 0 below all, 100 above all; equal ones count half.

    It has no direction: high is not good. None below `FEWEST_FOR_A_PERCENTILE`.
    """
    if len(earlier) < FEWEST_FOR_A_PERCENTILE:
        return None
    below = sum(one < value for one in earlier) + sum(one == value for one in earlier) / 2
    return round(100 * below / len(earlier), 1)
