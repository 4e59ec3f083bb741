"""The whole analysis on labelled videos: swings found, missed and invented, event errors, view and hand.

A folder of labels holds `labels.csv` (`file`, `view`, `handedness`, `top_frame`, `top_tolerance`, `impact_frame`,
`impact_tolerance`; one swing a row) or `fixture_swings.csv` (`file`, `complete_swings`, `swing`, `address_frame`,
`top_frame`, `impact_frame`; 0 complete swings: the right answer is a refusal), or both, and the videos beside them.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from golf_pipeline.benchmarks.mirror import mirror_video
from golf_pipeline.swing.analysis import analyze_swing
from golf_pipeline.swing.documents import EventName, Handedness, SwingAnalysis
from golf_pipeline.swing.video import VideoLimits
from golf_pipeline.training.golfdb import BenchmarkDataError

LABELS, SWINGS = "labels.csv", "fixture_swings.csv"

IMPACT_TOLERANCE, TOP_TOLERANCE = 1.0, 2.0
"""Frames that a label may be missed by where the file of labels names no tolerance; a label's own may be wider."""

SAME_SWING_SHARE = 1.0
"""Of the labelled downswing: a complete candidate whose impact is nearer than this is the labelled swing."""

LEAST_SAME_SWING = 4
HANDS = {"R": Handedness.RIGHT, "L": Handedness.LEFT}
MIRRORED = {Handedness.RIGHT: Handedness.LEFT, Handedness.LEFT: Handedness.RIGHT}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LabelledSwing:
    """A complete swing in a video: frames as they were read, None where nobody read them."""

    impact: float
    top: float | None
    impact_tolerance: float
    top_tolerance: float


@dataclass(frozen=True)
class LabelledVideo:
    """What is known of one video; view and hand None where nobody labelled them."""

    path: Path
    swings: tuple[LabelledSwing, ...]
    view: str | None
    hand: Handedness | None


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoResult(_Document):
    """One video (or its mirrored copy) against its labels.

    Attributes:
        found, missed, invented: complete swings, matched to the labels by impact.
        impact_error, top_error: frames, found minus label, of the swing that was analysed; None without one.
        wrong: everything that is not as labelled, in words.
    """

    file: str
    mirrored: bool
    labelled: int
    found: int
    missed: int
    invented: int
    impact_error: float | None = None
    top_error: float | None = None
    view: str | None = None
    view_right: bool | None = None
    handedness: str | None = None
    hand_right: bool | None = None
    refusal: str = ""
    wrong: tuple[str, ...] = ()


class VideosBenchmark(_Document):
    """Counts over all videos, and each video."""

    labels: str
    videos: int
    swings: int
    found: int
    missed: int
    invented: int
    impact_within: int
    top_within: int
    events_judged: int
    views_right: int
    views: int
    hands_right: int
    hands: int
    per_video: tuple[VideoResult, ...]


def score_videos(folder: Path, model: Path, *, mirrored: bool, on_progress: Progress) -> VideosBenchmark:
    """Analyse every labelled video of a folder; with `mirrored`, a mirrored copy of each as well.

    Raises:
        BenchmarkDataError: the folder holds no labels, or a labelled video is missing.
    """
    videos = read_labelled_videos(folder)
    results: list[VideoResult] = []
    total = len(videos) * (2 if mirrored else 1)
    for video in videos:
        results.append(judge_video(video, _analyse(video.path, model), mirrored=False))
        on_progress("videos", len(results), total)
        if mirrored:
            with tempfile.TemporaryDirectory() as scratch:
                copy = mirror_video(video.path, Path(scratch) / f"{video.path.stem}.mp4")
                analysis = None if copy is None else _analyse(copy, model)
            if analysis is not None:
                results.append(judge_video(video, analysis, mirrored=True))
            on_progress("videos", len(results), total)
    judged = [one for one in results if one.impact_error is not None]
    return VideosBenchmark(
        labels=", ".join(name for name in (LABELS, SWINGS) if (folder / name).exists()),
        videos=len(results),
        swings=sum(one.labelled for one in results),
        found=sum(one.found for one in results),
        missed=sum(one.missed for one in results),
        invented=sum(one.invented for one in results),
        impact_within=sum(not any(word.startswith("impact") for word in one.wrong) for one in judged),
        top_within=sum(not any(word.startswith("top") for word in one.wrong) for one in judged),
        events_judged=len(judged),
        views_right=sum(one.view_right is True for one in results),
        views=sum(one.view_right is not None for one in results),
        hands_right=sum(one.hand_right is True for one in results),
        hands=sum(one.hand_right is not None for one in results),
        per_video=tuple(results),
    )


def read_labelled_videos(folder: Path) -> list[LabelledVideo]:
    """The labelled videos of a folder, by name; see the module for the form."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in (LABELS, SWINGS):
        if (folder / name).exists():
            for row in pl.read_csv(folder / name).to_dicts():
                rows.setdefault(str(row["file"]), []).append(row)
    if not rows:
        raise BenchmarkDataError(f"{folder} holds neither {LABELS} nor {SWINGS}")
    missing = [name for name in rows if not (folder / name).exists()]
    if missing:
        raise BenchmarkDataError(f"labelled but not in {folder}: {', '.join(missing)}")
    return [_labelled(folder / name, rows[name]) for name in sorted(rows)]


def _labelled(path: Path, rows: list[dict[str, Any]]) -> LabelledVideo:
    swings = tuple(_swing(row) for row in rows if row.get("impact_frame") is not None)
    view = next((row["view"] for row in rows if row.get("view")), None)
    hand = next((HANDS.get(str(row["handedness"])[0].upper()) for row in rows if row.get("handedness")), None)
    return LabelledVideo(path, swings, view, hand)


def _swing(row: dict[str, Any]) -> LabelledSwing:
    top = row.get("top_frame")
    return LabelledSwing(
        impact=float(row["impact_frame"]),
        top=None if top is None else float(top),
        impact_tolerance=max(IMPACT_TOLERANCE, float(row.get("impact_tolerance") or 0)),
        top_tolerance=max(TOP_TOLERANCE, float(row.get("top_tolerance") or 0)),
    )


def _analyse(path: Path, model: Path) -> SwingAnalysis:
    return analyze_swing(path, pose_model=model, limits=VideoLimits())


def judge_video(video: LabelledVideo, analysis: SwingAnalysis, *, mirrored: bool) -> VideoResult:
    complete = [float(one.impact_frame) for one in analysis.candidates if one.complete]
    matched = [swing for swing in video.swings if any(_is_same(swing, impact) for impact in complete)]
    invented = [impact for impact in complete if not any(_is_same(swing, impact) for swing in video.swings)]
    wrong = [f"swing at {swing.impact:g} missed" for swing in video.swings if swing not in matched]
    wrong += [f"swing at {impact:g} invented" for impact in invented]
    impact_error = top_error = None
    events = {event.event: event for event in analysis.events}
    if events:
        impact = events[EventName.IMPACT]
        analysed = next((swing for swing in video.swings if _is_same(swing, impact.frame)), None)
        if analysed is not None:
            impact_error, top_error = _event_errors(analysed, impact.frame, events[EventName.TOP].frame, wrong)
    view_right = hand_right = None
    if analysis.capture is not None:
        view_right = None if video.view is None else analysis.capture.view.value == video.view
        wanted = None if video.hand is None else MIRRORED[video.hand] if mirrored else video.hand
        hand_right = None if wanted is None else analysis.capture.handedness == wanted
        wrong += [f"view {analysis.capture.view.value}"] if view_right is False else []
        wrong += [f"hand {analysis.capture.handedness.value}"] if hand_right is False else []
    return VideoResult(
        file=video.path.name,
        mirrored=mirrored,
        labelled=len(video.swings),
        found=len(matched),
        missed=len(video.swings) - len(matched),
        invented=len(invented),
        impact_error=impact_error,
        top_error=top_error,
        view=analysis.capture.view.value if analysis.capture else None,
        view_right=view_right,
        handedness=analysis.capture.handedness.value if analysis.capture else None,
        hand_right=hand_right,
        refusal=f"{analysis.refusal.code}: {analysis.refusal.message}" if analysis.refusal else "",
        wrong=tuple(wrong),
    )


def _is_same(swing: LabelledSwing, impact: float) -> bool:
    downswing = 0.0 if swing.top is None else swing.impact - swing.top
    return abs(swing.impact - impact) <= max(LEAST_SAME_SWING, SAME_SWING_SHARE * downswing)


def _event_errors(
    swing: LabelledSwing, impact_frame: int, top_frame: int, wrong: list[str]
) -> tuple[float, float | None]:
    impact_error = impact_frame - swing.impact
    if abs(impact_error) > swing.impact_tolerance:
        wrong.append(f"impact {impact_error:+g} frames (allowed {swing.impact_tolerance:g})")
    if swing.top is None:
        return impact_error, None
    top_error = top_frame - swing.top
    if abs(top_error) > swing.top_tolerance:
        wrong.append(f"top {top_error:+g} frames (allowed {swing.top_tolerance:g})")
    return impact_error, top_error


def print_tables(result: VideosBenchmark, console: Console) -> None:
    table = Table("video", "swings", "found", "missed", "invented", "impact", "top", "view", "hand", "wrong")
    for one in result.per_video:
        table.add_row(
            one.file + (" mirrored" if one.mirrored else ""),
            *(str(count) for count in (one.labelled, one.found, one.missed, one.invented)),
            "-" if one.impact_error is None else f"{one.impact_error:+g}",
            "-" if one.top_error is None else f"{one.top_error:+g}",
            one.view or "-",
            one.handedness or "-",
            "; ".join(one.wrong) or (one.refusal.split(":")[0] if one.refusal else ""),
        )
    console.print(table)
    console.print(
        f"{result.videos} videos with {result.swings} labelled swings ({result.labels}): {result.found} found, "
        f"{result.missed} missed, {result.invented} invented; of {result.events_judged} analysed swings impact within "
        f"tolerance {result.impact_within}, top {result.top_within}; view right {result.views_right} of "
        f"{result.views}, hand {result.hands_right} of {result.hands}",
        soft_wrap=True,
    )
