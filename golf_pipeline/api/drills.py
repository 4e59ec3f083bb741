"""The drill library, what of it answers a golfer's own faults, and what they have done."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from fastapi import APIRouter, Depends, Request, Response

from golf_pipeline.api.etags import CONDITIONAL, NOT_MODIFIED, Rendered, strong
from golf_pipeline.api.golfer_reads import profile_of
from golf_pipeline.api.idempotency import IdempotentRoute
from golf_pipeline.api.identity import AnyCaller, SignedIn
from golf_pipeline.api.limits import WithinLimits
from golf_pipeline.api.people_messages import (
    MOST_RECOMMENDED,
    CompletedDrill,
    DrillCompletion,
    DrillList,
    FaultId,
    Place,
    RecommendedDrill,
    RecommendedDrills,
)
from golf_pipeline.api.preconditions import still_holds
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.storage import database, profiles
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.drills_done import DrillDone, drills_done_since, record_drill
from golf_pipeline.storage.kept_objects import KeptObjects
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import Drill
from golf_pipeline.swing.profile import FocusArea

LIBRARY_CACHE_CONTROL = "public, max-age=3600"
"""The library is everybody's and changes with a version of this service only."""

RECENT = timedelta(days=7)
OLDEST_COMPLETION = timedelta(days=30)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""A phone's clock may run ahead of ours by so much; what is later is in the future."""

PLACES: tuple[Place, ...] = ("at home", "on the range")
"""Of each fault one drill at home and one on the range, as in the week's plan of a report."""

_WITHOUT_PROFILE = (
    "Drills follow within a minute of your first analysed swing: upload one, or ask again in a moment if you have."
)

router = APIRouter(prefix="/api/v1/drills", tags=["drills"], route_class=IdempotentRoute)


@router.get(
    "",
    operation_id="listDrills",
    response_model=DrillList,
    responses={**NOT_MODIFIED, **documented(401, 422)},
    openapi_extra=CONDITIONAL,
)
async def list_drills(
    request: Request, caller: AnyCaller, fault_id: FaultId | None = None, where: Place | None = None
) -> Response:
    """The drill library: all of it, or what answers one fault, or what can be done at home or on the range."""
    del caller  # anybody; a token that is not valid is refused all the same
    library = _library(fault_id, where)
    answer = still_holds(request, library.etag) or Response(library.body, media_type="application/json")
    answer.headers["ETag"] = library.etag
    answer.headers["Cache-Control"] = LIBRARY_CACHE_CONTROL
    return answer


@router.get("/recommended", operation_id="recommendDrills", responses=documented(401, 503))
def recommend_drills(request: Request, caller: SignedIn) -> RecommendedDrills:
    """At most four drills for what was seen most in the golfer's recent swings, and which were done this week."""
    catalog: Catalog = request.app.state.catalog
    store: KeptObjects = request.app.state.kept
    with database.for_reading(catalog.engine).connect() as connection:
        stored = profiles.stored_profile(connection, caller.user_id)
    profile = profile_of(store, stored)
    if profile is None or not profile.swing_count:
        return RecommendedDrills(drills=(), reason=_WITHOUT_PROFILE)
    done = drills_done_since(catalog.engine, caller.user_id, datetime.now(UTC) - RECENT)
    chosen = tuple(_recommended(area, drill, done) for area, drill in _choose(profile.focus_areas))
    if not chosen:
        return RecommendedDrills(drills=(), reason="No fault that a drill answers was seen in your recent swings.")
    return RecommendedDrills(
        drills=chosen, reason="These answer what was seen in your recent swings, what to work on first at the top."
    )


@router.post(
    "/{drill_id}/complete",
    status_code=201,
    operation_id="completeDrill",
    dependencies=[Depends(WithinLimits)],
    responses=documented(401, 404, 409, 413, 415, 422, 429, 503),
)
def complete_drill(
    drill_id: str, request: Request, caller: SignedIn, done: DrillCompletion | None = None
) -> CompletedDrill:
    """Note that the golfer has done a drill, now or at a time within the last 30 days."""
    if drill_id not in knowledge.load().drills:
        raise Problem(404, "NOT_FOUND", "There is no such drill. GET /api/v1/drills lists them.")
    now = datetime.now(UTC)
    completed_at = (done.completed_at if done else None) or now
    if not now - OLDEST_COMPLETION <= completed_at <= now + CLOCK_TOLERANCE:
        raise Problem(422, "INVALID_COMPLETED_AT", "completed_at must lie within the last 30 days, not in the future.")
    completed_at = min(completed_at.astimezone(UTC), now)
    catalog: Catalog = request.app.state.catalog
    completion_id = record_drill(catalog.engine, caller.user_id, drill_id, completed_at)
    return CompletedDrill(completion_id=completion_id, drill_id=drill_id, completed_at=completed_at)


@lru_cache
def _library(fault_id: str | None, where: str | None) -> Rendered:
    drills = (
        drill
        for drill in knowledge.load().drills.values()
        if (fault_id is None or fault_id in drill.fault_ids) and (where is None or drill.where == where)
    )
    return strong(DrillList(drills=tuple(drills)).model_dump_json().encode())


def _choose(areas: tuple[FocusArea, ...]) -> list[tuple[FocusArea, Drill]]:
    """Drills with the fault that each answers: of each focus area in turn one at home and one on the range."""
    chosen: dict[str, tuple[FocusArea, Drill]] = {}
    for area in areas:
        for drill in _of_area(area):
            chosen.setdefault(drill.drill_id, (area, drill))
    return list(chosen.values())[:MOST_RECOMMENDED]


def _of_area(area: FocusArea) -> Iterator[Drill]:
    known = knowledge.load().drills
    # A profile may name a drill that the library has no more.
    drills = [known[drill_id] for drill_id in area.drill_ids if drill_id in known]
    for place in PLACES:
        yield from [drill for drill in drills if drill.where == place][:1]


def _recommended(area: FocusArea, drill: Drill, done: dict[str, DrillDone]) -> RecommendedDrill:
    when = done.get(drill.drill_id)
    return RecommendedDrill(
        drill=drill,
        fault_id=area.fault_id,
        fault_name=area.name,
        times_done_7_days=when.times if when else 0,
        last_done_at=when.last_at if when else None,
    )
