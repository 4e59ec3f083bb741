"""The golfer's looks: the rounded shapes that stand around the joints of one moment, and what each is made of.

Shapes are cones with round ends, given as rows of `ax ay az bx by bz radius_a radius_b` in metres, gathered in groups
that melt into each other when drawn. How they are drawn is in `raymarch.py`; the joints come from `motion.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.body import Points


class Material(IntEnum):
    SKIN = 0
    HEAD = 1
    SHIRT = 2
    TROUSERS = 3
    SHOES = 4
    GLOVE = 5
    STEEL = 6
    GRIP = 7
    BALL = 8
    BELT = 9


COLOURS: NDArray[np.float64] = np.array(
    [
        [0.78, 0.55, 0.42],
        [0.78, 0.55, 0.42],
        [0.70, 0.10, 0.12],
        [0.16, 0.19, 0.28],
        [0.86, 0.86, 0.84],
        [0.90, 0.90, 0.88],
        [0.55, 0.57, 0.60],
        [0.06, 0.06, 0.06],
        [0.96, 0.96, 0.96],
        [0.85, 0.83, 0.78],
    ]
)
"""Linear-ish RGB of each material in 0..1."""


@dataclass
class Figure:
    """The shapes of one moment.

    Attributes:
        shapes: (n, 8) float64 metres; materials, groups: (n,) int64; groups are contiguous.
        softness: (number of groups,) metres over which the shapes of a group melt together.
        heads: (people, 4, 3) centre of the head and the directions of its left, its crown and its face, for painting
            the face; the directions are as long as 1 / the person's scale.
        colours: (people * number of materials, 3) what `materials` points into.
    """

    shapes: NDArray[np.float64]
    materials: NDArray[np.int64]
    groups: NDArray[np.int64]
    softness: NDArray[np.float64]
    heads: Points
    colours: NDArray[np.float64]


@dataclass
class _Builder:
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    materials: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    softness: list[float] = field(default_factory=list)

    def group(self, softness_m: float) -> None:
        self.softness.append(softness_m)

    def add(self, material: Material, a: Points, b: Points, radius_a: float, radius_b: float | None = None) -> None:
        radius_b = radius_a if radius_b is None else radius_b
        self.rows.append(np.concatenate([a, b, [radius_a, radius_b]]))
        self.materials.append(int(material))
        self.groups.append(len(self.softness) - 1)


def build_figure(joints: dict[str, Points], axes: dict[str, Points], ball: Points | None) -> Figure:
    """Shapes around the joints of one moment.

    Args:
        joints: name -> (3,) metres, sides called `lead_` and `trail_`.
        axes: the fields of `motion.Frames`, each (3,).
        ball: (3,) where the ball is now; None: a person without club and ball.
    """
    builder = _Builder()
    _add_torso(builder, joints, axes)
    _add_head(builder, joints, axes)
    for side in ("lead", "trail"):
        _add_arm(builder, joints, side, axes["shaft"])
    for side in ("lead", "trail"):
        _add_leg(builder, joints, side)
    if ball is not None:
        _add_club(builder, joints, axes["shaft"])
        builder.group(0.0)
        builder.add(Material.BALL, ball, ball, 0.0214)
    left = np.cross(axes["head_up"], axes["gaze"])
    return Figure(
        np.array(builder.rows),
        np.array(builder.materials, dtype=np.int64),
        np.array(builder.groups, dtype=np.int64),
        np.array(builder.softness),
        np.stack([joints["head"], left, axes["head_up"], axes["gaze"]])[None],
        COLOURS,
    )


def join_figures(people: Sequence[Figure]) -> Figure:
    """Several people in one picture; each keeps its own colours and face."""
    materials, groups, colours, softness = [], [], 0, 0
    for person in people:
        materials.append(person.materials + colours)
        groups.append(person.groups + softness)
        colours += len(person.colours)
        softness += len(person.softness)
    return Figure(
        np.concatenate([person.shapes for person in people]),
        np.concatenate(materials),
        np.concatenate(groups),
        np.concatenate([person.softness for person in people]),
        np.concatenate([person.heads for person in people]),
        np.concatenate([person.colours for person in people]),
    )


def _add_torso(builder: _Builder, joints: dict[str, Points], axes: dict[str, Points]) -> None:
    """Two flanks, a back and a shoulder girdle: wider than deep, and free to twist between pelvis and chest."""
    pelvis, neck = joints["pelvis"], joints["neck"]
    left, up = axes["chest_left"], axes["chest_up"]
    front, pelvis_left = np.cross(left, up), axes["pelvis_left"]
    waist, ribs = pelvis + (neck - pelvis) * 0.30, pelvis + (neck - pelvis) * 0.70
    middle = (left + pelvis_left) / np.linalg.norm(left + pelvis_left)
    builder.group(0.05)
    for sign in (1.0, -1.0):
        builder.add(
            Material.SHIRT, ribs + sign * left * 0.085 + front * 0.01, waist + sign * middle * 0.065, 0.105, 0.10
        )
        builder.add(Material.SHIRT, waist + sign * middle * 0.065, pelvis + sign * pelvis_left * 0.06 + up * 0.05, 0.10)
        shoulder = joints["lead_shoulder"] if sign > 0 else joints["trail_shoulder"]
        inner = neck - up * 0.03 + sign * left * 0.05
        builder.add(Material.SHIRT, inner, shoulder - up * 0.005, 0.07, 0.058)
        builder.add(Material.SHIRT, ribs + sign * left * 0.10 - front * 0.005, shoulder, 0.085, 0.06)
    builder.add(Material.SHIRT, neck - up * 0.01, ribs, 0.07, 0.09)
    builder.group(0.04)
    for sign, side in ((1.0, "lead"), (-1.0, "trail")):
        builder.add(Material.TROUSERS, pelvis + sign * pelvis_left * 0.05, joints[f"{side}_hip"], 0.118, 0.108)
    builder.add(
        Material.TROUSERS, pelvis + pelvis_left * 0.06 + up * 0.045, pelvis - pelvis_left * 0.06 + up * 0.045, 0.104
    )


def _add_head(builder: _Builder, joints: dict[str, Points], axes: dict[str, Points]) -> None:
    """Neck, skull, jaw, nose, ears; eyes, brows, mouth and hair are painted on (`raymarch.py`)."""
    head, up, face = joints["head"], axes["head_up"], axes["gaze"]
    left = np.cross(up, face)
    builder.group(0.02)
    builder.add(Material.SKIN, joints["neck"] + axes["chest_up"] * 0.02, head - up * 0.05 - face * 0.015, 0.056, 0.055)
    builder.add(Material.HEAD, head + up * 0.032 - face * 0.022, head + up * 0.032 + face * 0.012, 0.085, 0.082)
    builder.add(Material.HEAD, head + up * 0.01 + face * 0.02, head - up * 0.072 + face * 0.05, 0.066, 0.042)
    builder.group(0.008)
    builder.add(Material.HEAD, head + face * 0.082 + up * 0.022, joints["nose"] - face * 0.012, 0.009, 0.014)
    for sign in (1.0, -1.0):
        ear = head + left * sign * 0.08
        builder.add(Material.SKIN, ear + up * 0.018 - face * 0.008, ear - up * 0.018, 0.012, 0.009)


def _add_arm(builder: _Builder, joints: dict[str, Points], side: str, shaft: Points) -> None:
    """A sleeve to above the elbow, bare forearm, a hand that holds the grip (gloved on the lead side)."""
    shoulder, elbow, wrist, hand = (joints[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist", "index"))
    cuff = shoulder + (elbow - shoulder) * 0.72
    palm = Material.GLOVE if side == "lead" else Material.SKIN
    builder.group(0.015)
    builder.add(Material.SHIRT, shoulder, cuff, 0.062, 0.056)
    builder.add(Material.SKIN, cuff, elbow, 0.045, 0.042)
    builder.add(Material.SKIN, elbow, wrist, 0.043, 0.029)
    builder.group(0.015)
    builder.add(palm, wrist, hand - shaft * 0.01, 0.030, 0.033)
    builder.add(palm, hand - shaft * 0.035, hand + shaft * 0.035, 0.030, 0.028)


def _add_leg(builder: _Builder, joints: dict[str, Points], side: str) -> None:
    hip, knee, ankle = joints[f"{side}_hip"], joints[f"{side}_knee"], joints[f"{side}_ankle"]
    heel, toe = joints[f"{side}_heel"], joints[f"{side}_foot_index"]
    forward = (toe - heel) / np.linalg.norm(toe - heel)
    builder.group(0.02)
    builder.add(Material.TROUSERS, hip, knee, 0.098, 0.068)
    builder.add(Material.TROUSERS, knee, ankle + (knee - ankle) * 0.08, 0.068, 0.056)
    builder.group(0.02)
    builder.add(Material.SHOES, ankle, heel + forward * 0.045 + (ankle - heel) * 0.2, 0.040, 0.042)
    builder.add(Material.SHOES, heel + forward * 0.05, toe, 0.038, 0.033)
    builder.add(Material.SHOES, toe, toe + forward * 0.045, 0.033, 0.026)


def _add_club(builder: _Builder, joints: dict[str, Points], shaft: Points) -> None:
    """Grip, shaft and an iron's head that reaches away from the golfer from the shaft's end."""
    butt, head = joints["grip_end"], joints["club_head"]
    blade = np.cross(shaft, np.cross(np.array([0.0, 0.0, 1.0]), shaft))
    length = float(np.linalg.norm(blade))
    blade = blade / length if length > 0.2 else np.array([0.0, 1.0, 0.0])  # shaft along z: any side will do
    builder.group(0.0)
    builder.add(Material.GRIP, butt, butt + shaft * 0.27, 0.014, 0.011)
    builder.add(Material.STEEL, butt + shaft * 0.27, head, 0.0085, 0.0070)
    builder.add(Material.STEEL, head, head + blade * 0.03, 0.016, 0.022)
