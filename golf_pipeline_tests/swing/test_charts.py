"""Charts: shapes inside their box, in order, without overlap, and words that say the same numbers."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.charts import (
    BADGE_GAP,
    BADGE_RADIUS,
    SwingChart,
    corridor_chart,
    corridor_words,
    nice_ticks,
    place_in_corridor,
    spread,
    swing_chart,
)
from golf_pipeline.swing.documents import EventName, Metric, SwingEvent, TimeBase, Trust, View
from golf_pipeline.swing.hands import HandPath, hand_path
from golf_pipeline_tests.swing.posed import FRAMES, TORSO, segmentation, standing, track_of

EVENTS = segmentation(View.FACE_ON).events
POSES = {EventName.ADDRESS: standing(0), EventName.TOP: standing(0, hip=(360, 500)), EventName.IMPACT: standing(0)}


def moving(seconds: float = 3.0, lost: slice = slice(0, 0)) -> HandPath:
    """Hands that rise and fall once a second, 1 torso length high, fastest halfway."""
    times = np.arange(0, seconds, 1 / 30)
    height, speed = 1 + 0.5 * np.sin(2 * np.pi * times), 6 + 3 * np.cos(2 * np.pi * times)
    height[lost] = speed[lost] = np.nan
    return HandPath(times * 30, times, np.zeros((len(times), 2)), height, speed)


def chart_of(path: HandPath, time_base: TimeBase = TimeBase.REAL) -> SwingChart:
    chart = swing_chart(path, EVENTS, time_base)
    assert chart is not None
    return chart


def numbers(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.split())]


def metric(value: float | None, corridor: tuple[float | None, float | None] | None, **changed: object) -> Metric:
    return Metric.model_validate(
        {
            "id": "a",
            "name": "A",
            "phase": None,
            "value": value,
            "unit": "deg",
            "trust": "measured",
            "noise": 1.0,
            "valid_views": (View.FACE_ON,),
            "corridor": corridor,
            "frames": (),
        }
        | changed
    )


TIMES = st.lists(st.floats(0, 60), min_size=8, max_size=8).map(sorted)
BOUNDS = st.tuples(st.one_of(st.none(), st.floats(-1e4, 0)), st.one_of(st.none(), st.floats(0, 1e4))).filter(any)


@settings(deadline=None)  # the first call imports the regression
@given(TIMES)
def test_the_badges_of_the_events_never_overlap_and_stay_in_order_and_inside(times: list[float]) -> None:
    events = [
        SwingEvent(event=name, frame=0, time_s=time_s, exact_frame=0, confidence=1)
        for name, time_s in zip(EventName, times, strict=True)
    ]
    chart = swing_chart(moving(61), events, TimeBase.REAL)
    if chart is None:  # events so near to each other that no sample lies there
        return
    places = [mark.badge_x for mark in chart.marks]
    assert all(after - before >= BADGE_GAP - 0.11 for before, after in pairwise(places))
    assert min(places) >= BADGE_RADIUS
    assert max(places) <= chart.width - BADGE_RADIUS


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=12).map(sorted), st.floats(0, 30))
def test_spreading_moves_nothing_that_does_not_have_to_move(wanted: list[float], gap: float) -> None:
    placed = spread(wanted, gap, 0, 100)
    fair = min(gap, 100 / max(len(wanted) - 1, 1))
    assert all(-0.1 <= one <= 100.1 for one in placed)
    assert all(b - a >= fair - 0.11 for a, b in pairwise(placed))
    if all(b - a >= gap for a, b in pairwise(wanted)):
        assert placed == pytest.approx(wanted, abs=0.06)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_are_few_round_and_within(low: float, wide: float, most: int) -> None:
    ticks = nice_ticks(low, low + wide, most)
    assert len(ticks) <= most
    slack = 1e-6 * wide + 1e-9 * abs(low)
    assert all(low - slack <= tick <= low + wide + slack for tick in ticks)


def test_both_curves_stay_in_their_panels_and_break_where_the_hands_were_lost() -> None:
    whole, broken = chart_of(moving()), chart_of(moving(lost=slice(40, 44)))
    assert [len(panel.lines) for panel in whole.panels] == [1, 1]
    assert [len(panel.lines) for panel in broken.panels] == [2, 2]
    for panel in (*whole.panels, *broken.panels):
        points = [point for line in panel.lines for point in numbers(line)]
        assert all(panel.top - 0.1 <= y <= panel.base + 0.1 for _, y in points)
        assert all(whole.left <= x <= whole.right for x, _ in points)
    assert whole.panels[0].base < whole.panels[1].top


def test_speed_has_a_unit_in_real_time_only() -> None:
    real, slow = chart_of(moving()), chart_of(moving(), TimeBase.SLOW_MOTION)
    assert "torso lengths per second" in real.panels[1].title
    assert "(9.0 torso lengths per second)" in real.description
    assert "share of its peak" in slow.panels[1].title
    assert "per second" not in slow.description
    assert max(float(tick.label) for tick in slow.panels[1].ticks) == 1.0


def test_hands_that_nobody_saw_make_no_chart() -> None:
    assert swing_chart(moving(lost=slice(None)), EVENTS, TimeBase.REAL) is None


def test_the_hands_of_a_track_rise_by_what_they_rose_and_are_not_known_where_nobody_was_found() -> None:
    track = track_of(POSES)
    way = hand_path(track, EVENTS)
    assert way is not None
    rise = way.height[FRAMES[EventName.TOP]] - way.height[FRAMES[EventName.ADDRESS]]
    assert rise == pytest.approx(200 / TORSO, rel=1e-3)
    still = slice(FRAMES[EventName.IMPACT] + 8, None)
    assert way.speed[still] == pytest.approx(0, abs=1e-6)
    xyz = track.xyz.copy()
    xyz[60:64] = np.nan
    lost = hand_path(dataclasses.replace(track, xyz=xyz), EVENTS)
    assert lost is not None
    assert np.flatnonzero(np.isnan(lost.height)).tolist() == [60, 61, 62, 63]


@given(st.floats(-1e4, 1e4), st.one_of(st.none(), st.floats(0, 1e3)), BOUNDS)
def test_a_corridor_chart_shows_value_whisker_and_ends_inside_its_box(
    value: float, noise: float | None, bounds: tuple[float | None, float | None]
) -> None:
    chart = corridor_chart(metric(value, bounds, noise=noise))
    assert chart is not None
    shown = [*chart.band, chart.value, *(chart.whisker or ()), *(end.at for end in chart.ends)]
    assert all(0 <= at <= chart.width for at in shown)
    assert chart.band[0] <= chart.band[1]
    assert len(chart.ends) == sum(end is not None for end in bounds)
    if chart.place == "inside":
        assert chart.band[0] <= chart.value <= chart.band[1]


def test_trust_is_told_by_form_and_an_arrow_points_the_way_of_the_sign() -> None:
    forms = [
        corridor_chart(metric(3.0, (0, 5), trust=trust)) for trust in (Trust.MEASURED, Trust.LOW, Trust.DIRECTION_ONLY)
    ]
    assert [chart.form for chart in forms if chart] == ["disc", "ring", "arrow"]
    for value, way in ((3.0, 1), (-3.0, -1)):
        chart = corridor_chart(metric(value, (-5, 5), trust="direction only"))
        assert chart is not None
        tip = max(numbers(chart.arrow), key=lambda corner: abs(corner[0] - chart.value))
        assert (tip[0] - chart.value) * way > 0


@pytest.mark.parametrize("unshown", [metric(None, (0, 5), trust="unavailable"), metric(3.0, None)])
def test_without_a_value_or_a_corridor_there_is_no_corridor_chart(unshown: Metric) -> None:
    assert corridor_chart(unshown) is None


@pytest.mark.parametrize(
    ("value", "place"),
    [(3.0, "inside"), (7.0, "above"), (-2.0, "below"), (5.5, "at the edge, within its noise")],
)
def test_a_value_near_an_end_is_left_open_as_its_noise_does(value: float, place: str) -> None:
    assert place_in_corridor(value, 1.0, (0.0, 5.0)) == place


@pytest.mark.parametrize(
    ("corridor", "words"),
    [((-2.5, 5), "\N{MINUS SIGN}2.5 to 5"), ((2, None), "at least 2"), ((None, 0.1), "at most 0.1"), (None, "")],
)
def test_a_corridor_in_words(corridor: tuple[float | None, float | None] | None, words: str) -> None:
    assert corridor_words(corridor) == words
