"""What a backfill would do: stages that are made anew, videos, time and money."""

from sqlalchemy import update

from golf_pipeline.storage.backfill_plan import Alike, PresentStage, Range, make_plan, read_plan
from golf_pipeline.storage.backfill_selection import Selection
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, stage_outputs
from golf_pipeline_tests.storage.backfilled_swings import BEGAN, add_swing

STAGES = (
    PresentStage("pose", "3", (), opens_video=True),
    PresentStage("metrics", "2", ("pose",), opens_video=False),
    PresentStage("coaching", "5", ("metrics",), opens_video=False),
    PresentStage("overlay", "1", ("pose",), opens_video=True),
)
PRESENT = {stage.name: stage.version for stage in STAGES}
ALL = frozenset(PRESENT)
SECONDS = {"pose": 10.0, "metrics": 1.0, "coaching": 2.0, "overlay": None}


def test_a_stage_of_another_version_is_made_anew_surely_and_those_that_read_it_perhaps() -> None:
    plan = make_plan([Alike(10, ALL - {"metrics"}, True), Alike(5, ALL, True)], STAGES, SECONDS, 0.5)
    assert plan.swings == 15
    assert {stage.name: stage.anew for stage in plan.stages} == {"metrics": Range(10, 10), "coaching": Range(0, 10)}
    assert plan.opening_video == Range(0, 0) and plan.untimed == ()
    assert plan.work_s == Range(10.0, 30.0)
    assert plan.usd == Range(0.0, 5.0)


def test_videos_are_opened_for_the_stages_that_need_them_where_there_is_one() -> None:
    groups = [Alike(3, ALL - {"pose"}, True), Alike(2, frozenset(), False), Alike(4, ALL, False)]
    plan = make_plan(groups, STAGES, SECONDS, None)
    assert plan.opening_video == Range(5, 5) and plan.without_video == 2
    assert plan.untimed == ("overlay",) and plan.usd is None
    assert plan.coached == Range(2, 5)


def test_the_plan_is_read_from_what_is_stored(catalog: Catalog) -> None:
    def took(seconds: float, **more: object) -> dict[str, object]:
        return {"compute_seconds": seconds, "reused": False, **more}

    model = {"model": "gpt-4.1-mini"}
    add_swing(catalog.engine, "present", versions=PRESENT, facts={"coaching": took(3.0, cost_usd=0.02, **model)})
    add_swing(catalog.engine, "old", versions=PRESENT | {"metrics": "1"}, facts={"metrics": took(4.0)})
    add_swing(catalog.engine, "no video", versions={"pose": "2"}, video_removed_at=BEGAN, facts={"pose": took(20.0)})
    add_swing(catalog.engine, "rules", versions=PRESENT, facts={"coaching": took(1.0, cost_usd=0.0, model="rules")})
    add_swing(catalog.engine, "failed", status=Status.FAILED, retryable=True)
    add_swing(catalog.engine, "unsettled", versions=PRESENT)
    with catalog.engine.begin() as connection:
        settled = ~((stage_outputs.c.analysis_id == "unsettled") & (stage_outputs.c.stage == "coaching"))
        connection.execute(update(stage_outputs).where(settled).values(fingerprint="f"))
    plan = read_plan(catalog.engine, Selection(), STAGES)
    assert plan.swings == 6
    assert {stage.name: stage.anew for stage in plan.stages} == {
        "pose": Range(2, 2),
        "metrics": Range(3, 3),
        "coaching": Range(3, 4),
        "overlay": Range(2, 2),
    }
    assert (plan.opening_video, plan.without_video) == (Range(2, 2), 1)
    assert {stage.name: stage.seconds_each for stage in plan.stages} == {
        "pose": 20.0,
        "metrics": 4.0,
        "coaching": 2.0,
        "overlay": None,
    }
    assert plan.usd_each == 0.02
    outdated = read_plan(catalog.engine, Selection(outdated=PRESENT), STAGES)
    assert outdated.swings == 2
    by_force = read_plan(catalog.engine, Selection(outdated=PRESENT, force=True), STAGES)
    assert {stage.anew for stage in by_force.stages} == {Range(2, 2)}
    older = read_plan(catalog.engine, Selection(older_than={"pose": "3", "metrics": "2"}), STAGES)
    assert older.swings == 2
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).values(deleted_at=BEGAN))
    assert read_plan(catalog.engine, Selection(), STAGES).swings == 0
