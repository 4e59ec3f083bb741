"""The camera's roll: drawn scenes turned by known angles, what must not count, and real clips turned by hand."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from golf_pipeline.swing.documents import CaptureCode, EventName
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.impact import segment_video
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.swing.roll import RollEstimate, borders, camera_roll, watch_roll
from golf_pipeline.swing.video import probe_video, read_frames
from golf_pipeline_tests.swing.small_videos import write_video
from golf_pipeline_tests.swing.stick_golfer import StickGolfer

Picture = NDArray[np.uint8]
Body = NDArray[np.float64]

WIDTH, HEIGHT = 360, 640
GOLFER = StickGolfer(width=WIDTH, height=HEIGHT, size=70, centre=(180, 400))
HORIZON = 330  # row at the golfer's chest
ROLLS = pytest.mark.parametrize("roll", [-10.0, -6.0, -3.0, 0.0, 2.0, 5.0, 9.0])
BORDER = 200  # more than a turned picture shows of its surroundings


def body_at_address(roll: float = 0.0) -> Body:
    return np.asarray(GOLFER.film(np.array([-5.0])).levelled(-roll).pixels[0])


def turned(scene: Picture, roll: float) -> Picture:
    """The middle of a scene (drawn with a border around it), turned clockwise."""
    size = scene.shape[1], scene.shape[0]
    way = cv2.getRotationMatrix2D(((size[0] - 1) / 2, (size[1] - 1) / 2), -roll, 1)
    whole = cv2.warpAffine(scene, way, size, flags=cv2.INTER_CUBIC)
    return np.ascontiguousarray(whole[BORDER:-BORDER, BORDER:-BORDER]).astype(np.uint8)


def empty_scene() -> Picture:
    noise = np.random.default_rng(3).normal(110, 6, (HEIGHT + 2 * BORDER, WIDTH + 2 * BORDER, 3))
    return np.asarray(cv2.GaussianBlur(noise.astype(np.uint8), (5, 5), 0), np.uint8)


def with_posts(scene: Picture, leans: tuple[float, ...] = (0.4, -0.5, 0.2, -0.1, 0.3, -0.3, 0.5, -0.4, 0.1)) -> Picture:
    """Posts from the top of the picture to the horizon, each a little off upright (degrees)."""
    for x, lean in zip(np.linspace(-150, WIDTH + 150, len(leans)) + BORDER, leans, strict=True):
        top = x + np.tan(np.radians(lean)) * (HORIZON + BORDER)
        ends = np.array([[top, 0], [top + 14, 0], [x + 14, HORIZON + BORDER], [x, HORIZON + BORDER]])
        cv2.fillConvexPoly(scene, (ends * 256).astype(np.int32), (40, 45, 35), cv2.LINE_AA, shift=8)
    return scene


def with_bands(scene: Picture, rows: tuple[int, ...] = (HORIZON - 25, HORIZON + 5, HORIZON + 38)) -> Picture:
    """Bands of grass whose edges have gaps, as the far end of a fairway."""
    for number, row in enumerate(rows):
        for x in range(0, scene.shape[1], 90):
            first = x + 25 * (number % 3)
            scene[row + BORDER : row + BORDER + 12, first : first + 48] = (70, 190, 70)
    return scene


# ---- what is read


@ROLLS
def test_posts_tell_the_roll(roll: float) -> None:
    estimate = camera_roll([turned(with_posts(empty_scene()), roll)], [body_at_address(roll)])
    assert estimate is not None
    assert estimate.degrees == pytest.approx(roll, abs=0.6)
    assert estimate.spread < 2
    assert estimate.lines >= 4


@ROLLS
def test_level_lines_near_the_horizon_tell_the_roll(roll: float) -> None:
    estimate = camera_roll([turned(with_bands(empty_scene()), roll)], [body_at_address(roll)])
    assert estimate is not None
    assert estimate.degrees == pytest.approx(roll, abs=0.5)


@pytest.mark.parametrize("roll", [-6.0, 0.0, 4.0])
def test_the_mirrored_picture_is_turned_the_other_way(roll: float) -> None:
    picture, body = turned(with_posts(with_bands(empty_scene())), roll), body_at_address(roll)
    mirrored = body * (-1, 1) + (WIDTH - 1, 0)
    one = camera_roll([picture], [body])
    other = camera_roll([np.ascontiguousarray(picture[:, ::-1])], [mirrored])
    assert one is not None
    assert other is not None
    assert other.degrees == pytest.approx(-one.degrees, abs=0.4)


def perspective_posts(pitch: float, roll: float, places: np.ndarray) -> Picture:
    """Upright posts 10 m away at places (m to the right), by a camera that looks up by `pitch` and is rolled."""
    picture = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    focal = 0.72 * HEIGHT
    up, side = np.radians(pitch), np.radians(-roll)
    for x in places:
        corners = []
        for dx, height in ((0, 0.0), (0.2, 0.0), (0.2, 12.0), (0, 12.0)):
            depth = 10 * np.cos(up) + height * np.sin(up)
            right, high = (x + dx) / depth * focal, (height * np.cos(up) - 10 * np.sin(up)) / depth * focal
            seen = right * np.cos(side) - high * np.sin(side), right * np.sin(side) + high * np.cos(side)
            corners.append((WIDTH / 2 + seen[0], HEIGHT / 2 - seen[1]))
        cv2.fillConvexPoly(picture, (np.array(corners) * 256).astype(np.int32), (40, 40, 40), cv2.LINE_AA, shift=8)
    return picture


@pytest.mark.parametrize("pitch", [-6.0, 6.0])
@pytest.mark.parametrize("roll", [-4.0, 0.0, 5.0])
@pytest.mark.parametrize("places", [np.linspace(-4, 4, 8), np.array([1.5, 2.2, 2.7, 3.5])], ids=["all", "right"])
def test_posts_that_converge_because_the_camera_looks_up_or_down_are_understood(
    pitch: float, roll: float, places: np.ndarray
) -> None:
    """On one side alone, roll and pitch are hard to tell apart; seen on both sides, they are not."""
    estimate = camera_roll([perspective_posts(pitch, roll, places)], [body_at_address(roll)])
    both_sides = len(places) == 8
    if both_sides:
        assert estimate is not None
        assert estimate.degrees == pytest.approx(roll, abs=0.7)
    elif estimate is not None:
        assert estimate.degrees == pytest.approx(roll, abs=2 * estimate.spread)


# ---- what must not count


def test_a_picture_without_lines_says_nothing() -> None:
    assert camera_roll([np.full((HEIGHT, WIDTH, 3), 128, np.uint8)], [body_at_address()]) is None
    assert camera_roll([turned(empty_scene(), 0)], [body_at_address()]) is None
    assert camera_roll([], []) is None


@pytest.mark.parametrize("lean", [-6.0, 6.0])
def test_the_golfers_own_limbs_and_club_say_nothing(lean: float) -> None:
    body = body_at_address(lean)
    picture = turned(empty_scene(), 0)
    limbs = ("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")
    for side in ("left", "right"):
        for first, last in limbs:
            ends = [body[INDEX[f"{side}_{part}"]].astype(int).tolist() for part in (first, last)]
            cv2.line(picture, ends[0], ends[1], (20, 20, 20), 16, cv2.LINE_AA)
    hands = body[INDEX["left_wrist"]]
    for away in (-150, -60, -12, 12, 60, 150):
        cv2.line(
            picture, hands.astype(int).tolist(), (hands + np.array([away, 140])).astype(int).tolist(), (240,) * 3, 3
        )
    assert camera_roll([picture], [body]) is None


@ROLLS
def test_they_do_not_move_what_the_scene_says(roll: float) -> None:
    picture, body = turned(with_posts(empty_scene()), roll), body_at_address(roll)
    before = camera_roll([picture], [body])
    for side in ("left", "right"):
        hip, ankle = (body[INDEX[f"{side}_{part}"]].astype(int).tolist() for part in ("hip", "ankle"))
        cv2.line(picture, hip, ankle, (20, 20, 20), 16, cv2.LINE_AA)
    assert camera_roll([picture], [body]) == before


@pytest.mark.parametrize("rows", [(-20, 40, 100), (500, 540, 580)], ids=["clouds", "mats"])
def test_level_lines_far_from_the_horizon_say_nothing(rows: tuple[int, int, int]) -> None:
    assert camera_roll([turned(with_bands(empty_scene(), rows), 5)], [body_at_address(5)]) is None


def test_lines_that_disagree_say_nothing() -> None:
    leans = (-13.0, 9.0, -4.0, 14.0, 0.0, 5.0, -9.0, 12.0, -6.0)
    assert camera_roll([turned(with_posts(empty_scene(), leans), 0)], [body_at_address()]) is None


@pytest.mark.parametrize("roll", [-7.0, 7.0])
def test_black_bars_and_a_second_picture_beside_the_first_are_not_the_scene(roll: float) -> None:
    picture, body = turned(with_posts(with_bands(empty_scene())), roll), body_at_address(roll)
    picture[:70], picture[570:] = 0, 0
    picture[:, 330:] = 220
    estimate = camera_roll([picture], [body])
    assert estimate is not None
    assert estimate.degrees == pytest.approx(roll, abs=0.7)
    bars_only = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for row in (240, 280, 320, 360):
        bars_only[row : row + 20] = 0
    assert camera_roll([bars_only], [body_at_address()]) is None


def test_grass_whose_rows_all_differ_is_not_a_border() -> None:
    """In rough grass most pixels differ from the row above; a black bar does so in one row alone."""
    grass = np.random.default_rng(1).integers(60, 160, (HEIGHT, WIDTH)).astype(np.uint8)
    assert len(borders(grass, 0)) == len(borders(grass, 1)) == 0
    grass[:100] = 0
    found = borders(grass, 1)
    assert 99.5 in found
    assert np.abs(found - 99.5).max() <= 3
    grass[:, 200:] = 250
    assert 199.5 in borders(grass, 0).tolist()


def test_a_roll_is_sure_from_twice_its_spread_on() -> None:
    assert RollEstimate(-3.2, 1.6, 12).is_sure
    assert not RollEstimate(3.0, 1.6, 12).is_sure


# ---- a whole video


@pytest.fixture(scope="module")
def swing() -> LandmarkTrack:
    return replace(GOLFER, before=4.5, after=4.0).track()


def filmed(path: Path, track: LandmarkTrack, roll: float) -> Path:
    picture = turned(with_posts(with_bands(empty_scene())), roll)
    return write_video(path, [picture] * len(track))


@pytest.mark.parametrize("roll", [-7.0, 6.0])
def test_a_crooked_video_is_known_as_such_told_and_levelled(tmp_path: Path, swing: LandmarkTrack, roll: float) -> None:
    path, track = filmed(tmp_path / "crooked.mp4", swing, roll), swing.levelled(-roll)
    segmentation = segment_video(path, probe_video(path), track)
    assert segmentation.capture.roll_deg == pytest.approx(roll, abs=0.7)
    assert [issue.code for issue in segmentation.capture.issues] == [CaptureCode.CAMERA_ROLLED]
    level = {(one.id, one.phase): one.value for one in measure_swing(swing, segment_swing(swing))}
    for metric in measure_swing(track, segmentation):
        if metric.id in {"secondary_axis_tilt", "shoulder_tilt"}:
            expected = level[metric.id, metric.phase]
            assert expected is not None
            assert metric.value == pytest.approx(expected, abs=0.8)


def test_a_level_video_is_not_called_level_and_nothing_is_turned(tmp_path: Path, swing: LandmarkTrack) -> None:
    path = filmed(tmp_path / "level.mp4", swing, 0.5)
    segmentation = segment_video(path, probe_video(path), swing)
    assert segmentation.capture.roll_deg is None
    assert segmentation.capture.issues == ()


def test_only_the_scene_of_the_swing_is_looked_at(tmp_path: Path, swing: LandmarkTrack) -> None:
    """A title that leans the other way stands before the cut."""
    segmentation = segment_swing(swing)
    cut = segmentation.frame_of(EventName.ADDRESS) - 1
    pictures = [turned(with_posts(empty_scene()), -8 if number < cut else 8) for number in (0, cut)]
    path = write_video(tmp_path / "cut.mp4", [pictures[number >= cut] for number in range(len(swing))])
    estimate = watch_roll(path, replace(swing, cuts=(cut,)).levelled(-8), segmentation)
    assert estimate is not None
    assert estimate.degrees == pytest.approx(8, abs=0.7)


# ---- levelled numbers


@settings(max_examples=25, deadline=None)
@given(roll=st.floats(-15, 15), azimuth=st.sampled_from([0.0, 90.0]))
def test_a_levelled_swing_has_the_numbers_of_one_filmed_level(roll: float, azimuth: float) -> None:
    golfer = replace(GOLFER, azimuth_deg=azimuth)
    segmentation = segment_swing(golfer.track())
    rolled = segmentation.model_copy(update={"capture": segmentation.capture.model_copy(update={"roll_deg": roll})})
    crooked = golfer.track().levelled(-roll)
    for level, levelled in zip(
        measure_swing(golfer.track(), segmentation), measure_swing(crooked, rolled), strict=True
    ):
        assert (level.id, level.phase, level.trust, level.reason) == (
            levelled.id,
            levelled.phase,
            levelled.trust,
            levelled.reason,
        )
        # Turns are read from the cosine of a ratio, which is steep where nothing has turned yet.
        assert levelled.value == pytest.approx(level.value, abs=0.2 if level.id.endswith("_turn") else 0.01)


# ---- real clips, turned by hand


@pytest.mark.parametrize(
    ("name", "golfer"),
    [
        ("range_dtl_2.mp4", StickGolfer(size=125, centre=(90, 340), azimuth_deg=90)),
        ("fixture_23.mp4", StickGolfer(size=100, centre=(186, 384))),
    ],
)
def test_the_estimate_follows_real_scenes_that_are_turned(shared_data: Path, name: str, golfer: StickGolfer) -> None:
    """A fairway and a wood, both level within a degree by eye; the golfer was placed by eye, too."""
    picture = next(read_frames(shared_data / "videos" / name, max_side_px=640, numbers=[0])).image
    height, width = picture.shape[:2]
    body = replace(golfer, width=width, height=height).film(np.array([-5.0])).pixels[0]
    level = camera_roll([picture], [body])
    assert level is None or not level.is_sure
    answers = 0
    for roll in (-8, -6, -4, 4, 6, 8):
        way = cv2.getRotationMatrix2D((width / 2, height / 2), -roll, 1)
        crooked = np.asarray(cv2.warpAffine(picture, way, (width, height), flags=cv2.INTER_CUBIC), np.uint8)
        cut = 55  # more than the turn brings in from outside
        shown = np.ascontiguousarray(crooked[cut:-cut, cut:-cut])
        estimate = camera_roll([shown], [body @ way[:, :2].T + way[:, 2] - cut])
        answers += estimate is not None
        assert estimate is None or estimate.degrees == pytest.approx(roll, abs=2)
    assert answers >= 4
