"""Failures of a swing: permanent ones end at once, transient ones are tried again, and the catalog always knows.

Only the first asset runs here: what is tested is the machinery around a stage, the same for all of them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError

from golf_pipeline.orchestration import swing_assets
from golf_pipeline.orchestration.workspace import run_folder
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.work_list import MOST_INTERRUPTIONS
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.orchestration.conftest import Cloud, materialised, run_swings, steps

SWING = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples" / "face_on_right.mp4"
UNAVAILABLE = SwingError(ErrorCode.STORAGE_UNAVAILABLE, "storage sleeps", retryable=True)

Work = Callable[..., Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swing_assets, "FIRST_RETRY_AFTER_S", 0.01)


def failing(work: Work, error: Exception, times: int, of: str = "") -> Work:
    """The same work, but its first calls that have to do with `of` raise."""
    left = [times]

    def fails_first(*args: Any, **known: Any) -> Any:
        if left[0] and of in str(args):
            left[0] -= 1
            raise error
        return work(*args, **known)

    return fails_first


def run_first_asset(cloud: Cloud, instance: dg.DagsterInstance, *names: str) -> dg.ExecuteInProcessResult:
    return run_swings(cloud, instance, list(names), "swing_video")


def test_a_deleted_upload_fails_without_another_try(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    record = cloud.upload("golf-swings/ann/gone.mp4", b"x")
    cloud.s3.delete_object(Bucket=cloud.settings.bucket, Key=record.s3_key)
    result = run_first_asset(cloud, instance, "gone")
    assert not result.success
    assert steps(result, "STEP_UP_FOR_RETRY") == []
    assert cloud.record("gone").error_code == "UPLOAD_DELETED"


def test_an_upload_that_is_too_large_is_not_downloaded(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    small = Cloud(cloud.settings.model_copy(update={"max_upload_bytes": 10}), cloud.s3, cloud.sqs, "")
    small.upload("golf-swings/ann/large.mp4", b"eleven bytes")
    assert not run_first_asset(small, instance, "large").success
    assert cloud.record("large").error_code == "VIDEO_TOO_LARGE"


def test_a_transient_failure_is_tried_again_and_forgotten(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", SWING)
    monkeypatch.setattr(ObjectStore, "put_bytes", failing(ObjectStore.put_bytes, UNAVAILABLE, 2))
    result = run_first_asset(cloud, instance, "monday")
    assert result.success
    assert steps(result, "STEP_UP_FOR_RETRY") == ["swing_video"] * 2
    assert materialised(result) == {"swing_video": ["monday"]}
    assert cloud.record("monday").status == Status.PROCESSING


def test_a_transient_failure_that_stays_is_left_to_later_runs_and_ends_as_retryable(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", SWING)
    monkeypatch.setattr(ObjectStore, "put_bytes", failing(ObjectStore.put_bytes, UNAVAILABLE, 99))
    for attempt in range(1, MOST_INTERRUPTIONS + 2):
        assert cloud.catalog.mark_dispatched(["monday"])
        assert cloud.record("monday").attempt == attempt
        result = run_first_asset(cloud, instance, "monday")
        assert steps(result, "STEP_UP_FOR_RETRY") == ["swing_video"] * swing_assets.MAX_RETRIES
    record = cloud.record("monday")
    assert (record.status, record.error_code, record.retryable) == (Status.FAILED, "STORAGE_UNAVAILABLE", True)


def test_a_retry_does_not_repeat_the_swings_that_were_done(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        cloud.upload(f"golf-swings/ann/{name}.mp4", SWING)
    monkeypatch.setattr(ObjectStore, "download", failing(ObjectStore.download, UNAVAILABLE, 1, of="two"))
    result = run_first_asset(cloud, instance, "one", "two", "three")
    assert result.success
    assert materialised(result) == {"swing_video": ["one", "three", "two"]}


def test_a_database_that_is_gone_for_a_moment_costs_a_retry_only(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", SWING)
    gone = OperationalError("COMMIT", None, Exception("server closed the connection"))
    monkeypatch.setattr(Catalog, "record_stage", failing(Catalog.record_stage, gone, 1))
    result = run_first_asset(cloud, instance, "monday")
    assert result.success
    assert steps(result, "STEP_UP_FOR_RETRY") == ["swing_video"]


def test_a_failure_is_written_down_even_if_the_database_was_gone_when_it_happened(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.upload("golf-swings/ann/text.mp4", b"no video")
    gone = OperationalError("COMMIT", None, Exception("server closed the connection"))
    monkeypatch.setattr(Catalog, "fail", failing(Catalog.fail, gone, 1))
    assert not run_first_asset(cloud, instance, "text").success
    assert cloud.record("text").error_code == "VIDEO_UNREADABLE"


def test_a_bug_is_not_tried_again_and_tells_the_golfer_no_detail(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", SWING)
    monkeypatch.setattr(ObjectStore, "put_bytes", failing(ObjectStore.put_bytes, TypeError("secret detail"), 99))
    result = run_first_asset(cloud, instance, "monday")
    assert steps(result, "STEP_UP_FOR_RETRY") == []
    record = cloud.record("monday")
    assert (record.error_code, record.retryable) == ("INTERNAL", False)
    assert "secret" not in (record.error_message or "")
    assert "secret detail" in str(result.failure_data_for_node("swing_video"))


def test_a_range_of_bad_swings_fails_at_its_first_step_and_names_them_all(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    cloud.upload("golf-swings/ann/one.mp4", b"no video")
    cloud.upload("golf-swings/ann/two.mp4", b"")
    result = run_swings(cloud, instance, ["one", "two"])
    assert steps(result, "STEP_START") == ["swing_video"]
    told = str(result.failure_data_for_node("swing_video"))
    assert "one: VIDEO_UNREADABLE" in told
    assert "two: VIDEO_EMPTY" in told
    assert not run_folder(cloud.settings, result.run_id).exists()


def test_a_run_that_was_overtaken_by_a_newer_upload_writes_nothing_about_it(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", SWING)
    cloud.catalog.mark_dispatched(["monday"])
    probe = Catalog.set_content

    def overtaken(self: Catalog, *args: Any, **known: Any) -> bool:
        cloud.upload("golf-swings/ann/monday.mp4", b"newer bytes")
        return probe(self, *args, **known)

    monkeypatch.setattr(Catalog, "set_content", overtaken)
    result = run_swings(cloud, instance, ["monday"], "swing_video", "pose_keypoints")
    assert not result.success
    assert set(materialised(result)) <= {"swing_video"}
    record = cloud.record("monday")
    assert (record.attempt, record.status, record.error_code) == (2, Status.STARTED, None)
    assert [pending.analysis_id for pending in cloud.catalog.pending(5)] == ["monday"]


def test_a_swing_that_the_catalog_does_not_know_fails_its_run_only(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.upload("golf-swings/ann/known.mp4", SWING)
    result = run_first_asset(cloud, instance, "unknown", "known")
    assert materialised(result) == {"swing_video": ["known"]}
    assert "unknown" in str(result.failure_data_for_node("swing_video"))


def test_a_stage_whose_input_was_never_made_says_which_one(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.upload("golf-swings/ann/monday.mp4", SWING)
    result = run_swings(cloud, instance, ["monday"], "swing_findings")
    assert "the stage metrics of monday was never stored" in str(result.failure_data_for_node("swing_findings"))


def test_carrying_a_failed_swing_on_does_not_hide_why_it_failed(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.upload("golf-swings/ann/text.mp4", b"no video")
    run_first_asset(cloud, instance, "text")
    assert not run_swings(cloud, instance, ["text"], "analysis_result").success
    assert cloud.record("text").error_code == "VIDEO_UNREADABLE"
