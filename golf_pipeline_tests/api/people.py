"""Golfers for tests of the API: stored profiles, finished swings and coaches who were named."""

from datetime import UTC, datetime

import httpx

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import Upload, profile_key, upload_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.profiles import record_profile
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import Handedness, Severity, View
from golf_pipeline.swing.profile import ALGORITHM_VERSION, FocusArea, ScoreSnapshot, SwingProfile
from golf_pipeline_tests.api.issuer import TestIssuer

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)


def area(fault_id: str) -> FocusArea:
    """A fault of the knowledge base, seen in three of four swings."""
    fault = knowledge.load().faults[fault_id]
    return FocusArea(
        fault_id=fault_id,
        name=fault.name,
        worst_severity=Severity.MAJOR,
        seen_in=3,
        judged_in=4,
        latest_analysis_id="s4",
        drill_ids=fault.drills,
    )


def store_profile(catalog: Catalog, store: ObjectStore, user: str, *areas: FocusArea, swing_count: int = 4) -> None:
    """A stored profile with these focus areas and one series of scores."""
    score = ScoreSnapshot(
        view=View.FACE_ON,
        handedness=Handedness.RIGHT,
        value=71,
        scores=4,
        median=66.5,
        percentile=None,
        direction="better",
        trend=None,
        best_analysis_id="s3",
        typical_analysis_id="s2",
    )
    profile = SwingProfile(
        user_id=user,
        swing_count=swing_count,
        first_swing_at=MAY,
        latest_swing_at=MAY,
        latest_analysis_id="s4",
        latest_coaching_response="",
        focus_areas=areas,
        strengths=(),
        cautions=("No swing was filmed down-the-line.",),
        metrics=(),
        scores=(score,),
    )
    key = profile_key(user, ALGORITHM_VERSION)
    store.put_bytes(key, profile.model_dump_json().encode(), "application/json")
    record_profile(catalog.engine, user, ALGORITHM_VERSION, key, MAY)


def add_swing(catalog: Catalog, bucket: str, user: str, name: str, status: Status) -> AnalysisRecord:
    """A swing whose video is there, at a status."""
    upload = Upload(user, name, "mp4", upload_key(user, name, "mp4"))
    catalog.register_object(bucket, upload, f"etag-{name}", 10, datetime.now(UTC))
    if status != Status.STARTED:
        catalog.set_status(name, status, "")
    record = catalog.get(name)
    assert record is not None
    return record


def name_coaches(api: httpx.Client, tokens: TestIssuer, golfer: str, *coaches: str) -> None:
    """The golfer names these coaches, and no others."""
    answer = api.patch("/api/v1/users/me", json={"coach_ids": list(coaches)}, headers=tokens.headers(golfer))
    assert answer.status_code == 200, answer.text
