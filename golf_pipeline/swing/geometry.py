"""Plane geometry on image points: pure functions over arrays, NaN in, NaN out.

Points are (..., 2) in pixels of the upright image, x to the right, y down. Angles are degrees.
"""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Values = NDArray[np.float64]


def lean_deg(lower: Points, upper: Points) -> Values:
    """Angle of the line from `lower` up to `upper` against the vertical, -180..180: + where it leans to image right."""
    along = upper - lower
    angle: Values = np.degrees(np.arctan2(along[..., 0], -along[..., 1]))
    return angle


def rise_deg(near: Points, far: Points) -> Values:
    """Angle of the line between two points against the horizontal, + where `far` is the higher one (-90..90).

    Which of the two is further right does not matter.
    """
    along = far - near
    angle: Values = np.degrees(np.arctan2(-along[..., 1], np.abs(along[..., 0])))
    return angle


def inner_angle_deg(first: Points, corner: Points, last: Points) -> Values:
    """Angle at `corner` between the ways to `first` and to `last` (0..180); 180 is a straight limb."""
    one, other = first - corner, last - corner
    cross = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
    dot = (one * other).sum(axis=-1)
    angle: Values = np.degrees(np.arctan2(np.abs(cross), dot))
    return angle


def distance(first: Points, last: Points) -> Values:
    length: Values = np.linalg.norm(last - first, axis=-1)
    return length


def foreshortened_turn_deg(width: float, square_width: float) -> float:
    """Turn that makes a line of `square_width` look only `width` wide: acos(width / square_width), 0..90.

    It cannot tell left from right, nor 80 from 100.
    """
    if not square_width > 0:
        return float("nan")
    return float(np.degrees(np.arccos(np.clip(width / square_width, 0.0, 1.0))))
