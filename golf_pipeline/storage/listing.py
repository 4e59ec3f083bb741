"""A golfer's swings page by page, newest first."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, bindparam, or_, select

from golf_pipeline.storage import database
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.tables import analyses

Position = tuple[datetime, str]
"""Of a swing in the list: when its record was made, and its id among those of the same instant."""


_OWN = (
    select(analyses)
    .where(analyses.c.user_id == bindparam("user"), analyses.c.deleted_at.is_(None))
    .order_by(analyses.c.created_at.desc(), analyses.c.analysis_id.desc())
    .limit(bindparam("most"))
)
"""Built once: the first page is what the chat reads for each answer."""


def list_swings(
    catalog: Catalog, user_id: str, limit: int, before: Position | None = None, statuses: Collection[Status] = ()
) -> list[AnalysisRecord]:
    """A golfer's swings without the deleted ones, newest first.

    Args:
        before: the position of the last swing already shown. What comes in meanwhile moves nothing.
        statuses: only swings at one of these; none: all.
    """
    query = _OWN
    if before is not None:
        earlier = analyses.c.created_at < before[0]
        query = query.where(or_(earlier, and_(analyses.c.created_at == before[0], analyses.c.analysis_id < before[1])))
    if statuses:
        query = query.where(analyses.c.status.in_(statuses))
    with database.for_reading(catalog.engine).connect() as connection:
        rows = connection.execute(query, {"user": user_id, "most": limit})
        return [AnalysisRecord.model_validate(row._asdict()) for row in rows]
