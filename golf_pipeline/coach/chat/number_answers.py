"""What the rules answer about one swing's numbers: a moment, a metric, the score, what is good, how to film."""

from golf_pipeline.coach.chat.data import ChatSwing
from golf_pipeline.coach.chat.phrases import load
from golf_pipeline.coach.chat.said import capital, in_words, plain, told_sign
from golf_pipeline.coach.chat.swing_answers import Case, Said, how_to_see_more, told_swing, told_unjudged
from golf_pipeline.coach.facts import phase_words, told_reading
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import told
from golf_pipeline.swing.documents import EventName, Handedness, Metric, Trust, View

MOST_READINGS = 4
_TRUSTED = {Trust.MEASURED: 0, Trust.LOW: 1, Trust.DIRECTION_ONLY: 2, Trust.UNAVAILABLE: 3}
_SIGN_SAYS_NOTHING = ("none", "always positive")
_UNITS = {
    "torso lengths": "A torso length is from your hips to your shoulders, about half a metre.",
    "ratio": "That is how many times as long the backswing takes as the downswing.",
}
_NOT_HELD_AGAINST = "I have nothing to hold that against, so I call it neither good nor bad."
_LOW_TRUST = "Low trust: compare it with your own swings only; whether it is good I cannot say."


def moment(case: Case) -> Said:
    """The readings and findings of the moments of the swing that were asked for."""
    asked, swing = case.asked, case.swing
    texts, missing = [], []
    for event in asked.question.events[:2]:
        here = [one for one in swing.metrics if one.phase == event]
        here = [one for one in here if one.id in asked.question.metrics] or here
        shown = sorted((one for one in here if one.value is not None), key=lambda one: _TRUSTED[one.trust])
        readings = [text for one in shown if (text := _judged(one))][:MOST_READINGS]
        signs = [
            told(finding, evidence)
            for finding in swing.findings.findings
            for evidence in finding.evidence
            if evidence.phase == event and (not asked.question.metrics or evidence.metric_id in asked.question.metrics)
        ]
        if readings or signs:
            seen = [f"{'What stands out there' if readings else 'What I saw'}: {in_words(signs)}."] if signs else []
            texts += [f"{one}." for one in readings] + seen
        else:
            missing.append(_nothing_at(event, here))
    return _about(swing, f"From {told_swing(swing)}, filmed {swing.capture.view}.", *texts, *map(capital, missing))


def _nothing_at(event: EventName, here: list[Metric]) -> str:
    unavailable = next((one for one in here if one.trust == Trust.UNAVAILABLE and one.reason), None)
    if unavailable is None:
        return f"I have no number {phase_words(event)}, so I say nothing of it; look at that frame in your report."
    return f"no number {phase_words(event)} could be read; {plain(unavailable.name)}, for one: {unavailable.reason}."


def _judged(metric: Metric) -> str | None:
    """A reading with its number and, where it is measured, how it lies to the range of good swings."""
    text = told_reading(metric)
    if text is None:
        return None
    sign = knowledge.load().metrics[metric.id].sign
    if "=" in sign and sign not in _SIGN_SAYS_NOTHING and metric.value:
        text = f"{text[:-1]}; {told_sign(sign)})" if text.endswith(")") else f"{text} ({told_sign(sign)})"
    return f"{text}{_against_good_swings(metric)}"


def _against_good_swings(metric: Metric) -> str:
    if metric.corridor is None or metric.trust != Trust.MEASURED or metric.noise is None or metric.value is None:
        return ""
    (low, high), noise = metric.corridor, metric.noise
    if (low is not None and metric.value < low - noise) or (high is not None and metric.value > high + noise):
        return ", outside the range of good swings"
    if (low is None or metric.value >= low + noise) and (high is None or metric.value <= high - noise):
        return ", inside the range of good swings"
    return ", at the edge of the range of good swings"


def numbers(case: Case) -> Said:
    """The readings of the metrics that were asked for; why there is none where there is none."""
    asked, swing = case.asked, case.swing
    question = asked.question
    texts = [
        f"I cannot tell {load().unmeasured[one].name}: {load().unmeasured[one].why}." for one in question.unmeasured
    ]
    if not question.metrics and not texts:
        measured = [one for one in swing.metrics if one.trust == Trust.MEASURED]
        texts += [f"{text}." for one in measured if (text := _judged(one))][:MOST_READINGS]
        texts = texts or ["None of the numbers of this swing could be measured well."]
    known = [one for one in swing.metrics if one.id in question.metrics]
    if question.events:
        known = [one for one in known if one.phase in {*question.events, None}] or known
    order = {metric_id: place for place, metric_id in enumerate(question.metrics)}
    shown = sorted(known, key=lambda one: (_TRUSTED[one.trust], order[one.id]))
    readings = [f"{text}." for one in shown if (text := _judged(one))][:MOST_READINGS]
    texts += readings or _why_none(shown)
    printed = [one for one in shown if told_reading(one)][: len(readings)]
    texts += [_UNITS[unit] for unit in _UNITS if any(one.unit == unit for one in printed)]
    if any(one.trust == Trust.LOW for one in printed):
        texts.append(_LOW_TRUST)
    elif printed and not any(map(_against_good_swings, printed)):
        texts.append(_NOT_HELD_AGAINST)
    if any(one.name.startswith(("Lead", "Trail")) for one in printed):
        texts.append(_told_sides(swing))
    return _about(swing, f"From {told_swing(swing)}." if readings else "", *texts)


def _told_sides(swing: ChatSwing) -> str:
    """Which side is the lead one: golfers ask for their left arm."""
    hand = swing.capture.handedness
    if hand == Handedness.UNKNOWN:
        return ""
    lead, trail = ("left", "right") if hand == Handedness.RIGHT else ("right", "left")
    return f"You swing {hand}-handed, so lead is your {lead} side and trail your {trail} one."


def _why_none(metrics: list[Metric]) -> list[str]:
    """Why the metrics asked for print no number; each reason once."""
    reasons: dict[str, str] = {}
    for one in metrics:
        what = "is seen as a direction only, so I print no number" if one.value is not None else "is not available"
        reasons.setdefault(f"{one.name} {what}", f"{one.name} {what}: {one.reason or 'it was not measured'}.")
    return list(reasons.values())[:2]


def score(case: Case) -> Said:
    """The score with what took most of it; why there is none where there is none."""
    swing, profile = case.swing, case.profile
    scored = swing.findings.score
    if scored is None or scored.value is None:
        reason = scored.reason if scored is not None and scored.reason else "it was not made for this swing"
        return _about(swing, f"There is no score for {told_swing(swing)}: {reason}.", how_to_see_more(swing))
    lost = sorted(scored.parts, key=lambda part: part.points - part.most_points)
    taken = [plain(part.name) for part in lost[:2] if part.points < part.most_points]
    usual = ""
    if profile is not None:
        here = (swing.capture.view, swing.capture.handedness)
        one = next((one for one in profile.scores if (one.view, one.handedness) == here), None)
        if one is not None and one.scores > 1:
            usual = f"The middle of your {one.scores} scores from this side is {round(one.median)} of 100."
    return _about(
        swing,
        f"The score of {told_swing(swing)} is {scored.value} of 100.",
        f"Most was taken by {in_words(taken)}." if taken else "No fault that could be judged took anything.",
        usual,
        "It grades how the body moves among what could be judged, not where the ball goes; "
        "scores from another side do not compare.",
    )


def strengths(case: Case) -> Said:
    """What was measured and is good, in the library's words, and nothing else."""
    swing, profile = case.swing, case.profile
    positives = swing.findings.positives
    often = [one.text for one in profile.strengths if one.text not in positives] if profile is not None else []
    texts = [*positives[:3]]
    if often and len(positives) < 3:
        texts.append(f"Often in your recent swings: {plain(often[0])}")
    if not texts:
        return _about(
            swing,
            f"I only praise what was measured well and lies clearly in the range of good swings, and in "
            f"{told_swing(swing)} nothing does both. That says little against you: see what could not be judged.",
        )
    opening = f"Measured, and good, in {told_swing(swing)}:" if positives else ""
    return _about(swing, opening, *texts)


def how_sure(case: Case) -> Said:
    """What stands behind the finding that is spoken of, and what does not."""
    asked, swing = case.asked, case.swing
    findings = swing.findings.findings
    if not findings:
        texts = ["I found no fault there, but what could not be judged may hide one."]
    else:
        finding = findings[min(asked.rank, len(findings) - 1)]
        because = {
            "high": "two separate signs were measured, both past their limits by more than the measurement's noise",
            "medium": "its first sign was measured clearly, its second one not as well",
            "low": "its sign is near its limit, not measured well, or without a second sign to confirm it",
        }
        words = {"high": "measured", "medium": "likely, not certain", "low": "a hint only"}
        texts = [
            f"{finding.name} in {told_swing(swing)} is {words[finding.confidence]}: {because[finding.confidence]}."
        ]
    texts.append(
        "One camera sees positions, not turns, force or the club. Film three more swings from the same place: "
        "what shows in most of them is real."
    )
    return _about(swing, *texts)


def not_judged(case: Case) -> Said:
    """What this clip did not allow to be judged, the reason and the way out."""
    asked, swing = case.asked, case.swing
    unjudged = swing.findings.not_judged
    named = [one for one in unjudged if one.fault_id in asked.question.faults]
    if asked.question.faults and not named:
        return _about(swing, f"That could be judged in {told_swing(swing)}.")
    if named:
        return _about(swing, told_unjudged(named[0]))
    texts = [issue.text for issue in swing.capture.issues[:1]]
    ways: dict[str, list[str]] = {}
    for one in unjudged:
        ways.setdefault(one.how, []).append(plain(one.name))
    for how, names in sorted(ways.items(), key=lambda way: (not way[0], -len(way[1])))[:2]:
        texts.append(f"Not judged: {in_words(names)}. {how or 'No video of the body would help there.'}")
    if not texts:
        texts = ["Everything that I judge could be judged."]
    return _about(swing, f"In {told_swing(swing)}:", *texts)


def filming(case: Case) -> Said:
    """How to film next time: what limited this clip, and the side from which the most is still unknown."""
    swing = case.swing
    known = knowledge.load()
    view = swing.capture.view
    other = View.DOWN_THE_LINE if view == View.FACE_ON else View.FACE_ON
    seen = f"{capital(told_swing(swing))} was filmed {view}."
    gains = [
        plain(one.name)
        for one in swing.findings.not_judged
        if known.faults[one.fault_id].primary is not None
        and other in known.metrics[known.faults[one.fault_id].signals[0].metric].views
    ]
    texts = [issue.text for issue in swing.capture.issues[:1]]
    if gains:
        texts.append(f"From the other side I could judge {in_words(gains[:4], 'or')}.")
    return _about(swing, seen, *texts, known.filming[other])


def overview(case: Case) -> Said:
    """The swing in short: what was found, the score, and that not everything was judged."""
    swing = case.swing
    scored = swing.findings.score
    value = f"The score is {scored.value} of 100." if scored is not None and scored.value is not None else ""
    findings = swing.findings.findings
    more = f"After that comes {in_words([plain(one.name) for one in findings[1:3]])}." if len(findings) > 1 else ""
    unjudged = "Not everything could be judged from this side." if swing.findings.not_judged else ""
    opening = f"{capital(told_swing(swing))}, filmed {swing.capture.view}."
    return _about(swing, opening, swing.report.summary, more, value, unjudged)


def _about(swing: ChatSwing, *texts: str) -> Said:
    return Said(" ".join(filter(None, texts)), (swing.analysis_id,))
