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
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
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
    UniqueConstraint("bucket_name", "s3_key"),
    Index("ix_analyses_user", "user_id", "created_at"),
    Index("ix_analyses_waiting", "status", "dispatched_at", "uploaded_at"),
)

stage_outputs = Table(
    "stage_outputs",
    metadata,
    Column("analysis_id", String(200), ForeignKey("analyses.analysis_id", ondelete="CASCADE"), primary_key=True),
    Column("stage", String(50), primary_key=True),
    Column("version", String(50), nullable=False),
    Column("key", String(1100), nullable=False),
    Column("content_sha256", String(64)),
    Column("facts", JSON, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Index("ix_stage_outputs_content", "content_sha256", "stage", "version"),
)

profiles = Table(
    "profiles",
    metadata,
    Column("user_id", String(200), primary_key=True),
    Column("version", String(50), nullable=False),
    Column("key", String(1100), nullable=False),
    Column("source_completed_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
)

model_usage = Table(
    "model_usage",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("purpose", String(50), primary_key=True),
    Column("usd", Float, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("calls", Integer, nullable=False),
)
