"""The golfer's own account and statistics. The shapes of requests and answers are in `people_messages.py`."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from golf_pipeline.api.access import may_see
from golf_pipeline.api.etags import CONDITIONAL, NOT_MODIFIED
from golf_pipeline.api.golfer_reads import our_own_objects, profile_of
from golf_pipeline.api.identity import Caller, SignedIn
from golf_pipeline.api.people_messages import (
    DatedSwing,
    DrillCounts,
    FaultCount,
    Me,
    MePatch,
    MonthOfSwings,
    ProfileSummary,
    ScoreStats,
    UserStats,
    is_user_id,
)
from golf_pipeline.api.preconditions import IF_MATCH, require_match, still_holds, tag_of, tagged
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.api.swing_messages import client_status
from golf_pipeline.storage import database, profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.coaches import coaches_of, name_coaches
from golf_pipeline.storage.drills_done import count_drills_done
from golf_pipeline.storage.golfer_stats import SwingCounts, count_swings
from golf_pipeline.storage.kept_objects import KeptObjects
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.profiles import Golfer, StoredProfile
from golf_pipeline.storage.records import Status
from golf_pipeline.swing.profile import SwingProfile, UserContext

router = APIRouter(prefix="/api/v1/users", tags=["users"])


@router.get(
    "/me",
    operation_id="getMe",
    response_model=Me,
    responses={**NOT_MODIFIED, **documented(401, 503)},
    openapi_extra=CONDITIONAL,
)
def get_me(request: Request, caller: SignedIn) -> Response:
    """Who is calling: what they say of themselves, their coaches, and what their swings say together."""
    catalog, _ = _parts(request)
    with database.for_reading(catalog.engine).connect() as connection:
        state = _State(connection, caller)
    return still_holds(request, state.tag) or _served(request.app.state.kept, state)


@router.patch(
    "/me",
    operation_id="updateMe",
    response_model=Me,
    responses=documented(401, 412, 413, 415, 422, 503),
    openapi_extra=IF_MATCH,
)
def update_me(patch: MePatch, request: Request, caller: SignedIn) -> Response:
    """Change what the golfer says of themselves, and who their coaches are; the profile is made again with it.

    A JSON merge patch: fields that are left out stay as they are, null clears, unknown ones are refused. Two changes at
    once come one after the other, each on top of what the other left, so neither loses the other's fields; of the same
    field the later one stands. Who must not overwrite what they have not seen sends If-Match with the ETag of their
    last read.
    """
    if patch.coach_ids and caller.user_id in patch.coach_ids:
        raise Problem(422, "OWN_COACH", "You see your own swings anyway: leave yourself out of coach_ids.")
    catalog, store = _parts(request)
    written_by_hand = _context_from_file(catalog, store, caller)
    with catalog.engine.begin() as connection:
        # The golfer's row is held from here on: what is read below cannot change before what is written.
        profiles.locked_golfer(connection, caller.user_id)
        state = _State(connection, caller)
        require_match(request, state.tag)
        before = state.golfer.context or written_by_hand or UserContext()
        after = patch.applied_to(before)
        about_themselves = bool(patch.model_fields_set - {"coach_ids"})
        if about_themselves and after != state.golfer.context:
            profiles.set_context(connection, caller.user_id, after)
        if "coach_ids" in patch.model_fields_set:
            name_coaches(connection, caller.user_id, patch.coach_ids or ())
        state = _State(connection, caller)
    if about_themselves:
        with our_own_objects():
            profiles.write_context_file(catalog.engine, store, caller.user_id)
    return _served(request.app.state.kept, state)


@router.get(
    "/{user_id}/stats",
    operation_id="getUserStats",
    response_model=UserStats,
    responses={**NOT_MODIFIED, **documented(401, 404, 503)},
    openapi_extra=CONDITIONAL,
)
def get_user_stats(user_id: str, request: Request, caller: SignedIn) -> Response:
    """A golfer in numbers, for themselves, their coaches and admins."""
    # The database counts one golfer's rows by index; scores and faults are read from the stored profile. So a golfer
    # with 5,000 swings costs a dozen numbers over the wire, and nobody else's swings are looked at.
    catalog, _ = _parts(request)
    if not is_user_id(user_id) or not may_see(catalog, caller, user_id):
        raise Problem(404, "NOT_FOUND", "There is no such golfer.")
    now = datetime.now(UTC)
    with database.for_reading(catalog.engine).connect() as connection:
        counts = count_swings(connection, user_id, now)
        stored = profiles.stored_profile(connection, user_id)
    days = (now - timedelta(days=7), now - timedelta(days=30))
    week, month = count_drills_done(catalog.engine, user_id, *days)
    drills = DrillCounts(last_7_days=week, last_30_days=month)
    seen = (counts.by_status, counts.by_month, counts.practices, counts.first, counts.latest)
    tag = tag_of(user_id, *seen, week, month, _told(stored))
    if (known := still_holds(request, tag)) is not None:
        return known
    stats = _stats(user_id, counts, drills, profile_of(request.app.state.kept, stored))
    return tagged(stats.model_dump_json().encode(), tag)


class _State:
    """What the answer about the caller is made of, as one transaction sees it; the tag changes with any of it."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self.caller = caller
        self.golfer: Golfer = profiles.golfer(connection, caller.user_id)
        self.coach_ids = coaches_of(connection, caller.user_id)
        self.profile = profiles.stored_profile(connection, caller.user_id)
        self.roles = tuple(sorted(caller.roles))
        self.tag = tag_of(caller.user_id, self.roles, self.golfer.revision, self.coach_ids, _told(self.profile))


def _served(store: KeptObjects, state: _State) -> Response:
    profile = profile_of(store, state.profile)
    context = state.golfer.context or (profile.user_context if profile else None) or UserContext()
    me = Me(
        user_id=state.caller.user_id,
        roles=state.roles,
        context=context,
        coach_ids=state.coach_ids,
        profile=ProfileSummary.of(profile) if profile else None,
    )
    return tagged(me.model_dump_json().encode(), state.tag)


def _context_from_file(catalog: Catalog, store: ObjectStore, caller: Caller) -> UserContext | None:
    """What an operator once put into the bucket for a golfer who never changed it here."""
    with database.for_reading(catalog.engine).connect() as connection:
        if profiles.golfer(connection, caller.user_id).context is not None:
            return None
    with our_own_objects():
        return profiles.read_context_file(store, caller.user_id)


def _told(stored: StoredProfile | None) -> tuple[str, datetime] | None:
    return (stored.key, stored.stored_at) if stored else None


def _stats(user_id: str, counts: SwingCounts, drills: DrillCounts, profile: SwingProfile | None) -> UserStats:
    swings = dict.fromkeys(map(client_status, Status), 0)
    for status, count in counts.by_status.items():
        swings[client_status(status)] += count
    first, latest = (
        DatedSwing(analysis_id=end[0], recorded_at=end[1]) if end else None for end in (counts.first, counts.latest)
    )
    scores = tuple(
        ScoreStats(
            view=one.view,
            handedness=one.handedness,
            scores=one.scores,
            latest=one.value,
            median=one.median,
            best_analysis_id=one.best_analysis_id,
            direction=one.direction,
        )
        for one in (profile.scores if profile else ())
    )
    areas = profile.focus_areas if profile else ()
    return UserStats(
        user_id=user_id,
        swings=swings,
        swings_per_month=tuple(MonthOfSwings(month=month, swings=count) for month, count in counts.by_month),
        first_swing=first,
        latest_swing=latest,
        practices=counts.practices,
        scores=scores,
        faults=tuple(
            FaultCount.model_validate(area.model_dump(include=set(FaultCount.model_fields))) for area in areas
        ),
        drills_completed=drills,
    )


def _parts(request: Request) -> tuple[Catalog, ObjectStore]:
    return request.app.state.catalog, request.app.state.store
