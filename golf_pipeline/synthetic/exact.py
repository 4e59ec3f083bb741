"""The truth of a clip, computed from its spec: events, joints, angles, ball, cuts. Nothing is rendered."""

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.body import Points
from golf_pipeline.synthetic.camera import DOWN_THE_LINE_AZIMUTH_DEG, FACE_ON_AZIMUTH_DEG
from golf_pipeline.synthetic.performance import Performance
from golf_pipeline.synthetic.scene import performance_of
from golf_pipeline.synthetic.spec import ClipSpec, Side
from golf_pipeline.synthetic.truth import (
    METRE_DECIMALS,
    PIXEL_DECIMALS,
    TrueAngles,
    TrueBall,
    TrueEvent,
    TrueJoint,
    TrueScene,
    TrueSwing,
    Truth,
    View,
)

SPEED_OF_SOUND = 343.0
VIEW_TOLERANCE_DEG = 15.0

_COMPLETE = frozenset({"address", "top", "impact", "mid_follow_through"})


@dataclass(frozen=True)
class _Placed:
    """A scene with its first frame in the clip."""

    spec: ClipSpec
    performance: Performance
    start_frame: int

    @property
    def start_s(self) -> float:
        return self.start_frame / self.spec.fps

    def clip_s(self, time_s: float) -> float:
        """Seconds of the file at a time of the performance."""
        return self.start_s + (time_s - self.spec.start_s) * self.spec.slow_motion_factor

    def event(self, time_s: float) -> TrueEvent:
        clip_s = self.clip_s(time_s)
        return TrueEvent(
            time_s=round(clip_s, 4),
            exact_frame=round(clip_s * self.spec.fps, 3),
            frame=round(clip_s * self.spec.fps),
        )


def truth_of(spec: ClipSpec, capture: Path | None = None) -> Truth:
    """The truth of a clip; `capture` is the folder of the motion capture.

    Raises:
        ValueError: a scene shows a captured swing and no folder is given.
    """
    starts = accumulate((scene.frame_count for scene in spec.scenes), initial=0)
    placed = [
        _Placed(scene, performance_of(scene, capture), start) for scene, start in zip(spec.scenes, starts, strict=False)
    ]
    swings = [swing for number, scene in enumerate(placed) for swing in _swings(scene, number)]
    main = _main_swing(swings)
    shown = placed[main.scene if main else 0].spec
    events = main.events if main else {}
    heard = spec.sound and main is not None and shown.slow_motion_factor == 1.0 and "impact" in events
    return Truth(
        width=spec.width,
        height=spec.height,
        fps=spec.fps,
        frame_count=spec.clip_frame_count,
        view=_view(shown.azimuth_deg),
        azimuth_deg=shown.azimuth_deg,
        handedness=shown.handedness,
        slow_motion_factor=shown.slow_motion_factor,
        impact_sound_s=round(strike_s(placed[main.scene]), 4) if heard and main else None,
        events=events,
        joints=_all_joints(placed),
        swings=tuple(swings),
        scenes=tuple(_scene(scene) for scene in placed),
        cuts=tuple(scene.start_frame for scene in placed[1:]),
        angles=_angles(placed),
    )


def strike_s(placed: _Placed) -> float:
    """When the strike of a scene reaches the camera, in seconds of the clip."""
    return placed.clip_s(placed.performance.impact_s) + placed.spec.camera.distance_m / SPEED_OF_SOUND


def strikes_s(spec: ClipSpec, capture: Path | None = None) -> tuple[float, ...]:
    """When the strikes of all real-time scenes reach the camera, in seconds of the clip; only those that are filmed."""
    found, start = [], 0
    for scene in spec.scenes:
        placed = _Placed(scene, performance_of(scene, capture), start)
        start += scene.frame_count
        impact = placed.performance.impact_s
        if scene.slow_motion_factor == 1.0 and scene.start_s <= impact <= scene.times_s[-1]:
            found.append(strike_s(placed))
    return tuple(found)


def _swings(placed: _Placed, scene: int) -> list[TrueSwing]:
    """The swings of which a scene shows at least one event."""
    first, last = placed.spec.start_s, placed.spec.times_s[-1]
    seen = []
    for swing in placed.performance.swings:
        events = {name: placed.event(time_s) for name, time_s in swing.events.items() if first <= time_s <= last}
        if events:
            complete = events.keys() >= _COMPLETE
            seen.append(TrueSwing(scene=scene, practice=swing.practice, complete=complete, events=events))
    return seen


def _main_swing(swings: list[TrueSwing]) -> TrueSwing | None:
    """The first complete swing at the ball; where there is none, the first with an event at all."""
    struck = [swing for swing in swings if not swing.practice]
    return next((swing for swing in struck if swing.complete), struck[0] if struck else None)


def _scene(placed: _Placed) -> TrueScene:
    spec = placed.spec
    ball = placed.performance.ball_at_rest()
    pixels, metres = _seen(spec, ball)
    x, y = pixels.round(PIXEL_DECIMALS).tolist()
    gone = placed.event(placed.performance.impact_s).time_s
    return TrueScene(
        start_frame=placed.start_frame,
        frame_count=spec.frame_count,
        view=_view(spec.azimuth_deg),
        azimuth_deg=spec.azimuth_deg,
        handedness=spec.handedness,
        slow_motion_factor=spec.slow_motion_factor,
        motion="own" if spec.captured_swing is None else "captured",
        bystanders=len(spec.bystanders),
        ball=TrueBall(pixels=(x, y), metres=tuple(metres.round(METRE_DECIMALS).tolist()), gone_s=gone),
    )


def _all_joints(placed: list[_Placed]) -> dict[str, TrueJoint]:
    parts: dict[str, list[tuple[NDArray[np.float64], Points]]] = {}
    for scene in placed:
        joints, _ = scene.performance.pose(scene.spec.times_s)
        for name, points in joints.items():
            parts.setdefault(_joint_name(name, scene.spec.handedness), []).append(_seen(scene.spec, points))
    return {name: _true_joint(seen) for name, seen in parts.items()}


def _true_joint(seen: list[tuple[NDArray[np.float64], Points]]) -> TrueJoint:
    pixels, metres = (np.concatenate(values) for values in zip(*seen, strict=True))
    return TrueJoint(
        pixels=tuple((x, y) for x, y in pixels.round(PIXEL_DECIMALS).tolist()),
        metres=tuple((x, y, z) for x, y, z in metres.round(METRE_DECIMALS).tolist()),
    )


def _seen(spec: ClipSpec, points: Points) -> tuple[NDArray[np.float64], Points]:
    """Pixels (..., 2) and metres (..., 3) of this clip's golfer for points of the right-hander."""
    pixels, metres = spec.camera.project(points), points
    if spec.handedness == "left":
        pixels, metres = pixels * (-1, 1) + (spec.width, 0), metres * (-1, 1, 1)
    return pixels, metres


def _angles(placed: list[_Placed]) -> TrueAngles:
    rows = [_angle_rows(scene) for scene in placed]
    shoulder, pelvis, bend = (tuple(np.concatenate(values).round(1).tolist()) for values in zip(*rows, strict=True))
    return TrueAngles(shoulder_turn_deg=shoulder, pelvis_turn_deg=pelvis, spine_bend_deg=bend)


def _angle_rows(placed: _Placed) -> NDArray[np.float64]:
    """(3, n) degrees: shoulder turn, pelvis turn, spine bend, before any mirroring."""
    address = placed.performance.swings[-1].events["address"]
    joints, _ = placed.performance.pose(np.concatenate([[address], placed.spec.times_s]))

    def turn(part: str) -> NDArray[np.float64]:
        across = joints[f"lead_{part}"] - joints[f"trail_{part}"]
        angle = np.degrees(np.arctan2(-across[:, 2], across[:, 0]))
        return np.asarray((angle[1:] - angle[0] + 180) % 360 - 180)

    middle = {part: (joints[f"lead_{part}"] + joints[f"trail_{part}"]) / 2 for part in ("shoulder", "hip")}
    spine = (middle["shoulder"] - middle["hip"])[1:]
    return np.stack([turn("shoulder"), turn("hip"), np.degrees(np.arctan2(spine[:, 2], spine[:, 1]))])


def _joint_name(name: str, handedness: Side) -> str:
    lead, trail = ("left", "right") if handedness == "right" else ("right", "left")
    for side, anatomical in (("lead_", lead), ("trail_", trail)):
        if name.startswith(side):
            part = name.removeprefix(side)
            return f"mouth_{anatomical}" if part == "mouth" else f"{anatomical}_{part}"
    return name


def _view(azimuth_deg: float) -> View:
    if abs(azimuth_deg - FACE_ON_AZIMUTH_DEG) <= VIEW_TOLERANCE_DEG:
        return "face-on"
    # The side that a left-hander is filmed from down the line is the mirror image.
    if abs(abs(azimuth_deg) - abs(DOWN_THE_LINE_AZIMUTH_DEG)) <= VIEW_TOLERANCE_DEG:
        return "down-the-line"
    return "oblique"
