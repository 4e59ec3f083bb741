"""The HTML report: one file that needs nothing else, for a golfer on a phone, a coach on a desktop, and a printer.

The contact sheet is inlined once and each event shows its part of it; there is no script, and the page's own policy
forbids loading anything. The words are those of `advice.py` and of the findings, the shapes those of `charts.py`: here
they are put in the order of a reader's questions (how was it, what to work on, why, what else), and the pictures get
their words.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from golf_pipeline.swing.charts import CorridorChart, corridor_chart, swing_chart
from golf_pipeline.swing.documents import EventName, Metric, SwingAnalysis, SwingEvent, TopIssue, Trust
from golf_pipeline.swing.hands import hand_path
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.pages import inline_jpeg, render, with_unit
from golf_pipeline.swing.phases import EVENT_TITLES
from golf_pipeline.swing.pictures import Box, read_contact_sheet

ALGORITHM_VERSION = "3"

MOST_NUMBERS_IN_WORDS = 3
"""Numbers told in the words of one picture: more is not listened to."""


def write_html_report(analysis: SwingAnalysis, track: LandmarkTrack | None, contact_sheet: Path, path: Path) -> None:
    """Write the report of an analysis, or of its refusal.

    Args:
        track: for the chart of the hands and the pictures; None where there is none.
        contact_sheet: of this analysis and track; its pictures are shown if the file exists.

    Raises:
        OSError: the file cannot be written, or the contact sheet is that of another swing.
    """
    tiles: dict[EventName, Tile] = {}
    sheet = chart = None
    if track is not None and analysis.refusal is None and analysis.events and analysis.capture:
        way = hand_path(track.levelled(analysis.capture.roll_deg or 0.0), analysis.events)
        chart = swing_chart(way, analysis.events, analysis.capture.time_base) if way else None
        if contact_sheet.is_file():
            sheet = read_contact_sheet(contact_sheet, track, analysis.events)
            tiles = _event_tiles(analysis, sheet.tiles)
    known = [metric for metric in analysis.metrics if metric.value is not None]
    charts = [(metric, corridor_chart(metric)) for metric in known]
    findings = analysis.findings
    names = {one.fault_id: one.name for one in findings.findings} if findings else {}
    page = render(
        "report.html.j2",
        analysis=analysis,
        issues=_issues(analysis, tiles),
        led_to=[names[one] for one in findings.root_cause.leads_to if one in names]
        if findings and findings.root_cause
        else [],
        drill_names={one.drill_id: one.name for one in analysis.report.drills} if analysis.report else {},
        tiles=list(tiles.values()),
        sheet=sheet,
        sheet_source=inline_jpeg(sheet.jpeg) if sheet else "",
        chart=chart,
        readings=[Reading(metric, shape) for metric, shape in charts if shape is not None],
        numbers=[metric for metric, shape in charts if shape is None],
        not_judged=_grouped((one.name, one.reason, one.how) for one in findings.not_judged) if findings else [],
        unavailable=_grouped((one.name, one.reason, "") for one in analysis.metrics if one.value is None),
        caveats=_caveats(analysis),
    )
    path.write_bytes(page.encode())


@dataclass(frozen=True)
class Tile:
    """The picture of one event: a part of the contact sheet, with its number in the swing and its words."""

    part: Box
    number: int
    title: str
    caption: str
    words: str


@dataclass(frozen=True)
class Reading:
    """A metric with a corridor."""

    metric: Metric
    chart: CorridorChart


@dataclass(frozen=True)
class _Issue:
    issue: TopIssue
    text: str
    confidence: str
    tiles: list[Tile]


@dataclass(frozen=True)
class _Group:
    """What could not be judged or measured for one and the same reason."""

    names: list[str]
    reason: str
    how: str


def _event_tiles(analysis: SwingAnalysis, parts: Mapping[EventName, Box]) -> dict[EventName, Tile]:
    """The events in order, each with words for those who do not see its picture."""
    return {
        event.event: Tile(
            part=parts[event.event],
            number=number,
            title=EVENT_TITLES[event.event],
            caption=f"{event.time_s:.2f} s, frame {event.frame}, {event.confidence:.0%} sure",
            words=_words(event, analysis),
        )
        for number, event in enumerate(analysis.events, start=1)
    }


def _words(event: SwingEvent, analysis: SwingAnalysis) -> str:
    """What the picture of an event shows, with the numbers that were measured in it."""
    measured = [
        f"{metric.name.lower()} {with_unit(metric.value, metric.unit)}"
        for metric in analysis.metrics
        if metric.phase == event.event and metric.value is not None and metric.trust == Trust.MEASURED
    ]
    view = f" seen {analysis.capture.view}" if analysis.capture else ""
    numbers = f"; {', '.join(measured[:MOST_NUMBERS_IN_WORDS])}" if measured else ""
    return (
        f"The golfer at {EVENT_TITLES[event.event].lower()}{view}, frame {event.frame}, {event.time_s:.2f} s{numbers}."
    )


def _issues(analysis: SwingAnalysis, tiles: Mapping[EventName, Tile]) -> list[_Issue]:
    """The issues, each with the picture of its first evidence and of the address that it is judged against.

    No picture is shown twice.
    """
    findings = analysis.findings
    confidence = {one.fault_id: one.confidence for one in findings.findings} if findings else {}
    # The box "why this first" says it; in the text it would stand twice.
    said = f" {findings.root_cause.explanation}" if findings and findings.root_cause else ""
    frames = {event.frame: event.event for event in reversed(analysis.events)}
    shown: set[EventName] = set()
    issues: list[_Issue] = []
    for issue in analysis.report.top_issues if analysis.report else ():
        seen = frames.get(issue.evidence[0].frame) if issue.evidence else None
        wanted = dict.fromkeys((EventName.ADDRESS, seen)) if seen else {}
        pair = [one for one in wanted if one in tiles and one not in shown]
        shown.update(pair)
        text = issue.text.replace(said, "") if said and not issues else issue.text
        issues.append(_Issue(issue, text, confidence.get(issue.fault_id, "unknown"), [tiles[one] for one in pair]))
    return issues


def _grouped(said: Iterable[tuple[str, str, str]]) -> list[_Group]:
    """Names with the same reason and the same way out, one group each; a name is listed once."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, reason, how in said:
        names = groups.setdefault((reason.rstrip("."), how), [])
        if name not in names:
            names.append(name)
    return [_Group(names, reason, how) for (reason, how), names in groups.items()]


def _caveats(analysis: SwingAnalysis) -> list[str]:
    """The caveats that no other part of the page tells."""
    if analysis.report is None:
        return []
    told = [issue.text for issue in analysis.capture.issues] if analysis.capture else []
    told += [one.reason for one in analysis.findings.not_judged] if analysis.findings else []
    return [words for words in analysis.report.caveats if not any(one in words for one in told)]
