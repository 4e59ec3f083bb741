"""How a swing stands, in one query: its record, and where its result is. What the API asks before it answers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, select

from golf_pipeline.storage import database
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.database import storable
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
    .where(analyses.c.analysis_id.in_(bindparam("ids", expanding=True)))
)
"""Built once: it is asked every second for the swings that are polled."""


def standing_of(catalog: Catalog, analysis_id: str) -> Standing | None:
    """How a swing stands; None for an unknown id. A deleted one has its tombstone as record."""
    return standings_of(catalog, [analysis_id]).get(analysis_id)


def standings_of(catalog: Catalog, analysis_ids: Collection[str]) -> dict[str, Standing]:
    """How swings stand, by the ids as they were asked for; unknown ones are left out."""
    asked = {storable(analysis_id): analysis_id for analysis_id in analysis_ids}
    with database.for_reading(catalog.engine).connect() as connection:
        rows = connection.execute(_QUERY, {"ids": list(asked)}).all()
    return {
        asked[row.analysis_id]: Standing(
            AnalysisRecord.model_validate(row._asdict()), row.result_key, row.result_stored_at
        )
        for row in rows
    }
