"""Whole clips of the synthetic golfer: an H.264 video, its impact sound, and its truth beside it.

`make_samples` renders the clips that the package carries: for the demo, for tests, and for whoever wants to see what
the analysis is measured against.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic import motion
from golf_pipeline.synthetic.body import Points
from golf_pipeline.synthetic.camera import DOWN_THE_LINE_AZIMUTH_DEG, FACE_ON_AZIMUTH_DEG, Camera
from golf_pipeline.synthetic.events import event_times
from golf_pipeline.synthetic.figure import build_figure
from golf_pipeline.synthetic.truth import METRE_DECIMALS, PIXEL_DECIMALS, TrueEvent, TrueJoint, Truth

SAMPLES = Path(__file__).parent / "samples"

BALL_FROM_CLUB_HEAD = np.array([0.045, -0.01, 0.02])
"""The ball in front of the face of the club at impact, metres."""

BALL_SPEED = np.array([55.0, 14.0, 0.0])
"""Metres per second after impact: an iron's, so that it leaves the picture within two frames."""

SPEED_OF_SOUND = 343.0
SAMPLE_RATE = 44_100
STRIKE_S = 0.004
VIEW_TOLERANCE_DEG = 15.0

Progress = Callable[[str, int, int], None]
Side = Literal["right", "left"]


@dataclass(frozen=True)
class ClipSpec:
    """One clip to render.

    Attributes:
        azimuth_deg: the camera's place around the golfer, as `Camera` has it, for the golfer of this handedness.
        start_s, end_s: the part of the motion that is filmed, in seconds from the takeaway; a part without the swing is
            a golfer who only stands there.
        sound: with a sound track that holds the strike; real time only.
        slow_motion_factor: 4 plays one second of the swing in four seconds of the file.
    """

    name: str
    azimuth_deg: float = FACE_ON_AZIMUTH_DEG
    handedness: Side = "right"
    width: int = 384
    height: int = 640
    fps: int = 30
    start_s: float = -1.0
    end_s: float = 2.6
    sound: bool = True
    slow_motion_factor: float = 1.0

    def __post_init__(self) -> None:
        if self.sound and self.slow_motion_factor != 1.0:
            raise ValueError("a slow-motion clip has no sound that means anything: sound=False")

    @property
    def frame_count(self) -> int:
        return round((self.end_s - self.start_s) * self.slow_motion_factor * self.fps)

    @cached_property
    def times_s(self) -> NDArray[np.float64]:
        """(n,) of the frames, in seconds from the takeaway."""
        return self.start_s + np.arange(self.frame_count) / (self.fps * self.slow_motion_factor)

    @cached_property
    def camera(self) -> Camera:
        """The camera that films the right-hander whose mirror image this clip's golfer is, or the right-hander."""
        camera = Camera(self.azimuth_deg, self.width, self.height)
        return camera if self.handedness == "right" else camera.mirrored()


SAMPLE_SPECS = (
    ClipSpec("face_on_right"),
    ClipSpec("down_the_line_right", azimuth_deg=DOWN_THE_LINE_AZIMUTH_DEG),
    ClipSpec("face_on_left", handedness="left"),
    ClipSpec("no_swing", start_s=-3.0, end_s=-1.0, sound=False),
)


def make_samples(folder: Path, on_progress: Progress | None = None) -> tuple[Path, ...]:
    """Render the package's own samples into a folder and return the videos."""
    return tuple(render_clip(spec, folder, on_progress) for spec in SAMPLE_SPECS)


def render_clip(spec: ClipSpec, folder: Path, on_progress: Progress | None = None) -> Path:
    """Render one clip and its truth into a folder; returns the video `<name>.mp4`.

    Raises:
        ImportError: numba, which draws the pictures, is not installed (`pip install golf_pipeline[synthetic]`).
        OSError: the folder cannot be written.
    """
    import av

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.name}.mp4"
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=spec.fps, options={"crf": "20", "preset": "slow"})
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        sound = container.add_stream("aac", rate=SAMPLE_RATE) if spec.sound else None
        for number, picture in enumerate(_pictures(spec)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, spec.fps)
            container.mux(stream.encode(frame))
            if on_progress is not None:
                on_progress(spec.name, number + 1, spec.frame_count)
        container.mux(stream.encode(None))
        if sound is not None:
            heard = av.AudioFrame.from_ndarray(_sound(spec)[None, :], format="fltp", layout="mono")
            heard.sample_rate, heard.pts = SAMPLE_RATE, 0
            container.mux(sound.encode(heard))
            container.mux(sound.encode(None))
    truth_of(spec).write(folder / f"{spec.name}.truth.json")
    return path


def truth_of(spec: ClipSpec) -> Truth:
    """The truth of a clip; computed, nothing is rendered."""
    joints, _ = motion.pose(spec.times_s)
    events = {
        name: _true_event((time_s - spec.start_s) * spec.slow_motion_factor, spec.fps)
        for name, time_s in event_times().items()
        if spec.start_s <= time_s <= spec.times_s[-1]
    }
    return Truth(
        width=spec.width,
        height=spec.height,
        fps=spec.fps,
        frame_count=spec.frame_count,
        view=_view(spec.azimuth_deg),
        azimuth_deg=spec.azimuth_deg,
        handedness=spec.handedness,
        slow_motion_factor=spec.slow_motion_factor,
        impact_sound_s=round(_strike_s(spec), 4) if spec.sound and "impact" in events else None,
        events=events,
        joints={_joint_name(name, spec.handedness): _true_joint(spec, points) for name, points in joints.items()},
    )


def _true_event(time_s: float, fps: int) -> TrueEvent:
    return TrueEvent(time_s=round(time_s, 4), exact_frame=round(time_s * fps, 3), frame=round(time_s * fps))


def _pictures(spec: ClipSpec) -> Iterator[NDArray[np.uint8]]:
    from golf_pipeline.synthetic.render import Renderer

    renderer = Renderer(spec.camera)
    joints, frames = motion.pose(spec.times_s)
    axes = {field.name: getattr(frames, field.name) for field in dataclasses.fields(frames)}
    for number, time_s in enumerate(spec.times_s):
        figure = build_figure(
            {name: points[number] for name, points in joints.items()},
            {name: vectors[number] for name, vectors in axes.items()},
            _ball(float(time_s)),
        )
        picture = renderer.draw(figure)
        yield picture if spec.handedness == "right" else np.ascontiguousarray(picture[:, ::-1])


def _ball(time_s: float) -> Points:
    struck = motion.pose(np.array([motion.IMPACT]))[0]["club_head"][0] + BALL_FROM_CLUB_HEAD
    struck[1] = 0.0214
    return np.asarray(struck + BALL_SPEED * max(0.0, time_s - motion.IMPACT))


def _true_joint(spec: ClipSpec, points: Points) -> TrueJoint:
    pixels, metres = spec.camera.project(points), points
    if spec.handedness == "left":
        pixels, metres = pixels * (-1, 1) + (spec.width, 0), metres * (-1, 1, 1)
    return TrueJoint(
        pixels=tuple((x, y) for x, y in pixels.round(PIXEL_DECIMALS).tolist()),
        metres=tuple((x, y, z) for x, y, z in metres.round(METRE_DECIMALS).tolist()),
    )


def _joint_name(name: str, handedness: Side) -> str:
    lead, trail = ("left", "right") if handedness == "right" else ("right", "left")
    for side, anatomical in (("lead_", lead), ("trail_", trail)):
        if name.startswith(side):
            part = name.removeprefix(side)
            return f"mouth_{anatomical}" if part == "mouth" else f"{anatomical}_{part}"
    return name


def _view(azimuth_deg: float) -> Literal["face-on", "down-the-line", "oblique"]:
    if abs(azimuth_deg - FACE_ON_AZIMUTH_DEG) <= VIEW_TOLERANCE_DEG:
        return "face-on"
    # The side that a left-hander is filmed from down the line is the mirror image.
    if abs(abs(azimuth_deg) - abs(DOWN_THE_LINE_AZIMUTH_DEG)) <= VIEW_TOLERANCE_DEG:
        return "down-the-line"
    return "oblique"


def _strike_s(spec: ClipSpec) -> float:
    """When the strike reaches the camera, in seconds of the clip."""
    return motion.IMPACT - spec.start_s + spec.camera.distance_m / SPEED_OF_SOUND


def _sound(spec: ClipSpec) -> NDArray[np.float32]:
    """(n,) mono: the hiss of a quiet range and, where the clip holds it, a strike of a few milliseconds."""
    noise = np.random.default_rng(1)
    samples = noise.normal(0, 0.002, round(spec.frame_count / spec.fps * SAMPLE_RATE))
    first = round(_strike_s(spec) * SAMPLE_RATE)
    length = round(STRIKE_S * SAMPLE_RATE)
    if 0 <= first < len(samples) - length:
        fading = np.exp(-np.arange(length) / (length / 4))
        samples[first : first + length] += 0.6 * fading * noise.normal(0, 1, length)
    return np.clip(samples, -1, 1).astype(np.float32)
