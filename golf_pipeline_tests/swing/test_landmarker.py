"""Searching for everybody in a picture and keeping to one of them, with a detector that takes neighbours for one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from golf_pipeline.swing.landmarker import LEAST_APART, MOST_BODIES, Body, BodyFollower, apart, painted_over
from golf_pipeline.swing.pose import track_pose
from golf_pipeline.swing.pose_model import find_pose_model
from golf_pipeline.swing.video import VideoLimits, probe_video, read_frames
from golf_pipeline_tests.conftest import REPOSITORY
from golf_pipeline_tests.swing.small_videos import write_video

SIDE = 200


def upright(x: float, height: float = 0.5) -> Body:
    """A body of the proportions of a standing one, in a square picture."""
    body = np.zeros((33, 7), np.float32)
    body[:, 0] = x + np.where(np.arange(33) % 2, 0.05, -0.05) * height
    body[:, 1] = 0.5 + np.linspace(-0.5, 0.5, 33) * height
    return body


class Detector(BodyFollower):
    """Sees whoever is not painted over, of two within `blind` of each other only the taller; does not track."""

    def __init__(self, *people: Body, blind: float = 0.7) -> None:
        super().__init__(Path())
        self.people, self.blind, self.searches = people, blind, 0

    def _detect_all(self, image: NDArray[np.uint8]) -> list[Body]:
        self.searches += 1
        seen: list[Body] = []
        for body in sorted(self.people, key=lambda one: -float(np.ptp(one[:, 1]))):
            x = float(body[:, 0].mean())
            is_painted = image[SIDE // 2, int(x * SIDE), 0] == 128
            if not is_painted and all(abs(float(one[:, 0].mean()) - x) > self.blind for one in seen):
                seen.append(body)
        return seen


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.zeros((SIDE, SIDE, 3), np.uint8)


def test_people_who_stand_side_by_side_are_all_found(image: NDArray[np.uint8]) -> None:
    near, golfer, far = upright(0.2, 0.8), upright(0.5, 0.6), upright(0.8, 0.4)
    detector = Detector(far, golfer, near)
    assert [id(body) for body in detector._detect_all(image)] == [id(near)]
    found = detector.everybody(image)
    assert [id(body) for body in found] == [id(near), id(golfer), id(far)]
    assert not image.any(), "the picture itself is not painted"


def test_one_who_is_alone_costs_two_searches_and_nobody_one(image: NDArray[np.uint8]) -> None:
    alone, nobody = Detector(upright(0.5)), Detector()
    assert len(alone.everybody(image)) == 1
    assert nobody.everybody(image) == []
    assert (alone.searches, nobody.searches) == (2, 1)


def test_who_is_known_comes_first_and_is_not_found_again(image: NDArray[np.uint8]) -> None:
    near, golfer = upright(0.2, 0.8), upright(0.5, 0.6)
    as_followed = upright(0.51, 0.61)
    found = Detector(near, golfer).everybody(image, (as_followed,))
    assert [id(body) for body in found] == [id(as_followed), id(near)]


def test_a_crowd_is_searched_for_four_only(image: NDArray[np.uint8]) -> None:
    crowd = [upright(place, 0.12) for place in np.linspace(0.1, 0.9, 8)]
    assert len(Detector(*crowd, blind=0.05).everybody(image)) == MOST_BODIES


def test_the_distance_of_two_bodies_is_measured_by_the_larger() -> None:
    small, large = upright(0.5, 0.2), upright(0.7, 0.8)
    assert apart(small, large, 1.0) == apart(large, small, 1.0)
    assert apart(small, large, 1.0) < 1 < apart(small, upright(0.7, 0.2), 1.0)
    assert apart(small, upright(0.5, 0.3), 1.0) < LEAST_APART


def test_painting_a_body_over_leaves_its_neighbour() -> None:
    picture = np.full((SIDE, SIDE, 3), 7, np.uint8)
    shown = painted_over(picture, [upright(0.3, 0.5)])
    assert np.all(shown[60:140, 50:70] == 128)
    assert np.all(shown[:, 90:] == 7)
    assert np.all(picture == 7)


SAMPLES = REPOSITORY / "golf_pipeline" / "synthetic" / "samples"


GOLFER_FROM = 230  # pixels of 400: between the two men


@pytest.fixture(scope="module")
def side_by_side() -> list[NDArray[np.uint8]]:
    """A man who only stands and, right of him and three quarters as large, a golfer who swings; 400 wide, 360 high."""
    standing = next(iter(read_frames(SAMPLES / "no_swing.mp4", numbers=[0]))).image[80:560]
    man = cv2.resize(standing, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    pictures: list[NDArray[np.uint8]] = []
    for frame in read_frames(SAMPLES / "face_on_right.mp4", numbers=range(20, 100)):
        golfer = cv2.resize(frame.image[80:560], None, fx=0.55, fy=0.55, interpolation=cv2.INTER_AREA)
        canvas = np.full((len(man), 400, 3), man[0, 0], np.uint8)
        canvas[:, :GOLFER_FROM] = man[:, -GOLFER_FROM:]
        canvas[-len(golfer) :, GOLFER_FROM:] = golfer[:, 20 : 420 - GOLFER_FROM]
        pictures.append(canvas)
    return pictures


def test_the_golfer_is_followed_though_the_man_beside_him_is_larger(
    side_by_side: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    path = write_video(tmp_path / "two.mp4", side_by_side, options={"crf": "15"})
    calls: list[int] = []
    facts = probe_video(path, VideoLimits(min_duration_s=0.1))
    track = track_pose(path, facts, find_pose_model(), lambda done, _: calls.append(done))
    hips = track.midpoint("hip")[:, 0]
    assert hips.min() > GOLFER_FROM
    assert np.abs(np.diff(hips)).max() < 10, "one body from the first frame to the last"
    assert len(track) == len(side_by_side)
    assert len(calls) > 2 * len(track), "the larger one was followed first"


@pytest.mark.parametrize("wanted", [0, 1])
def test_who_is_kept_to_is_followed_from_the_first_picture_on(
    side_by_side: list[NDArray[np.uint8]], wanted: int
) -> None:
    with BodyFollower(find_pose_model()) as follower:
        both = sorted(follower.everybody(side_by_side[0]), key=lambda body: float(body[0, 0]))
        follower.keep_to(both[wanted])
        seen = [follower.look(image) for image in side_by_side[::8]]
        assert len(both) == 2
        assert all(body is not None and apart(body, both[wanted], 400 / 360) < LEAST_APART for body in seen)


def test_who_is_kept_to_is_waited_for_when_he_is_gone(side_by_side: list[NDArray[np.uint8]]) -> None:
    with BodyFollower(find_pose_model()) as follower:
        golfer = max(follower.everybody(side_by_side[0]), key=lambda body: float(body[0, 0]))
        alone = side_by_side[0].copy()
        alone[:, GOLFER_FROM:] = alone[:, :1]
        follower.keep_to(golfer)
        assert follower.look(alone) is None, "the other is not taken for him"
        assert follower.look(side_by_side[1]) is not None
        follower.new_scene()
        assert follower.look(alone) is not None
