"""The whole chain for one video in one call: `analyze_swing(video)`.

The pipeline materialises the same stages as separate assets; both put the document together with `assemble_analysis`,
so that a file analysed on a laptop and one analysed in the cloud read the same.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from golf_pipeline.swing import advice, events, faults, impact, metrics, overlay, pictures, pose, report, sound, video
from golf_pipeline.swing.capture import CaptureGiven
from golf_pipeline.swing.documents import (
    Findings,
    ImpactSound,
    KeyFrame,
    Metric,
    PoseSummary,
    Refusal,
    Report,
    SwingAnalysis,
    SwingSegmentation,
    VideoFacts,
)
from golf_pipeline.swing.errors import PoseModelError, SwingError
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.pose_model import find_pose_model
from golf_pipeline.swing.video import VideoLimits

ALGORITHM_VERSIONS: dict[str, str] = {
    "video": video.ALGORITHM_VERSION,
    "pose": pose.ALGORITHM_VERSION,
    "events": events.ALGORITHM_VERSION,
    "key_frames": pictures.ALGORITHM_VERSION,
    "metrics": metrics.ALGORITHM_VERSION,
    "sound": sound.ALGORITHM_VERSION,
    "findings": faults.ALGORITHM_VERSION,
    "advice": advice.ALGORITHM_VERSION,
    "overlay": overlay.ALGORITHM_VERSION,
    "report": report.ALGORITHM_VERSION,
}

ANALYSIS_FILE = "analysis.json"
KEYPOINTS_FILE = "pose_keypoints.parquet"
CONTACT_SHEET_FILE = "contact_sheet.jpg"
OVERLAY_FILE = "overlay.mp4"
REPORT_FILE = "report.html"
KEY_FRAMES_FOLDER = "frames"

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the work done and the work in all (frames where a stage goes through frames)."""


@dataclass
class StageTimes:
    """Wall seconds of each stage of one analysis, in the order in which they ran."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = time.perf_counter() - started


def analyze_swing(
    video_path: Path,
    out: Path | None = None,
    *,
    pose_model: Path | None = None,
    given: CaptureGiven | None = None,
    limits: VideoLimits | None = None,
    on_progress: Progress | None = None,
    times: StageTimes | None = None,
) -> SwingAnalysis:
    """Analyse one video; with a folder `out`, write every output into it.

    Writes `analysis.json`, `pose_keypoints.parquet`, `contact_sheet.jpg`, `overlay.mp4`, `report.html` and `frames/`;
    for a clip that is refused, `analysis.json` and `report.html`, which say why. Without a folder no picture is made.

    Returns:
        The document of `analysis.json`; `status` is "refused" where the file is no usable video or holds no complete
        swing.

    Raises:
        PoseModelError: the pose model is missing or wrong: nothing can be said about the video.
    """
    if out is not None:
        _make_empty(out)
    run = _Run(video_path, out, on_progress or _no_progress, times or StageTimes())
    model = pose_model or find_pose_model()
    try:
        run.through_all_stages(model, given or CaptureGiven(), limits or VideoLimits())
    except PoseModelError:
        raise
    except SwingError as error:
        run.refusal = Refusal(code=error.code, message=error.message, detail=error.detail)
    return run.finish()


def assemble_analysis(
    *,
    facts: VideoFacts | None = None,
    track: LandmarkTrack | None = None,
    segmentation: SwingSegmentation | None = None,
    measured: tuple[Metric, ...] = (),
    impact_sound: ImpactSound | None = None,
    findings: Findings | None = None,
    advice_report: Report | None = None,
    key_frames: tuple[KeyFrame, ...] = (),
    refusal: Refusal | None = None,
) -> SwingAnalysis:
    """Put the documents of the stages together; what a refused clip never reached stays None."""
    return SwingAnalysis(
        status="refused" if refusal else "analysed",
        algorithm_versions=ALGORITHM_VERSIONS,
        video=facts,
        pose=summarise_pose(track) if track else None,
        capture=segmentation.capture if segmentation else None,
        events=segmentation.events if segmentation else (),
        candidates=segmentation.candidates if segmentation else (),
        metrics=measured,
        impact_ball=segmentation.impact_ball if segmentation else None,
        impact_sound=impact_sound,
        findings=findings,
        report=advice_report,
        key_frames=key_frames,
        refusal=refusal,
    )


def summarise_pose(track: LandmarkTrack) -> PoseSummary:
    seen = track.visibility[track.found]
    return PoseSummary(
        model=track.model,
        frames=len(track),
        coverage=round(track.coverage, 4),
        mean_visibility=round(float(seen.mean()), 4) if seen.size else 0.0,
    )


def to_json(analysis: SwingAnalysis) -> str:
    """The bytes of `analysis.json`: stable for the same analysis."""
    return analysis.model_dump_json(indent=2) + "\n"


class _Run:
    """One analysis in progress: the stages fill it in order, and a refusal keeps what was known by then."""

    def __init__(self, video_path: Path, out: Path | None, on_progress: Progress, times: StageTimes) -> None:
        self.video_path, self.out, self.on_progress, self.times = video_path, out, on_progress, times
        self.facts: VideoFacts | None = None
        self.track: LandmarkTrack | None = None
        self.segmentation: SwingSegmentation | None = None
        self.measured: tuple[Metric, ...] = ()
        self.impact_sound: ImpactSound | None = None
        self.findings: Findings | None = None
        self.advice_report: Report | None = None
        self.key_frames: tuple[KeyFrame, ...] = ()
        self.refusal: Refusal | None = None

    def through_all_stages(self, model: Path, given: CaptureGiven, limits: VideoLimits) -> None:
        with self._stage("video"):
            self.facts = facts = video.probe_video(self.video_path, limits)
        with self._stage("pose") as progress:
            self.track = track = pose.track_pose(self.video_path, facts, model, progress)
        with self._stage("events"):
            self.segmentation = segmentation = impact.segment_video(self.video_path, facts, track, given)
        with self._stage("key_frames"):
            self.key_frames = pictures.choose_key_frames(segmentation, track, facts)
        with self._stage("metrics"):
            self.measured = metrics.measure_swing(track, segmentation)
        with self._stage("sound"):
            self.impact_sound = sound.listen_for_impact(self.video_path, facts, segmentation)
        with self._stage("findings"):
            self.findings = faults.find_faults(self.measured, segmentation)
        with self._stage("advice"):
            self.advice_report = advice.write_report(self.findings, self.measured, segmentation)

    def finish(self) -> SwingAnalysis:
        analysis = assemble_analysis(
            facts=self.facts,
            track=self.track,
            segmentation=self.segmentation,
            measured=self.measured,
            impact_sound=self.impact_sound,
            findings=self.findings,
            advice_report=self.advice_report,
            key_frames=self.key_frames,
            refusal=self.refusal,
        )
        if self.out is not None:
            self._write(analysis, self.out)
        return analysis

    def _write(self, analysis: SwingAnalysis, out: Path) -> None:
        if self.track is not None:
            self.track.write_parquet(out / KEYPOINTS_FILE)
        if analysis.refusal is None and self.facts and self.track and self.segmentation:
            with self._stage("pictures"):
                pictures.write_key_frames(self.video_path, self.key_frames, out / KEY_FRAMES_FOLDER)
                pictures.write_contact_sheet(self.video_path, self.track, self.segmentation, out / CONTACT_SHEET_FILE)
            with self._stage("overlay") as progress:
                overlay.write_overlay(
                    self.video_path,
                    self.facts,
                    self.track,
                    self.segmentation,
                    self.measured,
                    out / OVERLAY_FILE,
                    progress,
                )
        with self._stage("report"):
            report.write_html_report(analysis, self.track, out / CONTACT_SHEET_FILE, out / REPORT_FILE)
            (out / ANALYSIS_FILE).write_text(to_json(analysis), encoding="utf-8")

    @contextmanager
    def _stage(self, name: str) -> Iterator[Callable[[int, int], None]]:
        self.on_progress(name, 0, 1)
        with self.times.measure(name):
            yield lambda done, total: self.on_progress(name, done, total)
        self.on_progress(name, 1, 1)


def _make_empty(out: Path) -> None:
    # A refused clip writes fewer files than an analysed one: what an earlier analysis left would pass for its own.
    out.mkdir(parents=True, exist_ok=True)
    for name in (ANALYSIS_FILE, KEYPOINTS_FILE, CONTACT_SHEET_FILE, OVERLAY_FILE, REPORT_FILE):
        (out / name).unlink(missing_ok=True)
    for picture in (out / KEY_FRAMES_FOLDER).glob("frame_*.jpg"):
        picture.unlink()


def _no_progress(stage: str, done: int, total: int) -> None:
    del stage, done, total
