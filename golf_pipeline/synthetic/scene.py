"""Everything that stands in front of the camera of one scene at one time: golfer, club, ball and bystanders."""

import dataclasses
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from golf_pipeline.synthetic import motion
from golf_pipeline.synthetic.body import Points, rotate
from golf_pipeline.synthetic.events import Values
from golf_pipeline.synthetic.figure import Figure, Material, build_figure, join_figures
from golf_pipeline.synthetic.performance import Performance, own_performance
from golf_pipeline.synthetic.spec import Bystander, ClipSpec

EXPOSURE_SAMPLES = 5
"""Moments that an open shutter is averaged from."""

# What tells somebody who watches from the golfer at address: radians and metres of `motion.py`'s curves.
_UPRIGHT = {
    "spine_bend": np.radians(3.0),
    "spine_side": 0.0,
    "pelvis_y": 0.930,
    "pelvis_z": -0.02,
    "arm_plane": np.radians(66.0),
    "arm_reach": 0.80,
    "gaze_pitch": np.radians(6.0),
}


def performance_of(scene: ClipSpec, capture: Path | None = None) -> Performance:
    """What the golfer of a scene does; `capture` is the folder of the motion capture.

    Raises:
        ValueError: the scene shows a captured swing and no folder is given, or the folder has no such swing.
        FileNotFoundError: the folder holds no capture.
    """
    if scene.captured_swing is None:
        return own_performance(practice_swing=scene.practice_swing, waggle=scene.waggle)
    if capture is None:
        raise ValueError(f"{scene.name} shows a captured swing: name the folder of the motion capture")
    from golf_pipeline.synthetic.mocap import captured_performance

    return captured_performance(capture, scene.captured_swing)


def exposures(scene: ClipSpec, performance: Performance) -> Iterator[tuple[Figure, ...]]:
    """The figures of each frame of a scene: one, or those of the moments at which the shutter is open."""
    opened = scene.shutter / (scene.fps * scene.slow_motion_factor)
    shares = (np.arange(EXPOSURE_SAMPLES) + 0.5) / EXPOSURE_SAMPLES - 0.5 if opened else np.zeros(1)
    for time_s in scene.times_s:
        yield tuple(figures_at(time_s + shares * opened, scene, performance))


def figures_at(times: Values, scene: ClipSpec, performance: Performance) -> Iterator[Figure]:
    """All people of a scene as one figure, at each of the times (n,)."""
    joints, frames = performance.pose(times)
    axes = _axes(frames)
    for number, time_s in enumerate(times):
        golfer = build_figure(_at(joints, number), _at(axes, number), performance.ball(float(time_s)))
        others = [_onlooker(person, float(time_s)) for person in scene.bystanders]
        yield join_figures([golfer, *others]) if others else golfer


def _axes(frames: motion.Frames) -> dict[str, Points]:
    return {field.name: getattr(frames, field.name) for field in dataclasses.fields(frames)}


def _at(points: dict[str, Points], number: int) -> dict[str, Points]:
    return {name: values[number] for name, values in points.items()}


def _onlooker(person: Bystander, time_s: float) -> Figure:
    """A bystander, who breathes at another time than the golfer."""
    joints, axes = _upright_pose(round(time_s + 3.7 + person.x_m, 3))
    turn, up = np.radians(person.facing_deg), np.array([0.0, 1.0, 0.0])
    place = np.array([person.x_m, 0.0, person.z_m])
    figure = build_figure(
        {name: rotate(point, up, turn) * person.scale + place for name, point in joints.items()},
        {name: rotate(axis, up, turn) for name, axis in axes.items()},
        ball=None,
    )
    shapes, heads, colours = figure.shapes.copy(), figure.heads.copy(), figure.colours.copy()
    shapes[:, 6:] *= person.scale
    heads[:, 1:] /= person.scale
    colours[Material.SHIRT] = person.shirt
    colours[Material.GLOVE] = colours[Material.SKIN]
    return dataclasses.replace(figure, shapes=shapes, heads=heads, colours=colours)


@cache
def _upright_pose(time_s: float) -> tuple[dict[str, Points], dict[str, Points]]:
    values = motion.curve_values(np.zeros(1))
    values |= {name: np.full(1, value) for name, value in _UPRIGHT.items()}
    joints, frames = motion.pose_from(values, np.array([time_s]))
    return _at(joints, 0), _at(_axes(frames), 0)
