"""How a swing stands, in one query: its record, and where its result is. What the API asks before it answers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, select

from golf_pipeline.storage import database
from golf_pipeline.storage.catalog import Catalog, storable
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.result import RESULT_STAGE
from golf_pipeline.storage.tables import analyses, stage_outputs


@dataclass(frozen=True)
class Standing:
    """A swing's record and the key of its result, with the time at which the result was stored."""

    record: AnalysisRecord
    result_key: str | None
    result_stored_at: datetime | None

    @property
    def is_finished(self) -> bool:
        return self.record.status == Status.AI_COMPLETED and self.result_key is not None

    @property
    def identity(self) -> tuple[object, ...]:
        """Differs whenever an answer about the swing may differ."""
        record = self.record
        return (record.analysis_id, record.attempt, record.status, record.updated_at, self.result_stored_at)


_QUERY = (
    select(analyses, stage_outputs.c.key.label("result_key"), stage_outputs.c.stored_at.label("result_stored_at"))
    .outerjoin(
        stage_outputs,
        and_(stage_outputs.c.analysis_id == analyses.c.analysis_id, stage_outputs.c.stage == RESULT_STAGE),
    )
    .where(analyses.c.analysis_id == bindparam("id"))
)
"""Built once: it is asked every second for each swing that is polled."""


def standing_of(catalog: Catalog, analysis_id: str) -> Standing | None:
    """How a swing stands; None for an unknown id. A deleted one has its tombstone as record."""
    with database.for_reading(catalog.engine).connect() as connection:
        row = connection.execute(_QUERY, {"id": storable(analysis_id)}).one_or_none()
    if row is None:
        return None
    return Standing(AnalysisRecord.model_validate(row._asdict()), row.result_key, row.result_stored_at)
