"""What an analysis costs, against MediaPipe's landmarker run on every frame of the same video.

A ratio and not seconds: both are measured in turns in one process on one machine, so that neither a slow machine nor
one that does something else as well decides the answer.
"""

import contextlib
import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from golf_pipeline.swing.analysis import StageTimes, analyze_swing
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.landmarker import quiet
from golf_pipeline.swing.pose import LONGER_SIDE_PX
from golf_pipeline.swing.pose_model import find_pose_model, model_label
from golf_pipeline.swing.video import probe_video, read_frames

PAIRS = 2
"""Turns of bare and analysis. The medians of two are their means; more cost a user's patience."""


@dataclass(frozen=True)
class PoseCost:
    """The cost of one video; seconds are medians over the turns.

    Attributes:
        looks: frames whose pose the analysis asked for; those that repeat a picture are among them and cost nothing.
        bare_s: decoding every frame and MediaPipe's VIDEO mode on each.
        floor_s: of that, the landmarker alone.
        analysis_s: the whole analysis without pictures.
        ratio: analysis_s / bare_s.
        stages_s: of the analysis, by stage.
        peak_rss_mb: of the process, both included.
        refusal: the code with which the analysis refused the video; None where it found a swing.
        pairs: turns of each.
    """

    video: str
    frames: int
    fps: float
    width: int
    height: int
    looks: int
    bare_s: float
    floor_s: float
    analysis_s: float
    ratio: float
    stages_s: dict[str, float]
    peak_rss_mb: float
    model: str
    cpus: int
    refusal: str | None
    pairs: int


def run(video: Path, *, as_json: bool) -> None:
    """Measure the cost of a video and print it as a table or as one JSON document.

    Raises:
        VideoRefused: the file is no usable video: there is nothing to compare with.
        PoseModelError: the pose model is missing or wrong.
    """
    cost = measure(video)
    sys.stdout.write(json.dumps(asdict(cost), indent=2) + "\n" if as_json else as_text(cost))


def measure(video: Path, pairs: int = PAIRS) -> PoseCost:
    """Run bare landmarker and analysis in turns.

    Raises:
        VideoRefused, PoseModelError: as `run`.
    """
    if pairs < 1:
        raise ValueError("at least one pair is needed")
    facts, model = probe_video(video), find_pose_model()
    bare: list[tuple[float, float]] = []
    ours: list[tuple[float, StageTimes]] = []
    analysis: SwingAnalysis | None = None
    looks = 0

    def count(stage: str, done: int, _: int) -> None:
        nonlocal looks
        if stage == "pose":
            looks = max(looks, done)

    for _ in range(pairs):
        bare.append(_run_bare(video, model))
        times = StageTimes()
        started = time.perf_counter()
        analysis = analyze_swing(video, pose_model=model, on_progress=count, times=times)
        ours.append((time.perf_counter() - started, times))
    bare_s, analysis_s = median(total for total, _ in bare), median(total for total, _ in ours)
    stages = {stage: round(median(times.seconds[stage] for _, times in ours), 4) for stage in ours[0][1].seconds}
    return PoseCost(
        video=video.name,
        frames=facts.frame_count,
        fps=round(facts.fps, 3),
        width=facts.width,
        height=facts.height,
        looks=looks,
        bare_s=round(bare_s, 3),
        floor_s=round(median(alone for _, alone in bare), 3),
        analysis_s=round(analysis_s, 3),
        ratio=round(analysis_s / bare_s, 3),
        stages_s=stages,
        peak_rss_mb=round(_peak_rss_mb(), 1),
        model=model_label(model),
        cpus=os.cpu_count() or 1,
        refusal=analysis.refusal.code if analysis is not None and analysis.refusal else None,
        pairs=pairs,
    )


def _run_bare(video: Path, model: Path) -> tuple[float, float]:
    """Seconds of decoding and landmarker on every frame, and of the landmarker alone."""
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        running_mode=vision.RunningMode.VIDEO,
        num_poses=1,
    )
    started, alone_s, last_ms = time.perf_counter(), 0.0, -1
    with contextlib.ExitStack() as stack:
        with quiet():
            landmarker = stack.enter_context(vision.PoseLandmarker.create_from_options(options))
        for frame in read_frames(video, max_side_px=LONGER_SIDE_PX):
            last_ms = max(last_ms + 1, round(1000 * frame.time_s))  # MediaPipe refuses times that do not rise
            picture = Image(image_format=ImageFormat.SRGB, data=frame.image)
            with quiet() if frame.number == 0 else contextlib.nullcontext():
                before = time.perf_counter()
                landmarker.detect_for_video(picture, last_ms)
                alone_s += time.perf_counter() - before
    return time.perf_counter() - started, alone_s


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def as_text(cost: PoseCost) -> str:
    """The cost for a reader: what it was measured on, and a line a figure."""
    looked = f"{cost.looks} of {cost.frames} frames ({cost.looks / cost.frames:.0%})"
    bare = f"{cost.bare_s:.2f} s (landmarker alone {cost.floor_s:.2f} s: {_ms(cost.floor_s, cost)} a frame)"
    lines = [
        f"{cost.video}: {cost.frames} frames, {cost.fps:g} per second, {cost.width}x{cost.height}",
        f"{cost.cpus} CPUs, model {cost.model}, medians of {cost.pairs} pairs",
        "",
        f"bare landmarker, every frame   {bare}",
        f"analysis                       {cost.analysis_s:.2f} s",
        *(f"  {stage:<28} {seconds:.2f} s" for stage, seconds in cost.stages_s.items()),
        f"looked at                      {looked}",
        f"analysis / bare                {cost.ratio:.2f}",
        f"peak memory                    {cost.peak_rss_mb:.0f} MB",
    ]
    if cost.refusal:
        lines.append(f"refused                        {cost.refusal}")
    return "\n".join(lines) + "\n"


def _ms(seconds: float, cost: PoseCost) -> str:
    return f"{1000 * seconds / cost.frames:.1f} ms"
