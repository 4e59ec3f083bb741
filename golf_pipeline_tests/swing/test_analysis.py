"""The whole chain on the project's own clips, whose truth is exact, and on a real phone's video."""

from pathlib import Path

import pytest

from golf_pipeline.swing.analysis import analyze_swing, to_json
from golf_pipeline.swing.documents import EventName, SwingAnalysis
from golf_pipeline.synthetic.truth import Truth

SAMPLES = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples"
SWINGS = ("face_on_right", "face_on_left", "down_the_line_right")


@pytest.fixture(scope="module")
def analysed() -> dict[str, SwingAnalysis]:
    return {name: analyze_swing(SAMPLES / f"{name}.mp4") for name in SWINGS}


@pytest.mark.parametrize("name", SWINGS)
def test_impact_and_top_of_the_rendered_golfer_are_found_where_they_are(
    name: str, analysed: dict[str, SwingAnalysis]
) -> None:
    truth = Truth.read(SAMPLES / f"{name}.truth.json")
    found = {event.event: event for event in analysed[name].events}
    frame_s = 1 / truth.fps
    assert found[EventName.IMPACT].time_s == pytest.approx(truth.events["impact"].time_s, abs=1.5 * frame_s)
    assert found[EventName.TOP].time_s == pytest.approx(truth.events["top"].time_s, abs=3 * frame_s)


@pytest.mark.parametrize("name", SWINGS)
def test_the_view_and_the_hand_of_the_rendered_golfer_are_seen(name: str, analysed: dict[str, SwingAnalysis]) -> None:
    capture = analysed[name].capture
    assert capture is not None
    assert capture.view == ("face-on" if name.startswith("face_on") else "down-the-line")
    assert capture.handedness in {name.rsplit("_", 1)[1], "unknown" if capture.view == "down-the-line" else ""}


def test_the_same_video_gives_the_same_document_twice(analysed: dict[str, SwingAnalysis]) -> None:
    again = analyze_swing(SAMPLES / "face_on_right.mp4")
    assert to_json(again) == to_json(analysed["face_on_right"])


def test_a_golfer_who_only_stands_is_refused_with_what_was_known_by_then() -> None:
    analysis = analyze_swing(SAMPLES / "no_swing.mp4")
    assert analysis.refusal is not None
    assert analysis.refusal.code == "NO_COMPLETE_SWING"
    assert analysis.video is not None
    assert analysis.pose is not None
    assert analysis.events == ()


def test_a_phones_rotated_video_is_analysed_upright(shared_data: Path) -> None:
    analysis = analyze_swing(shared_data / "videos" / "phone_hevc_rotated_2.mov")
    assert analysis.status == "analysed"
    assert analysis.video is not None
    assert analysis.video.height > analysis.video.width
    impact = next(event for event in analysis.events if event.event == EventName.IMPACT)
    assert impact.frame == pytest.approx(49, abs=1)
