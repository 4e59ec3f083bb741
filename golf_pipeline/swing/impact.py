"""Events of a video: by the pose, and then by the ball, which knows the moment of impact best.

The pose reads impact to about 0.05 downswings: a third of a frame in real time, but several frames of slow motion. A
ball that is seen to leave its place settles between which two frames it was struck.
"""

from pathlib import Path

from golf_pipeline.swing.ball import watch_ball
from golf_pipeline.swing.capture import CaptureGiven
from golf_pipeline.swing.documents import EventName, ImpactBall, SwingSegmentation, VideoFacts
from golf_pipeline.swing.events import NOTHING_GIVEN, segment_swing
from golf_pipeline.swing.landmarks import LandmarkTrack

LEAST_DOWNSWING = 10.0
"""Frames in the downswing from which the ball is looked for. The pose reads impact to 0.05 downswings, half a frame of
these; a ball that leaves says between which two frames, no more. In real time at 30 frames per second (7-9 frames) the
pose alone is within half a frame of all labels, and decoding the frames again would cost a quarter of the analysis."""


def segment_video(
    path: Path, facts: VideoFacts, track: LandmarkTrack, given: CaptureGiven = NOTHING_GIVEN
) -> SwingSegmentation:
    """The swing of a track and its events, with impact where the video shows the ball leave.

    Raises:
        SwingNotFound: as `events.find_swing`.
        VideoRefused: the video does not decode.
    """
    by_pose = segment_swing(track, given)
    if by_pose.event(EventName.IMPACT).exact_frame - by_pose.event(EventName.TOP).exact_frame < LEAST_DOWNSWING:
        return by_pose
    ball = watch_ball(path, facts, track, by_pose)
    impact = impact_frame(ball, by_pose.event(EventName.IMPACT).exact_frame)
    segmentation = by_pose if impact is None else segment_swing(track, given, impact_frame=impact)
    return segmentation.model_copy(update={"impact_ball": ball})


def impact_frame(ball: ImpactBall, by_pose: float) -> float | None:
    """The exact frame of impact, None where no ball was seen to leave.

    The ball was struck between the last frame in which it lies still and the first in which it is away. A pose that
    reads impact between these two has its say, half-way to the middle; one that does not knows less than the ball.
    """
    if ball.status != "seen" or ball.last_frame is None or ball.exact_frame is None:
        return None
    last, middle = float(ball.last_frame), ball.exact_frame
    agrees = last <= by_pose <= 2 * middle - last
    return round((by_pose + middle) / 2, 2) if agrees else middle
