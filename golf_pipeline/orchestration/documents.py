"""The stored forms that only the pipeline needs: lists wrapped into documents, and the two halves of the coaching."""

from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.swing.documents import Document, KeyFrame, Metric, Report


class KeyFrames(Document):
    key_frames: tuple[KeyFrame, ...]


class Metrics(Document):
    metrics: tuple[Metric, ...]


class Coaching(Document):
    """The rules' report, and what the coach made of it."""

    report: Report
    ai_analysis: AiAnalysis
