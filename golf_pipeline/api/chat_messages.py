"""What goes over the wire on the chat routes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from golf_pipeline.coach.chat.documents import ChatMessage, CoachingThemes

_EXAMPLE_SWING = "4f2c9a52-6b0e-4c1d-9a55-0d7a4a0f6c11"
_ANSWER: dict[str, Any] = {
    "response": (
        "The thing to work on is early extension: your pelvis had moved 0.15 torso lengths (about a hand wide) "
        "toward the ball at impact. Begin with the drill “Chair behind the hips”: stay on the chair."
    ),
    "topic": "work_on",
    "written_by": "rules",
    "model": "rules",
    "conversation_id": "0b7f9a3e-4d0e-4b6e-8a70-6d4f0b9a1c22",
    "message_id": "9d3c1b52-51c7-4b1c-9d0c-2f3f5a6b7c88",
    "swing_references": [_EXAMPLE_SWING],
    "drill_ids": ["chair_behind_hips"],
    "tokens_used": 0,
    "cost_usd": 0.0,
    "requests_left": 14,
    "limit": None,
}


class ChatRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"message": "What should I work on first?"}]},
    )

    message: Annotated[str, Field(min_length=1, description="what the golfer asks; its longest length is a setting")]
    analysis_id: Annotated[
        str | None,
        Field(max_length=200, description="the swing that the message is about; guests must name theirs"),
    ] = None


class ReachedLimit(BaseModel):
    """A limit that kept a model from answering; the rules have."""

    code: Literal["DAILY_BUDGET_SPENT"]
    message: str
    retry_after_s: int = Field(description="seconds until a model may answer again")


class ChatReply(BaseModel):
    """The coach's answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ANSWER]})

    response: str
    topic: str = Field(description="what the message was taken to ask for; stable names")
    written_by: Literal["model", "rules"]
    model: str
    conversation_id: str | None = Field(description="null for guests: nothing of theirs is kept")
    message_id: str | None
    swing_references: tuple[str, ...] = Field(
        description="analyses that the answer speaks of; first the one that a follow-up is about, the later one of two"
    )
    drill_ids: tuple[str, ...] = Field(description="see GET /api/v1/drills")
    tokens_used: int
    cost_usd: float
    requests_left: int = Field(description="messages left in this hour")
    limit: ReachedLimit | None = Field(None, description="why the rules answered, where it was for a limit")


class CoachingReply(ChatReply):
    """The coach's answer, and what of the golfer it was written from."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _ANSWER
                | {
                    "coaching_themes": CoachingThemes(
                        primary_focus="early_extension", session_count=3, recent_improvements=("Tempo",)
                    ).model_dump(mode="json"),
                    "referenced_swings": [_EXAMPLE_SWING],
                    "conversation_status": "active",
                    "message_count": 8,
                    "swing_count": 3,
                    "total_tokens_used": 0,
                }
            ]
        }
    )

    coaching_themes: CoachingThemes
    referenced_swings: tuple[str, ...] = Field(description="swings that this conversation spoke of, the latest first")
    conversation_status: Literal["active", "archived", "compressed"] | None = Field(description="null for guests")
    message_count: int
    swing_count: int
    total_tokens_used: int


class StoredConversation(BaseModel):
    """The golfer's conversation with the coach, as it is kept."""

    conversation_id: str
    user_id: str
    created_at: datetime
    last_updated: datetime
    recent_messages: tuple[ChatMessage, ...] = Field(description="the latest, oldest first; analyses are posted too")
    coaching_themes: CoachingThemes
    referenced_swings: tuple[str, ...] = Field(description="swings that were spoken of, the latest first")
    total_tokens_used: int
    swing_count: int = Field(description="finished analyses posted into it")
    message_count: int = Field(description="all messages ever, those folded into the summary too")
    conversation_status: Literal["active", "archived", "compressed"]
    summary: str = Field(description="what older messages were about")
