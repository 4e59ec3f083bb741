import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.decoder import decode, open_video, picture_stream
from golf_pipeline.swing.errors import ErrorCode, VideoRefused
from golf_pipeline.swing.mp4_boxes import read_boxes
from golf_pipeline.swing.video import VideoLimits, probe_video, read_audio, read_frames
from golf_pipeline_tests.swing.small_videos import corner_picture, moving_pictures, write_sound, write_video

SHORT = VideoLimits(min_duration_s=0.1)


def refusal_of(path: Path, limits: VideoLimits = SHORT) -> VideoRefused:
    with pytest.raises(VideoRefused) as caught:
        probe_video(path, limits)
    error = caught.value
    assert not error.retryable
    assert str(path.parent) not in error.message, "a golfer is shown a path of the server"
    assert error.message[0].isupper()
    assert error.message.endswith(".")
    return error


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second and a half of moving picture with sound, its index in front."""
    return write_video(tmp_path / "clip.mp4", moving_pictures(45), faststart=True, sound_s=1.5)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert refusal_of(path).code == ErrorCode.VIDEO_EMPTY


def test_a_file_over_the_limit_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "huge.mp4"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024 + 1)
    error = refusal_of(path, VideoLimits())
    assert error.code == ErrorCode.VIDEO_TOO_LARGE
    assert "100 MB" in error.message


@pytest.mark.parametrize(
    "content",
    [
        b"this is no video at all\n" * 50,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/secret.ts\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\x1aE\xdf\xa3" + bytes(200),
        b"x",
    ],
    ids=["text", "playlist", "picture", "matroska", "one byte"],
)
def test_what_is_no_mp4_or_mov_is_unreadable_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "swing.mp4"
    path.write_bytes(content)
    assert refusal_of(path).code == ErrorCode.VIDEO_UNREADABLE


def test_a_matroska_video_named_mp4_is_unreadable(tmp_path: Path) -> None:
    made = write_video(tmp_path / "clip.mkv", moving_pictures(40))
    assert refusal_of(made.rename(tmp_path / "clip.mp4")).code == ErrorCode.VIDEO_UNREADABLE


@pytest.mark.parametrize("faststart", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_an_upload_that_was_cut_off_is_truncated(tmp_path: Path, faststart: bool, share: float) -> None:
    path = write_video(tmp_path / "whole.mp4", moving_pictures(60), faststart=faststart)
    content = path.read_bytes()
    assert probe_video(path).frame_count == 60
    path.write_bytes(content[: int(len(content) * share)])
    error = refusal_of(path)
    assert error.code == ErrorCode.VIDEO_TRUNCATED
    assert "upload it again" in error.message


def test_a_fragmented_video_that_was_cut_off_is_truncated(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "0", "g": "10"}
    path = write_video(tmp_path / "f.mp4", moving_pictures(60), fragmented=True, options=options)
    assert probe_video(path).frame_count == 60
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.55)])
    assert refusal_of(path).code == ErrorCode.VIDEO_TRUNCATED


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.995))
def test_a_video_cut_at_any_byte_is_refused_or_whole(clip: Path, share: float) -> None:
    content = clip.read_bytes()
    cut = clip.with_name("cut.mp4")
    cut.write_bytes(content[: int(len(content) * share)])
    try:
        facts = probe_video(cut)
    except VideoRefused:
        return
    assert facts.frame_count >= 43, "at most a frame or two may be missing unnoticed"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=60))
def test_damaged_bytes_end_in_facts_or_in_a_typed_refusal(clip: Path, damage: list[tuple[float, int]]) -> None:
    content = bytearray(clip.read_bytes())
    for where, value in damage:
        content[int(where * (len(content) - 1))] = value
    broken = clip.with_name("broken.mp4")
    broken.write_bytes(bytes(content))
    try:
        facts = probe_video(broken)
        times = [frame.time_s for frame in read_frames(broken)]
        read_audio(broken)
    except VideoRefused:
        return
    assert all(later > earlier for earlier, later in pairwise(times))
    assert 0.9 * facts.frame_count - 1 <= len(times) <= facts.frame_count + 1


def test_damage_in_the_middle_is_survived_and_ruin_is_refused(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "0", "g": "1"}
    path = write_video(tmp_path / "v.mp4", moving_pictures(60), options=options)
    content = bytearray(path.read_bytes())
    start, length = content.index(b"mdat") + 4, int.from_bytes(content[content.index(b"mdat") - 4 :][:4], "big") - 8
    ruined = bytearray(content)
    ruined[start + length // 5 : start + length] = bytes(length - length // 5)
    path.write_bytes(bytes(ruined))
    with pytest.raises(VideoRefused) as caught:
        list(read_frames(path))
    assert caught.value.code == ErrorCode.VIDEO_TRUNCATED
    content[start + length // 2 : start + length // 2 + 40] = bytes(40)
    path.write_bytes(bytes(content))
    assert len(list(read_frames(path))) >= 57


def test_sound_without_picture_is_refused_as_such(tmp_path: Path) -> None:
    assert refusal_of(write_sound(tmp_path / "song.mp4", 2)).code == ErrorCode.VIDEO_WITHOUT_PICTURE


def test_the_cover_of_a_song_is_no_moving_picture(tmp_path: Path) -> None:
    song = write_sound(tmp_path / "song.mp4", 2, cover=corner_picture(128, 128))
    assert refusal_of(song).code == ErrorCode.VIDEO_WITHOUT_PICTURE


def test_too_short_and_too_long_say_what_is_allowed(clip: Path) -> None:
    short = refusal_of(clip, VideoLimits(min_duration_s=2))
    assert (short.code, "2 s" in short.message) == (ErrorCode.VIDEO_TOO_SHORT, True)
    long = refusal_of(clip, VideoLimits(max_duration_s=1.2))
    assert (long.code, "1.2 s" in long.message) == (ErrorCode.VIDEO_TOO_LONG, True)
    assert refusal_of(clip, VideoLimits(max_frames=30)).code == ErrorCode.VIDEO_TOO_LONG


def test_one_picture_is_too_short(tmp_path: Path) -> None:
    assert refusal_of(write_video(tmp_path / "one.mp4", moving_pictures(1))).code == ErrorCode.VIDEO_TOO_SHORT


def test_absurd_sizes_are_refused(clip: Path) -> None:
    for limits in (VideoLimits(max_side_px=100), VideoLimits(max_pixels=5000), VideoLimits(min_side_px=100)):
        assert refusal_of(clip, limits).code == ErrorCode.VIDEO_DIMENSIONS


def test_a_header_that_declares_a_billion_samples_is_refused_before_libav_sees_it(clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    at = content.index(b"stsz")
    content[at + 8 : at + 12] = (1).to_bytes(4, "big")  # every sample has one byte: the count is free to lie
    content[at + 12 : at + 16] = (10**9).to_bytes(4, "big")
    clip.write_bytes(bytes(content))
    assert read_boxes(clip).samples > 10**9
    assert refusal_of(clip).code == ErrorCode.VIDEO_TOO_LONG


def test_a_sample_larger_than_any_memory_ends_the_reading(clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    at = content.index(b"stsz")
    assert int.from_bytes(content[at + 8 : at + 12], "big") == 0, "each sample has its own size"
    content[at + 16 + 4 * 20 : at + 20 + 4 * 20] = (3 * 2**28).to_bytes(4, "big")
    clip.write_bytes(bytes(content))
    assert refusal_of(clip).code == ErrorCode.VIDEO_TRUNCATED


def test_a_decoder_refuses_pictures_larger_than_was_allowed_whatever_the_container_said(clip: Path) -> None:
    with open_video(clip, max_pixels=96 * 128 - 1) as container, pytest.raises(VideoRefused) as caught:
        list(decode(container, picture_stream(container)))
    assert caught.value.code == ErrorCode.VIDEO_UNREADABLE


@given(content=st.binary(max_size=400), start=st.sampled_from([b"", b"\x00\x00\x00\x10ftypisom", bytes(4) + b"moov"]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_box_reading_survives_any_bytes(tmp_path: Path, content: bytes, start: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(start + content)
    boxes = read_boxes(path)
    assert boxes.recognised or not boxes.has_index


def test_a_broken_video_prints_nothing(clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 900] = bytes(900)
    clip.write_bytes(bytes(content))
    program = (
        "import sys; from pathlib import Path; from golf_pipeline.swing.video import *\n"
        "try:\n  p = Path(sys.argv[1]); probe_video(p); list(read_frames(p)); read_audio(p)\n"
        "except Exception: pass"
    )
    run = subprocess.run([sys.executable, "-c", program, str(clip)], capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")
