"""What a model is given to answer from: facts by id, each with the sentence that code prints where the id is cited.

A fact comes from one of four places: an analysis, the profile, a comparison, the drill library. A model reads `says`
and never writes a number; the golfer reads `prints`, which is rendered here from the data. Nothing that a person typed
is part of it. Facts are in the order of their worth, so that the last can go where there is no room.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from golf_pipeline.coach.chat.data import ChatSwing
from golf_pipeline.coach.chat.said import capital, in_words, plain, told_day, told_metric
from golf_pipeline.coach.facts import SwingFacts, reading_id, told_reading
from golf_pipeline.swing import knowledge, trend
from golf_pipeline.swing.advice import printed, told
from golf_pipeline.swing.compare import ComparedMetric, SwingComparison
from golf_pipeline.swing.documents import EventName, Finding, Metric
from golf_pipeline.swing.profile import Direction, MetricSnapshot, ScoreSnapshot, SwingProfile

MOST_FINDINGS = 3
MOST_POSITIVES = 2
MOST_READINGS = 6
MOST_FOCUS = 2
MOST_TRENDS = 3
MOST_COMPARED = 4
MOST_DRILLS = 2

Way = Literal["better", "worse", ""]

_DIRECTIONS: dict[Direction, str] = {
    "better": "moved towards the range of good swings",
    "worse": "moved away from the range of good swings",
    "steady": "no change larger than noise and chance",
    "changed": "changed, which is neither better nor worse",
}
_VERDICTS = {
    "better": "closer to the range of good swings",
    "worse": "further from the range of good swings",
    "changed": "changed, which is neither better nor worse",
}


@dataclass(frozen=True)
class Fact:
    """One thing that may be said.

    `against` is what a text about it is held against, `bound_to` the reading whose way the text must keep, `way`
    whether it tells of a change for the better or the worse.
    """

    kind: Literal["finding", "reading", "good", "unjudged", "focus", "trend", "compared", "drill"]
    says: str
    prints: str
    against: SwingFacts
    swings: tuple[str, ...] = ()
    about: tuple[Finding, ...] = ()
    bound_to: Metric | None = None
    fault_id: str = ""
    drill_id: str = ""
    way: Way = ""


@dataclass(frozen=True)
class Dossier:
    """All that one answer may be made of."""

    facts: tuple[Fact, ...]
    swings: tuple[ChatSwing, ...]
    profile: SwingProfile | None = None
    comparison: SwingComparison | None = None

    @property
    def by_id(self) -> dict[str, Fact]:
        """The facts by the short ids under which the model cites them: `f1`, `f2`, ..."""
        return {f"f{number}": fact for number, fact in enumerate(self.facts, start=1)}

    def shorter(self) -> "Dossier":
        """The same without its last fact."""
        return replace(self, facts=self.facts[:-1])

    def joined(self, other: "Dossier") -> "Dossier":
        """Both in turn, the worthiest of each first; the same fact is told once."""
        longest = max(len(self.facts), len(other.facts))
        turns = (fact for n in range(longest) for one in (self, other) for fact in one.facts[n : n + 1])
        facts = {(fact.prints, fact.swings): fact for fact in turns}
        swings = {swing.analysis_id: swing for swing in (*self.swings, *other.swings)}
        profile, comparison = self.profile or other.profile, self.comparison or other.comparison
        return Dossier(tuple(facts.values()), tuple(swings.values()), profile, comparison)


def of_analysis(swing: ChatSwing, phase: EventName | None = None, *, dated: bool = False) -> Dossier:
    """What was found in one swing, or what was read at one moment of it; `dated` names the swing by its day."""
    facts = swing.facts()
    found = [*_findings(swing, facts, phase), *(_readings(swing, facts, phase) if phase else _rest(swing, facts))]
    if dated:
        day = f"On {told_day(swing.recorded_at)}: "
        found = [fact if fact.drill_id else replace(fact, prints=f"{day}{fact.prints}") for fact in found]
    return Dossier(tuple(found), (swing,))


def of_profile(profile: SwingProfile, base: ChatSwing) -> Dossier:
    """What shows in most recent swings and which numbers moved; texts are held against the base swing as well."""
    facts = base.facts()
    recent = [*_trends(profile, facts), *_focus(profile, facts)]
    for strength in profile.strengths[:MOST_POSITIVES]:
        prints = f"{strength.text} Seen in {strength.seen_in} recent swings."
        recent.append(Fact("good", prints, prints, _with(facts, prints)))
    return Dossier(tuple(recent), (base,), profile=profile)


def of_comparison(comparison: SwingComparison, first: ChatSwing, second: ChatSwing) -> Dossier:
    """What changed from the first swing to the second by more than its noise, in numbers and in faults."""
    facts, ids = second.facts(), (second.analysis_id, first.analysis_id)
    days = f"from {told_day(first.recorded_at)} to {told_day(second.recorded_at)}"
    compared: list[Fact] = []
    if not comparison.comparable:
        prints = f"Positions do not compare: {comparison.reason}."
        compared.append(Fact("compared", prints, prints, _with(facts, prints), ids))
    moved = [one for one in comparison.metrics if one.verdict in _VERDICTS]
    compared += [_compared(one, facts, ids) for one in sorted(moved, key=_rank)[:MOST_COMPARED]]
    for fault in comparison.faults[:MOST_FINDINGS]:
        changes = {
            "gained": "not found in the earlier swing, found in the later one",
            "lost": "found in the earlier swing, not found in the later one",
            "kept": "found in both swings",
        }
        if fault.change not in changes:
            continue
        but = f" ({fault.reason})" if fault.reason else ""
        prints = f"{fault.name}: {changes[fault.change]}{but}."
        ways: dict[str, Way] = {"gained": "worse", "lost": "better"}
        way = "" if fault.reason else ways.get(fault.change, "")
        compared.append(
            Fact("compared", prints, prints, _with(facts, prints), ids, fault_id=fault.fault_id, way=way or "")
        )
    if not moved and comparison.comparable:
        prints = f"Between the two swings, {days}, no number moved by more than its noise."
        compared.append(Fact("compared", prints, prints, _with(facts, prints), ids))
    return Dossier(tuple(compared), (second, first), comparison=comparison)


def of_drills(swing: ChatSwing) -> Dossier:
    """The library's drills for what was found in a swing, the main fault's first."""
    library, facts = knowledge.load().drills, swing.facts()
    ids = [drill_id for finding in swing.findings.findings[:MOST_FINDINGS] for drill_id in finding.drill_ids]
    made = []
    for drill_id in dict.fromkeys(one for one in ids if one in library):
        drill = library[drill_id]
        made.append(_drill(drill_id, drill.name, drill.how, drill.dose, drill.cue, facts, swing.analysis_id))
    return Dossier((*made[: MOST_DRILLS + 1], *_findings(swing, facts, None)[:1]), (swing,))


def _findings(swing: ChatSwing, facts: SwingFacts, phase: EventName | None) -> list[Fact]:
    made = []
    for finding in swing.findings.findings[:MOST_FINDINGS]:
        signs = [one for one in finding.evidence if phase is None or one.phase == phase]
        for evidence in signs[:1]:
            flight = f" Shots: {', '.join(finding.ball_flight)}." if finding.ball_flight else ""
            how = f"{finding.severity}, {finding.confidence} confidence"
            made.append(
                Fact(
                    "finding",
                    f"{finding.name} ({how}): {finding.explanation} Sign: {told(finding, evidence)}.{flight}",
                    facts.measured(finding, reading_id(evidence.metric_id, evidence.phase)),
                    facts,
                    (swing.analysis_id,),
                    about=(finding,),
                    bound_to=facts.readings.get(reading_id(evidence.metric_id, evidence.phase)),
                    fault_id=finding.fault_id,
                )
            )
    return made


def _readings(swing: ChatSwing, facts: SwingFacts, phase: EventName) -> Iterator[Fact]:
    here = [metric for metric in facts.readings.values() if metric.phase == phase]
    for metric in here[:MOST_READINGS]:
        if reading := told_reading(metric):
            yield Fact("reading", f"{reading}.", f"{reading}.", facts, (swing.analysis_id,), bound_to=metric)


def _rest(swing: ChatSwing, facts: SwingFacts) -> Iterator[Fact]:
    """What besides the findings is worth saying of a swing as a whole."""
    ids = (swing.analysis_id,)
    if not swing.findings.findings:
        yield Fact("good", swing.report.summary, swing.report.summary, _with(facts, swing.report.summary), ids)
    for drill in swing.report.drills[:MOST_DRILLS]:
        yield _drill(drill.drill_id, drill.name, drill.how, drill.dose, drill.cue, facts, swing.analysis_id)
    for text in swing.findings.positives[:MOST_POSITIVES]:
        yield Fact("good", text, text, facts, ids)
    if swing.findings.not_judged:
        names = in_words([plain(fault.name) for fault in swing.findings.not_judged])
        prints = f"Not judged in this clip: {names}."
        yield Fact("unjudged", prints, prints, _with(facts, prints), ids)


def _drill(drill_id: str, name: str, how: str, dose: str, cue: str, facts: SwingFacts, analysis_id: str) -> Fact:
    against = _with(facts, f"{name} {how} {cue}")
    return Fact("drill", f"Drill {name}: {cue}.", f"{name}: {how} {dose}.", against, (analysis_id,), drill_id=drill_id)


def _focus(profile: SwingProfile, facts: SwingFacts) -> list[Fact]:
    made = []
    for area in profile.focus_areas[:MOST_FOCUS]:
        prints = f"{area.name}: found in {area.seen_in} of {area.judged_in} recent swings."
        against = _with(facts, prints, *(knowledge.load().faults[one].name for one in area.leads_to))
        made.append(Fact("focus", prints, prints, against, (area.latest_analysis_id,), fault_id=area.fault_id))
    return made


def _trends(profile: SwingProfile, facts: SwingFacts) -> Iterator[Fact]:
    order = ("worse", "better", "changed", "steady")
    series: list[MetricSnapshot | ScoreSnapshot] = [one for one in profile.scores if one.trend]
    series += sorted((one for one in profile.metrics if one.trend), key=lambda one: order.index(one.direction))
    for one in series[:MOST_TRENDS]:
        prints = _told_trend(one)
        way: Way = one.direction if one.direction in {"better", "worse"} else ""
        yield Fact("trend", prints, prints, _with(facts, prints), way=way)
    if not series:
        prints = (
            f"No change can be called a trend before {trend.FEWEST_PRACTICES} practices are filmed from the same side."
        )
        yield Fact("trend", prints, prints, _with(facts, prints))


def _told_trend(series: MetricSnapshot | ScoreSnapshot) -> str:
    moved = series.trend
    if moved is None:
        raise ValueError("a series without a trend has nothing to tell")
    over = f"{_DIRECTIONS[series.direction]} over {moved.practices} practices"
    if isinstance(series, ScoreSnapshot):
        return f"Your score, filmed {series.view.value}: {over}, score {round(moved.first)} to {round(moved.last)}."
    first, last = printed(moved.first, series.unit), printed(moved.last, series.unit)
    name = capital(told_metric(series.name, series.phase))
    return f"{name}, filmed {series.view.value}, {over}: {plain(name)} from {first} to {last}."


def _compared(metric: ComparedMetric, facts: SwingFacts, ids: tuple[str, ...]) -> Fact:
    name = capital(told_metric(metric.name, metric.phase))
    values = f"{printed(metric.first or 0.0, metric.unit)} then {printed(metric.second or 0.0, metric.unit)}"
    weak = f" ({metric.reason})" if metric.reason else ""
    prints = f"{name}: {values}, {_VERDICTS[metric.verdict]}{weak}."
    way: Way = metric.verdict if metric.verdict in {"better", "worse"} else ""
    return Fact("compared", prints, prints, _with(facts, prints), ids, way=way)


def _rank(metric: ComparedMetric) -> tuple[bool, float]:
    """What has a verdict before what has not, then by how far it is past its noise."""
    return metric.verdict == "changed", -abs(metric.difference or 0.0) / (metric.noise or 1.0)


def _with(facts: SwingFacts, *texts: str) -> SwingFacts:
    return replace(facts, library_texts=(*facts.library_texts, *texts))


def drills_of(facts: Sequence[Fact]) -> tuple[str, ...]:
    """The drills among some facts, each once."""
    return tuple(dict.fromkeys(fact.drill_id for fact in facts if fact.drill_id))


def swings_of(facts: Sequence[Fact]) -> tuple[str, ...]:
    """The analyses that some facts speak of, each once."""
    return tuple(dict.fromkeys(one for fact in facts for one in fact.swings))
