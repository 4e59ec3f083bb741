"""The two partition sets, and the one way from a partition key back to what it stands for.

A partition is a handle for operators, never the truth: results live in S3 and in the catalog and outlast their
partition. Keys are made by `storage.keys.partition_key`, because raw S3 keys break Dagster's storage and pages.
"""

from typing import TYPE_CHECKING

import dagster as dg

from golf_pipeline.storage.keys import partition_key
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.swing.errors import ErrorCode, SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog

swings = dg.DynamicPartitionsDefinition(name="swings")
golfers = dg.DynamicPartitionsDefinition(name="golfers")

USER_ID_TAG = "golf/user_id"
"""Run tag with the user id that a golfer's partition stands for, where the key alone does not say it."""


def resolve_swing(catalog: "Catalog", key: str) -> AnalysisRecord:
    """The catalog record behind a swing's partition key.

    Raises:
        SwingError: INTERNAL, there is no such analysis.
    """
    record = catalog.by_partition_key(key)
    if record is None:
        raise SwingError(
            ErrorCode.INTERNAL,
            "We do not know this swing.",
            detail=f"no analysis in the catalog has the partition key {key}",
        )
    return record


def resolve_golfer(key: str, run_tags: dict[str, str]) -> str:
    """The user id behind a golfer's partition key: the key itself where it is safe, else what the run's tag says.

    Raises:
        SwingError: INTERNAL, the key is a hashed one and the run does not carry the tag.
    """
    user_id = run_tags.get(USER_ID_TAG, key)
    if partition_key(user_id) != key:
        raise SwingError(
            ErrorCode.INTERNAL,
            "We do not know this golfer.",
            detail=f"the run's tag {USER_ID_TAG} does not name the golfer of partition {key}",
        )
    return user_id
