"""The catalog's tables (SQLAlchemy Core). The migrations in `migrations/` make them; a test holds the two together."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        read: datetime = value
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


analyses = Table(
    "analyses",
    metadata,
    Column("analysis_id", String(200), primary_key=True),
    Column("partition_key", String(200), nullable=False, unique=True),
    Column("user_id", String(200), nullable=False),
    Column("user_email", String(320)),
    Column("user_name", String(200)),
    Column("user_type", String(50)),
    Column("is_authenticated", Boolean, nullable=False),
    Column("session_id", String(200)),
    Column("bucket_name", String(255), nullable=False),
    Column("s3_key", String(1024), nullable=False),
    Column("etag", String(200)),
    Column("size_bytes", BigInteger),
    Column("content_sha256", String(64)),
    Column("status", String(20), nullable=False),
    Column("progress_message", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("error_code", String(50)),
    Column("error_message", Text),
    Column("retryable", Boolean, nullable=False),
    Column("ai_analysis_completed", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("uploaded_at", UtcDateTime),
    Column("dispatched_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("purge_at", UtcDateTime),
    Column("options", JSON),
    Column("interruptions", Integer, nullable=False, server_default="0"),
    Column("alive_at", UtcDateTime),
    Column("video_removed_at", UtcDateTime),
    UniqueConstraint("bucket_name", "s3_key"),
    Index("ix_analyses_user", "user_id", "created_at"),
    Index("ix_analyses_user_status", "user_id", "status"),
    Index("ix_analyses_waiting", "status", "dispatched_at", "uploaded_at"),
    Index("ix_analyses_completed", "completed_at"),
    Index("ix_analyses_session", "session_id", "created_at"),
    Index("ix_analyses_purge", "purge_at"),
    Index("ix_analyses_uploaded", "uploaded_at"),
)
"""`interruptions`: how often runs died since it last came on; `alive_at`: when its run last said that it lives;
`video_removed_at`: retention removed the upload."""

stage_outputs = Table(
    "stage_outputs",
    metadata,
    Column("analysis_id", String(200), ForeignKey("analyses.analysis_id", ondelete="CASCADE"), primary_key=True),
    Column("stage", String(50), primary_key=True),
    Column("version", String(50), nullable=False),
    Column("key", String(1100), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("fingerprint", String(64)),
    Column("output_sha256", String(64)),
    Column("files", JSON(none_as_null=True)),
    Index("ix_stage_outputs_fingerprint", "fingerprint", "stage"),
    Index("ix_stage_outputs_version", "stage", "version"),
    Index("ix_stage_outputs_stored", "stored_at"),
)
"""`fingerprint` names all that an output was made of (`orchestration/stages.py`), `output_sha256` the bytes of its main
object, `files` the names of all of its objects below the swing's folder."""

superseded_outputs = Table(
    "superseded_outputs",
    metadata,
    Column("output_id", String(36), primary_key=True),
    Column("analysis_id", String(200), ForeignKey("analyses.analysis_id", ondelete="CASCADE"), nullable=False),
    Column("stage", String(50), nullable=False),
    Column("version", String(50), nullable=False),
    Column("files", JSON, nullable=False),
    Column("superseded_at", UtcDateTime, nullable=False),
    Index("ix_superseded_outputs_analysis", "analysis_id"),
    Index("ix_superseded_outputs_superseded", "superseded_at"),
)
"""Outputs that a newer one has replaced: their objects stay until retention takes them."""

backfills = Table(
    "backfills",
    metadata,
    Column("backfill_id", String(36), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("selection", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("cursor", String(200)),
    Column("total", Integer, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_backfills_state", "state", "created_at"),
)
"""A re-analysis of many swings: which (`selection`), how far the list was handed out (`cursor`, an analysis id)."""

backfill_items = Table(
    "backfill_items",
    metadata,
    Column("backfill_id", String(36), ForeignKey("backfills.backfill_id", ondelete="CASCADE"), primary_key=True),
    Column("analysis_id", String(200), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("handed_out_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("seconds", Float),
    Column("usd", Float),
    Column("error_code", String(50)),
    Column("error_message", Text),
    Column("stages", JSON(none_as_null=True)),
    Column("old_result_key", String(1100)),
    Column("new_result_key", String(1100)),
    Index("ix_backfill_items_state", "state", "handed_out_at"),
    Index("ix_backfill_items_analysis", "analysis_id"),
)
"""A swing of a backfill, from the moment that it was handed out; `stages` are those that were made anew."""

profiles = Table(
    "profiles",
    metadata,
    Column("user_id", String(200), primary_key=True),
    Column("version", String(50), nullable=False),
    Column("key", String(1100), nullable=False),
    Column("source_completed_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("golfer_revision", Integer),
)
"""`golfer_revision` is the one of `golfers` that the profile was made with; None counts as 0."""

profile_failures = Table(
    "profile_failures",
    metadata,
    Column("user_id", String(200), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False),
    Column("message", Text, nullable=False),
)
"""Golfers whose profile could not be made, how often in a row, and when last: they wait longer each time."""

golfers = Table(
    "golfers",
    metadata,
    Column("user_id", String(200), primary_key=True),
    Column("context", JSON(none_as_null=True)),
    Column("revision", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
"""What golfers say of themselves, and a number that grows with each change that their profile must learn of."""

model_usage = Table(
    "model_usage",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("purpose", String(50), primary_key=True),
    Column("usd", Float, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("calls", Integer, nullable=False),
)

user_usage = Table(
    "user_usage",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("user_id", String(200), primary_key=True),
    Column("purpose", String(50), primary_key=True),
    Column("usd", Float, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("calls", Integer, nullable=False),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("scope", String(50), primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("passed_at", JSON, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_rate_limits_updated", "updated_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", String(200), primary_key=True),
    Column("operation", String(100), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("status", Integer),
    Column("headers", JSON),
    Column("body", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_idempotency_keys_created", "created_at"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("user_id", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_updated", UtcDateTime, nullable=False),
    Column("conversation_status", String(20), nullable=False),
    Column("coaching_themes", JSON, nullable=False),
    Column("summary", Text, nullable=False),
    Column("total_tokens_used", BigInteger, nullable=False),
    Column("message_count", Integer, nullable=False),
    Column("swing_count", Integer, nullable=False),
    Index("ix_conversations_user", "user_id", "last_updated"),
    Index("ix_conversations_updated", "last_updated"),
    Index(
        "uq_conversations_open",
        "user_id",
        unique=True,
        sqlite_where=text("conversation_status <> 'archived'"),
        postgresql_where=text("conversation_status <> 'archived'"),
    ),
)
"""A golfer has one open conversation, `active` or `compressed`, and any number of archived ones."""

messages = Table(
    "messages",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column(
        "conversation_id", String(36), ForeignKey("conversations.conversation_id", ondelete="CASCADE"), nullable=False
    ),
    Column("position", Integer, nullable=False),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("timestamp", UtcDateTime, nullable=False),
    Column("swing_reference", String(200)),
    Column("tokens_used", Integer, nullable=False),
    UniqueConstraint("conversation_id", "position"),
    Index("ix_messages_swing", "swing_reference"),
    Index(
        "uq_messages_analysis",
        "conversation_id",
        "swing_reference",
        unique=True,
        sqlite_where=text("role = 'analysis'"),
        postgresql_where=text("role = 'analysis'"),
    ),
)

swing_references = Table(
    "swing_references",
    metadata,
    Column(
        "conversation_id", String(36), ForeignKey("conversations.conversation_id", ondelete="CASCADE"), primary_key=True
    ),
    Column("analysis_id", String(200), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("posted_at", UtcDateTime),
    Index("ix_swing_references_analysis", "analysis_id"),
)
"""Which swings a message speaks of, by its position; `posted_at` where the message is that analysis itself.

It outlives a message that is folded into the summary: so it stays known what the summary may speak of.
"""

coach_sessions = Table(
    "coach_sessions",
    metadata,
    Column("session_id", String(36), primary_key=True),
    Column("coach_id", String(200), nullable=False),
    Column("title", String(200), nullable=False),
    Column("notes", Text, nullable=False),
    Column("player_ids", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_coach_sessions_coach", "coach_id", "created_at"),
)

golfer_coaches = Table(
    "golfer_coaches",
    metadata,
    Column("user_id", String(200), primary_key=True),
    Column("coach_id", String(200), primary_key=True),
    Column("named_at", UtcDateTime, nullable=False),
    Index("ix_golfer_coaches_coach", "coach_id"),
)
"""Which coaches a golfer lets see their swings: only the golfer writes here."""

drill_completions = Table(
    "drill_completions",
    metadata,
    Column("completion_id", String(36), primary_key=True),
    Column("user_id", String(200), nullable=False),
    Column("drill_id", String(100), nullable=False),
    Column("completed_at", UtcDateTime, nullable=False),
    Index("ix_drill_completions_user", "user_id", "completed_at"),
)

alarm_states = Table(
    "alarm_states",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("rings", Boolean, nullable=False),
    Column("value", Float),
    Column("above_since", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),
    Column("looked_at", UtcDateTime, nullable=False),
)
"""How each alarm stands: since when its reading is above the threshold, whether it rings, when that was last told."""

daily_statistics = Table(
    "daily_statistics",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("statistics", JSON, nullable=False),
    Column("computed_at", UtcDateTime, nullable=False),
)
"""What a day (UTC) was, in numbers that outlast the rows they were counted from."""

golfer_statistics = Table(
    "golfer_statistics",
    metadata,
    Column("user_id", String(200), primary_key=True),
    Column("statistics", JSON, nullable=False),
    Column("computed_at", UtcDateTime, nullable=False),
    Index("ix_golfer_statistics_computed", "computed_at"),
)
"""A golfer's swings in numbers, counted on a schedule."""
