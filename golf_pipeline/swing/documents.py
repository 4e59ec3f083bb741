"""The documents of an analysis: what each stage hands to the next and what `analysis.json` is made of.

Only shapes live here, no computation. The JSON schema of `SwingAnalysis` is published as
`docs/analysis.schema.json`; a change that breaks a reader raises the major part of `SCHEMA_VERSION`.

Frames are 0-based in display order, times are seconds of the recording from its first frame. "Lead" is the side nearer
to the target (left for a right-hander).
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "2.1"


class Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoFacts(Document):
    """What the container and the decoded frames say about one video file (sizes are upright, rotation applied)."""

    container: str
    codec: str
    width: int
    height: int
    rotation_deg: int = Field(description="clockwise, as a player applies it; applied to width and height")
    frame_count: int
    duration_s: float = Field(description="from the first frame's time to the end of the last frame")
    fps: float = Field(description="1 / median gap between presentation times")
    variable_frame_rate: bool
    has_audio: bool
    size_bytes: int
    sha256: str


class View(StrEnum):
    FACE_ON = "face-on"
    DOWN_THE_LINE = "down-the-line"
    OBLIQUE = "oblique"


class Handedness(StrEnum):
    RIGHT = "right"
    LEFT = "left"
    UNKNOWN = "unknown"


class TimeBase(StrEnum):
    REAL = "real"
    SLOW_MOTION = "slow-motion"
    UNKNOWN = "unknown"


class CaptureCode(StrEnum):
    """Stable codes: clients branch on them, so a code is never renamed."""

    VIEW_FROM_BEHIND = "VIEW_FROM_BEHIND"
    VIEW_FROM_TARGET = "VIEW_FROM_TARGET"
    VIEW_OBLIQUE = "VIEW_OBLIQUE"
    CAMERA_ROLLED = "CAMERA_ROLLED"
    CAMERA_MOVES = "CAMERA_MOVES"
    BODY_LOST = "BODY_LOST"
    HANDS_UNCLEAR = "HANDS_UNCLEAR"
    HEAD_OUTSIDE = "HEAD_OUTSIDE"
    HANDS_OUTSIDE = "HANDS_OUTSIDE"
    FEET_OUTSIDE = "FEET_OUTSIDE"
    GOLFER_SMALL = "GOLFER_SMALL"
    OFF_CENTRE = "OFF_CENTRE"
    LOW_FRAME_RATE = "LOW_FRAME_RATE"
    STARTS_LATE = "STARTS_LATE"
    ENDS_EARLY = "ENDS_EARLY"
    SLOW_MOTION = "SLOW_MOTION"
    HAND_UNKNOWN = "HAND_UNKNOWN"


class CaptureIssue(Document):
    """One thing that limits a clip: what it is, and how to film (or what to do) next time; whole sentences."""

    code: CaptureCode
    message: str
    how: str

    @property
    def text(self) -> str:
        return f"{self.message} {self.how}"


class Capture(Document):
    """How the swing was filmed. Confidences are 0..1; `given` names the fields that the caller set."""

    view: View
    view_confidence: float
    handedness: Handedness
    handedness_confidence: float
    time_base: TimeBase
    slow_motion_factor: float | None = Field(description="recorded seconds per real second; None: unknown")
    roll_deg: float | None = Field(
        default=None,
        description="the picture is turned clockwise by so much; taken out of the metrics; None: not known, or too "
        "little to be told from level",
    )
    given: tuple[str, ...] = ()
    issues: tuple[CaptureIssue, ...] = Field(default=(), description="what limits this clip, the gravest first")


class EventName(StrEnum):
    """GolfDB's eight events, in order."""

    ADDRESS = "address"
    TOE_UP = "toe_up"
    MID_BACKSWING = "mid_backswing"
    TOP = "top"
    MID_DOWNSWING = "mid_downswing"
    IMPACT = "impact"
    MID_FOLLOW_THROUGH = "mid_follow_through"
    FINISH = "finish"


class SwingEvent(Document):
    event: EventName
    frame: int
    time_s: float
    exact_frame: float = Field(description="sub-frame position in frames; equals `frame` where none was estimated")
    confidence: float = Field(ge=0, le=1)


class CandidateSwing(Document):
    """One high-low-high of the hands, complete or not, and why it was or was not the one analysed."""

    top_frame: int
    impact_frame: int
    complete: bool
    chosen: bool
    reason: str


class ImpactBall(Document):
    """The ball at rest and when it left. Its place is in 0..1 of the upright picture, in `last_frame`."""

    status: Literal["seen", "not seen", "not usable"]
    x: float | None = None
    y: float | None = None
    radius: float | None = Field(default=None, description="share of the picture's height")
    last_frame: int | None = Field(default=None, description="the last frame in which the ball lies still")
    first_frame: int | None = Field(default=None, description="the first frame in which its place is seen empty")
    exact_frame: float | None = Field(default=None, description="when it left, between the two")
    contrast: float | None = Field(default=None, description="grey levels by which it stands out from the ground")
    reason: str = ""


class SwingSegmentation(Document):
    """The swing that was found: how it was filmed, its eight events in order, and the other candidates."""

    capture: Capture
    events: tuple[SwingEvent, ...]
    candidates: tuple[CandidateSwing, ...]
    impact_ball: ImpactBall | None = Field(
        default=None, description="None: not looked for, as the pose tells impact as well"
    )

    def frame_of(self, event: EventName) -> int:
        return self.event(event).frame

    def event(self, name: EventName) -> SwingEvent:
        return next(event for event in self.events if event.event == name)


class Trust(StrEnum):
    MEASURED = "measured"
    LOW = "low"
    DIRECTION_ONLY = "direction only"
    UNAVAILABLE = "unavailable"


class Metric(Document):
    """One number with all that is needed to judge it. `value` is None exactly when trust is `unavailable`."""

    id: str
    name: str
    phase: EventName | None = Field(description="the event it was read at; None for the whole swing")
    value: float | None
    unit: str
    trust: Trust
    reason: str = Field(default="", description="why trust is below `measured`; always set when unavailable")
    noise: float | None = Field(description="typical error (one sigma-like) in the same unit; None: not known")
    valid_views: tuple[View, ...]
    corridor: tuple[float | None, float | None] | None = Field(default=None, description="ends of good swings")
    corridor_source: str = ""
    frames: tuple[int, ...] = Field(description="the frames it came from")


class ImpactSound(Document):
    """The sharp transient near impact, as a confirmation only: it never moves the visual impact."""

    status: Literal["heard", "not heard", "no audio", "not usable"]
    time_s: float | None = None
    offset_s: float | None = Field(default=None, description="sound minus visual impact")
    reason: str = ""


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class Evidence(Document):
    metric_id: str
    phase: EventName | None
    value: float
    unit: str
    frame: int


class Finding(Document):
    """A fault seen in the numbers, with the numbers."""

    fault_id: str
    name: str
    severity: Severity
    confidence: Literal["high", "medium", "low"]
    explanation: str
    evidence: tuple[Evidence, ...]
    ball_flight: tuple[str, ...]
    causes: tuple[str, ...]
    drill_ids: tuple[str, ...]


class NotJudged(Document):
    fault_id: str
    name: str
    reason: str
    how: str = Field(default="", description="how to film it so that it can be judged; empty: no video would help")


class RootCause(Document):
    """The finding that explains others of the same swing: what to work on first."""

    fault_id: str
    name: str
    leads_to: tuple[str, ...] = Field(description="fault ids of the findings that it explains")
    explanation: str


class ScorePart(Document):
    """What one judged fault contributes to the score: all of its points where there is no sign of it."""

    fault_id: str
    name: str
    points: float
    most_points: float


class SwingScore(Document):
    """0..100 over what this clip allowed to be judged; scores of different views are not comparable."""

    value: int | None = Field(ge=0, le=100, description="None: too little was judged from measured numbers")
    parts: tuple[ScorePart, ...]
    reason: str = Field(default="", description="why there is no value")


class Findings(Document):
    overall_level: Literal["no fault seen", "minor faults", "one main fault", "several faults", "not enough evidence"]
    findings: tuple[Finding, ...] = Field(description="what explains others first, then the gravest")
    root_cause: RootCause | None = Field(default=None, description="None: no finding explains another one")
    positives: tuple[str, ...]
    not_judged: tuple[NotJudged, ...]
    score: SwingScore | None = None


class Drill(Document):
    drill_id: str
    name: str
    how: str
    dose: str
    cue: str
    where: Literal["at home", "on the range"] = Field(default="on the range", description="at home: it needs no ball")
    fault_ids: tuple[str, ...]


class TopIssue(Document):
    fault_id: str
    title: str
    text: str
    severity: Severity
    evidence: tuple[Evidence, ...]


class PlanDay(Document):
    day: int
    focus: str
    drill_ids: tuple[str, ...]


class Report(Document):
    """The coaching report in plain words, written by rules from the findings alone."""

    summary: str
    top_issues: tuple[TopIssue, ...]
    drills: tuple[Drill, ...]
    one_week_plan: tuple[PlanDay, ...]
    caveats: tuple[str, ...]


class KeyFrame(Document):
    """A biomechanically significant frame; `file_name` follows the frames' key layout."""

    phase: str = Field(description="client name: address, takeaway, backswing, transition, downswing, impact, ...")
    event: EventName | None
    frame_number: int
    timestamp: float
    description: str
    file_name: str


class PoseSummary(Document):
    model: str
    frames: int
    coverage: float = Field(description="share of the frames in which a body was found")
    mean_visibility: float


class Refusal(Document):
    code: str
    message: str
    detail: str = ""


class SwingAnalysis(Document):
    """`analysis.json`. Refused clips carry `refusal` and whatever was known by then."""

    schema_version: str = SCHEMA_VERSION
    status: Literal["analysed", "refused"]
    algorithm_versions: dict[str, str]
    video: VideoFacts | None = None
    pose: PoseSummary | None = None
    capture: Capture | None = None
    events: tuple[SwingEvent, ...] = ()
    candidates: tuple[CandidateSwing, ...] = ()
    metrics: tuple[Metric, ...] = ()
    impact_ball: ImpactBall | None = None
    impact_sound: ImpactSound | None = None
    findings: Findings | None = None
    report: Report | None = None
    key_frames: tuple[KeyFrame, ...] = ()
    refusal: Refusal | None = None
