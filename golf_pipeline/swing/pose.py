"""The golfer's pose over a whole video: few looks everywhere, every frame where a swing may be, one track.

Here: which frames are looked at, at what size, and the loop that looks. Where a swing may be is planned by
`windows.py`; decoding is `sampling.py`; the landmarker itself, and who is followed first among several people, is
`landmarker.py`; who of them swings is `people.py`; which file it uses is `pose_model.py`.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np

from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.errors import ErrorCode, SwingNotFound
from golf_pipeline.swing.landmarker import CHANNELS, Body, BodyFollower
from golf_pipeline.swing.landmarks import LANDMARKS, LandmarkTrack
from golf_pipeline.swing.people import Shown, others_seen, shown_swing
from golf_pipeline.swing.pose_model import model_label
from golf_pipeline.swing.sampling import Look, VideoSampler, ahead
from golf_pipeline.swing.windows import SHORT_CLIP_S, Window, first_stride, plan_windows

ALGORITHM_VERSION = "3"

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
# Pictures of a scene that are searched for others than whoever was followed: somebody hidden behind him in one of them,
# or walking by, stands free in the next.
LOOKS_FOR_OTHERS = 3

Progress = Callable[[int, int], None]


def track_pose(path: Path, facts: VideoFacts, model: Path, on_progress: Progress | None = None) -> LandmarkTrack:
    """Landmarks of the golfer in the frames looked at, with the scene cuts.

    A short clip is looked at in every frame (at most `MOST_LOOKS_PER_S`). A longer one gets a few looks a second, and
    all frames only in the windows in which a swing may be: the track's frame numbers have gaps outside them. Where
    whoever was followed shows no complete swing, the others in the picture are tried (`people.py`).

    Args:
        path: the video.
        facts: what `probe_video` said about it.
        model: a file from `find_pose_model`.
        on_progress: called with (looks done, looks in all) after each look; how many they are in all is known once the
            windows are planned, before that every frame is counted. They become more where others are tried.

    Raises:
        SwingNotFound: NO_GOLFER, nobody is in view for long enough.
        VideoRefused: the video stops decoding half-way.
    """
    finest = frame_stride(facts.fps)
    video = VideoSampler(path, LONGER_SIDE_PX, finest)
    with BodyFollower(model) as follower:
        count = _Count(ceil(facts.frame_count / finest), on_progress)
        looks = _Looks(_Stage(facts, model_label(model), video, follower, count))
        is_short = facts.duration_s <= SHORT_CLIP_S
        looks.take(video.survey(finest if is_short else first_stride(facts.fps, finest)))
        _require_golfer(looks.track(), facts)
        if not is_short:
            looks.look_closer(plan_windows(looks.track(), finest))
        return _whoever_swings(looks).track()


def frame_stride(fps: float) -> int:
    """Every how many frames the pose is looked at where it counts, so that at most `MOST_LOOKS_PER_S` are.

    A whole number keeps the looks evenly spaced: later stages filter and differentiate.
    """
    return max(1, ceil(fps / MOST_LOOKS_PER_S - RATE_TOLERANCE))


@dataclass
class _Count:
    """The looks made at a video so far, and those expected."""

    expected: int
    on_progress: Progress | None
    done: int = 0

    def one_more(self) -> None:
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(self.done, max(self.expected, self.done))


@dataclass(frozen=True)
class _Stage:
    """What all looks at one video share."""

    facts: VideoFacts
    model: str
    video: VideoSampler
    follower: BodyFollower
    count: _Count

    @property
    def finest(self) -> int:
        return frame_stride(self.facts.fps)


@dataclass(frozen=True)
class _Stretch:
    """Frames to look at, and who is followed there; None: whoever looks most like the golfer, as in a new scene."""

    numbers: list[int]
    golfer: Body | None


class _Looks:
    """Looks at the golfer of a video as the follower chooses him, or at one person of one scene and nobody else."""

    def __init__(self, stage: _Stage, person: Body | None = None) -> None:
        self.stage = stage
        self._person = person
        self._seen: dict[int, tuple[float, Body | None]] = {}

    def take(self, looks: Generator[Look], golfer: Body | None = None) -> None:
        """Look at these frames, one after the other; the first may be of another time than the last look was.

        Args:
            golfer: whom to follow, as seen near the first frame; None: whoever is followed, or a new choice.
        """
        follower = self.stage.follower
        body: Body | None = None
        with closing(ahead(looks)) as frames:
            for look in frames:
                if look.new_scene:
                    follower.new_scene()
                if golfer is not None and look.image is not None:
                    body, golfer = follower.jump_to(look.image, golfer), None
                elif look.image is not None:
                    body = follower.look(look.image)
                self._seen[look.number] = look.time_s, body
                self.stage.count.one_more()

    def look_closer(self, windows: list[Window]) -> None:
        """Look at all frames of some windows."""
        stretches = [self._start_of(window, keep=window.every > self.stage.finest) for window in windows]
        self._take_stretches(stretches)

    def look_at_scene(self, numbers: Sequence[int]) -> None:
        """Look at these frames of the person's scene, in order, and drop the looks made before."""
        self._seen.clear()
        self._take_stretches([_Stretch(list(numbers), None)])

    def _take_stretches(self, stretches: list[_Stretch]) -> None:
        count = self.stage.count
        count.expected = count.done + sum(len(stretch.numbers) for stretch in stretches)
        for stretch in stretches:
            if stretch.golfer is None:
                self._begin()
            self.take(self.stage.video.stretch(stretch.numbers), stretch.golfer)

    def _begin(self) -> None:
        if self._person is None:
            self.stage.follower.new_scene()
        else:
            self.stage.follower.keep_to(self._person)

    def _start_of(self, window: Window, *, keep: bool) -> _Stretch:
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

    def scenes(self) -> list[range]:
        """The frames of each scene that shows the person for long enough to swing, at the finest stride."""
        facts, frames = self.stage.facts, []
        for start, stop in pairwise([0, *self.stage.video.cuts, facts.frame_count]):
            numbers = [number for number in self._seen if start <= number < stop]
            seen = sum(self._seen[number][1] is not None for number in numbers)
            if seen >= 2 and seen / len(numbers) * (stop - start) / facts.fps >= LEAST_GOLFER_S:
                frames.append(range(min(numbers), max(numbers) + 1, self.stage.finest))
        return frames

    def others_in(self, scene: range) -> list[Body]:
        """Who else is in a scene, the likeliest golfer first."""
        seen = [number for number in scene if number in self._seen and self._seen[number][1] is not None]
        sightings = []
        for row in np.unique(np.linspace(0, len(seen) - 1, LOOKS_FOR_OTHERS).round().astype(int)).tolist():
            followed = self._seen[seen[row]][1]
            for look in self.stage.video.stretch([seen[row]]):
                if followed is not None and look.image is not None:
                    sightings.append(self.stage.follower.everybody(look.image, (followed,))[1:])
        return others_seen(sightings, self.stage.facts.width / self.stage.facts.height)

    def instead(self, other: "_Looks", scene: range) -> "_Looks":
        """These looks with another person's in one scene."""
        looks = _Looks(self.stage)
        looks._seen = {number: one for number, one in self._seen.items() if not scene[0] <= number <= scene[-1]}
        looks._seen |= other._seen
        return looks

    def track(self) -> LandmarkTrack:
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
            width=self.stage.facts.width,
            height=self.stage.facts.height,
            cuts=self.stage.video.cuts,
            model=self.stage.model,
        )


def _whoever_swings(looks: _Looks) -> _Looks:
    """The looks as they are if they show a complete swing, else those at the person who shows more of one, if any."""
    best, shown = looks, shown_swing(looks.track())
    for scene in looks.scenes() if shown is not Shown.COMPLETE else ():
        for person in looks.others_in(scene):
            other = _looks_at(looks.stage, person, scene)
            if other is None:
                continue
            changed = looks.instead(other, scene)
            if (more := shown_swing(changed.track())) > shown:
                best, shown = changed, more
            if shown is Shown.COMPLETE:
                return best
    return best


def _looks_at(stage: _Stage, person: Body, scene: range) -> _Looks | None:
    """Looks at one person of a scene as `track_pose` makes them; None after a few if the hands never rise."""
    looks = _Looks(stage, person)
    few = first_stride(stage.facts.fps, stage.finest)
    looks.look_at_scene(sorted({*range(scene[0], scene[-1], few), scene[-1]}))
    windows = plan_windows(looks.track(), stage.finest)
    if not windows:
        return None
    if stage.facts.duration_s <= SHORT_CLIP_S:
        looks.look_at_scene(scene)
    else:
        looks.look_closer(windows)
    return looks


def _require_golfer(track: LandmarkTrack, facts: VideoFacts) -> None:
    seen_s = track.coverage * facts.duration_s
    if seen_s < LEAST_GOLFER_S:
        raise SwingNotFound(
            ErrorCode.NO_GOLFER,
            "We could not see a golfer in this video. Please film the whole body, from head to feet, in good light.",
            detail=f"a body in {track.coverage:.0%} of {len(track)} frames, {seen_s:.2f} s",
        )
