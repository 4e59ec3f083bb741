"""Trends: exact, the same for any scatter, and silent about golfers who do not change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, kendalltau, theilslopes

from golf_pipeline.swing import trend

FIRST = datetime(2026, 5, 1, tzinfo=UTC)
numbers = st.floats(-1e6, 1e6)
series = st.lists(numbers, min_size=trend.FEWEST_PRACTICES, max_size=trend.MOST_PRACTICES)


@settings(deadline=None)
@given(st.lists(numbers, min_size=trend.FEWEST_PRACTICES, max_size=trend.MOST_PRACTICES, unique=True))
def test_the_chance_of_a_trend_is_scipys_exact_one(values: list[float]) -> None:
    exact = kendalltau(range(len(values)), values, method="exact").pvalue
    assert trend.chance_of_trend(values) == pytest.approx(exact)


@settings(deadline=None)
@given(series)
def test_equal_values_never_make_a_trend_more_certain(values: list[float]) -> None:
    rounded = [float(np.floor(value / 10)) for value in values]
    nudged = [value + place * 1e-3 for place, value in enumerate(rounded)]
    fallen = [value - place * 1e-3 for place, value in enumerate(rounded)]
    chances = [trend.chance_of_trend(one) or 0 for one in (rounded, nudged, fallen)]
    assert chances[0] >= min(chances[1:]) - 1e-12


@settings(deadline=None)
@given(series)
def test_a_trend_has_the_same_chance_upwards_downwards_and_backwards(values: list[float]) -> None:
    chance = trend.chance_of_trend(values)
    assert chance == trend.chance_of_trend([-value for value in values]) == trend.chance_of_trend(values[::-1])


def test_four_practices_cannot_show_a_trend_and_five_in_order_can() -> None:
    assert trend.chance_of_trend([1, 2, 3, 4]) is None
    assert trend.chance_of_trend([1, 2, 3, 4, 5]) == pytest.approx(2 / 120)


@settings(deadline=None)
@given(series)
def test_the_line_is_theil_and_sens(values: list[float]) -> None:
    start, end = trend.ends_of_trend(values)
    slope = theilslopes(values, method="joint").slope
    assert end - start == pytest.approx(slope * (len(values) - 1), abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_chances_of_many_tests_are_adjusted_as_scipy_does(chances: list[float]) -> None:
    assert trend.adjusted(chances) == pytest.approx(list(false_discovery_control(chances)))


def test_what_was_not_tested_costs_the_others_nothing() -> None:
    assert trend.adjusted([None, 0.04, None]) == [None, 0.04, None]


@pytest.mark.parametrize("practices", [5, 8, 20])
@pytest.mark.parametrize("scatter", ["normal", "heavy tails", "rounded", "correlated"])
def test_a_golfer_who_does_not_change_is_told_of_no_change(scatter: str, practices: int) -> None:
    random, golfers, metrics = np.random.default_rng(20260501), 200, 45
    told = 0
    for _ in range(golfers):
        if scatter == "heavy tails":
            values = random.standard_t(3, size=(metrics, practices))
        else:
            values = random.normal(size=(metrics, practices))
        if scatter == "rounded":
            values = values.round()
        if scatter == "correlated":
            values = 0.6 * values + 0.8 * random.normal(size=practices)
        chances = trend.adjusted([trend.chance_of_trend(one) for one in values.tolist()])
        told += any(chance is not None and chance <= trend.MOST_CHANCE for chance in chances)
    # Three standard deviations of a share of 5 % among 200 golfers are 4.6 %.
    assert told / golfers <= trend.MOST_CHANCE + 0.046


@settings(deadline=None)
@given(st.floats(0.5, 5), st.integers(12, 20))
def test_a_steady_change_is_found(step: float, practices: int) -> None:
    random = np.random.default_rng(practices)
    values = [step * place + random.normal(scale=step) for place in range(practices)]
    assert (trend.chance_of_trend(values) or 1) < 0.01


def test_swings_of_one_practice_count_once() -> None:
    hours = [0, 1, 4, 30, 31, 80]
    times = [FIRST + timedelta(hours=hour) for hour in hours]
    assert trend.by_practice(times, [1, 2, 6, 10, 20, 7]) == [2, 15, 7]


@settings(deadline=None)
@given(st.lists(numbers, min_size=trend.FEWEST_FOR_A_PERCENTILE, max_size=40), st.lists(numbers, min_size=2))
def test_a_percentile_lies_in_0_to_100_rises_with_the_value_and_has_no_direction(
    earlier: list[float], values: list[float]
) -> None:
    places = [trend.percentile(value, earlier) for value in sorted(values)]
    assert all(place is not None and 0 <= place <= 100 for place in places)
    assert all((one or 0) <= (other or 0) for one, other in pairwise(places))
    mirrored = trend.percentile(-values[0], [-one for one in earlier])
    assert mirrored == pytest.approx(100 - (trend.percentile(values[0], earlier) or 0), abs=0.11)


@settings(deadline=None)
@given(numbers)
def test_among_equals_a_value_lies_in_the_middle(value: float) -> None:
    assert trend.percentile(value, [value] * trend.FEWEST_FOR_A_PERCENTILE) == 50
    assert trend.percentile(value, [value] * (trend.FEWEST_FOR_A_PERCENTILE - 1)) is None
