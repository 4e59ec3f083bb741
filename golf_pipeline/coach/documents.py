"""The coaching part of a result (`ai_analysis`): shapes only.

`AiAnalysis` is what clients read, whoever wrote it. `CoachingWords` is what a language model may contribute: prose
about findings that are named by id, never a number of its own.
"""

from typing import Literal

from pydantic import Field

from golf_pipeline.swing.documents import Document, Drill, EventName, Severity


class PhaseObservation(Document):
    phase: EventName
    frame_number: int
    observations: tuple[str, ...]
    quality_score: float | None = Field(description="0..100; None: nothing measured in this phase allows a score")


class TechnicalIssue(Document):
    issue: str
    severity: Severity
    impact: str
    biomechanical_cause: str


class TechnicalAnalysis(Document):
    positives: tuple[str, ...]
    issues: tuple[TechnicalIssue, ...]


class Recommendation(Document):
    priority: int = Field(ge=1, le=5)
    change: str
    why: str
    how: str
    drill_id: str
    expected_improvement: str


class AiAnalysis(Document):
    """The coaching of one swing. `fallback_triggered` says that rules wrote it, and `fallback_reason` why."""

    success: bool
    response: str
    coaching_response: str
    frames_analyzed: int = Field(description="key frames whose numbers or pictures the coach was given")
    frames_skipped: int
    fallback_triggered: bool
    fallback_reason: str = ""
    tokens_used: int
    cost_usd: float
    model: str
    root_cause: str
    cues: tuple[str, ...]
    drills: tuple[Drill, ...]
    swing_phases: tuple[PhaseObservation, ...]
    technical_analysis: TechnicalAnalysis
    recommendations: tuple[Recommendation, ...]
    overall_feedback: str
    coaching_cues: tuple[str, ...]
    overall_score: float | None = Field(description="0..100; None: no score is given until it can be defended")


class IssueWords(Document):
    """A model's words on one finding."""

    fault_id: str
    what_happens: str
    why_it_matters: str


class CoachingWords(Document):
    """A model's whole contribution; strict JSON, every id is checked against the findings."""

    summary: str
    root_cause_fault_id: str | Literal["none"]
    issues: tuple[IssueWords, ...]
    encouragement: str
