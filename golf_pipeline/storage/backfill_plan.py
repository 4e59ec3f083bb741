"""What a backfill would do, before it does it: stages made anew, time and money, from what the catalog holds.

Whether a stored output is up to date is told by its version. What follows from it is a range: at least the stages of
another version are made anew, at most all that read them as well, as an output that comes out the same has no
consequences. Settings that a stage follows are not looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from sqlalchemy import Connection, Engine, and_, case, func, select

from golf_pipeline.storage import database
from golf_pipeline.storage.backfill_selection import Selection, matches
from golf_pipeline.storage.tables import analyses, stage_outputs

COACHING_STAGE = "coaching"
SAMPLE = 400
"""Stored outputs of a stage that its time or cost is taken from."""


@dataclass(frozen=True)
class PresentStage:
    """A stage as the program has it: its version, the stages that it reads, and whether it opens the video."""

    name: str
    version: str
    reads: tuple[str, ...]
    opens_video: bool


@dataclass(frozen=True)
class Range:
    """At least and at most."""

    least: float
    most: float


@dataclass(frozen=True)
class StagePlan:
    """How often a stage would be made anew, and what that takes (median seconds; None: never recorded)."""

    name: str
    anew: Range
    seconds_each: float | None


@dataclass(frozen=True)
class Plan:
    """What a backfill would do.

    Attributes:
        swings: how many are chosen.
        opening_video: of these, how many have their video opened.
        without_video: how many of `opening_video`'s upper end have no video any more: retention removed it.
        stages: in the order of the graph, those that are made anew at all.
        work_s: seconds of work, all stages together, on one process.
        coached: swings whose coaching is made anew.
        usd_each: mean cost of a coaching that a model wrote; None: none is recorded.
    """

    swings: int
    opening_video: Range
    without_video: int
    stages: tuple[StagePlan, ...]
    work_s: Range
    coached: Range
    usd_each: float | None

    @property
    def untimed(self) -> tuple[str, ...]:
        """Stages that are made anew and whose time is not known."""
        return tuple(stage.name for stage in self.stages if stage.seconds_each is None)

    @property
    def usd(self) -> Range | None:
        """What models cost, if one is configured; None where no cost is recorded."""
        if self.usd_each is None:
            return None
        return Range(self.coached.least * self.usd_each, self.coached.most * self.usd_each)


@dataclass(frozen=True)
class Alike:
    """Swings with the same stages up to date."""

    count: int
    up_to_date: frozenset[str]
    has_video: bool


def read_plan(engine: Engine, selection: Selection, stages: Sequence[PresentStage]) -> Plan:
    """What a backfill of this selection would do at the moment.

    Args:
        engine: of the catalog.
        selection: the swings.
        stages: of the program, in the order of the graph.
    """
    with database.for_reading(engine).begin() as connection:
        groups = _alike(connection, selection, stages)
        seconds = {stage.name: _seconds(connection, stage) for stage in stages}
        usd_each = _usd(connection)
    return make_plan(groups, stages, seconds, usd_each)


def make_plan(
    groups: Sequence[Alike],
    stages: Sequence[PresentStage],
    seconds: Mapping[str, float | None],
    usd_each: float | None,
) -> Plan:
    """The plan for swings that are grouped by which of their stages are up to date."""
    needs = [(group, *_anew(stages, group.up_to_date)) for group in groups]
    opening = {stage.name for stage in stages if stage.opens_video}
    plans = tuple(
        StagePlan(
            stage.name,
            Range(
                sum(group.count for group, surely, _ in needs if stage.name in surely),
                sum(group.count for group, _, perhaps in needs if stage.name in perhaps),
            ),
            seconds[stage.name],
        )
        for stage in stages
    )
    by_name = {plan.name: plan for plan in plans}
    nothing = StagePlan(COACHING_STAGE, Range(0, 0), None)
    return Plan(
        swings=sum(group.count for group in groups),
        opening_video=Range(
            sum(group.count for group, surely, _ in needs if surely & opening),
            sum(group.count for group, _, perhaps in needs if perhaps & opening),
        ),
        without_video=sum(group.count for group, _, perhaps in needs if perhaps & opening and not group.has_video),
        stages=tuple(plan for plan in plans if plan.anew.most),
        work_s=Range(
            sum(plan.anew.least * (plan.seconds_each or 0.0) for plan in plans),
            sum(plan.anew.most * (plan.seconds_each or 0.0) for plan in plans),
        ),
        coached=by_name.get(COACHING_STAGE, nothing).anew,
        usd_each=usd_each,
    )


def _anew(stages: Sequence[PresentStage], up_to_date: frozenset[str]) -> tuple[set[str], set[str]]:
    """The stages that are made anew for their version, and those with all that read them."""
    surely = {stage.name for stage in stages if stage.name not in up_to_date}
    perhaps: set[str] = set()
    for stage in stages:
        if stage.name in surely or perhaps.intersection(stage.reads):
            perhaps.add(stage.name)
    return surely, perhaps


def _alike(connection: Connection, selection: Selection, stages: Sequence[PresentStage]) -> list[Alike]:
    """One query, whose answer is as long as there are kinds of swings: a bit a stage that is up to date."""
    bits = (
        (
            and_(
                stage_outputs.c.stage == stage.name,
                stage_outputs.c.version == stage.version,
                stage_outputs.c.fingerprint.is_not(None),
            ),
            1 << place,
        )
        for place, stage in enumerate(stages)
    )
    swings = (
        select(
            analyses.c.analysis_id,
            analyses.c.video_removed_at.is_(None).label("has_video"),
            func.coalesce(func.sum(case(*bits, else_=0)), 0).label("up_to_date"),
        )
        .outerjoin(stage_outputs, stage_outputs.c.analysis_id == analyses.c.analysis_id)
        .where(matches(connection, selection))
        .group_by(analyses.c.analysis_id, analyses.c.video_removed_at)
        .subquery()
    )
    query = select(swings.c.up_to_date, swings.c.has_video, func.count()).group_by(
        swings.c.up_to_date, swings.c.has_video
    )
    return [
        Alike(
            count,
            frozenset(
                stage.name for place, stage in enumerate(stages) if int(mask) >> place & 1 and not selection.force
            ),
            bool(has_video),
        )
        for mask, has_video, count in connection.execute(query)
    ]


def _seconds(connection: Connection, stage: PresentStage) -> float | None:
    """What a stage takes (median, seconds): in its present version, else in whichever there is."""
    of_stage = select(stage_outputs.c.facts).where(stage_outputs.c.stage == stage.name)
    for query in (of_stage.where(stage_outputs.c.version == stage.version), of_stage):
        took = [
            float(facts["compute_seconds"])
            for facts in connection.execute(query.limit(SAMPLE)).scalars()
            if "compute_seconds" in facts and not facts.get("reused")
        ]
        if took:
            return median(took)
    return None


def _usd(connection: Connection) -> float | None:
    """What a coaching of a model costs (mean, USD); answers that had been paid for before cost nothing and count."""
    query = select(stage_outputs.c.facts).where(stage_outputs.c.stage == COACHING_STAGE)
    latest = query.order_by(stage_outputs.c.stored_at.desc()).limit(SAMPLE)
    costs = [
        float(facts["cost_usd"])
        for facts in connection.execute(latest).scalars()
        if facts.get("model", "rules") != "rules" and "cost_usd" in facts
    ]
    return fmean(costs) if costs else None
