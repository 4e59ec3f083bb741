import os
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from golf_pipeline.swing import landmarker, pose
from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.errors import ErrorCode, SwingNotFound, VideoRefused
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.landmarker import Body, BodyFollower, choose_golfer, only_region, quiet
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.pose import frame_stride, track_pose
from golf_pipeline.swing.pose_model import find_pose_model
from golf_pipeline.swing.video import VideoLimits, probe_video, read_frames
from golf_pipeline_tests.conftest import REPOSITORY
from golf_pipeline_tests.swing.small_videos import moving_pictures, write_video


@pytest.fixture(scope="session")
def model() -> Path:
    return find_pose_model()


def facts_of(path: Path) -> VideoFacts:
    return probe_video(path, VideoLimits(min_duration_s=0.1))


def hip_steps(track: LandmarkTrack) -> NDArray[np.float64]:
    """Distance between mid-hips of neighbouring frames in torso lengths."""
    torso = np.nanmedian(np.linalg.norm(track.midpoint("shoulder") - track.midpoint("hip"), axis=1))
    return np.asarray(np.linalg.norm(np.diff(track.midpoint("hip"), axis=0), axis=1) / torso, np.float64)


@pytest.fixture(scope="session")
def real_swing(shared_data: Path, model: Path) -> tuple[LandmarkTrack, list[tuple[int, int]]]:
    path = shared_data / "videos" / "range_dtl_1.mp4"
    calls: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pose, "SHORT_CLIP_S", 5.5)  # every frame is looked at: labelled frames are positions in the track
        return track_pose(path, facts_of(path), model, lambda done, total: calls.append((done, total))), calls


def test_a_real_swing_is_tracked_in_every_frame(real_swing: tuple[LandmarkTrack, object]) -> None:
    track, _ = real_swing
    assert track.coverage == 1
    assert track.frame.tolist() == list(range(155)), "a short clip has no gaps"
    assert np.all(np.diff(track.time_s) > 0)
    assert (track.width, track.height, track.cuts) == (360, 640, ())
    assert track.model.startswith("pose_landmarker_full-4eaa5eb7")
    assert track.visibility.min() >= 0
    assert track.visibility.max() <= 1
    assert np.abs(track.world[:, INDEX["left_hip"]] + track.world[:, INDEX["right_hip"]]).max() < 0.1


def test_hands_are_up_at_the_top_and_low_at_impact(real_swing: tuple[LandmarkTrack, object]) -> None:
    track, _ = real_swing
    hands, shoulders, hips = (track.midpoint(part)[:, 1] for part in ("wrist", "shoulder", "hip"))
    assert hands[123] < shoulders[123], "labels.csv: top at 123"
    assert hands[131] > hips[131] - 0.3 * (hips[131] - shoulders[131]), "labels.csv: impact at 131.5"
    assert 129 <= 115 + int(hands[115:140].argmax()) <= 133, "the lowest hands of the downswing"


def test_progress_rises_to_all(real_swing: tuple[LandmarkTrack, list[tuple[int, int]]]) -> None:
    _, calls = real_swing
    assert calls == [(done, 155) for done in range(1, 156)]


def test_the_same_video_gives_the_same_bytes(shared_data: Path, model: Path, tmp_path: Path) -> None:
    path = shared_data / "videos" / "fixture_17.mp4"
    for name in ("one", "two"):
        track_pose(path, facts_of(path), model).write_parquet(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.slow
def test_after_a_cut_the_new_golfer_is_found_at_once(shared_data: Path, model: Path, tmp_path: Path) -> None:
    source = shared_data / "videos" / "fixture_11.mp4"
    around = [frame.image for frame in read_frames(source, numbers=range(50, 80))]  # the cut is at 64
    path = write_video(tmp_path / "cut.mp4", around, options={"crf": "12"})
    track = track_pose(path, facts_of(path), model)
    assert track.cuts == (14,)
    assert track.coverage == 1
    steps = hip_steps(track)
    assert steps.argmax() == 13
    assert np.delete(steps, 13).max() < 0.1, "no landmark travels from one golfer to the other"


def test_two_views_in_one_picture_do_not_take_turns(shared_data: Path, model: Path, tmp_path: Path) -> None:
    """MediaPipe's IMAGE mode changes the body 33 times in this clip."""
    source = shared_data / "videos" / "fixture_27.mp4"
    path = write_video(tmp_path / "two.mp4", [frame.image for frame in read_frames(source, numbers=range(200, 260))])
    track = track_pose(path, facts_of(path), model)
    assert track.coverage == 1
    assert hip_steps(track).max() < 0.3


def crowd(shared_data: Path, *, large: bool = True, small: bool = True) -> list[NDArray[np.uint8]]:
    """Twelve pictures, 480 wide: a golfer near the middle, another nine tenths as large at the right, or both."""
    images = []
    for frame in read_frames(shared_data / "videos" / "range_dtl_1.mp4", numbers=range(100, 112)):
        person = frame.image[180:520, 60:240]
        canvas = np.full((340, 480, 3), person.mean(axis=(0, 1)), np.uint8)
        if large:
            canvas[:, 110:290] = person
        if small:
            shrunk = cv2.resize(person, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)
            canvas[-len(shrunk) :, -shrunk.shape[1] :] = shrunk
        images.append(canvas)
    return images


MIDDLE_OF_CROWD = 300  # pixels: between the two golfers


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_nearer_of_two_people_is_followed(shared_data: Path, model: Path, tmp_path: Path, mirrored: bool) -> None:
    images = [image[:, ::-1] if mirrored else image for image in crowd(shared_data)]
    path = write_video(tmp_path / "people.mp4", images)
    x = track_pose(path, facts_of(path), model).midpoint("hip")[:, 0]
    assert np.all(x > 480 - MIDDLE_OF_CROWD) if mirrored else np.all(x < MIDDLE_OF_CROWD)


@pytest.mark.parametrize("wanted", [0, -1])
def test_whoever_is_chosen_is_the_one_who_is_followed(
    shared_data: Path, model: Path, monkeypatch: pytest.MonkeyPatch, wanted: int
) -> None:
    """MediaPipe left to itself takes the same body whatever was chosen."""

    def by_place(bodies: list[Body], *_: object) -> Body:
        return sorted(bodies, key=lambda body: float(body[INDEX["left_hip"], 0]))[wanted]

    monkeypatch.setattr(landmarker, "choose_golfer", by_place)
    with BodyFollower(model) as follower:
        seen = [follower.look(image) for image in crowd(shared_data)]
    x = [480 * float(body[INDEX["left_hip"], 0]) for body in seen if body is not None]
    assert len(x) == 12
    assert max(x) < MIDDLE_OF_CROWD if wanted == 0 else min(x) > MIDDLE_OF_CROWD


def test_a_new_scene_chooses_anew(shared_data: Path, model: Path, tmp_path: Path) -> None:
    """The small golfer of the first scene stands at the same place in the second, but another is nearer there."""
    second = [255 - (255 - image) // 2 for image in crowd(shared_data)]
    path = write_video(tmp_path / "scenes.mp4", crowd(shared_data, large=False) + second)
    track = track_pose(path, facts_of(path), model)
    assert track.cuts == (12,)
    x = track.midpoint("hip")[:, 0]
    assert np.all(x[:12] > MIDDLE_OF_CROWD)
    assert np.all(x[12:] < MIDDLE_OF_CROWD)


def test_slow_motion_at_240_is_looked_at_60_times_a_second(shared_data: Path, model: Path, tmp_path: Path) -> None:
    source = shared_data / "videos" / "range_dtl_5.mp4"
    images = [frame.image for frame in read_frames(source, numbers=range(100, 160))]
    images += images[::-1]
    path = write_video(tmp_path / "fast.mp4", images, times=[round(number * 2.5) for number in range(120)])
    calls: list[tuple[int, int]] = []
    facts = facts_of(path)
    assert facts.fps == pytest.approx(240, rel=0.25)
    track = track_pose(path, facts, model, lambda done, total: calls.append((done, total)))
    assert track.frame.tolist() == list(range(0, 120, frame_stride(facts.fps)))
    assert calls[-1] == (len(track), len(track))


SAMPLES = REPOSITORY / "golf_pipeline" / "synthetic" / "samples"


def sample(name: str) -> list[NDArray[np.uint8]]:
    return [frame.image for frame in read_frames(SAMPLES / f"{name}.mp4")]


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds: the golfer stands, swings, and holds the finish."""
    images = sample("down_the_line_right")
    images = [images[0]] * 110 + images + [images[-1]] * (190 - len(images))
    return write_video(tmp_path_factory.mktemp("long") / "long.mp4", images)


def test_a_long_clip_is_looked_at_where_the_swing_is(long_clip: Path, model: Path) -> None:
    calls: list[tuple[int, int]] = []
    track = track_pose(long_clip, facts_of(long_clip), model, lambda done, total: calls.append((done, total)))
    gaps = np.diff(track.frame)
    assert set(gaps.tolist()) <= set(range(1, 7))
    assert (track.frame[0], track.frame[-1]) == (0, 299)
    assert len(track) < 0.55 * 300
    assert calls[-1][0] == calls[-1][1] < 0.6 * 300
    assert [done for done, _ in calls] == list(range(1, len(calls) + 1))
    every_frame = track.frame[1:][gaps == 1]
    assert every_frame.min() <= 130, "well before the takeaway"
    assert every_frame.max() >= 185, "until the finish"


@pytest.mark.slow
def test_the_swing_of_a_long_clip_has_the_events_of_every_frame(
    long_clip: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = facts_of(long_clip)
    few = segment_swing(track_pose(long_clip, facts, model))
    monkeypatch.setattr(pose, "SHORT_CLIP_S", 60.0)
    track = track_pose(long_clip, facts, model)
    assert len(track) == 300
    assert [event.frame for event in few.events] == pytest.approx(
        [event.frame for event in segment_swing(track).events], abs=1
    )


@pytest.mark.slow
def test_no_swing_of_two_is_lost_in_a_long_clip(model: Path, tmp_path: Path) -> None:
    images = sample("face_on_right")
    path = write_video(tmp_path / "two.mp4", images + [images[-1]] * 40 + [images[0]] * 60 + images)
    swings = segment_swing(track_pose(path, facts_of(path), model)).candidates
    assert sum(swing.complete for swing in swings) == 2


def test_a_golfer_who_only_stands_gets_few_looks(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose, "SHORT_CLIP_S", 0.0)
    path = SAMPLES / "no_swing.mp4"
    facts = facts_of(path)
    track = track_pose(path, facts, model)
    assert len(track) <= facts.frame_count / 5
    with pytest.raises(SwingNotFound):
        segment_swing(track)


@pytest.mark.parametrize("wanted", [0, -1])
def test_after_a_jump_in_time_whoever_was_seen_there_is_followed(shared_data: Path, model: Path, wanted: int) -> None:
    images = crowd(shared_data)
    with BodyFollower(model) as follower:
        follower.look(images[0])
        both = sorted(follower._detect_all(images[6]), key=lambda body: float(body[INDEX["left_hip"], 0]))
        seen = [follower.jump_to(images[6], both[wanted]), *(follower.look(image) for image in images[7:])]
    x = [480 * float(body[INDEX["left_hip"], 0]) for body in seen if body is not None]
    assert len(x) == 6
    assert max(x) < MIDDLE_OF_CROWD if wanted == 0 else min(x) > MIDDLE_OF_CROWD


@given(fps=st.floats(1, 1000))
def test_there_are_never_more_than_sixty_looks_a_second_and_never_fewer_than_needed(fps: float) -> None:
    stride = frame_stride(fps)
    assert fps / stride <= 60 * 1.06
    assert stride == 1 or fps / (stride - 1) > 60


@pytest.mark.parametrize(("fps", "stride"), [(24, 1), (30, 1), (59.94, 1), (60.02, 1), (90, 2), (120, 2), (240, 4)])
def test_usual_rates_have_the_expected_stride(fps: float, stride: int) -> None:
    assert frame_stride(fps) == stride


def test_a_video_without_anybody_says_how_to_film(tmp_path: Path, model: Path) -> None:
    path = write_video(tmp_path / "noise.mp4", moving_pictures(30))
    with pytest.raises(SwingNotFound) as caught:
        track_pose(path, facts_of(path), model)
    assert caught.value.code == ErrorCode.NO_GOLFER
    assert "whole body" in caught.value.message
    assert "30 frames" in caught.value.detail


def test_damage_that_shows_only_while_decoding_reaches_the_caller(tmp_path: Path, model: Path) -> None:
    path = write_video(tmp_path / "v.mp4", moving_pictures(60), options={"preset": "ultrafast", "g": "1", "bf": "0"})
    facts = facts_of(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat")
    length = int.from_bytes(content[at - 4 : at], "big") - 8
    content[at + 4 + length // 4 : at + 4 + length] = bytes(length - length // 4)
    path.write_bytes(bytes(content))
    with pytest.raises(VideoRefused) as caught:
        track_pose(path, facts, model)
    assert caught.value.code == ErrorCode.VIDEO_TRUNCATED


def test_a_caller_that_gives_up_leaves_no_thread_behind(shared_data: Path, model: Path) -> None:
    path = shared_data / "videos" / "range_dtl_1.mp4"

    def give_up(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        track_pose(path, facts_of(path), model, give_up)
    assert not [thread for thread in threading.enumerate() if thread.name == "decode-ahead"]


def test_a_run_prints_nothing_from_start_to_exit(shared_data: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from golf_pipeline.swing.pose import *; from golf_pipeline.swing.video import *\n"
        "from golf_pipeline.swing.pose_model import find_pose_model\n"
        "p = Path(sys.argv[1]); track_pose(p, probe_video(p, VideoLimits(min_duration_s=0.5)), find_pose_model())"
    )
    path = shared_data / "videos" / "fixture_21.mp4"
    run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")


def test_only_known_chatter_is_kept_off_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"W0000 00:00:1.5 77 inference_feedback_manager.cc:121] Feedback manager requires ...\n")
        print("a line of another thread", file=sys.stderr)  # noqa: T201
        os.write(2, b"E0000 00:00:1.5 77 inference_calculator.cc:9] something is really wrong\n")
    print("afterwards", file=sys.stderr)  # noqa: T201
    lines = capfd.readouterr().err.splitlines()
    assert sorted(lines) == [
        "E0000 00:00:1.5 77 inference_calculator.cc:9] something is really wrong",
        "a line of another thread",
        "afterwards",
    ]


def standing(x: float, height: float) -> Body:
    """A body that stands upright at x, `height` tall, in a square picture."""
    body = np.zeros((33, 7), np.float32)
    body[:, 0] = x
    body[:, 1] = np.linspace(0.5 - height / 2, 0.5 + height / 2, 33)
    return body


def test_without_a_past_the_tall_and_central_body_is_the_golfer() -> None:
    near, far = standing(0.4, 0.8), standing(0.5, 0.3)
    assert choose_golfer([far, near], 1.0) is near
    left, middle = standing(0.05, 0.6), standing(0.5, 0.55)
    assert choose_golfer([left, middle], 1.0) is middle


def test_whoever_was_followed_is_followed_on() -> None:
    near, far = standing(0.8, 0.8), standing(0.2, 0.4)
    assert choose_golfer([near, far], 1.0, last=standing(0.22, 0.4)) is far
    assert choose_golfer([near], 1.0, last=standing(0.1, 0.2)) is near, "the one who was followed is gone"


def test_painting_over_the_others_leaves_the_golfer_and_the_original() -> None:
    image = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    before = image.copy()
    shown = only_region(image, standing(0.5, 0.5))
    assert np.array_equal(image, before)
    assert np.array_equal(shown[60:140, 145:155], image[60:140, 145:155])
    assert np.all(shown[:, :80] == 128)
    assert np.all(shown[:, 230:] == 128)
