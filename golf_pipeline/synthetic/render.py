"""Pictures of the synthetic golfer: the driving range behind, the figure and its shadow in front.

`Renderer` holds what stays the same from frame to frame (camera, background). The drawing itself is in `raymarch.py`,
whose Numba is imported when the first frame is drawn and not before.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.body import Points, unit
from golf_pipeline.synthetic.camera import Camera
from golf_pipeline.synthetic.figure import Figure

SUN: Points = unit(np.array([0.45, 0.85, 0.65]))
"""(3,) toward the sun: high, from the front of the golfer."""

_SAMPLES = 2
"""Rays per pixel along each side: edges without stairs."""

_GAMMA = 1 / 2.2


class Renderer:
    """Draws figures as one camera sees them."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self._background = _draw_background(camera, _SAMPLES)

    def draw(self, figure: Figure) -> NDArray[np.uint8]:
        """One picture (height, width, 3) RGB."""
        return to_picture(self.draw_linear(figure))

    def expose(self, figures: Sequence[Figure]) -> NDArray[np.uint8]:
        """One picture (height, width, 3) RGB of what moved while the shutter was open: moments of equal share."""
        exposure = self.draw_linear(figures[0])
        for figure in figures[1:]:
            exposure += self.draw_linear(figure)
        return to_picture(exposure / len(figures))

    def draw_linear(self, figure: Figure) -> NDArray[np.float64]:
        """One picture (height, width, 3) in linear light, to be averaged over an exposure."""
        from golf_pipeline.synthetic import raymarch

        spheres = _bounding_spheres(figure.shapes)
        image = self._background.copy()
        raymarch.draw(
            image,
            self.camera.position,
            self.camera.axes,
            self.camera.focal_px * _SAMPLES,
            self._box(spheres),
            SUN,
            figure.shapes,
            figure.materials,
            figure.groups,
            figure.softness,
            spheres,
            figure.heads,
            figure.colours,
        )
        height, width = self.camera.height, self.camera.width
        return np.asarray(image.reshape(height, _SAMPLES, width, _SAMPLES, 3).mean(axis=(1, 3)))

    def _box(self, spheres: NDArray[np.float64]) -> NDArray[np.int64]:
        """Pixels (x0, y0, x1, y1) that the figure or its shadow on the ground can reach."""
        centres, radii = spheres[:, :3], spheres[:, 3] + 0.06
        on_ground = centres - SUN * (centres[:, 1:2] / SUN[1])
        corners = []
        for points in (centres, on_ground):
            for axis in self.camera.axes[:2]:
                corners += [points + axis * radii[:, None] * 1.5, points - axis * radii[:, None] * 1.5]
        pixels = self.camera.project(np.concatenate(corners)) * _SAMPLES
        size = np.array([self.camera.width, self.camera.height]) * _SAMPLES
        low, high = np.clip(np.floor(pixels.min(axis=0)), 0, size), np.clip(np.ceil(pixels.max(axis=0)), 0, size)
        return np.concatenate([low, high]).astype(np.int64)


@dataclass(frozen=True)
class FrameJob:
    """One frame to draw, apart from all others: what a worker process is given."""

    camera: Camera
    figures: tuple[Figure, ...]
    mirrored: bool


def draw_frame(job: FrameJob) -> NDArray[np.uint8]:
    """One picture (height, width, 3) RGB."""
    picture = _renderer(job.camera).expose(job.figures)
    return np.ascontiguousarray(picture[:, ::-1]) if job.mirrored else picture


def prepare_worker() -> None:
    """For a process that draws beside as many others as there are cores: one thread, and Ctrl-C is its parent's."""
    import numba

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numba.set_num_threads(1)


@lru_cache(maxsize=4)
def _renderer(camera: Camera) -> Renderer:
    return Renderer(camera)


def to_picture(linear: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Linear light 0..1 to 8-bit RGB."""
    return np.asarray(np.clip(linear, 0, 1) ** _GAMMA * 255 + 0.5).astype(np.uint8)


def _bounding_spheres(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) centre and radius around each shape."""
    a, b = shapes[:, :3], shapes[:, 3:6]
    radius = np.linalg.norm(b - a, axis=1) / 2 + shapes[:, 6:8].max(axis=1)
    return np.column_stack([(a + b) / 2, radius])


def _draw_background(camera: Camera, samples: int) -> NDArray[np.float64]:
    """Sky, a line of trees and mown grass (h * samples, w * samples, 3), linear light."""
    height, width = camera.height * samples, camera.width * samples
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    u, v = (columns - width / 2) / (camera.focal_px * samples), (rows - height / 2) / (camera.focal_px * samples)
    rays = unit(u[..., None] * camera.axes[0] + v[..., None] * camera.axes[1] + camera.axes[2])
    up = rays[..., 1]
    sky = np.array([0.62, 0.78, 0.95]) + (np.array([0.18, 0.38, 0.75]) - np.array([0.62, 0.78, 0.95])) * np.clip(
        up[..., None] * 2.0, 0, 1
    )
    bearing = np.arctan2(rays[..., 0], rays[..., 2])
    crown = 0.050 + 0.016 * np.sin(bearing * 19) + 0.010 * np.sin(bearing * 47 + 1) + 0.006 * np.sin(bearing * 131 + 2)
    leaves = 0.75 + 0.25 * _noise(bearing * 60, up * 90)[..., None]
    image = np.where((up < crown)[..., None], np.array([0.05, 0.115, 0.045]) * leaves, sky)

    ground = camera.position[1] / np.maximum(-up, 1e-4)
    x, z = camera.position[0] + rays[..., 0] * ground, camera.position[2] + rays[..., 2] * ground
    blades = _noise(x * 22, z * 22) * 0.6 + _noise(x * 70, z * 70) * 0.4
    near = np.clip(1.5 - ground / 9, 0, 1)
    stripes = np.tanh(6 * np.sin((x + 0.35 * z) * np.pi / 1.9)) * 0.06
    shade = 1 + stripes + (blades - 0.5) * 0.30 * near
    grass = np.array([0.125, 0.27, 0.06]) * shade[..., None]
    haze = np.clip(ground / 160, 0, 0.55)[..., None]
    grass = grass * (1 - haze) + np.array([0.36, 0.47, 0.36]) * haze
    return np.where((up < -0.002)[..., None], grass, image)


def _noise(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth value noise in 0..1, the same at every call."""
    cell_x, cell_y = np.floor(x), np.floor(y)
    fx, fy = x - cell_x, y - cell_y
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)

    def at(dx: int, dy: int) -> NDArray[np.float64]:
        mixed = np.sin((cell_x + dx) * 127.1 + (cell_y + dy) * 311.7) * 43758.5453
        return np.asarray(mixed - np.floor(mixed))

    top, bottom = at(0, 0) * (1 - fx) + at(1, 0) * fx, at(0, 1) * (1 - fx) + at(1, 1) * fx
    return np.asarray(top * (1 - fy) + bottom * fy)
