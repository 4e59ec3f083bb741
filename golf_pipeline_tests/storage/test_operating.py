"""Readings for operators, on both databases."""

from datetime import UTC, datetime, timedelta

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload, upload_key
from golf_pipeline.storage.operating import CatalogReadings
from golf_pipeline.storage.records import StageOutput
from golf_pipeline.swing.errors import ErrorCode, SwingError


def a_swing(catalog: Catalog, name: str) -> str:
    upload = Upload("ann", name, "mp4", upload_key("ann", name, "mp4"))
    return catalog.register_object("swings", upload, "etag", 1, datetime.now(UTC))[0].analysis_id


def test_the_work_of_each_stage_and_the_failures_by_code_are_those_of_the_last_hour(catalog: Catalog) -> None:
    for name, seconds in (("a", 4.5), ("b", 5.5)):
        catalog.record_stage(
            StageOutput(
                analysis_id=a_swing(catalog, name),
                stage="pose",
                version="1",
                key="key",
                facts={"compute_seconds": seconds},
            )
        )
    catalog.record_stage(StageOutput(analysis_id="a", stage="events", version="1", key="key"))
    catalog.fail("b", SwingError(ErrorCode.NO_GOLFER, "x"))
    readings = CatalogReadings(catalog.engine)
    assert readings.stages_last_hour() == {"pose": (2, 10.0), "events": (1, 0.0)}
    assert readings.failures_last_hour() == {"NO_GOLFER": 1}
    later = CatalogReadings(catalog.engine, now=lambda: datetime.now(UTC) + timedelta(hours=2))
    assert (later.stages_last_hour(), later.failures_last_hour()) == ({}, {})
