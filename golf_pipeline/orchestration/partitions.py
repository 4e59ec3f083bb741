"""The two partition sets, and the one way from a partition key back to what it stands for.

A partition is a handle for operators, never the truth: results live in S3 and in the catalog and outlast their
partition. A swing's key is made by `storage.keys.partition_key`, because raw S3 keys break Dagster's storage and pages.
"""

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import dagster as dg

from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.swing.errors import ErrorCode, SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog

swings = dg.DynamicPartitionsDefinition(name="swings")
golfers = dg.DynamicPartitionsDefinition(name="golfers")


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


def golfer_partition(user_id: str) -> str:
    """A golfer's partition key: the user id itself where it is safe, else with "~" and the hex code of each byte that
    is not. Unlike an analysis a golfer has no row in which a key could be looked up, so the key itself says who it is.
    """
    # Three dots mark a range of partitions; "%" means something in the addresses of Dagster's pages.
    quoted = quote(user_id, safe="").replace("~", "%7E").replace("...", "%2E%2E%2E")
    return quoted.replace("%", "~")


def golfer_of_partition(key: str) -> str:
    """The user id behind a golfer's partition key.

    Raises:
        SwingError: INTERNAL, nobody's key looks like that.
    """
    user_id = unquote(key.replace("~", "%"), errors="replace")
    if golfer_partition(user_id) != key:
        raise SwingError(
            ErrorCode.INTERNAL, "We do not know this golfer.", detail=f"{key} is no partition key of a golfer"
        )
    return user_id
