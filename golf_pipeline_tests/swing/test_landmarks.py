from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golf_pipeline.swing.landmarks import INDEX, LANDMARKS, LandmarkTrack


def some_track(frames: int = 12, seed: int = 0, missing: tuple[int, ...] = (3, 4)) -> LandmarkTrack:
    random = np.random.default_rng(seed)
    xyz = random.uniform(0, 1, (frames, 33, 3)).astype(np.float32)
    visibility = random.uniform(0, 1, (frames, 33)).astype(np.float32)
    world = random.normal(0, 0.5, (frames, 33, 3)).astype(np.float32)
    for number in missing:
        if number < frames:
            xyz[number], visibility[number], world[number] = np.nan, np.nan, np.nan
    return LandmarkTrack(
        frame=np.arange(frames, dtype=np.int64) * 2,
        time_s=np.arange(frames) / 30,
        xyz=xyz,
        visibility=visibility,
        world=world,
        width=1080,
        height=1920,
        cuts=(4, 10),
        model="pose_landmarker_full-4eaa5eb7",
    )


def assert_same(one: LandmarkTrack, other: LandmarkTrack, tolerance: float = 0) -> None:
    for name in ("frame", "time_s", "xyz", "visibility", "world"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.dtype == theirs.dtype, name
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance, err_msg=name)
    assert (one.width, one.height, one.cuts, one.model) == (other.width, other.height, other.cuts, other.model)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.integers(0, 30), seed=st.integers(0, 100), missing=st.lists(st.integers(0, 29), max_size=5))
def test_a_track_survives_parquet_unchanged(tmp_path: Path, frames: int, seed: int, missing: list[int]) -> None:
    track = some_track(frames, seed, tuple(missing))
    track.write_parquet(tmp_path / "track.parquet")
    assert_same(LandmarkTrack.read_parquet(tmp_path / "track.parquet"), track)


def test_a_track_without_cuts_survives_parquet(tmp_path: Path) -> None:
    track = LandmarkTrack(**{**some_track().__dict__, "cuts": ()})
    track.write_parquet(tmp_path / "track.parquet")
    assert LandmarkTrack.read_parquet(tmp_path / "track.parquet").cuts == ()


@given(seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_mirroring_twice_gives_the_track_back(seed: int) -> None:
    track = some_track(seed=seed)
    assert_same(track.mirrored().mirrored(), track, tolerance=1e-6)


def test_the_mirrored_left_wrist_is_the_right_wrist_on_the_other_side() -> None:
    track = some_track()
    mirrored = track.mirrored()
    left, right = track.point("left_wrist"), mirrored.point("right_wrist")
    np.testing.assert_allclose(right[:, 0], track.width - left[:, 0], atol=1e-3)
    np.testing.assert_allclose(right[:, 1], left[:, 1])
    np.testing.assert_array_equal(
        mirrored.visibility[:, INDEX["right_wrist"]], track.visibility[:, INDEX["left_wrist"]]
    )
    np.testing.assert_allclose(mirrored.world[:, INDEX["right_wrist"], 0], -track.world[:, INDEX["left_wrist"], 0])
    np.testing.assert_array_equal(track.point("nose")[:, 1], mirrored.point("nose")[:, 1])


def test_mirroring_leaves_the_original_alone() -> None:
    track = some_track()
    before = track.xyz.copy()
    track.mirrored()
    np.testing.assert_array_equal(track.xyz, before)


@given(seed=st.integers(0, 1000), roll=st.floats(-20, 20))
@settings(max_examples=30, deadline=None)
def test_levelling_one_way_and_the_other_gives_the_track_back(seed: int, roll: float) -> None:
    track = some_track(seed=seed)
    assert_same(track.levelled(roll).levelled(-roll), track, tolerance=1e-5)


def test_levelling_turns_the_picture_back_about_its_middle() -> None:
    """In a picture that is turned clockwise by 10 degrees, what is upright leans to the right by 10 degrees."""
    track = some_track()
    middle, lean = np.array([540.0, 960.0]), np.radians(10)
    above = middle + 500 * np.array([np.sin(lean), -np.cos(lean)])
    track.xyz[0, 0, :2] = above / (1080, 1920)
    track.world[0, 0] = (np.sin(lean), -np.cos(lean), 0.3)
    level = track.levelled(10)
    np.testing.assert_allclose(level.pixels[0, 0], middle - (0, 500), atol=0.01)
    np.testing.assert_allclose(level.world[0, 0], (0, -1, 0.3), atol=1e-6)
    np.testing.assert_array_equal(level.xyz[:, :, 2], track.xyz[:, :, 2])
    np.testing.assert_array_equal(level.found, track.found)


def test_levelling_keeps_lengths_and_leaves_the_original_alone() -> None:
    track = some_track()
    before = track.xyz.copy(), track.world.copy()
    level = track.levelled(7)
    np.testing.assert_array_equal(track.xyz, before[0])
    np.testing.assert_array_equal(track.world, before[1])
    trunk = [np.linalg.norm(one.midpoint("shoulder") - one.midpoint("hip"), axis=1) for one in (track, level)]
    np.testing.assert_allclose(trunk[1], trunk[0], rtol=1e-4)
    assert track.levelled(0) is track


def test_pixels_have_the_pictures_aspect() -> None:
    track = some_track()
    np.testing.assert_allclose(track.pixels[0, 0], track.xyz[0, 0, :2] * (1080, 1920), rtol=1e-6)


def test_coverage_counts_the_frames_with_a_body() -> None:
    assert some_track(10, missing=(1, 2, 3)).coverage == pytest.approx(0.7)
    assert some_track(0).coverage == 0


def test_every_side_has_its_partner() -> None:
    lefts = [name for name in LANDMARKS if "left" in name]
    assert len(lefts) == 16
    assert all(name.replace("left", "right") in INDEX for name in lefts)
