"""Labelled clips made of stick golfers, in GolfDB's files: what the benchmarks and the fits read."""

from pathlib import Path

import numpy as np
import polars as pl

from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.landmarks import LANDMARKS, LandmarkTrack
from golf_pipeline_tests.swing.stick_golfer import TAKEAWAY, StickGolfer

RHYTHM = {
    EventName.ADDRESS: TAKEAWAY,
    EventName.TOE_UP: -2.1,
    EventName.MID_BACKSWING: -1.4,
    EventName.TOP: 0.0,
    EventName.MID_DOWNSWING: 0.6,
    EventName.IMPACT: 1.0,
    EventName.MID_FOLLOW_THROUGH: 1.3,
    EventName.FINISH: 3.2,
}
"""Where a stick golfer's events are labelled, downswings from the top."""

GOLFERS = tuple(
    StickGolfer(downswing=downswing, azimuth_deg=azimuth, size=24, centre=(80, 80), width=160, height=160, noise=0.01)
    for azimuth in (0.0, 80.0)
    for downswing in (8.0, 9.0, 10.0, 28.0)
)


def write_clips(
    folder: Path, golfers: tuple[StickGolfer, ...] = GOLFERS, *, mirrored: bool = False
) -> tuple[Path, Path]:
    """`landmarks.parquet` and `events.csv` of some golfers: two clips a source video, ids from 100 on."""
    tables, rows = [], []
    for number, golfer in enumerate(golfers):
        track = golfer.track().mirrored() if mirrored else golfer.track()
        tables.append(_table(track, 100 + number))
        frames = {name: round((golfer.before + at) * golfer.downswing) for name, at in RHYTHM.items()}
        rows.append(
            {
                "id": 100 + number,
                "sex": "f" if number % 4 < 2 else "m",
                "view": "face-on" if golfer.azimuth_deg == 0 else "down-the-line",
                "slow": int(golfer.downswing > 20),
                "abs_start": 1000 * (number % 2),
                **{f"clip_{name.value}": frame for name, frame in frames.items()},
                "clip_end": len(track) - 1,
            }
        )
    landmarks, labels = folder / "landmarks.parquet", folder / "events.csv"
    pl.concat(tables).write_parquet(landmarks)
    pl.DataFrame(rows).write_csv(labels)
    return landmarks, labels


def _table(track: LandmarkTrack, clip: int) -> pl.DataFrame:
    columns: dict[str, np.ndarray] = {"clip_id": np.full(len(track), clip), "frame": track.frame}
    for position, name in enumerate(LANDMARKS):
        for axis, channel in enumerate("xyz"):
            columns[f"{name}_{channel}"] = track.xyz[:, position, axis]
        columns[f"{name}_visibility"] = track.visibility[:, position]
    return pl.DataFrame(columns)
