"""A golfer's profile and the tables of their history, made of stored results over a real S3."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from golf_pipeline.coach.documents import AiAnalysis, TechnicalAnalysis
from golf_pipeline.definitions import build_defs
from golf_pipeline.history_table import NoHistory, stored_profile
from golf_pipeline.orchestration.assets import profile as profile_asset
from golf_pipeline.storage import profile_failures, profiles
from golf_pipeline.storage.deletion import delete_swing
from golf_pipeline.storage.history import SwingHistory
from golf_pipeline.storage.keys import (
    metric_history_key,
    output_key,
    profile_key,
    profile_swings_key,
    swing_history_key,
    upload_key,
    user_context_key,
)
from golf_pipeline.storage.records import StageOutput, Status
from golf_pipeline.storage.result import RESULT_STAGE, AnalysisResults, PoseResults, ResultDocument
from golf_pipeline.storage.stale_profiles import stale_among
from golf_pipeline.swing.documents import (
    Capture,
    EventName,
    Findings,
    Handedness,
    ImpactSound,
    Metric,
    PoseSummary,
    Report,
    SwingScore,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.profile import ALGORITHM_VERSION, SwingProfile, UserContext, build_profile
from golf_pipeline_tests.orchestration.conftest import Cloud, materialised

FIRST = datetime(2026, 5, 1, tzinfo=UTC)


def result(analysis_id: str, value: float, view: View) -> ResultDocument:
    capture = Capture(
        view=view,
        view_confidence=1,
        handedness=Handedness.LEFT,
        handedness_confidence=1,
        time_base=TimeBase.REAL,
        slow_motion_factor=1,
    )
    metric = Metric(
        id="tilt",
        name="Tilt",
        phase=EventName.TOP,
        value=value,
        unit="deg",
        trust=Trust.MEASURED,
        noise=1.0,
        valid_views=(View.FACE_ON,),
        corridor=(0.0, 10.0),
        frames=(),
    )
    findings = Findings(
        overall_level="no fault seen",
        findings=(),
        positives=(),
        not_judged=(),
        score=SwingScore(value=100 - int(value), parts=()),
    )
    return ResultDocument(
        analysis_id=analysis_id,
        algorithm_versions={"metrics": "7", "findings": "5"},
        analysis_results=AnalysisResults(
            frames=(),
            frames_extracted=0,
            total_frames=0,
            video_duration=0,
            fps=30,
            swing_detected=True,
            swing_segments=(),
            capture=capture,
            events=(),
            impact_sound=ImpactSound(status="no audio"),
        ),
        pose=PoseResults(
            pose_summary=PoseSummary(model="m", frames=0, coverage=0, mean_visibility=0),
            metrics=(metric,),
            findings=findings,
            report=Report(summary="", top_issues=(), drills=(), one_week_plan=(), caveats=()),
        ),
        ai_analysis=AiAnalysis.model_construct(
            **{name: _empty(field.annotation) for name, field in AiAnalysis.model_fields.items()}
            | {
                "coaching_response": f"coaching of {analysis_id}",
                "technical_analysis": TechnicalAnalysis(positives=(), issues=()),
            }
        ),
        artifacts={},
    )


def _empty(annotation: Any) -> Any:
    simple: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False}
    return simple.get(annotation, None if "None" in str(annotation) else ())


def finish(cloud: Cloud, user: str, values: Iterable[float], view: View = View.FACE_ON) -> list[str]:
    """Finished swings of a golfer, one a day, each with a stored result."""
    names = []
    for day, value in enumerate(values):
        name = f"{user}-{view.value}-{day:03}"
        record = cloud.upload(upload_key(user, name, "mp4"), name.encode())
        key = output_key(user, name, RESULT_STAGE, "1", "result.json")
        cloud.objects.put_bytes(key, result(name, value, view).model_dump_json().encode(), "application/json")
        uploaded_at = FIRST + timedelta(days=day)
        with cloud.catalog.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE analyses SET uploaded_at = ? WHERE analysis_id = ?", (uploaded_at.isoformat(" "), name)
            )
        cloud.catalog.record_stage(
            StageOutput(analysis_id=name, stage=RESULT_STAGE, version="1", key=key), attempt=record.attempt
        )
        cloud.catalog.set_status(name, Status.AI_COMPLETED, "done")
        names.append(key)
    return names


def make_profile(cloud: Cloud, instance: dg.DagsterInstance, user: str) -> SwingProfile:
    instance.add_dynamic_partitions("golfers", [user])
    job = build_defs(cloud.settings).resolve_job_def("profile_job")
    assert job.execute_in_process(instance=instance, partition_key=user).success
    return SwingProfile.model_validate(cloud.json(profile_key(user, ALGORITHM_VERSION)))


def bodies(cloud: Cloud, user: str) -> list[bytes]:
    keys = (key_of(user, ALGORITHM_VERSION) for key_of in (profile_key, metric_history_key, swing_history_key))
    return [cloud.objects.get_bytes(key) for key in keys]


def test_a_golfers_history_is_stored_beside_the_profile_and_can_be_asked(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    finish(cloud, "ann", [30.0, 26.0, 22.0, 18.0, 14.0, 10.0, 6.0])
    finish(cloud, "ann", [5.0], View.DOWN_THE_LINE)
    profile = make_profile(cloud, instance, "ann")
    face_on = next(one for one in profile.metrics if one.view == View.FACE_ON)
    assert (face_on.readings, face_on.direction, face_on.handedness) == (7, "better", Handedness.LEFT)
    assert face_on.trend is not None
    assert (face_on.trend.first, face_on.trend.last) == (30.0, 6.0)
    assert [(one.view, one.scores, one.direction) for one in profile.scores] == [
        (View.DOWN_THE_LINE, 1, "not known"),
        (View.FACE_ON, 7, "better"),
    ]
    with SwingHistory(cloud.objects) as history:
        readings = history.metric_history("ann", "tilt", EventName.TOP, View.FACE_ON)
        assert [one.value for one in readings] == [6.0, 10.0, 14.0, 18.0, 22.0, 26.0, 30.0]
        assert {(one.algorithm_version, one.handedness) for one in readings} == {("7", "left")}
        assert history.cohort("tilt", EventName.TOP, View.FACE_ON) is None


def test_the_terminal_shows_the_stored_profile(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    finish(cloud, "ann", [30.0])
    made = make_profile(cloud, instance, "ann")
    assert stored_profile("ann", cloud.settings) == made
    with pytest.raises(NoHistory, match="golf-profiles/bob"):
        stored_profile("bob", cloud.settings)


def test_the_same_results_give_the_same_bytes_again(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    finish(cloud, "ann", [30.0, 26.0, 22.0])
    make_profile(cloud, instance, "ann")
    first = bodies(cloud, "ann")
    make_profile(cloud, instance, "ann")
    assert bodies(cloud, "ann") == first


def test_a_deleted_result_is_in_no_profile_and_no_history(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    keys = finish(cloud, "ann", [30.0, 26.0, 22.0])
    cloud.s3.delete_object(Bucket=cloud.settings.bucket, Key=keys[-1])
    profile = make_profile(cloud, instance, "ann")
    assert (profile.swing_count, profile.metrics[0].value) == (2, 26.0)
    with SwingHistory(cloud.objects) as history:
        readings = history.metric_history("ann", "tilt", EventName.TOP, View.FACE_ON)
    assert [one.value for one in readings] == [26.0, 30.0]


def test_nothing_of_a_golfers_last_deleted_swing_is_kept(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    finish(cloud, "ann", [30.0])
    make_profile(cloud, instance, "ann")
    kept = {key_of("ann", ALGORITHM_VERSION) for key_of in (profile_key, profile_swings_key)}
    assert kept < set(cloud.object_keys())
    (record,) = cloud.catalog.completed_of_user("ann")
    delete_swing(cloud.catalog, cloud.objects, record)
    assert run_profiles(cloud, instance, "ann").success  # one that was asked for before the deletion
    assert cloud.object_keys() == []


def run_profiles(cloud: Cloud, instance: dg.DagsterInstance, *users: str) -> dg.ExecuteInProcessResult:
    """Run the job over golfers whose partitions stand next to each other."""
    instance.add_dynamic_partitions("golfers", list(users))
    job = build_defs(cloud.settings).resolve_job_def("profile_job")
    tags = {"dagster/asset_partition_range_start": users[0], "dagster/asset_partition_range_end": users[-1]}
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def failures(cloud: Cloud) -> dict[str, int]:
    return {one.user_id: one.failures for one in profile_failures.failing(cloud.catalog.engine, 1)}


def test_one_bad_golfer_fails_alone_and_the_operator_sees_who(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    for user in ("ann", "bad", "cat"):
        finish(cloud, user, [30.0])
    say(cloud, "x", user="bad")
    with cloud.catalog.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE golfers SET context = '{\"handicap\": 900}' WHERE user_id = 'bad'")
    for times in (1, 2, 3):
        result = run_profiles(cloud, instance, "ann", "bad", "cat")
        assert materialised(result) == {"swing_profile": ["ann", "cat"]}
        assert failures(cloud) == {"bad": times}
        (check,) = result.get_asset_check_evaluations()
        assert check.passed == (times < 3)
    assert "bad" in check.metadata
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert "1 of 3 profiles could not be made: bad: INTERNAL" in str(failed.step_failure_data)
    assert not result.success
    say(cloud, "a context that can be read", user="bad")
    healed = run_profiles(cloud, instance, "ann", "bad", "cat")
    assert healed.success
    assert failures(cloud) == {}
    assert [check.passed for check in healed.get_asset_check_evaluations()] == [True]


def test_a_store_that_is_down_costs_two_golfers_a_failure_and_the_others_none(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_asset, "TRIED_AGAIN_AFTER_S", (0.0,))
    for user in ("ann", "bob", "cat"):
        finish(cloud, user, [30.0])
    down = Cloud(
        cloud.settings.model_copy(update={"bucket": f"{cloud.settings.bucket}-is-gone"}), cloud.s3, cloud.sqs, ""
    )
    result = run_profiles(down, instance, "ann", "bob", "cat")
    assert materialised(result) == {}
    assert failures(cloud) == {"ann": 1, "bob": 1}
    assert run_profiles(cloud, instance, "ann", "bob", "cat").success
    assert failures(cloud) == {}


def test_a_profile_that_two_runs_made_at_once_is_made_once_more(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(cloud, "ann", [30.0])
    others: list[datetime] = []

    def beside_another(*parts: Any) -> SwingProfile:
        others.append(profile_failures.begin(cloud.catalog.engine, "ann"))
        return build_profile(*parts)

    monkeypatch.setattr(profile_asset, "build_profile", beside_another)
    make_profile(cloud, instance, "ann")
    assert stale(cloud) == ["ann"]
    monkeypatch.undo()
    assert profile_failures.succeed(cloud.catalog.engine, "ann", others[0])
    make_profile(cloud, instance, "ann")
    assert stale(cloud) == []


@pytest.mark.parametrize(
    ("stored", "goals"),
    [
        ({"goals": "<b>break 80</b>\n call +49 170 1234567", "handicap": 12.5}, "break 80 call"),
        ({"goals": "x", "handicap": 900}, None),
        (["no document"], None),
        (None, None),
    ],
    ids=["sanitised", "out of range", "another shape", "not there"],
)
def test_what_golfers_say_of_themselves_is_sanitised_and_never_costs_them_the_profile(
    cloud: Cloud, instance: dg.DagsterInstance, stored: object, goals: str | None
) -> None:
    finish(cloud, "ann", [30.0])
    if stored is not None:
        cloud.objects.put_bytes(user_context_key("ann"), json.dumps(stored).encode(), "application/json")
    profile = make_profile(cloud, instance, "ann")
    assert profile.swing_count == 1
    assert (profile.user_context.goals if profile.user_context else None) == goals


def say(cloud: Cloud, goals: str, user: str = "ann") -> None:
    with cloud.catalog.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM golfers WHERE user_id = ? AND context LIKE '%900%'", (user,))
        profiles.locked_golfer(connection, user)
        profiles.set_context(connection, user, UserContext(goals=goals))


def stale(cloud: Cloud) -> list[str]:
    return sorted(stale_among(cloud.catalog.engine, ["ann", "bob"], ALGORITHM_VERSION))


def test_what_golfers_changed_through_the_api_counts_and_not_the_file(
    cloud: Cloud, instance: dg.DagsterInstance
) -> None:
    finish(cloud, "ann", [30.0])
    cloud.objects.put_bytes(user_context_key("ann"), b'{"goals": "of the file"}', "application/json")
    say(cloud, "of the catalog")
    assert make_profile(cloud, instance, "ann").user_context == UserContext(goals="of the catalog")
    assert stale(cloud) == []


def test_a_change_while_the_profile_is_being_made_is_made_known_by_the_next_run(
    cloud: Cloud, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(cloud, "ann", [30.0])
    say(cloud, "before")

    def slow(*parts: Any) -> SwingProfile:
        say(cloud, "meanwhile")
        return build_profile(*parts)

    monkeypatch.setattr(profile_asset, "build_profile", slow)
    assert make_profile(cloud, instance, "ann").user_context == UserContext(goals="before")
    assert stale(cloud) == ["ann"]
    monkeypatch.undo()
    assert make_profile(cloud, instance, "ann").user_context == UserContext(goals="meanwhile")
    assert stale(cloud) == []


def test_a_profile_forgets_the_last_swing_when_it_is_gone(cloud: Cloud, instance: dg.DagsterInstance) -> None:
    finish(cloud, "ann", [30.0])
    assert make_profile(cloud, instance, "ann").swing_count == 1
    with cloud.catalog.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE analyses SET status = 'FAILED'")
        profiles.ask_refresh(connection, "ann")
    assert stale(cloud) == ["ann"]
    forgotten = make_profile(cloud, instance, "ann")
    assert (forgotten.swing_count, forgotten.metrics) == (0, ())
    assert stale(cloud) == []
