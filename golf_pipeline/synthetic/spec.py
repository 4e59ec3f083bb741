"""What a clip is to show: plain data, nothing here computes a pose or draws.

Places are those of the right-hander's picture: a left-hander's clip is the mirror image of a right-hander's, its
bystanders included.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.camera import FACE_ON_AZIMUTH_DEG, Camera

Side = Literal["right", "left"]


@dataclass(frozen=True)
class Bystander:
    """Somebody else in the picture, standing with folded hands and without a club.

    Attributes:
        x_m, z_m: where the feet stand, in the golfer's frame (`body.py`).
        facing_deg: 0 faces as the golfer does, + turns to the target.
        scale: of the golfer's size.
        shirt: linear RGB in 0..1.
    """

    x_m: float
    z_m: float
    facing_deg: float = 0.0
    scale: float = 1.0
    shirt: tuple[float, float, float] = (0.12, 0.25, 0.55)


@dataclass(frozen=True)
class ClipSpec:
    """One clip to render, or one scene of a clip.

    Attributes:
        azimuth_deg: the camera's place around the golfer, as `Camera` has it, for the golfer of this handedness.
        start_s, end_s: the part of the motion that is filmed, in seconds from the takeaway; a part without the swing is
            a golfer who only stands there.
        sound: with a sound track that holds the strike; real time only.
        slow_motion_factor: 4 plays one second of the swing in four seconds of the file.
        view_height_m: what the image's height covers at the golfer; more makes everybody smaller.
        captured_swing: the number of a swing of the motion capture; None: the project's own motion.
        practice_swing, waggle: before the swing, own motion only; it takes a `start_s` early enough to see it.
        bystanders: other people in the picture.
        shutter: share of the time between two frames (of the camera, slow motion included) that the shutter is open;
            0 freezes every motion.
        then: the scenes that follow, each behind a cut, in the size and frame rate of the first.
    """

    name: str
    azimuth_deg: float = FACE_ON_AZIMUTH_DEG
    handedness: Side = "right"
    width: int = 384
    height: int = 640
    fps: int = 30
    start_s: float = -1.0
    end_s: float = 2.6
    sound: bool = True
    slow_motion_factor: float = 1.0
    view_height_m: float = 2.9
    captured_swing: int | None = None
    practice_swing: bool = False
    waggle: bool = False
    bystanders: tuple[Bystander, ...] = ()
    shutter: float = 0.0
    then: tuple["ClipSpec", ...] = ()

    def __post_init__(self) -> None:
        if self.sound and self.slow_motion_factor != 1.0:
            raise ValueError("a slow-motion clip has no sound that means anything: sound=False")
        if self.captured_swing is not None and (self.practice_swing or self.waggle):
            raise ValueError("a captured swing comes without practice swing and waggle")
        if not 0 <= self.shutter <= 1:
            raise ValueError(f"a shutter is open for 0..1 of a frame, not {self.shutter}")
        for scene in self.then:
            if (scene.width, scene.height, scene.fps) != (self.width, self.height, self.fps) or scene.then:
                raise ValueError(f"scene {scene.name} differs from {self.name} in size or frame rate, or has scenes")

    @property
    def scenes(self) -> tuple["ClipSpec", ...]:
        """This one and those that follow."""
        return (self, *self.then)

    @property
    def needs_capture(self) -> bool:
        """Whether a scene can only be rendered where the motion capture is."""
        return any(scene.captured_swing is not None for scene in self.scenes)

    @property
    def frame_count(self) -> int:
        """Of this scene alone."""
        return round((self.end_s - self.start_s) * self.slow_motion_factor * self.fps)

    @property
    def clip_frame_count(self) -> int:
        return sum(scene.frame_count for scene in self.scenes)

    @cached_property
    def times_s(self) -> NDArray[np.float64]:
        """(n,) of this scene's frames, in seconds from the takeaway."""
        return self.start_s + np.arange(self.frame_count) / (self.fps * self.slow_motion_factor)

    @cached_property
    def camera(self) -> Camera:
        """The camera that films the right-hander whose mirror image this clip's golfer is, or the right-hander."""
        camera = Camera(self.azimuth_deg, self.width, self.height, view_height_m=self.view_height_m)
        return camera if self.handedness == "right" else camera.mirrored()
