"""Key frames and the contact sheet: the right frames, in order, with names that clients expect."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from golf_pipeline.swing.documents import EventName, VideoFacts, View
from golf_pipeline.swing.phases import PHASES
from golf_pipeline.swing.pictures import choose_key_frames, write_contact_sheet, write_key_frames
from golf_pipeline.swing.video import probe_video
from golf_pipeline_tests.swing.posed import COUNT, FRAMES, HEIGHT, WIDTH, segmentation, standing, track_of
from golf_pipeline_tests.swing.small_videos import write_video

SEEN = segmentation(View.DOWN_THE_LINE)
TRACK = track_of({EventName.ADDRESS: standing(35), EventName.TOP: standing(33), EventName.IMPACT: standing(30)})


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VideoFacts]:
    """Each frame has its own grey, so that a picture tells which frame it is."""
    images = [np.full((HEIGHT // 4, WIDTH // 4, 3), 40 + 2 * number, np.uint8) for number in range(COUNT)]
    path = write_video(tmp_path_factory.mktemp("greys") / "greys.mp4", images)
    return path, probe_video(path)


def test_the_key_frames_are_12_to_16_distinct_ones_in_order_with_all_eight_events(
    video: tuple[Path, VideoFacts],
) -> None:
    chosen = choose_key_frames(SEEN, TRACK, video[1])
    numbers = [frame.frame_number for frame in chosen]
    assert 12 <= len(chosen) <= 16
    assert numbers == sorted(set(numbers))
    assert {frame.event: frame.frame_number for frame in chosen if frame.event} == FRAMES
    assert {frame.phase for frame in chosen} <= set(PHASES)
    assert all(frame.description for frame in chosen)


def test_a_key_frames_file_carries_its_ordinal_and_its_time_and_shows_that_frame(
    video: tuple[Path, VideoFacts], tmp_path: Path
) -> None:
    chosen = choose_key_frames(SEEN, TRACK, video[1])
    write_key_frames(video[0], chosen, tmp_path)
    assert len(list(tmp_path.iterdir())) == len(chosen)
    for ordinal, frame in enumerate(chosen, start=1):
        assert frame.file_name == f"frame_{ordinal:03d}_Frame_at_{frame.timestamp:.2f}s.jpg"
        assert frame.timestamp == pytest.approx(frame.frame_number / 30, abs=0.01)
        picture = cv2.imread(str(tmp_path / frame.file_name))
        assert picture is not None
        assert picture.mean() == pytest.approx(40 + 2 * frame.frame_number, abs=4)


def test_the_contact_sheet_shows_the_eight_events_side_by_side(video: tuple[Path, VideoFacts], tmp_path: Path) -> None:
    write_contact_sheet(video[0], TRACK, SEEN, tmp_path / "sheet.jpg")
    sheet = cv2.imread(str(tmp_path / "sheet.jpg"))
    assert sheet is not None
    grey = cv2.cvtColor(sheet, cv2.COLOR_BGR2GRAY).astype(int)
    for frame in FRAMES.values():
        assert (np.abs(grey - (40 + 2 * frame)) <= 2).mean() > 0.03, frame
