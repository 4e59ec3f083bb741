"""One-dimensional signals made from a landmark track: resampling, despiking, zero-phase filters, turning points.

Belongs here: arithmetic on the time line of one scene that knows nothing of golf events. What a swing is lives in
`candidates.py`, where its events lie in `placement.py`.

No function holds a constant in seconds: slow motion stretches a swing up to twenty times, so every width is a number of
samples that the caller derives from the motion itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack

Floats = NDArray[np.float64]

HAMPEL_DEVIATIONS = 3.0
"""A sample further than this many robust standard deviations from its neighbours' median is a spike (Hampel's rule)."""

SMALLEST_SPIKE = 0.15
"""Torso lengths. Wrist jitter is below 0.05 on GolfDB's 160-pixel clips; no hand jumps 0.15 and back."""


@dataclass(frozen=True)
class Scene:
    """One uncut stretch of a track on an even time grid (n samples, one per median frame gap).

    Attributes:
        start_s, step_s: time of sample 0 and between samples, recording seconds.
        points: (n, 33, 2) pixels, gaps interpolated.
        depth: (n, 33) the model's z in pixels, negative toward the camera; its sign is of use, not its size.
        visibility: (n, 33) in 0..1, 0 where nobody was found.
        found: (n,) whether the analysed frame at the sample holds a body; between two analysed frames, whether both do.
        torso: median mid-shoulder to mid-hip distance in pixels.
        frames, times: the analysed frames of the scene and their presentation times, to go back from samples to frames.
    """

    start_s: float
    step_s: float
    points: Floats
    depth: Floats
    visibility: Floats
    found: NDArray[np.bool_]
    torso: float
    frames: NDArray[np.int64]
    times: Floats

    def __len__(self) -> int:
        return len(self.found)

    def point(self, name: str) -> Floats:
        """(n, 2) pixels of one landmark."""
        return self.points[:, INDEX[name]]

    def midpoint(self, part: str) -> Floats:
        """(n, 2) pixels between the left and right landmark of a part."""
        return (self.point(f"left_{part}") + self.point(f"right_{part}")) / 2

    def seen(self, *names: str) -> Floats:
        """(n,) mean visibility of some landmarks."""
        return np.asarray(self.visibility[:, [INDEX[name] for name in names]].mean(axis=1), dtype=np.float64)

    def exact_frame(self, sample: float) -> float:
        """The (fractional) frame number at a (fractional) sample."""
        return float(np.interp(self.start_s + sample * self.step_s, self.times, self.frames.astype(np.float64)))

    def sample_of(self, exact_frame: float) -> float:
        """The (fractional) sample at a (fractional) frame number: the inverse of `exact_frame`."""
        return (float(np.interp(exact_frame, self.frames.astype(np.float64), self.times)) - self.start_s) / self.step_s

    def nearest_frame(self, sample: float) -> int:
        """Position in `frames` of the analysed frame nearest in time to a sample."""
        return int(np.argmin(np.abs(self.times - (self.start_s + sample * self.step_s))))


def split_scenes(track: LandmarkTrack) -> list[Scene]:
    """The uncut stretches of a track that hold a body in at least two frames, in order.

    A gap inside a scene is bridged by straight lines; nothing is bridged across a cut, and nothing is invented before
    the first or after the last frame with a body.
    """
    borders = np.searchsorted(track.frame, sorted(track.cuts))
    scenes = []
    for start, stop in zip([0, *borders.tolist()], [*borders.tolist(), len(track)], strict=True):
        seen = start + np.flatnonzero(track.found[start:stop])
        if len(seen) >= 2:
            scenes.append(_scene(track, int(seen[0]), int(seen[-1]) + 1))
    return scenes


def _scene(track: LandmarkTrack, start: int, stop: int) -> Scene:
    times, found = track.time_s[start:stop], track.found[start:stop]
    frames = track.frame[start:stop]
    step = float(np.median(np.diff(times) / np.diff(frames)))
    count = round(float(times[-1] - times[0]) / step) + 1
    grid = times[0] + step * np.arange(count)
    points = _on_grid(track.pixels[start:stop], times, found, grid)
    depth = _on_grid(track.xyz[start:stop, :, 2].astype(np.float64) * track.width, times, found, grid)
    visibility = np.nan_to_num(track.visibility[start:stop].astype(np.float64))
    nearest = np.clip(np.searchsorted(times, grid - step / 2), 0, len(times) - 1)
    shoulders = (points[:, INDEX["left_shoulder"]] + points[:, INDEX["right_shoulder"]]) / 2
    hips = (points[:, INDEX["left_hip"]] + points[:, INDEX["right_hip"]]) / 2
    is_found = found[nearest] & (found[np.maximum(nearest - 1, 0)] | (times[nearest] <= grid + step / 2))
    return Scene(
        start_s=float(times[0]),
        step_s=step,
        points=points,
        depth=depth,
        visibility=visibility[nearest] * is_found[:, None],
        found=is_found,
        torso=float(np.median(np.linalg.norm(shoulders - hips, axis=1))),
        frames=frames,
        times=times,
    )


def _on_grid(values: Floats, times: Floats, found: NDArray[np.bool_], grid: Floats) -> Floats:
    """(n, ...) values at the grid's times, on straight lines between the frames with a body."""
    known, channels = times[found], values[found].reshape(int(found.sum()), -1).T
    columns = [np.interp(grid, known, channel) for channel in channels]
    return np.stack(columns, axis=1).reshape(len(grid), *values.shape[1:])


def hand_height(scene: Scene) -> Floats:
    """(n,) height of the hands above the ankles in torso lengths, up positive, despiked.

    y only, so free of view, hand and scale. Both hands hold the club: their heights are averaged with the square of
    the wrists' visibility as weight, so the hidden wrist of a down-the-line clip hardly counts.
    """
    sides = [INDEX["left_wrist"], INDEX["right_wrist"]]
    weight = scene.visibility[:, sides] ** 2 + 1e-3
    hands = (scene.points[:, sides, 1] * weight).sum(axis=1) / weight.sum(axis=1)
    ankles = float(np.median(scene.midpoint("ankle")[:, 1]))
    return despike((ankles - hands) / scene.torso)


def despike(values: Floats, reach: int = 2) -> Floats:
    """Replace samples that stand out from their (2 reach + 1) neighbours by the median of those (Hampel filter)."""
    # Reflected, not repeated: a spike on the last sample would otherwise be its own majority.
    padded = np.pad(values, reach, mode="reflect" if len(values) > reach else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    median = np.median(windows, axis=1)
    spread = 1.4826 * np.median(np.abs(windows - median[:, None]), axis=1)
    is_spike = np.abs(values - median) > np.maximum(HAMPEL_DEVIATIONS * spread, SMALLEST_SPIKE)
    return np.where(is_spike, median, values)


def smooth(values: Floats, sigma: float) -> Floats:
    """Zero-phase Gaussian low-pass along axis 0, sigma in samples; the ends are reflected about the end value."""
    if sigma <= 0 or len(values) < 2:
        return values.copy()
    reach = min(int(np.ceil(3 * sigma)), len(values) - 1)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    flat = values.reshape(len(values), -1)
    padded = np.pad(flat, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    filtered = np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)
    return np.asarray(filtered.reshape(values.shape), dtype=np.float64)


def turning_points(values: Floats, swing: float) -> list[int]:
    """Samples at which a signal turns by at least `swing` (same unit as the values), alternating high and low.

    The first and the last extreme are included, so the list starts and ends at the edge extremes. A signal that never
    moves by `swing` has none.
    """
    turns: list[int] = []
    low = high = 0
    direction = 0
    for sample, value in enumerate(values):
        if value > values[high]:
            high = sample
        if value < values[low]:
            low = sample
        if direction >= 0 and value <= values[high] - swing:
            turns.append(high)
            direction, low, high = -1, sample, sample
        elif direction <= 0 and value >= values[low] + swing:
            turns.append(low)
            direction, low, high = 1, sample, sample
    if direction:
        turns.append(high if direction == 1 else low)
    return turns


def lowest_point(values: Floats, sample: int) -> float:
    """Sub-sample position of the minimum next to a sample, from the parabola through it and its two neighbours."""
    if not 0 < sample < len(values) - 1:
        return float(sample)
    before, here, after = values[sample - 1 : sample + 2]
    curvature = before - 2 * here + after
    if curvature <= 0:
        return float(sample)
    return sample + float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5))


def last_crossing(values: Floats, level: float, before: int, not_before: int = 0) -> float:
    """Sub-sample position of the last crossing of a level in not_before..before, else not_before."""
    above = values[before] > level
    for sample in range(before - 1, not_before - 1, -1):
        if (values[sample] > level) != above:
            return sample + float((level - values[sample]) / (values[sample + 1] - values[sample]))
    return float(not_before)


def next_crossing(values: Floats, level: float, after: int, not_after: int | None = None) -> float:
    """Sub-sample position of the first crossing of a level in after..not_after, else not_after."""
    end = len(values) - 1 if not_after is None else not_after
    above = values[after] > level
    for sample in range(after + 1, end + 1):
        if (values[sample] > level) != above:
            return sample - 1 + float((level - values[sample - 1]) / (values[sample] - values[sample - 1]))
    return float(end)


BODY = (
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
)


def body_path(scene: Scene) -> Floats:
    """(n, 20) x and y of the ten great joints in torso lengths, each despiked."""
    joints = scene.points[:, [INDEX[name] for name in BODY]].reshape(len(scene), -1) / scene.torso
    return np.stack([despike(column) for column in joints.T], axis=1)


def speed_of(path: Floats, sigma: float) -> Floats:
    """(n,) mean speed of a path's joints in torso lengths a sample; path (n, 2 joints), low-pass of sigma samples."""
    velocity = np.gradient(smooth(path, sigma), axis=0).reshape(len(path), -1, 2)
    return np.asarray(np.linalg.norm(velocity, axis=2).mean(axis=1), dtype=np.float64)
