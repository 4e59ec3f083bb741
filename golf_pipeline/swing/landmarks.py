"""The landmark track: 33 body landmarks per frame of one video, and its Parquet form.

Coordinates are MediaPipe's: `x` and `y` in 0..1 of the upright image (x to the right, y down), `z` and `world` as the
model gives them (world in metres, origin mid-hip, y down). Frames in which no body was found hold NaN, never zero.
"""

import io
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LANDMARKS: tuple[str, ...] = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
INDEX: dict[str, int] = {name: position for position, name in enumerate(LANDMARKS)}

_CHANNELS = ("x", "y", "z", "visibility", "world_x", "world_y", "world_z")


@dataclass(frozen=True)
class LandmarkTrack:
    """The pose of one person over the analysed frames of a video (n frames, in display order).

    Attributes:
        frame: (n,) int64, 0-based frame number in display order within the video; increasing, gaps allowed.
        time_s: (n,) float64, presentation time of each frame in seconds from the first frame.
        xyz: (n, 33, 3) float32, x and y in 0..1 of the upright image, z in the scale of x; NaN where nobody was found.
        visibility: (n, 33) float32 in 0..1; NaN where nobody was found.
        world: (n, 33, 3) float32 metres, mid-hip origin; NaN where nobody was found.
        width, height: size of the upright image in pixels (for the aspect ratio).
        cuts: frame numbers at which a new scene starts.
        model: name and hash prefix of the pose model that made it.
    """

    frame: NDArray[np.int64]
    time_s: NDArray[np.float64]
    xyz: NDArray[np.float32]
    visibility: NDArray[np.float32]
    world: NDArray[np.float32]
    width: int
    height: int
    cuts: tuple[int, ...] = ()
    model: str = ""

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def pixels(self) -> NDArray[np.float64]:
        """(n, 33, 2) x and y in pixels of the upright image: the only coordinates in which an angle is true."""
        return self.xyz[:, :, :2].astype(np.float64) * np.array([self.width, self.height], dtype=np.float64)

    @property
    def found(self) -> NDArray[np.bool_]:
        """(n,) whether a body was found in each frame."""
        return ~np.isnan(self.xyz[:, 0, 0])

    @property
    def coverage(self) -> float:
        """Share of the frames in which a body was found."""
        return float(self.found.mean()) if len(self) else 0.0

    def point(self, name: str) -> NDArray[np.float64]:
        """(n, 2) pixels of one landmark."""
        return self.pixels[:, INDEX[name]]

    def midpoint(self, part: str) -> NDArray[np.float64]:
        """(n, 2) pixels between the left and the right landmark of a part ("hip", "shoulder", "ear", ...)."""
        return (self.point(f"left_{part}") + self.point(f"right_{part}")) / 2

    def mirrored(self) -> "LandmarkTrack":
        """The track of the mirrored video: x reflected, left and right landmarks exchanged."""
        order = [INDEX[_other_side(name)] for name in LANDMARKS]
        xyz, world = self.xyz[:, order].copy(), self.world[:, order].copy()
        xyz[:, :, 0] = 1 - xyz[:, :, 0]
        world[:, :, 0] = -world[:, :, 0]
        return LandmarkTrack(
            frame=self.frame,
            time_s=self.time_s,
            xyz=xyz,
            visibility=self.visibility[:, order],
            world=world,
            width=self.width,
            height=self.height,
            cuts=self.cuts,
            model=self.model,
        )

    def levelled(self, roll_deg: float) -> "LandmarkTrack":
        """The track as a level camera would have seen it.

        Args:
            roll_deg: by how much the picture is turned clockwise (`Capture.roll_deg`); 0 gives the track itself.

        The landmarks are turned back about the middle of the picture (image and world; depth stays) and may come to
        lie outside it. The picture's size stays, so that lengths in pixels and torso lengths do.
        """
        if roll_deg == 0:
            return self
        angle = np.radians(roll_deg)
        # Row vectors, y down: an anticlockwise turn of what is seen.
        back = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        size = np.array([self.width, self.height], dtype=np.float64)
        xyz, world = self.xyz.copy(), self.world.copy()
        xyz[:, :, :2] = ((self.pixels - size / 2) @ back + size / 2) / size
        world[:, :, :2] = self.world[:, :, :2].astype(np.float64) @ back
        return replace(self, xyz=xyz, world=world)

    def write_parquet(self, path: Path) -> None:
        """Write one row a frame: `frame`, `time_s`, seven float32 columns a landmark; image size in the metadata."""
        import polars as pl  # 0.3 s: whoever only needs the shape of a track should not pay for it

        columns: dict[str, object] = {"frame": self.frame, "time_s": self.time_s}
        channels = np.concatenate([self.xyz, self.visibility[:, :, None], self.world], axis=2)
        for position, name in enumerate(LANDMARKS):
            for channel, suffix in enumerate(_CHANNELS):
                columns[f"{name}_{suffix}"] = channels[:, position, channel]
        metadata = {
            "width": str(self.width),
            "height": str(self.height),
            "cuts": ",".join(map(str, self.cuts)),
            "model": self.model,
        }
        pl.DataFrame(columns).write_parquet(path, metadata=metadata)

    @classmethod
    def read_parquet(cls, path: Path) -> "LandmarkTrack":
        """Read what `write_parquet` wrote."""
        import polars as pl

        data = path.read_bytes()
        # Hundreds of short columns: handing each to a thread takes longer than reading it.
        table, metadata = pl.read_parquet(data, parallel="none"), pl.read_parquet_metadata(io.BytesIO(data))
        names = [f"{name}_{suffix}" for name in LANDMARKS for suffix in _CHANNELS]
        columns = np.array([table[name].to_numpy() for name in names], dtype=np.float32)
        channels = columns.T.reshape(len(table), len(LANDMARKS), len(_CHANNELS))
        return cls(
            frame=table["frame"].to_numpy().astype(np.int64),
            time_s=table["time_s"].to_numpy().astype(np.float64),
            xyz=channels[:, :, :3],
            visibility=channels[:, :, 3],
            world=channels[:, :, 4:],
            width=int(metadata["width"]),
            height=int(metadata["height"]),
            cuts=tuple(int(cut) for cut in metadata["cuts"].split(",") if cut),
            model=metadata["model"],
        )


def _other_side(name: str) -> str:
    if "left" in name:
        return name.replace("left", "right")
    return name.replace("right", "left")
