"""What the chat may know of a golfer: a protocol, so that this package knows no database and no bucket.

`GolferData` speaks of one golfer only; whoever makes it has checked that the caller may see that golfer. What it hands
out is read when it is asked for, so a question about a drill reads no result.
"""

from datetime import datetime
from typing import Protocol

from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.swing.compare import SwingComparison
from golf_pipeline.swing.documents import Capture, Document, Findings, Metric, Report, SwingEvent, SwingSegmentation
from golf_pipeline.swing.profile import SwingProfile


class SwingSummary(Document):
    """One of a golfer's swings as the catalog knows it."""

    analysis_id: str
    recorded_at: datetime
    status: str
    error_message: str = ""


class ChatSwing(Document):
    """A finished analysis, as far as the chat speaks of it."""

    analysis_id: str
    recorded_at: datetime
    capture: Capture
    events: tuple[SwingEvent, ...]
    metrics: tuple[Metric, ...]
    findings: Findings
    report: Report
    ai_analysis: AiAnalysis

    def facts(self) -> SwingFacts:
        """What may be said of this swing (`coach/facts.py`)."""
        segmentation = SwingSegmentation(capture=self.capture, events=self.events, candidates=())
        drills = tuple(text for drill in self.report.drills for text in (drill.name, drill.how, drill.cue))
        return SwingFacts(self.findings, self.metrics, segmentation, drills)


class GolferData(Protocol):
    """One golfer's stored data. Methods raise SwingError (STORAGE_UNAVAILABLE) where the stores do not answer."""

    def profile(self) -> SwingProfile | None:
        """The stored profile; None before the first finished swing, and always for guests."""
        ...

    def recent_swings(self, limit: int) -> tuple[SwingSummary, ...]:
        """The golfer's swings, newest first; of a guest only the one that they name."""
        ...

    def swing(self, analysis_id: str) -> ChatSwing | None:
        """A finished swing of this golfer; None where there is none, it is not finished, deleted or another's."""
        ...

    def comparison(self, first_id: str, second_id: str) -> SwingComparison | None:
        """The second swing against the first; None where one of them is not to be had."""
        ...
