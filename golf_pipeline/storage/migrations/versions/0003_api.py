"""What the API keeps: conversations, limits, idempotency keys, coaches' sessions, drills done; tombstones of swings."""

import sqlalchemy as sa
from alembic import op

from golf_pipeline.storage.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coach_sessions",
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("coach_id", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("player_ids", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_coach_sessions")),
    )
    op.create_index("ix_coach_sessions_coach", "coach_sessions", ["coach_id", "created_at"], unique=False)
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_updated", UtcDateTime(timezone=True), nullable=False),
        sa.Column("conversation_status", sa.String(length=20), nullable=False),
        sa.Column("coaching_themes", sa.JSON(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("total_tokens_used", sa.BigInteger(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("swing_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_updated", "conversations", ["last_updated"], unique=False)
    op.create_index("ix_conversations_user", "conversations", ["user_id", "last_updated"], unique=False)
    op.create_index(
        "uq_conversations_open",
        "conversations",
        ["user_id"],
        unique=True,
        sqlite_where=sa.text("conversation_status <> 'archived'"),
        postgresql_where=sa.text("conversation_status <> 'archived'"),
    )
    op.create_table(
        "drill_completions",
        sa.Column("completion_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("drill_id", sa.String(length=100), nullable=False),
        sa.Column("completed_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("completion_id", name=op.f("pk_drill_completions")),
    )
    op.create_index("ix_drill_completions_user", "drill_completions", ["user_id", "completed_at"], unique=False)
    op.create_table(
        "golfer_coaches",
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("coach_id", sa.String(length=200), nullable=False),
        sa.Column("named_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "coach_id", name=op.f("pk_golfer_coaches")),
    )
    op.create_index("ix_golfer_coaches_coach", "golfer_coaches", ["coach_id"], unique=False)
    op.create_table(
        "golfers",
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("context", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_golfers")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("operation", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "operation", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "rate_limits",
        sa.Column("scope", sa.String(length=50), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("passed_at", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", name=op.f("pk_rate_limits")),
    )
    op.create_index("ix_rate_limits_updated", "rate_limits", ["updated_at"], unique=False)
    op.create_table(
        "user_usage",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=50), nullable=False),
        sa.Column("usd", sa.Float(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "user_id", "purpose", name=op.f("pk_user_usage")),
    )
    op.create_table(
        "messages",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("timestamp", UtcDateTime(timezone=True), nullable=False),
        sa.Column("swing_reference", sa.String(length=200), nullable=True),
        sa.Column("tokens_used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.conversation_id"],
            name=op.f("fk_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_messages")),
        sa.UniqueConstraint("conversation_id", "position", name=op.f("uq_messages_conversation_id_position")),
    )
    op.create_index(
        "uq_messages_analysis",
        "messages",
        ["conversation_id", "swing_reference"],
        unique=True,
        sqlite_where=sa.text("role = 'analysis'"),
        postgresql_where=sa.text("role = 'analysis'"),
    )
    op.create_index("ix_messages_swing", "messages", ["swing_reference"], unique=False)
    op.create_table(
        "swing_references",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("analysis_id", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("posted_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.conversation_id"],
            name=op.f("fk_swing_references_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "analysis_id", "position", name=op.f("pk_swing_references")),
    )
    op.create_index("ix_swing_references_analysis", "swing_references", ["analysis_id"], unique=False)
    op.add_column("analyses", sa.Column("deleted_at", UtcDateTime(timezone=True), nullable=True))
    op.add_column("analyses", sa.Column("options", sa.JSON(), nullable=True))
    op.create_index("ix_stage_outputs_stored", "stage_outputs", ["stored_at"], unique=False)
    op.create_index("ix_analyses_completed", "analyses", ["completed_at"], unique=False)
    op.create_index("ix_analyses_user_status", "analyses", ["user_id", "status"], unique=False)
    op.create_index("ix_analyses_session", "analyses", ["session_id", "created_at"], unique=False)
    op.add_column("analyses", sa.Column("purge_at", UtcDateTime(timezone=True), nullable=True))
    op.create_index("ix_analyses_purge", "analyses", ["purge_at"], unique=False)
    op.add_column("profiles", sa.Column("golfer_revision", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("profiles", "golfer_revision")
    op.drop_index("ix_analyses_purge", table_name="analyses")
    op.drop_index("ix_analyses_session", table_name="analyses")
    op.drop_index("ix_analyses_user_status", table_name="analyses")
    op.drop_index("ix_stage_outputs_stored", table_name="stage_outputs")
    op.drop_index("ix_analyses_completed", table_name="analyses")
    op.drop_column("analyses", "purge_at")
    op.drop_column("analyses", "options")
    op.drop_column("analyses", "deleted_at")
    op.drop_table("swing_references")
    op.drop_table("messages")
    op.drop_table("user_usage")
    op.drop_table("rate_limits")
    op.drop_table("idempotency_keys")
    op.drop_table("golfer_coaches")
    op.drop_table("golfers")
    op.drop_table("drill_completions")
    op.drop_table("conversations")
    op.drop_table("coach_sessions")
