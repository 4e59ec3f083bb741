"""A swing whose video retention has removed: its result is served, and whoever wants the video is told why not."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.retention import remove_old_videos
from golf_pipeline.storage.tables import analyses
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.api.finished import Swings
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.test_swing_list import SWINGS
from golf_pipeline_tests.api.test_video import analysis
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation

__all__ = ["analysis", "findings", "metrics", "report", "segmentation"]


@pytest.fixture
def removed(catalog: Catalog, store: ObjectStore, analysis: SwingAnalysis) -> tuple[Swings, AnalysisRecord]:
    """A finished swing of ann's whose video came 365 days ago and was removed just now."""
    swings = Swings(catalog, store, analysis)
    record = swings.finished("s1")
    assert record.uploaded_at
    remove_old_videos(swings.catalog, swings.store, record.uploaded_at + timedelta(days=1), most=1)
    with swings.catalog.engine.begin() as connection:
        connection.execute(update(analyses).values(uploaded_at=record.uploaded_at - timedelta(days=365)))
    return swings, record


def test_the_golfer_is_told_after_how_many_days_the_video_was_removed(
    api: httpx.Client, removed: tuple[Swings, AnalysisRecord], tokens: TestIssuer
) -> None:
    swings, record = removed
    ann = tokens.headers("ann")
    body = {"s3Key": record.s3_key, "bucketName": record.bucket_name}
    answers = [
        api.get(f"{SWINGS}/s1/video", headers=ann, follow_redirects=False),
        api.post(f"{SWINGS}/s1/reanalyze", headers=ann),
        api.post("/api/video/analyze", headers=ann, json=body),
        api.post("/api/video/analyze", headers=ann, json=body | {"force": True}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (410, "VIDEO_REMOVED")
        assert "after 365 days" in answer.json()["detail"]
    assert api.get(f"{SWINGS}/s1/video", headers=tokens.headers("bob")).status_code == 404
    now = swings.catalog.get("s1")
    assert now is not None
    assert (now.status, now.attempt) == (Status.AI_COMPLETED, record.attempt)


@pytest.mark.usefixtures("removed")
def test_what_was_made_of_a_removed_video_is_served(api: httpx.Client, tokens: TestIssuer) -> None:
    ann = tokens.headers("ann")
    for path in (f"{SWINGS}/s1", f"{SWINGS}/s1/frames", f"{SWINGS}/s1/analysis", "/api/video/results/s1"):
        assert api.get(path, headers=ann).status_code == 200
    page = api.get("/api/video/results/s1/report", headers=ann, follow_redirects=True)
    assert page.content == b"<p>report</p>"
    assert api.delete(f"{SWINGS}/s1", headers=ann).status_code == 204
