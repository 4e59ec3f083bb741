"""Swings to be analysed again, as rows of the catalog: what a backfill sees of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert

from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, stage_outputs

BEGAN = datetime(2026, 5, 1, tzinfo=UTC)
"""When the swings were uploaded, if nothing else is said."""

PRESENT = {"pose": "3", "metrics": "2", "result": "2.1"}
"""Stages that a finished swing has, and their present versions."""


class Clock:
    """Stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = BEGAN + timedelta(days=1)

    def __call__(self) -> datetime:
        return self.now


def add_swing(
    target: Engine | Connection,
    analysis_id: str,
    *,
    status: Status = Status.AI_COMPLETED,
    versions: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
    **columns: Any,
) -> None:
    """A swing's row and, with `versions`, those of its stage outputs."""
    if isinstance(target, Engine):
        with target.begin() as connection:
            add_swing(connection, analysis_id, status=status, versions=versions, facts=facts, **columns)
        return
    row = {
        "analysis_id": analysis_id,
        "partition_key": analysis_id,
        "user_id": "ann",
        "is_authenticated": False,
        "bucket_name": "bucket",
        "s3_key": f"golf-swings/ann/{analysis_id}.mp4",
        "etag": "etag",
        "status": status,
        "progress_message": "",
        "attempt": 1,
        "retryable": False,
        "ai_analysis_completed": status == Status.AI_COMPLETED,
        "created_at": BEGAN,
        "updated_at": BEGAN,
        "uploaded_at": BEGAN,
    }
    target.execute(insert(analyses).values(row | columns))
    outputs = [
        {
            "analysis_id": analysis_id,
            "stage": stage,
            "version": version,
            "key": f"{stage}/{version}",
            "facts": (facts or {}).get(stage, {}),
            "stored_at": BEGAN,
        }
        for stage, version in (versions or {}).items()
    ]
    if outputs:
        target.execute(insert(stage_outputs), outputs)
