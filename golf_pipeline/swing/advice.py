"""The rule-based report: findings in plain words, drills, and a plan for a week.

It says nothing that the findings do not, prints no number that is not in their evidence, and praises nothing that was
not measured. One main fault, at most two drills a day: a golfer who is told five things works on none. A hint (low
confidence) is called one and does not become the thing to work on: the week then begins with filming again.
"""

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import (
    CaptureCode,
    Drill,
    EventName,
    Evidence,
    Finding,
    Findings,
    Handedness,
    Metric,
    NotJudged,
    PlanDay,
    Report,
    SwingSegmentation,
    TimeBase,
    TopIssue,
    Trust,
    View,
)
from golf_pipeline.swing.knowledge import WhyNot

ALGORITHM_VERSION = "2"

MOST_ISSUES = 3
MOST_DRILLS = 2
DAYS = 7
REST_DAY = 4
HOME_DAYS = (1, 2, 5)
RANGE_DAYS = (3,)
"""The other days but the last are for both drills."""

DECIMALS = {"deg": 0, "torso lengths": 2, "stance widths": 2, "shoulder widths": 2, "ratio": 1, "s": 2}
"""How many decimals a number of each unit is printed with: no more than its noise allows."""

TORSO_IN_HANDS = 6.0
"""Hand's widths in a torso length, to give an idea of the size: mid-hip to mid-shoulder is half a metre in a person of
1.78 m (Winter, Biomechanics, table 4.1), a hand without its thumb eight to nine centimetres wide."""

_IN_HANDS = (
    (0.35, "less than half a hand wide"),
    (0.75, "about half a hand wide"),
    (1.25, "about a hand wide"),
    (1.75, "about a hand and a half wide"),
    (2.5, "about two hands wide"),
    (float("inf"), "about three hands wide or more"),
)

_AT = {
    EventName.ADDRESS: " at address",
    EventName.TOE_UP: " early in the backswing",
    EventName.MID_BACKSWING: " halfway back",
    EventName.TOP: " at the top",
    EventName.MID_DOWNSWING: " halfway down",
    EventName.IMPACT: " at impact",
    EventName.MID_FOLLOW_THROUGH: " after impact",
    EventName.FINISH: " at the finish",
}

_SAID_HERE = frozenset({CaptureCode.SLOW_MOTION, CaptureCode.VIEW_OBLIQUE, CaptureCode.HAND_UNKNOWN})
"""Remarks of the capture check that this report makes itself, with what they mean for its numbers."""


def write_report(findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> Report:
    """Write the report of one swing."""
    main = findings.findings[0] if findings.findings else None
    chosen = _choose_drills(main) if main else ()
    return Report(
        summary=_summary(findings, main),
        top_issues=tuple(_issue(finding, findings) for finding in findings.findings[:MOST_ISSUES]),
        drills=chosen,
        one_week_plan=_plan(main, chosen, segmentation.capture.view) if main else (),
        caveats=_caveats(findings, metrics, segmentation),
    )


def _is_hint(finding: Finding) -> bool:
    return finding.confidence == "low"


def _choose_drills(main: Finding) -> tuple[Drill, ...]:
    """The first one at home and the first one on the range; a hint is not worth balls."""
    drills = [knowledge.load().drills[drill_id] for drill_id in main.drill_ids]
    places = ("at home",) if _is_hint(main) else ("at home", "on the range")
    firsts = (next((drill for drill in drills if drill.where == place), None) for place in places)
    return tuple(drill for drill in firsts if drill)[:MOST_DRILLS]


def _summary(findings: Findings, main: Finding | None) -> str:
    return f"{_verdict(findings, main)}{_praise(findings)}"


def _verdict(findings: Findings, main: Finding | None) -> str:
    if main is None:
        if findings.overall_level == "no fault seen":
            edge = [_plain(fault.name) for fault in findings.not_judged if _is_on_the_edge(fault)]
            but = f" On the edge: {_in_words(edge)}; three more swings would tell." if edge else ""
            looked_at = _in_words(_judged(findings))
            return f"No fault stands out among {looked_at}.{but} That is not everything: see what was not judged."
        return "This clip does not show enough to judge the swing: see what could not be judged, and how to film it."
    seen = told(main, main.evidence[0])
    if _is_hint(main):
        hint = "One hint" if len(findings.findings) == 1 else "The first of the hints"
        return f"Nothing clear stands out. {hint}: {seen}. That can be {_plain(main.name)}; film again to be sure."
    sure = " most likely" if main.confidence == "medium" else ""
    return f"The thing to work on is{sure} {_plain(main.name)}: {seen}.{_brings(findings)}"


def _brings(findings: Findings) -> str:
    """What the main fault explains."""
    if findings.root_cause is None:
        return ""
    names = {finding.fault_id: _plain(finding.name) for finding in findings.findings}
    return f" It can bring {_in_words([names[one] for one in findings.root_cause.leads_to])} with it."


def _is_on_the_edge(fault: NotJudged) -> bool:
    """Whether a fault was looked at and the numbers do not decide it, which more swings may."""
    filming = knowledge.load().filming
    return fault.how in {filming[WhyNot.AT_THE_LIMIT], filming[WhyNot.ONE_SIGN]}


def _judged(findings: Findings) -> list[str]:
    unjudged = {fault.fault_id for fault in findings.not_judged}
    return [_plain(fault.name) for fault in knowledge.load().faults.values() if fault.id not in unjudged]


def _praise(findings: Findings) -> str:
    if not findings.positives:
        return ""
    first = findings.positives[0]
    return f" What is good: {first[0].lower()}{first[1:]}"


def _plain(name: str) -> str:
    """A name inside a sentence: a letter that is a shape (C-posture, X-factor) stays a capital."""
    return name if name[1:2] == "-" else name[0].lower() + name[1:]


def _in_words(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _issue(finding: Finding, findings: Findings) -> TopIssue:
    seen = ", and ".join(f"{told(finding, evidence)} (frame {evidence.frame})" for evidence in finding.evidence)
    sure = {
        "high": "In this swing",
        "medium": "Likely, not certain: in this swing",
        "low": "A hint only: in this swing",
    }
    root = findings.root_cause
    brings = f" {root.explanation}" if root and root.fault_id == finding.fault_id else ""
    flight = f" Typical shots: {', '.join(finding.ball_flight)}." if finding.ball_flight else ""
    causes = f" Worth a look: {'; '.join(finding.causes)}." if finding.causes and not _is_hint(finding) else ""
    return TopIssue(
        fault_id=finding.fault_id,
        title=finding.name,
        text=f"{finding.explanation} {sure[finding.confidence]} {seen}.{brings}{flight}{causes}",
        severity=finding.severity,
        evidence=finding.evidence,
    )


def told(finding: Finding, evidence: Evidence) -> str:
    """What one sign of a finding says, in the words of its rule, with the number of its evidence."""
    signals = knowledge.load().faults[finding.fault_id].signals
    signal = next(one for one in signals if (one.metric, one.event) == (evidence.metric_id, evidence.phase))
    size, signed = printed(abs(evidence.value), evidence.unit), printed(evidence.value, evidence.unit)
    # "leaned 0 degrees toward the target" would say that it did not.
    is_nothing = round(abs(evidence.value), DECIMALS[evidence.unit]) == 0
    return signal.says.format(size="a little" if is_nothing else size + _in_hands(evidence), signed=signed)


def _in_hands(evidence: Evidence) -> str:
    """An idea of the size in brackets; a torso length says nothing to a golfer."""
    if evidence.unit != "torso lengths":
        return ""
    hands = abs(evidence.value) * TORSO_IN_HANDS
    return f" ({next(words for most, words in _IN_HANDS if hands < most)})"


def printed(value: float, unit: str) -> str:
    """A number as every text prints it: as many decimals as its unit's noise allows, a real minus sign, the unit."""
    # Adding zero turns the "-0.00" of a tiny negative number into "0.00".
    number = f"{round(value, DECIMALS[unit]) + 0.0:.{DECIMALS[unit]}f}"
    return number.replace("-", "\N{MINUS SIGN}") + ("°" if unit == "deg" else f" {unit}")


def _plan(main: Finding, chosen: tuple[Drill, ...], view: View) -> tuple[PlanDay, ...]:
    """Seven days for the main fault: at home, on the range, a day off, both, and the same numbers filmed again."""
    return tuple(_day(day, main, chosen, view) for day in range(1, DAYS + 1))


def _day(day: int, main: Finding, chosen: tuple[Drill, ...], view: View) -> PlanDay:
    if day == DAYS:
        return PlanDay(day=day, focus=f"Film {view} again and compare: {_to_compare(main)}.", drill_ids=())
    if day == REST_DAY:
        return PlanDay(day=day, focus="Play or rest: no drills, no swing thoughts.", drill_ids=())
    if _is_hint(main) and day == 1:
        focus = f"Film three more swings {view}. Go on only if most of them show {_plain(main.name)}."
        return PlanDay(day=day, focus=focus, drill_ids=())
    place = {**dict.fromkeys(HOME_DAYS, "at home"), **dict.fromkeys(RANGE_DAYS, "on the range")}.get(day)
    today = [drill for drill in chosen if place in {drill.where, None}] or list(chosen)
    where = _in_words([drill.where for drill in today])
    return PlanDay(day=day, focus=f"{main.name}: {where}", drill_ids=tuple(drill.drill_id for drill in today))


def _to_compare(main: Finding) -> str:
    """The numbers of the main fault's signs, as they read today; what is seen as a direction only has none."""
    told_of = []
    for one in main.evidence:
        metric = knowledge.load().metrics[one.metric_id]
        today = "" if metric.most_trust == Trust.DIRECTION_ONLY else f", today {printed(one.value, one.unit)}"
        told_of.append(f"{_plain(metric.name)}{_AT[one.phase] if one.phase else ''}{today}")
    return "; ".join(told_of)


def _caveats(findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation) -> tuple[str, ...]:
    capture = segmentation.capture
    said = [issue.text for issue in capture.issues if issue.code not in _SAID_HERE]
    if capture.time_base != TimeBase.REAL:
        factor_given = "slow_motion_factor" in capture.given
        said.append(
            "Slow motion: times are estimates from the factor that was given."
            if factor_given
            else "Slow motion, or time base not known: seconds and speeds are left out."
        )
    if capture.view == View.OBLIQUE:
        said.append("The camera stood oblique to the swing, so no fault was judged.")
    if capture.handedness == Handedness.UNKNOWN:
        said.append(
            "Right- or left-handed is not known: everything with a lead or trail side was left out. "
            "Set it in your profile."
        )
    if any(_is_hint(finding) for finding in findings.findings):
        said.append("A hint is a sign near its limit, not measured well, or without a second sign to confirm it.")
    if any(metric.trust in {Trust.LOW, Trust.DIRECTION_ONLY} for metric in metrics):
        said.append("Numbers marked as low or direction only: compare them with your own swings alone.")
    if findings.overall_level == "not enough evidence":
        said.append("What is not listed as not judged showed no fault, but in numbers too weak to rely on.")
    said.extend(_unjudged(findings))
    return tuple(said)


def _unjudged(findings: Findings) -> list[str]:
    """What was not judged, one sentence a reason, with the way out; what is on the edge first."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for fault in sorted(findings.not_judged, key=_is_on_the_edge, reverse=True):
        what = "On the edge" if _is_on_the_edge(fault) else "Not judged"
        names.setdefault((what, fault.reason, fault.how), []).append(fault.name)
    return [
        f"{what}: {', '.join(faults)} ({reason}).{f' {how}' if how else ''}"
        for (what, reason, how), faults in names.items()
    ]
