"""What goes over the wire about golfers and drills: the shapes of requests and answers, with examples."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from golf_pipeline.api.identity import Role
from golf_pipeline.api.messages import ClientStatus
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import Drill, Handedness, Severity, View
from golf_pipeline.swing.profile import (
    MOST_CHARACTERS,
    Direction,
    FocusArea,
    MetricSnapshot,
    ScoreSnapshot,
    Strength,
    SwingProfile,
    UserContext,
)

MOST_COACHES = 20
MOST_RECOMMENDED = 4

USER_ID = r"^[A-Za-z0-9_.@|+\-]{1,128}$"


def _names_a_user(user_id: str) -> str:
    if user_id in {GUEST, ".", ".."}:
        raise ValueError("this names no user")
    return user_id


def _a_fault(fault_id: str) -> str:
    if fault_id not in knowledge.load().faults:
        raise ValueError("there is no fault of this id; leave it out for all drills")
    return fault_id


UserId = Annotated[str, Field(pattern=USER_ID), AfterValidator(_names_a_user)]
FaultId = Annotated[
    str, AfterValidator(_a_fault), WithJsonSchema({"type": "string", "enum": sorted(knowledge.load().faults)})
]
Place = Literal["at home", "on the range"]
PersonalText = Annotated[str, Field(max_length=MOST_CHARACTERS)]

_EXAMPLE_CONTEXT: dict[str, Any] = {
    "handicap": 14.2,
    "dominant_hand": "right",
    "primary_miss": "a slice with the driver",
    "goals": "break 80 this year",
    "limitations": "a stiff left hip",
    "height_cm": 181,
}
_EXAMPLE_DRILL: dict[str, Any] = {
    "drill_id": "head_against_wall",
    "name": "Head against the wall",
    "how": "Take your posture with the forehead touching a cushion on a wall. Turn back and through.",
    "dose": "3 sets of 10 turns, slowly",
    "cue": "Keep the cushion",
    "where": "at home",
    "fault_ids": ["loss_of_posture"],
}


class ProfileSummary(BaseModel):
    """What the golfer's finished swings say together."""

    swing_count: int
    first_swing_at: datetime | None
    latest_swing_at: datetime | None
    latest_analysis_id: str | None
    focus_areas: tuple[FocusArea, ...] = Field(description="what to work on, the first one first")
    strengths: tuple[Strength, ...]
    cautions: tuple[str, ...] = Field(description="what these numbers cannot say, and why")
    metrics: tuple[MetricSnapshot, ...]
    scores: tuple[ScoreSnapshot, ...]
    algorithm_version: str

    @classmethod
    def of(cls, profile: SwingProfile) -> "ProfileSummary":
        return cls.model_validate({name: getattr(profile, name) for name in cls.model_fields})


class Me(BaseModel):
    """The caller, as this service knows them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "ann",
                    "roles": ["user"],
                    "context": _EXAMPLE_CONTEXT,
                    "coach_ids": ["carl"],
                    "profile": None,
                }
            ]
        }
    )

    user_id: str
    roles: tuple[Role, ...] = Field(description="as the token names them")
    context: UserContext = Field(description="what the golfer says of themselves")
    coach_ids: tuple[str, ...] = Field(description="coaches who may see this golfer's swings")
    profile: ProfileSummary | None = Field(description="null before the first finished swing")


class MePatch(BaseModel):
    """A JSON merge patch (RFC 7396): fields that are left out stay as they are, null clears."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"handicap": 13.8, "limitations": None, "coach_ids": ["carl"]}]},
    )

    handicap: float | None = Field(None, ge=-10, le=54, description="handicap index; better than scratch is < 0")
    dominant_hand: Literal["right", "left"] | None = None
    primary_miss: PersonalText | None = None
    goals: PersonalText | None = None
    limitations: PersonalText | None = None
    height_cm: float | None = Field(None, ge=50, le=260)
    coach_ids: tuple[UserId, ...] | None = Field(
        None, max_length=MOST_COACHES, description="all coaches who may see this golfer's swings; the list is replaced"
    )

    def applied_to(self, context: UserContext) -> UserContext:
        """The context with this patch in it, its texts sanitised."""
        sent = self.model_dump(include=self.model_fields_set - {"coach_ids"})
        cleared = {name for name, value in sent.items() if value is None}
        kept = {name: value for name, value in (context.model_dump() | sent).items() if name not in cleared}
        return UserContext.model_validate(kept)


class MonthOfSwings(BaseModel):
    month: str = Field(description="year and month, UTC", examples=["2026-05"])
    swings: int


class DatedSwing(BaseModel):
    analysis_id: str
    recorded_at: datetime


class ScoreStats(BaseModel):
    """Scores in one view and with one hand; others do not compare."""

    view: View
    handedness: Handedness
    scores: int
    latest: int
    median: float
    best_analysis_id: str
    direction: Direction


class FaultCount(BaseModel):
    """A fault of the recent swings."""

    fault_id: str
    name: str
    worst_severity: Severity
    seen_in: int
    judged_in: int


class DrillCounts(BaseModel):
    last_7_days: int
    last_30_days: int


class UserStats(BaseModel):
    """A golfer in numbers. Deleted swings count nowhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "ann",
                    "swings": {"queued": 0, "processing": 1, "completed": 41, "failed": 2},
                    "swings_per_month": [{"month": "2026-04", "swings": 30}, {"month": "2026-05", "swings": 11}],
                    "first_swing": {"analysis_id": "a1", "recorded_at": "2026-04-02T17:10:00Z"},
                    "latest_swing": {"analysis_id": "a41", "recorded_at": "2026-05-09T16:02:00Z"},
                    "practices": 9,
                    "scores": [
                        {
                            "view": "face-on",
                            "handedness": "right",
                            "scores": 38,
                            "latest": 74,
                            "median": 69.5,
                            "best_analysis_id": "a37",
                            "direction": "better",
                        }
                    ],
                    "faults": [
                        {
                            "fault_id": "sway",
                            "name": "Sway",
                            "worst_severity": "major",
                            "seen_in": 6,
                            "judged_in": 10,
                        }
                    ],
                    "drills_completed": {"last_7_days": 3, "last_30_days": 11},
                }
            ]
        }
    )

    user_id: str
    swings: dict[ClientStatus, int] = Field(description="how many swings have each status")
    swings_per_month: tuple[MonthOfSwings, ...] = Field(description="finished swings of the last 12 months")
    first_swing: DatedSwing | None = Field(description="of the finished ones")
    latest_swing: DatedSwing | None
    practices: int = Field(description="finished swings more than four hours apart belong to two practices")
    scores: tuple[ScoreStats, ...] = Field(description="from the profile; empty before the first")
    faults: tuple[FaultCount, ...] = Field(description="focus areas of the profile, the first to work on first")
    drills_completed: DrillCounts


class DrillList(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"drills": [_EXAMPLE_DRILL]}]})

    drills: tuple[Drill, ...]


class RecommendedDrill(BaseModel):
    drill: Drill
    fault_id: str = Field(description="the focus area that it answers")
    fault_name: str
    times_done_7_days: int
    last_done_at: datetime | None = Field(description="within the last 7 days; null: not done in them")


class RecommendedDrills(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "drills": [
                        {
                            "drill": _EXAMPLE_DRILL,
                            "fault_id": "loss_of_posture",
                            "fault_name": "Loss of posture",
                            "times_done_7_days": 2,
                            "last_done_at": "2026-05-08T19:00:00Z",
                        }
                    ],
                    "reason": "These answer what was seen most in your recent swings.",
                }
            ]
        }
    )

    drills: tuple[RecommendedDrill, ...] = Field(max_length=MOST_RECOMMENDED)
    reason: str = Field(description="a sentence for the golfer: why these, or why none")


class DrillCompletion(BaseModel):
    """When a drill was done; left out: now."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"completed_at": "2026-05-08T19:00:00Z"}]}
    )

    completed_at: AwareDatetime | None = Field(None, description="not in the future, at most 30 days ago")


class CompletedDrill(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "completion_id": "0b8f6f0e-2f5e-4a9b-8a1f-6c0a2f7d9e11",
                    "drill_id": "head_against_wall",
                    "completed_at": "2026-05-08T19:00:00Z",
                }
            ]
        }
    )

    completion_id: str
    drill_id: str
    completed_at: datetime


def is_user_id(text: str) -> bool:
    """Whether a text can be the id of a user who signs in."""
    return re.fullmatch(USER_ID, text) is not None and text not in {GUEST, ".", ".."}
