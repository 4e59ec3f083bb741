"""The shapes of the chat: messages, a conversation with its themes, and an answer."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from golf_pipeline.swing.documents import Document


class MessageRole(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"
    ANALYSIS = "analysis"
    """A finished analysis, posted by the pipeline into its golfer's conversation."""


class ChatMessage(Document):
    """One message; `content` is sanitised text (`swing/personal_text.py`) whoever wrote it."""

    message_id: str
    role: MessageRole
    content: str
    timestamp: datetime
    swing_reference: str | None = Field(default=None, description="the analysis that the message is about")
    tokens_used: int = 0


class ProgressIndicator(Document):
    """One number of the profile that has a trend, in words that name it; no number is made here."""

    metric_id: str
    name: str
    direction: Literal["better", "worse", "steady", "changed", "not known"]


class CoachingThemes(Document):
    """What the coaching of this golfer is about, kept up to date from their profile."""

    primary_focus: str | None = Field(default=None, description="fault id of what to work on first")
    secondary_focus: str | None = None
    recent_improvements: tuple[str, ...] = ()
    session_count: int = Field(default=0, description="practices: swings more than four hours apart are two")
    progress_indicators: tuple[ProgressIndicator, ...] = ()


class Conversation(Document):
    """A golfer's open conversation, as the coach reads it before answering."""

    conversation_id: str
    user_id: str
    created_at: datetime
    last_updated: datetime
    recent_messages: tuple[ChatMessage, ...] = Field(description="the latest, oldest first")
    coaching_themes: CoachingThemes = CoachingThemes()
    referenced_swings: tuple[str, ...] = Field(default=(), description="analysis ids, the latest first")
    total_tokens_used: int = 0
    swing_count: int = Field(default=0, description="finished analyses posted into it")
    message_count: int = Field(default=0, description="all messages ever, those folded into the summary too")
    conversation_status: Literal["active", "archived", "compressed"] = "active"
    summary: str = Field(default="", description="what older messages were about; compressed conversations only")


class ChatAnswer(Document):
    """What the coach answers, and how it came about."""

    text: str
    written_by: Literal["model", "rules"]
    model: str = Field(description="`rules` where they wrote it")
    topic: str = Field(description="what the message was taken to ask for; stable names, see `rules.Topic`")
    fallback_reason: str = Field(default="", description="why rules wrote it although a model is configured")
    swing_references: tuple[str, ...] = Field(
        default=(), description="analyses that the answer speaks of; first the one that a follow-up is about"
    )
    drill_ids: tuple[str, ...] = ()
    tokens_used: int = 0
    cost_usd: float = 0.0
