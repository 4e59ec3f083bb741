"""The annotated video: what a browser plays, at the source's times, with the pose where the golfer is."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from golf_pipeline.swing.documents import EventName, Metric, SwingSegmentation, TimeBase, VideoFacts, View
from golf_pipeline.swing.drawing import ACCENT, LEAST_VISIBILITY, WHITE, Colour, Image
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.swing.overlay import MOST_FPS, _Painter, write_overlay
from golf_pipeline.swing.video import Frame, VideoLimits, probe_video, read_frames
from golf_pipeline_tests.swing.posed import COUNT, FRAMES, HEIGHT, WIDTH, segmentation, standing, track_of
from golf_pipeline_tests.swing.small_videos import TICKS_PER_S, write_video

GREY = np.full((HEIGHT // 4, WIDTH // 4, 3), 128, np.uint8)
SEEN = segmentation(View.DOWN_THE_LINE)


@pytest.fixture(scope="module")
def track() -> LandmarkTrack:
    return track_of({EventName.ADDRESS: standing(35), EventName.TOP: standing(33), EventName.IMPACT: standing(30)})


def drawn(folder: Path, track: LandmarkTrack, times: list[int] | None = None) -> tuple[Path, VideoFacts]:
    video = write_video(folder / "grey.mp4", [GREY] * COUNT, times=times)
    facts = probe_video(video)
    seen: list[tuple[int, int]] = []
    path = folder / "overlay.mp4"
    write_overlay(
        video, facts, track, SEEN, measure_swing(track, SEEN), path, lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (COUNT, COUNT)
    return path, facts


def test_it_is_h264_that_browsers_play_with_the_index_in_front_and_no_sound(
    tmp_path: Path, track: LandmarkTrack
) -> None:
    path, _ = drawn(tmp_path, track)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    head = path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")


def test_every_frame_is_shown_at_the_sources_own_time(tmp_path: Path, track: LandmarkTrack) -> None:
    uneven = [number * 20 + (7 if number % 3 else 0) for number in range(COUNT)]
    path, _ = drawn(tmp_path, track, times=uneven)
    times = [frame.time_s for frame in read_frames(path)]
    assert times == pytest.approx([(tick - uneven[0]) / TICKS_PER_S for tick in uneven], abs=2e-3)


def test_a_fast_recording_is_thinned_to_what_a_screen_shows(tmp_path: Path, track: LandmarkTrack) -> None:
    fast = [number * TICKS_PER_S // 200 for number in range(COUNT)]
    video = write_video(tmp_path / "fast.mp4", [GREY] * COUNT, times=fast)
    facts = probe_video(video, VideoLimits(min_duration_s=0.1))
    path = tmp_path / "overlay.mp4"
    write_overlay(video, facts, track, SEEN, (), path)
    shown = list(read_frames(path))
    assert len(shown) == pytest.approx(COUNT / 200 * MOST_FPS, abs=1.5)


def test_the_skeleton_lies_on_the_landmarks_and_hidden_ones_are_left_out(tmp_path: Path, track: LandmarkTrack) -> None:
    hidden = track.visibility.copy()
    hidden[:, INDEX["right_ankle"]] = 0.1
    partly = LandmarkTrack(
        frame=track.frame,
        time_s=track.time_s,
        xyz=track.xyz,
        visibility=hidden,
        world=track.world,
        width=track.width,
        height=track.height,
    )
    path, _ = drawn(tmp_path, partly)
    (frame,) = read_frames(path, numbers=[5])
    scale = frame.image.shape[1] / WIDTH

    def brightness(name: str) -> float:
        x, y = (track.point(name)[5] * scale).round().astype(int)
        return float(frame.image[y - 1 : y + 2, x - 1 : x + 2].mean())

    assert brightness("left_knee") > 180
    assert brightness("right_shoulder") > 180
    assert brightness("right_ankle") == pytest.approx(128, abs=12)


def painted(size: tuple[int, int], number: int, track: LandmarkTrack, clip: SwingSegmentation = SEEN) -> Image:
    """A black picture of (width, height) with what is drawn on one frame."""
    metrics = measure_swing(track, clip)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    _Painter(track, clip, metrics, *size).paint(picture, Frame(number, number / 30, picture))
    return picture


def near(picture: Image, colour: Colour, off: int = 12) -> int:
    """How many pixels have a colour."""
    return int((np.abs(picture.astype(int) - colour) <= off).all(axis=2).sum())


@pytest.mark.parametrize("size", [(120, 214), (360, 640), (540, 960), (640, 360), (960, 540)])
@pytest.mark.parametrize("view", [View.DOWN_THE_LINE, View.FACE_ON])
def test_no_words_reach_the_edge_of_a_picture_of_any_size(
    size: tuple[int, int], view: View, track: LandmarkTrack
) -> None:
    clip = segmentation(view, time_base=TimeBase.SLOW_MOTION)
    nowhere = replace(track, visibility=np.zeros_like(track.visibility))
    for number in (0, *FRAMES.values(), COUNT - 1):
        picture = painted(size, number, nowhere, clip)
        border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert border.max() == 0
        assert near(picture, WHITE, 60) > 20


def test_the_hands_go_back_in_dashes_and_come_down_in_a_solid_line() -> None:
    hips = {
        EventName.ADDRESS: (360, 700),
        EventName.MID_BACKSWING: (200, 550),
        EventName.TOP: (360, 400),
        EventName.IMPACT: (360, 700),
    }
    moving = track_of({name: standing(30, hip=hip) for name, hip in hips.items()})
    visibility = np.zeros_like(moving.visibility)
    visibility[:, [INDEX["left_wrist"], INDEX["right_wrist"]]] = LEAST_VISIBILITY / 2  # known, but no limb is drawn
    hidden = replace(moving, visibility=visibility)
    middle = slice(200, 800)  # between the two panels
    before, top, impact = (
        painted((540, 960), FRAMES[name], hidden)[middle]
        for name in (EventName.ADDRESS, EventName.TOP, EventName.IMPACT)
    )
    assert near(before, WHITE) == near(before, ACCENT) == 0
    assert near(top, WHITE) > 50
    assert near(top, ACCENT) == 0
    assert near(impact, ACCENT) > 300
    assert near(impact, WHITE) > 50


def test_without_hands_around_the_top_there_is_no_path_and_the_video_is_still_drawn(track: LandmarkTrack) -> None:
    xyz = track.xyz.copy()
    xyz[FRAMES[EventName.TOE_UP] :] = np.nan
    metrics: tuple[Metric, ...] = ()
    painter = _Painter(replace(track, xyz=xyz), SEEN, metrics, 360, 640)
    picture = np.zeros((640, 360, 3), np.uint8)
    painter.paint(picture, Frame(60, 2.0, picture))
    assert near(picture[150:500], ACCENT) == 0
    assert near(picture, WHITE, 60) > 20
