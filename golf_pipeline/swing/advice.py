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
REST_DAYS = (4, 7)
DECIMALS = {"deg": 0, "torso lengths": 2, "stance widths": 2, "ratio": 1, "s": 2}
"""How many decimals a number of each unit is printed with: no more than its noise allows."""


def write_report(findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> Report:
    """Write the report of one swing."""
    drills = knowledge.load().drills
    main = findings.findings[0] if findings.findings else None
    chosen = tuple(drills[drill_id] for drill_id in main.drill_ids[:MOST_DRILLS]) if main else ()
    names = {metric.id: metric.name for metric in metrics}
    return Report(
        summary=_summary(findings, main, names),
        top_issues=tuple(_issue(finding, names) for finding in findings.findings[:MOST_ISSUES]),
        drills=chosen,
        one_week_plan=_plan(main, tuple(drill.drill_id for drill in chosen)),
        caveats=_caveats(findings, metrics, segmentation),
    )


def _summary(findings: Findings, main: Finding | None, names: dict[str, str]) -> str:
    good = f" {findings.positives[0]}" if findings.positives else ""
    if main is not None:
        sure = {"high": "", "medium": " That is likely, not certain.", "low": " It is a hint, not a certainty."}
        seen = _told(main.evidence[0], names)
        return f"The thing to work on is {main.name.lower()}: {seen}.{sure[main.confidence]}{good}"
    if findings.overall_level == "no fault seen":
        return f"No fault was seen in what this clip allows to be measured.{good}"
    return f"This clip does not show enough to judge the swing: see what could not be judged, and why.{good}"


def _issue(finding: Finding, names: dict[str, str]) -> TopIssue:
    seen = "; ".join(f"{_told(evidence, names)} (frame {evidence.frame})" for evidence in finding.evidence)
    flight = f" It often goes with: {', '.join(finding.ball_flight)}." if finding.ball_flight else ""
    causes = f" Things to look at: {'; '.join(finding.causes)}." if finding.causes else ""
    return TopIssue(
        fault_id=finding.fault_id,
        title=finding.name,
        text=f"{finding.explanation} Seen: {seen}.{flight}{causes}",
        severity=finding.severity,
        evidence=finding.evidence,
    )


def _told(evidence: Evidence, names: dict[str, str]) -> str:
    number = f"{evidence.value:+.{DECIMALS[evidence.unit]}f}".replace("-", "\N{MINUS SIGN}")
    unit = "°" if evidence.unit == "deg" else f" {evidence.unit}"
    when = f" at {evidence.phase.replace('_', ' ')}" if evidence.phase else ""
    return f"{names.get(evidence.metric_id, evidence.metric_id).lower()}{when} {number}{unit}"


def _plan(main: Finding | None, drill_ids: tuple[str, ...]) -> tuple[PlanDay, ...]:
    if main is None:
        return ()
    days = []
    for day in range(1, DAYS + 1):
        if day == DAYS:
            days.append(PlanDay(day=day, focus="Film the same view again and compare.", drill_ids=()))
        elif day in REST_DAYS:
            days.append(PlanDay(day=day, focus="Play or rest: no drills, no swing thoughts.", drill_ids=()))
        else:
            today = drill_ids if day > REST_DAYS[0] else drill_ids[:1]
            days.append(PlanDay(day=day, focus=main.name, drill_ids=today))
    return tuple(days)


def _caveats(findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> tuple[str, ...]:
    capture = segmentation.capture
    said = list(capture.warnings)
    if capture.time_base == TimeBase.SLOW_MOTION:
        said.append("The clip is in slow motion: ratios hold, seconds and speeds are left out.")
    if capture.view == View.OBLIQUE:
        said.append(
            "The camera stood between face-on and down-the-line, where most positions cannot be measured. "
            "Film from straight in front, or from behind the hands along the target line."
        )
    if capture.handedness == Handedness.UNKNOWN:
        said.append("The clip does not show for certain whether you play right- or left-handed: please tell us.")
    if any(metric.trust in {Trust.LOW, Trust.DIRECTION_ONLY} for metric in metrics):
        said.append("Some numbers are marked as low or direction only: do not compare them with anybody else's.")
    other = {View.FACE_ON: "down-the-line", View.DOWN_THE_LINE: "face-on"}.get(capture.view)
    if other and findings.not_judged:
        said.append(f"Some faults can only be judged {other}: film that view as well.")
    return tuple(said)
