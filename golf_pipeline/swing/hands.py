"""The way of the hands through one swing: where they are, how high, how fast.

For pictures and charts; the events are found in `candidates.py` and `placement.py`, metrics are read in `readings.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName, SwingEvent
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.signals import Scene, despike, hand_height, smooth, split_scenes

Floats = NDArray[np.float64]

SMOOTHING_SHARE = 0.06
"""Width (one sigma) of the low-pass of height and speed as a share of the downswing: half of what a metric is read over
(`readings.py`), as more would flatten the peak of the speed."""

PATH_SHARE = 2 * SMOOTHING_SHARE
"""The same for the points, which are there to be looked at: the jitter of the wrists hides the path."""


@dataclass(frozen=True)
class HandPath:
    """The hands in the scene of a swing (n samples, even in time); NaN where no body was found.

    Attributes:
        frame: (n,) frame number, fractional between two looks of the pose stage.
        time_s: (n,) seconds of the recording.
        points: (n, 2) pixels of the upright image.
        height: (n,) torso lengths above the ankles.
        speed: (n,) torso lengths a second of the recording, in the plane of the picture.
    """

    frame: Floats
    time_s: Floats
    points: Floats
    height: Floats
    speed: Floats


def hand_path(track: LandmarkTrack, events: Sequence[SwingEvent]) -> HandPath | None:
    """The way of the hands in the scene that holds the top; None where no scene has a body around it."""
    at = {event.event: event for event in events}
    top, impact = at[EventName.TOP], at[EventName.IMPACT]
    scene = next((one for one in split_scenes(track) if one.frames[0] <= top.frame <= one.frames[-1]), None)
    if scene is None:
        return None
    downswing = (impact.time_s - top.time_s) / scene.step_s
    sigma = SMOOTHING_SHARE * downswing
    points = _points(scene)
    velocity = np.gradient(smooth(points, sigma), scene.step_s, axis=0) if len(scene) > 1 else points * np.nan
    known = np.where(scene.found, 1.0, np.nan)
    times: Floats = scene.start_s + scene.step_s * np.arange(len(scene), dtype=np.float64)
    return HandPath(
        frame=np.interp(times, scene.times, scene.frames.astype(np.float64)),
        time_s=times,
        points=smooth(points, PATH_SHARE * downswing) * known[:, None],
        height=smooth(hand_height(scene), sigma) * known,
        speed=np.linalg.norm(velocity, axis=1) / scene.torso * known,
    )


def _points(scene: Scene) -> Floats:
    """(n, 2) pixels: both wrists hold the club, the better seen one counts more; spikes taken out."""
    sides = [INDEX["left_wrist"], INDEX["right_wrist"]]
    weight = scene.visibility[:, sides, None] ** 2 + 1e-3
    hands = (scene.points[:, sides] * weight).sum(axis=1) / weight.sum(axis=1)
    return np.stack([despike(column / scene.torso) * scene.torso for column in hands.T], axis=1)
