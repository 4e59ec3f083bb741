"""Which golfers' profiles are made when: the sensor that finds them and hands many of them to one run.

A profile costs a run's process three seconds, and the profile itself a fraction of one: so one run carries all that are
stale at a tick, up to GOLF_PROFILE_BATCH. Who has swings under way waits for them, but not for long; who failed waits
longer after each failure, and nobody waits for them. Finding stale profiles is `storage/stale_profiles.py`.

A golfer is never in two runs: the sensor leaves out whoever a live run carries, also one that was started in the UI.
Should two meet all the same (a run started in the UI does not ask), the profile is made once more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest

import dagster as dg
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Engine

from golf_pipeline.orchestration.assets.profile import swing_profile
from golf_pipeline.orchestration.dispatch import BATCH_TAG, RANGE_END_TAG, RANGE_START_TAG
from golf_pipeline.orchestration.jobs import profile_job
from golf_pipeline.orchestration.partitions import golfer_partition, golfers
from golf_pipeline.orchestration.recovery import LIVE, PARTITION_TAG
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.storage import profile_failures, stale_profiles
from golf_pipeline.swing.profile import ALGORITHM_VERSION as PROFILE_VERSION

PROFILES_EVERY_S = 15

MOST_RUNS = 2
"""Profile runs in the queue and at work together. More would only take the swings' places; with one alone a run whose
machine is gone would hold up all profiles until it is noticed."""

LONGEST_WAIT = timedelta(minutes=10)
"""For a golfer's swings under way, from the moment at which their profile was found stale."""

MOST_WAITING = 100
"""Golfers whom the cursor remembers; every tick is kept with its cursor for a day."""

_GOLFERS = golfers.name or ""


class Cursor(BaseModel):
    """Where the two rounds over all golfers stand, and since when those wait who are known to be stale."""

    model_config = ConfigDict(frozen=True)

    golfers_after: str = ""
    profiles_after: str = ""
    waiting: dict[str, datetime] = {}

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """What was written; a new one where that cannot be read, as then only a round begins anew."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError:
            return cls()


@dg.sensor(
    name="refresh_profiles",
    description="Starts runs for golfers whose profile does not know their latest swing or change, many in one run.",
    job=profile_job,
    minimum_interval_seconds=PROFILES_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def refresh_profiles(context: dg.SensorEvaluationContext, swing_store: SwingStore) -> dg.SensorResult:
    runs = live_profile_runs(context.instance)
    if len(runs) >= MOST_RUNS:
        return dg.SensorResult(skip_reason=f"{len(runs)} runs make profiles already", cursor=context.cursor)
    engine, now = swing_store.catalog.engine, datetime.now(UTC)
    stale, cursor = find_stale(engine, Cursor.parse(context.cursor), now)
    failed = profile_failures.waiting(engine, stale, now)
    stale = [user_id for user_id in stale if user_id not in failed]
    taken, waiting = choose(
        stale,
        busy=golfers_of_runs(runs, context.instance),
        unsettled=stale_profiles.with_swings_under_way(engine, stale),
        since=cursor.waiting,
        now=now,
        most=swing_store.settings.profile_batch,
    )
    request = hand_out(context.instance, [golfer_partition(user_id) for user_id in taken]) if taken else None
    return dg.SensorResult(
        run_requests=[request] if request else [],
        skip_reason=None if request else f"no profile to make now: {len(waiting)} golfers wait, {len(failed)} failed",
        cursor=cursor.model_copy(update={"waiting": waiting}).model_dump_json(),
    )


def find_stale(engine: Engine, cursor: Cursor, now: datetime) -> tuple[list[str], Cursor]:
    """Golfers with a stale profile, and the cursor with its rounds one page further.

    Those that the rounds find take turns with those of whom something is known: neither waits for all of the other.
    """
    known = [
        *sorted(cursor.waiting, key=lambda user_id: cursor.waiting[user_id]),
        *stale_profiles.lately_concerned(engine, now),
        *profile_failures.due(engine, now, stale_profiles.MOST_GOLFERS),
    ]
    outdated = stale_profiles.page_of_outdated(engine, cursor.profiles_after, PROFILE_VERSION)
    page = stale_profiles.page_of_golfers(engine, cursor.golfers_after)
    found = [*outdated.user_ids[: stale_profiles.MOST_GOLFERS], *page.user_ids]
    stale = stale_profiles.stale_among(engine, {*known, *found}, PROFILE_VERSION)
    turns = zip_longest((one for one in known if one in stale), (one for one in found if one in stale))
    in_turn = dict.fromkeys(user_id for user_id in chain.from_iterable(turns) if user_id is not None)
    after = {"golfers_after": page.next_after, "profiles_after": outdated.next_after}
    return list(in_turn), cursor.model_copy(update=after)


def choose(
    stale: Iterable[str],
    *,
    busy: Collection[str],
    unsettled: Collection[str],
    since: Mapping[str, datetime],
    now: datetime,
    most: int,
) -> tuple[list[str], dict[str, datetime]]:
    """Whose profile is made now, at most `most`, and who waits, with since when; in the order of `stale`.

    Args:
        busy: partition keys of golfers whom a run carries.
        unsettled: golfers with swings under way; they wait for them up to `LONGEST_WAIT`.
        since: since when golfers have waited.
    """
    taken: list[str] = []
    waiting: dict[str, datetime] = {}
    for user_id in stale:
        found_at = since.get(user_id, now)
        # Whoever cannot be remembered cannot wait either: they would wait anew each time.
        waits = user_id in unsettled and now - found_at < LONGEST_WAIT and len(waiting) < MOST_WAITING
        if not waits and len(taken) < most and golfer_partition(user_id) not in busy:
            taken.append(user_id)
        elif len(waiting) < MOST_WAITING:
            waiting[user_id] = found_at
    return taken, waiting


def hand_out(instance: dg.DagsterInstance, keys: Sequence[str]) -> dg.RunRequest:
    """A run for golfers whom no other run carries; where they are several, as a range of partitions.

    A range is what stands between two partitions in the order of insertion. Golfers who do not stand together are
    taken out and added again, at the end. A live run's golfers are not among them, so no other range is torn; their
    materialisations stay, as Dagster knows those by the key.
    """
    instance.add_dynamic_partitions(_GOLFERS, keys)
    if len(keys) == 1:
        return dg.RunRequest(partition_key=keys[0])
    together = _standing_together(instance, keys)
    if len(together) < len(keys):
        for key in keys:
            instance.delete_dynamic_partition(_GOLFERS, key)
        instance.add_dynamic_partitions(_GOLFERS, keys)
        together = _standing_together(instance, keys)  # fewer if somebody adds a partition at the same moment
    if len(together) == 1:
        return dg.RunRequest(partition_key=together[0])
    tags = {RANGE_START_TAG: together[0], RANGE_END_TAG: together[-1], BATCH_TAG: str(len(together))}
    return dg.RunRequest(tags=tags)


def _standing_together(instance: dg.DagsterInstance, keys: Collection[str]) -> list[str]:
    """The first of these partitions, and those of them that stand right behind it."""
    wanted, together = set(keys), []
    for key in instance.get_dynamic_partitions(_GOLFERS):
        if key in wanted:
            together.append(key)
        elif together:
            break
    return together


def live_profile_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that make profiles, or will, whoever started them."""
    runs = instance.get_runs(dg.RunsFilter(statuses=LIVE))
    return [run for run in runs if run.job_name == profile_job.name or swing_profile.key in (run.asset_selection or ())]


def golfers_of_runs(runs: Sequence[dg.DagsterRun], instance: dg.DagsterInstance) -> set[str]:
    """Partition keys of the golfers whom these runs carry."""
    carried = {run.tags[PARTITION_TAG] for run in runs if PARTITION_TAG in run.tags}
    ranges = [
        (run.tags[RANGE_START_TAG], run.tags.get(RANGE_END_TAG, "")) for run in runs if RANGE_START_TAG in run.tags
    ]
    order = instance.get_dynamic_partitions(_GOLFERS) if ranges else []
    for start, end in ranges:
        if start in order and end in order:
            carried.update(order[order.index(start) : order.index(end) + 1])
    return carried
