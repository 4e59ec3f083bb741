"""What the analysis is worth on rendered clips, whose truth is exact: `golf-pipeline benchmark synthetic FOLDER`.

Every `<name>.truth.json` of the folder is read and the clip beside it analysed as an upload would be. Errors are
signed: estimate minus truth, in frames of the file. How it is printed is in `synthetic_tables.py`.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track as progress_over

from golf_pipeline.swing.analysis import ALGORITHM_VERSIONS, KEYPOINTS_FILE, analyze_swing
from golf_pipeline.swing.documents import CandidateSwing, EventName, SwingAnalysis
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.pose_model import find_pose_model, model_label
from golf_pipeline.synthetic.truth import TrueScene, TrueSwing, Truth

TRUTH_SUFFIX = ".truth.json"
PARTS = ("shoulder", "hip", "knee", "ankle", "wrist")

_SAME_SWING_SHARE, _SAME_SWING_FRAMES = 0.5, 2.0
"""Of the downswing, and at least so many frames: impacts closer than this are those of one swing."""

_FACTOR_TOLERANCE = 0.25


@dataclass(frozen=True)
class Told:
    """What the truth says and what the analysis said, and whether that is right."""

    truth: str
    said: str
    right: bool


@dataclass(frozen=True)
class ClipScore:
    """One clip.

    Attributes:
        swings: complete swings in the clip; found, missed: of those; invented: complete candidates that are none.
        refusal: the code of the analysis' refusal; verdict: "right", or what is wrong.
        tolerance: frames within which GolfDB's score counts an event as right; errors: event -> frames.
        exact_impact_error: frames, of the sub-frame impact; None where no swing was analysed.
        landmark_error: part -> median distance of its landmarks from its joints over the torso's length in the picture.
    """

    name: str
    frames: int
    fps: float
    swings: int
    found: int
    missed: int
    invented: int
    refusal: str
    verdict: str
    tolerance: int = 1
    errors: dict[str, int] = field(default_factory=dict)
    exact_impact_error: float | None = None
    view: Told | None = None
    hand: Told | None = None
    slow_motion: Told | None = None
    landmark_error: dict[str, float] = field(default_factory=dict)


def run(clips: Path, *, as_json: bool) -> None:
    """Analyse and score every clip of a rendered folder and print the result.

    Raises:
        ValueError: the folder holds no clip with a truth, or a truth without its clip.
        PoseModelError: the pose model is missing.
    """
    from golf_pipeline.benchmarks.synthetic_tables import print_tables

    paths = clips_of(clips)
    shown = progress_over(paths, description="clips", console=Console(stderr=True), transient=True)
    scores = [score_file(path) for path in shown]
    model = model_label(find_pose_model())
    if as_json:
        Console(soft_wrap=True, highlight=False).print_json(
            json.dumps(
                {
                    "clips_folder": clips.name,
                    "pose_model": model,
                    "algorithm_versions": ALGORITHM_VERSIONS,
                    "summary": summarise(scores),
                    "clips": [asdict(score) for score in scores],
                }
            )
        )
        return
    print_tables(scores, summarise(scores), clips, model)


def clips_of(folder: Path) -> list[Path]:
    """The truth files of a folder by name, each with its clip beside it.

    Raises:
        ValueError: there is none, or one without its clip.
    """
    paths = sorted(folder.glob(f"*{TRUTH_SUFFIX}"))
    if not paths:
        raise ValueError(f"{folder} holds no clip with a {TRUTH_SUFFIX} beside it")
    widowed = [path.name for path in paths if not video_of(path).is_file()]
    if widowed:
        raise ValueError(f"{folder} holds no video for {', '.join(widowed)}")
    return paths


def score_file(truth_path: Path) -> ClipScore:
    """Analyse the video beside a truth and score it."""
    video = video_of(truth_path)
    with tempfile.TemporaryDirectory() as folder:
        analysis = analyze_swing(video, Path(folder))
        keypoints = Path(folder) / KEYPOINTS_FILE
        track = LandmarkTrack.read_parquet(keypoints) if keypoints.exists() else None
    return score_clip(video.stem, Truth.read(truth_path), analysis, track)


def score_clip(name: str, truth: Truth, analysis: SwingAnalysis, track: LandmarkTrack | None) -> ClipScore:
    """Score one analysis against the clip's truth; without a track no landmark is scored."""
    swings = [swing for swing in truth.swings if swing.complete]
    complete = [candidate for candidate in analysis.candidates if candidate.complete]
    found = sum(any(_is(candidate, swing) for candidate in complete) for swing in swings)
    invented = sum(not any(_is(candidate, swing) for swing in swings) for candidate in complete)
    analysed = analysed_swing(truth, analysis)
    score = ClipScore(
        name=name,
        frames=truth.frame_count,
        fps=truth.fps,
        swings=len(swings),
        found=found,
        missed=len(swings) - found,
        invented=invented,
        refusal=analysis.refusal.code if analysis.refusal else "",
        verdict=_verdict(swings, analysis, analysed),
        landmark_error=landmark_error(truth, track) if track is not None else {},
    )
    if analysed is None or analysis.refusal is not None:
        return score
    return ClipScore(
        **{**score.__dict__, **_event_scores(analysed, analysis), **_capture_scores(truth, analysed, analysis)}
    )


def analysed_swing(truth: Truth, analysis: SwingAnalysis) -> TrueSwing | None:
    """The complete swing of the truth that the analysis chose; None where it chose something else or nothing."""
    chosen = next((candidate for candidate in analysis.candidates if candidate.chosen), None)
    if chosen is None:
        return None
    return next((swing for swing in truth.swings if swing.complete and _is(chosen, swing)), None)


def video_of(truth_path: Path) -> Path:
    """The clip beside a truth."""
    return truth_path.with_name(f"{truth_path.name.removesuffix(TRUTH_SUFFIX)}.mp4")


def summarise(scores: list[ClipScore]) -> dict[str, float | int]:
    """Of all clips: swings, refusals, GolfDB's score per event (share within the tolerance), capture, landmarks."""
    refusable, real = [s for s in scores if not s.swings], [s for s in scores if s.swings]
    summary: dict[str, float | int] = {
        "clips": len(scores),
        "frames": sum(score.frames for score in scores),
        "verdicts_right": sum(score.verdict == "right" for score in scores),
        "swings": sum(score.swings for score in scores),
        "swings_found": sum(score.found for score in scores),
        "swings_missed": sum(score.missed for score in scores),
        "swings_invented": sum(score.invented for score in scores),
        "clips_without_swing": len(refusable),
        "refused_rightly": sum(bool(score.refusal) for score in refusable),
        "refused_wrongly": sum(bool(score.refusal) for score in real),
    }
    hits = {event.value: list(_hits(scores, event)) for event in EventName}
    summary |= {f"pce_{event}": round(float(np.mean(hit)), 3) for event, hit in hits.items() if hit}
    every = [hit for event in hits.values() for hit in event]
    exact = [abs(score.exact_impact_error) for score in scores if score.exact_impact_error is not None]
    if every:
        summary["pce"] = round(float(np.mean(every)), 3)
        summary["exact_impact_median_frames"] = round(float(np.median(exact)), 3)
    for topic in ("view", "hand", "slow_motion"):
        told = [getattr(score, topic) for score in scores if getattr(score, topic) is not None]
        summary |= {f"{topic}_right": sum(one.right for one in told), f"{topic}_judged": len(told)}
    for part in PARTS:
        errors = [score.landmark_error[part] for score in scores if part in score.landmark_error]
        if errors:
            summary[f"landmark_error_{part}"] = round(float(np.median(errors)), 3)
    return summary


def landmark_error(truth: Truth, track: LandmarkTrack) -> dict[str, float]:
    """Part -> median distance of its two landmarks from the true joints, over the torso's median length (2D)."""
    numbers = np.flatnonzero(track.found & (track.frame < truth.frame_count))
    if not numbers.size:
        return {}
    frames = track.frame[numbers]
    joints = {name: np.array(joint.pixels)[frames] for name, joint in truth.joints.items()}
    middle = {part: (joints[f"left_{part}"] + joints[f"right_{part}"]) / 2 for part in ("shoulder", "hip")}
    torso = float(np.median(np.linalg.norm(middle["shoulder"] - middle["hip"], axis=1)))
    errors = {}
    for part in PARTS:
        names = (f"left_{part}", f"right_{part}")
        away = [np.linalg.norm(track.point(name)[numbers] - joints[name], axis=1) for name in names]
        errors[part] = round(float(np.median(away)) / torso, 3)
    return errors


def _is(candidate: CandidateSwing, swing: TrueSwing) -> bool:
    """Whether a candidate is this swing, by its impact."""
    impact, top = swing.events["impact"].exact_frame, swing.events["top"].exact_frame
    return abs(candidate.impact_frame - impact) <= max(_SAME_SWING_FRAMES, _SAME_SWING_SHARE * (impact - top))


def _verdict(swings: list[TrueSwing], analysis: SwingAnalysis, analysed: TrueSwing | None) -> str:
    if not swings:
        return "right" if analysis.refusal else "analysed a swing that is not there"
    if analysis.refusal:
        return "refused a complete swing"
    if analysed is None:
        return "analysed something else"
    return "analysed the practice swing" if analysed.practice else "right"


def _event_scores(swing: TrueSwing, analysis: SwingAnalysis) -> dict[str, object]:
    said = {event.event.value: event for event in analysis.events}
    true = swing.events
    return {
        "tolerance": max(1, round((true["impact"].frame - true["address"].frame) / 30)),
        "errors": {name: said[name].frame - event.frame for name, event in true.items() if name in said},
        "exact_impact_error": round(said["impact"].exact_frame - true["impact"].exact_frame, 3),
    }


def _capture_scores(truth: Truth, swing: TrueSwing, analysis: SwingAnalysis) -> dict[str, object]:
    capture, scene = analysis.capture, truth.scenes[swing.scene]
    if capture is None:
        return {}
    return {
        "view": Told(scene.view, capture.view, capture.view == scene.view),
        "hand": Told(scene.handedness, capture.handedness, capture.handedness == scene.handedness),
        "slow_motion": _told_factor(scene, capture.slow_motion_factor),
    }


def _told_factor(scene: TrueScene, said: float | None) -> Told:
    true = scene.slow_motion_factor
    right = said is not None and abs(said / true - 1) <= _FACTOR_TOLERANCE
    return Told(f"{true:g}", "unknown" if said is None else f"{said:g}", right)


def _hits(scores: list[ClipScore], event: EventName) -> Iterator[bool]:
    for score in scores:
        if event.value in score.errors:
            yield abs(score.errors[event.value]) <= score.tolerance
