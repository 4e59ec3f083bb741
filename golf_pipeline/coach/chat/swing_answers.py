"""What the rules answer about one swing's findings: what to work on, why, which drill, the week, one fault, the ball.

Every word with a number is the report's own (`told`), so an answer can say nothing that the report does not carry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from golf_pipeline.coach.chat.data import ChatSwing
from golf_pipeline.coach.chat.phrases import load
from golf_pipeline.coach.chat.said import capital, in_words, plain, told_day
from golf_pipeline.coach.chat.spoken_of import Asked
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import told
from golf_pipeline.swing.documents import Drill, Finding, Handedness, NotJudged, PlanDay, Trust
from golf_pipeline.swing.knowledge import FaultDefinition, WhyNot
from golf_pipeline.swing.profile import FocusArea, SwingProfile

_SURE = {"high": "It was measured, in two signs", "medium": "It is likely, not certain", "low": "It is a hint only"}
_FEWEST_SWINGS_FOR_A_HABIT = 2


@dataclass(frozen=True)
class Said:
    """One answer and what it speaks of."""

    text: str
    swings: tuple[str, ...] = ()
    drill_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """What an answer about one swing is made from."""

    asked: Asked
    swing: ChatSwing
    profile: SwingProfile | None = None
    given: str = ""
    """What the coach wrote before: a drill that is named there was given."""


def told_swing(swing: ChatSwing) -> str:
    return f"your swing of {told_day(swing.recorded_at)}"


def work_on(case: Case) -> Said:
    """The first finding in the report's words, what the recent swings say of it, and the drill to begin with."""
    swing = case.swing
    drills = swing.report.drills[:1]
    begin = [f"Begin with the drill “{drill.name}”: {drill.cue.lower()}." for drill in drills]
    is_too_little = swing.findings.overall_level == "not enough evidence"
    way_out = how_to_see_more(swing) if is_too_little else ""
    return _about(swing, swing.report.summary, way_out, _habit(case), *begin, drills=drills)


def _habit(case: Case) -> str:
    """Whether the recent swings say the same as this one; empty where they are too few to say anything."""
    first = next(iter(case.profile.focus_areas), None) if case.profile is not None else None
    if first is None or first.judged_in < _FEWEST_SWINGS_FOR_A_HABIT:
        return ""
    main = next(iter(case.swing.findings.findings), None)
    if main is not None and main.fault_id == first.fault_id:
        return f"I saw it in {_seen(first)}."
    if main is None and not _is_a_habit(first):
        return ""
    return f"Over your recent swings {plain(first.name)} comes first, though: I saw it in {_seen(first)}."


def _is_a_habit(area: FocusArea) -> bool:
    """Whether a fault shows in most of the recent swings that could be judged for it."""
    return area.judged_in >= _FEWEST_SWINGS_FOR_A_HABIT and 2 * area.seen_in > area.judged_in


def _seen(area: FocusArea) -> str:
    if area.seen_in == area.judged_in == _FEWEST_SWINGS_FOR_A_HABIT:
        return "both recent swings that could be judged for it"
    if area.seen_in == area.judged_in:
        return f"all {area.judged_in} recent swings that could be judged for it"
    return f"{area.seen_in} of {area.judged_in} recent swings that could be judged for it"


def other_fault(case: Case) -> Said:
    """The finding after the one that was spoken of, and that one thing at a time is enough."""
    asked, swing = case.asked, case.swing
    findings = swing.findings.findings
    if asked.rank >= len(findings):
        more = "Nothing else was found" if findings else "Nothing was found"
        unjudged = " What could not be judged is another matter: ask me about it." if swing.findings.not_judged else ""
        return _about(swing, f"{more} in {told_swing(swing)}.{unjudged}")
    finding = findings[asked.rank]
    return _about(
        swing,
        f"After that I would look at {plain(finding.name)}: {_signs(finding)}.",
        f"{_SURE[finding.confidence]}.",
        f"Keep to {plain(findings[0].name)} first, though: one thing at a time.",
    )


def why(case: Case) -> Said:
    """What a fault does, to the ball too, and where it comes from, as far as coaches' rules and the swing tell."""
    swing = case.swing
    fault = _fault_meant(case)
    if fault is None:
        return _no_finding(swing, "so there is no cause to look for")
    finding = _found(swing, fault.id)
    root = swing.findings.root_cause
    texts = [f"{fault.name}: {fault.explanation}"]
    if finding is not None and root is not None and root.fault_id == fault.id:
        texts.append(root.explanation)
    texts += [
        f"It can come from {plain(other.name)}, which shows in this swing as well."
        for other in swing.findings.findings
        if root is not None and other.fault_id == root.fault_id and fault.id in root.leads_to
    ]
    if fault.ball_flight:
        texts.append(f"Typical shots: {in_words(fault.ball_flight)}.")
    if fault.causes:
        texts.append(f"Usual causes, worth a look: {'; '.join(fault.causes)}. Which of them is yours I cannot see.")
    if finding is None:
        texts.append(_not_found(swing, fault, case.profile))
    elif finding.confidence == "low":
        texts.append("In your swing it is only a hint.")
    return _about(swing, *texts)


def drill(case: Case) -> Said:
    """One drill for the fault meant: how, how much, the cue."""
    return _drill(case)


def another_drill(case: Case) -> Said:
    """A drill for the same fault that the conversation does not name yet."""
    return _drill(case, is_other=True)


def _drill(case: Case, *, is_other: bool = False) -> Said:
    asked, swing = case.asked, case.swing
    fault = _fault_meant(case)
    if asked.question.flights and not asked.question.faults and not _known_for(asked, swing):
        return ball_flight(case)  # a drill for another fault would be no answer to a slice
    if fault is None:
        return _no_finding(swing, "so I give no drill: a drill for a fault that was not seen costs you balls")
    drills = [knowledge.load().drills[drill_id] for drill_id in fault.drills]
    if not drills:
        return _about(swing, f"I have no drill for {plain(fault.name)}: {fault.not_judged}, so I never find it.")
    place = "at home" if asked.question.is_at_home else "on the range" if asked.question.is_on_the_range else None
    fitting = [one for one in drills if place in {one.where, None}]
    new = [one for one in fitting if one.name not in case.given] if is_other else fitting
    if is_other and len(new) == len(fitting) > 1:
        new = fitting[1:]  # "another one" where none was given: not the first, which the report gives
    texts = []
    if not new:
        texts.append(f"I have no other drill for {plain(fault.name)}; stay with this one a week, it needs time.")
    chosen = (new or fitting or drills)[0]
    finding = _found(swing, fault.id)
    if finding is None:
        texts.append(_not_found(swing, fault, case.profile))
    elif finding.confidence == "low":
        texts.append(f"{fault.name} is only a hint so far: film three more swings before you spend balls on it.")
    texts.append(f"For {plain(fault.name)}, {chosen.where}: “{chosen.name}”. {chosen.how}")
    texts.append(f"{chosen.dose}. The cue: {chosen.cue.lower()}.")
    return _about(swing, *texts, drills=(chosen,))


def plan(case: Case) -> Said:
    """The report's week in few lines; days with the same work are told together."""
    swing = case.swing
    days = swing.report.one_week_plan
    if not days:
        return _no_finding(swing, "so I have no plan to make; film again and I look once more")
    names = {one.drill_id: one.name for one in swing.report.drills}
    together: dict[tuple[str, tuple[str, ...]], list[PlanDay]] = {}
    for day in days:
        together.setdefault((day.focus, day.drill_ids), []).append(day)
    lines = []
    for (focus, drill_ids), same in together.items():
        when = f"Day{'s' if len(same) > 1 else ''} {in_words([str(day.day) for day in same])}"
        drills = in_words([f"“{names[one]}”" for one in drill_ids if one in names])
        lines.append(f"{when}: {focus.rstrip('.')}{f', {drills}' if drills else ''}.")
    return _about(swing, "Your week.", *lines, drills=swing.report.drills)


def one_fault(case: Case) -> Said:
    """Whether a fault that was asked for by name shows in the swing."""
    asked, swing = case.asked, case.swing
    known = knowledge.load().faults
    texts = []
    for fault_id in asked.question.faults[:2]:
        finding, fault = _found(swing, fault_id), known[fault_id]
        if finding is None:
            texts.append(_not_found(swing, fault, case.profile))
        else:
            texts.append(f"{fault.name} shows in {told_swing(swing)}: {_signs(finding)}. {_SURE[finding.confidence]}.")
            texts += [finding.explanation]
    if not texts:
        return work_on(case)
    return _about(swing, *texts)


def ball_flight(case: Case) -> Said:
    """The findings whose known shots the question names; else that the body alone does not tell."""
    asked, swing = case.asked, case.swing
    terms = _flight_terms(asked, swing)
    cannot = "A video of the body shows neither the club face nor its path, so I cannot say what the ball did or why."
    findings = _known_for(asked, swing)
    if findings:
        first = findings[0]
        shots = in_words(sorted(set(first.ball_flight) & terms), "or")
        hint = " It is a hint only." if first.confidence == "low" else ""
        return _about(
            swing,
            f"It may be {plain(first.name)}, which goes with shots like that ({shots}): {_signs(first)}.{hint}",
            first.explanation,
            cannot,
            drills=(),
        )
    texts = [cannot, f"Nothing that I found in {told_swing(swing)} is known for it."]
    known = knowledge.load().faults
    unjudged = [one for one in swing.findings.not_judged if set(known[one.fault_id].ball_flight) & terms]
    unjudged.sort(key=is_on_the_edge, reverse=True)
    if unjudged:
        names = in_words([plain(one.name) for one in unjudged if one.how == unjudged[0].how][:2], "or")
        texts.append(f"It can come from {names}, which could not be judged. {unjudged[0].how}")
    return _about(swing, *texts)


def _flight_terms(asked: Asked, swing: ChatSwing) -> set[str]:
    """The library's terms for the shots that are named; right and left are read with the playing hand."""
    terms: set[str] = set()
    hand = swing.capture.handedness
    for name in asked.question.flights:
        flight = load().flight_terms[name]
        terms |= set(flight.terms)
        if flight.right or flight.left:
            is_trail_side = flight.right == (hand == Handedness.RIGHT)
            sides = {"slice", "push", "block"} if is_trail_side else {"pull", "hook"}
            terms |= set() if hand == Handedness.UNKNOWN else sides
    return terms


def _known_for(asked: Asked, swing: ChatSwing) -> list[Finding]:
    """The findings that list a shot that the question names."""
    terms = _flight_terms(asked, swing)
    return [one for one in swing.findings.findings if set(one.ball_flight) & terms]


def _fault_meant(case: Case) -> FaultDefinition | None:
    """The fault that the question names, else the finding that is spoken of, else what mostly shows; None: nothing."""
    asked, swing, known = case.asked, case.swing, knowledge.load().faults
    named = [one for one in asked.question.faults if one in known]
    if named:
        return next((known[one] for one in named if _found(swing, one)), known[named[0]])
    if known_for := _known_for(asked, swing):
        return known[known_for[0].fault_id]
    findings = swing.findings.findings
    if findings:
        return known[findings[min(asked.rank, len(findings) - 1)].fault_id]
    habits = [area for area in case.profile.focus_areas if _is_a_habit(area)] if case.profile is not None else []
    return known[habits[0].fault_id] if habits else None


def _found(swing: ChatSwing, fault_id: str) -> Finding | None:
    return next((one for one in swing.findings.findings if one.fault_id == fault_id), None)


def _signs(finding: Finding) -> str:
    return ", and ".join(told(finding, evidence) for evidence in finding.evidence)


def _not_found(swing: ChatSwing, fault: FaultDefinition, profile: SwingProfile | None) -> str:
    """Why a fault is no finding here: not judged, or no sign of it; and whether it shows in other recent swings."""
    areas = profile.focus_areas if profile is not None else ()
    area = next((one for one in areas if one.fault_id == fault.id), None)
    habit = f" It showed in {_seen(area)}." if area is not None and _is_a_habit(area) else ""
    unjudged = next((one for one in swing.findings.not_judged if one.fault_id == fault.id), None)
    if unjudged is not None:
        return told_unjudged(unjudged) + habit
    return f"I see no sign of {plain(fault.name)} in {told_swing(swing)}{_how_much_that_says(swing, fault)}.{habit}"


def is_on_the_edge(fault: NotJudged) -> bool:
    """Whether a fault was looked at and the numbers do not decide it, which more swings may."""
    filming = knowledge.load().filming
    return fault.how in {filming[WhyNot.AT_THE_LIMIT], filming[WhyNot.ONE_SIGN]}


def told_unjudged(fault: NotJudged) -> str:
    return f"{fault.name} could not be judged: {fault.reason}.{f' {fault.how}' if fault.how else ''}"


def _how_much_that_says(swing: ChatSwing, fault: FaultDefinition) -> str:
    """A fault that is judged by a number of little trust is not ruled out by it."""
    sign = fault.primary
    decided = [one for one in swing.metrics if sign and (one.id, one.phase) == (sign.metric, sign.event)]
    if decided and decided[0].trust == Trust.MEASURED:
        return ""
    return ", though the number that shows it is a weak one: do not take it for ruled out"


def _no_finding(swing: ChatSwing, so: str) -> Said:
    """There is nothing to work on, for one of two reasons that must not be mixed up."""
    if swing.findings.overall_level == "not enough evidence":
        return _about(
            swing, f"{capital(told_swing(swing))} did not show enough to judge, {so}.", how_to_see_more(swing)
        )
    return _about(swing, f"No fault stood out in {told_swing(swing)}, {so}.")


def how_to_see_more(swing: ChatSwing) -> str:
    """The first way out that the findings name; empty where there is none."""
    return next((one.how for one in swing.findings.not_judged if one.how), "")


def _about(swing: ChatSwing, *texts: str, drills: Sequence[Drill] = ()) -> Said:
    text = " ".join(filter(None, texts))
    return Said(text, (swing.analysis_id,), tuple(one.drill_id for one in drills))
