"""The rule-based report: findings in plain words, drills, and a plan for a week.

It says nothing that the findings do not, prints no number that is not in their evidence, and praises nothing that was
not measured. One main fault, at most two drills a day: a golfer who is told five things works on none.
"""

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import (
    Evidence,
    Finding,
    Findings,
    Handedness,
    Metric,
    PlanDay,
    Report,
    SwingSegmentation,
    TimeBase,
    TopIssue,
    Trust,
    View,
)

ALGORITHM_VERSION = "1"

MOST_ISSUES = 3
MOST_DRILLS = 2
DAYS = 7
REST_DAYS = (4,)
DECIMALS = {"deg": 0, "torso lengths": 2, "stance widths": 2, "ratio": 1, "s": 2}
"""How many decimals a number of each unit is printed with: no more than its noise allows."""

SURENESS = {
    "high": "",
    "medium": " That is likely, not certain.",
    "low": " Take it as a hint: what shows it is not measured well in this clip, or a second sign is missing.",
}


def write_report(findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> Report:
    """Write the report of one swing."""
    drills = knowledge.load().drills
    main = findings.findings[0] if findings.findings else None
    chosen = tuple(drills[drill_id] for drill_id in main.drill_ids[:MOST_DRILLS]) if main else ()
    return Report(
        summary=_summary(findings, main),
        top_issues=tuple(_issue(finding) for finding in findings.findings[:MOST_ISSUES]),
        drills=chosen,
        one_week_plan=_plan(main, tuple(drill.drill_id for drill in chosen)),
        caveats=_caveats(findings, metrics, segmentation),
    )


def _summary(findings: Findings, main: Finding | None) -> str:
    good = f" What is good: {findings.positives[0]}" if findings.positives else ""
    if main is not None:
        seen = told(main, main.evidence[0])
        return f"The thing to work on is {main.name.lower()}: {seen}.{SURENESS[main.confidence]}{good}"
    if findings.overall_level == "no fault seen":
        return f"No fault was seen in what this clip allows to be judged, which is not everything.{good}"
    return f"This clip does not show enough to judge the swing: see what could not be judged, and why.{good}"


def _issue(finding: Finding) -> TopIssue:
    seen = ", and ".join(f"{told(finding, evidence)} (frame {evidence.frame})" for evidence in finding.evidence)
    flight = f" It often goes with: {', '.join(finding.ball_flight)}." if finding.ball_flight else ""
    causes = f" Things to look at: {'; '.join(finding.causes)}." if finding.causes else ""
    return TopIssue(
        fault_id=finding.fault_id,
        title=finding.name,
        text=f"{finding.explanation} In this swing {seen}.{SURENESS[finding.confidence]}{flight}{causes}",
        severity=finding.severity,
        evidence=finding.evidence,
    )


def told(finding: Finding, evidence: Evidence) -> str:
    """What one sign of a finding says, in the words of its rule, with the number of its evidence."""
    fault = knowledge.load().faults[finding.fault_id]
    sign = (evidence.metric_id, evidence.phase or "swing")
    signal = next(one for one in (fault.primary, fault.supporting) if one and (one.metric, one.phase) == sign)
    size, signed = printed(abs(evidence.value), evidence.unit), printed(evidence.value, evidence.unit)
    return signal.says.format(size=size, signed=signed)


def printed(value: float, unit: str) -> str:
    """A number as every text prints it: as many decimals as its unit's noise allows, a real minus sign, the unit."""
    # Adding zero turns the "-0.00" of a tiny negative number into "0.00".
    number = f"{round(value, DECIMALS[unit]) + 0.0:.{DECIMALS[unit]}f}"
    return number.replace("-", "\N{MINUS SIGN}") + ("°" if unit == "deg" else f" {unit}")


def _plan(main: Finding | None, drill_ids: tuple[str, ...]) -> tuple[PlanDay, ...]:
    """Seven days for the main fault: the first drill, a day's rest, then both. Without a fault nothing to repair."""
    if main is None:
        return ()
    days = []
    for day in range(1, DAYS + 1):
        if day == DAYS:
            focus = "Film the same view again and compare the same numbers."
            days.append(PlanDay(day=day, focus=focus, drill_ids=()))
        elif day in REST_DAYS:
            days.append(PlanDay(day=day, focus="Play or rest: no drills, no swing thoughts.", drill_ids=()))
        else:
            today = drill_ids if day > REST_DAYS[0] else drill_ids[:1]
            days.append(PlanDay(day=day, focus=main.name, drill_ids=today))
    return tuple(days)


def _caveats(findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> tuple[str, ...]:
    capture = segmentation.capture
    said = [issue.text for issue in capture.issues]
    if capture.time_base != TimeBase.REAL:
        factor_given = "slow_motion_factor" in capture.given
        said.append(
            "Slow motion: times are estimates from the factor that was given."
            if factor_given
            else "Slow motion, or time base not known: seconds and speeds are left out."
        )
    if capture.view == View.OBLIQUE:
        said.append(
            "Oblique camera: no fault was judged. Film from straight in front, or along the line of your hands."
        )
    if capture.handedness == Handedness.UNKNOWN:
        said.append("Right- or left-handed is not known: everything with a lead or trail side was left out.")
    if any(metric.trust in {Trust.LOW, Trust.DIRECTION_ONLY} for metric in metrics):
        said.append("Some numbers are marked as low or direction only: do not compare them with anybody else's.")
    if findings.overall_level == "not enough evidence":
        said.append("What is not listed here as not judged showed no fault, but in numbers too weak to rely on.")
    said.extend(_unjudged(findings))
    return tuple(said)


def _unjudged(findings: Findings) -> list[str]:
    """What was not judged, one sentence a reason."""
    names: dict[str, list[str]] = {}
    for fault in findings.not_judged:
        names.setdefault(fault.reason, []).append(fault.name)
    return [f"Not judged: {', '.join(faults)} ({reason})." for reason, faults in names.items()]
