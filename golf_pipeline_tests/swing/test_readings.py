"""Readings: a series around an event becomes its median, and the ground is the median of the feet that are seen."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.documents import EventName, View
from golf_pipeline.swing.landmarks import INDEX
from golf_pipeline.swing.readings import SwingReader
from golf_pipeline_tests.swing.posed import COUNT, FRAMES, TORSO, segmentation, standing, track_of

SEEN = segmentation(View.FACE_ON)
TRACK = track_of({EventName.ADDRESS: standing(0), EventName.TOP: standing(5), EventName.IMPACT: standing(0)})
FEET = ("left_heel", "left_foot_index", "right_heel", "right_foot_index")


@settings(deadline=None)
@given(
    half=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
    lost=st.sets(st.integers(FRAMES[EventName.TOP] - 12, FRAMES[EventName.TOP] + 12)),
)
def test_a_reading_is_the_median_of_what_was_seen_around_the_event(half: int, seed: int, lost: set[int]) -> None:
    swing = SwingReader(TRACK, SEEN)
    swing.half = half
    values = np.random.default_rng(seed).normal(0, 100, COUNT)
    values[list(lost)] = np.nan
    window = values[swing.around(EventName.TOP)]
    expected = np.nan if np.isnan(window).all() else np.nanmedian(window)
    assert np.array_equal(swing.read(values, EventName.TOP), expected, equal_nan=True)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), hidden=st.sets(st.sampled_from(FEET)))
def test_the_ground_is_the_median_of_the_feet_that_are_seen(seed: int, hidden: set[str]) -> None:
    moved, visibility, at = TRACK.xyz.copy(), TRACK.visibility.copy(), FRAMES[EventName.TOP]
    ways = np.random.default_rng(seed).normal(0, 0.02, len(FEET)).astype(np.float32)
    for name, way in zip(FEET, ways, strict=True):
        moved[at, INDEX[name], 0] += way
        visibility[at, INDEX[name]] = 0.0 if name in hidden else 0.95
    track = dataclasses.replace(TRACK, xyz=moved, visibility=visibility)
    seen = [(track.point(name) - TRACK.point(name))[at, 0] for name in FEET if name not in hidden]
    expected = float(np.median(seen)) if len(seen) >= 2 else 0.0
    swing = SwingReader(track, SEEN)
    place = swing.place(swing.middle("hip"), 0)[at] * TORSO
    assert np.isclose(place, swing.middle("hip")[at, 0] - expected, atol=1e-3)
