"""The first catalog: analyses, stage outputs, profiles."""

import sqlalchemy as sa
from alembic import op

from golf_pipeline.storage.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analyses",
        sa.Column("analysis_id", sa.String(length=200), nullable=False),
        sa.Column("partition_key", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("user_email", sa.String(length=320), nullable=True),
        sa.Column("user_name", sa.String(length=200), nullable=True),
        sa.Column("user_type", sa.String(length=50), nullable=True),
        sa.Column("is_authenticated", sa.Boolean(), nullable=False),
        sa.Column("session_id", sa.String(length=200), nullable=True),
        sa.Column("bucket_name", sa.String(length=255), nullable=False),
        sa.Column("s3_key", sa.String(length=1024), nullable=False),
        sa.Column("etag", sa.String(length=200), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("progress_message", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=50), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("retryable", sa.Boolean(), nullable=False),
        sa.Column("ai_analysis_completed", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("dispatched_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("started_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("completed_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("analysis_id", name=op.f("pk_analyses")),
        sa.UniqueConstraint("bucket_name", "s3_key", name=op.f("uq_analyses_bucket_name_s3_key")),
        sa.UniqueConstraint("partition_key", name=op.f("uq_analyses_partition_key")),
    )
    with op.batch_alter_table("analyses", schema=None) as batch_op:
        batch_op.create_index("ix_analyses_user", ["user_id", "created_at"], unique=False)
        batch_op.create_index("ix_analyses_waiting", ["status", "dispatched_at", "uploaded_at"], unique=False)

    op.create_table(
        "profiles",
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("key", sa.String(length=1100), nullable=False),
        sa.Column("source_completed_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("stored_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profiles")),
    )
    op.create_table(
        "stage_outputs",
        sa.Column("analysis_id", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=50), nullable=False),
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("key", sa.String(length=1100), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("stored_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.analysis_id"], name=op.f("fk_stage_outputs_analysis_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "stage", name=op.f("pk_stage_outputs")),
    )
    with op.batch_alter_table("stage_outputs", schema=None) as batch_op:
        batch_op.create_index("ix_stage_outputs_content", ["content_sha256", "stage", "version"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("stage_outputs", schema=None) as batch_op:
        batch_op.drop_index("ix_stage_outputs_content")

    op.drop_table("stage_outputs")
    op.drop_table("profiles")
    with op.batch_alter_table("analyses", schema=None) as batch_op:
        batch_op.drop_index("ix_analyses_waiting")
        batch_op.drop_index("ix_analyses_user")

    op.drop_table("analyses")
