"""The golfer's profile and the tables of their history: one asset per golfer, made of all of their stored results.

A run carries one golfer or a range of them. As with swings (`swing_assets.py`) one bad golfer fails alone: each profile
that was made is a materialisation of its own, and no output is returned, which Dagster would take for one of them all.
Nothing is downstream, so no event has to say that an output is there. At its end the step fails with a list of those
whose profile could not be made; they wait longer after each failure (`storage/profile_failures.py`).
"""

import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from golf_pipeline.orchestration.partitions import golfer_of_partition, golfer_partition, golfers
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.swing_assets import OWNERS, as_swing_error
from golf_pipeline.orchestration.told import tell_what_is_missing
from golf_pipeline.orchestration.written import CONTENT_TYPES, JSON_TYPE
from golf_pipeline.storage import profile_failures, profiles
from golf_pipeline.storage.history_tables import metric_table, swing_table
from golf_pipeline.storage.keys import metric_history_key, profile_key, swing_history_key
from golf_pipeline.storage.profile_swings import FinishedSwings, finished_swings
from golf_pipeline.swing.errors import SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, SwingProfile, build_profile

GOLFERS_PER_BACKFILL_RUN = 25
"""Golfers in one run of a backfill started in the UI."""

TRIED_AGAIN_AFTER_S = (2.0, 4.0)
"""Within the run, where another try may help; S3's client has tried a few times by then."""

GIVEN_UP_AFTER = 2
"""Golfers in a row whose failure is not theirs, as when S3 does not answer: the others are left to a later run."""

FAILING = 3
"""Failures in a row that are worth a look: fewer pass with whatever caused them."""

MOST_NAMED = 20
"""Failing golfers whom the check names."""

CHECK = "profiles_can_be_made"


def _swing_profile(context: dg.AssetExecutionContext, swing_store: SwingStore) -> Iterator[Any]:
    """A golfer's focus areas, strengths, cautions and metric trends, from all of their finished swings."""
    lost: dict[str, SwingError] = {}
    in_a_row = 0
    keys = context.partition_keys
    left = list(keys)
    while left and in_a_row < GIVEN_UP_AFTER:
        key = left.pop(0)
        attempt = _attempt(context, swing_store, key)
        if isinstance(attempt, SwingError):
            context.log.warning(f"{key} has no new profile: {attempt}")
            lost[key] = attempt
            in_a_row = in_a_row + 1 if attempt.retryable else 0
        else:
            in_a_row = 0
            yield dg.AssetMaterialization(
                asset_key=context.asset_key,
                partition=key,
                metadata=attempt,
                tags={"dagster/code_version": ALGORITHM_VERSION},
            )
    yield _check_failures(swing_store)
    if lost:
        raise _failure(lost, of=len(keys), not_tried=len(left))


with warnings.catch_warnings():
    # A range can only run in one run with a BackfillPolicy, whose API is still marked as beta.
    warnings.filterwarnings("ignore", message=".*`backfill_policy`.*", category=dg.BetaWarning)
    swing_profile = dg.asset(
        name="swing_profile",
        description=_swing_profile.__doc__,
        deps=["analysis_result"],
        partitions_def=golfers,
        group_name="golfer",
        owners=OWNERS,
        kinds={"python", "json"},
        code_version=ALGORITHM_VERSION,
        output_required=False,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=GOLFERS_PER_BACKFILL_RUN),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK, asset="swing_profile", description=f"No golfer's profile failed {FAILING} times in a row."
            )
        ],
    )(_swing_profile)


def _attempt(context: dg.AssetExecutionContext, store: SwingStore, key: str) -> dict[str, Any] | SwingError:
    """Make the profile of one golfer: what the UI shows of it, or why there is none, so that the others' are made."""
    try:
        user_id, engine = golfer_of_partition(key), store.catalog.engine
        begun_at = profile_failures.begin(engine, user_id)
        made = _make_patiently(context, store, user_id)
        if isinstance(made, SwingError):
            profile_failures.fail(engine, user_id, begun_at, made)
        elif not profile_failures.succeed(engine, user_id, begun_at):
            context.log.warning(f"{key} was made by another run at the same time: it is made once more")
            with engine.begin() as connection:
                profiles.ask_refresh(connection, user_id)
        return made
    except Exception as cause:  # the try that began and did not end counts as a failure too
        return as_swing_error(cause)


def _make_patiently(context: dg.AssetExecutionContext, store: SwingStore, user_id: str) -> dict[str, Any] | SwingError:
    for again_after_s in (*TRIED_AGAIN_AFTER_S, None):
        try:
            return _make_profile(context, store, user_id)
        except Exception as cause:
            error = as_swing_error(cause)
            if not isinstance(cause, SwingError):
                context.log.exception(repr(cause))
            if again_after_s is None or not error.retryable:
                break
        time.sleep(again_after_s)
    return error


def _make_profile(context: dg.AssetExecutionContext, store: SwingStore, user_id: str) -> dict[str, Any]:
    catalog, objects = store.catalog, store.objects
    # Read before all else: a change that comes later has another revision, and the profile is made again.
    with catalog.engine.connect() as connection:
        known = profiles.golfer(connection, user_id)
        has_profile = profiles.stored_profile(connection, user_id) is not None
    finished = finished_swings(catalog, objects, user_id, warn=context.log.warning)
    if not finished.records and not has_profile:  # all was deleted meanwhile: nothing is kept of this golfer
        return {"swings": 0}
    user_context = known.context or profiles.read_context_file(objects, user_id, context.log.warning)
    profile = build_profile(user_id, finished.swings, user_context)
    key = profile_key(user_id, ALGORITHM_VERSION)
    for table_key, table in (
        (metric_history_key(user_id, ALGORITHM_VERSION), metric_table(user_id, finished.swings)),
        (swing_history_key(user_id, ALGORITHM_VERSION), swing_table(user_id, finished.swings)),
    ):
        objects.put_bytes(table_key, table, CONTENT_TYPES[".parquet"])
    objects.put_bytes(key, profile.model_dump_json(indent=2).encode(), JSON_TYPE)
    # What the profile knows ends with the records read above, not with "now": a swing that ended meanwhile is next.
    latest = max((one.completed_at for one in finished.records if one.completed_at is not None), default=None)
    profiles.record_profile(catalog.engine, user_id, ALGORITHM_VERSION, key, latest, known.revision)
    told = tell_what_is_missing(catalog, objects, user_id, finished.records)
    return _described(profile, finished) | {"swings_told": told, "stored_at": f"s3://{objects.bucket}/{key}"}


def _described(profile: SwingProfile, finished: FinishedSwings) -> dict[str, Any]:
    return {
        "swings": profile.swing_count,
        "swings_unreadable": len(finished.records) - len(finished.swings),
        "results_read": finished.read,
        "focus_areas": ", ".join(area.fault_id for area in profile.focus_areas) or "none",
        "strengths": len(profile.strengths),
        "metrics": len(profile.metrics),
        "trends": sum(metric.direction in {"better", "worse", "changed"} for metric in profile.metrics),
    }


def _check_failures(store: SwingStore) -> dg.AssetCheckResult:
    failing = profile_failures.failing(store.catalog.engine, FAILING)
    named = {golfer_partition(one.user_id): one for one in failing[:MOST_NAMED]}
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=not failing,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(failing)} golfers' profiles keep failing; each is tried again by itself"
        if failing
        else None,
        metadata={
            "failing": len(failing),
            **{
                key: f"{one.failures} times, last at {one.failed_at:%F %T} UTC: {one.message}"
                for key, one in named.items()
            },
        },
    )


def _failure(lost: Mapping[str, SwingError], *, of: int, not_tried: int) -> dg.Failure:
    if of == 1:
        (description,) = map(str, lost.values())
    else:
        named = "; ".join(f"{key}: {error.code}" for key, error in lost.items())
        description = f"{len(lost)} of {of} profiles could not be made: {named}"
        description += f"; {not_tried} were not tried" if not_tried else ""
    return dg.Failure(description, metadata={key: str(error) for key, error in lost.items()}, allow_retries=False)
