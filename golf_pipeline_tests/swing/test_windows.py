"""The plan of the pose stage: windows around what may be a swing, from few looks at a golfer whose swings are known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.windows import Window, first_stride, plan_windows
from golf_pipeline_tests.swing.stick_golfer import FINISH, StickGolfer, film_arms, join


def looks_at(track: LandmarkTrack, rows: np.ndarray) -> LandmarkTrack:
    return LandmarkTrack(
        frame=track.frame[rows],
        time_s=track.time_s[rows],
        xyz=track.xyz[rows],
        visibility=track.visibility[rows],
        world=track.world[rows],
        width=track.width,
        height=track.height,
        cuts=track.cuts,
    )


def first_looks(track: LandmarkTrack, phase: int = 0, fps: float = 30.0) -> LandmarkTrack:
    """Few looks, the first and the last of each scene among them."""
    borders = [0, *track.cuts, len(track)]
    rows = {
        row
        for start, stop in pairwise(borders)
        for row in [start, *range(start + phase, stop, first_stride(fps, 1)), stop - 1]
    }
    return looks_at(track, np.array(sorted(rows)))


def with_windows(track: LandmarkTrack, phase: int = 0) -> LandmarkTrack:
    """What the pose stage makes of a track: first looks, and all of each window's."""
    first = first_looks(track, phase)
    windows = plan_windows(first)
    outside = [n for n in first.frame.tolist() if not any(one.first <= n <= one.last for one in windows)]
    return looks_at(track, np.array(sorted({*outside, *(n for one in windows for n in one.frames)})))


def still(golfer: StickGolfer, count: int) -> LandmarkTrack:
    return film_arms(golfer, np.zeros(count), np.zeros(count))


@given(st.integers(0, 5), st.sampled_from([0.0, 45.0, 90.0]), st.floats(5.5, 9.5))
def test_a_swing_in_a_long_clip_lies_in_one_window_wherever_the_looks_fall(
    phase: int, azimuth_deg: float, downswing: float
) -> None:
    golfer = StickGolfer(azimuth_deg=azimuth_deg, before=15, after=20, downswing=downswing)
    track = golfer.track()
    (window,) = plan_windows(first_looks(track, phase))
    assert window.every == 1
    assert window.first <= golfer.address - 3
    assert window.last >= golfer.top + FINISH * golfer.downswing
    assert window.last - window.first < 0.6 * len(track)


@settings(deadline=None)  # the first call imports half of SciPy
@given(st.integers(0, 5))
def test_the_events_are_those_of_every_frame(phase: int) -> None:
    track = StickGolfer(azimuth_deg=20, before=15, after=20, downswing=7.5).track()
    few = with_windows(track, phase)
    assert len(few) < 0.6 * len(track)
    all_frames = [event.frame for event in segment_swing(track).events]
    assert [event.frame for event in segment_swing(few).events] == pytest.approx(all_frames, abs=1)


def test_two_swings_have_a_window_each_and_both_are_found() -> None:
    golfer = StickGolfer(before=14, after=12)
    track = join(golfer.track(), golfer.track())
    windows = plan_windows(first_looks(track))
    assert len(windows) == 2
    assert windows[0].last < windows[1].first
    for window, top in zip(windows, (golfer.top, golfer.top + len(track) / 2), strict=True):
        assert window.first < top < window.last
    assert sum(candidate.complete for candidate in segment_swing(with_windows(track)).candidates) == 2


def test_a_window_ends_at_a_cut() -> None:
    golfer = StickGolfer(before=14, after=4)
    track = join(golfer.track(), golfer.track(), cut=True)
    (cut,) = track.cuts
    windows = plan_windows(first_looks(track))
    assert [window.first >= cut for window in windows] == [False, True]
    assert windows[0].last == cut - 1, "so short a rest of the scene is not left out"


def test_slow_motion_is_looked_at_less_often_and_its_events_hardly_move() -> None:
    golfer = StickGolfer(downswing=40, before=4.5, after=4)
    track = golfer.track()
    (window,) = plan_windows(first_looks(track))
    assert window.every == 2
    all_frames = [event.frame for event in segment_swing(track).events]
    tenth = golfer.downswing / 10
    assert [event.frame for event in segment_swing(with_windows(track)).events] == pytest.approx(all_frames, abs=tenth)


@given(st.floats(5, 14), st.integers(0, 5))
def test_a_downswing_in_real_time_is_never_looked_at_less_often(downswing: float, phase: int) -> None:
    track = StickGolfer(downswing=downswing, before=12, after=8).track()
    assert all(window.every == 1 for window in plan_windows(first_looks(track, phase)))


@pytest.mark.parametrize("size_of_swing", [0.0, 0.15])
def test_a_golfer_who_stands_or_waggles_has_no_window(size_of_swing: float) -> None:
    golfer = StickGolfer(before=15, after=20, size_of_swing=size_of_swing, noise=0.01)
    assert plan_windows(first_looks(golfer.track())) == []


def test_a_recording_that_ends_in_the_backswing_is_seen_to_its_end() -> None:
    golfer = StickGolfer(before=20, after=0)
    whole = golfer.track()
    end = int(golfer.top) - 2
    cut_short = looks_at(whole, np.arange(end))
    (window,) = plan_windows(first_looks(cut_short))
    assert window.last == end - 1


def test_a_short_loss_of_the_golfer_is_looked_into() -> None:
    track = still(StickGolfer(), 300)
    track.xyz[150:160] = np.nan
    (window,) = plan_windows(first_looks(track))
    assert window.first < 150
    assert window.last > 160
    track.xyz[150:250] = np.nan
    assert plan_windows(first_looks(track)) == [], "who is away for seconds does not swing"


def test_nobody_in_view_has_no_window() -> None:
    track = still(StickGolfer(), 60)
    track.xyz[:] = np.nan
    assert plan_windows(first_looks(track)) == []


def test_a_window_of_a_fast_recording_is_never_finer_than_asked() -> None:
    golfer = StickGolfer(downswing=32, before=15, after=15, fps=120)
    (window,) = plan_windows(looks_at(golfer.track(), np.arange(0, 960, first_stride(120, 2))), finest=2)
    assert window.every == 2
    assert list(Window(4, 9, 2).frames) == [4, 6, 8]


@pytest.mark.parametrize(("fps", "finest", "stride"), [(30, 1, 6), (29.97, 1, 6), (60, 1, 12), (240, 4, 48), (4, 1, 1)])
def test_first_looks_are_five_a_second(fps: float, finest: int, stride: int) -> None:
    assert first_stride(fps, finest) == stride
