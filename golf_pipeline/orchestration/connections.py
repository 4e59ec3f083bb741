"""The process's connections to catalog, object store and queue, opened once and shared by all ticks and runs in it.

A sensor tick every few seconds must not pay for a new client each time. Nothing connects at import.
"""

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from golf_pipeline.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from golf_pipeline.storage.catalog import Catalog
    from golf_pipeline.storage.object_store import ObjectStore

QUEUE_READ_TIMEOUT_S = 30
"""Longer than the longest poll (20 s), or every quiet poll would end as a time-out."""


# Sensor ticks run in threads of one process, and `lru_cache` lets two first callers in at once. Two migrations in one
# process break each other, and boto3's default session must not be made twice at a time either.
_opening = Lock()


def catalog(url: str) -> "Catalog":
    """The catalog behind a URL."""
    with _opening:
        return _catalog(url)


def migrated_catalog(url: str) -> "Catalog":
    """The catalog behind a URL, its schema brought up to date by the first caller of this process.

    For whoever comes first, which are the sensors: a run only exists because one of them wrote to the catalog, and each
    run would pay 0.4 s for Alembic while its golfer waits.
    """
    with _opening:
        return _migrated_catalog(url)


@lru_cache
def _catalog(url: str) -> "Catalog":
    from golf_pipeline.storage.catalog import Catalog

    return Catalog(url)


@lru_cache
def _migrated_catalog(url: str) -> "Catalog":
    opened = _catalog(url)
    opened.migrate()
    return opened


@lru_cache
def _objects(bucket: str, endpoint_url: str | None, region: str) -> "ObjectStore":
    from golf_pipeline.storage.object_store import ObjectStore

    return ObjectStore.connect(bucket, endpoint_url, region)


@lru_cache
def _queue(endpoint_url: str | None, region: str) -> "SQSClient":
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=5, read_timeout=QUEUE_READ_TIMEOUT_S, retries={"mode": "standard"})
    return boto3.client("sqs", endpoint_url=endpoint_url, region_name=region, config=config)


def objects(settings: Settings) -> "ObjectStore":
    with _opening:
        return _objects(settings.bucket, settings.s3_endpoint_url, settings.region)


def queue(settings: Settings) -> "SQSClient":
    with _opening:
        return _queue(settings.sqs_endpoint_url or settings.s3_endpoint_url, settings.region)
