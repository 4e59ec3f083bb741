"""Swings for tests of what is kept and for how long: an upload in a real bucket, and rows with the names of outputs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, update

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.tables import analyses, backfill_items, backfills, stage_outputs, superseded_outputs

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=400)
"""By then all that a test stores is old: an object's time is the bucket's to set."""


def uploaded(catalog: Catalog, store: ObjectStore, name: str, status: Status = Status.AI_COMPLETED) -> AnalysisRecord:
    """A swing of ann's whose video is in the bucket."""
    key = upload_key("ann", name, "mp4")
    store.put_bytes(key, name.encode(), "video/mp4")
    facts = store.head(key)
    catalog.register_object(store.bucket, parse_upload_key(key), facts.etag, facts.size, facts.last_modified)
    if status != Status.STARTED:
        catalog.set_status(name, status, "")
    return record(catalog, name)


def record(catalog: Catalog, name: str) -> AnalysisRecord:
    found = catalog.get(name)
    assert found is not None
    return found


def change(catalog: Catalog, name: str, **values: Any) -> None:
    """Set columns of a swing's row, as time or another process would."""
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(analyses.c.analysis_id == name).values(values))


def output(catalog: Catalog, store: ObjectStore, swing: str, stage: str, *names: str, noted: bool = True) -> None:
    """The present output of a stage: its objects, and the row that names them (`noted`: all, else the first only)."""
    keys = [f"golf-swings/ann/{swing}/{name}" for name in names]
    for key in keys:
        store.put_bytes(key, b"made", "application/json")
    row = {"analysis_id": swing, "stage": stage, "version": "2", "key": keys[0], "facts": {}, "stored_at": NOW}
    with catalog.engine.begin() as connection:
        connection.execute(insert(stage_outputs).values(row | {"files": list(names) if noted else None}))


def superseded(catalog: Catalog, store: ObjectStore, swing: str, at: datetime, *names: str) -> None:
    """An output that was replaced at a moment, and its objects."""
    for name in names:
        store.put_bytes(f"golf-swings/ann/{swing}/{name}", b"old", "application/json")
    row = {"output_id": str(uuid4()), "analysis_id": swing, "stage": "metrics", "version": "1"}
    with catalog.engine.begin() as connection:
        connection.execute(insert(superseded_outputs).values(row | {"files": list(names), "superseded_at": at}))


def backfill(
    catalog: Catalog, swings: Iterable[str], *, over_at: datetime | None, item_over: bool = True, **item: Any
) -> str:
    """A backfill of these swings."""
    name = str(uuid4())
    row = {"backfill_id": name, "created_at": NOW, "created_by": "test", "selection": {}, "total": 1}
    with catalog.engine.begin() as connection:
        connection.execute(insert(backfills).values(row | {"state": "any", "ended_at": over_at}))
        for swing in swings:
            one = {"backfill_id": name, "analysis_id": swing, "state": "any", "tries": 1, "handed_out_at": NOW}
            connection.execute(insert(backfill_items).values(one | item | {"ended_at": NOW if item_over else None}))
    return name


def names_in(store: ObjectStore, prefix: str = "golf-swings/ann/") -> set[str]:
    return {found.key.removeprefix(prefix) for found in store.list_objects(prefix)}


def replaced_rows(catalog: Catalog) -> int:
    with catalog.engine.connect() as connection:
        return len(connection.execute(select(superseded_outputs.c.output_id)).all())
