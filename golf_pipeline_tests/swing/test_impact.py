"""Impact where the ball leaves: what the ball decides, and what the pose still has a say in."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from golf_pipeline.swing.documents import EventName, ImpactBall
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.impact import impact_frame, segment_video
from golf_pipeline.swing.video import probe_video, read_frames
from golf_pipeline.synthetic.clip import SAMPLES
from golf_pipeline.synthetic.truth import Truth
from golf_pipeline_tests.swing.stick_golfer import StickGolfer
from golf_pipeline_tests.synthetic.true_track import true_track


def seen(last: int, first: int, exact: float) -> ImpactBall:
    return ImpactBall(status="seen", x=0.5, y=0.9, last_frame=last, first_frame=first, exact_frame=exact)


@pytest.mark.parametrize(
    ("by_pose", "expected"),
    [(40.2, 40.35), (40.5, 40.5), (36.0, 40.5), (45.0, 40.5)],
)
def test_impact_lies_between_the_last_frame_at_rest_and_the_first_without_the_ball(
    by_pose: float, expected: float
) -> None:
    assert impact_frame(seen(40, 41, 40.5), by_pose) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("status", ["not seen", "not usable"])
def test_without_a_ball_the_pose_alone_places_impact(status: str) -> None:
    assert impact_frame(ImpactBall(status=status), 40.2) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("off", [-2.0, -0.5, 0.5, 2.0])
def test_a_known_impact_is_taken_as_it_is_and_its_neighbours_follow(off: float) -> None:
    track = StickGolfer(downswing=30, noise=0.005).track()
    alone = segment_swing(track)
    known = alone.event(EventName.IMPACT).exact_frame + off
    told = segment_swing(track, impact_frame=known)
    assert told.event(EventName.IMPACT).exact_frame == pytest.approx(known, abs=0.01)
    shift = told.event(EventName.MID_FOLLOW_THROUGH).exact_frame - alone.event(EventName.MID_FOLLOW_THROUGH).exact_frame
    assert 0 <= shift * off <= off**2
    assert told.event(EventName.IMPACT).confidence >= alone.event(EventName.IMPACT).confidence


@pytest.fixture(scope="module")
def slow_clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """A sample played at half its rate: the downswing has twice the frames."""
    name = "down_the_line_right"
    folder = tmp_path_factory.mktemp("slow")
    truth = Truth.read(SAMPLES / f"{name}.truth.json")
    every_twice = np.repeat(np.arange(truth.frame_count), 2)
    pictures = [frame.image for frame in read_frames(SAMPLES / f"{name}.mp4")]
    path = folder / "slow.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = truth.width, truth.height, "yuv420p"
        for number in every_twice:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pictures[number], format="rgb24")))
        container.mux(stream.encode(None))
    return path, truth


def test_in_slow_motion_the_ball_places_impact_and_is_named(slow_clip: tuple[Path, Truth]) -> None:
    path, truth = slow_clip
    once = true_track(truth)
    rows = np.repeat(np.arange(truth.frame_count), 2)
    count = np.arange(len(rows))
    stretched = replace(
        once,
        frame=count,
        time_s=count / 30,
        xyz=once.xyz[rows],
        visibility=once.visibility[rows],
        world=once.world[rows],
    )
    segmentation = segment_video(path, probe_video(path), stretched)
    assert segmentation.impact_ball is not None
    assert segmentation.impact_ball.status == "seen"
    # The picture before and the one after the strike are each shown twice, and the ball leaves between them.
    assert segmentation.event(EventName.IMPACT).exact_frame == pytest.approx(
        2 * truth.events["impact"].frame + 1.5, abs=1
    )


def test_in_real_time_at_30_frames_per_second_the_pose_is_as_good_and_the_ball_is_not_looked_for() -> None:
    video = SAMPLES / "face_on_right.mp4"
    truth = Truth.read(SAMPLES / "face_on_right.truth.json")
    segmentation = segment_video(video, probe_video(video), true_track(truth))
    assert segmentation.impact_ball is None
    assert segmentation.event(EventName.IMPACT).exact_frame == pytest.approx(
        truth.events["impact"].exact_frame, abs=0.5
    )
