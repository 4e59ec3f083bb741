"""Reading a video for the landmarker: the frames asked for, at their own times, and nothing looked at twice."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from golf_pipeline.swing import sampling
from golf_pipeline.swing.sampling import Look, VideoSampler, ahead
from golf_pipeline.swing.video import read_frames
from golf_pipeline_tests.swing.small_videos import moving_pictures, write_video


def surveyed(path: Path, every: int = 6, finest: int = 1) -> tuple[VideoSampler, list[Look]]:
    video = VideoSampler(path, 960, finest)
    return video, list(video.survey(every))


def brightening(count: int) -> list[NDArray[np.uint8]]:
    """Pictures that change by one grey level from each to the next."""
    return [np.full((128, 96, 3), 40 + number, np.uint8) for number in range(count)]


def test_a_survey_takes_each_sixth_frame_and_the_last_at_their_own_times(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "v.mp4", moving_pictures(40), times=[number * 20 + number % 3 for number in range(40)]
    )
    _, looks = surveyed(path)
    assert [look.number for look in looks] == [0, 6, 12, 18, 24, 30, 36, 39]
    frames = {frame.number: frame for frame in read_frames(path, max_side_px=960)}
    for look in looks:
        assert look.time_s == frames[look.number].time_s
        assert look.image is not None
        assert np.array_equal(look.image, frames[look.number].image)


def test_a_cut_is_found_between_looks_and_both_of_its_sides_are_looked_at(tmp_path: Path) -> None:
    pictures = [*moving_pictures(20), *(255 - image for image in moving_pictures(20))]
    video, looks = surveyed(write_video(tmp_path / "v.mp4", pictures))
    assert video.cuts == (20,)
    assert [look.number for look in looks] == [0, 6, 12, 18, 19, 20, 26, 32, 38, 39]
    assert [look.number for look in looks if look.new_scene] == [20]


def test_a_fast_recording_is_looked_at_on_its_coarser_grid_only(tmp_path: Path) -> None:
    video, looks = surveyed(write_video(tmp_path / "v.mp4", brightening(41)), every=8, finest=4)
    assert [look.number for look in looks] == [0, 8, 16, 24, 32, 40]
    assert video.cuts == ()


@pytest.mark.parametrize("key_frame_every", ["10", "250"])
def test_a_stretch_holds_the_pictures_asked_for(tmp_path: Path, key_frame_every: str) -> None:
    options = {"preset": "ultrafast", "g": key_frame_every, "bf": "2"}
    path = write_video(tmp_path / "v.mp4", moving_pictures(60), options=options)
    video, _ = surveyed(path)
    wanted = [33, 34, 36, 59]
    looks = list(video.stretch(wanted))
    assert [look.number for look in looks] == wanted
    for look, frame in zip(looks, read_frames(path, max_side_px=960, numbers=wanted), strict=True):
        assert look.time_s == frame.time_s
        assert look.image is not None
        assert np.array_equal(look.image, frame.image)


@pytest.mark.parametrize("name", ["phone_hevc_rotated_2.mov", "fixture_01.mp4", "range_dtl_2.mp4"])
def test_a_stretch_of_a_real_video_is_upright_and_on_the_same_clock(shared_data: Path, name: str) -> None:
    path = shared_data / "videos" / name
    video, _ = surveyed(path, every=200)
    wanted = range(40, 50)
    looks = list(video.stretch(wanted))
    frames = list(read_frames(path, max_side_px=960, numbers=wanted))
    assert [(look.number, look.time_s) for look in looks] == [(frame.number, frame.time_s) for frame in frames]
    for look, frame in zip(looks, frames, strict=True):
        assert look.image is None or np.array_equal(look.image, frame.image)


def test_where_seeking_leads_astray_a_stretch_is_decoded_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pictures(60), options={"preset": "ultrafast", "g": "10", "bf": "0"})
    video, _ = surveyed(path)
    opened = sampling.open_video

    class TooFar:
        """A container whose index leads behind the frame that is looked for."""

        def __init__(self, path: Path, max_pixels: int) -> None:
            self.real = opened(path, max_pixels)

        def seek(self, offset: int, *, stream: object) -> None:
            self.real.seek(2 * offset, stream=stream)

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

    monkeypatch.setattr(sampling, "open_video", TooFar)
    assert [look.number for look in video.stretch([25, 26])] == [25, 26]


def test_repeated_pictures_are_looked_at_once(tmp_path: Path) -> None:
    twice = [image for image in moving_pictures(15) for _ in range(2)]
    _, looks = surveyed(write_video(tmp_path / "v.mp4", twice, options={"qp": "0"}), every=1)
    assert [look.image is None for look in looks] == [False, True] * 15


def test_slow_change_does_not_pass_for_a_repetition_for_ever(tmp_path: Path) -> None:
    _, looks = surveyed(write_video(tmp_path / "v.mp4", brightening(40), options={"crf": "5"}), every=1)
    assert sum(look.image is not None for look in looks) >= 10


def test_what_is_made_ahead_arrives_in_order_and_its_error_too() -> None:
    def items() -> object:
        yield from range(30)
        raise OSError("gone")

    seen: list[object] = []
    with pytest.raises(OSError, match="gone"):
        for item in ahead(items()):  # type: ignore[arg-type]
            seen.append(item)
    assert seen == list(range(30))
