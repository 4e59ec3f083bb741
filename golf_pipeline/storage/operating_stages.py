"""What the stages of the analysis did lately, and which of their versions the stored outputs are of.

Both are bounded, whatever is stored: the work of the last day is looked at through its latest outputs, and outputs of
older versions are counted up to a limit. A count of all outputs by version would read eleven rows of every swing ever;
how many are not of the newest version is what an operator acts upon, it is nought on most days, and "more than ten
thousand" says as much as the exact number. `golf-pipeline backfill` counts exactly, when it is asked.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine, func, literal, select

from golf_pipeline.storage import database
from golf_pipeline.storage.backfill_selection import stored_versions, version_order
from golf_pipeline.storage.operating_days import Spread
from golf_pipeline.storage.tables import stage_outputs

MOST_OUTPUTS = 5_000
"""Outputs of the last day that are looked at, the latest ones: some 450 swings, read in 0.1 s."""

MOST_COUNTED = 10_000
"""Outputs of one older version that are counted; from there on it is "more than"."""

LATELY = timedelta(days=1)


class StageWork(BaseModel):
    """What one stage stored lately."""

    model_config = ConfigDict(frozen=True)

    stage: str
    outputs: int
    reused: int = Field(description="of these, copied from a swing of the same bytes instead of made")
    seconds: Spread | None = Field(description="wall-clock seconds of those that were made")


class StagesLately(BaseModel):
    """The work of the stages since a moment."""

    model_config = ConfigDict(frozen=True)

    since: datetime = Field(description="24 hours ago, or later where only the latest outputs were looked at")
    is_complete: bool = Field(description="whether these are all outputs of the 24 hours")
    stages: tuple[StageWork, ...]


class OldVersion(BaseModel):
    """A version that is no longer the newest of its stage, and how many swings still have its output."""

    model_config = ConfigDict(frozen=True)

    version: str
    swings: int = Field(description="at most 10,000 are counted")
    are_more: bool = Field(description="whether there are more than that")


class StageVersions(BaseModel):
    """The versions of one stage that stored outputs are of."""

    model_config = ConfigDict(frozen=True)

    stage: str
    newest: str
    older: tuple[OldVersion, ...] = Field(description="youngest first")


def stages_lately(engine: Engine, now: datetime) -> StagesLately:
    """What each stage did in the last 24 hours, seen through its latest outputs; the busiest stage comes first."""
    query = (
        select(
            stage_outputs.c.stage,
            stage_outputs.c.stored_at,
            stage_outputs.c.facts["compute_seconds"].as_float().label("seconds"),
            stage_outputs.c.facts["reused"].as_boolean().label("reused"),
        )
        .where(stage_outputs.c.stored_at >= now - LATELY)
        .order_by(stage_outputs.c.stored_at.desc())
        .limit(MOST_OUTPUTS)
    )
    with database.for_reading(engine).connect() as connection:
        rows = connection.execute(query).all()
    made: defaultdict[str, list[float]] = defaultdict(list)
    outputs: defaultdict[str, int] = defaultdict(int)
    reused: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        outputs[row.stage] += 1
        if row.reused:
            reused[row.stage] += 1
        elif row.seconds is not None:
            made[row.stage].append(row.seconds)
    busiest = sorted(outputs, key=lambda stage: (-sum(made[stage]), stage))
    is_complete = len(rows) < MOST_OUTPUTS
    return StagesLately(
        since=now - LATELY if is_complete else rows[-1].stored_at,
        is_complete=is_complete,
        stages=tuple(
            StageWork(stage=one, outputs=outputs[one], reused=reused[one], seconds=Spread.of(made[one]))
            for one in busiest
        ),
    )


def versions_in_use(engine: Engine) -> tuple[StageVersions, ...]:
    """The versions of each stage that outputs are stored of, stages by name."""
    with database.for_reading(engine).connect() as connection:
        return tuple(_versions(connection, stage) for stage in _stages(connection))


def _stages(connection: Connection) -> list[str]:
    """The stages that have outputs, each by one look into the index."""
    found: list[str] = []
    while True:
        query = select(func.min(stage_outputs.c.stage))
        following = connection.execute(query.where(stage_outputs.c.stage > found[-1]) if found else query).scalar_one()
        if following is None:
            return found
        found.append(following)


def _versions(connection: Connection, stage: str) -> StageVersions:
    newest, *older = sorted(stored_versions(connection, stage), key=version_order, reverse=True)
    return StageVersions(stage=stage, newest=newest, older=tuple(_old(connection, stage, one) for one in older))


def _old(connection: Connection, stage: str, version: str) -> OldVersion:
    some = select(literal(1).label("one")).where(stage_outputs.c.stage == stage, stage_outputs.c.version == version)
    counted: int = connection.execute(
        select(func.count()).select_from(some.limit(MOST_COUNTED + 1).subquery())
    ).scalar_one()
    return OldVersion(version=version, swings=min(counted, MOST_COUNTED), are_more=counted > MOST_COUNTED)
