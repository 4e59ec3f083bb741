"""A hand-posed golfer: tracks whose angles and ways are known exactly, for the tests of metrics and findings."""

import numpy as np

from golf_pipeline.swing.documents import (
    CandidateSwing,
    Capture,
    EventName,
    Handedness,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    View,
)
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack

WIDTH, HEIGHT, TORSO = 720, 1280, 200.0
FRAMES = dict(zip(EventName, (10, 30, 36, 44, 48, 52, 55, 75), strict=True))
COUNT = 90

Pose = dict[str, tuple[float, float]]


def standing(bend_deg: float = 0.0, hip: tuple[float, float] = (360.0, 700.0), shoulder_half: float = 40.0) -> Pose:
    """Mid-hip at `hip`, the trunk of `TORSO` pixels leaning `bend_deg` to image right, the feet in their place."""
    lean = np.deg2rad(bend_deg)
    chest = (hip[0] + TORSO * np.sin(lean), hip[1] - TORSO * np.cos(lean))
    head = (chest[0] + 60 * np.sin(lean), chest[1] - 60 * np.cos(lean))
    pose: Pose = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[f"{side}_hip"] = (hip[0] + 25 * sign, hip[1])
        pose[f"{side}_shoulder"] = (chest[0] + shoulder_half * sign, chest[1])
        pose[f"{side}_ear"] = (head[0] + 10 * sign, head[1])
        pose[f"{side}_wrist"] = (hip[0] + 60 + 3 * sign, hip[1] - 20)
        shoulder, wrist = pose[f"{side}_shoulder"], pose[f"{side}_wrist"]
        pose[f"{side}_elbow"] = ((shoulder[0] + wrist[0]) / 2, (shoulder[1] + wrist[1]) / 2)
        pose[f"{side}_knee"] = ((hip[0] + 360) / 2 + 42.5 * sign, (hip[1] + 1000) / 2)
        pose[f"{side}_ankle"] = (360 + 60 * sign, 1000)
        pose[f"{side}_heel"] = (360 + 60 * sign, 1020)
        pose[f"{side}_foot_index"] = (360 + 90 * sign, 1025)
    return pose


def track_of(poses: dict[EventName, Pose], visibility: float = 0.95) -> LandmarkTrack:
    """A track that holds each pose from halfway to its neighbours: what is read around an event is that pose."""
    events = sorted(poses, key=lambda name: FRAMES[name])
    pixels = np.zeros((COUNT, 33, 2))
    for frame in range(COUNT):
        nearest = min(events, key=lambda name: abs(FRAMES[name] - frame))
        for name, point in poses[nearest].items():
            pixels[frame, INDEX[name]] = point
    xyz = np.zeros((COUNT, 33, 3), np.float32)
    xyz[:, :, :2] = pixels / (WIDTH, HEIGHT)
    return LandmarkTrack(
        frame=np.arange(COUNT),
        time_s=np.arange(COUNT) / 30,
        xyz=xyz,
        visibility=np.full((COUNT, 33), visibility, np.float32),
        world=np.zeros((COUNT, 33, 3), np.float32),
        width=WIDTH,
        height=HEIGHT,
    )


def segmentation(
    view: View,
    hand: Handedness = Handedness.RIGHT,
    time_base: TimeBase = TimeBase.REAL,
    factor: float | None = 1.0,
    given: tuple[str, ...] = (),
) -> SwingSegmentation:
    """The events of `FRAMES` in a clip of the given kind."""
    return SwingSegmentation(
        capture=Capture(
            view=view,
            view_confidence=0.9,
            handedness=hand,
            handedness_confidence=0.9,
            time_base=time_base,
            slow_motion_factor=factor,
            given=given,
        ),
        events=tuple(
            SwingEvent(event=name, frame=frame, time_s=frame / 30, exact_frame=float(frame), confidence=0.9)
            for name, frame in FRAMES.items()
        ),
        candidates=(
            CandidateSwing(
                top_frame=FRAMES[EventName.TOP],
                impact_frame=FRAMES[EventName.IMPACT],
                complete=True,
                chosen=True,
                reason="complete swing",
            ),
        ),
    )
