"""Filters, turning points and scenes on signals whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.signals import (
    despike,
    hand_height,
    last_crossing,
    lowest_point,
    next_crossing,
    smooth,
    split_scenes,
    turning_points,
)
from golf_pipeline_tests.swing.stick_golfer import StickGolfer, join


def test_a_spike_is_removed_and_a_ramp_is_kept() -> None:
    ramp = np.linspace(0, 1, 20)
    spiked = ramp.copy()
    spiked[8] += 1.5
    assert despike(ramp) == pytest.approx(ramp)
    assert np.abs(despike(spiked) - ramp).max() < 0.2
    spiked[-1] += 1.5
    assert np.abs(despike(spiked) - ramp).max() < 0.2


@given(st.floats(0.3, 4), st.integers(8, 40))
def test_the_low_pass_delays_nothing(sigma: float, half: int) -> None:
    peak = np.exp(-0.5 * (np.arange(-half, half + 1) / 3.0) ** 2)
    filtered = smooth(peak, sigma)
    assert int(np.argmax(filtered)) == half
    assert filtered == pytest.approx(filtered[::-1], abs=1e-9)


@given(st.floats(-5, 5), st.floats(-2, 2), st.floats(0.1, 3))
def test_the_low_pass_keeps_straight_lines(start: float, slope: float, sigma: float) -> None:
    line = start + slope * np.arange(30)
    assert smooth(line, sigma) == pytest.approx(line, abs=1e-6)


@given(arrays(np.float64, st.integers(2, 60), elements=st.floats(-3, 3)), st.floats(0.1, 2))
def test_turning_points_alternate_and_differ_by_the_swing(values: np.ndarray, swing: float) -> None:
    turns = turning_points(values, swing)
    steps = np.diff(values[turns])
    assert turns == sorted(turns)
    assert np.all(np.abs(steps) >= swing - 1e-12)
    assert np.all(steps[:-1] * steps[1:] < 0)


def test_a_flat_signal_does_not_turn() -> None:
    assert turning_points(np.full(50, 1.3), 0.1) == []


@given(st.floats(4.6, 15.4), st.floats(0.01, 5))
def test_the_lowest_point_of_a_parabola_is_found_between_samples(lowest: float, curvature: float) -> None:
    parabola = curvature * (np.arange(21) - lowest) ** 2
    assert lowest_point(parabola, int(np.argmin(parabola))) == pytest.approx(lowest, abs=1e-6)


def test_crossings_are_found_between_samples_and_stop_at_their_limit() -> None:
    values = np.array([0.0, 1.0, 2.0, 1.0, 0.0])
    assert last_crossing(values, 0.5, 2) == pytest.approx(0.5)
    assert next_crossing(values, 0.5, 2) == pytest.approx(3.5)
    assert last_crossing(values, -1.0, 2) == 0.0
    assert next_crossing(values, -1.0, 2) == 4.0


def test_a_cut_divides_a_track_into_scenes() -> None:
    track = join(StickGolfer().track(), StickGolfer(size=90).track(), cut=True)
    first, second = split_scenes(track)
    assert first.frames[-1] + 1 == second.frames[0] == track.cuts[0]
    assert first.torso > 1.2 * second.torso


def _without_bodies(track: LandmarkTrack, frames: slice) -> LandmarkTrack:
    track.xyz[frames] = np.nan
    track.visibility[frames] = np.nan
    return track


def _looks(track: LandmarkTrack, rows: np.ndarray) -> LandmarkTrack:
    return LandmarkTrack(
        track.frame[rows],
        track.time_s[rows],
        track.xyz[rows],
        track.visibility[rows],
        track.world[rows],
        track.width,
        track.height,
    )


def test_a_gap_is_bridged_inside_a_scene_and_marked_as_not_found() -> None:
    golfer = StickGolfer()
    whole = hand_height(split_scenes(golfer.track())[0])
    scene = split_scenes(_without_bodies(golfer.track(), slice(40, 43)))[0]
    assert list(np.flatnonzero(~scene.found)) == [40, 41, 42]
    assert np.abs(hand_height(scene) - whole).max() < 0.1
    assert np.all(scene.visibility[40:43] == 0)


def test_between_two_looks_that_saw_the_golfer_he_counts_as_seen() -> None:
    track = _without_bodies(StickGolfer().track(), slice(24, 25))
    few = _looks(track, np.array([0, 6, 12, 18, 24, 30, *range(36, len(track))]))
    scene = split_scenes(few)[0]
    assert len(scene) == len(track)
    assert list(np.flatnonzero(~scene.found)) == list(range(19, 30)), "from the look before the loss to the one after"
    assert np.all(scene.visibility[:19] > 0.9)


def test_nothing_is_invented_before_the_first_body_or_across_a_cut() -> None:
    golfer = StickGolfer()
    track = join(golfer.track(), golfer.track(), cut=True)
    count = len(golfer.track())
    first, second = split_scenes(_without_bodies(track, slice(count - 5, count + 5)))
    assert first.frames[-1] == count - 6
    assert second.frames[0] == count + 5


def test_frames_that_were_left_out_leave_the_time_line_as_it_was() -> None:
    golfer = StickGolfer(downswing=16)
    track = golfer.track()
    kept = np.ones(len(track), dtype=bool)
    kept[5:90:7] = False
    scene = split_scenes(_looks(track, kept))[0]
    assert len(scene) == len(track)
    assert scene.exact_frame(33.5) == pytest.approx(33.5)
    assert hand_height(scene) == pytest.approx(hand_height(split_scenes(track)[0]), abs=0.06)


def test_hand_height_is_in_torso_lengths_above_the_ankles() -> None:
    golfer = StickGolfer(azimuth_deg=90)
    height = hand_height(split_scenes(golfer.track())[0])
    small = hand_height(split_scenes(StickGolfer(azimuth_deg=90, size=60).track())[0])
    assert height.min() == pytest.approx((1.35 - 0.1) / np.hypot(0.9, 0.35), abs=0.1)
    assert small == pytest.approx(height, abs=1e-3)
