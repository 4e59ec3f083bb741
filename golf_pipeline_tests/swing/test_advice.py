"""The rule-based report says what the findings say, and not a number more."""

import pytest

from golf_pipeline.coach.grounding import ungrounded_numbers
from golf_pipeline.swing.advice import MOST_DRILLS, write_report
from golf_pipeline.swing.documents import EventName, Findings, Handedness, Metric, Report, TimeBase, View
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.metrics import measure_swing
from golf_pipeline_tests.swing.posed import segmentation, standing, track_of

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
    assert ungrounded_numbers(*told(view, impact)) == ()


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
    assert any("straight in front" in caveat for caveat in report.caveats)


def test_slow_motion_and_an_unknown_hand_are_told() -> None:
    slow, _, _ = told(View.DOWN_THE_LINE, (0.0, 0.0), time_base=TimeBase.SLOW_MOTION, factor=8.0)
    unknown, _, _ = told(View.FACE_ON, (0.0, 0.0), hand=Handedness.UNKNOWN)
    assert any("slow motion" in caveat for caveat in slow.caveats)
    assert any("right- or left-handed" in caveat for caveat in unknown.caveats)
