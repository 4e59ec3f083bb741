"""The rule-based report says what the findings say, and not a number more."""

import dataclasses
import re
from typing import Any

import pytest

from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.grounding import report_problems
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import DECIMALS, MOST_DRILLS, printed, write_report
from golf_pipeline.swing.documents import (
    CaptureCode,
    CaptureIssue,
    EventName,
    Findings,
    Handedness,
    Metric,
    Report,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.knowledge import FaultDefinition
from golf_pipeline.swing.landmarks import INDEX
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.posed import TORSO, segmentation, standing, track_of
from golf_pipeline_tests.swing.test_faults import FINDABLE, metric, past, reading, seen_from

Told = tuple[Report, Findings, tuple[Metric, ...]]


def told(view: View, impact: tuple[float, float], *, bend: float = 35.0, **capture: object) -> Told:
    """The report of a golfer whose pelvis is at `impact` (image right, up; torso lengths) at impact."""
    seen = segmentation(view, **capture)  # type: ignore[arg-type]
    at_impact = standing(bend - 12, hip=(360 + impact[0] * 200, 700 - impact[1] * 200))
    track = track_of({EventName.ADDRESS: standing(bend), EventName.TOP: standing(bend), EventName.IMPACT: at_impact})
    metrics = measure_swing(track, seen)
    findings = find_faults(metrics, seen)
    return write_report(findings, metrics, seen), findings, metrics


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("impact", [(0.2, 0.1), (-0.2, 0.0), (0.7, 0.0), (0.0, 0.0)])
def test_every_number_of_a_report_is_a_measured_one(view: View, impact: tuple[float, float]) -> None:
    report, findings, metrics = told(view, impact)
    assert report_problems(report, SwingFacts(findings, metrics, segmentation(view))) == ()


def test_the_summary_names_the_main_fault_with_its_number_and_how_sure_it_is() -> None:
    report, findings, _ = told(View.DOWN_THE_LINE, (0.2, 0.1))
    main = findings.findings[0]
    assert main.name.lower() in report.summary
    assert report.top_issues[0].evidence == main.evidence
    assert f"frame {main.evidence[0].frame}" in report.top_issues[0].text


def test_a_week_has_one_focus_and_at_most_two_drills_a_day() -> None:
    report, findings, _ = told(View.DOWN_THE_LINE, (0.2, 0.1))
    assert [day.day for day in report.one_week_plan] == list(range(1, 8))
    assert all(len(day.drill_ids) <= MOST_DRILLS for day in report.one_week_plan)
    given = {drill.drill_id for drill in report.drills}
    assert {one for day in report.one_week_plan for one in day.drill_ids} == given
    assert all(findings.findings[0].fault_id in drill.fault_ids for drill in report.drills)


def test_without_evidence_the_report_neither_blames_nor_praises() -> None:
    report, _, _ = told(View.OBLIQUE, (0.2, 0.1))
    assert "not show enough to judge" in report.summary
    assert (report.top_issues, report.drills, report.one_week_plan) == ((), (), ())
    assert any("oblique" in caveat for caveat in report.caveats)
    assert any("Film face-on" in caveat for caveat in report.caveats)


def test_slow_motion_and_an_unknown_hand_are_told() -> None:
    slow, _, _ = told(View.DOWN_THE_LINE, (0.0, 0.0), time_base=TimeBase.SLOW_MOTION, factor=8.0)
    given: dict[str, Any] = {"time_base": TimeBase.SLOW_MOTION, "factor": 8.0, "given": ("slow_motion_factor",)}
    estimated, _, _ = told(View.DOWN_THE_LINE, (0.0, 0.0), **given)
    unknown, _, _ = told(View.FACE_ON, (0.0, 0.0), hand=Handedness.UNKNOWN)
    assert any("left out" in caveat for caveat in slow.caveats)
    assert any("estimates" in caveat for caveat in estimated.caveats)
    assert any("Right- or left-handed" in caveat for caveat in unknown.caveats)


def numbers_in(report: Report) -> list[str]:
    """Every number in everything that a golfer reads, drills' own texts aside."""
    texts = [report.summary, *report.caveats, *(day.focus for day in report.one_week_plan)]
    texts += [text for issue in report.top_issues for text in (issue.title, issue.text)]
    return [number for text in texts for number in re.findall(r"\d+(?:\.\d+)?", text)]


@pytest.mark.parametrize("impact", [(0.2, 0.1), (0.3, 0.2)])
def test_the_numbers_of_a_report_are_those_of_its_evidence_rounded_once(impact: tuple[float, float]) -> None:
    report, findings, _ = told(View.DOWN_THE_LINE, impact)
    assert findings.findings
    printed = set(numbers_in(report))
    evidence = [one for finding in findings.findings for one in finding.evidence]
    told_numbers = {f"{abs(one.value):.{DECIMALS[one.unit]}f}" for one in evidence} | {
        str(one.frame) for one in evidence
    }
    assert printed == told_numbers


def test_the_words_say_which_way_and_the_number_has_its_unit() -> None:
    report, _, _ = told(View.DOWN_THE_LINE, (0.2, 0.1))
    text = " ".join(issue.text for issue in report.top_issues)
    assert "0.20 torso lengths (about a hand wide) toward the ball" in text
    assert "stood up by 12°" in text


@pytest.mark.parametrize("view", [View.FACE_ON, View.DOWN_THE_LINE])
def test_a_swing_without_a_fault_is_not_called_perfect_and_what_was_not_judged_is_named(view: View) -> None:
    calm = segmentation(view)
    if view == View.FACE_ON:
        moved = standing(-12, hip=(360 + 0.2 * TORSO, 700))
        poses = {EventName.ADDRESS: standing(), EventName.TOP: standing(-6), EventName.IMPACT: moved}
    else:
        poses = dict.fromkeys((EventName.ADDRESS, EventName.TOP, EventName.IMPACT), standing(35))
    kept = measure_swing(track_of(poses), calm)
    findings = find_faults(kept, calm)
    report = write_report(findings, kept, calm)
    assert findings.overall_level == "no fault seen"
    assert "not everything" in report.summary
    assert (report.top_issues, report.one_week_plan) == ((), ())
    told_names = " ".join(report.caveats)
    assert all(one.name in told_names and one.reason in told_names for one in findings.not_judged)
    measured = {one.id for one in kept if one.trust == Trust.MEASURED}
    praised = {
        metric.id
        for metric in knowledge.load().metrics.values()
        for reading in metric.readings
        if reading.positive in findings.positives and reading.positive
    }
    assert praised
    assert praised <= measured


def test_a_hint_is_called_a_hint() -> None:
    track = track_of({event: standing(35) for event in EventName})
    hidden = track.visibility.copy()
    hidden[:, [INDEX["left_hip"], INDEX["right_hip"]]] = 0.4
    xyz = track.xyz.copy()
    xyz[48:56, [INDEX["left_hip"], INDEX["right_hip"]], 0] += 0.2
    seen = segmentation(View.DOWN_THE_LINE)
    metrics = measure_swing(dataclasses.replace(track, xyz=xyz, visibility=hidden), seen)
    findings = find_faults(metrics, seen)
    assert {one.confidence for one in findings.findings} == {"low"}
    report = write_report(findings, metrics, seen)
    assert report.summary.startswith("Nothing clear stands out.")
    assert "hint" in report.summary
    assert "thing to work on" not in report.summary
    assert all("A hint only" in issue.text for issue in report.top_issues)
    assert {drill.where for drill in report.drills} == {"at home"}
    assert report.one_week_plan[0].focus.startswith("Film three more swings")


def of(*metrics: Metric, view: View = View.FACE_ON) -> Report:
    """The report of hand-made readings."""
    seen = segmentation(view)
    return write_report(find_faults(metrics, seen), metrics, seen)


SWAYING = (metric("pelvis_sway", EventName.TOP, -0.22), metric("chest_sway", EventName.TOP, -0.50))
HANGING = (metric("pelvis_sway", EventName.IMPACT, -0.08), metric("chest_sway", EventName.IMPACT, -0.40))


@pytest.mark.parametrize("fault", FINDABLE, ids=lambda fault: fault.id)
@pytest.mark.parametrize("noises", [1.5, 3, 8])
def test_the_words_of_every_sign_carry_its_number_unit_and_way(fault: FaultDefinition, noises: float) -> None:
    metrics, seen = tuple(reading(one, past(one, noises)) for one in fault.signals), seen_from(fault)
    findings = find_faults(metrics, seen)
    report = write_report(findings, metrics, seen)
    assert report_problems(report, SwingFacts(findings, metrics, seen)) == ()


def test_the_root_cause_is_the_main_fault_and_names_what_it_brings() -> None:
    report = of(*SWAYING, *HANGING)
    assert "thing to work on is sway" in report.summary
    assert "It can bring hanging back with it." in report.summary
    assert [issue.fault_id for issue in report.top_issues] == ["sway", "hanging_back"]
    assert "has a long way back" in report.top_issues[0].text
    assert "has a long way back" not in report.top_issues[1].text


def test_the_week_goes_from_home_to_the_range_rests_and_films_the_same_numbers_again() -> None:
    report = of(*SWAYING)
    assert [drill.where for drill in report.drills] == ["at home", "on the range"]
    days = [day.drill_ids for day in report.one_week_plan]
    home, ball = (drill.drill_id for drill in report.drills)
    assert days == [(home,), (home,), (ball,), (), (home,), (home, ball), ()]
    assert report.one_week_plan[3].focus.startswith("Play or rest")
    last = report.one_week_plan[-1].focus
    assert last.startswith("Film face-on again")
    assert "pelvis sway at the top, today \N{MINUS SIGN}0.22 torso lengths" in last
    assert "chest sway at the top, today \N{MINUS SIGN}0.50 torso lengths" in last


def test_a_direction_is_to_be_filmed_again_without_its_degrees() -> None:
    hardly_open = metric("pelvis_turn", EventName.IMPACT, 5.0).model_copy(update={"trust": Trust.DIRECTION_ONLY})
    last = of(metric("pelvis_sway", EventName.IMPACT, 0.62), hardly_open).one_week_plan[-1].focus
    assert "pelvis sway at impact, today 0.62 torso lengths; pelvis turn at impact." in last


def test_a_sign_too_small_to_print_is_a_little_and_not_zero() -> None:
    report = of(metric("secondary_axis_tilt", EventName.TOP, -0.3), metric("head_sway", EventName.TOP, 0.12))
    assert "your upper body leaned a little toward the target at the top" in report.summary


def test_what_the_numbers_do_not_decide_is_named_as_on_the_edge_and_first() -> None:
    at_the_limit = metric("pelvis_sway", EventName.TOP, -0.105)
    fine = (metric("pelvis_sway", EventName.IMPACT, 0.2), metric("secondary_axis_tilt", EventName.TOP, 6.0))
    report = of(at_the_limit, *fine)
    assert "No fault stands out among slide, reverse spine angle and hanging back." in report.summary
    assert "On the edge: sway" in report.summary
    edge, other = (one for one in report.caveats if one.startswith(("On the edge", "Not judged: Loss of posture")))
    assert edge.startswith("On the edge: Sway")
    assert "Film three more swings" in edge
    assert "Film down-the-line" in other


def test_a_medium_finding_is_called_likely() -> None:
    report = of(SWAYING[0])
    assert "most likely sway" in report.summary
    assert "Likely, not certain" in report.top_issues[0].text


def test_nothing_is_said_twice_in_the_caveats() -> None:
    issues = [
        CaptureIssue(code=code, message="Told.", how="Do it.")
        for code in (CaptureCode.SLOW_MOTION, CaptureCode.VIEW_OBLIQUE, CaptureCode.HAND_UNKNOWN)
    ]
    seen = segmentation(View.OBLIQUE, hand=Handedness.UNKNOWN, time_base=TimeBase.SLOW_MOTION, factor=None)
    seen = seen.model_copy(update={"capture": seen.capture.model_copy(update={"issues": tuple(issues)})})
    metrics = measure_swing(track_of({event: standing() for event in EventName}), seen)
    caveats = write_report(find_faults(metrics, seen), metrics, seen).caveats
    assert len(set(caveats)) == len(caveats)
    assert not [one for one in caveats if "Told." in one]


@pytest.mark.parametrize(
    ("size", "words"),
    [(0.11, "about half a hand wide"), (0.17, "about a hand wide"), (0.33, "about two hands wide")],
)
def test_a_torso_length_is_told_in_hands_too(size: float, words: str) -> None:
    """A hand is about a sixth of a torso length wide."""
    metrics = (metric("pelvis_sway", EventName.TOP, -size), metric("chest_sway", EventName.TOP, -0.5))
    assert f"{printed(size, 'torso lengths')} ({words}) away from the target" in of(*metrics).summary


def test_a_left_hander_reads_the_same_report() -> None:
    poses = {
        EventName.ADDRESS: standing(),
        EventName.TOP: standing(hip=(300, 700)),
        EventName.IMPACT: standing(-10, hip=(300, 700)),
        EventName.FINISH: standing(-10, hip=(300, 700)),
    }
    track = track_of(poses)
    reports = []
    for one, hand in ((track, Handedness.RIGHT), (track.mirrored(), Handedness.LEFT)):
        seen = segmentation(View.FACE_ON, hand=hand)
        metrics = measure_swing(one, seen)
        reports.append(write_report(find_faults(metrics, seen), metrics, seen))
    assert reports[0].top_issues
    assert reports[0] == reports[1]
    said = reports[0].model_dump_json()
    assert not re.search(r"\b(left|right)\b", said, re.IGNORECASE)
