"""The HTML report: whole without the network, safe with hostile text, readable with eyes closed."""

import dataclasses
import re
from html import escape as escape_quotes
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.analysis import assemble_analysis
from golf_pipeline.swing.documents import EventName, KeyFrame, Refusal, SwingAnalysis, View
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.swing.report import write_html_report
from golf_pipeline_tests.swing.posed import FRAMES, segmentation, standing, track_of

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def escape(words: str) -> str:
    return escape_quotes(words).replace("&#x27;", "&#39;")


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.fixture
def track() -> LandmarkTrack:
    poses = {
        EventName.ADDRESS: standing(35),
        EventName.TOP: standing(33),
        EventName.IMPACT: standing(20, hip=(420, 680)),
    }
    return track_of(poses)


@pytest.fixture
def analysis(track: LandmarkTrack) -> SwingAnalysis:
    seen = segmentation(View.DOWN_THE_LINE)
    metrics = measure_swing(track, seen)
    findings = find_faults(metrics, seen)
    frame = KeyFrame(
        phase="impact",
        event=EventName.IMPACT,
        frame_number=FRAMES[EventName.IMPACT],
        timestamp=1.7,
        description="Impact",
        file_name="frame_001_Frame_at_1.70s.jpg",
    )
    return assemble_analysis(
        track=track,
        segmentation=seen,
        measured=metrics,
        findings=findings,
        advice_report=write_report(findings, metrics, seen),
        key_frames=(frame,),
    )


def page_of(analysis: SwingAnalysis, track: LandmarkTrack | None, folder: Path) -> str:
    picture = np.full((900, 1600, 3), 120, np.uint8)
    cv2.imwrite(str(folder / "sheet.jpg"), picture)
    for frame in analysis.key_frames:
        cv2.imwrite(str(folder / frame.file_name), picture)
    write_html_report(analysis, track, folder / "sheet.jpg", folder, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_report_shows_the_findings_the_events_and_every_measured_number(
    analysis: SwingAnalysis, track: LandmarkTrack, tmp_path: Path
) -> None:
    page = page_of(analysis, track, tmp_path)
    assert analysis.report is not None
    assert analysis.findings is not None
    assert analysis.report.summary in page
    shown = [issue.title for issue in analysis.report.top_issues] + [drill.name for drill in analysis.report.drills]
    assert len(shown) >= 2
    for words in (*shown, "Impact, frame 52", "Mid-follow-through"):
        assert escape(words) in page
    for metric in analysis.metrics:
        assert metric.name in page
        assert metric.value is not None or escape(metric.reason) in page
    assert page.count("<polyline") == 1


def test_the_report_loads_nothing_and_says_so_to_the_browser(
    analysis: SwingAnalysis, track: LandmarkTrack, tmp_path: Path
) -> None:
    tags = Tags(page_of(analysis, track, tmp_path)).seen
    assert not [tag for tag, _ in tags if tag in {"script", "link", "iframe", "object", "form"}]
    sources = [value or "" for _, attributes in tags for name, value in attributes.items() if name in {"src", "href"}]
    assert len(sources) >= 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    policies = [one for tag, one in tags if tag == "meta" and one.get("http-equiv") == "Content-Security-Policy"]
    assert (policies[0]["content"] or "").startswith("default-src 'none'")


def test_every_picture_has_words_for_those_who_do_not_see_it(
    analysis: SwingAnalysis, track: LandmarkTrack, tmp_path: Path
) -> None:
    tags = Tags(page_of(analysis, track, tmp_path)).seen
    assert all(one.get("alt") for tag, one in tags if tag == "img")
    assert all(one.get("aria-label") for tag, one in tags if tag == "svg")


def test_hostile_text_is_shown_and_never_run(analysis: SwingAnalysis, track: LandmarkTrack, tmp_path: Path) -> None:
    assert analysis.report is not None
    hostile = analysis.model_copy(update={"report": analysis.report.model_copy(update={"summary": HOSTILE})})
    page = page_of(hostile, track, tmp_path)
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_a_refusal_says_why_and_how_to_film_better(tmp_path: Path) -> None:
    refused = assemble_analysis(refusal=Refusal(code="NO_COMPLETE_SWING", message=f"No swing. {HOSTILE}"))
    page = page_of(refused, None, tmp_path)
    assert "NO_COMPLETE_SWING" in page
    assert "How to film a swing" in page
    assert "<script" not in page


def test_hands_that_were_lost_break_the_curve_and_not_the_page(
    analysis: SwingAnalysis, track: LandmarkTrack, tmp_path: Path
) -> None:
    xyz = track.xyz.copy()
    xyz[40:44] = np.nan
    page = page_of(analysis, dataclasses.replace(track, xyz=xyz), tmp_path)
    assert page.count("<polyline") == 2
    assert "nan" not in re.sub('base64,[^"]*', "", page).lower()


def test_the_report_stays_small_enough_for_a_message(
    analysis: SwingAnalysis, track: LandmarkTrack, tmp_path: Path
) -> None:
    assert len(page_of(analysis, track, tmp_path)) < 2_000_000
