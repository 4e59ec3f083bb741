"""Which swings a backfill takes: the conditions, how they are stored, and how they are asked of the catalog.

Versions are compared number by number ("2-10" is younger than "2-9"). The catalog cannot compare them so, therefore
the few versions of a stage that it holds are read first, each by one look into the index.
"""

import re
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from golf_pipeline.failures import our_faults
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, stage_outputs
from golf_pipeline.swing.errors import ErrorCode

_ENDED = [status for status in Status if status.ended]


class Selection(BaseModel):
    """Which swings are to be analysed again, and how. All conditions that are given hold together.

    Swings that are deleted, or whose video has not come, are never chosen; failures that another try cannot mend only
    with `permanent`, and none whose video was removed. With `older_than` or `outdated` only finished swings are: one
    under way is being brought up to date.

    Attributes:
        since, until: the video came at or after the one, and before the other (UTC).
        failed_only: only swings that failed.
        permanent: failures of the video itself too: a new version may find the swing that an old one did not.
        older_than: stage -> version: any of these stages has an output of an older version.
        outdated: stage -> present version: any of these stages has an output of another version, or none.
        force: every stage is made anew, whatever is stored.

    Raises:
        ValidationError: a time without a zone, `since` not before `until`, failed swings chosen by version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    analysis_id: str | None = None
    user_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    failed_only: bool = False
    permanent: bool = False
    older_than: dict[str, str] = {}
    outdated: dict[str, str] = {}
    force: bool = False

    @field_validator("since", "until")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time needs a zone")
        return None if value is None else value.astimezone(UTC)

    @model_validator(mode="after")
    def _can_hold(self) -> "Selection":
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("`since` must be before `until`")
        if self.failed_only and self.by_version:
            raise ValueError("failed swings have no outputs that could be of an older version")
        return self

    @property
    def by_version(self) -> bool:
        return bool(self.older_than or self.outdated)


def matches(connection: Connection, selection: Selection) -> ColumnElement[bool]:
    """The selection as a condition on `analyses`."""
    conditions = [analyses.c.etag.is_not(None), analyses.c.deleted_at.is_(None), _at_status(selection)]
    for column, value in ((analyses.c.analysis_id, selection.analysis_id), (analyses.c.user_id, selection.user_id)):
        if value is not None:
            conditions.append(column == value)
    if selection.since is not None:
        conditions.append(analyses.c.uploaded_at >= selection.since)
    if selection.until is not None:
        conditions.append(analyses.c.uploaded_at < selection.until)
    if selection.older_than:
        conditions.append(_has_older(connection, selection.older_than))
    if selection.outdated:
        conditions.append(_is_outdated(selection.outdated))
    return and_(*conditions)


def is_under_way() -> ColumnElement[bool]:
    """Whether a swing has not ended: it may be analysed again afterwards."""
    return analyses.c.status.not_in(_ENDED)


def is_worth_a_try() -> ColumnElement[bool]:
    """Whether a failed swing may succeed now."""
    return or_(analyses.c.retryable.is_(True), analyses.c.error_code.in_(sorted(our_faults())))


def version_order(version: str) -> tuple[int, ...]:
    """What versions are ordered by: their numbers, "2-10" as (2, 10)."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _at_status(selection: Selection) -> ColumnElement[bool]:
    if selection.by_version:
        # Not by status: nearly all swings have this one, and its index leads SQLite away from the order of the ids.
        return analyses.c.ai_analysis_completed.is_(True)
    finished = analyses.c.status == Status.AI_COMPLETED
    no_upload = func.coalesce(analyses.c.error_code, "") == ErrorCode.NOT_AN_UPLOAD
    failed = and_(analyses.c.status == Status.FAILED, analyses.c.video_removed_at.is_(None), ~no_upload)
    if not selection.permanent:
        failed = and_(failed, is_worth_a_try())
    return failed if selection.failed_only else or_(finished, failed, is_under_way())


def _has_older(connection: Connection, than: dict[str, str]) -> ColumnElement[bool]:
    older = [
        and_(stage_outputs.c.stage == stage, stage_outputs.c.version.in_(_older(connection, stage, version)))
        for stage, version in than.items()
    ]
    mine = select(1).where(stage_outputs.c.analysis_id == analyses.c.analysis_id, or_(*older))
    return mine.correlate(analyses).exists()


def _older(connection: Connection, stage: str, than: str) -> list[str]:
    return [one for one in stored_versions(connection, stage) if version_order(one) < version_order(than)]


def stored_versions(connection: Connection, stage: str) -> list[str]:
    """The versions of which a stage has outputs."""
    found: list[str] = []
    query = select(func.min(stage_outputs.c.version)).where(stage_outputs.c.stage == stage)
    following = query
    while (version := connection.execute(following).scalar()) is not None:
        found.append(version)
        following = query.where(stage_outputs.c.version > version)
    return found


def _is_outdated(present: dict[str, str]) -> ColumnElement[bool]:
    up_to_date = or_(
        *(
            and_(stage_outputs.c.stage == stage, stage_outputs.c.version == version)
            for stage, version in present.items()
        )
    )
    counted = (
        select(func.count())
        .select_from(stage_outputs)
        .where(stage_outputs.c.analysis_id == analyses.c.analysis_id, up_to_date)
        .correlate(analyses)  # and to nothing else, as who asks may have joined the outputs
        .scalar_subquery()
    )
    return counted < len(present)
