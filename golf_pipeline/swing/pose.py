"""The golfer's pose over a whole video: one decode, one pass of the landmarker, one track.

Here: which frames are looked at, at what size, and how decoding and inference overlap. The landmarker itself, and who
is followed among several people, is `landmarker.py`; which file it uses is `pose_model.py`.
"""

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from math import ceil
from pathlib import Path

import numpy as np

from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.errors import ErrorCode, SwingNotFound
from golf_pipeline.swing.landmarker import CHANNELS, Body, BodyFollower
from golf_pipeline.swing.landmarks import LANDMARKS, LandmarkTrack
from golf_pipeline.swing.pose_model import model_label
from golf_pipeline.swing.video import CutDetector, Frame, read_frames

ALGORITHM_VERSION = "1"

# Longer side of the pictures that the landmarker sees, in pixels. The network itself sees 256x256 of the golfer's
# surroundings, so that a golfer who fills a quarter of the height still arrives at full resolution; a frame scaled to
# 540 wide lands within 0.8 pixel of the full one (DESIGN.md), and 960 is that for the usual 9:16.
LONGER_SIDE_PX = 960
# Looks per second of recording. Real-time clips have 30 to 60; slow motion at 120 or 240 still gets 60 a second.
MOST_LOOKS_PER_S = 60.0
# Rates are nominal: 59.94 and 60.02 are both "60".
RATE_TOLERANCE = 0.05
# Seconds with a body in view below which there can be no swing: address to impact takes 0.8 s and more in 95 % of
# GolfDB, slow motion only lengthens it, and no event sequence can be placed on half of it.
LEAST_GOLFER_S = 0.4
# Decoded pictures that wait for the landmarker: enough to ride out a slow frame, 12 MB at most.
_DECODE_AHEAD = 8


def track_pose(
    path: Path,
    facts: VideoFacts,
    model: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> LandmarkTrack:
    """Landmarks of the golfer in every frame looked at, with the scene cuts, in one pass over the video.

    Args:
        path: the video.
        facts: what `probe_video` said about it.
        model: a file from `find_pose_model`.
        on_progress: called with (frames done, frames in all) after each frame.

    Raises:
        SwingNotFound: NO_GOLFER, nobody is in view for long enough.
        VideoRefused: the video stops decoding half-way.
    """
    stride = frame_stride(facts.fps)
    expected = ceil(facts.frame_count / stride)
    numbers: list[int] = []
    times: list[float] = []
    bodies: list[Body] = []
    nobody = np.full((len(LANDMARKS), CHANNELS), np.nan, np.float32)
    cuts = CutDetector()
    with BodyFollower(model) as follower, closing(_decoded_ahead(path, stride)) as frames:
        for frame in frames:
            if cuts.add(frame):
                follower.new_scene()
            body = follower.look(frame.image)
            numbers.append(frame.number)
            times.append(frame.time_s)
            bodies.append(nobody if body is None else body)
            if on_progress is not None:
                on_progress(len(numbers), max(expected, len(numbers)))
    channels = np.stack(bodies) if bodies else np.empty((0, *nobody.shape), np.float32)
    track = LandmarkTrack(
        frame=np.array(numbers, np.int64),
        time_s=np.array(times, np.float64),
        xyz=channels[:, :, :3].copy(),
        visibility=channels[:, :, 3].copy(),
        world=channels[:, :, 4:].copy(),
        width=facts.width,
        height=facts.height,
        cuts=cuts.cuts,
        model=model_label(model),
    )
    _require_golfer(track, facts)
    return track


def frame_stride(fps: float) -> int:
    """Every how many frames the pose is looked at, so that at most `MOST_LOOKS_PER_S` are.

    A whole number keeps the looks evenly spaced: later stages filter and differentiate.
    """
    return max(1, ceil(fps / MOST_LOOKS_PER_S - RATE_TOLERANCE))


def _require_golfer(track: LandmarkTrack, facts: VideoFacts) -> None:
    seen_s = track.coverage * facts.duration_s
    if seen_s < LEAST_GOLFER_S:
        raise SwingNotFound(
            ErrorCode.NO_GOLFER,
            "We could not see a golfer in this video. Please film the whole body, from head to feet, in good light.",
            detail=f"a body in {track.coverage:.0%} of {len(track)} frames, {seen_s:.2f} s",
        )


def _decoded_ahead(path: Path, stride: int) -> Generator[Frame]:
    """Frames decoded by a thread of their own: decoder and landmarker both leave Python's lock and use a core each."""
    waiting: queue.Queue[Frame | BaseException | None] = queue.Queue(_DECODE_AHEAD)
    stop = threading.Event()

    def put(item: Frame | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def decode() -> None:
        try:
            with closing(read_frames(path, max_side_px=LONGER_SIDE_PX, every=stride)) as frames:
                for frame in frames:
                    if not put(frame):
                        return
            put(None)
        except BaseException as error:  # handed over: the caller's thread raises it
            put(error)

    thread = threading.Thread(target=decode, name="decode-ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
