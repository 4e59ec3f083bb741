"""The swing of a video: by the pose, and then by what only the picture tells: when the ball left, and how the camera
was held.

The pose reads impact to about 0.05 downswings: a third of a frame in real time, but several frames of slow motion. A
ball that is seen to leave its place settles between which two frames it was struck. Lines of the scene tell whether
the picture is level (`roll.py`).
"""

from pathlib import Path

from golf_pipeline.swing.ball import watch_ball
from golf_pipeline.swing.capture import CaptureGiven
from golf_pipeline.swing.documents import EventName, ImpactBall, SwingSegmentation, VideoFacts
from golf_pipeline.swing.events import NOTHING_GIVEN, segment_swing
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.quality import judge_quality
from golf_pipeline.swing.roll import watch_roll

LEAST_DOWNSWING = 10.0
"""Frames in the downswing from which the ball is looked for. The pose reads impact to 0.05 downswings, half a frame of
these; a ball that leaves says between which two frames, no more. In real time at 30 frames per second (7-9 frames) the
pose alone is within half a frame of all labels, and decoding the frames again would cost a quarter of the analysis."""


def segment_video(
    path: Path, facts: VideoFacts, track: LandmarkTrack, given: CaptureGiven = NOTHING_GIVEN
) -> SwingSegmentation:
    """The swing of a track, its events with impact where the video shows the ball leave, and the camera's roll.

    Raises:
        SwingNotFound: as `events.find_swing`.
        VideoRefused: the video does not decode.
    """
    segmentation = _at_the_ball(path, facts, track, given)
    roll = watch_roll(path, track, segmentation)
    if roll is None or not roll.is_sure:
        return segmentation
    capture = segmentation.capture.model_copy(update={"roll_deg": roll.degrees})
    rolled = segmentation.model_copy(update={"capture": capture})
    judged = capture.model_copy(update={"issues": judge_quality(track, rolled)})
    return rolled.model_copy(update={"capture": judged})


def _at_the_ball(path: Path, facts: VideoFacts, track: LandmarkTrack, given: CaptureGiven) -> SwingSegmentation:
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
