"""Who of several people is followed: a pose stage whose landmarker is a crowd of stick golfers with known motions."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from golf_pipeline.swing import pose
from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.landmarker import Body, apart
from golf_pipeline.swing.landmarks import INDEX, LandmarkTrack
from golf_pipeline.swing.people import Shown, others_seen, shown_swing
from golf_pipeline.swing.pose import LOOKS_FOR_OTHERS, track_pose
from golf_pipeline.swing.sampling import Look
from golf_pipeline_tests.swing.stick_golfer import StickGolfer, film_arms, join, swing_angles, take

SWINGER = StickGolfer(before=4, after=4, centre=(200.0, 700.0))
BYSTANDER = StickGolfer(centre=(520.0, 700.0), size=140.0)
COUNT = len(SWINGER.track())
ASPECT = SWINGER.width / SWINGER.height


def still(golfer: StickGolfer, count: int = COUNT) -> LandmarkTrack:
    return film_arms(golfer, np.zeros(count), np.zeros(count))


def gesture(golfer: StickGolfer, count: int = COUNT) -> LandmarkTrack:
    """One arm waves between the hip and the chin; the other hangs, the body stands still."""
    arms = np.deg2rad(70 - 70 * np.cos(np.arange(count) / 6))
    waving, hanging = film_arms(golfer, arms, np.zeros(count)), still(golfer, count)
    xyz = hanging.xyz.copy()
    arm = [INDEX[f"right_{part}"] for part in ("elbow", "wrist", "pinky", "index", "thumb")]
    xyz[:, arm] = waving.xyz[:, arm]
    return replace(hanging, xyz=xyz)


def bodies_of(track: LandmarkTrack) -> list[Body]:
    return list(np.concatenate([track.xyz, track.visibility[:, :, None], track.world], axis=2))


class Crowd:
    """Stands in for video and landmarker: `people` in the order in which a new choice takes them, None while away."""

    def __init__(self, *people: LandmarkTrack, cuts: tuple[int, ...] = ()) -> None:
        self.people: list[list[Body | None]] = [[*bodies_of(track)] for track in people]
        self.cuts = cuts
        self.looks = [0] * len(people)
        self.searches = 0
        self._followed: int | None = None
        self._is_kept = False

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def facts(self) -> VideoFacts:
        count = len(self.people[0])
        numbers = {"frame_count": count, "duration_s": count / 30, "fps": 30.0, "size_bytes": 1, "rotation_deg": 0}
        size = {"width": SWINGER.width, "height": SWINGER.height}
        texts = {"container": "mp4", "codec": "h264", "sha256": "0"}
        return VideoFacts(variable_frame_rate=False, has_audio=False, **numbers, **size, **texts)

    def survey(self, every: int) -> Generator[Look]:
        starts = {0, *self.cuts}
        last = {cut - 1 for cut in self.cuts} | {len(self.people[0]) - 1}
        for number in sorted({*range(0, len(self.people[0]), every), *starts, *last}):
            yield picture(number, new_scene=number in starts)

    def stretch(self, numbers: list[int]) -> Generator[Look]:
        yield from map(picture, numbers)

    def new_scene(self) -> None:
        self._followed, self._is_kept = None, False

    def keep_to(self, person: Body) -> None:
        self._followed, self._is_kept = self._who(person), True

    def jump_to(self, image: NDArray[np.uint8], golfer: Body) -> Body | None:
        self._followed = self._who(golfer)
        return self.look(image)

    def look(self, image: NDArray[np.uint8]) -> Body | None:
        number = number_of(image)
        if self._followed is None or (self.people[self._followed][number] is None and not self._is_kept):
            present = [who for who, bodies in enumerate(self.people) if bodies[number] is not None]
            self._followed = present[0] if present else None
        if self._followed is None:
            return None
        self.looks[self._followed] += 1
        return self.people[self._followed][number]

    def everybody(self, image: NDArray[np.uint8], known: tuple[Body, ...]) -> list[Body]:
        self.searches += 1
        present = [body for bodies in self.people if (body := bodies[number_of(image)]) is not None]
        return [*known, *(body for body in present if all(apart(body, one, ASPECT) > 0.5 for one in known))]

    def _who(self, person: Body) -> int:
        def distance(who: int) -> float:
            return min(apart(body, person, ASPECT) for body in self.people[who] if body is not None)

        return min(range(len(self.people)), key=distance)


def picture(number: int, new_scene: bool = False) -> Look:
    return Look(number, number / 30, np.array([[divmod(number, 256)]], np.uint8), new_scene)


def number_of(image: NDArray[np.uint8]) -> int:
    return int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> "Follow":
    return Follow(monkeypatch)


class Follow:
    """The pose stage run on a crowd."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.progress: list[tuple[int, int]] = []

    def __call__(self, crowd: Crowd) -> LandmarkTrack:
        self._monkeypatch.setattr(pose, "VideoSampler", lambda *_: crowd)
        self._monkeypatch.setattr(pose, "BodyFollower", lambda *_: crowd)
        self._monkeypatch.setattr(pose, "model_label", lambda _: "fake")
        return track_pose(Path(), crowd.facts, Path(), lambda *looks: self.progress.append(looks))


def is_the(track: LandmarkTrack, person: LandmarkTrack) -> bool:
    return bool(np.array_equal(track.xyz, person.xyz[track.frame]))


def padded(track: LandmarkTrack, before: int, after: int) -> LandmarkTrack:
    """A recording that goes on longer: the first and the last pose are held."""
    rows = np.concatenate([np.zeros(before, int), np.arange(len(track)), np.full(after, len(track) - 1)])
    count = len(rows)
    return replace(
        take(track, slice(None)),
        frame=np.arange(count),
        time_s=np.arange(count) / 30,
        **{name: getattr(track, name)[rows] for name in ("xyz", "visibility", "world")},
    )


def test_whoever_swings_is_followed_though_another_is_nearer_to_the_camera(follow: Follow) -> None:
    crowd = Crowd(still(BYSTANDER), SWINGER.track())
    track = follow(crowd)
    assert is_the(track, SWINGER.track())
    assert len(track) == COUNT, "a short clip has no gaps"
    assert track.model == "fake"


def test_a_golfer_alone_costs_nothing_more(follow: Follow) -> None:
    crowd = Crowd(SWINGER.track())
    assert is_the(follow(crowd), SWINGER.track())
    assert (crowd.looks, crowd.searches) == ([COUNT], 0)


def test_others_cost_nothing_where_the_first_choice_swings(follow: Follow) -> None:
    crowd = Crowd(SWINGER.track(), still(BYSTANDER))
    assert is_the(follow(crowd), SWINGER.track())
    assert (crowd.looks, crowd.searches) == ([COUNT, 0], 0)


def test_somebody_alone_who_does_not_swing_costs_three_searches(follow: Follow) -> None:
    crowd = Crowd(still(BYSTANDER))
    assert is_the(follow(crowd), still(BYSTANDER))
    assert (crowd.looks, crowd.searches) == ([COUNT], LOOKS_FOR_OTHERS)


def test_where_nobody_swings_the_first_choice_stays_after_few_looks_at_the_others(follow: Follow) -> None:
    crowd = Crowd(still(BYSTANDER), still(SWINGER))
    assert is_the(follow(crowd), still(BYSTANDER))
    assert crowd.looks[1] <= COUNT / 6 + 1


def test_a_coach_who_gestures_does_not_pass_for_the_golfer(follow: Follow) -> None:
    coach = gesture(BYSTANDER)
    assert shown_swing(coach) is Shown.NOTHING
    assert is_the(follow(Crowd(coach, SWINGER.track())), SWINGER.track())


def test_the_third_is_tried_where_the_second_does_not_swing(follow: Follow) -> None:
    behind = StickGolfer(centre=(360.0, 600.0), size=115.0)
    crowd = Crowd(still(BYSTANDER), gesture(behind), SWINGER.track())
    assert is_the(follow(crowd), SWINGER.track())


def test_who_shows_half_a_swing_is_taken_before_who_shows_none(follow: Follow) -> None:
    until_impact = take(SWINGER.track(), slice(0, round(SWINGER.impact)))
    count = len(until_impact)
    assert shown_swing(until_impact) is Shown.PART
    assert is_the(follow(Crowd(still(BYSTANDER, count), until_impact)), until_impact)
    cut_short = Crowd(until_impact, still(BYSTANDER, count))
    assert is_the(follow(cut_short), until_impact)


def test_a_long_clip_gets_few_looks_at_the_golfer_outside_his_swing(follow: Follow) -> None:
    swings = padded(SWINGER.track(), 150, 90)
    crowd = Crowd(still(BYSTANDER, len(swings)), swings)
    track = follow(crowd)
    assert is_the(track, swings)
    assert shown_swing(track) is Shown.COMPLETE
    assert len(track) < 0.5 * len(swings)
    assert set(range(150 + 10, 150 + round(SWINGER.impact) + 20)) <= set(track.frame.tolist())


def test_only_the_scene_in_which_another_swings_is_changed(follow: Follow) -> None:
    alone = StickGolfer(centre=(360.0, 700.0))
    first = join(still(alone, 60), still(BYSTANDER), cut=True)
    second = join(still(alone, 60), SWINGER.track(), cut=True)
    crowd = Crowd(first, second, cuts=(60,))
    track = follow(crowd)
    assert is_the(track, second)
    assert track.cuts == (60,)
    assert len(track) == 60 + COUNT


def test_whoever_is_followed_instead_is_not_left_for_another_where_he_is_lost(follow: Follow) -> None:
    crowd = Crowd(still(BYSTANDER), SWINGER.track())
    lost = range(round(SWINGER.top) - 4, round(SWINGER.top) - 1)
    for number in lost:
        crowd.people[1][number] = None
    track = follow(crowd)
    assert np.flatnonzero(~track.found).tolist() == list(lost)
    assert np.array_equal(track.xyz[track.found], SWINGER.track().xyz[track.found])


def test_progress_counts_the_looks_at_others(follow: Follow) -> None:
    crowd = Crowd(still(BYSTANDER), SWINGER.track())
    follow(crowd)
    assert [done for done, _ in follow.progress] == list(range(1, sum(crowd.looks) + 1))
    assert all(done <= total for done, total in follow.progress)
    assert follow.progress[-1][0] == follow.progress[-1][1]


@given(st.sampled_from([0.0, 45.0, 90.0]), st.floats(5.5, 40.0))
def test_a_swing_shows_itself_from_every_side_at_every_speed(azimuth_deg: float, downswing: float) -> None:
    golfer = StickGolfer(azimuth_deg=azimuth_deg, downswing=downswing)
    assert shown_swing(golfer.track()) is Shown.COMPLETE
    assert shown_swing(film_arms(golfer, *swing_angles(np.linspace(-4, 5, 60), 0.15))) is Shown.NOTHING, "a waggle"


def test_a_person_seen_in_several_pictures_is_one_and_the_prominent_comes_first() -> None:
    small, large = bodies_of(still(StickGolfer(centre=(100.0, 700.0), size=60.0))), bodies_of(still(BYSTANDER))
    assert others_seen([], ASPECT) == []
    found = others_seen([[small[0]], [], [small[1], large[1]], [large[2]]], ASPECT)
    assert [id(body) for body in found] == [id(large[1]), id(small[0])]


def test_no_more_than_three_others_are_tried() -> None:
    row = [bodies_of(still(StickGolfer(centre=(100.0 + 130 * place, 700.0), size=50.0)))[0] for place in range(5)]
    assert len(others_seen([row], ASPECT)) == 3
