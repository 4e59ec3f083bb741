"""The swing job in process, on real videos: the whole chain, one bad swing among good ones, and starting half-way."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from golf_pipeline.coach.on_disk import write_coaching
from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration.assets import swing_assets
from golf_pipeline.orchestration.recovery import LEASE, heal_stuck
from golf_pipeline.orchestration.stages import SwingCheck, Verdict
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.orchestration.swing_assets import _verdict
from golf_pipeline.orchestration.workspace import Workspace, run_folder
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.keys import parse_upload_key, profile_key
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.result import ResultDocument
from golf_pipeline.storage.stale_profiles import stale_among
from golf_pipeline.swing.analysis import CONTACT_SHEET_FILE, OVERLAY_FILE, REPORT_FILE, analyze_swing
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION as PROFILE_VERSION
from golf_pipeline.swing.profile import SwingProfile
from golf_pipeline_tests.orchestration.conftest import Cloud, materialised, open_cloud, run_swings, steps

SAMPLES = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples"
SWING = SAMPLES / "face_on_right.mp4"
NO_SWING = SAMPLES / "no_swing.mp4"
ASSETS = {asset.key.to_user_string() for asset in swing_assets}


@dataclass(frozen=True)
class Finished:
    """One swing that went through the job: `monday` of ann."""

    cloud: Cloud
    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult
    statuses: list[str]


@pytest.fixture(scope="module")
def finished(aws_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    statuses: list[str] = []
    move = Catalog._move

    def noted(self: Catalog, which: Any, status: Status, *args: Any) -> bool:
        moved = move(self, which, status, *args)
        if moved:
            statuses.append(status.value)
        return moved

    folder = tmp_path_factory.mktemp("finished")
    with open_cloud(aws_endpoint, folder) as cloud, dg.DagsterInstance.ephemeral() as instance:
        record = cloud.upload("golf-swings/ann/monday.mp4", SWING)
        cloud.catalog.mark_dispatched([record.analysis_id])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Catalog, "_move", noted)
            result = run_swings(cloud, instance, [record.partition_key])
        yield Finished(cloud, instance, result, statuses)


def test_one_swing_goes_through_every_asset(finished: Finished) -> None:
    assert finished.result.success
    assert materialised(finished.result) == {asset: ["monday"] for asset in ASSETS}


def test_its_life_is_told_in_order(finished: Finished) -> None:
    assert finished.statuses == ["PROCESSING", "COMPLETED", "AI_PROCESSING", "AI_COMPLETED"]
    assert finished.cloud.record("monday").ai_analysis_completed


def test_it_is_told_in_its_golfers_conversation(finished: Finished) -> None:
    conversation = Conversations(finished.cloud.catalog.engine).open("ann", 5)
    (message,) = conversation.recent_messages
    assert (message.role, message.swing_reference) == ("analysis", "monday")
    result = ResultDocument.model_validate(finished.cloud.json(finished.cloud.catalog.stages("monday")["result"].key))
    assert message.content.startswith(f"Your swing analysis is ready. {result.ai_analysis.response[:40]}")


def test_its_result_names_only_what_is_stored(finished: Finished) -> None:
    stored = set(finished.cloud.object_keys())
    output = finished.cloud.catalog.stages("monday")["result"]
    document = ResultDocument.model_validate(finished.cloud.json(output.key))
    assert set(document.artifacts) == {"report", "overlay", "contact-sheet", "keypoints", "analysis"}
    assert set(document.artifacts.values()) <= stored
    assert {frame.key for frame in document.analysis_results.frames} <= stored
    assert 12 <= document.analysis_results.frames_extracted <= 16
    assert set(document.algorithm_versions) >= {"video", "pose", "events", "metrics", "findings", "coaching"}


def test_its_outputs_are_those_that_the_command_writes(finished: Finished, tmp_path: Path) -> None:
    cloud = finished.cloud
    alone = analyze_swing(SWING, tmp_path)
    coaching = write_coaching(alone, tmp_path, cloud.settings)
    result = ResultDocument.model_validate(cloud.json(cloud.catalog.stages("monday")["result"].key))
    stored = {name: cloud.objects.get_bytes(key) for name, key in result.artifacts.items()}
    assert SwingAnalysis.model_validate_json(stored["analysis"]) == alone
    assert result.ai_analysis == coaching
    for name, file in (("report", REPORT_FILE), ("contact-sheet", CONTACT_SHEET_FILE), ("overlay", OVERLAY_FILE)):
        assert stored[name] == (tmp_path / file).read_bytes(), name
    for frame in result.analysis_results.frames:
        assert cloud.objects.get_bytes(frame.key) == (tmp_path / "frames" / Path(frame.key).name).read_bytes()


def test_nothing_it_stores_could_be_taken_for_an_upload(finished: Finished) -> None:
    for key in finished.cloud.object_keys():
        if key != "golf-swings/ann/monday.mp4":
            with pytest.raises(SwingError):
                parse_upload_key(key)


def test_its_checks_are_evaluated_in_the_same_run_and_pass(finished: Finished) -> None:
    checks = {event.check_name: event.passed for event in finished.result.get_asset_check_evaluations()}
    assert checks == {"pose_coverage": True, "events_in_order": True, "numbers_grounded": True}


def test_its_materialisations_carry_numbers_and_links_and_no_pictures(finished: Finished) -> None:
    for event in finished.result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        metadata = materialization.metadata
        assert metadata["compute_seconds"].value >= 0
        assert metadata["result"].value == "https://api.example/api/video/results/monday"
        assert all(len(str(value.value)) < 500 for value in metadata.values())
        assert (materialization.tags or {})["dagster/code_version"]


def test_its_files_are_gone_with_the_run(finished: Finished) -> None:
    assert not run_folder(finished.cloud.settings, finished.result.run_id).exists()


def test_the_same_bytes_from_another_golfer_copy_the_pose_and_give_the_same_analysis(finished: Finished) -> None:
    cloud = finished.cloud
    other = cloud.upload("golf-swings/bob/tuesday.mp4", SWING)
    assert run_swings(cloud, finished.instance, [other.partition_key]).success
    mine, theirs = (cloud.catalog.stages(name) for name in ("monday", "tuesday"))
    assert (mine["pose"].facts["reused"], theirs["pose"].facts["reused"]) == (False, True)
    assert theirs["pose"].key.startswith("golf-swings/bob/tuesday/pose/")
    assert cloud.json(mine["result"].key)["pose"] == cloud.json(theirs["result"].key)["pose"]


def test_nothing_of_another_golfer_comes_with_a_copy(finished: Finished) -> None:
    cloud = finished.cloud
    other = cloud.upload("golf-swings/eve/sunday.mp4", SWING)
    assert run_swings(cloud, finished.instance, [other.partition_key]).success
    stages = cloud.catalog.stages("sunday")
    assert stages["findings"].facts["reused"], "what is concluded from the numbers is the same"
    strangers = re.compile(r"\b(ann|monday|bob|tuesday)\b")
    for stage, output in stages.items():
        assert not strangers.search(json.dumps(output.facts)), stage
        for key in (output.folder + name for name in output.names):
            body = cloud.objects.get_bytes(key)
            if key.endswith(".parquet"):
                body = str(pl.read_parquet(BytesIO(body)).to_dicts()).encode()
            if not key.endswith((".jpg", ".mp4")):
                assert not strangers.search(body.decode()), key


def test_a_dispatched_run_that_comes_late_does_not_begin_a_finished_swing_anew(finished: Finished) -> None:
    before = finished.cloud.record("monday")
    assert not run_swings(finished.cloud, finished.instance, ["monday"], live=True).success
    assert finished.cloud.record("monday") == before


def test_a_check_that_cannot_read_a_swing_warns_and_the_others_go_on(finished: Finished) -> None:
    def unreadable(_: Swing) -> Verdict:
        raise SwingError(ErrorCode.STORAGE_UNAVAILABLE, "", detail="no answer", retryable=True)

    workspace = Workspace(finished.cloud.settings, finished.cloud.catalog, finished.cloud.objects, "checks")
    verdict = _verdict(SwingCheck("one", "one", unreadable), workspace.swing("monday"))
    workspace.close()
    assert not verdict.passed
    assert "no answer" in str(verdict.values)


def test_a_swing_that_waits_is_claimed_by_the_run_that_begins_it(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    cloud.upload("golf-swings/ann/text.mp4", b"no video")
    workspace = Workspace(cloud.settings, cloud.catalog, cloud.objects, "operator")
    workspace.swing("text").begin()
    workspace.close()
    record = cloud.record("text")
    assert (record.status, record.attempt) == (Status.PROCESSING, 1)
    assert heal_stuck(instance, cloud.catalog, datetime.now(UTC) + 2 * LEASE).again == ["text"]


def test_a_run_that_starts_half_way_fetches_the_video_again(finished: Finished) -> None:
    result = run_swings(finished.cloud, finished.instance, ["monday"], "impact_sound", "swing_report")
    assert result.success
    assert set(materialised(result)) == {"impact_sound", "swing_report"}
    assert finished.cloud.record("monday").status == Status.AI_COMPLETED


def test_materialising_a_finished_swing_again_is_a_new_attempt(finished: Finished) -> None:
    before = finished.cloud.record("monday").attempt
    assert run_swings(finished.cloud, finished.instance, ["monday"]).success
    after = finished.cloud.record("monday")
    assert (after.attempt, after.status) == (before + 1, Status.AI_COMPLETED)
    assert finished.cloud.catalog.pending(5) == []


def test_the_golfers_profile_is_made_from_the_stored_results(finished: Finished) -> None:
    finished.instance.add_dynamic_partitions("golfers", ["ann"])
    job = build_defs(finished.cloud.settings).resolve_job_def("profile_job")
    assert job.execute_in_process(instance=finished.instance, partition_key="ann").success
    profile = SwingProfile.model_validate(finished.cloud.json(profile_key("ann", PROFILE_VERSION)))
    assert profile.latest_analysis_id == "monday"
    assert profile.metrics
    assert stale_among(finished.cloud.catalog.engine, ["ann"], PROFILE_VERSION) == set()


def test_a_pose_whose_file_was_deleted_is_computed_again(finished: Finished) -> None:
    cloud = finished.cloud
    record = cloud.upload("golf-swings/cat/once.mp4", SWING)
    for name in ("monday", "tuesday", "sunday"):
        stage = cloud.catalog.stages(name).get("pose")
        if stage is not None:
            cloud.s3.delete_object(Bucket=cloud.settings.bucket, Key=stage.key)
    assert run_swings(cloud, finished.instance, [record.partition_key], "swing_video", "pose_keypoints").success
    pose = cloud.catalog.stages("once")["pose"]
    assert pose.facts["reused"] is False
    assert pose.key in cloud.object_keys()


def test_an_output_that_was_deleted_is_not_blamed_on_the_golfers_video_and_is_made_again(finished: Finished) -> None:
    cloud, catalog = finished.cloud, finished.cloud.catalog
    cloud.s3.delete_object(Bucket=cloud.settings.bucket, Key=catalog.stages("monday")["pose"].key)
    result = run_swings(cloud, finished.instance, ["monday"], "swing_events", force=True)
    assert "the stage pose of monday is no longer there" in str(result.failure_data_for_node("swing_events"))
    assert cloud.record("monday").status == Status.AI_COMPLETED
    assert run_swings(cloud, finished.instance, ["monday"], "pose_keypoints", "swing_events").success
    assert catalog.stages("monday")["pose"].key in cloud.object_keys()


def test_a_text_file_among_three_swings_fails_alone(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    for name, file in (("one", SWING), ("two", b"this is no video"), ("three", SWING)):
        cloud.upload(f"golf-swings/ann/{name}.mp4", file)
    result = run_swings(cloud, instance, ["one", "two", "three"])
    assert materialised(result) == {asset: ["one", "three"] for asset in ASSETS}
    assert cloud.record("one").status == cloud.record("three").status == Status.AI_COMPLETED
    bad = cloud.record("two")
    assert (bad.status, bad.error_code, bad.retryable) == (Status.FAILED, "VIDEO_UNREADABLE", False)
    assert bad.error_message == bad.progress_message != ""
    assert not result.success
    assert steps(result, "STEP_FAILURE") == ["analysis_result"]
    assert "VIDEO_UNREADABLE" in str(result.failure_data_for_node("analysis_result"))
    evaluation = next(one for one in result.get_asset_check_evaluations() if one.check_name == "pose_coverage")
    assert set(evaluation.metadata) == {"one", "three"}
    assert instance.get_materialized_partitions(dg.AssetKey("swing_video")) == {"one", "three"}


def test_a_single_swing_without_a_swing_fails_its_step_with_the_reason_and_the_rest_does_not_run(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    cloud.upload("golf-swings/ann/standing.mp4", NO_SWING)
    result = run_swings(cloud, instance, ["standing"])
    assert steps(result, "STEP_START") == ["swing_video", "pose_keypoints", "swing_events"]
    assert steps(result, "STEP_FAILURE") == ["swing_events"]
    assert steps(result, "STEP_UP_FOR_RETRY") == []
    assert "NO_COMPLETE_SWING" in str(result.failure_data_for_node("swing_events"))
    assert set(materialised(result)) == {"swing_video", "pose_keypoints"}
    record = cloud.record("standing")
    assert (record.status, record.error_code) == (Status.FAILED, "NO_COMPLETE_SWING")
    assert not run_folder(cloud.settings, result.run_id).exists()
