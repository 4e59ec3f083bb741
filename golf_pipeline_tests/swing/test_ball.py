"""The ball's last frame at rest: in the package's rendered clips, in changed copies of them, and in real videos."""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from golf_pipeline.swing import ball, video
from golf_pipeline.swing.ball import watch_ball
from golf_pipeline.swing.documents import (
    Capture,
    EventName,
    Handedness,
    ImpactBall,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    VideoFacts,
    View,
)
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.video import Frame, probe_video, read_frames
from golf_pipeline.synthetic.truth import Truth
from golf_pipeline_tests.synthetic.true_track import true_track

SAMPLES = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples"
NAMES = ("face_on_right", "face_on_left", "down_the_line_right")

Picture = NDArray[np.uint8]
Change = Callable[[int, Picture], Picture]


@dataclass(frozen=True)
class Clip:
    """A rendered clip with its true landmarks and events; the ball is at `place` (pixels) until frame `gone`."""

    path: Path
    facts: VideoFacts
    track: LandmarkTrack
    swing: SwingSegmentation
    place: tuple[float, float]
    gone: float

    def watch(self, **changed: object) -> ImpactBall:
        parts = {"facts": self.facts, "track": self.track, "segmentation": self.swing} | changed
        return watch_ball(self.path, **parts)  # type: ignore[arg-type]


def seen_swing(view: View, top: float, impact: float, fps: float = 30.0) -> SwingSegmentation:
    moments = {EventName.TOP: top, EventName.IMPACT: impact}
    return SwingSegmentation(
        capture=Capture(
            view=view,
            view_confidence=1,
            handedness=Handedness.RIGHT,
            handedness_confidence=1,
            time_base=TimeBase.REAL,
            slow_motion_factor=1,
        ),
        events=tuple(
            SwingEvent(event=name, frame=round(at), time_s=at / fps, exact_frame=at, confidence=1)
            for name, at in moments.items()
        ),
        candidates=(),
    )


def track_of(xyz: NDArray[np.float32], width: int, height: int, cuts: tuple[int, ...] = ()) -> LandmarkTrack:
    count = np.arange(len(xyz))
    return LandmarkTrack(count, count / 30, xyz, np.ones(xyz.shape[:2], np.float32), xyz, width, height, cuts)


def clip_of(name: str) -> Clip:
    truth, path = Truth.read(SAMPLES / f"{name}.truth.json"), SAMPLES / f"{name}.mp4"
    swing = seen_swing(View(truth.view), truth.events["top"].exact_frame, truth.events["impact"].exact_frame)
    rest = truth.scenes[0].ball
    return Clip(path, probe_video(path), true_track(truth), swing, rest.pixels, rest.gone_s * truth.fps)


@pytest.fixture(scope="module", params=NAMES)
def clip(request: pytest.FixtureRequest) -> Clip:
    return clip_of(request.param)


def show(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Let the module see changed pictures: `change` gets a frame's number and its picture."""

    def read(path: Path, *, max_side_px: int, numbers: Collection[int]) -> Generator[Frame]:
        for frame in video.read_frames(path, max_side_px=max_side_px, numbers=numbers):
            yield Frame(frame.number, frame.time_s, change(frame.number, frame.image))

    monkeypatch.setattr(ball, "read_frames", read)


def around(clip: Clip, frame: int, reach: int = 24) -> tuple[tuple[slice, slice], Picture]:
    """Where the ball lies, and what that place looks like in a frame."""
    x, y = (round(value) for value in clip.place)
    place = slice(y - reach, y + reach), slice(x - reach, x + reach)
    (picture,) = read_frames(clip.path, numbers=[frame])
    return place, picture.image[place].copy()


def scenery(clip: Clip) -> NDArray[np.float64]:
    """Something to hold on to: the rendered background is plain."""
    noise = np.random.default_rng(3).normal(0, 60, (clip.facts.height // 8 + 1, clip.facts.width // 8 + 1))
    return np.asarray(cv2.resize(noise, (clip.facts.width, clip.facts.height), interpolation=cv2.INTER_CUBIC))


def moved(picture: Picture, behind: NDArray[np.float64], x: float, y: float) -> Picture:
    """A picture before some scenery, filmed by a camera that has moved (pixels)."""
    picture = np.clip(picture + 0.5 * behind[:, :, None], 0, 255).astype(np.uint8)
    shift = np.array([[1, 0, x], [0, 1, y]])
    return np.asarray(cv2.warpAffine(picture, shift, picture.shape[1::-1]), dtype=np.uint8)


def test_the_ball_is_seen_where_it_lies_until_it_is_struck(clip: Clip) -> None:
    seen = clip.watch()
    assert seen.status == "seen"
    assert seen.x is not None and seen.y is not None and seen.exact_frame is not None
    assert np.hypot(seen.x * 384 - clip.place[0], seen.y * 640 - clip.place[1]) < 4
    assert seen.last_frame == int(clip.gone)
    assert seen.first_frame == int(clip.gone) + 1
    assert seen.exact_frame == pytest.approx(clip.gone, abs=0.5)


@pytest.mark.parametrize("error", [-0.1, 0.1])
def test_the_error_of_the_pose_does_not_move_the_ball(clip: Clip, error: float) -> None:
    top, impact = (clip.swing.event(name).exact_frame for name in (EventName.TOP, EventName.IMPACT))
    moved = impact + error * (impact - top)
    seen = clip.watch(segmentation=seen_swing(clip.swing.capture.view, top, moved))
    assert (seen.last_frame, seen.first_frame) == (int(clip.gone), int(clip.gone) + 1)


def test_a_mirrored_clip_reads_as_its_original(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    original = clip.watch()
    show(monkeypatch, lambda _, picture: np.ascontiguousarray(picture[:, ::-1]))
    mirrored = clip.watch(track=clip.track.mirrored())
    assert (mirrored.last_frame, mirrored.first_frame) == (original.last_frame, original.first_frame)
    assert original.x is not None
    assert mirrored.x == pytest.approx(1 - original.x, abs=0.004)


def test_a_ball_that_stays_is_not_reported(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    place, lying = around(clip, 55)

    def stays(number: int, picture: Picture) -> Picture:
        if number > clip.gone:
            picture[place] = lying
        return picture

    show(monkeypatch, stays)
    seen = clip.watch()
    assert seen.status == "not seen"
    assert seen.reason
    assert seen.exact_frame is None


def test_a_swing_without_a_ball_is_not_given_one(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    place, empty = around(clip, 75)

    def without(number: int, picture: Picture) -> Picture:
        if number < clip.gone:
            picture[place] = empty
        return picture

    show(monkeypatch, without)
    assert clip.watch().status == "not seen"


def test_a_spot_that_fades_is_no_ball(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    place, empty = around(clip, 75)
    _, lying = around(clip, 55)

    def fades(number: int, picture: Picture) -> Picture:
        share = np.clip((number - clip.gone + 4) / 8, 0, 1)
        picture[place] = (lying * (1 - share) + empty * share).astype(np.uint8)
        return picture

    show(monkeypatch, fades)
    assert clip.watch().status == "not seen"


def test_a_camera_in_the_hand_does_not_move_the_frame(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    behind = scenery(clip)

    def shaken(number: int, picture: Picture) -> Picture:
        x, y = np.random.default_rng(number).normal(0, 4, 2)
        return moved(picture, behind, x, y)

    show(monkeypatch, shaken)
    seen = clip.watch()
    assert (seen.status, seen.last_frame, seen.first_frame) == ("seen", int(clip.gone), int(clip.gone) + 1)


def test_a_camera_that_follows_the_ball_is_not_usable(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    behind = scenery(clip)

    def follows(number: int, picture: Picture) -> Picture:
        return moved(picture, behind, -25 * max(0.0, number - clip.gone), 0)

    show(monkeypatch, follows)
    seen = clip.watch()
    assert (seen.status, seen.reason) == ("not usable", "the camera moves around impact")


def test_tiny_pictures_and_cut_recordings_are_not_usable(clip: Clip) -> None:
    xyz, whole = clip.track.xyz, clip.track
    tiny = clip.watch(track=track_of(xyz, 96, 160))
    cut = clip.watch(track=track_of(xyz, whole.width, whole.height, cuts=(int(clip.gone) + 2,)))
    short = clip.watch(facts=clip.facts.model_copy(update={"frame_count": int(clip.gone) + 2}))
    nobody = clip.watch(track=track_of(np.full_like(xyz, np.nan), whole.width, whole.height))
    assert [seen.status for seen in (tiny, cut, short, nobody)] == ["not usable"] * 4
    assert "small" in tiny.reason
    assert all(seen.reason for seen in (cut, short, nobody))


@dataclass(frozen=True)
class RealSwing:
    """How a golfer stands in a real video (pixels, by eye), the label's top, and what the eye sees of the ball.

    `first` is the first frame in which the ball has left, which in slow motion may be hidden by the club head.
    """

    name: str
    view: View
    hip: tuple[float, float]
    torso: float
    ankles: tuple[tuple[float, float], tuple[float, float]]
    toes: tuple[tuple[float, float], tuple[float, float]]
    top: float
    last: int
    first: int

    def track(self, facts: VideoFacts) -> LandmarkTrack:
        """One pose, held all the time, with the hands before the thighs."""
        pixels = np.tile(np.array(self.hip), (33, 1))
        for side, ankle, toe in zip(("left", "right"), self.ankles, self.toes, strict=True):
            pixels[INDEX[f"{side}_shoulder"]] = self.hip[0] + self.torso * 0.5, self.hip[1] - self.torso * 0.87
            pixels[INDEX[f"{side}_wrist"]] = self.hip[0] + self.torso * 0.6, self.hip[1]
            pixels[INDEX[f"{side}_knee"]] = ankle[0], (self.hip[1] + ankle[1]) / 2
            pixels[INDEX[f"{side}_ankle"]] = pixels[INDEX[f"{side}_heel"]] = ankle
            pixels[INDEX[f"{side}_foot_index"]] = toe
        xyz = np.zeros((facts.frame_count, 33, 3), np.float32)
        xyz[:, :, :2] = pixels / (facts.width, facts.height)
        return track_of(xyz, facts.width, facts.height)


LINE, FACE = View.DOWN_THE_LINE, View.FACE_ON
REAL = (
    RealSwing("range_dtl_1", LINE, (123, 329), 88, ((132, 466), (122, 486)), ((162, 485), (154, 510)), 123, 131, 132),
    RealSwing("range_dtl_2", LINE, (75, 352), 131, ((110, 538), (87, 558)), ((147, 566), (129, 587)), 114, 148, 149),
    RealSwing("range_dtl_5", LINE, (111, 270), 105, ((127, 428), (123, 436)), ((162, 451), (161, 455)), 113, 162, 163),
    RealSwing(
        "phone_hevc_rotated_1",
        LINE,
        (315, 1241),
        247,
        ((372, 1551), (332, 1626)),
        ((447, 1614), (412, 1672)),
        63,
        72,
        73,
    ),
    RealSwing(
        "phone_hevc_rotated_2",
        LINE,
        (384, 1157),
        240,
        ((431, 1469), (417, 1543)),
        ((511, 1526), (505, 1587)),
        40,
        49,
        50,
    ),
    RealSwing(
        "golfdb_dtl_slow", LINE, (141, 297), 99, ((155, 424), (160, 445)), ((179, 448), (190, 473)), 117, 143, 144
    ),
    RealSwing("fixture_03", FACE, (177, 378), 83, ((226, 511), (118, 515)), ((242, 537), (112, 538)), 57, 64, 65),
    RealSwing("fixture_23", FACE, (201, 384), 88, ((239, 510), (130, 512)), ((248, 534), (118, 539)), 34, 41, 42),
)


@pytest.mark.parametrize("swing", REAL, ids=lambda swing: swing.name)
def test_the_ball_of_real_videos_leaves_where_the_eye_sees_it_leave(shared_data: Path, swing: RealSwing) -> None:
    (path,) = (shared_data / "videos").glob(f"{swing.name}.*")
    facts = probe_video(path)
    pose = seen_swing(swing.view, swing.top, swing.last - 0.05 * (swing.last - swing.top))
    seen = watch_ball(path, facts, swing.track(facts), pose)
    assert seen.status == "seen", seen.reason
    assert seen.last_frame is not None and seen.first_frame is not None
    assert swing.last - 1 <= seen.last_frame <= swing.last
    assert seen.first_frame >= swing.first
    assert seen.exact_frame == pytest.approx((swing.last + swing.first) / 2, abs=1)
