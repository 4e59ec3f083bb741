"""From pending rows to run requests: one run a swing while few wait, ranges of swings when many do.

A run of its own costs a process start; a swing in a range costs none, but waits for the others of its batch. So latency
wins below the backlog threshold, and throughput above it: there whole batches are handed out and nothing less while
more waits, or each swing that ends would let in one other, in a run of its own. A batch takes a share of what waits, so
the last ones are small and no core idles while another has many to go. A swing whose run died once runs alone
(`recovery.py`).

Only so many swings are handed out at a time. The rest waits in the catalog, where it can be counted, put in order and
outlive Dagster, and not in the run queue, where ten thousand rows would slow every look of the daemon.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from golf_pipeline.orchestration.partitions import swings
from golf_pipeline.settings import Settings
from golf_pipeline.storage.records import AnalysisRecord

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
BATCH_TAG = "golf/batch"
GOLFER_TAG = "golf/golfer"
LANE_TAG = "golf/lane"
LIVE_LANE = "live"
ATTEMPTS_TAG = "golf/attempts"
"""JSON: partition -> the attempt that the run is meant for. By the time it begins there may be a newer one."""

REEXECUTED_TAG = "dagster/parent_run_id"


class PartitionStore(Protocol):
    """What is needed of a Dagster instance."""

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]: ...

    def add_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> None: ...

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool: ...


BATCH_SHARE = 8
"""A batch is at most this part of what waits, where that is more than the least size of a batch."""


@dataclass(frozen=True)
class Load:
    """How much is handed out: swings in a tick, swings under way in all, and from when on and how they are batched."""

    cap: int
    ahead: int
    backlog: int
    batch_least: int
    batch_most: int

    @classmethod
    def of(cls, settings: Settings) -> "Load":
        """As set, without the contradictions: no batch is larger than what a tick, or all runs, may have."""
        ahead, cap = settings.dispatch_ahead, min(settings.dispatch_cap, settings.dispatch_ahead)
        least = min(settings.batch_size, cap)
        return cls(cap, ahead, settings.batch_backlog, least, min(cap, max(least, settings.batch_most)))

    def batch_size(self, waiting: int) -> int:
        return min(self.batch_most, max(self.batch_least, waiting // BATCH_SHARE))


def dispatch(catalog: "Catalog", partitions: PartitionStore, algorithm_version: str, load: Load) -> list[dg.RunRequest]:
    """Claim pending analyses, as many as the load allows, and return the runs that carry them.

    Partitions are added here and not in the sensor's result, because a batch is only a range if its keys stand next to
    each other in the order of their insertion, and that order is known once they are in.
    """
    pending = catalog.pending(load.cap)
    if not pending:
        return []
    waiting = len(pending) if len(pending) < load.backlog else catalog.pending_count()
    size = load.batch_size(waiting) if waiting >= load.backlog else 1
    room = max(0, min(load.cap, load.ahead - catalog.in_flight()))
    if waiting > room:
        room = room // size * size
    won = set(catalog.mark_dispatched([record.analysis_id for record in pending[:room]]))
    records = [record for record in pending if record.analysis_id in won]
    alone, together = records, []
    if size > 1:
        alone = [record for record in records if record.interruptions or _has_a_place(record, partitions)]
        together = [record for record in records if record not in alone]
    partitions.add_dynamic_partitions(_SWINGS, [record.partition_key for record in alone])
    requests = [_single(record, algorithm_version) for record in alone]
    for batch in _in_ranges(together, partitions, size):
        requests.append(_single(batch[0], algorithm_version) if len(batch) == 1 else _batch(batch, algorithm_version))
    return requests


_SWINGS = swings.name or ""


def _has_a_place(record: AnalysisRecord, partitions: PartitionStore) -> bool:
    """Whether the swing has a partition: among strangers, where it must stay, as a run that waits may carry a range
    that begins or ends with it."""
    return partitions.has_dynamic_partition(_SWINGS, record.partition_key)


def _in_ranges(
    records: Sequence[AnalysisRecord], partitions: PartitionStore, batch_size: int
) -> list[list[AnalysisRecord]]:
    """Add the records' partitions next to each other and cut them into ranges."""
    if not records:
        return []
    partitions.add_dynamic_partitions(_SWINGS, [record.partition_key for record in records])
    order = {key: place for place, key in enumerate(partitions.get_dynamic_partitions(_SWINGS))}
    return contiguous(records, order, batch_size)


def contiguous(records: Sequence[AnalysisRecord], order: dict[str, int], batch_size: int) -> list[list[AnalysisRecord]]:
    """Cut records into batches whose partitions stand next to each other, none larger than `batch_size`.

    With a stranger between two of them, added by somebody else at the moment, they cannot share a range.
    """
    batches: list[list[AnalysisRecord]] = []
    for record in sorted(records, key=lambda one: order[one.partition_key]):
        last = batches[-1] if batches else []
        adjacent = last and order[last[-1].partition_key] + 1 == order[record.partition_key]
        if adjacent and len(last) < batch_size:
            last.append(record)
        else:
            batches.append([record])
    return batches


def run_key(record: AnalysisRecord, algorithm_version: str) -> str:
    """Dagster starts a run key once, for ever: so each attempt, each content and each version has its own."""
    return f"{record.analysis_id}:{record.etag}:{algorithm_version}:{record.attempt}"


def _single(record: AnalysisRecord, algorithm_version: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=run_key(record, algorithm_version),
        partition_key=record.partition_key,
        tags={GOLFER_TAG: record.user_id, LANE_TAG: LIVE_LANE, ATTEMPTS_TAG: _attempts([record])},
    )


def _batch(batch: Sequence[AnalysisRecord], algorithm_version: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{run_key(batch[0], algorithm_version)}+{len(batch) - 1}",
        tags={
            RANGE_START_TAG: batch[0].partition_key,
            RANGE_END_TAG: batch[-1].partition_key,
            BATCH_TAG: str(len(batch)),
            LANE_TAG: LIVE_LANE,
            ATTEMPTS_TAG: _attempts(batch),
        },
    )


def _attempts(records: Sequence[AnalysisRecord]) -> str:
    return json.dumps({record.partition_key: record.attempt for record in records})


def dispatched_attempts(tags: Mapping[str, str]) -> dict[str, int] | None:
    """Partition -> attempt that a run was dispatched for, by its tags; None for one that somebody asked for."""
    if tags.get(LANE_TAG) != LIVE_LANE or REEXECUTED_TAG in tags:
        return None
    attempts: dict[str, int] = json.loads(tags.get(ATTEMPTS_TAG, "{}"))
    return attempts
