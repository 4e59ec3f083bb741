"""Re-analysis of finished swings: only what changed is made, quietly; whoever works gives way and gives back."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import select

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration import reanalysis
from golf_pipeline.orchestration.reanalysis import (
    OF_THE_VIDEO,
    ReanalysisLoad,
    hand_out,
    items_of_run,
    reanalysis_job,
)
from golf_pipeline.orchestration.stages import Made, Stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.orchestration.versions import STAGE_VERSIONS
from golf_pipeline.orchestration.workspace import Workspace
from golf_pipeline.orchestration.written import Written
from golf_pipeline.storage.backfill_selection import Selection
from golf_pipeline.storage.backfills import Backfills, BackfillState, ItemState
from golf_pipeline.storage.keys import swing_folder
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import superseded_outputs
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.orchestration.conftest import Cloud, materialised, open_cloud, run_swings

SWING = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples" / "face_on_right.mp4"
LOAD = ReanalysisLoad(runs=4, with_video=2, without_video=50)


@pytest.fixture(scope="module")
def analysed(aws_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A swing that was analysed, `monday`, and one that was refused, `text`."""
    with (
        open_cloud(aws_endpoint, tmp_path_factory.mktemp("again")) as cloud,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        for name, body in (("monday", SWING), ("text", b"no video")):
            cloud.upload(f"golf-swings/ann/{name}.mp4", body)
            cloud.catalog.mark_dispatched([name])
            run_swings(cloud, instance, [name])
        yield cloud


def begin(cloud: Cloud, **chosen: Any) -> tuple[Backfills, str]:
    backfills = Backfills(cloud.catalog.engine)
    selection = Selection(**chosen)
    return backfills, backfills.create(selection, "an operator", backfills.count(selection))


def run_requests(cloud: Cloud, backfills: Backfills, under_way: int = 0) -> list[dg.RunRequest]:
    return hand_out(cloud.catalog, backfills, LOAD, under_way)


def run_one(cloud: Cloud, request: dg.RunRequest, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = build_defs(cloud.settings).resolve_job_def(reanalysis_job.name)
    return job.execute_in_process(instance=instance, run_config=request.run_config, tags=request.tags)


def with_version(monkeypatch: pytest.MonkeyPatch, name: str, version: str, compute: Any = None) -> None:
    """A new version of one stage, as a deployment brings it."""

    def changed(stage: Stage) -> Stage:
        return replace(stage, version=version, compute=compute or stage.compute) if stage.name == name else stage

    monkeypatch.setattr(reanalysis, "SWING_STAGES", tuple(map(changed, reanalysis.SWING_STAGES)))
    monkeypatch.setitem(STAGE_VERSIONS, name, version)


def test_a_swing_that_is_up_to_date_is_left_as_it_is(analysed: Cloud, instance: dg.DagsterInstance) -> None:
    backfills, backfill_id = begin(analysed, analysis_id="monday")
    before = analysed.record("monday"), analysed.catalog.stages("monday"), analysed.object_keys()
    (request,) = run_requests(analysed, backfills)
    assert run_one(analysed, request, instance).success
    assert (analysed.record("monday"), analysed.catalog.stages("monday"), analysed.object_keys()) == before
    (item,) = backfills.items(backfill_id)
    assert (item.state, list(item.stages or ())) == (ItemState.UNCHANGED, [])


def test_new_metrics_are_measured_from_stored_keypoints_and_swapped_in_with_all_that_follows(
    analysed: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_version(monkeypatch, "metrics", "99")
    old = analysed.catalog.stages("monday")
    backfills, backfill_id = begin(analysed, outdated=dict(STAGE_VERSIONS))
    (request,) = run_requests(analysed, backfills)
    opened: list[str] = []
    download = ObjectStore.download

    def noted(store: ObjectStore, key: str, *args: Any, **known: Any) -> Any:
        opened.append(key)
        return download(store, key, *args, **known)

    monkeypatch.setattr(ObjectStore, "download", noted)
    result = run_one(analysed, request, instance)
    assert result.success
    assert "golf-swings/ann/monday.mp4" not in opened, "no video is opened"
    # The numbers are the same, so what is concluded from them is; the page and the result name the new version.
    new = analysed.catalog.stages("monday")
    changed = {stage for stage, output in new.items() if output.key != old[stage].key}
    assert changed == {"metrics", "result"}
    assert set(materialised(result)) == {"swing_metrics", "analysis_result"}
    assert analysed.json(new["result"].key)["algorithm_versions"]["metrics"] == "99"
    assert analysed.json(old["result"].key)["algorithm_versions"]["metrics"] != "99", "the old one stays readable"
    (item,) = backfills.items(backfill_id)
    assert (item.state, item.old_result_key, item.new_result_key) == (
        ItemState.DONE,
        old["result"].key,
        new["result"].key,
    )
    with analysed.catalog.engine.connect() as connection:
        rows = connection.execute(select(superseded_outputs.c.stage)).scalars().all()
    assert {"metrics", "result"} <= set(rows)
    assert analysed.record("monday").attempt == 1


def test_a_stage_that_fails_now_leaves_the_old_result_and_says_why(
    analysed: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(swing: Swing) -> Made:
        raise SwingError(ErrorCode.NO_COMPLETE_SWING, "There is no swing.", detail=swing.record.analysis_id)

    with_version(monkeypatch, "findings", "99", fails)
    before = analysed.record("monday"), analysed.catalog.stages("monday")
    backfills, backfill_id = begin(analysed, analysis_id="monday")
    (request,) = run_requests(analysed, backfills)
    assert run_one(analysed, request, instance).success, "the others of the chunk go on"
    assert (analysed.record("monday"), analysed.catalog.stages("monday")) == before
    (item,) = backfills.items(backfill_id)
    assert (item.state, item.error_code) == (ItemState.FAILED, "NO_COMPLETE_SWING")


def test_a_failed_swing_begins_a_new_attempt_and_may_fail_again(analysed: Cloud, instance: dg.DagsterInstance) -> None:
    backfills, backfill_id = begin(analysed, analysis_id="text", failed_only=True, permanent=True)
    (request,) = run_requests(analysed, backfills)
    run_one(analysed, request, instance)
    record = analysed.record("text")
    assert (record.status, record.error_code, record.attempt) == (Status.FAILED, "VIDEO_UNREADABLE", 2)
    (item,) = backfills.items(backfill_id)
    assert (item.state, item.error_code) == (ItemState.FAILED, "VIDEO_UNREADABLE")


@pytest.mark.parametrize("why", ["paused", "an upload waits"])
def test_a_run_gives_back_what_it_has_not_begun(analysed: Cloud, instance: dg.DagsterInstance, why: str) -> None:
    backfills, backfill_id = begin(analysed, analysis_id="monday")
    (request,) = run_requests(analysed, backfills)
    if why == "paused":
        backfills.pause(backfill_id)
    else:
        analysed.upload("golf-swings/ann/live.mp4", b"x")
    run_one(analysed, request, instance)
    (item,) = backfills.items(backfill_id)
    assert (item.state, item.tries) == (ItemState.WAITING, 0)
    if why == "paused":
        assert run_requests(analysed, backfills) == []
        backfills.resume(backfill_id)
    else:
        assert run_requests(analysed, backfills) == [], "live uploads go first"
        analysed.catalog.fail("live", SwingError(ErrorCode.INTERNAL, "x"))
    (again,) = run_requests(analysed, backfills)
    run_one(analysed, again, instance)
    run_requests(analysed, backfills)
    assert backfills.state_of(backfill_id) == BackfillState.FINISHED


def test_a_swing_that_was_started_again_meanwhile_is_left_to_that_run(
    analysed: Cloud, instance: dg.DagsterInstance
) -> None:
    backfills, backfill_id = begin(analysed, analysis_id="monday")
    (request,) = run_requests(analysed, backfills)
    analysed.catalog.request_analysis("monday")
    analysed.catalog.mark_dispatched(["monday"])
    analysed.catalog.set_status("monday", Status.PROCESSING, "a live run has it")
    run_one(analysed, request, instance)
    (item,) = backfills.items(backfill_id)
    assert (item.state, item.tries) == (ItemState.WAITING, 0)
    assert analysed.record("monday").status == Status.PROCESSING
    analysed.catalog.set_status("monday", Status.AI_COMPLETED, "it is done")
    backfills.cancel(backfill_id)


def test_what_is_made_once_more_of_the_same_leaves_the_standing_objects(analysed: Cloud) -> None:
    standing = analysed.catalog.stages("monday")["coaching"]
    workspace = Workspace(analysed.settings, analysed.catalog, analysed.objects, "force")
    swing = workspace.swing("monday")
    with swing.writing("coaching", standing.version, standing.fingerprint or ""):
        key = swing.put_bytes(standing.key.rpartition("/")[2], b"{}")
    workspace.close()
    assert key.startswith(swing_folder("ann", "monday"))
    assert key != standing.key


def test_news_of_a_dead_runs_end_that_come_late_leave_what_was_handed_out_since(cloud: Cloud) -> None:
    cloud.upload("golf-swings/ann/one.mp4", b"x")
    cloud.catalog.set_status("one", Status.AI_COMPLETED, "done")
    backfills, backfill_id = begin(cloud, user_id="ann")
    (handed_out,) = backfills.next_items(1)
    ended = datetime.now(UTC)
    backfills.give_back([handed_out], counted=False)
    time.sleep(0.01)
    assert backfills.next_items(1) == [handed_out]
    backfills.give_back([handed_out], counted=True, until=ended)
    (item,) = backfills.items(backfill_id)
    assert (item.state, item.tries) == (ItemState.HANDED_OUT, 0)


def test_what_opens_the_video_comes_in_small_runs_what_does_not_in_large_ones_and_what_died_alone(
    cloud: Cloud,
) -> None:
    names = [f"s{number}" for number in range(6)]
    for name in names:
        cloud.upload(f"golf-swings/ann/{name}.mp4", b"x")
        cloud.catalog.set_status(name, Status.AI_COMPLETED, "done")
    backfills, _ = begin(cloud, user_id="ann")
    assert run_requests(cloud, backfills, under_way=4) == [], "only so many are under way"
    lengths = [len(items(request)) for request in run_requests(cloud, backfills, under_way=2)]
    assert lengths == [2, 2], "nothing is stored of them, so they need their videos"
    (died,) = [one for one in backfills.handed_out_before(backfills._now()) if one.analysis_id == "s0"]
    backfills.give_back([died], counted=True)
    again = run_requests(cloud, backfills)
    assert sorted(map(items, again)) == [["s0"], ["s4"], ["s5"]]


def test_swings_that_need_their_videos_wait_if_they_come_with_many_that_do_not(cloud: Cloud) -> None:
    for number in range(6):
        cloud.upload(f"golf-swings/ann/s{number}.mp4", b"x")
        cloud.catalog.set_status(f"s{number}", Status.AI_COMPLETED, "done")
    for name in ("s0", "s1"):
        for stage in OF_THE_VIDEO:
            written = Written(name, stage, STAGE_VERSIONS[stage], "a")
            cloud.catalog.record_stage(written.output(f"golf-swings/ann/{name}/{stage}/a/b", "of this", {}))
    backfills, _ = begin(cloud, user_id="ann")
    assert list(map(items, run_requests(cloud, backfills, under_way=2))) == [["s0", "s1"], ["s2", "s3"]]
    assert list(map(items, run_requests(cloud, backfills, under_way=2))) == [["s4", "s5"]]


def items(request: dg.RunRequest) -> list[str]:
    run = dg.DagsterRun(job_name=reanalysis_job.name, run_config=request.run_config)
    return [item.analysis_id for item in items_of_run(run)]


def test_of_two_uploads_of_the_same_bytes_one_is_computed_and_the_other_copied(
    analysed: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysed.upload("golf-swings/ann/tuesday.mp4", SWING)
    analysed.catalog.mark_dispatched(["tuesday"])
    run_swings(analysed, instance, ["tuesday"])
    computed: list[str] = []
    (findings,) = (stage for stage in reanalysis.SWING_STAGES if stage.name == "findings")

    def counted(swing: Swing) -> Made:
        computed.append(swing.record.analysis_id)
        return findings.compute(swing)

    with_version(monkeypatch, "findings", "98", counted)
    backfills, backfill_id = begin(analysed, outdated=dict(STAGE_VERSIONS))
    (request,) = run_requests(analysed, backfills)
    assert run_one(analysed, request, instance).success
    assert backfills.state_of(backfill_id) == BackfillState.FINISHED, "nobody has to look for it"
    assert [item.state for item in backfills.items(backfill_id)] == [ItemState.DONE, ItemState.DONE]
    assert len(computed) == 1
    made = [analysed.catalog.stages(name)["findings"] for name in ("monday", "tuesday")]
    assert [one.facts["reused"] for one in made].count(True) == 1
    assert made[0].output_sha256 == made[1].output_sha256
