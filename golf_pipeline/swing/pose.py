"""The golfer's pose over a whole video: few looks everywhere, every frame where a swing may be, one track.

Here: which frames are looked at, at what size, and the loop that looks. Where a swing may be is planned by
`windows.py`; decoding is `sampling.py`; the landmarker itself, and who is followed among several people, is
`landmarker.py`; which file it uses is `pose_model.py`.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.errors import ErrorCode, SwingNotFound
from golf_pipeline.swing.landmarker import CHANNELS, Body, BodyFollower
from golf_pipeline.swing.landmarks import LANDMARKS, LandmarkTrack
from golf_pipeline.swing.pose_model import model_label
from golf_pipeline.swing.sampling import Look, VideoSampler, ahead
from golf_pipeline.swing.windows import SHORT_CLIP_S, Window, first_stride, plan_windows

ALGORITHM_VERSION = "2"

# Longer side of the pictures that the landmarker sees, in pixels. The network itself sees 256x256 of the golfer's
# surroundings, so that a golfer who fills a quarter of the height still arrives at full resolution; a frame scaled to
# 540 wide lands within 0.8 pixel of the full one (DESIGN.md), and 960 is that for the usual 9:16.
LONGER_SIDE_PX = 960
# Looks per second of recording. Real-time clips have 30 to 60; slow motion at 120 or 240 still gets 60 a second.
MOST_LOOKS_PER_S = 60.0
# Rates are nominal: 59.94 and 60.02 are both "60".
RATE_TOLERANCE = 0.05
# Seconds with a body in view below which there can be no swing: address to impact takes 0.8 s and more in 95 % of
# GolfDB, slow motion only lengthens it, and no event sequence can be placed on half of it.
LEAST_GOLFER_S = 0.4

Progress = Callable[[int, int], None]


def track_pose(path: Path, facts: VideoFacts, model: Path, on_progress: Progress | None = None) -> LandmarkTrack:
    """Landmarks of the golfer in the frames looked at, with the scene cuts.

    A short clip is looked at in every frame (at most `MOST_LOOKS_PER_S`). A longer one gets a few looks a second, and
    all frames only in the windows in which a swing may be: the track's frame numbers have gaps outside them.

    Args:
        path: the video.
        facts: what `probe_video` said about it.
        model: a file from `find_pose_model`.
        on_progress: called with (looks done, looks in all) after each look; how many they are in all is known once the
            windows are planned, before that every frame is counted.

    Raises:
        SwingNotFound: NO_GOLFER, nobody is in view for long enough.
        VideoRefused: the video stops decoding half-way.
    """
    finest = frame_stride(facts.fps)
    video = VideoSampler(path, LONGER_SIDE_PX, finest)
    with BodyFollower(model) as follower:
        looks = _Looks(follower, ceil(facts.frame_count / finest), on_progress)
        is_short = facts.duration_s <= SHORT_CLIP_S
        looks.take(video.survey(finest if is_short else first_stride(facts.fps, finest)))
        first = looks.track(facts, video.cuts, model)
        _require_golfer(first, facts)
        if is_short:
            return first
        stretches = [looks.start_of(window, keep=window.every > finest) for window in plan_windows(first, finest)]
        looks.expected = len(first) + sum(len(stretch.numbers) for stretch in stretches)
        for stretch in stretches:
            if stretch.golfer is None:
                follower.new_scene()
            looks.take(video.stretch(stretch.numbers), stretch.golfer)
        return looks.track(facts, video.cuts, model)


def frame_stride(fps: float) -> int:
    """Every how many frames the pose is looked at where it counts, so that at most `MOST_LOOKS_PER_S` are.

    A whole number keeps the looks evenly spaced: later stages filter and differentiate.
    """
    return max(1, ceil(fps / MOST_LOOKS_PER_S - RATE_TOLERANCE))


@dataclass(frozen=True)
class _Stretch:
    """Frames to look at, and who is followed there; None: whoever looks most like the golfer, as in a new scene."""

    numbers: list[int]
    golfer: Body | None


class _Looks:
    """The looks made at one video so far."""

    def __init__(self, follower: BodyFollower, expected: int, on_progress: Progress | None) -> None:
        self.expected = expected
        self._follower, self._on_progress = follower, on_progress
        self._done = 0
        self._seen: dict[int, tuple[float, Body | None]] = {}

    def take(self, looks: Generator[Look], golfer: Body | None = None) -> None:
        """Look at these frames, one after the other; the first may be of another time than the last look was.

        Args:
            golfer: whom to follow, as seen near the first frame; None: whoever is followed, or a new choice.
        """
        body: Body | None = None
        with closing(ahead(looks)) as frames:
            for look in frames:
                if look.new_scene:
                    self._follower.new_scene()
                if golfer is not None and look.image is not None:
                    body, golfer = self._follower.jump_to(look.image, golfer), None
                elif look.image is not None:
                    body = self._follower.look(look.image)
                self._seen[look.number] = look.time_s, body
                self._done += 1
                if self._on_progress is not None:
                    self._on_progress(self._done, max(self.expected, self._done))

    def start_of(self, window: Window, *, keep: bool) -> _Stretch:
        """What is to be looked at in a window; unless kept, the looks made in it so far are dropped.

        At full speed a follower that comes from six frames away jitters against one that sees each frame (events move
        by up to two frames). In slow motion the golfer has hardly moved by then, and the looks are as good as any.
        """
        inside = sorted(number for number in self._seen if window.first <= number <= window.last)
        golfers = (self._seen[number][1] for number in inside)
        golfer = None if window.starts_scene else next((body for body in golfers if body is not None), None)
        if keep:
            return _Stretch([number for number in window.frames if number not in self._seen], golfer)
        for number in inside:
            del self._seen[number]
        return _Stretch(list(window.frames), golfer)

    def track(self, facts: VideoFacts, cuts: tuple[int, ...], model: Path) -> LandmarkTrack:
        nobody = np.full((len(LANDMARKS), CHANNELS), np.nan, np.float32)
        numbers = sorted(self._seen)
        bodies = [nobody if (body := self._seen[number][1]) is None else body for number in numbers]
        channels = np.stack(bodies) if bodies else np.empty((0, *nobody.shape), np.float32)
        return LandmarkTrack(
            frame=np.array(numbers, np.int64),
            time_s=np.array([self._seen[number][0] for number in numbers], np.float64),
            xyz=channels[:, :, :3].copy(),
            visibility=channels[:, :, 3].copy(),
            world=channels[:, :, 4:].copy(),
            width=facts.width,
            height=facts.height,
            cuts=cuts,
            model=model_label(model),
        )


def _require_golfer(track: LandmarkTrack, facts: VideoFacts) -> None:
    seen_s = track.coverage * facts.duration_s
    if seen_s < LEAST_GOLFER_S:
        raise SwingNotFound(
            ErrorCode.NO_GOLFER,
            "We could not see a golfer in this video. Please film the whole body, from head to feet, in good light.",
            detail=f"a body in {track.coverage:.0%} of {len(track)} frames, {seen_s:.2f} s",
        )
