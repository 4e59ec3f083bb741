"""The camera's roll on real videos: their pictures are turned by known angles, and the estimate must follow.

How level a video was filmed nobody knows, so each clip counts as level as it is: an error holds the scene's own slope
and the camera's true roll as well. Black bars and a second picture beside the first are cut off before turning, as a
border that turns with the picture would flatter the estimate.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from golf_pipeline.swing.errors import SwingError
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.pose import track_pose
from golf_pipeline.swing.roll import RollEstimate, borders, camera_roll, pictures_at_address
from golf_pipeline.swing.video import probe_video
from golf_pipeline.training.golfdb import BenchmarkDataError

TURNS_DEG = (-8, -6, -4, -2, 0, 2, 4, 6, 8)

SUFFIXES = (".mp4", ".mov")

Picture = NDArray[np.uint8]
Body = NDArray[np.float64]
Progress = Callable[[str, int, int], None]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TurnResult(_Document):
    """All clips turned by one angle. Errors are degrees.

    Attributes:
        answers, levelled: clips with an estimate, and with one that is sure enough to level the numbers.
        median_error, worst_error: of the answers; None without one.
        median_left, worst_left: off level in the shipped numbers of all clips, levelled or not.
    """

    turned_deg: int
    clips: int
    answers: int
    levelled: int
    median_error: float | None
    worst_error: float | None
    median_left: float
    worst_left: float


class ClipResult(_Document):
    """What each turn of a clip read: estimates in the order of `TURNS_DEG`, and which are sure."""

    file: str
    degrees: tuple[float | None, ...]
    sure: tuple[bool, ...]


class RollBenchmark(_Document):
    folder: str
    turns: tuple[TurnResult, ...]
    clips: tuple[ClipResult, ...]


def score_roll(folder: Path, model: Path, on_progress: Progress) -> RollBenchmark:
    """Turn the pictures of every video in a folder in which a swing is found.

    Raises:
        BenchmarkDataError: no video of the folder holds a swing.
    """
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    estimates: dict[str, list[RollEstimate | None]] = {}
    for number, path in enumerate(videos, 1):
        try:
            facts = probe_video(path)
            track = track_pose(path, facts, model)
            pictures, bodies = pictures_at_address(path, track, segment_swing(track))
        except SwingError:
            pictures, bodies = [], []
        if pictures:
            scene = _without_borders(pictures, bodies)
            estimates[path.name] = [camera_roll(*turned(*scene, turn)) for turn in TURNS_DEG]
        on_progress("videos", number, len(videos))
    if not estimates:
        raise BenchmarkDataError(f"{folder} holds no MP4 or MOV file with a swing")
    return RollBenchmark(
        folder=folder.name,
        turns=tuple(_score(turn, [of[place] for of in estimates.values()]) for place, turn in enumerate(TURNS_DEG)),
        clips=tuple(
            ClipResult(
                file=name,
                degrees=tuple(one and one.degrees for one in read),
                sure=tuple(one is not None and one.is_sure for one in read),
            )
            for name, read in estimates.items()
        ),
    )


def turned(pictures: list[Picture], bodies: list[Body], turn_deg: float) -> tuple[list[Picture], list[Body]]:
    """Pictures and landmarks turned clockwise about the middle, cut to what the original fills."""
    import cv2

    height, width = pictures[0].shape[:2]
    way = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -turn_deg, 1.0)
    cosine, sine = np.cos(np.radians(turn_deg)), abs(np.sin(np.radians(turn_deg)))
    share = 1 / (cosine + sine * max(height / width, width / height))
    x, y = (int(np.ceil(side * (1 - share) / 2)) for side in (width, height))
    whole = [cv2.warpAffine(one, way, (width, height), flags=cv2.INTER_CUBIC) for one in pictures]
    shown = [np.ascontiguousarray(one[y : height - y, x : width - x]).astype(np.uint8, copy=False) for one in whole]
    return shown, [body @ way[:, :2].T + way[:, 2] - (x, y) for body in bodies]


def _without_borders(pictures: list[Picture], bodies: list[Body]) -> tuple[list[Picture], list[Body]]:
    """The part of the pictures around the golfer that no border crosses."""
    import cv2

    grey = cv2.cvtColor(pictures[0], cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    low, high = bodies[0].min(axis=0), bodies[0].max(axis=0)
    first, last = [0, 0], [grey.shape[1], grey.shape[0]]
    for axis in (0, 1):
        found = borders(grey, axis)
        first[axis] = max((int(one) + 3 for one in found if one < low[axis]), default=0)
        last[axis] = min((int(one) - 2 for one in found if one > high[axis]), default=last[axis])
    inside = [np.ascontiguousarray(one[first[1] : last[1], first[0] : last[0]]) for one in pictures]
    return inside, [body - first for body in bodies]


def _score(turn: int, read: list[RollEstimate | None]) -> TurnResult:
    errors = [abs(one.degrees - turn) for one in read if one is not None]
    left = [abs(turn - one.degrees) if one is not None and one.is_sure else abs(turn) for one in read]
    return TurnResult(
        turned_deg=turn,
        clips=len(read),
        answers=len(errors),
        levelled=sum(one is not None and one.is_sure for one in read),
        median_error=round(float(np.median(errors)), 2) if errors else None,
        worst_error=round(max(errors), 1) if errors else None,
        median_left=round(float(np.median(left)), 2),
        worst_left=round(max(left), 1),
    )


def print_tables(result: RollBenchmark, console: Console) -> None:
    table = Table("turned by", "clips", "answers", "median error", "worst", "levelled", "median left", "worst left")
    for one in result.turns:
        errors = ["-" if value is None else f"{value:g}" for value in (one.median_error, one.worst_error)]
        table.add_row(
            *(f"{one.turned_deg:+d}", str(one.clips), str(one.answers), *errors),
            *(str(one.levelled), f"{one.median_left:g}", f"{one.worst_left:g}"),
        )
    console.print(table)
    clips = Table("clip (* levelled)", *(f"{turn:+d}" for turn in TURNS_DEG))
    for clip in result.clips:
        read = zip(clip.degrees, clip.sure, strict=True)
        clips.add_row(clip.file, *("-" if one is None else f"{one:+.1f}{'*' if sure else ''}" for one, sure in read))
    console.print(clips)
