"""Files made to hang or fill whoever reads them, and damage: each is refused by its code before it costs anything."""

import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from struct import pack
from zlib import compress

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.errors import ErrorCode, VideoRefused
from golf_pipeline.swing.mp4_boxes import read_boxes
from golf_pipeline.swing.video import VideoLimits, probe_video, read_audio, read_frames
from golf_pipeline_tests.swing.mp4_surgery import SAMPLE_TABLE, Box, counted, operate
from golf_pipeline_tests.swing.small_videos import moving_pictures, write_video

SHORT = VideoLimits(min_duration_s=0.1)
FRAMES = 30
GAP = 640  # ticks of the track's own clock between frames
ENOUGH_S = 8.0  # a refusal takes milliseconds; bombs that go off take more than this, or all of the memory

Change = Callable[[Box], object]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of moving picture and sound, its index behind the media data."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    options = {"preset": "ultrafast", "bf": "0", "g": "10"}
    return write_video(path, moving_pictures(FRAMES), options=options, sound_s=0.5)


def outcome(path: Path) -> str:
    """The code of the refusal, or "read", within a bounded time and a bounded memory of our own."""
    started = time.monotonic()
    tracemalloc.start()
    try:
        probe_video(path, SHORT)
        for _ in read_frames(path):
            pass
        read_audio(path)
        result = "read"
    except VideoRefused as error:
        result = error.code
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - started < ENOUGH_S
    assert peak < 64 * 2**20
    return result


# ---- an index that would not fit any memory


def declare(count: int) -> Change:
    """All samples have one byte, and there are `count` of them in the only chunk."""

    def change(file: Box) -> None:
        file.table(b"stsz").body = bytes(4) + pack(">II", 1, count)
        file.table(b"stsc").body = counted([(1, count, 1)])

    return change


def hide(count: int, *path: bytes) -> Change:
    """The table of sizes stands where it does not belong; libav reads it all the same."""

    def change(file: Box) -> None:
        declare(count)(file)
        sizes = file.table(b"stsz")
        file.at(*SAMPLE_TABLE).children.remove(sizes)
        file.at(*path).children.append(sizes)

    return change


def repeat_edits(count: int) -> Change:
    def change(file: Box) -> None:
        declare(1_000_000)(file)
        file.at(b"moov", b"trak", b"edts", b"elst").body = counted([(1000, 0, 1 << 16)] * count)

    return change


def repeat_chunks(file: Box) -> None:
    file.table(b"stsc").body = counted([(1, 2**31 - 1, 1)])
    file.table(b"stco").body = counted([(48,)] * 80)


def bury(file: Box) -> None:
    declare(10**8)(file)
    file.at(b"moov").children[:0] = [Box(b"free")] * 20_000


def fragment(*counts: int) -> Change:
    """A fragment whose runs declare samples that take not one byte of the file."""

    def change(file: Box) -> None:
        file.at(b"moov").children.append(Box(b"mvex", children=[Box(b"trex", bytes(4) + pack(">5I", 1, 1, GAP, 1, 0))]))
        runs = [Box(b"trun", bytes(4) + pack(">I", count)) for count in counts]
        track = Box(b"traf", children=[Box(b"tfhd", pack(">II", 0x020000, 1)), *runs])
        file.children += [Box(b"moof", children=[Box(b"mfhd", bytes(8)), track]), Box(b"mdat", bytes(1000))]

    return change


@pytest.mark.parametrize(
    "change",
    [
        declare(10**9),
        hide(10**8, b"moov", b"trak"),
        hide(10**8, b"moov"),
        repeat_edits(1000),
        repeat_chunks,
        bury,
        fragment(2 * 10**9),
        fragment(*[10**6] * 1000),
    ],
    ids=["sizes", "in the track", "in the index", "edits", "chunks", "buried", "one fragment", "many fragments"],
)
def test_an_index_of_more_samples_than_a_minute_has_is_refused_before_it_is_built(clip: Path, change: Change) -> None:
    path = operate(clip, change)
    assert read_boxes(path).samples > 10**8
    assert outcome(path) == ErrorCode.VIDEO_TOO_LONG


def test_an_honest_index_declares_what_it_holds(clip: Path) -> None:
    sound = round(0.5 * 44100 / 1024)
    boxes = read_boxes(clip)
    assert boxes.samples == pytest.approx(FRAMES + sound, abs=2)
    assert (boxes.tracks, boxes.too_many, boxes.compressed, boxes.is_photo) == (2, False, False, False)


def test_a_fragmented_file_is_counted_by_its_runs(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "0", "g": "10"}
    path = write_video(tmp_path / "f.mp4", moving_pictures(FRAMES), fragmented=True, options=options)
    assert read_boxes(path).samples == FRAMES


def test_a_minute_of_studio_sound_is_not_too_much(tmp_path: Path) -> None:
    """PCM declares each of its samples: 96,000 a second, and twice that if it was trimmed in two places."""
    path = write_video(tmp_path / "clip.mp4", moving_pictures(FRAMES))

    def change(file: Box) -> None:
        track = Box(b"trak", bytes(Box(b"stsz", bytes(4) + pack(">II", 4, 60 * 96_000))))
        file.at(b"moov").children.append(track)

    assert read_boxes(operate(path, change)).samples == FRAMES + 60 * 96_000
    assert 2 * 60 * 96_000 < 12_000_000


# ---- other ways to keep a reader busy


def compress_index(file: Box) -> None:
    index = file.at(b"moov")
    index.children.append(Box(b"free", bytes(4 * 2**20)))
    packed = pack(">I", len(bytes(index))) + compress(bytes(index), 9)
    index.children = [Box(b"cmov", children=[Box(b"dcom", b"zlib"), Box(b"cmvd", packed)])]


def repeat_track(count: int) -> Change:
    return lambda file: file.at(b"moov").children.extend([file.at(b"moov", b"trak")] * count)


def times(*rows: tuple[int, int]) -> Change:
    return lambda file: setattr(file.table(b"stts"), "body", counted(rows))


def shuffle(file: Box) -> None:
    rows = [(1, (number * 7) % FRAMES * GAP) for number in range(FRAMES)]
    file.at(*SAMPLE_TABLE).children.append(Box(b"ctts", counted(rows)))
    file.at(b"moov", b"trak", b"edts", b"elst").body = counted([(5000, 0, 1 << 16)])


def rename_codec(name: bytes) -> Change:
    def change(file: Box) -> None:
        file.table(b"stsd").body = file.table(b"stsd").body.replace(b"avc1", name)

    return change


def claim_size(width: int, height: int) -> Change:
    def change(file: Box) -> None:
        body = file.table(b"stsd").body
        at = body.index(b"avc1") + 28
        file.table(b"stsd").body = body[:at] + pack(">HH", width, height) + body[at + 4 :]

    return change


def cut_media(file: Box) -> None:
    media = file.at(b"mdat")
    media.body = media.body[: len(media.body) // 2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (compress_index, ErrorCode.VIDEO_UNREADABLE),
        (repeat_track(100), ErrorCode.VIDEO_UNREADABLE),
        (repeat_track(5_000), ErrorCode.VIDEO_UNREADABLE),
        (lambda file: file.children.extend([Box(b"free")] * 50_000), ErrorCode.VIDEO_UNREADABLE),
        (times((20, GAP), (1, 3600 * 30 * GAP), (9, GAP)), ErrorCode.VIDEO_TOO_LONG),
        (times((20, GAP), (1, 2**31 + 5), (9, GAP)), ErrorCode.VIDEO_TOO_LONG),
        (times((FRAMES - 1, 1), (1, 40 * GAP)), ErrorCode.VIDEO_UNREADABLE),  # 19,200 frames per second
        (times(), ErrorCode.VIDEO_UNREADABLE),
        (times((FRAMES, 0)), ErrorCode.VIDEO_TOO_SHORT),
        (shuffle, ErrorCode.VIDEO_UNREADABLE),
        (rename_codec(b"zzzz"), ErrorCode.VIDEO_UNREADABLE),
        (rename_codec(b"hvc1"), ErrorCode.VIDEO_UNREADABLE),
        (claim_size(65535, 65535), "read"),  # the pictures themselves say better
        (claim_size(0, 0), "read"),
        (cut_media, ErrorCode.VIDEO_TRUNCATED),
    ],
    ids=[
        "compressed index",
        "many tracks",
        "thousands of tracks",
        "many boxes",
        "hours later",
        "days later",
        "no time at all",
        "no times",
        "one time",
        "shuffled times",
        "unknown codec",
        "wrong codec",
        "enormous",
        "no size",
        "half of the media",
    ],
)
def test_damage_and_malice_have_a_code(clip: Path, change: Change, code: str) -> None:
    assert outcome(operate(clip, change)) == code


def test_a_video_without_any_key_frame_is_unreadable(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "0", "g": "500"}
    path = write_video(tmp_path / "clip.mp4", moving_pictures(FRAMES), options=options)

    def drop_the_first_frame(file: Box) -> None:
        sizes, offsets = file.table(b"stsz"), file.table(b"stco")
        first = int.from_bytes(sizes.body[12:16], "big")
        sizes.body = sizes.body[:8] + pack(">I", FRAMES - 1) + sizes.body[16:]
        offsets.body = counted([(int.from_bytes(offsets.body[8:12], "big") + first,)])
        times((FRAMES - 1, GAP))(file)

    assert outcome(operate(path, drop_the_first_frame)) == ErrorCode.VIDEO_UNREADABLE


def test_a_minute_of_pictures_larger_than_any_phones_is_too_long(clip: Path) -> None:
    with pytest.raises(VideoRefused) as caught:
        probe_video(clip, VideoLimits(min_duration_s=0.1, max_decoded_pixels=FRAMES * 96 * 128 - 1))
    assert caught.value.code == ErrorCode.VIDEO_TOO_LONG
    assert VideoLimits().max_decoded_pixels >= 3840 * 2160 * 120 * 60


def test_a_photo_named_mp4_is_not_called_an_interrupted_upload(tmp_path: Path) -> None:
    path = tmp_path / "photo.mp4"
    with av.open(str(path), "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", rate=1, options={"preset": "10"})
        stream.height, stream.width, stream.pix_fmt = 128, 96, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(moving_pictures(1)[0], format="rgb24")))
        container.mux(stream.encode(None))
    assert outcome(path) == ErrorCode.VIDEO_UNREADABLE


def test_an_animation_named_mp4_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "animation.mp4"
    with av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=10)
        stream.height, stream.width, stream.pix_fmt = 128, 96, "rgb8"
        for picture in moving_pictures(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="rgb8")))
        container.mux(stream.encode(None))
    assert outcome(path) == ErrorCode.VIDEO_UNREADABLE


def test_packets_of_sound_that_all_claim_one_time_do_not_fill_the_memory(clip: Path) -> None:
    def change(file: Box) -> None:
        sound = [box for box in file.at(b"moov").children if box.kind == b"trak"][1].at(*SAMPLE_TABLE[2:])
        size = int.from_bytes(sound.at(b"stsz").body[16:20], "big")
        start = int.from_bytes(sound.at(b"stco").body[8:12], "big")
        chunks = 30_000
        sound.at(b"stsz").body = bytes(4) + pack(">II", size, chunks)
        sound.at(b"stsc").body = counted([(1, 1, 1)])
        sound.at(b"stco").body = counted([(start,)] * chunks)
        sound.at(b"stts").body = counted([(chunks, 0)])

    path = operate(clip, change)
    probe_video(path, SHORT)
    track = read_audio(path)
    assert track is None or len(track.samples) <= 121 * track.rate


# ---- damage of any kind

PIECES = st.tuples(
    st.floats(0, 1),
    st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([0, 1, 600, 2**24, 2**31 - 1, 2**31, 2**32 - 1]).map(lambda number: pack(">I", number)),
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(PIECES, max_size=6), drop=st.tuples(st.floats(0, 1), st.integers(0, 40)), keep=st.floats(0.6, 1.4)
)
def test_an_index_with_any_damage_reads_or_is_refused(
    clip: Path, tmp_path: Path, pieces: list[tuple[float, bytes]], drop: tuple[float, int], keep: float
) -> None:
    """Bytes of the index are overwritten and left out, and the file may be cut."""
    content = bytearray(clip.read_bytes())
    start = content.index(b"moov") + 4
    for where, piece in pieces:
        at = start + int(where * (len(content) - start - len(piece)))
        content[at : at + len(piece)] = piece
    at = start + int(drop[0] * (len(content) - start))
    del content[at : at + drop[1]]
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content[: int(len(content) * min(1.0, keep))])
    try:
        facts = probe_video(path, SHORT)
        moments = [frame.time_s for frame in read_frames(path)]
        read_audio(path)
    except VideoRefused as error:
        assert error.code.startswith("VIDEO_")
        return
    assert facts.frame_count >= 2
    assert all(later > earlier for earlier, later in pairwise(moments))
