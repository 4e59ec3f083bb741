"""Uploads that were announced and never came: a presigned URL that nobody used, an upload that broke off for good.

Their record ends as FAILED, so that nobody waits for it for ever. The code says that the client may try again: a video
that comes to that key after all is a new attempt and is analysed like any other.
"""

from datetime import UTC, datetime

from sqlalchemy import Engine, and_, select, update

from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing.errors import ErrorCode

NEVER_CAME_MESSAGE = "Your video never reached us. Please upload it again."


def end_announced(engine: Engine, before: datetime, most: int) -> int:
    """End analyses that were announced before a moment and whose video has not come, at most so many; how many it were.

    One whose video comes at the same moment is not touched.
    """
    now = datetime.now(UTC)
    # The first two conditions are how far `ix_analyses_waiting` narrows it down; uploads that are there have a time.
    waits = and_(
        analyses.c.status == Status.STARTED,
        analyses.c.dispatched_at.is_(None),
        analyses.c.uploaded_at.is_(None),
        analyses.c.etag.is_(None),
        analyses.c.created_at < before,
    )
    some = select(analyses.c.analysis_id).where(waits).limit(most)
    ended = {
        "status": Status.FAILED,
        "progress_message": NEVER_CAME_MESSAGE,
        "error_code": ErrorCode.UPLOAD_NEVER_CAME,
        "error_message": NEVER_CAME_MESSAGE,
        "retryable": True,
        "completed_at": now,
        "updated_at": now,
    }
    with engine.begin() as connection:
        return connection.execute(
            update(analyses).where(analyses.c.analysis_id.in_(some), waits).values(ended)
        ).rowcount
