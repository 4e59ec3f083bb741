"""Who may see and change which swing: one place for the rule, used by every route.

Owners see and change their own swings. A coach sees those of golfers who named them (`golfer_coaches`) and changes
none. An admin may all. A guest's swing is seen by whoever knows its unguessable id. What a caller may not see does not
exist for them: 404, never 403, so that ids cannot be probed.
"""

from golf_pipeline.api.identity import Caller, Role
from golf_pipeline.api.problems import Problem
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.coaches import is_coach_of
from golf_pipeline.storage.keys import GUEST
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
    record = catalog.get(analysis_id)
    if record is None or not may_see(catalog, caller, record.user_id):
        raise swing_not_found()
    if record.deleted_at is not None:
        raise Problem(410, "SWING_DELETED", "This swing was deleted.")
    return record


def changed_swing(catalog: Catalog, caller: Caller, analysis_id: str) -> AnalysisRecord:
    """The record of a swing that the caller may change.

    Raises:
        Problem: 404 and 410 as `seen_swing`; 403, the caller may see it but not change it.
    """
    record = seen_swing(catalog, caller, analysis_id)
    if not may_change(caller, record.user_id):
        raise Problem(403, "NOT_YOURS", "Only its golfer may change this swing.")
    return record


def swing_not_found() -> Problem:
    return Problem(404, "NOT_FOUND", "There is no such swing.")
