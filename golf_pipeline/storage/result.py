"""The result of a finished analysis: one stored JSON document that the API serves.

It is written once, by the last stage, with S3 keys where clients get URLs: `golf_pipeline.api` signs them on the way
out, so nothing is computed per request. The schema is published as `docs/result.schema.json`.
"""

from pydantic import Field

from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.storage.keys import frame_key
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.swing.documents import (
    Capture,
    Document,
    Findings,
    ImpactSound,
    Metric,
    PoseSummary,
    Report,
    SwingAnalysis,
    SwingEvent,
)

RESULT_SCHEMA_VERSION = "2.1"
RESULT_STAGE = "result"
ARTIFACTS = ("report", "overlay", "contact-sheet", "keypoints", "analysis")
"""Files that belong to a result, by the name under which the API links them."""


class ResultFrame(Document):
    phase: str
    key: str
    timestamp: float
    description: str
    frame_number: int


class SwingSegment(Document):
    """One candidate swing of the video, in frames and whether it is the one analysed."""

    top_frame: int
    impact_frame: int
    complete: bool
    analysed: bool
    reason: str


class AnalysisFacts(Document):
    """What is known of the video and its swings, without the pictures."""

    frames_extracted: int
    total_frames: int
    video_duration: float = Field(description="seconds")
    fps: float
    swing_detected: bool
    swing_segments: tuple[SwingSegment, ...]
    capture: Capture
    events: tuple[SwingEvent, ...]
    impact_sound: ImpactSound


class AnalysisResults(AnalysisFacts):
    frames: tuple[ResultFrame, ...]


class PoseResults(Document):
    pose_summary: PoseSummary
    metrics: tuple[Metric, ...]
    findings: Findings
    report: Report


class ResultDocument(Document):
    """`result.json` as it is stored."""

    schema_version: str = RESULT_SCHEMA_VERSION
    analysis_id: str
    algorithm_versions: dict[str, str]
    analysis_results: AnalysisResults
    pose: PoseResults
    ai_analysis: AiAnalysis
    artifacts: dict[str, str] = Field(description="S3 key of each artifact, by its name in the API")


def build_result(
    record: AnalysisRecord,
    analysis: SwingAnalysis,
    coaching: AiAnalysis,
    artifacts: dict[str, str],
    versions: dict[str, str],
) -> ResultDocument:
    """Put the result of a finished analysis together.

    Args:
        record: whose analysis it is; the frames' keys follow from it.
        analysis: a whole, unrefused analysis.
        coaching: what the coach said.
        artifacts: S3 key of each artifact, by a name of `ARTIFACTS`.
        versions: algorithm version of each stage.

    Raises:
        ValueError: the analysis is refused or lacks a part.
    """
    facts, capture, pose = analysis.video, analysis.capture, analysis.pose
    sound, findings, report = analysis.impact_sound, analysis.findings, analysis.report
    if facts is None or capture is None or pose is None or sound is None or findings is None or report is None:
        raise ValueError(f"{record.analysis_id}: a result needs a whole analysis, this one is {analysis.status}")
    frames = tuple(
        ResultFrame(
            phase=frame.phase,
            key=frame_key(record.user_id, record.analysis_id, frame.file_name),
            timestamp=frame.timestamp,
            description=frame.description,
            frame_number=frame.frame_number,
        )
        for frame in analysis.key_frames
    )
    segments = tuple(
        SwingSegment(
            top_frame=one.top_frame,
            impact_frame=one.impact_frame,
            complete=one.complete,
            analysed=one.chosen,
            reason=one.reason,
        )
        for one in analysis.candidates
    )
    return ResultDocument(
        analysis_id=record.analysis_id,
        algorithm_versions=versions,
        analysis_results=AnalysisResults(
            frames=frames,
            frames_extracted=len(frames),
            total_frames=facts.frame_count,
            video_duration=facts.duration_s,
            fps=facts.fps,
            swing_detected=True,
            swing_segments=segments,
            capture=capture,
            events=analysis.events,
            impact_sound=sound,
        ),
        pose=PoseResults(pose_summary=pose, metrics=analysis.metrics, findings=findings, report=report),
        ai_analysis=coaching,
        artifacts=artifacts,
    )


def comparable(result: ResultDocument) -> SwingAnalysis:
    """A stored result as what `compare_swings` reads.

    The versions are those under which each stage was stored. `analysis.json` has the versions of the program that put
    it together, also where it took over stages that an older one had measured.
    """
    return SwingAnalysis(
        status="analysed",
        algorithm_versions=result.algorithm_versions,
        capture=result.analysis_results.capture,
        events=result.analysis_results.events,
        metrics=result.pose.metrics,
        findings=result.pose.findings,
        report=result.pose.report,
    )
