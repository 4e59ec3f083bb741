"""The outputs of stages in the catalog: which one stands, and which ones it has replaced.

An output that is replaced leaves a row with the names of its objects: they stay in the bucket, for comparisons and for
links that were given out, until retention takes them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, bindparam, func, insert, select, update

from golf_pipeline.storage import database
from golf_pipeline.storage.records import StageOutput
from golf_pipeline.storage.tables import stage_outputs, superseded_outputs

_OF_ANALYSIS = (
    select(stage_outputs).where(stage_outputs.c.analysis_id == bindparam("of")).order_by(stage_outputs.c.stored_at)
)
_WITH_FINGERPRINT = (
    select(stage_outputs)
    .where(stage_outputs.c.fingerprint == bindparam("made_of"), stage_outputs.c.stage == bindparam("at"))
    .order_by(stage_outputs.c.stored_at.desc())
    .limit(1)
)
"""Built once: every stage of every swing asks them."""


def note(connection: Connection, outputs: Sequence[StageOutput]) -> None:
    """Let these outputs of one analysis stand, one a stage, within the caller's transaction."""
    if not outputs:
        return
    standing = of_analysis(connection, outputs[0].analysis_id)
    left = []
    for output in outputs:
        replaced = standing.get(output.stage)
        names = sorted(set(replaced.names) - set(output.names)) if replaced is not None else []
        if replaced is not None and names:
            left.append(_superseded(replaced, names))
    if left:
        connection.execute(insert(superseded_outputs), left)
    database.upsert_all(connection, stage_outputs, [_row(output) for output in outputs])


def _row(output: StageOutput) -> dict[str, Any]:
    return output.model_dump() | {"files": None if output.files is None else list(output.files)}


def forget_fingerprint(connection: Connection, analysis_id: str, stage: str) -> None:
    """No longer know what the output is made of."""
    this = (stage_outputs.c.analysis_id == analysis_id, stage_outputs.c.stage == stage)
    connection.execute(update(stage_outputs).where(*this).values(fingerprint=None))


def of_analysis(connection: Connection, analysis_id: str) -> dict[str, StageOutput]:
    """The outputs that stand, by stage, in the order in which they were stored."""
    return {row.stage: _output(row) for row in connection.execute(_OF_ANALYSIS, {"of": analysis_id})}


def of_analyses(connection: Connection, analysis_ids: Sequence[str]) -> dict[str, dict[str, StageOutput]]:
    """The outputs that stand, by analysis and stage, in the order in which they were stored."""
    query = select(stage_outputs).where(stage_outputs.c.analysis_id.in_(analysis_ids))
    found: dict[str, dict[str, StageOutput]] = {}
    for row in connection.execute(query.order_by(stage_outputs.c.stored_at)):
        found.setdefault(row.analysis_id, {})[row.stage] = _output(row)
    return found


def repeated(connection: Connection, fingerprints: Sequence[str]) -> frozenset[str]:
    """Those of these fingerprints that more than one output has."""
    query = select(stage_outputs.c.fingerprint).where(stage_outputs.c.fingerprint.in_(fingerprints))
    grouped = query.group_by(stage_outputs.c.fingerprint).having(func.count() > 1)
    return frozenset(connection.execute(grouped).scalars())


def versions(connection: Connection, analysis_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """The versions of the outputs that stand, by analysis and stage."""
    query = select(stage_outputs.c.analysis_id, stage_outputs.c.stage, stage_outputs.c.version)
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(query.where(stage_outputs.c.analysis_id.in_(analysis_ids))):
        found.setdefault(row.analysis_id, {})[row.stage] = row.version
    return found


def with_fingerprint(connection: Connection, stage: str, fingerprint: str) -> StageOutput | None:
    """The latest output of a stage that was made of this, of whichever analysis."""
    row = connection.execute(_WITH_FINGERPRINT, {"made_of": fingerprint, "at": stage}).first()
    return None if row is None else _output(row)


def _superseded(output: StageOutput, names: list[str]) -> dict[str, object]:
    return {
        "output_id": str(uuid4()),
        "analysis_id": output.analysis_id,
        "stage": output.stage,
        "version": output.version,
        "files": names,
        "superseded_at": datetime.now(UTC),
    }


def _output(row: object) -> StageOutput:
    return StageOutput.model_validate(row, from_attributes=True)
