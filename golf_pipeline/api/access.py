"""Who may see and change which swing: one place for the rule, used by every route.

Owners see and change their own swings. A coach sees those of golfers who named them (`golfer_coaches`) and changes
none. An admin may all. A guest's swing is seen by whoever knows its unguessable id. What a caller may not see does not
exist for them: 404, never 403, so that ids cannot be probed. Where a route takes a `Reader`, a signed link opens the
one swing that it was made for, for reading.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Query, Request

from golf_pipeline.api.identity import AnyCaller, Caller, Role
from golf_pipeline.api.problems import Problem
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.coaches import is_coach_of
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.links import link_opens
from golf_pipeline.storage.records import AnalysisRecord


def may_see(catalog: Catalog, caller: Caller, owner: str) -> bool:
    """Whether a caller may see the swings of a golfer."""
    if owner in {caller.user_id, GUEST} or caller.is_admin:
        return True
    return Role.COACH in caller.roles and is_coach_of(catalog.engine, caller.user_id, owner)


def may_change(caller: Caller, owner: str) -> bool:
    """Whether a caller may delete a golfer's swings or have them analysed again."""
    return caller.is_admin or (owner == caller.user_id and not caller.is_guest)


def seen_swing(catalog: Catalog, caller: Caller, analysis_id: str) -> AnalysisRecord:
    """The record of a swing that the caller may see.

    Raises:
        Problem: 404, there is none for this caller; 410, it was deleted.
    """
    return shown_swing(catalog, caller, catalog.get(analysis_id))


def shown_swing(catalog: Catalog, caller: Caller, record: AnalysisRecord | None) -> AnalysisRecord:
    """The same for a record that is in hand already, or that was looked for and is not there.

    Raises:
        Problem: as `seen_swing`.
    """
    if record is None or not (caller.linked_to == record.analysis_id or may_see(catalog, caller, record.user_id)):
        raise swing_not_found()
    if record.deleted_at is not None:
        raise Problem(410, "SWING_DELETED", "This swing was deleted.")
    return record


def sees_without_asking(caller: Caller, record: AnalysisRecord) -> bool:
    """Whether a caller sees a swing that is not deleted, as far as that is known without the database.

    False only says that `shown_swing` must be asked.
    """
    mine = caller.linked_to == record.analysis_id or record.user_id in {caller.user_id, GUEST} or caller.is_admin
    return mine and record.deleted_at is None


def changed_swing(catalog: Catalog, caller: Caller, analysis_id: str) -> AnalysisRecord:
    """The record of a swing that the caller may change.

    Raises:
        Problem: 404 and 410 as `seen_swing`; 403, the caller may see it but not change it.
    """
    record = seen_swing(catalog, caller, analysis_id)
    if not may_change(caller, record.user_id):
        raise Problem(403, "NOT_YOURS", "Only its golfer may change this swing.")
    return record


def deletable_swing(catalog: Catalog, caller: Caller, analysis_id: str) -> AnalysisRecord:
    """The record of a swing that the caller may delete; one that they have deleted before is theirs to delete again.

    Raises:
        Problem: 403, 404 and 410 as `changed_swing`.
    """
    record = catalog.get(analysis_id)
    if record is not None and record.deleted_at is not None and may_change(caller, record.user_id):
        return record
    return changed_swing(catalog, caller, analysis_id)


def swing_not_found() -> Problem:
    return Problem(404, "NOT_FOUND", "There is no such swing.")


async def reading(
    job_id: str,
    request: Request,
    caller: AnyCaller,
    link: Annotated[str | None, Query(description="what a link from the Dagster UI carries instead of a token")] = None,
) -> Caller:
    """The caller, who may have come by a link to this one swing.

    Raises:
        Problem: 403, the link has expired or was made for another swing. Nothing is looked up for that answer.
    """
    if link is None:
        return caller
    key = request.app.state.settings.link_key
    if key is None or not link_opens(link, job_id, key.get_secret_value()):
        raise Problem(
            403, "LINK_NOT_VALID", "This link has expired or is for another swing. Sign in, or get a new one."
        )
    return replace(caller, linked_to=job_id)


Reader = Annotated[Caller, Depends(reading)]
