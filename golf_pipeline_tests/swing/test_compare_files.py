"""A comparison out of two folders of analyses: the pairs of pictures, the page, and folders that hold no swing."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.analysis import ANALYSIS_FILE, KEY_FRAMES_FOLDER, KEYPOINTS_FILE, assemble_analysis, to_json
from golf_pipeline.swing.compare import NothingToCompare, SwingComparison
from golf_pipeline.swing.compare_files import COMPARISON_FILE, PAGE_FILE, SHEET_FILE, read_swing, write_comparison
from golf_pipeline.swing.compare_pictures import GAP_PX, REACH, TORSO_PX, pair_pictures
from golf_pipeline.swing.documents import EventName, Handedness, KeyFrame, Refusal, View
from golf_pipeline.swing.drawing import Image, write_jpeg
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.html_pages import assert_is_a_sound_page
from golf_pipeline_tests.swing.posed import HEIGHT, TORSO, WIDTH, segmentation, standing, track_of

HOSTILE = "<img src=x onerror=alert(1)>"
RED, BLUE, WHITE = (200, 0, 0), (0, 0, 200), (255, 255, 255)
FEET = (360, 1000)
"""Where `standing` puts the middle of the ankles."""


def picture_of_a_golfer() -> Image:
    """Red to the left of the feet and blue to the right of them, white from the feet down."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : FEET[0]], image[:, FEET[0] :] = RED, BLUE
    image[FEET[1] :] = WHITE
    return image


def folder_of(
    folder: Path,
    bend: float = 20.0,
    view: View = View.DOWN_THE_LINE,
    hand: Handedness = Handedness.RIGHT,
    shrink: int = 1,
) -> Path:
    """What `analyze_swing` leaves of a swing, with one picture of `picture_of_a_golfer` for every event."""
    poses = {EventName.ADDRESS: standing(35), EventName.TOP: standing(33), EventName.IMPACT: standing(bend)}
    track, seen = track_of(poses), segmentation(view, hand)
    track.visibility[(track.pixels == 0).all(axis=2)] = 0  # what `standing` leaves out is in the corner: not drawn
    track = track.mirrored() if hand == Handedness.LEFT else track
    frames = tuple(
        KeyFrame(
            phase="",
            event=event.event,
            frame_number=event.frame,
            timestamp=0,
            description="",
            file_name=f"{event.frame}.jpg",
        )
        for event in seen.events
    )
    (folder / KEY_FRAMES_FOLDER).mkdir(parents=True)
    image = picture_of_a_golfer()[::shrink, ::shrink]
    image = np.ascontiguousarray(image[:, ::-1]) if hand == Handedness.LEFT else np.ascontiguousarray(image)
    for frame in frames:
        write_jpeg(image, folder / KEY_FRAMES_FOLDER / frame.file_name, 95)
    metrics = measure_swing(track, seen)
    findings = find_faults(metrics, seen)
    analysis = assemble_analysis(
        segmentation=seen,
        measured=metrics,
        findings=findings,
        advice_report=write_report(findings, metrics, seen),
        key_frames=frames,
    )
    (folder / ANALYSIS_FILE).write_text(to_json(analysis), encoding="utf-8")
    track.write_parquet(folder / KEYPOINTS_FILE)
    return folder


def colour(image: Image, x: float, y: float) -> list[int]:
    return [int(channel) for channel in np.median(image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3], axis=(0, 1))]


def is_near(one: list[int], other: tuple[int, int, int]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 40


def test_a_comparison_is_a_document_a_picture_and_a_page(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "before"), folder_of(tmp_path / "after", bend=34)
    comparison = write_comparison(first, second, tmp_path / "out")
    stored = SwingComparison.model_validate_json((tmp_path / "out" / COMPARISON_FILE).read_text())
    assert stored == comparison
    better = [one for one in comparison.metrics if one.verdict == "better"]
    assert better
    assert [fault.change for fault in comparison.faults] == ["lost"] * len(comparison.faults)
    assert comparison.faults
    page = assert_is_a_sound_page((tmp_path / "out" / PAGE_FILE).read_text(encoding="utf-8"))
    assert len(page.all("img")) == len(EventName)
    assert all("before on the left and after on the right" in one.attributes["alt"] for one in page.all("img"))
    assert all(one.name in page.text for one in better)
    assert cv2.imread(str(tmp_path / "out" / SHEET_FILE)) is not None


def test_the_pairs_show_both_golfers_equally_large_with_the_feet_in_the_same_place(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "large"), folder_of(tmp_path / "small", shrink=2)
    pair = read_swing(first, ""), read_swing(second, "")
    image = pair_pictures(*pair, write_comparison(first, second, tmp_path / "out"))[EventName.IMPACT]
    half = (image.shape[1] - GAP_PX) // 2
    left, right = image[:, :half], image[:, -half:]
    for one in (left, right):
        ground = np.flatnonzero((one[:, 5] > 200).all(axis=1))[0]
        edge = np.flatnonzero((one[5].astype(int) @ [-1, 0, 1]) > 0)[0]
        assert ground == pytest.approx(min(FEET[1] / TORSO, REACH[2]) * TORSO_PX, abs=2)
        assert edge == pytest.approx(min(FEET[0] / TORSO, REACH[0]) * TORSO_PX, abs=2)


def test_a_left_hander_beside_a_right_hander_is_mirrored_and_the_page_says_so(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "right"), folder_of(tmp_path / "left", hand=Handedness.LEFT)
    comparison = write_comparison(first, second, tmp_path / "out")
    assert comparison.mirrored
    image = pair_pictures(read_swing(first, ""), read_swing(second, ""), comparison)[EventName.IMPACT]
    half = (image.shape[1] - GAP_PX) // 2
    for one in (image[:, :half], image[:, -half:]):
        assert is_near(colour(one, 8, 8), RED)
        assert is_near(colour(one, half - 8, 8), BLUE)
    page = (tmp_path / "out" / PAGE_FILE).read_text(encoding="utf-8")
    assert "left (mirrored) on the right" in page


def test_swings_from_different_sides_are_shown_and_not_judged(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "a"), folder_of(tmp_path / "b", view=View.FACE_ON)
    comparison = write_comparison(first, second, tmp_path / "out")
    assert not comparison.comparable
    page = assert_is_a_sound_page((tmp_path / "out" / PAGE_FILE).read_text(encoding="utf-8"))
    assert "Positions of the body are not compared: the swings were filmed from different sides" in page.text
    assert all("positions not compared" in one.attributes["alt"] for one in page.all("img"))


def test_a_swing_without_its_pictures_is_compared_in_numbers(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "a"), folder_of(tmp_path / "b", bend=34)
    for picture in (second / KEY_FRAMES_FOLDER).iterdir():
        picture.unlink()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / SHEET_FILE).write_text("of an earlier comparison")
    write_comparison(first, second, tmp_path / "out")
    assert not (tmp_path / "out" / SHEET_FILE).exists()
    assert not assert_is_a_sound_page((tmp_path / "out" / PAGE_FILE).read_text(encoding="utf-8")).all("img")


def test_hostile_labels_are_shown_and_never_run(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "a"), folder_of(tmp_path / "b")
    write_comparison(first, second, tmp_path / "out", (HOSTILE, HOSTILE * 9))
    page = assert_is_a_sound_page((tmp_path / "out" / PAGE_FILE).read_text(encoding="utf-8"))
    assert HOSTILE not in page.text
    assert "&lt;img src=x" in page.text


def test_a_folder_without_a_swing_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NothingToCompare, match=r"analysis\.json cannot be read .*golf-pipeline analyze VIDEO --out"):
        read_swing(tmp_path, "a")
    (tmp_path / ANALYSIS_FILE).write_text('{"status": "analysed"}')
    with pytest.raises(NothingToCompare, match=r"no analysis of this version \(algorithm_versions: Field required\)"):
        read_swing(tmp_path, "a")
    refused = assemble_analysis(refusal=Refusal(code="NO_GOLFER", message="Nobody is seen."))
    (tmp_path / ANALYSIS_FILE).write_text(to_json(refused))
    with pytest.raises(NothingToCompare, match=r"my swing was refused and holds no swing: Nobody is seen\."):
        read_swing(tmp_path, "my swing")
    whole = folder_of(tmp_path / "whole")
    (whole / KEYPOINTS_FILE).write_text("no table")
    with pytest.raises(
        NothingToCompare, match=r"pose_keypoints\.parquet is no pose track .*golf-pipeline analyze VIDEO"
    ):
        read_swing(whole, "a")
    (whole / KEYPOINTS_FILE).unlink()
    with pytest.raises(NothingToCompare, match=r"pose_keypoints\.parquet is missing"):
        read_swing(whole, "a")


def test_a_key_frame_that_is_no_picture_is_named(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "a"), folder_of(tmp_path / "b")
    (second / KEY_FRAMES_FOLDER / "52.jpg").write_text("no picture")
    with pytest.raises(OSError, match=r"52\.jpg is no picture: analyse the video again"):
        write_comparison(first, second, tmp_path / "out")


def test_a_swing_in_which_nobody_was_found_at_the_events_has_no_pairs(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path / "a"), folder_of(tmp_path / "b")
    track = LandmarkTrack.read_parquet(second / KEYPOINTS_FILE)
    track.xyz[:] = np.nan
    track.write_parquet(second / KEYPOINTS_FILE)
    comparison = write_comparison(first, second, tmp_path / "out")
    assert pair_pictures(read_swing(first, ""), read_swing(second, ""), comparison) == {}
