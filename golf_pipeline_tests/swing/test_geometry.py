"""Plane geometry: known angles, and what must not change them."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from golf_pipeline.swing.geometry import foreshortened_turn_deg, inner_angle_deg, lean_deg, rise_deg

numbers = st.floats(min_value=-1000, max_value=1000, allow_nan=False)
points = st.tuples(numbers, numbers).map(np.array)


def test_lean_is_zero_upright_positive_to_the_right_and_never_jumps_at_upright() -> None:
    hip = np.array([100.0, 500.0])
    leans = [lean_deg(hip, hip + np.array([dx, -100.0])) for dx in (-100, -1, 0, 1, 100)]
    assert leans == pytest.approx([-45, -0.573, 0, 0.573, 45], abs=1e-3)


def test_rise_is_positive_where_the_far_end_is_higher_whichever_way_it_points() -> None:
    near = np.array([0.0, 0.0])
    assert rise_deg(near, np.array([10.0, -10.0])) == pytest.approx(45)
    assert rise_deg(near, np.array([-10.0, -10.0])) == pytest.approx(45)
    assert rise_deg(near, np.array([-10.0, 10.0])) == pytest.approx(-45)


def test_a_straight_limb_is_180_and_a_right_angle_is_90() -> None:
    corner = np.array([0.0, 0.0])
    assert inner_angle_deg(np.array([0.0, -5.0]), corner, np.array([0.0, 9.0])) == pytest.approx(180)
    assert inner_angle_deg(np.array([0.0, -5.0]), corner, np.array([9.0, 0.0])) == pytest.approx(90)


@given(points, points, points, st.floats(0.1, 10), points, st.floats(-np.pi, np.pi))
def test_an_inner_angle_survives_scale_shift_turn_and_mirror(
    first: np.ndarray, corner: np.ndarray, last: np.ndarray, scale: float, shift: np.ndarray, turn: float
) -> None:
    assume(min(np.linalg.norm(first - corner), np.linalg.norm(last - corner)) > 1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    expected = inner_angle_deg(first, corner, last)
    moved = [scale * rotation @ point + shift for point in (first, corner, last)]
    mirrored = [point * (-1, 1) for point in (first, corner, last)]
    assert inner_angle_deg(*moved) == pytest.approx(expected, abs=1e-4)
    assert inner_angle_deg(*mirrored) == pytest.approx(expected, abs=1e-9)


@given(points, points)
def test_a_mirrored_lean_changes_its_sign_only(lower: np.ndarray, upper: np.ndarray) -> None:
    assume(upper[1] < lower[1])
    assert lean_deg(lower * (-1, 1), upper * (-1, 1)) == pytest.approx(-lean_deg(lower, upper))


@given(points, points, st.floats(0.1, 10), points)
def test_lean_and_rise_do_not_depend_on_size_and_place(
    lower: np.ndarray, upper: np.ndarray, scale: float, shift: np.ndarray
) -> None:
    assume(abs(upper - lower).min() > 1)
    for angle in (lean_deg, rise_deg):
        assert angle(scale * lower + shift, scale * upper + shift) == pytest.approx(angle(lower, upper), abs=1e-3)


@given(st.floats(0, 90))
def test_foreshortening_gives_the_turn_back(turn: float) -> None:
    assert foreshortened_turn_deg(100 * np.cos(np.deg2rad(turn)), 100) == pytest.approx(turn, abs=1e-3)


def test_what_is_missing_stays_missing() -> None:
    hidden, seen = np.array([np.nan, np.nan]), np.array([1.0, 1.0])
    assert np.isnan(lean_deg(hidden, seen))
    assert np.isnan(inner_angle_deg(seen, hidden, seen))
    assert np.isnan(foreshortened_turn_deg(1, float("nan")))
