"""What is true of a rendered clip: events, joints and camera, written beside the video as `<name>.truth.json`.

Reading needs nothing of what rendering needs. Units: seconds from the first frame, frames (0-based), pixels of the
image (x to the right, y down), metres (origin on the ground between the feet, x toward a right-hander's target, y up,
z toward the ball).
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

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


class Truth(_Document):
    """The truth of one clip. `joints` carry MediaPipe's names where it has one (`left_wrist`), else our own."""

    format: Literal["golf_pipeline synthetic truth 1"] = "golf_pipeline synthetic truth 1"
    width: int
    height: int
    fps: float
    frame_count: int
    view: Literal["face-on", "down-the-line", "oblique"]
    azimuth_deg: float
    handedness: Literal["right", "left"]
    slow_motion_factor: float = 1.0
    impact_sound_s: float | None
    events: dict[str, TrueEvent]
    joints: dict[str, TrueJoint]

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """Read the truth of a clip.

        Raises:
            pydantic.ValidationError: the file is no truth of this format; names the field.
        """
        return cls.model_validate_json(path.read_text(encoding="utf-8"))

    def write(self, path: Path) -> None:
        path.write_text(self.model_dump_json() + "\n", encoding="utf-8")
