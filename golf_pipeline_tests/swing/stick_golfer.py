"""A parametric stick-figure golfer: landmark tracks with known events, for the tests of the swing package.

Axes: T toward the target, U up, B from the golfer to the ball, in torso lengths; time in downswings with the top at 0
and impact at 1. The hands move on a circle about the shoulders, the chest turns clockwise in the backswing (seen from
above), as a right-hander's does; a left-hander is the mirrored track.
"""

from dataclasses import dataclass

import numpy as np

from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack

TAKEAWAY, TOP, IMPACT, FINISH = -3.2, 0.0, 1.0, 3.2


@dataclass(frozen=True)
class StickGolfer:
    """How one swing is made and filmed.

    Attributes:
        downswing: frames from top to impact.
        azimuth_deg: where the camera stands, seen from above: 0 face-on, 90 behind the ball (down-the-line), -90 on the
            target's side.
        before, after: downswings recorded before the top and after impact.
        size: torso length in pixels.
        size_of_swing: 1 is a full swing, 0.15 a waggle.
        noise: standard deviation of every coordinate, torso lengths.
    """

    downswing: float = 8.0
    azimuth_deg: float = 0.0
    before: float = 6.0
    after: float = 5.0
    size: float = 120.0
    centre: tuple[float, float] = (360.0, 700.0)
    size_of_swing: float = 1.0
    noise: float = 0.0
    fps: float = 30.0
    width: int = 720
    height: int = 1280

    @property
    def top(self) -> float:
        """Exact frame of the top."""
        return self.before * self.downswing

    @property
    def impact(self) -> float:
        """Exact frame of impact."""
        return (self.before + 1) * self.downswing

    @property
    def address(self) -> float:
        """Exact frame of the takeaway."""
        return (self.before + TAKEAWAY) * self.downswing

    def track(self) -> LandmarkTrack:
        """The track of the whole recording."""
        count = int((self.before + 1 + self.after) * self.downswing) + 1
        return self.film(np.arange(count) / self.downswing - self.before)

    def film(self, moments: np.ndarray) -> LandmarkTrack:
        """The track of given moments, one frame each (in downswings, the top at 0)."""
        return film_arms(self, *swing_angles(moments, self.size_of_swing))


def swing_angles(moments: np.ndarray, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(n,) angle of the arms from hanging (backswing positive) and of the chest, radians, at moments in downswings."""
    back = _ease((moments - TAKEAWAY) / (TOP - TAKEAWAY))
    down = np.clip(moments, 0, 1) ** 2
    through = 1 - (1 - np.clip((moments - IMPACT) / (FINISH - IMPACT), 0, 1)) ** 4
    arms = np.deg2rad(140) * size * (back - down - through)
    chest = np.deg2rad(85) * size * (back - 1.15 * down - 0.85 * through)
    return arms, chest


def film_arms(golfer: StickGolfer, arms: np.ndarray, chest: np.ndarray) -> LandmarkTrack:
    """The track of a golfer whose arms and chest take given angles, one frame each."""
    body = np.zeros((len(arms), 33, 3))

    def put(name: str, target: np.ndarray | float, up: np.ndarray | float, ball: np.ndarray | float) -> None:
        body[:, INDEX[name]] = np.stack(np.broadcast_arrays(target, up, ball, np.zeros(len(arms)))[:3], axis=1)

    hands = (-0.9 * np.sin(arms), 2.4 - 1.05 * np.cos(arms), 0.35 + 0.35 * np.cos(arms))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = (0.38 * sign * np.cos(chest), 2.4 + 0 * chest, 0.35 + 0.38 * sign * np.sin(chest))
        put(f"{side}_shoulder", *shoulder)
        put(f"{side}_elbow", *[(a + b) / 2 for a, b in zip(shoulder, hands, strict=True)])
        for part in ("wrist", "pinky", "index", "thumb"):
            put(f"{side}_{part}", hands[0] + 0.03 * sign, *hands[1:])
        put(f"{side}_hip", 0.22 * sign * np.cos(0.4 * chest), 1.5, 0.22 * sign * np.sin(0.4 * chest))
        put(f"{side}_knee", 0.3 * sign, 0.8, 0.12)
        put(f"{side}_ankle", 0.42 * sign, 0.1, 0.0)
        put(f"{side}_heel", 0.42 * sign, 0.02, -0.1)
        put(f"{side}_foot_index", 0.42 * sign, 0.0, 0.28)
    for name in INDEX:
        if name.startswith("mouth") or any(part in name for part in ("nose", "eye", "ear")):
            put(name, 0.1 * (("left" in name) - 0.5), 2.9, 0.5)
    return _project(golfer, body)


def _project(golfer: StickGolfer, body: np.ndarray) -> LandmarkTrack:
    body = body + np.random.default_rng(7).normal(0, golfer.noise, body.shape) if golfer.noise else body
    angle = np.deg2rad(golfer.azimuth_deg)
    right = body[..., 0] * np.cos(angle) + body[..., 2] * np.sin(angle)
    away = body[..., 0] * np.sin(angle) - body[..., 2] * np.cos(angle)
    x = golfer.centre[0] + golfer.size * right
    y = golfer.centre[1] - golfer.size * (body[..., 1] - 1.5)
    z = golfer.size * away
    xyz = np.stack([x / golfer.width, y / golfer.height, z / golfer.width], axis=-1).astype(np.float32)
    count = len(body)
    return LandmarkTrack(
        frame=np.arange(count, dtype=np.int64),
        time_s=np.arange(count) / golfer.fps,
        xyz=xyz,
        visibility=np.full((count, 33), 0.95, dtype=np.float32),
        world=np.zeros((count, 33, 3), dtype=np.float32),
        width=golfer.width,
        height=golfer.height,
    )


def _ease(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0, 1)
    return share**3 * (10 - 15 * share + 6 * share**2)


def take(track: LandmarkTrack, frames: slice, cuts: tuple[int, ...] = ()) -> LandmarkTrack:
    """Part of a track, renumbered from 0."""
    count = len(track.frame[frames])
    return LandmarkTrack(
        frame=np.arange(count, dtype=np.int64),
        time_s=track.time_s[frames] - track.time_s[frames][0],
        xyz=track.xyz[frames],
        visibility=track.visibility[frames],
        world=track.world[frames],
        width=track.width,
        height=track.height,
        cuts=cuts,
    )


def join(first: LandmarkTrack, second: LandmarkTrack, *, cut: bool = False) -> LandmarkTrack:
    """One recording after another, in one scene or two."""
    step = first.time_s[1] - first.time_s[0]
    return LandmarkTrack(
        frame=np.arange(len(first) + len(second), dtype=np.int64),
        time_s=np.concatenate([first.time_s, first.time_s[-1] + step + second.time_s]),
        xyz=np.concatenate([first.xyz, second.xyz]),
        visibility=np.concatenate([first.visibility, second.visibility]),
        world=np.concatenate([first.world, second.world]),
        width=first.width,
        height=first.height,
        cuts=(len(first),) if cut else (),
    )
