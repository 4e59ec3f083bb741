import tracemalloc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.swing.errors import ErrorCode, VideoRefused
from golf_pipeline.swing.video import CutDetector, Frame, VideoLimits, probe_video, read_audio, read_frames
from golf_pipeline_tests.swing.small_videos import corner_picture, moving_pictures, write_video

SHORT = VideoLimits(min_duration_s=0.1)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second and a half of moving picture with sound, its index in front."""
    return write_video(tmp_path / "clip.mp4", moving_pictures(45), faststart=True, sound_s=1.5)


# ---- what a good video is


def test_a_small_video_says_what_it_is(clip: Path) -> None:
    facts = probe_video(clip)
    assert (facts.container, facts.codec, facts.width, facts.height) == ("mp4", "h264", 96, 128)
    assert (facts.frame_count, facts.rotation_deg, facts.has_audio) == (45, 0, True)
    assert facts.duration_s == pytest.approx(1.5, abs=0.002)
    assert facts.fps == pytest.approx(30, abs=0.01)
    assert not facts.variable_frame_rate
    assert facts.size_bytes == clip.stat().st_size


@pytest.mark.parametrize("options", [{"bf": "0"}, {"bf": "3", "g": "12"}])
def test_frames_come_in_display_order_with_the_times_that_were_written(tmp_path: Path, options: dict[str, str]) -> None:
    times = [600, 610, 650, 655, 700, 790, 800, 815, 900, 960]  # starts late, uneven
    images = [np.full((64, 96, 3), 20 * number + 10, np.uint8) for number in range(10)]
    path = write_video(tmp_path / "uneven.mp4", images, times=times, options=options)
    frames = list(read_frames(path))
    assert [frame.number for frame in frames] == list(range(10))
    assert [frame.time_s for frame in frames] == pytest.approx([(time - 600) / 600 for time in times])
    assert [round(float(frame.image.mean())) for frame in frames] == pytest.approx(
        [20 * number + 10 for number in range(10)], abs=3
    )
    facts = probe_video(path, SHORT)
    assert facts.variable_frame_rate
    assert facts.frame_count == 10


@pytest.mark.parametrize("rotation", [0, 90, -90, 180])
@pytest.mark.parametrize("hflip", [False, True])
def test_a_picture_stored_on_its_side_comes_out_upright(tmp_path: Path, rotation: int, hflip: bool) -> None:
    """`rotation` is what the player turns counter-clockwise; the stored picture is the upright one turned back."""
    upright = corner_picture(96, 160)
    stored = np.rot90(upright[:, ::-1] if hflip else upright, k=-rotation // 90)
    path = write_video(tmp_path / "turned.mov", [stored] * 6, rotation=rotation, hflip=hflip)
    facts = probe_video(path, SHORT)
    assert (facts.width, facts.height, facts.container) == (96, 160, "mov")
    image = next(read_frames(path)).image
    assert image.shape == (160, 96, 3)
    assert image[40, 24].argmax() == 0, "red belongs to the top left"
    assert image[40, 72].argmax() == 1, "green belongs to the top right"
    assert int(image[120, 48].max()) < 80, "the lower half is dark"


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [("libx264", "yuv420p10le"), ("libx265", "yuv420p"), ("libsvtav1", "yuv420p10le")]
)
def test_ten_bits_hevc_and_av1_decode(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    images = [corner_picture(128, 96)] * 6
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"preset": "10"}
    if codec == "libx264":
        options = {"preset": "ultrafast"}
    path = write_video(tmp_path / "c.mp4", images, codec=codec, pix_fmt=pix_fmt, options=options)
    frames = list(read_frames(path))
    assert len(frames) == probe_video(path, SHORT).frame_count == 6
    assert frames[3].image.dtype == np.uint8
    assert frames[3].image[20, 20].argmax() == 0


def test_pixels_that_are_not_square_become_square(tmp_path: Path) -> None:
    path = write_video(tmp_path / "wide.mp4", moving_pictures(6), aspect=Fraction(3, 2))
    facts = probe_video(path, SHORT)
    assert (facts.width, facts.height) == (144, 128)
    assert next(read_frames(path)).image.shape == (128, 144, 3)


def test_scaling_keeps_the_aspect_and_never_enlarges(tmp_path: Path) -> None:
    path = write_video(tmp_path / "odd.mp4", moving_pictures(4, 98, 202), rotation=90)
    assert next(read_frames(path, max_side_px=101)).image.shape == (49, 101, 3)
    assert next(read_frames(path, max_side_px=5000)).image.shape == (98, 202, 3)


def test_odd_sizes_decode(tmp_path: Path) -> None:
    path = write_video(tmp_path / "odd.mp4", moving_pictures(4, 97, 131), pix_fmt="yuv444p")
    assert next(read_frames(path)).image.shape == (131, 97, 3)


def test_wanted_frames_are_the_same_pictures_as_in_a_full_pass(clip: Path) -> None:
    every = {frame.number: frame for frame in read_frames(clip)}
    wanted = list(read_frames(clip, numbers={3, 17, 18, 999}))
    assert [frame.number for frame in wanted] == [3, 17, 18]
    for frame in wanted:
        assert np.array_equal(frame.image, every[frame.number].image)
        assert frame.time_s == every[frame.number].time_s
    assert [frame.number for frame in read_frames(clip, every=20)] == [0, 20, 40]
    assert list(read_frames(clip, numbers=())) == []


def test_a_frame_that_repeats_its_predecessors_time_is_not_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "twice.mp4", moving_pictures(8))
    data = bytearray(path.read_bytes())
    at = data.index(b"stts")  # one run of 8 gaps becomes: 3 gaps of 20, 1 of 0, 4 of 20
    assert int.from_bytes(data[at + 8 : at + 12], "big") == 1
    gap = data[at + 16 : at + 20]
    runs = [(3, gap), (1, bytes(4)), (4, gap)]
    table = b"stts" + bytes(4) + len(runs).to_bytes(4, "big")
    table += b"".join(count.to_bytes(4, "big") + length for count, length in runs)
    grown = len(table) - 20
    size = int.from_bytes(data[at - 4 : at], "big")
    data[at - 4 : at + size - 4] = (size + grown).to_bytes(4, "big") + table
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = data.index(box) - 4
        data[start : start + 4] = (int.from_bytes(data[start : start + 4], "big") + grown).to_bytes(4, "big")
    path.write_bytes(bytes(data))
    times = [frame.time_s for frame in read_frames(path)]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert len(times) == probe_video(path, SHORT).frame_count == 7


def test_a_title_that_is_not_utf8_does_not_matter(tmp_path: Path) -> None:
    path = write_video(tmp_path / "titled.mp4", moving_pictures(6), title="Uebungsplatz", sound_s=0.2)
    path.write_bytes(path.read_bytes().replace(b"Uebungsplatz", "Übungsplatz!".encode("latin-1")))
    assert probe_video(path, SHORT).frame_count == 6
    assert len(list(read_frames(path))) == 6
    assert read_audio(path) is not None


def test_reading_keeps_no_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", moving_pictures(120, 320, 320))
    next(read_frames(path))  # imports are not what is measured
    tracemalloc.start()
    for _ in read_frames(path):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 320 * 320 * 3


# ---- sound


def test_sound_is_mono_and_on_the_clock_of_the_frames(tmp_path: Path) -> None:
    late = write_video(
        tmp_path / "late.mp4", moving_pictures(30), times=[300 + 20 * number for number in range(30)], sound_s=1.5
    )
    track = read_audio(late)
    assert track is not None
    assert (track.rate, track.samples.dtype, track.samples.ndim) == (44100, np.dtype(np.float32), 1)
    assert track.start_s == pytest.approx(-0.5, abs=0.03)
    assert len(track.samples) / track.rate == pytest.approx(1.5, abs=0.05)
    assert float(np.abs(track.samples).max()) == pytest.approx(0.5, abs=0.05)


def test_a_silent_video_has_no_sound(tmp_path: Path) -> None:
    path = write_video(tmp_path / "mute.mp4", moving_pictures(6))
    assert read_audio(path) is None
    assert not probe_video(path, SHORT).has_audio


# ---- cuts


def frames_of(levels: list[float], noise: float, seed: int = 0) -> list[Frame]:
    random = np.random.default_rng(seed)
    texture = random.integers(0, 60, (120, 80, 3))
    return [
        Frame(number * 2, number / 30, np.clip(texture + level + random.normal(0, noise), 0, 255).astype(np.uint8))
        for number, level in enumerate(levels)
    ]


def test_a_cut_is_the_frame_with_which_the_new_scene_starts() -> None:
    detector = CutDetector()
    suspected = [frame.number for frame in frames_of([50.0] * 10 + [120.0] * 10, 0.5) if detector.add(frame)]
    assert detector.cuts == (20,)
    assert suspected == [20]


def test_a_scene_that_moves_all_the_time_has_no_cuts() -> None:
    detector = CutDetector()
    for frame in frames_of([50.0 + 14 * (number % 2) for number in range(30)], 0.5):
        detector.add(frame)
    assert detector.cuts == ()


def test_one_frame_or_none_has_no_cuts() -> None:
    detector = CutDetector()
    assert detector.cuts == ()
    detector.add(frames_of([10.0], 0)[0])
    assert detector.cuts == ()


# ---- real files


def test_every_real_file_gives_facts_or_a_typed_refusal(shared_data: Path) -> None:
    refused = {}
    for path in sorted((shared_data / "videos").glob("*.m*")):
        try:
            facts = probe_video(path)
        except VideoRefused as error:
            refused[path.name] = error.code
            continue
        assert 1 <= facts.duration_s <= 60
        assert 20 < facts.fps < 61
        assert facts.height > facts.width or path.name in ("fixture_25.mp4", "fixture_27.mp4")
    assert refused == {
        "fixture_09.mp4": ErrorCode.VIDEO_WITHOUT_PICTURE,
        "fixture_21.mp4": ErrorCode.VIDEO_TOO_SHORT,  # 27 frames
    }


@pytest.mark.parametrize(("name", "frames"), [("phone_hevc_rotated_1.mov", 97), ("phone_hevc_rotated_2.mov", 77)])
def test_a_phones_portrait_video_is_upright_and_starts_where_its_edit_list_says(
    shared_data: Path, name: str, frames: int
) -> None:
    path = shared_data / "videos" / name
    facts = probe_video(path)
    assert (facts.width, facts.height, facts.rotation_deg) == (1080, 1920, 90)
    assert facts.frame_count == frames
    assert facts.fps == pytest.approx(30, abs=0.1)  # the container's average says 25.9
    seen = list(read_frames(path, max_side_px=120))
    assert [frame.number for frame in seen] == list(range(frames))
    assert seen[0].time_s == 0
    assert seen[0].image.shape == (120, 68, 3)
    if name.endswith("1.mov"):
        sky, grass = seen[0].image[:20].mean(axis=(0, 1)), seen[0].image[-20:].mean(axis=(0, 1))
        assert sky[2] > sky[1] - 10, "the sky is at the top, and it is not green"
        assert grass[1] > grass[2] + 10, "the grass is at the bottom"


def test_a_phones_sound_and_picture_agree_on_impact(shared_data: Path) -> None:
    path = shared_data / "videos" / "phone_hevc_rotated_1.mov"
    track = read_audio(path)
    assert track is not None
    assert track.start_s == pytest.approx(0, abs=0.05)
    loudest = track.start_s + int(np.abs(track.samples).argmax()) / track.rate
    assert loudest == pytest.approx(2.42, abs=0.05)  # labels.csv


def test_an_av1_video_decodes(shared_data: Path) -> None:
    path = shared_data / "videos" / "fixture_01.mp4"
    assert probe_video(path).codec == "av1"
    assert next(read_frames(path, max_side_px=100)).image.std() > 10


def test_broadcast_cuts_are_found_and_swings_are_not_cuts(shared_data: Path) -> None:
    expected = {"fixture_11.mp4": (64,), "fixture_03.mp4": (35,), "range_dtl_1.mp4": (), "fixture_15.mp4": ()}
    for name, cuts in expected.items():
        detector = CutDetector()
        for frame in read_frames(shared_data / "videos" / name, max_side_px=320):
            detector.add(frame)
        assert detector.cuts == cuts, name
