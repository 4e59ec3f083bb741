"""What operating for years needs: fingerprints of outputs, backfills, alarms, statistics, failures of profiles."""

import sqlalchemy as sa
from alembic import op

from golf_pipeline.storage.tables import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("analyses", sa.Column("interruptions", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("analyses", sa.Column("alive_at", UtcDateTime(timezone=True), nullable=True))
    op.add_column("analyses", sa.Column("video_removed_at", UtcDateTime(timezone=True), nullable=True))
    op.create_index("ix_analyses_uploaded", "analyses", ["uploaded_at"], unique=False)
    op.add_column("stage_outputs", sa.Column("fingerprint", sa.String(length=64), nullable=True))
    op.add_column("stage_outputs", sa.Column("output_sha256", sa.String(length=64), nullable=True))
    op.add_column("stage_outputs", sa.Column("files", sa.JSON(none_as_null=True), nullable=True))
    op.drop_index("ix_stage_outputs_content", table_name="stage_outputs")
    op.drop_column("stage_outputs", "content_sha256")
    op.create_index("ix_stage_outputs_fingerprint", "stage_outputs", ["fingerprint", "stage"], unique=False)
    op.create_index("ix_stage_outputs_version", "stage_outputs", ["stage", "version"], unique=False)
    op.create_table(
        "superseded_outputs",
        sa.Column("output_id", sa.String(length=36), nullable=False),
        sa.Column("analysis_id", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=50), nullable=False),
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("superseded_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.analysis_id"],
            name=op.f("fk_superseded_outputs_analysis_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("output_id", name=op.f("pk_superseded_outputs")),
    )
    op.create_index("ix_superseded_outputs_analysis", "superseded_outputs", ["analysis_id"], unique=False)
    op.create_index("ix_superseded_outputs_superseded", "superseded_outputs", ["superseded_at"], unique=False)
    _backfills()
    _states_and_statistics()


def _backfills() -> None:
    op.create_table(
        "backfills",
        sa.Column("backfill_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("cursor", sa.String(length=200), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("ended_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("backfill_id", name=op.f("pk_backfills")),
    )
    op.create_index("ix_backfills_state", "backfills", ["state", "created_at"], unique=False)
    op.create_table(
        "backfill_items",
        sa.Column("backfill_id", sa.String(length=36), nullable=False),
        sa.Column("analysis_id", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("handed_out_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("usd", sa.Float(), nullable=True),
        sa.Column("error_code", sa.String(length=50), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("stages", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("old_result_key", sa.String(length=1100), nullable=True),
        sa.Column("new_result_key", sa.String(length=1100), nullable=True),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfills.backfill_id"], name=op.f("fk_backfill_items_backfill_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("backfill_id", "analysis_id", name=op.f("pk_backfill_items")),
    )
    op.create_index("ix_backfill_items_analysis", "backfill_items", ["analysis_id"], unique=False)
    op.create_index("ix_backfill_items_state", "backfill_items", ["state", "handed_out_at"], unique=False)


def _states_and_statistics() -> None:
    op.create_table(
        "profile_failures",
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profile_failures")),
    )
    op.create_table(
        "alarm_states",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("rings", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("above_since", UtcDateTime(timezone=True), nullable=True),
        sa.Column("changed_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("told_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("looked_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alarm_states")),
    )
    op.create_table(
        "daily_statistics",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("statistics", sa.JSON(), nullable=False),
        sa.Column("computed_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_daily_statistics")),
    )
    op.create_table(
        "golfer_statistics",
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("statistics", sa.JSON(), nullable=False),
        sa.Column("computed_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_golfer_statistics")),
    )
    op.create_index("ix_golfer_statistics_computed", "golfer_statistics", ["computed_at"], unique=False)


def downgrade() -> None:
    for table in (
        "golfer_statistics",
        "daily_statistics",
        "alarm_states",
        "profile_failures",
        "backfill_items",
        "backfills",
        "superseded_outputs",
    ):
        op.drop_table(table)
    op.drop_index("ix_stage_outputs_version", table_name="stage_outputs")
    op.drop_index("ix_stage_outputs_fingerprint", table_name="stage_outputs")
    op.add_column("stage_outputs", sa.Column("content_sha256", sa.String(length=64), nullable=True))
    op.create_index("ix_stage_outputs_content", "stage_outputs", ["content_sha256", "stage", "version"], unique=False)
    for column in ("files", "output_sha256", "fingerprint"):
        op.drop_column("stage_outputs", column)
    op.drop_index("ix_analyses_uploaded", table_name="analyses")
    op.drop_column("analyses", "video_removed_at")
    op.drop_column("analyses", "alive_at")
    op.drop_column("analyses", "interruptions")
