"""The synthetic golfer's body: proportions, and the joints that follow from a pose.

Here belongs anatomy that holds for any motion: bone lengths, two-bone limbs, rotations. What moves when is in
`motion.py`; what it looks like is in `figure.py`.

World frame, metres: origin on the ground midway between the feet, x toward the target of a right-hander, y up, z from
the golfer toward the ball. "Lead" is the left side until a left-hander is made by mirroring x.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(..., 3) metres in the world frame."""


@dataclass(frozen=True)
class Body:
    """Bone lengths and offsets in metres of a person of about 1.78 m (after Winter, Biomechanics, table 4.1)."""

    half_hip: float = 0.09
    thigh: float = 0.43
    shank: float = 0.43
    spine: float = 0.52
    half_shoulder: float = 0.185
    upper_arm: float = 0.31
    forearm: float = 0.26
    hand: float = 0.08
    hand_gap: float = 0.075
    neck: float = 0.225
    foot: float = 0.175
    heel: float = 0.055
    ankle_height: float = 0.085
    butt: float = 0.07
    shaft: float = 0.86
    """From the lead hand on the grip to the club head (a middle iron of 0.93 m)."""


def unit(vectors: Points) -> Points:
    """The vectors scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def dot(a: Points, b: Points) -> Points:
    """Scalar product over the last axis, kept as an axis of length 1."""
    return np.asarray(np.sum(a * b, axis=-1, keepdims=True))


def rotate(vectors: Points, axis: Points, angle_rad: NDArray[np.float64]) -> Points:
    """Rotate vectors about unit axes by the right-hand rule (Rodrigues)."""
    angle = np.asarray(angle_rad)[..., None]
    along = axis * dot(axis, vectors) * (1 - np.cos(angle))
    return np.asarray(vectors * np.cos(angle) + np.cross(axis, vectors) * np.sin(angle) + along)


def middle_joint(root: Points, end: Points, upper: float, lower: float, pole: Points) -> Points:
    """The elbow or knee of a two-bone limb, bent toward `pole` (a direction, need not be square to the limb).

    Raises:
        ValueError: the end is out of reach, so that the bones would have to stretch.
    """
    reach = np.linalg.norm(end - root, axis=-1, keepdims=True)
    if np.any(reach > upper + lower) or np.any(reach < abs(upper - lower)):
        raise ValueError(f"a limb of {upper} + {lower} m cannot span {reach.min():.3f}..{reach.max():.3f} m")
    along = (end - root) / reach
    to_foot_of_height = (reach**2 + upper**2 - lower**2) / (2 * reach)
    height = np.sqrt(np.maximum(upper**2 - to_foot_of_height**2, 0))
    return np.asarray(root + along * to_foot_of_height + unit(pole - along * dot(pole, along)) * height)
