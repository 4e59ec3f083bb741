"""What a re-analysis changed: over made results, and over stored ones of a real backfill."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from golf_pipeline.storage import database
from golf_pipeline.storage.backfill_report import EXAMPLES, NO_FAULT, SAMPLE, ResultPair, compare_results
from golf_pipeline.storage.backfill_report_files import report_of, write_report
from golf_pipeline.storage.backfills import Backfills, ItemState, Selection
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.result import ResultDocument
from golf_pipeline.storage.tables import metadata
from golf_pipeline.swing.documents import Finding, Findings, Severity, SwingEvent, SwingScore, View
from golf_pipeline_tests.storage.backfilled_swings import Clock, add_swing
from golf_pipeline_tests.storage.stored_swings import result


def told(
    analysis_id: str,
    tilt: float | None,
    *faults: str,
    score: int | None = None,
    top: int = 20,
    view: View = View.FACE_ON,
    version: str = "1",
) -> ResultDocument:
    """A result with one number (noise 1 degree), faults in this order, a score and one event."""
    document = result(analysis_id, tilt or 0.0, {"metrics": version})
    findings = Findings(
        overall_level="no fault seen" if not faults else "one main fault" if len(faults) == 1 else "several faults",
        findings=tuple(
            Finding(
                fault_id=fault,
                name=fault.title(),
                severity=Severity.MAJOR,
                confidence="high",
                explanation="",
                evidence=(),
                ball_flight=(),
                causes=(),
                drill_ids=(),
            )
            for fault in faults
        ),
        positives=(),
        not_judged=(),
        score=SwingScore(value=score, parts=()),
    )
    metrics = tuple(metric.model_copy(update={"value": tilt}) for metric in document.pose.metrics)
    seen = document.analysis_results
    event = SwingEvent(event="top", frame=top, time_s=top / 30, exact_frame=top, confidence=1)
    return document.model_copy(
        update={
            "pose": document.pose.model_copy(update={"findings": findings, "metrics": metrics}),
            "analysis_results": seen.model_copy(
                update={"events": (event,), "capture": seen.capture.model_copy(update={"view": view})}
            ),
        }
    )


def test_the_main_fault_is_the_first_one_and_changes_are_counted_with_examples() -> None:
    pairs = [ResultPair(told(f"s{number}", 1, "sway", "slide"), told(f"s{number}", 1, "slide")) for number in range(9)]
    pairs.append(ResultPair(told("kept", 1, "sway"), told("kept", 1, "sway")))
    pairs.append(ResultPair(told("healed", 1, "sway"), told("healed", 1)))
    report = compare_results(pairs)
    assert report.main_fault_changed == 10
    moves = {(one.before, one.after): one for one in report.main_faults}
    assert {move: one.swings for move, one in moves.items()} == {
        ("sway", "slide"): 9,
        ("sway", "sway"): 1,
        ("sway", NO_FAULT): 1,
    }
    assert moves["sway", "slide"].examples == tuple(f"s{number}" for number in range(EXAMPLES))
    assert {(one.before, one.after): one.swings for one in report.levels if one.before != one.after} == {
        ("several faults", "one main fault"): 9,
        ("one main fault", "no fault seen"): 1,
    }
    assert {one.fault_id: (one.lost, one.gained, one.kept) for one in report.faults} == {
        "sway": (10, 0, 1),
        "slide": (0, 0, 9),
    }


def test_a_number_moves_by_the_differences_of_its_pairs_and_beyond_the_noise_that_was_told() -> None:
    pairs = [ResultPair(told(f"{n}", 10.0), told(f"{n}", 10.0 + 0.1 * n)) for n in range(21)]
    pairs += [ResultPair(told("a", None), told("a", 3.0)), ResultPair(told("v", 3.0), told("v", None))]
    (shift,) = compare_results(pairs).metrics
    assert (shift.pairs, shift.moved, shift.beyond_noise, shift.appeared, shift.vanished) == (21, 20, 10, 1, 1)
    assert shift.difference is not None
    assert (shift.difference.p5, shift.difference.median, shift.difference.p95) == pytest.approx((0.1, 1.0, 1.9))


def test_numbers_of_another_side_are_not_compared() -> None:
    other = told("a", 30.0, view=View.DOWN_THE_LINE)
    report = compare_results([ResultPair(told("a", 10.0), other)])
    assert report.view_changed == 1 and report.metrics == ()


def test_scores_and_events_move_by_points_and_frames() -> None:
    pairs = [
        ResultPair(told("a", 1, score=50, top=20), told("a", 1, score=54, top=20)),
        ResultPair(told("b", 1, score=50, top=20), told("b", 1, score=50, top=17)),
        ResultPair(told("c", 1, score=None), told("c", 1, score=50)),
    ]
    report = compare_results(pairs)
    assert (report.score.pairs, report.score.moved, report.score.appeared, report.score.vanished) == (2, 1, 1, 0)
    assert report.score.difference is not None and report.score.difference.median == 2.0
    top = next(one for one in report.events if one.event == "top")
    assert (top.pairs, top.moved, top.furthest) == (3, 1, 3)


def test_swings_that_had_failed_are_counted_and_not_compared() -> None:
    report = compare_results([ResultPair(None, told("a", 1, "sway"), ("events", "metrics"))])
    assert (report.swings, report.newly_analysed, report.compared) == (1, 1, 0)
    assert report.stages == {"events": 1, "metrics": 1} and report.main_faults == ()


def test_the_versions_that_changed_are_named() -> None:
    report = compare_results([ResultPair(told("a", 1), told("a", 1, version="2"))])
    assert [(one.before, one.after, one.swings) for one in report.versions] == [("metrics 1", "metrics 2", 1)]


@pytest.mark.slow
def test_more_pairs_than_are_kept_are_sampled_evenly() -> None:
    swings = SAMPLE + SAMPLE // 4
    pairs = (ResultPair(told("a", 0.0), told("a", n / swings)) for n in range(swings))
    (shift,) = compare_results(pairs).metrics
    assert shift.pairs == swings and shift.difference is not None
    assert (shift.difference.p5, shift.difference.median, shift.difference.p95) == pytest.approx(
        (0.05, 0.5, 0.95), abs=0.02
    )


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = database.connect(f"sqlite:///{tmp_path / 'catalog.db'}")
    metadata.create_all(engine)
    return engine


def test_the_report_of_a_backfill_is_made_of_its_stored_results(
    engine: Engine, store: ObjectStore, tmp_path: Path
) -> None:
    work = Backfills(engine, Clock())
    for name in ("a", "b", "gone", "odd", "refused", "same"):
        add_swing(engine, name)
    backfill_id = work.create(Selection(), "<an operator>", 6)

    def put(key: str, document: ResultDocument) -> str:
        store.put_bytes(key, document.model_dump_json().encode(), "application/json")
        return key

    store.put_bytes("odd", b'{"schema_version": "0.1"}', "application/json")
    results = {
        "a": (put("a/old", told("a", 1.0, "sway")), put("a/new", told("a", 3.0, "slide", version="2"))),
        "b": (None, put("b/new", told("b", 1.0))),
        "gone": ("gone/old", put("gone/new", told("gone", 1.0))),
        "odd": ("odd", "odd"),
    }
    for item in work.next_items(10):
        old, new = results.get(item.analysis_id, (None, None))
        state = {"refused": ItemState.FAILED, "same": ItemState.UNCHANGED}.get(item.analysis_id, ItemState.DONE)
        work.finish_item(
            backfill_id,
            item.analysis_id,
            state,
            seconds=1.0,
            stages=("metrics",),
            error_code="NO_COMPLETE_SWING" if state == ItemState.FAILED else None,
            old_result_key=old,
            new_result_key=new,
        )
    seen: list[tuple[int, int]] = []
    report = report_of(work, store, backfill_id, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    assert (report.unreadable, report.changes.compared, report.changes.newly_analysed) == (2, 1, 1)
    assert report.failures == {"NO_COMPLETE_SWING": 1} and report.items[ItemState.UNCHANGED] == 1
    page = write_report(report, tmp_path / "out").read_text()
    assert json.loads((tmp_path / "out" / "report.json").read_text())["changes"]["main_fault_changed"] == 1
    assert "&lt;an operator&gt;" in page and "<an operator>" not in page
    assert "://" not in page and "+2.0" in page


def test_a_backfill_without_results_has_a_page_that_says_so(engine: Engine, store: ObjectStore, tmp_path: Path) -> None:
    work = Backfills(engine, Clock())
    report = report_of(work, store, work.create(Selection(), "ann", 0))
    assert "No swing has both an old and a new result" in write_report(report, tmp_path / "out").read_text()


def test_an_unknown_backfill_has_no_report(engine: Engine, store: ObjectStore) -> None:
    with pytest.raises(LookupError, match="nobody's"):
        report_of(Backfills(engine), store, "nobody's")
