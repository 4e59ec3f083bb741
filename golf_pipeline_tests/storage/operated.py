"""Rows of a catalog as they are after days of work, each at a time that the test gives."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, stage_outputs

NOW = datetime(2026, 5, 10, 12, 30, tzinfo=UTC)
"""A Sunday, at half past twelve."""

on_sqlite = pytest.mark.parametrize("catalog", ["sqlite"], indirect=True)
"""For a test that asks nothing on which the two databases differ."""

TAKES = timedelta(seconds=20)


def add_analysis(
    catalog: Catalog, name: str, came: datetime, status: Status = Status.AI_COMPLETED, **values: object
) -> str:
    """An upload that came at a time and, where its status is an end, ended twenty seconds later; returns its id."""
    row = {
        "analysis_id": name,
        "partition_key": name,
        "user_id": "ann",
        "is_authenticated": True,
        "bucket_name": "swings",
        "s3_key": f"golf-swings/ann/{name}.mp4",
        "etag": "etag",
        "status": status,
        "progress_message": "",
        "attempt": 1,
        "retryable": False,
        "ai_analysis_completed": status == Status.AI_COMPLETED,
        "created_at": came,
        "updated_at": came,
        "uploaded_at": came,
        "dispatched_at": came,
        "completed_at": came + TAKES if status.ended else None,
    }
    with catalog.engine.begin() as connection:
        connection.execute(insert(analyses).values(row | values))
    return name


def add_output(
    catalog: Catalog, analysis_id: str, stage: str, version: str, stored_at: datetime, **facts: object
) -> None:
    """An output of a stage."""
    with catalog.engine.begin() as connection:
        connection.execute(
            insert(stage_outputs).values(
                analysis_id=analysis_id, stage=stage, version=version, key="key", facts=facts, stored_at=stored_at
            )
        )
