"""Where in a clip a swing may be: few looks over all of it, then every frame only around a rise of the hands.

Belongs here: the plan, made from the landmarks of the first looks. Who looks is `pose.py`'s work; what makes a rise and
fall a swing is `candidates.py`'s, which sees the finished track and refuses what does not belong.

A real downswing lasts a quarter of a second and may lie between two looks, impact with it. What no spacing of
1 / `FIRST_LOOKS_PER_S` can miss is the rise before it: from the lead arm's horizontal in the backswing to that in the
downswing the hands are up for two fifths of a second (GolfDB: 0.36 of address..impact, 1.1 s). So each rise of the
hands to above the hips gets a window, wide enough for the swing that may follow, in proportion to the rise: slow motion
stretches both alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.signals import Floats, last_crossing, next_crossing, turning_points

FIRST_LOOKS_PER_S = 5.0
"""First looks per second of recording: two while the hands are up in a real backswing."""

SHORT_CLIP_S = 4.5
"""A window takes 2.7 s and the first looks a fifth of the clip: below this the two passes look about as often as one
over every frame, and that one is simpler."""

LEAST_RISE = 0.35
"""Torso lengths that the hands rise. `candidates` asks for 0.42 in the finished track (0.6 of descent, 0.7 of it before
the top); the highest of a few looks lies a little below the top."""

LOW_HANDS = 0.4
"""Torso lengths above the hips from which hands that rise were up already: the play of a finish, not a backswing. At
address they hang 0-0.4 below the hips, at impact a little higher (data/videos)."""

BEFORE_RISE = (0.85, 4.0)
AFTER_RISE = (1.4, 5.0)
AFTER_FOLLOW_THROUGH = (0.85, 3.5)
"""Room before and after the time in which the hands rise from 20 to 80 %: seconds in real time, and multiples of what
that time is longer than `REAL_RISE_S`. In a real swing it lies 0.4 s after the address (0.8 s at the slowest) and 0.4 s
before impact; the finish is searched for 4 downswings of 0.23 s after impact (`placement`; GolfDB, n = 758). On 16
clips of data/videos, thinned to these windows in two phases, no event moves by more than a frame."""

FOLLOWS_WITHIN = (0.8, 3.0)
"""The same for the time until the next rise, if that is the follow-through of this one."""

REAL_RISE_S = 0.35
"""Seconds that a real rise seems to take at most: 0.2, read off looks as far apart (data/videos: 0.16-0.36)."""

LOOKS_PER_FALL = 4.0
"""Looks while the hands fall from 80 to 20 % that are enough: what a real downswing has at 30 a second."""

LARGEST_STEP = 0.45
"""Share of the descent by which the hands fall between two first looks while these still follow them: a fall that is
over in two steps may have been of any speed."""

MOST_STRIDE = 2
"""An event is the nearest frame looked at: at every other frame, at most one beside it."""

SMALLEST_FALL = 0.6
"""Torso lengths of a fall of the hands that may be a downswing (`candidates.SMALLEST_DESCENT`)."""

SHORTEST_GAP_S = 0.5
"""A pause between two windows, or between a window and the scene's end, that is not worth stopping for."""

LONGEST_LOSS_S = 1.5
"""A golfer out of sight for no longer may be swinging: the first looks lost him, the next frames may not."""


@dataclass(frozen=True)
class Window:
    """Frames `first` to `last` (numbers in the video, both included), of which each `every`-th is looked at."""

    first: int
    last: int
    every: int = 1
    starts_scene: bool = False

    @property
    def frames(self) -> range:
        """The numbers of the frames that are looked at."""
        return range(self.first, self.last + 1, self.every)


@dataclass(frozen=True)
class _Span:
    """A stretch of time in seconds."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class _Hands:
    """The looks of one scene that hold a body: times in seconds, frame numbers, heights in torso lengths."""

    times: Floats
    frames: NDArray[np.int64]
    height: Floats
    hips: Floats


def plan_windows(first_looks: LandmarkTrack, finest: int = 1) -> list[Window]:
    """The frames in which a swing may lie, in order and apart; none where the hands never rise.

    Args:
        first_looks: the pose at a few frames of every scene, the first and the last of each among them.
        finest: every how many frames the pose is looked at where it counts (`pose.frame_stride`).
    """
    windows = []
    for scene in _scenes(first_looks):
        times, frames = first_looks.time_s[scene], first_looks.frame[scene]
        hands = _hands(first_looks, np.flatnonzero(first_looks.found[scene]) + scene.start)
        spans = _merged([*_rises(hands), *_losses(hands, times)], float(times[0]), float(times[-1]))
        for span in spans:
            first, last = np.interp([span.start_s, span.end_s], times, frames.astype(np.float64))
            window = Window(int(np.floor(first)), int(np.ceil(last)), finest, bool(first <= frames[0]))
            windows.append(replace(window, every=max(finest, min(MOST_STRIDE, _slowness(hands, window)))))
    return windows


def first_stride(fps: float, finest: int) -> int:
    """Every how many frames the first looks are made."""
    return max(finest, round(fps / FIRST_LOOKS_PER_S))


def _scenes(track: LandmarkTrack) -> Iterator[slice]:
    borders = [0, *np.searchsorted(track.frame, sorted(track.cuts)).tolist(), len(track)]
    for start, stop in pairwise(borders):
        if track.found[start:stop].sum() >= 2:
            yield slice(start, stop)


def _hands(track: LandmarkTrack, seen: NDArray[np.int64]) -> _Hands:
    """Like `signals.hand_height` but not despiked: among few looks the top of a swing may be a single one."""
    sides = [INDEX["left_wrist"], INDEX["right_wrist"]]
    weight = track.visibility[seen][:, sides].astype(np.float64) ** 2 + 1e-3
    hands = (track.pixels[seen][:, sides, 1] * weight).sum(axis=1) / weight.sum(axis=1)
    shoulders, hips, ankles = (track.midpoint(part)[seen] for part in ("shoulder", "hip", "ankle"))
    torso = max(float(np.median(np.linalg.norm(shoulders - hips, axis=1))), 1e-6)
    ground = float(np.median(ankles[:, 1]))
    return _Hands(track.time_s[seen], track.frame[seen], (ground - hands) / torso, (ground - hips[:, 1]) / torso)


def _rises(hands: _Hands) -> Iterator[_Span]:
    height = hands.height
    latest_follow_s = -np.inf
    for low, high in pairwise(turning_points(height, LEAST_RISE)):
        risen = float(height[high] - height[low])
        was_up = low > 0 and height[low] > hands.hips[low] + LOW_HANDS  # who is up at the start may be in a backswing
        if risen < 0 or height[high] < hands.hips[high] or was_up:
            continue
        done = next_crossing(height, float(height[low]) + 0.8 * risen, low, high)
        begun = last_crossing(height, float(height[low]) + 0.2 * risen, int(np.ceil(done)), low)
        begun_s, done_s = np.interp([begun, done], np.arange(len(height)), hands.times).tolist()
        after = AFTER_FOLLOW_THROUGH if begun_s <= latest_follow_s else AFTER_RISE
        yield _Span(begun_s - _room(BEFORE_RISE, done_s - begun_s), done_s + _room(after, done_s - begun_s))
        latest_follow_s = done_s + _room(FOLLOWS_WITHIN, done_s - begun_s)


def _room(least: tuple[float, float], rise_s: float) -> float:
    seconds, times = least
    return seconds + times * max(0.0, rise_s - REAL_RISE_S)


def _losses(hands: _Hands, times: Floats) -> Iterator[_Span]:
    """Stretches between two looks that saw the golfer in which others did not."""
    for start_s, end_s in pairwise(hands.times.tolist()):
        is_lost = bool(np.any((times > start_s) & (times < end_s)))
        if is_lost and end_s - start_s <= LONGEST_LOSS_S:
            yield _Span(start_s - BEFORE_RISE[0], end_s + AFTER_RISE[0])


def _slowness(hands: _Hands, window: Window) -> int:
    """Every how many frames a look is enough for the fastest motion in a window; 1 unless a slow downswing is seen.

    A fall that is not seen went by between two looks: it was fast.
    """
    inside = (hands.frames >= window.first) & (hands.frames <= window.last)
    height, frames = hands.height[inside], hands.frames[inside]
    falls = [float(height[a] - height[b]) for a, b in pairwise(turning_points(height, LEAST_RISE))]
    if max(falls, default=0.0) < SMALLEST_FALL:
        return 1
    steps, descent = np.abs(np.diff(height)), max(falls)
    if float(steps.max()) > LARGEST_STEP * descent:
        return 1
    fastest = float((steps / np.diff(frames)).max())
    return int(0.6 * descent / fastest / LOOKS_PER_FALL)


def _merged(spans: list[_Span], start_s: float, end_s: float) -> list[_Span]:
    """Spans within a scene, those that (nearly) touch made one; one that nearly reaches an end of it does."""
    merged: list[_Span] = []
    for span in sorted(spans, key=lambda one: one.start_s):
        begin = start_s if span.start_s < start_s + SHORTEST_GAP_S else span.start_s
        end = end_s if span.end_s > end_s - SHORTEST_GAP_S else span.end_s
        if merged and begin <= merged[-1].end_s + SHORTEST_GAP_S:
            last = merged.pop()
            merged.append(_Span(last.start_s, max(last.end_s, end)))
        else:
            merged.append(_Span(begin, end))
    return merged
