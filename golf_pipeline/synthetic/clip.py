"""Whole clips of the synthetic golfer: an H.264 video, its impact sound, and its truth beside it.

`make_samples` renders the clips that the package carries: for the demo, for tests, and for whoever wants to see what
the analysis is measured against. What a clip can show is in `spec.py`; the set that measures is in `suite.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.camera import DOWN_THE_LINE_AZIMUTH_DEG
from golf_pipeline.synthetic.exact import truth_of
from golf_pipeline.synthetic.render import FrameJob, draw_frame
from golf_pipeline.synthetic.scene import exposures, performance_of
from golf_pipeline.synthetic.soundtrack import SAMPLE_RATE, soundtrack
from golf_pipeline.synthetic.spec import Bystander, ClipSpec, Side

__all__ = ["SAMPLES", "SAMPLE_SPECS", "Bystander", "ClipSpec", "Side", "make_samples", "render_clip", "truth_of"]

SAMPLES = Path(__file__).parent / "samples"

Progress = Callable[[str, int, int], None]
Picture = NDArray[np.uint8]
DrawAll = Callable[[Callable[[FrameJob], Picture], Iterable[FrameJob]], Iterable[Picture]]
"""`map`, or the `imap` of a pool of processes."""

SAMPLE_SPECS = (
    ClipSpec("face_on_right"),
    ClipSpec("down_the_line_right", azimuth_deg=DOWN_THE_LINE_AZIMUTH_DEG),
    ClipSpec("face_on_left", handedness="left"),
    ClipSpec("no_swing", start_s=-3.0, end_s=-1.0, sound=False),
)


def make_samples(folder: Path, on_progress: Progress | None = None) -> tuple[Path, ...]:
    """Render the package's own samples into a folder and return the videos."""
    return tuple(render_clip(spec, folder, on_progress) for spec in SAMPLE_SPECS)


def render_clip(
    spec: ClipSpec,
    folder: Path,
    on_progress: Progress | None = None,
    *,
    capture: Path | None = None,
    draw_all: DrawAll = map,
) -> Path:
    """Render one clip and its truth into a folder; returns the video `<name>.mp4`.

    Args:
        capture: the folder of the motion capture, for clips that show it.
        draw_all: who draws the frames.

    Raises:
        ImportError: numba, which draws the pictures, is not installed (`pip install golf_pipeline[synthetic]`).
        OSError: the folder cannot be written.
        ValueError: the clip shows a captured swing and no folder is given.
    """
    import av

    truth = truth_of(spec, capture)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.name}.mp4"
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=spec.fps, options={"crf": "20", "preset": "slow"})
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        sound = container.add_stream("aac", rate=SAMPLE_RATE) if spec.sound else None
        for number, picture in enumerate(draw_all(draw_frame, _jobs(spec, capture))):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, spec.fps)
            container.mux(stream.encode(frame))
            if on_progress is not None:
                on_progress(spec.name, number + 1, spec.clip_frame_count)
        container.mux(stream.encode(None))
        if sound is not None:
            heard = av.AudioFrame.from_ndarray(soundtrack(spec, capture)[None, :], format="fltp", layout="mono")
            heard.sample_rate, heard.pts = SAMPLE_RATE, 0
            container.mux(sound.encode(heard))
            container.mux(sound.encode(None))
    truth.write(folder / f"{spec.name}.truth.json")
    return path


def _jobs(spec: ClipSpec, capture: Path | None) -> Iterator[FrameJob]:
    for scene in spec.scenes:
        for figures in exposures(scene, performance_of(scene, capture)):
            yield FrameJob(scene.camera, figures, mirrored=scene.handedness == "left")
