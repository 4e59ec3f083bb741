"""Labelled landmark clips in GolfDB's form: one Parquet file of landmarks and one CSV file of event frames.

The Parquet file holds `clip_id`, `frame` and `<landmark>_x`, `_y`, `_z`, `_visibility` (x and y in 0..1 of a square
picture, as GolfDB's 160x160 clips are); frames without a body are missing. The CSV file holds `id` and
`clip_<event>`, 0-based frames within the clip, and may hold `view`, `slow`, `clip_end`, and `sex` and `abs_start`,
which tell the clips of one video.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.landmarks import LANDMARKS, LandmarkTrack

SIDE_PX = 160
FPS = 30.0
"""GolfDB does not say at what rate a clip was filmed; nothing that is scored here depends on seconds."""

CHANNELS = ("x", "y", "z", "visibility")
LABEL_COLUMNS = ("id", *(f"clip_{name.value}" for name in EventName))


Row = dict[str, Any]


class BenchmarkDataError(Exception):
    """A file of labelled data cannot be used; the message names the file, the column or clip, and the way out."""


@dataclass(frozen=True)
class LabelledClip:
    """One labelled swing with its landmarks.

    Attributes:
        video: number of the source video: clips of one video never stand on both sides of a cross-validation.
        view: GolfDB's word for the camera's side ("face-on", "down-the-line", "other").
        slow: a slow-motion replay.
        labels: frame of each event within the clip, as the experts read it.
    """

    id: int
    video: int
    view: str
    slow: bool
    track: LandmarkTrack
    labels: dict[EventName, float]


def read_clips(landmarks: Path, labels: Path) -> list[LabelledClip]:
    """The clips that have both landmarks and labels, by id.

    Raises:
        BenchmarkDataError: a file cannot be read, lacks a column, or the two have no clip in common.
    """
    rows = _read_labels(labels)
    table = _read_landmarks(landmarks)
    videos = source_videos(list(rows.values()))
    clips = []
    for (clip,), frames in table.sort("clip_id", "frame").group_by("clip_id", maintain_order=True):
        row = rows.get(int(clip))
        if row is None:
            continue
        clips.append(
            LabelledClip(
                id=row["id"],
                video=videos[row["id"]],
                view=str(row.get("view") or "unknown"),
                slow=bool(row.get("slow")),
                track=_track(frames, int(row.get("clip_end") or 0)),
                labels={name: float(row[f"clip_{name.value}"]) for name in EventName},
            )
        )
    if not clips:
        raise BenchmarkDataError(f"{landmarks.name} and {labels.name} have no clip in common: check `clip_id` and `id`")
    return clips


def source_videos(rows: list[Row]) -> dict[int, int]:
    """Clip id -> number of its source video, from labels in GolfDB's order.

    GolfDB's table does not name the video. Its clips stand in the order of their videos, those of one video in order of
    time, so a clip that starts before the one above it, or shows a golfer of the other sex, begins another video. Two
    videos may be taken for one this way, one video never for two: a cross-validation by it is on the safe side.
    """
    videos: dict[int, int] = {}
    before: Row | None = None
    number = -1
    for row in sorted(rows, key=lambda row: int(row["id"])):
        follows = before is not None and row.get("sex") == before.get("sex") and _start(row) > _start(before)
        number += not follows
        videos[int(row["id"])] = number
        before = row
    return videos


def _start(row: Row) -> int:
    return int(row.get("abs_start") or 0)


def _read_labels(path: Path) -> dict[int, Row]:
    try:
        table = pl.read_csv(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BenchmarkDataError(f"{path.name} cannot be read as CSV: {error}") from error
    _require(path, table.columns, LABEL_COLUMNS)
    return {row["id"]: row for row in table.to_dicts()}


def _read_landmarks(path: Path) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BenchmarkDataError(f"{path.name} cannot be read as Parquet: {error}") from error
    _require(path, table.columns, ("clip_id", "frame", *_landmark_columns()))
    return table


def _require(path: Path, found: list[str], wanted: tuple[str, ...]) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise BenchmarkDataError(f"{path.name} lacks {', '.join(missing[:5])}: see the form in docs/accuracy.md")


def _landmark_columns() -> list[str]:
    return [f"{name}_{channel}" for name in LANDMARKS for channel in CHANNELS]


def _track(rows: pl.DataFrame, clip_end: int) -> LandmarkTrack:
    frames = rows["frame"].to_numpy()
    count = max(int(frames.max()), clip_end) + 1
    channels = np.full((count, len(LANDMARKS), len(CHANNELS)), np.nan, dtype=np.float32)
    channels[frames] = rows.select(_landmark_columns()).to_numpy().reshape(-1, len(LANDMARKS), len(CHANNELS))
    return LandmarkTrack(
        frame=np.arange(count, dtype=np.int64),
        time_s=np.arange(count) / FPS,
        xyz=channels[:, :, :3],
        visibility=channels[:, :, 3],
        world=np.full((count, len(LANDMARKS), 3), np.nan, dtype=np.float32),
        width=SIDE_PX,
        height=SIDE_PX,
    )
