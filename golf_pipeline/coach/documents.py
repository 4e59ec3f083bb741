"""The coaching part of a result (`ai_analysis`): shapes only.

`AiAnalysis` is what clients read, whoever wrote it. `CoachingWords` is what a language model may contribute: prose
about findings and their signs that are named by id; the numbers are rendered from the data.
"""

from pydantic import Field

from golf_pipeline.swing.documents import Document, Drill, EventName, Severity


class PhaseObservation(Document):
    phase: EventName
    frame_number: int
    observations: tuple[str, ...]
    quality_score: float | None = Field(
        description="0..100: share of this phase's readings of trust `measured` that have a corridor and are not "
        "outside it by more than their noise; None: fewer than two such readings"
    )


class TechnicalIssue(Document):
    issue: str
    severity: Severity
    impact: str
    biomechanical_cause: str


class TechnicalAnalysis(Document):
    positives: tuple[str, ...]
    issues: tuple[TechnicalIssue, ...]


class Recommendation(Document):
    priority: int = Field(ge=1, le=5, description="1 is what to work on first")
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
    frames_analyzed: int = Field(
        description="key frames whose pictures a model saw; without pictures those whose numbers were read"
    )
    frames_skipped: int = Field(description="key frames whose pictures were to be shown and did not fit the budget")
    fallback_triggered: bool
    fallback_reason: str = ""
    tokens_used: int = Field(description="in and out, all attempts, unusable answers included")
    cost_usd: float
    answer_reused: bool = Field(default=False, description="the answer was paid for by an earlier analysis")
    model: str = Field(description="`rules` where they wrote the words")
    root_cause: str
    cues: tuple[str, ...]
    drills: tuple[Drill, ...]
    swing_phases: tuple[PhaseObservation, ...]
    technical_analysis: TechnicalAnalysis
    recommendations: tuple[Recommendation, ...]
    overall_feedback: str
    coaching_cues: tuple[str, ...]
    overall_score: float | None = Field(description="0..100 as in the findings; None: too little was judged")


class Claim(Document):
    """A model's words on one finding, bound to one sign of it; the number behind them is rendered from the data."""

    fault_id: str
    evidence: str = Field(description="`metric@phase` of a sign of this finding; its frame follows from the data")
    what_happens: str
    why_it_matters: str
    what_to_feel: str


class CoachingWords(Document):
    """A model's whole contribution; strict JSON, every id is checked against the findings."""

    summary: str
    claims: tuple[Claim, ...]
    praise: tuple[str, ...] = Field(description="ids of listed positives, whose own words are printed")
    encouragement: str


class FrameNote(Document):
    """What a model saw in one key frame, in words."""

    frame: int
    text: str


class FrameNotes(Document):
    notes: tuple[FrameNote, ...]


class Spent(Document):
    """What was paid for; `usd` from the price list, tokens as the service counts them, else as they were estimated."""

    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(tokens=self.tokens + other.tokens, usd=round(self.usd + other.usd, 6))


class StoredAnswer(Document):
    """What a model said to one question, usable or not: kept, so that the same question is not paid for again."""

    words: CoachingWords | None
    notes: tuple[FrameNote, ...] = ()
    frames_seen: int = 0
    reason: str = Field(default="", description="why there are no words")
    model: str
    spent: Spent
