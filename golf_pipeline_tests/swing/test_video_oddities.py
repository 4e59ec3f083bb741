"""Unusual files that are nevertheless videos: each must read right."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from golf_pipeline.swing.video import VideoLimits, probe_video, read_audio, read_frames
from golf_pipeline_tests.swing.mp4_surgery import SAMPLE_TABLE, Box, counted, operate
from golf_pipeline_tests.swing.small_videos import corner_picture, moving_pictures, write_video

SHORT = VideoLimits(min_duration_s=0.1)
FRAMES = 30
GAP = 640  # ticks of the track's own clock (19200 a second, as libav chooses it) between frames


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of moving picture, a key frame every ten frames, its index behind the media data."""
    options = {"preset": "ultrafast", "bf": "0", "g": "10"}
    return write_video(tmp_path / "clip.mp4", moving_pictures(FRAMES), options=options)


def times_of(path: Path) -> list[float]:
    """Times of all frames, which must be as many as the probe says and strictly increasing."""
    times = [frame.time_s for frame in read_frames(path)]
    assert len(times) == probe_video(path, SHORT).frame_count
    assert all(later > earlier for earlier, later in pairwise(times))
    return times


# ---- what the pictures are made of

QUIET = {"x265-params": "log-level=none", "preset": "ultrafast"}


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.mp4", "libx264", "yuvj420p"),
        ("a.mp4", "libx264", "yuv422p10le"),
        ("a.mp4", "libx264", "yuv444p"),
        ("a.mp4", "libsvtav1", "yuv420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mov", "mjpeg", "yuvj420p"),
        ("a.mov", "qtrle", "rgb24"),
    ],
)
def test_the_colours_of_every_usual_codec_and_depth_come_out_as_filmed(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
) -> None:
    options = {"libx265": QUIET, "libx264": {"preset": "ultrafast"}, "libsvtav1": {"preset": "10"}}.get(
        codec, {"b": "4M"}
    )
    filmed = corner_picture(128, 96)
    path = write_video(tmp_path / name, [filmed] * 6, codec=codec, pix_fmt=pix_fmt, options=options)
    seen = next(read_frames(path)).image
    for row, column in ((10, 10), (10, 118), (86, 64)):
        assert seen[row, column].tolist() == pytest.approx(filmed[row, column].tolist(), abs=8)


@pytest.mark.parametrize("transfer", [18, 16], ids=["HLG", "PQ"])
def test_a_high_dynamic_range_video_is_neither_black_nor_inverted(tmp_path: Path, transfer: int) -> None:
    path = write_video(
        tmp_path / "hdr.mov",
        [corner_picture(128, 96)] * 6,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options=QUIET,
        transfer=transfer,
    )
    seen = next(read_frames(path)).image.astype(int)
    assert seen[10, 10].argmax() == 0
    assert seen[10, 118].argmax() == 1
    assert seen[10, 10].max() > 150
    assert 20 < seen[86, 64].mean() < 80


@pytest.mark.parametrize(("codec", "pix_fmt"), [("prores_ks", "yuva444p10le"), ("qtrle", "argb"), ("png", "rgba")])
def test_a_transparent_picture_is_seen_as_if_it_were_opaque(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    glass = np.dstack([corner_picture(128, 96), np.zeros((96, 128), np.uint8)])
    options = {"profile": "4"} if codec == "prores_ks" else {"compression_level": "1"}
    path = write_video(tmp_path / "glass.mov", [glass] * 6, codec=codec, pix_fmt=pix_fmt, options=options)
    assert next(read_frames(path)).image[10, 10].tolist() == pytest.approx([220, 20, 20], abs=8)


def test_an_interlaced_video_reads_as_whole_pictures(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "0", "x264-params": "tff=1"}
    path = write_video(tmp_path / "fields.mp4", [corner_picture(128, 96)] * 6, options=options)
    assert len(times_of(path)) == 6
    assert next(read_frames(path)).image.shape == (96, 128, 3)


# ---- the shape of a pixel


@pytest.mark.parametrize(
    ("aspect", "rotation", "size"),
    [
        (Fraction(16, 11), 0, (1047, 576)),
        (Fraction(16, 11), 90, (576, 1047)),
        (Fraction(8, 9), 180, (640, 576)),
        (Fraction(200), 0, (720, 576)),  # no camera has such pixels
    ],
)
def test_angles_are_true_whatever_the_shape_of_the_pixels(
    tmp_path: Path, aspect: Fraction, rotation: int, size: tuple[int, int]
) -> None:
    """The picture is stored as 720x576; in square pixels it is as wide as its pixels say."""
    path = write_video(tmp_path / "pal.mp4", [corner_picture(720, 576)] * 4, aspect=aspect, rotation=rotation)
    facts = probe_video(path, SHORT)
    assert (facts.width, facts.height) == size
    assert next(read_frames(path)).image.shape == (size[1], size[0], 3)
    scaled = next(read_frames(path, max_side_px=200)).image
    assert scaled.shape[1] / scaled.shape[0] == pytest.approx(size[0] / size[1], rel=0.01)


def test_the_shape_of_a_pixel_counts_where_only_the_container_states_it(tmp_path: Path) -> None:
    """QuickTime's run-length codec has no word for it; a circle must come out as one."""
    y, x = np.mgrid[:240, :160]
    disc = np.where(np.hypot((x - 80) * 1.5, y - 120) < 90, 255, 0).astype(np.uint8)
    path = write_video(
        tmp_path / "disc.mov",
        [np.dstack([disc] * 3)] * 6,
        codec="qtrle",
        pix_fmt="rgb24",
        aspect=Fraction(3, 2),
        options={"g": "1"},
    )
    seen = next(read_frames(path)).image[:, :, 0] > 127
    assert seen.shape == (240, 240)
    assert seen.any(axis=0).sum() == pytest.approx(seen.any(axis=1).sum(), abs=3)


def test_the_shape_of_the_pixels_may_stand_in_the_pictures_alone(tmp_path: Path) -> None:
    path = write_video(tmp_path / "pal.mp4", [corner_picture(720, 576)] * 4, aspect=Fraction(16, 11))

    def hide(file: Box) -> None:
        description = file.table(b"stsd")
        assert b"pasp" in description.body
        description.body = description.body.replace(b"pasp", b"free")
        header = file.at(b"moov", b"trak", b"tkhd")  # ends with the size of the shown picture
        header.body = header.body[:-8] + (720 << 16).to_bytes(4, "big") + (576 << 16).to_bytes(4, "big")

    assert probe_video(operate(path, hide), SHORT).width == 1047


# ---- times


def test_a_black_lead_in_and_repeated_pictures_are_frames_like_any_other(tmp_path: Path) -> None:
    pictures = [np.zeros((128, 96, 3), np.uint8)] * 10 + [picture for picture in moving_pictures(10) for _ in range(2)]
    path = write_video(tmp_path / "black.mp4", pictures)
    assert times_of(path) == pytest.approx([number / 30 for number in range(30)])
    assert next(read_frames(path)).image.max() < 10


@pytest.mark.parametrize(
    ("edits", "first", "count"),
    [
        ([(1000, 0, 1 << 16)], 0, FRAMES),
        ([(700, -1, 1 << 16), (1000, 0, 1 << 16)], 0, FRAMES),  # an empty edit: the picture starts late
        ([(500, 15 * GAP, 1 << 16)], 15, 15),  # starts between two key frames
        ([(1000, 0, 1 << 15)], 0, FRAMES),  # half speed is the player's affair
    ],
    ids=["whole", "late", "trimmed", "slowed"],
)
def test_an_edit_list_says_which_frames_are_shown(
    clip: Path, edits: list[tuple[int, int, int]], first: int, count: int
) -> None:
    def change(file: Box) -> None:
        file.at(b"moov", b"trak", b"edts", b"elst").body = counted(edits)

    path = operate(clip, change)
    assert times_of(path) == pytest.approx([number / 30 for number in range(count)], abs=1e-3)
    expected = next(read_frames(clip, numbers={first})).image
    assert np.array_equal(next(read_frames(path)).image, expected)


@pytest.mark.parametrize(
    ("rows", "version"),
    [
        ([(20, 0), (2, -GAP * 10), (8, 0)], 1),
        ([(20, 0), (1, -GAP), (9, 0)], 1),
        ([(20, 0), (1, 2**31 - 1), (9, 0)], 0),
    ],
    ids=["backward", "repeated", "far off"],
)
def test_frames_whose_times_go_astray_are_left_out(clip: Path, rows: list[tuple[int, int]], version: int) -> None:
    def change(file: Box) -> None:
        file.at(*SAMPLE_TABLE).children.append(Box(b"ctts", counted(rows, version=version)))

    path = operate(clip, change)
    assert FRAMES - 2 <= len(times_of(path)) < FRAMES


@pytest.mark.parametrize("duration", [0, 1, 2**31])
def test_a_header_that_lies_about_duration_is_not_believed(clip: Path, duration: int) -> None:
    def change(file: Box) -> None:
        for path, at in (((b"moov", b"mvhd"), 16), ((b"moov", b"trak", b"mdia", b"mdhd"), 16)):
            body = file.at(*path).body
            file.at(*path).body = body[:at] + duration.to_bytes(4, "big") + body[at + 4 :]

    facts = probe_video(operate(clip, change), SHORT)
    assert (facts.frame_count, facts.duration_s, facts.fps) == (FRAMES, pytest.approx(1.0), pytest.approx(30))


@pytest.mark.parametrize("rows", [[(2**31 - 1, GAP)], [(FRAMES + 500, GAP)]])
def test_a_table_of_times_for_more_frames_than_there_are_does_not_invent_frames(
    clip: Path, rows: list[tuple[int, int]]
) -> None:
    def change(file: Box) -> None:
        file.table(b"stts").body = counted(rows)

    assert len(times_of(operate(clip, change))) == FRAMES


def test_a_file_that_does_not_begin_with_a_key_frame_begins_with_the_next_one(clip: Path) -> None:
    def drop_the_first_frame(file: Box) -> None:
        sizes, offsets = file.table(b"stsz"), file.table(b"stco")
        first = int.from_bytes(sizes.body[12:16], "big")
        sizes.body = sizes.body[:8] + (FRAMES - 1).to_bytes(4, "big") + sizes.body[16:]
        offsets.body = counted([(int.from_bytes(offsets.body[8:12], "big") + first,)])
        file.table(b"stts").body = counted([(FRAMES - 1, GAP)])
        file.table(b"stss").body = counted([(10,), (20,)])

    path = operate(clip, drop_the_first_frame)
    assert len(times_of(path)) == FRAMES - 10
    assert np.array_equal(next(read_frames(path)).image, next(read_frames(clip, numbers={10})).image)


# ---- sound that is not what it says


def test_a_sound_track_of_a_senseless_rate_is_no_sound(tmp_path: Path) -> None:
    path = write_video(tmp_path / "loud.mov", moving_pictures(30), sound_s=0.5)
    assert read_audio(path) is not None

    def change(file: Box) -> None:
        track = [box for box in file.at(b"moov").children if box.kind == b"trak"][1]
        # Version 2 of a description of PCM sound, whose rate is a 64-bit number (QuickTime File Format, "Sound").
        head = bytes(6) + (1).to_bytes(2, "big") + (2).to_bytes(2, "big") + bytes(6)
        fixed = bytes.fromhex("0003 0010 fffe 0000 00010000 00000048")
        rate = np.array([2e9], ">f8").tobytes()
        format_ = bytes.fromhex("00000001 7f000000 00000010 0000000c 00000002 00000001")
        description = Box(b"lpcm", head + fixed + rate + format_)
        track.at(b"mdia", b"minf", b"stbl", b"stsd").body = bytes(4) + (1).to_bytes(4, "big") + bytes(description)

    path = operate(path, change)
    assert read_audio(path) is None
    assert not probe_video(path, SHORT).has_audio
