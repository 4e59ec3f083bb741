"""The HTML report: one file that needs nothing else, for a golfer on a phone, a coach on a desktop, and a printer.

Pictures are inlined, there is no script, and the page's own policy forbids loading anything. All text goes through
Jinja's escaping: a file name or a note can never become markup. The words are `advice.py`'s, the page only shows them.
"""

import base64
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from golf_pipeline.swing.documents import EventName, Metric, SwingAnalysis, TopIssue
from golf_pipeline.swing.drawing import encode_jpeg
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.phases import EVENT_TITLES

if TYPE_CHECKING:
    from jinja2 import Template

ALGORITHM_VERSION = "1"

SHEET_WIDTH_PX = 1200
PICTURE_WIDTH_PX = 360
INLINE_QUALITY = 80
DECIMALS = {"deg": 1, "torso lengths": 2, "stance widths": 2, "ratio": 1, "s": 2}
CHART_WIDTH, CHART_HEIGHT, CHART_BASE, CHART_HEAD = 900, 300, 290, 56
LABEL_ROWS = 3


def write_html_report(
    analysis: SwingAnalysis,
    track: LandmarkTrack | None,
    contact_sheet: Path,
    key_frames_folder: Path,
    path: Path,
) -> None:
    """Write the report of an analysis, or of its refusal.

    Args:
        track: for the chart of the hands; None where there is none.
        contact_sheet: shown if the file exists.
        key_frames_folder: where the pictures of `analysis.key_frames` are; those that exist are shown as evidence.

    Raises:
        OSError: the file cannot be written.
    """
    issues = analysis.report.top_issues if analysis.report else ()
    page = _template().render(
        analysis=analysis,
        titles=EVENT_TITLES,
        pictures=[_picture(issue, analysis, key_frames_folder) for issue in issues],
        confidence={one.fault_id: one.confidence for one in analysis.findings.findings} if analysis.findings else {},
        drill_names={one.drill_id: one.name for one in analysis.report.drills} if analysis.report else {},
        sheet=_inlined(contact_sheet, SHEET_WIDTH_PX) if contact_sheet.is_file() and not analysis.refusal else None,
        chart=_chart(analysis, track) if track is not None and analysis.events else None,
        missing=_missing(analysis),
    )
    path.write_text(page, encoding="utf-8")


@dataclass(frozen=True)
class _Picture:
    src: str
    phase: str
    frame: int


@dataclass(frozen=True)
class _Mark:
    x: float
    top: float
    label: str


@dataclass(frozen=True)
class _Chart:
    width: int
    height: int
    base: int
    lines: list[str]
    marks: list[_Mark]


@lru_cache(maxsize=1)
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("golf_pipeline.swing"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    pages.filters |= {
        "value": _value,
        "corridor": _corridor,
        "plain": lambda number: f"{number:g}",
        "drill_name": lambda drill_id, names: names.get(drill_id, drill_id),
    }
    return pages.get_template("report.html.j2")


def _value(metric: Metric) -> str:
    return f"{metric.value:.{DECIMALS.get(metric.unit, 2)}f}".replace("-", "\N{MINUS SIGN}")


def _corridor(metric: Metric) -> str:
    if metric.corridor is None:
        return ""
    low, high = (None if bound is None else f"{bound:g}".replace("-", "\N{MINUS SIGN}") for bound in metric.corridor)
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def _missing(analysis: SwingAnalysis) -> list[tuple[str, str]]:
    """Names and reasons of what has no number and of what was not judged; a metric is named once."""
    reasons = {metric.name: metric.reason for metric in analysis.metrics if metric.value is None}
    judged = [(one.name, one.reason) for one in analysis.findings.not_judged] if analysis.findings else []
    return [*reasons.items(), *judged]


def _picture(issue: TopIssue, analysis: SwingAnalysis, folder: Path) -> _Picture | None:
    """The key frame nearest to the first evidence of an issue."""
    kept = [frame for frame in analysis.key_frames if (folder / frame.file_name).is_file()]
    if not kept or not issue.evidence:
        return None
    shown = min(kept, key=lambda frame: abs(frame.frame_number - issue.evidence[0].frame))
    return _Picture(_inlined(folder / shown.file_name, PICTURE_WIDTH_PX), shown.phase, shown.frame_number)


def _inlined(path: Path, width_px: int) -> str:
    """A picture file as a data URI, no wider than asked: the report stays small enough for a message."""
    import cv2

    stored = cv2.imread(str(path))
    if stored is None:
        raise OSError(f"{path.name} is no picture")
    image = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
    if image.shape[1] > width_px:
        height = round(image.shape[0] * width_px / image.shape[1])
        image = cv2.resize(image, (width_px, height), interpolation=cv2.INTER_AREA)
    picture = encode_jpeg(np.asarray(image, np.uint8), INLINE_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


def _chart(analysis: SwingAnalysis, track: LandmarkTrack) -> _Chart:
    """The hands' height above the ankles in torso lengths, address to finish with a margin."""
    at = {event.event: event for event in analysis.events}
    first, last = at[EventName.ADDRESS].time_s, at[EventName.FINISH].time_s
    margin = 0.08 * (last - first)
    within = (track.time_s >= first - margin) & (track.time_s <= last + margin)
    times = track.time_s[within]
    torso = np.nanmedian(np.linalg.norm(track.midpoint("shoulder") - track.midpoint("hip"), axis=1)[within])
    heights = ((track.midpoint("ankle") - track.midpoint("wrist"))[within, 1]) / torso
    seen = np.isfinite(heights)
    if seen.sum() < 2:
        return _Chart(CHART_WIDTH, CHART_HEIGHT, CHART_BASE, [], [])
    low, high = min(0.0, float(np.nanmin(heights))), float(np.nanmax(heights))

    def x(time_s: float) -> float:
        share = (time_s - times[0]) / max(times[-1] - times[0], 1e-9)
        return round(float(20 + (CHART_WIDTH - 40) * share), 1)

    def y(height: float) -> float:
        share = (height - low) / max(high - low, 1e-9)
        return round(float(CHART_BASE - (CHART_BASE - CHART_HEAD) * share), 1)

    pieces = np.split(np.arange(len(times)), np.flatnonzero(~seen))
    lines = [" ".join(f"{x(times[i])},{y(heights[i])}" for i in piece if seen[i]) for piece in pieces]
    marks = [
        _Mark(x(event.time_s), 14 + 14 * (number % LABEL_ROWS), EVENT_TITLES[event.event])
        for number, event in enumerate(analysis.events)
    ]
    return _Chart(CHART_WIDTH, CHART_HEIGHT, CHART_BASE, [line for line in lines if line], marks)
