"""What every metric is worth: `golf-pipeline benchmark metrics [FOLDER] [--videos DIR]`.

On rendered clips each reading of the analysis, as an upload would get it, is compared with what is true of the body in
space (`metrics_truth.py`): with the events that the analysis found, and once more on the same landmarks with the true
events, which leaves the pose's share of the error alone. On real videos, where nobody knows the truth, each is analysed
as it is and mirrored (which encodes it anew): what then differs is a floor of the error, never the error.

Errors are estimate minus truth. How it is printed is in `metrics_tables.py`.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from golf_pipeline.benchmarks.metrics_truth import true_metrics
from golf_pipeline.benchmarks.mirror import mirror_video
from golf_pipeline.benchmarks.synthetic import analysed_swing, clips_of, video_of
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.analysis import ALGORITHM_VERSIONS, KEYPOINTS_FILE, analyze_swing
from golf_pipeline.swing.documents import EventName, Handedness, Metric, SwingAnalysis, SwingSegmentation, Trust, View
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline.swing.pose_model import model_label
from golf_pipeline.synthetic.clip import SAMPLES
from golf_pipeline.synthetic.truth import TrueSwing, Truth
from golf_pipeline.training.golfdb import BenchmarkDataError

REACH = {"deg": 3.0, "torso lengths": 0.03, "stance widths": 0.03, "shoulder widths": 0.03}
"""Median error up to which a metric may be called measured; ratios and seconds are judged by their noise alone."""

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v"})
SAMPLES_NOTE = (
    "the package's own samples: one motion of one body, three clips with a swing, so that a spread means little. "
    "`golf-pipeline synthetic FOLDER --suite` renders 23 clips to measure on, with --mocap 30."
)

SIGMA_OF_MAD = 1.4826
"""Standard deviations in a median absolute deviation, if the errors are normal."""

Key = tuple[str, str]
"""Metric id, and its phase or "swing"."""

Progress = Callable[[str, int, int], None]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Errors(_Document):
    """Errors of one reading over clips, in its unit."""

    n: int
    bias: float = Field(description="median of estimate minus truth")
    spread: float = Field(
        description="median absolute deviation from the bias times 1.4826: one sigma of normal errors"
    )
    median: float = Field(description="median size")
    worst: float
    within: float | None = Field(description="share within the reach of its unit; None: the unit has none")


class ReadingAccuracy(_Document):
    """One metric at one phase, over the rendered clips of one view.

    Attributes:
        valid: whether the metric's definition names the view.
        truths: clips in which it has a true value; unavailable: of those, clips in which the analysis gave none.
        trust: trust level -> readings.
        found: all readings, with the events that were found; measured: those of trust `measured`.
        true_events: the same landmarks read at the true events, in the true view, with the true hand.
        bias_by_motion: bias of `found` by whose motion it was, the project's own or a captured golfer's.
    """

    metric: str
    phase: str
    view: str
    valid: bool
    unit: str
    truths: int
    unavailable: int
    trust: dict[str, int]
    found: Errors | None
    measured: Errors | None
    true_events: Errors | None
    bias_by_motion: dict[str, float]

    @property
    def misses_reach(self) -> bool:
        """Whether readings of trust `measured` in a valid view are off by more than the reach in the median."""
        limit = REACH.get(self.unit)
        return self.valid and limit is not None and self.measured is not None and self.measured.median > limit


class Repeatability(_Document):
    """One reading on real videos: as it is against mirrored, both divided by the root of two; a floor of the error."""

    metric: str
    phase: str
    view: str
    unit: str
    n: int
    median: float = Field(description="median size of the difference over the root of two")
    worst: float = Field(description="largest size of the difference over the root of two")


class MetricsBenchmark(_Document):
    """What it ran on, and every reading.

    Attributes:
        clips: rendered clips whose swing was analysed; left_out: clip -> why it was not.
        videos: real videos analysed twice; videos_left_out: video -> why it was not compared.
    """

    clips_folder: str
    note: str = Field("", description="what to know about the clips")
    clips: tuple[str, ...]
    left_out: dict[str, str]
    frames: int
    motions: dict[str, int] = Field(description="whose motion -> clips: clips of one motion are not independent")
    pose_model: str
    algorithm_versions: dict[str, str]
    readings: tuple[ReadingAccuracy, ...]
    videos: tuple[str, ...] = ()
    videos_left_out: dict[str, str] = {}
    repeatability: tuple[Repeatability, ...] = ()


class ScoredClip(BaseModel):
    """One clip's true values and readings, before anything is summed up."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    name: str
    frames: int
    view: str
    motion: str
    truth: dict[Key, float]
    found: dict[Key, Metric]
    true_events: dict[Key, Metric]


def score_metrics(folder: Path | None, videos: Path | None, model: Path, on_progress: Progress) -> MetricsBenchmark:
    """Analyse the rendered clips of a folder, and real videos twice; sum up every reading.

    Without a folder it is the package's own samples, and the result says so.

    Raises:
        BenchmarkDataError: a folder holds nothing to analyse, or a truth without its clip.
        PoseModelError: the pose model is wrong.
    """
    try:
        truths = clips_of(folder or SAMPLES)
    except ValueError as error:
        raise BenchmarkDataError(str(error)) from error
    real = [] if videos is None else _videos_of(videos)
    scored: list[ScoredClip] = []
    left_out: dict[str, str] = {}
    for number, path in enumerate(truths):
        clip = _score_file(path, model)
        if isinstance(clip, ScoredClip):
            scored.append(clip)
        else:
            left_out[video_of(path).stem] = clip
        on_progress("clips", number + 1, len(truths))
    repeated, videos_left_out = _repeat(real, model, on_progress)
    return MetricsBenchmark(
        clips_folder=(folder or SAMPLES).name,
        note="" if folder else SAMPLES_NOTE,
        clips=tuple(clip.name for clip in scored),
        left_out=left_out,
        frames=sum(clip.frames for clip in scored),
        motions=dict(Counter(clip.motion for clip in scored)),
        pose_model=model_label(model),
        algorithm_versions=ALGORITHM_VERSIONS,
        readings=tuple(accuracies(scored)),
        videos=tuple(repeated),
        videos_left_out=videos_left_out,
        repeatability=tuple(repeatabilities(list(repeated.values()))),
    )


def _score_file(truth_path: Path, model: Path) -> ScoredClip | str:
    """A clip's readings, or why there are none."""
    video, truth = video_of(truth_path), Truth.read(truth_path)
    with tempfile.TemporaryDirectory() as folder:
        analysis = analyze_swing(video, Path(folder), pose_model=model)
        if analysis.refusal is not None:
            return f"refused: {analysis.refusal.code}"
        track = LandmarkTrack.read_parquet(Path(folder) / KEYPOINTS_FILE)
    return score_clip(video.stem, truth, analysis, track)


def score_clip(name: str, truth: Truth, analysis: SwingAnalysis, track: LandmarkTrack) -> ScoredClip | str:
    """Readings and true values of one analysis; where it analysed no swing of the truth, that in words."""
    swing = analysed_swing(truth, analysis)
    if swing is None or analysis.capture is None:
        return "analysed something else than a complete swing of the truth"
    scene = truth.scenes[swing.scene]
    return ScoredClip(
        name=name,
        frames=truth.frame_count,
        view=scene.view,
        motion=scene.motion,
        truth=true_metrics(truth, swing),
        found=_by_key(analysis.metrics),
        true_events=_by_key(measure_swing(track, truly_segmented(truth, swing, analysis))),
    )


def truly_segmented(truth: Truth, swing: TrueSwing, analysis: SwingAnalysis) -> SwingSegmentation:
    """What was found, with the true events, view and hand; an event that the clip does not show stays as found."""
    scene = truth.scenes[swing.scene]
    if analysis.capture is None:
        raise ValueError("a refused clip has no segmentation")
    capture = analysis.capture.model_copy(update={"view": View(scene.view), "handedness": Handedness(scene.handedness)})
    events = tuple(
        event.model_copy(update=swing.events[event.event].model_dump()) if event.event in swing.events else event
        for event in analysis.events
    )
    return SwingSegmentation(capture=capture, events=events, candidates=analysis.candidates)


def _by_key(metrics: tuple[Metric, ...]) -> dict[Key, Metric]:
    return {(one.id, one.phase.value if one.phase else "swing"): one for one in metrics}


def accuracies(clips: list[ScoredClip]) -> Iterator[ReadingAccuracy]:
    """Every reading of the knowledge base by view, in its order; views without a true value are left out."""
    for metric in knowledge.load().metrics.values():
        for reading in metric.readings:
            key = (metric.id, str(reading.phase))
            for view in View:
                shown = [clip for clip in clips if clip.view == view and key in clip.truth]
                if shown:
                    yield _accuracy(key, metric.unit, view, view in metric.views, shown)


def _accuracy(key: Key, unit: str, view: View, valid: bool, clips: list[ScoredClip]) -> ReadingAccuracy:
    read = [clip for clip in clips if clip.found[key].value is not None]
    measured = [clip for clip in read if clip.found[key].trust == Trust.MEASURED]
    by_motion: dict[str, list[float]] = defaultdict(list)
    for clip, error in zip(read, _errors(key, read), strict=True):
        by_motion[clip.motion].append(error)
    truly = [value - clip.truth[key] for clip in clips if (value := clip.true_events[key].value) is not None]
    return ReadingAccuracy(
        metric=key[0],
        phase=key[1],
        view=view,
        valid=valid,
        unit=unit,
        truths=len(clips),
        unavailable=len(clips) - len(read),
        trust=dict(Counter(clip.found[key].trust.value for clip in read)),
        found=summarise_errors(_errors(key, read), unit),
        measured=summarise_errors(_errors(key, measured), unit),
        true_events=summarise_errors(truly, unit),
        bias_by_motion={motion: _round(np.median(errors)) for motion, errors in sorted(by_motion.items())},
    )


def _errors(key: Key, clips: list[ScoredClip]) -> list[float]:
    return [value - clip.truth[key] for clip in clips if (value := clip.found[key].value) is not None]


def summarise_errors(errors: list[float], unit: str) -> Errors | None:
    """Bias, spread and size of errors; None without any."""
    if not errors:
        return None
    values, limit = np.array(errors), REACH.get(unit)
    bias = float(np.median(values))
    return Errors(
        n=len(values),
        bias=_round(bias),
        spread=_round(SIGMA_OF_MAD * np.median(np.abs(values - bias))),
        median=_round(np.median(np.abs(values))),
        worst=_round(np.abs(values).max()),
        within=None if limit is None else _round((np.abs(values) <= limit).mean()),
    )


def _round(value: float | np.floating) -> float:
    return round(float(value), 3)


def _videos_of(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise BenchmarkDataError(f"{folder} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))})")
    return found


Pair = tuple[SwingAnalysis, SwingAnalysis]


def _repeat(videos: list[Path], model: Path, on_progress: Progress) -> tuple[dict[str, Pair], dict[str, str]]:
    """Analyses of each video as it is and mirrored, and the videos that cannot be compared with the reason."""
    pairs: dict[str, Pair] = {}
    left_out: dict[str, str] = {}
    for number, video in enumerate(videos):
        with tempfile.TemporaryDirectory() as scratch:
            copy = mirror_video(video, Path(scratch) / f"{video.stem}.mp4")
            if copy is None:
                left_out[video.name] = "cannot be read"
            else:
                pair = analyze_swing(video, pose_model=model), analyze_swing(copy, pose_model=model)
                reason = not_comparable(pair)
                if reason:
                    left_out[video.name] = reason
                else:
                    pairs[video.name] = pair
        on_progress("videos", number + 1, len(videos))
    return pairs, left_out


def not_comparable(pair: Pair) -> str:
    """Why two analyses of one swing cannot be compared metric by metric; empty: they can."""
    one, other = pair
    for analysis in pair:
        if analysis.refusal is not None:
            return f"refused: {analysis.refusal.code}"
    if one.capture is None or other.capture is None or one.capture.view != other.capture.view:
        return "the mirrored copy was given another view"
    impacts = [next(event.frame for event in each.events if event.event == EventName.IMPACT) for each in pair]
    chosen = next(candidate for candidate in one.candidates if candidate.chosen)
    if abs(impacts[0] - impacts[1]) > max(2, chosen.impact_frame - chosen.top_frame):
        return "another swing of the mirrored copy was analysed"
    return ""


def repeatabilities(pairs: list[Pair]) -> Iterator[Repeatability]:
    """Every reading that both analyses of a pair have, by view."""
    differences: dict[tuple[Key, str, str], list[float]] = defaultdict(list)
    for one, other in pairs:
        mirrored = _by_key(other.metrics)
        for key, metric in _by_key(one.metrics).items():
            again = mirrored[key].value
            if one.capture is not None and metric.value is not None and again is not None:
                differences[key, one.capture.view.value, metric.unit].append(abs(again - metric.value) / np.sqrt(2))
    for (key, view, unit), values in differences.items():
        yield Repeatability(
            metric=key[0],
            phase=key[1],
            view=view,
            unit=unit,
            n=len(values),
            median=_round(np.median(values)),
            worst=_round(max(values)),
        )
