"""The camera that films the synthetic golfer: where it stands, and which pixel a point falls on.

A pinhole without distortion. Pixels as in `swing/landmarks.py`: x to the right, y down, (0, 0) the image's top left
corner, so that the centre of the first pixel is (0.5, 0.5).
"""

from dataclasses import dataclass, replace
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.body import Points, unit

FACE_ON_AZIMUTH_DEG = 0.0
DOWN_THE_LINE_AZIMUTH_DEG = -90.0


@dataclass(frozen=True)
class Camera:
    """A level camera on a circle around the golfer.

    Attributes:
        azimuth_deg: 0 looks the golfer in the face, -90 stands behind the ball and looks down the target line.
        width, height: image size in pixels.
        distance_m: from the point it aims at.
        lens_height_m: of the lens above the ground.
        view_height_m: what the image's height covers at the aimed point.
        aim_height_m, aim_x_m, aim_z_m: the aimed point, a little toward the ball from the golfer's feet; high enough
            for the club at the top, low enough for the ball.
    """

    azimuth_deg: float
    width: int
    height: int
    distance_m: float = 5.0
    lens_height_m: float = 1.15
    view_height_m: float = 2.9
    aim_height_m: float = 1.0
    aim_x_m: float = 0.0
    aim_z_m: float = 0.25

    @property
    def position(self) -> Points:
        """(3,) metres."""
        azimuth = radians(self.azimuth_deg)
        return np.array(
            [
                self.aim_x_m + self.distance_m * sin(azimuth),
                self.lens_height_m,
                self.aim_z_m + self.distance_m * cos(azimuth),
            ]
        )

    @property
    def axes(self) -> Points:
        """(3, 3) rows: unit vectors to the right, down and forward of the image."""
        forward = unit(np.array([self.aim_x_m, self.aim_height_m, self.aim_z_m]) - self.position)
        right = unit(np.cross(forward, np.array([0.0, 1.0, 0.0])))
        return np.stack([right, np.cross(forward, right), forward])

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.height * self.distance_m / self.view_height_m

    def project(self, points: Points) -> NDArray[np.float64]:
        """Pixels (..., 2) of points (..., 3) in metres. Points outside the picture keep their place outside."""
        seen = (points - self.position) @ self.axes.T
        centre = np.array([self.width, self.height]) / 2
        return np.asarray(seen[..., :2] / seen[..., 2:] * self.focal_px + centre)

    def mirrored(self) -> "Camera":
        """The camera that sees a left-hander as this one sees the right-hander."""
        return replace(self, azimuth_deg=-self.azimuth_deg, aim_x_m=-self.aim_x_m)
