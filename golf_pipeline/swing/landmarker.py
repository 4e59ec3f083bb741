"""MediaPipe's pose landmarker behind one door: find the golfer in a scene, then follow that one body.

Here: everything that imports MediaPipe, its quirks and its noise. Not here: which frames are looked at (`pose.py`), and
whether whoever is followed swings (`people.py`).

Two of its modes are combined. IMAGE mode looks for several bodies and is used while nobody is followed: the golfer is
chosen there. VIDEO mode then follows one body, region by region, without looking for others.

Why VIDEO mode for the long part, measured on six labelled clips: a frame costs 55 % of IMAGE mode's (19 against 34 ms)
and the wrists jitter a third less. IMAGE mode guesses the region anew in each frame: it moves the hips of a standing
golfer by 0.2 torso lengths on a broadcast clip, and takes the other body 33 times in 385 frames of a two-view clip.
Impact read off the wrists alone is as good in real time (0.24 against 0.20 frame off); in slow motion it is up to 1.4
of the many frames earlier. Its price is a causal smoothing filter, see `FILTER_STEP_MS`.
"""

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.landmarks import INDEX, LANDMARKS

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import PoseLandmarker

# VIDEO mode smooths with a One Euro filter whose strength depends on the time between frames: with the true times the
# wrists lag IMAGE mode's by 0.15 frame on average and 0.25 at worst (six labelled clips), and a clip saved as slow
# motion is smoothed differently from the same swing in real time. Telling it that a second lies between frames leaves
# 0.09 and 0.20, and wrists that still jitter a third less than IMAGE mode's. Later stages filter with zero phase: they
# can smooth more, but could not undo a lag.
FILTER_STEP_MS = 1000
# Most bodies looked at when the golfer is chosen: a golfer, a coach, and whoever stands on the next mat.
MOST_BODIES = 4
# MediaPipe's own defaults; a golfer seen from behind in poor light still passes 0.5.
MIN_CONFIDENCE = 0.5
# Looks at the first picture of a scene. The first look uses the region that the detector guessed, each later one the
# region of the body that the look before it found: on two broadcast clips the hips start 0.15 torso lengths off and are
# there at the fourth look; elsewhere nothing changes.
SETTLING_LOOKS = 4
# Torso lengths that a mid-hip may move between two frames. A torso is half a metre, so that this is 15 m/s at 30 frames
# per second: no golfer does it, a tracker that lands on somebody else does.
MOST_HIP_STEP = 1.0
# The same for a jump in time after which the follower goes on: its region is larger than a body and still holds him.
NEAREST_HIP_STEP = 0.3
# Torso lengths (of the larger one) between the mid-hips of two people; nearer than that it is one, seen twice.
LEAST_APART = 0.5
# Room around the golfer's landmarks when others are painted over, as a share of the body's longer side: the landmarks
# end at wrists and ankles, the body at the hands, the shoes and the top of the head.
ROOM_AROUND_BODY = 0.25
# The same around somebody who is painted over himself: what is left of him is no body, and a neighbour stays whole.
ROOM_PAINTED_OVER = 0.1

_SHOULDERS = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
_HIPS = [INDEX["left_hip"], INDEX["right_hip"]]
CHANNELS = 7  # x, y, z, visibility, then world x, y, z

Body = NDArray[np.float32]  # (33, CHANNELS), x and y in 0..1 of the image


class BodyFollower:
    """Finds the golfer at the start of a scene and follows that body. A context manager: it owns native memory."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._searcher: PoseLandmarker | None = None
        self._follower: PoseLandmarker | None = None
        self._pictures_followed = 0
        self._last: Body | None = None
        self._is_kept = False

    def __enter__(self) -> "BodyFollower":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_following()
        if self._searcher is not None:
            self._searcher.close()
            self._searcher = None

    def new_scene(self) -> None:
        """Forget who was followed: after a cut the same region of the picture shows something else."""
        self._stop_following()
        self._last, self._is_kept = None, False

    def keep_to(self, person: Body) -> None:
        """Follow this body, as seen in some picture of the scene, and nobody else until a new scene begins."""
        self._stop_following()
        self._last, self._is_kept = person, True

    def jump_to(self, image: NDArray[np.uint8], golfer: Body | None) -> Body | None:
        """Like `look` for a picture of another time; `golfer` is whom to follow, as last seen near that time."""
        stands_there = (
            golfer is not None
            and self._last is not None
            and _hip_step(self._last, golfer, image.shape[1] / image.shape[0]) <= NEAREST_HIP_STEP
        )
        if not stands_there:
            self._stop_following()
        self._last = golfer
        body = self.look(image)
        # A new search has settled already.
        for _ in range(SETTLING_LOOKS - 1 if stands_there else 0):
            body = self.look(image)
        return body

    def look(self, image: NDArray[np.uint8]) -> Body | None:
        """The golfer's landmarks in the next picture, (33, 7) float32; None where nobody is seen."""
        body = self._follow(image) if self._follower is not None else None
        if body is None:
            self._stop_following()
            body = self._search(image)
        if body is not None:
            self._last = body
        return body

    def everybody(self, image: NDArray[np.uint8], known: tuple[Body, ...] = ()) -> list[Body]:
        """All people in a picture, `known` first, up to `MOST_BODIES`; a search for each of them and one more.

        The detector drops a body whose surroundings overlap a surer one's: two people who stand a step apart are one to
        it. So whoever was found is painted over before the next search.
        """
        aspect = image.shape[1] / image.shape[0]
        found = _different([*known, *self._detect_all(image)], aspect)
        while 0 < len(found) < MOST_BODIES:
            more = _different([*found, *self._detect_all(painted_over(image, found))], aspect)
            if len(more) == len(found):
                break
            found = more
        return found[:MOST_BODIES]

    def _search(self, image: NDArray[np.uint8]) -> Body | None:
        aspect = image.shape[1] / image.shape[0]
        bodies = self.everybody(image) if self._is_kept else self._detect_all(image)
        if not bodies:
            return None
        chosen = choose_golfer(bodies, aspect, self._last)
        if self._is_kept and self._last is not None and _hip_step(self._last, chosen, aspect) > MOST_HIP_STEP:
            return None
        # The tracker picks its own body from the first picture that it sees, so that picture shows only the golfer.
        shown = image if len(bodies) == 1 else only_region(image, chosen)
        with quiet():
            self._follower = self._create(video=True, bodies=1)
            self._pictures_followed = 0
            seen = self._track(shown)
            for _ in range(SETTLING_LOOKS - 1):
                seen = None if seen is None else self._track(image)
        if seen is None or (self._is_kept and _hip_step(chosen, seen, aspect) > MOST_HIP_STEP):
            self._stop_following()
            return chosen
        return seen

    def _detect_all(self, image: NDArray[np.uint8]) -> list[Body]:
        with quiet():
            if self._searcher is None:
                self._searcher = self._create(video=False, bodies=MOST_BODIES)
            return _bodies(self._searcher.detect(_picture(image)))

    def _follow(self, image: NDArray[np.uint8]) -> Body | None:
        body = self._track(image)
        if body is None or self._last is None:
            return body
        return None if _hip_step(self._last, body, image.shape[1] / image.shape[0]) > MOST_HIP_STEP else body

    def _track(self, image: NDArray[np.uint8]) -> Body | None:
        assert self._follower is not None  # noqa: S101 - narrows the type for the checker
        result = self._follower.detect_for_video(_picture(image), self._pictures_followed * FILTER_STEP_MS)
        self._pictures_followed += 1
        bodies = _bodies(result)
        return bodies[0] if bodies else None

    def _stop_following(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def _create(self, *, video: bool, bodies: int) -> "PoseLandmarker":
        from mediapipe.tasks.python import BaseOptions, vision

        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(self._model)),
            running_mode=vision.RunningMode.VIDEO if video else vision.RunningMode.IMAGE,
            num_poses=bodies,
            min_pose_detection_confidence=MIN_CONFIDENCE,
            min_pose_presence_confidence=MIN_CONFIDENCE,
            min_tracking_confidence=MIN_CONFIDENCE,
        )
        return vision.PoseLandmarker.create_from_options(options)


def choose_golfer(bodies: list[Body], aspect: float, last: Body | None = None) -> Body:
    """The body to follow: the one that was followed if it is still there, else the largest, the nearer to the middle.

    Args:
        bodies: at least one body.
        aspect: width of the picture over its height.
        last: the body followed so far in this scene.
    """
    if last is not None:
        nearest = min(bodies, key=lambda body: _hip_step(last, body, aspect))
        if _hip_step(last, nearest, aspect) <= MOST_HIP_STEP:
            return nearest
    return max(bodies, key=prominence)


def prominence(body: Body) -> float:
    """How much a body looks like the one that is filmed: its share of the picture's height, halved at the edge."""
    height = float(np.ptp(body[:, 1]))
    off_centre = abs(float(body[_HIPS, 0].mean()) - 0.5)  # 0 in the middle, 0.5 at the edge
    return height * (1 - off_centre)


def apart(one: Body, other: Body, aspect: float) -> float:
    """Distance of two mid-hips in torso lengths of the larger body; the picture is `aspect` times as wide as high."""
    return min(_hip_step(one, other, aspect), _hip_step(other, one, aspect))


def only_region(image: NDArray[np.uint8], body: Body) -> NDArray[np.uint8]:
    """A copy of a picture in which everything but the surroundings of one body is mid-grey."""
    region = _surroundings(image, body, ROOM_AROUND_BODY)
    shown = np.full_like(image, 128)
    shown[region] = image[region]
    return shown


def painted_over(image: NDArray[np.uint8], bodies: list[Body]) -> NDArray[np.uint8]:
    """A copy of a picture in which some bodies are mid-grey."""
    shown = image.copy()
    for body in bodies:
        shown[_surroundings(image, body, ROOM_PAINTED_OVER)] = 128
    return shown


def _surroundings(image: NDArray[np.uint8], body: Body, share: float) -> tuple[slice, slice]:
    """The rows and columns of a picture around a body, with room on all sides: a share of the body's longer side."""
    height, width = image.shape[:2]
    x, y = body[:, 0] * width, body[:, 1] * height
    room = share * max(float(np.ptp(x)), float(np.ptp(y)))
    left, right = int(max(0, x.min() - room)), int(min(width, x.max() + room + 1))
    top, bottom = int(max(0, y.min() - room)), int(min(height, y.max() + room + 1))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def _different(bodies: list[Body], aspect: float) -> list[Body]:
    """The bodies in their order, without those that stand where an earlier one does."""
    kept: list[Body] = []
    for body in bodies:
        if all(apart(body, other, aspect) > LEAST_APART for other in kept):
            kept.append(body)
    return kept


def _hip_step(before: Body, after: Body, aspect: float) -> float:
    """Distance of two bodies' mid-hips in torso lengths of the first."""
    scale = np.array([aspect, 1.0])
    hips = before[_HIPS, :2].mean(axis=0) * scale
    torso = float(np.linalg.norm(before[_SHOULDERS, :2].mean(axis=0) * scale - hips))
    return float(np.linalg.norm(after[_HIPS, :2].mean(axis=0) * scale - hips)) / max(torso, 1e-6)


def _picture(image: NDArray[np.uint8]) -> Any:
    from mediapipe import Image, ImageFormat

    return Image(image_format=ImageFormat.SRGB, data=image)


def _bodies(result: Any) -> list[Body]:
    return [
        np.array(
            [
                (mark.x, mark.y, mark.z, mark.visibility, metres.x, metres.y, metres.z)
                for mark, metres in zip(marks, world, strict=True)
            ],
            np.float32,
        ).reshape(len(LANDMARKS), CHANNELS)
        for marks, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
    ]


# What MediaPipe's native code says on every start: the XNNPACK delegate, feedback tensors, a non-square region.
_CHATTER = re.compile(
    rb"^(INFO: Created TensorFlow Lite XNNPACK delegate|WARNING: Logging before InitGoogle\(\)|"
    rb"[IW]\d{4} [\d:.]+ +\d+ (inference_feedback_manager|landmark_projection_calculator|gl_context)\.cc:)"
)
_stderr_lock = threading.Lock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep MediaPipe's start-up chatter off stderr, and nothing else.

    MediaPipe 1.2 has no switch for it: its library logs to file descriptor 2 until an initialisation that it does not
    export, no environment variable is read before that (GLOG_minloglevel, GOOGLE_STDERRTHRESHOLD, ABSL_MIN_LOG_LEVEL
    and TF_CPP_MIN_LOG_LEVEL were tried), and `MpSetLoggingCallback` adds a listener without removing stderr. So the
    descriptor points to a file while a landmarker starts. Other threads may write meanwhile: all that is not known
    chatter, errors of MediaPipe included, is written to stderr afterwards.
    """
    with _stderr_lock, tempfile.TemporaryFile() as aside:
        _flush_stderr()
        try:
            real = os.dup(2)
        except OSError:  # a service without a stderr: nothing to keep clean
            yield
            return
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            _flush_stderr()
            os.dup2(real, 2)
            aside.seek(0)
            for line in aside:
                if not _CHATTER.match(line):
                    os.write(real, line)
            os.close(real)


def _flush_stderr() -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # None, closed, or a replacement without a flush
        sys.stderr.flush()
