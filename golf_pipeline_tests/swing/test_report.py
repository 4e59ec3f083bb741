"""The HTML report: whole without the network, safe with hostile text, readable with eyes closed."""

import dataclasses
import re
from base64 import b64decode
from html import escape as escape_quotes
from pathlib import Path

import cv2
import numpy as np
import pytest

from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.analysis import assemble_analysis
from golf_pipeline.swing.documents import (
    CaptureCode,
    CaptureIssue,
    EventName,
    NotJudged,
    Refusal,
    RootCause,
    ScorePart,
    SwingAnalysis,
    SwingScore,
    Trust,
    View,
)
from golf_pipeline.swing.drawing import write_jpeg
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.swing.pages import with_unit
from golf_pipeline.swing.pictures import write_contact_sheet
from golf_pipeline.swing.report import write_html_report
from golf_pipeline_tests.swing.html_pages import Page, assert_is_a_sound_page, contrast
from golf_pipeline_tests.swing.posed import COUNT, FRAMES, HEIGHT, WIDTH, segmentation, standing, track_of
from golf_pipeline_tests.swing.small_videos import write_video

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'
SEEN = segmentation(View.DOWN_THE_LINE)
TRACK = track_of(
    {EventName.ADDRESS: standing(35), EventName.TOP: standing(33), EventName.IMPACT: standing(20, hip=(420, 680))}
)


def escape(words: str) -> str:
    return escape_quotes(words).replace("&#x27;", "&#39;")


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    images = [np.full((HEIGHT // 4, WIDTH // 4, 3), 40 + 2 * number, np.uint8) for number in range(COUNT)]
    video = write_video(folder / "greys.mp4", images)
    write_contact_sheet(video, TRACK, SEEN, folder / "sheet.jpg")
    return folder / "sheet.jpg"


@pytest.fixture
def analysis() -> SwingAnalysis:
    metrics = measure_swing(TRACK, SEEN)
    findings = find_faults(metrics, SEEN)
    return assemble_analysis(
        track=TRACK,
        segmentation=SEEN,
        measured=metrics,
        findings=findings,
        advice_report=write_report(findings, metrics, SEEN),
    )


def page_of(analysis: SwingAnalysis, sheet: Path, folder: Path, track: LandmarkTrack | None = TRACK) -> str:
    write_html_report(analysis, track, sheet, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def tiles_of(page: Page) -> list[dict[str, str]]:
    """The attributes of the pictures of events: each is followed by the picture that it uses."""
    following = zip(page.elements, page.elements[1:], strict=False)
    return [one.attributes for one, after in following if one.tag == "svg" and after.tag == "use"]


def with_findings(analysis: SwingAnalysis, **changed: object) -> SwingAnalysis:
    assert analysis.findings is not None
    return analysis.model_copy(update={"findings": analysis.findings.model_copy(update=changed)})


def test_the_report_shows_the_findings_the_events_and_every_metric(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    page = page_of(analysis, sheet, tmp_path)
    assert analysis.report is not None
    assert escape(analysis.report.summary) in page
    shown = [issue.title for issue in analysis.report.top_issues] + [drill.name for drill in analysis.report.drills]
    assert len(shown) >= 2
    for words in (*shown, "frame 52", "Mid-follow-through"):
        assert escape(words) in page
    for metric in analysis.metrics:
        assert escape(metric.name) in page
        assert metric.value is not None or escape(metric.reason[1:].rstrip(".")) in page


def test_the_report_is_sound_and_tells_its_parts_in_a_readers_order(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    page = assert_is_a_sound_page(page_of(analysis, sheet, tmp_path))
    order = [
        "What to work on",
        "Drills",
        "One week",
        "The eight events",
        "The hands",
        "All numbers",
        "could not be judged",
    ]
    places = [page.text.index(words) for words in order]
    assert places == sorted(places)
    assert page.text.count("<polyline class=") - page.text.count('<polyline class="mark"') == 2


def test_each_event_has_its_picture_and_words_with_its_own_numbers(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    tiles = tiles_of(assert_is_a_sound_page(page_of(analysis, sheet, tmp_path)))
    impact = [one["aria-label"] for one in tiles if "at impact" in one["aria-label"]]
    told = next(one for one in analysis.metrics if (one.phase, one.trust) == (EventName.IMPACT, Trust.MEASURED))
    assert told.value is not None
    words = f"{told.name.lower()} {with_unit(told.value, told.unit)}"
    assert len(tiles) == len(EventName) + 2  # address and impact once more, as evidence
    assert all("frame 52" in one and words in one for one in impact)


def test_the_contact_sheet_is_in_the_page_once_as_it_is_and_each_event_shows_its_part(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    page = assert_is_a_sound_page(page_of(analysis, sheet, tmp_path))
    (source,) = page.all("image")
    assert b64decode(source.attributes["href"].partition(",")[2]) == sheet.read_bytes()
    assert {one.attributes["href"] for one in page.all("use")} == {"#" + source.attributes["id"]}
    boxes = [tuple(map(int, one["viewbox"].split())) for one in tiles_of(page)][2:]
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.shape[:2] == (int(source.attributes["height"]), int(source.attributes["width"]))
    for number, event in enumerate(EventName):
        left, top, width, height = boxes[number]
        # The video of this test is as bright as its frame's number.
        assert picture[top : top + height, left : left + width].mean() == pytest.approx(40 + 2 * FRAMES[event], abs=6)


def test_a_file_that_is_not_this_swings_contact_sheet_is_not_cut_up(analysis: SwingAnalysis, tmp_path: Path) -> None:
    write_jpeg(np.full((900, 1600, 3), 120, np.uint8), tmp_path / "other.jpg", 80)
    with pytest.raises(OSError, match=r"other\.jpg is 1600x900 pixels, where the contact sheet of this swing has"):
        page_of(analysis, tmp_path / "other.jpg", tmp_path)
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(OSError, match=r"text\.jpg is no picture"):
        page_of(analysis, tmp_path / "text.jpg", tmp_path)


def test_without_a_contact_sheet_the_events_are_a_list(analysis: SwingAnalysis, tmp_path: Path) -> None:
    page = assert_is_a_sound_page(page_of(analysis, tmp_path / "none.jpg", tmp_path))
    assert not page.all("image", "use")
    assert "Impact: 1.73 s, frame 52, 90&nbsp;% sure" in page.text


def test_a_direction_is_shown_without_a_number_and_decimals_end_where_noise_begins(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    known = next(one for one in analysis.metrics if one.corridor is None and one.trust == Trust.MEASURED)
    turn = known.model_copy(update={"value": 71.25, "unit": "deg", "noise": 34.7, "trust": Trust.DIRECTION_ONLY})
    arm = known.model_copy(update={"value": 162.36, "unit": "deg", "noise": 28.6, "trust": Trust.LOW})
    page = page_of(analysis.model_copy(update={"metrics": (turn, arm)}), sheet, tmp_path)
    assert "seen, not a number" in page
    assert "71" not in page.replace("71%", "").split("All numbers")[1].split("could not be judged")[0]
    assert "162 ± 29°" in page


def test_a_score_says_what_it_is_out_of_and_a_missing_one_why(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    part = ScorePart(fault_id="early_extension", name="Early extension", points=4.5, most_points=12)
    told = page_of(with_findings(analysis, score=SwingScore(value=71, parts=(part,))), sheet, tmp_path)
    assert "<strong>71</strong> of 100" in told
    assert "4.5 of 12" in told
    missing = SwingScore(value=None, parts=(part,), reason="too little was judged")
    untold = page_of(with_findings(analysis, score=missing), sheet, tmp_path)
    assert "No score: too little was judged" in untold
    assert "of 100" not in untold


def test_the_root_cause_is_explained_with_the_first_issue(analysis: SwingAnalysis, sheet: Path, tmp_path: Path) -> None:
    assert analysis.findings is not None
    first, *others = analysis.findings.findings
    cause = RootCause(
        fault_id=first.fault_id,
        name=first.name,
        leads_to=tuple(one.fault_id for one in others),
        explanation="The hips take the room.",
    )
    caused = with_findings(analysis, root_cause=cause)
    assert caused.report is not None
    issue, *rest = caused.report.top_issues
    told = issue.model_copy(update={"text": "You stand up. The hips take the room. Typical shots: hook."})
    report = caused.report.model_copy(update={"top_issues": (told, *rest)})
    page = page_of(caused.model_copy(update={"report": report}), sheet, tmp_path)
    assert others
    assert page.count("The hips take the room.") == 1
    assert "You stand up. Typical shots: hook." in page
    assert f"The hips take the room. It explains: {', '.join(one.name for one in others)}." in page


def test_what_was_not_judged_is_told_once_a_reason_with_how_to_film_it(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    unjudged = tuple(
        NotJudged(fault_id=name, name=name.title(), reason="it needs the front", how="Film face-on.")
        for name in ("sway", "slide")
    )
    page = page_of(with_findings(analysis, not_judged=unjudged), sheet, tmp_path)
    assert page.count("It needs the front.") == 1
    assert '<dt>Sway, Slide</dt><dd>It needs the front. <span class="good">Film face-on.</span>' in page


def test_the_issues_of_the_recording_are_told_once(analysis: SwingAnalysis, sheet: Path, tmp_path: Path) -> None:
    assert analysis.capture is not None
    issue = CaptureIssue(code=CaptureCode.GOLFER_SMALL, message="You are small.", how="Come nearer.")
    capture = analysis.capture.model_copy(update={"issues": (issue,)})
    assert analysis.report is not None
    report = analysis.report.model_copy(update={"caveats": (issue.text, "Only one camera.")})
    page = page_of(analysis.model_copy(update={"capture": capture, "report": report}), sheet, tmp_path)
    assert page.count("Come nearer.") == 1
    assert "Only one camera." in page


def test_hostile_text_is_shown_and_never_run(analysis: SwingAnalysis, sheet: Path, tmp_path: Path) -> None:
    assert analysis.report is not None
    metrics = tuple(one.model_copy(update={"name": HOSTILE, "reason": HOSTILE}) for one in analysis.metrics)
    report = analysis.report.model_copy(update={"summary": HOSTILE, "caveats": (HOSTILE,)})
    hostile = with_findings(
        analysis.model_copy(update={"metrics": metrics, "report": report}),
        not_judged=(NotJudged(fault_id="a", name=HOSTILE, reason=HOSTILE, how=HOSTILE),),
        positives=(HOSTILE,),
    )
    page = assert_is_a_sound_page(page_of(hostile, sheet, tmp_path))
    assert HOSTILE not in page.text
    assert "&lt;script&gt;" in page.text


def test_a_refusal_says_why_and_how_to_film_better(tmp_path: Path) -> None:
    refused = assemble_analysis(refusal=Refusal(code="NO_COMPLETE_SWING", message=f"No swing. {HOSTILE}"))
    page = assert_is_a_sound_page(page_of(refused, tmp_path / "none.jpg", tmp_path, None))
    assert "NO_COMPLETE_SWING" in page.text
    assert "How to film a swing" in page.text


def test_hands_that_were_lost_break_the_curve_and_not_the_page(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    xyz = TRACK.xyz.copy()
    xyz[60:66] = np.nan
    page = page_of(analysis, sheet, tmp_path, dataclasses.replace(TRACK, xyz=xyz))
    assert_is_a_sound_page(page)
    assert page.count("<polyline class=") - page.count('<polyline class="mark"') == 4


def test_the_report_stays_small_enough_for_a_message(analysis: SwingAnalysis, sheet: Path, tmp_path: Path) -> None:
    assert len(page_of(analysis, sheet, tmp_path)) < 1_500_000


TEXT_ON = [
    *((ink, ground) for ink in ("ink", "soft", "brand", "warn") for ground in ("card", "page")),
    ("ink", "chip"),
    ("card", "ink"),
    ("soft", "shade"),
]
SHAPES_ON = [("brand", "shade"), ("second", "shade"), ("brand", "card"), ("ink", "band"), ("soft", "band")]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_shapes_stand_out_as_wcag_aa_asks(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path, scheme: int
) -> None:
    colours = Page(page_of(analysis, sheet, tmp_path)).colours[scheme]
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT_ON}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in SHAPES_ON}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 3} == {}


def test_the_dark_colours_replace_every_light_one_that_is_text_or_ground(
    analysis: SwingAnalysis, sheet: Path, tmp_path: Path
) -> None:
    light, dark = Page(page_of(analysis, sheet, tmp_path)).colours
    assert light.keys() == dark.keys()
    assert re.search(r"@media print", page_of(analysis, sheet, tmp_path))
