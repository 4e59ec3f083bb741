"""Tombstones: what the catalog keeps of a deleted swing, and which of them still have objects to be removed.

A tombstone is the swing's own row, FAILED for good with the code DELETED and one attempt further, so that a run under
way can write no more. It holds nothing about the golfer but whose swing it was. `purge_at` says when its objects are
to be removed (again): it is set with the tombstone and cleared when nothing can come any more, so a deletion that
broke off in between is found by one look at an index. The objects themselves are `deletion.py`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.profiles import ask_refresh
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.tables import analyses, profiles, stage_outputs, superseded_outputs

DELETED = "DELETED"
DELETED_MESSAGE = "This swing was deleted."


def bury(catalog: Catalog, record: AnalysisRecord) -> AnalysisRecord:
    """Make a swing's row a tombstone; one that is a tombstone stays as it is. Returns the row as it is then.

    Raises:
        LookupError: there is no such analysis.
    """
    now = datetime.now(UTC)
    # S3's clock may run before ours: a late event of the deleted object must not look newer than its deletion.
    deleted_at = max(now, record.uploaded_at or now)
    tombstone = {
        "status": Status.FAILED,
        "error_code": DELETED,
        "error_message": DELETED_MESSAGE,
        "progress_message": DELETED_MESSAGE,
        "retryable": False,
        "ai_analysis_completed": False,
        "attempt": analyses.c.attempt + 1,
        "deleted_at": deleted_at,
        "purge_at": deleted_at,
        "updated_at": now,
        "user_email": None,
        "user_name": None,
        "session_id": None,
        "content_sha256": None,
        "options": None,
    }
    this = analyses.c.analysis_id == record.analysis_id
    with catalog.engine.begin() as connection:
        buried = connection.execute(update(analyses).where(this, analyses.c.deleted_at.is_(None)).values(tombstone))
        if buried.rowcount:
            for table in (stage_outputs, superseded_outputs):
                connection.execute(delete(table).where(table.c.analysis_id == record.analysis_id))
            ask_refresh(connection, record.user_id)
    now_there = catalog.get(record.analysis_id)
    if now_there is None:
        raise LookupError(record.analysis_id)
    return now_there


def settle(catalog: Catalog, record: AnalysisRecord, again_at: datetime | None) -> None:
    """Note that a tombstone's objects were removed, and when that is to be done again (None: never)."""
    this = (analyses.c.analysis_id == record.analysis_id, analyses.c.deleted_at == record.deleted_at)
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(*this).values(purge_at=again_at))


def due_for_purge(catalog: Catalog, now: datetime, limit: int) -> Sequence[str]:
    """Ids of tombstones whose objects are to be removed, those that wait longest first."""
    due = select(analyses.c.analysis_id).where(analyses.c.purge_at <= now).order_by(analyses.c.purge_at).limit(limit)
    with catalog.engine.connect() as connection:
        return connection.execute(due).scalars().all()


def forget_profile(catalog: Catalog, user_id: str) -> bool:
    """Remove the profile's row of a golfer who has no finished swing left; returns whether they have none."""
    finished = (
        select(func.count())
        .select_from(analyses)
        .where(analyses.c.user_id == user_id, analyses.c.status == Status.AI_COMPLETED)
    )
    with catalog.engine.begin() as connection:
        if connection.execute(finished).scalar_one():
            return False
        connection.execute(delete(profiles).where(profiles.c.user_id == user_id))
    return True
