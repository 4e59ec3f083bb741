"""What is true of a rendered clip: events, joints and camera, written beside the video as `<name>.truth.json`.

Reading needs nothing of what rendering needs. Units: seconds from the first frame, frames (0-based), pixels of the
image (x to the right, y down), metres (origin on the ground between the feet, x toward a right-hander's target, y up,
z toward the ball).
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

View = Literal["face-on", "down-the-line", "oblique"]
Hand = Literal["right", "left"]

PIXEL_DECIMALS, METRE_DECIMALS = 1, 3


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrueEvent(_Document):
    """When one of GolfDB's eight events happens: exactly, and in the nearest frame."""

    time_s: float
    exact_frame: float
    frame: int


class TrueJoint(_Document):
    """Where a joint is in every frame: (n, 2) pixels and (n, 3) metres."""

    pixels: tuple[tuple[float, float], ...]
    metres: tuple[tuple[float, float, float], ...]


class TrueSwing(_Document):
    """One swing of a clip: those of its events that are in the picture.

    Attributes:
        scene: number of the scene that shows it.
        practice: no ball is struck.
        complete: filmed from address to beyond impact: what an analysis has to find.
    """

    scene: int
    practice: bool
    complete: bool
    events: dict[str, TrueEvent]


class TrueBall(_Document):
    """Where the ball lies until it is struck, and when that is (seconds of the file, in the clip or not)."""

    pixels: tuple[float, float]
    metres: tuple[float, float, float]
    gone_s: float


class TrueScene(_Document):
    """What lies between two cuts, and how it was filmed."""

    start_frame: int
    frame_count: int
    view: View
    azimuth_deg: float
    handedness: Hand
    slow_motion_factor: float
    motion: Literal["own", "captured"]
    bystanders: int
    ball: TrueBall


class TrueAngles(_Document):
    """Degrees in every frame.

    Attributes:
        shoulder_turn_deg, pelvis_turn_deg: of the line through both joints about the vertical, 0 at the address of the
            scene's swing, + opens to the target (right- and left-handers alike).
        spine_bend_deg: of mid-hip to mid-shoulder against the vertical, seen along the target line, + to the ball.
    """

    shoulder_turn_deg: tuple[float, ...]
    pelvis_turn_deg: tuple[float, ...]
    spine_bend_deg: tuple[float, ...]


class Truth(_Document):
    """The truth of one clip. `joints` carry MediaPipe's names where it has one (`left_wrist`), else our own.

    `view` to `events` are those of the main swing: the first complete one at a ball. `swings` lists them all, partial
    and practice ones too, in order.
    """

    format: Literal["golf_pipeline synthetic truth 1"] = "golf_pipeline synthetic truth 1"
    width: int
    height: int
    fps: float
    frame_count: int
    view: View
    azimuth_deg: float
    handedness: Hand
    slow_motion_factor: float = 1.0
    impact_sound_s: float | None
    events: dict[str, TrueEvent]
    joints: dict[str, TrueJoint]
    swings: tuple[TrueSwing, ...] = ()
    scenes: tuple[TrueScene, ...] = ()
    cuts: tuple[int, ...] = ()
    angles: TrueAngles | None = None

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """Read the truth of a clip.

        Raises:
            pydantic.ValidationError: the file is no truth of this format; names the field.
        """
        return cls.model_validate_json(path.read_text(encoding="utf-8"))

    def write(self, path: Path) -> None:
        path.write_text(self.model_dump_json() + "\n", encoding="utf-8")
