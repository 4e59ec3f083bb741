"""The check of a model's words: the number walk, and everything else that words can invent.

Each text is held against the facts of this swing with the lists of `vocabulary.toml`. It finds what is said in the
words of those lists, and the way of a movement where body part and phrase stand in one clause. It does not understand:
a claim in other words ("you stay as still as a rock"), a wrong cause or consequence in plain words, irony, another
language and a hint between two harmless sentences pass. `golf-pipeline benchmark coach` counts what it catches.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from golf_pipeline.coach import vocabulary
from golf_pipeline.coach.documents import Claim, CoachingWords
from golf_pipeline.coach.facts import SwingFacts, reading_id
from golf_pipeline.coach.grounding import Kind, Problem, clauses, number_problems, says_other_way, sentences
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import MOST_ISSUES
from golf_pipeline.swing.documents import Finding, Metric, Severity, Trust

CHECK_VERSION = "2"

_DRILL = re.compile(r"([\w'-]+)[ -](?:drills?|exercises?|stretch(?:es)?)(?!\w)", re.IGNORECASE)
ALL_IS_WELL = re.compile(
    r"\bno (?:\w+ ){0,2}(?:fault|flaw|mistake|problem|weakness)|\bnothing (?:is |was )?(?:wrong|to fix)", re.IGNORECASE
)
_PLAIN_LISTS = (
    ("medical", Kind.MEDICAL),
    ("promise", Kind.PROMISE),
    ("comparison", Kind.COMPARISON),
    ("quantity", Kind.QUANTITY),
    ("never_measured", Kind.NEVER_MEASURED),
    ("drill", Kind.DRILL),
)


def claimed_findings(facts: SwingFacts) -> tuple[Finding, ...]:
    """The findings that a model speaks of: those that the report shows."""
    return facts.findings.findings[:MOST_ISSUES]


def evidence_ids(finding: Finding) -> tuple[str, ...]:
    return tuple(reading_id(one.metric_id, one.phase) for one in finding.evidence)


def positive_ids(facts: SwingFacts) -> dict[str, str]:
    """The listed positives by the id under which a model may choose them."""
    return {f"positive_{number}": text for number, text in enumerate(facts.findings.positives, start=1)}


def words_problems(words: CoachingWords, facts: SwingFacts) -> tuple[Problem, ...]:
    """What in a model's words the facts of this swing do not carry; empty where all may be printed."""
    found = list(_binding_problems(words, facts))
    everything = claimed_findings(facts)
    for text in (words.summary, words.encouragement):
        found += text_problems(text, facts, everything)
    for claim in words.claims:
        finding = facts.faults.get(claim.fault_id)
        if finding is not None:
            found += text_problems(claim.what_happens, facts, (finding,), bound_to=_bound(claim, finding, facts))
            found += text_problems(claim.why_it_matters, facts, (finding,))
            found += text_problems(claim.what_to_feel, facts, (finding,), is_advice=True)
    return tuple(found)


def text_problems(
    text: str,
    facts: SwingFacts,
    about: tuple[Finding, ...],
    *,
    bound_to: Metric | None = None,
    is_advice: bool = False,
) -> tuple[Problem, ...]:
    """What one text says that the facts do not carry.

    Args:
        about: the findings that the text may speak of with their severity and confidence.
        bound_to: the reading that the text is bound to, if any: its way is asked for even where nothing is named.
        is_advice: the text says what to do, so that the way it names is not the way that was measured.
    """
    check = _Text(text, facts, about, is_advice=is_advice)
    found = [*number_problems(text, facts), *check.listed(), *check.names(), *check.praise(), *check.degrees()]
    if not is_advice:
        found += _wrong_ways(text, facts, bound_to)
    return tuple(found)


def _binding_problems(words: CoachingWords, facts: SwingFacts) -> Iterator[Problem]:
    wanted = [finding.fault_id for finding in claimed_findings(facts)]
    named = [claim.fault_id for claim in words.claims]
    for fault_id in sorted(set(named) - set(wanted)):
        yield Problem(Kind.FAULT, fault_id)
    if sorted(named) != sorted(wanted) and not set(named) - set(wanted):
        yield Problem(Kind.COVERAGE, f"claims must be one each for {', '.join(wanted) or 'no fault'}")
    for claim in words.claims:
        finding = facts.faults.get(claim.fault_id)
        if finding is not None and claim.evidence not in evidence_ids(finding):
            yield Problem(Kind.METRIC, f"{claim.evidence} is no sign of {claim.fault_id}")
    for unknown in sorted(set(words.praise) - set(positive_ids(facts))):
        yield Problem(Kind.PRAISE, unknown)


def _bound(claim: Claim, finding: Finding, facts: SwingFacts) -> Metric | None:
    return facts.readings.get(claim.evidence) if claim.evidence in evidence_ids(finding) else None


@dataclass(frozen=True)
class _Text:
    text: str
    facts: SwingFacts
    about: tuple[Finding, ...]
    is_advice: bool

    def listed(self) -> Iterator[Problem]:
        """Words of the plain lists that the rules' own text does not hold."""
        lists = vocabulary.load().lists
        for name, kind in _PLAIN_LISTS:
            yield from (Problem(kind, words) for words in self._not_given(lists[name]))
        for match in lists["flight"].finditer(self.text):
            stem = re.sub(r"(?:e|es|s|ed|ing)$", "", match.group().lower())
            if not re.search(rf"\b{re.escape(stem)}(?:e|es|s|ed|ing)?\b", self.facts.given.lower()):
                yield Problem(Kind.FLIGHT, match.group())

    def names(self) -> Iterator[Problem]:
        """Names of metrics, faults and drills that this clip does not have."""
        words = vocabulary.load()
        for sentence in sentences(self.text):
            if words.lists["unjudged"].search(sentence):
                continue
            for fault_id, fault in words.faults.items():
                if fault_id not in self.facts.faults and (match := fault.search(sentence)):
                    yield Problem(Kind.FAULT, match.group())
            if not self.is_advice:  # "feel your hips turn" claims nothing that was to be measured
                yield from self._unavailable(sentence)
        yield from self._drills()

    def praise(self) -> Iterator[Problem]:
        """Praise of this swing that no listed positive carries."""
        words = vocabulary.load()
        earned = [words.metrics[metric_id].subjects for metric_id in self.facts.praised_metrics]
        for sentence in sentences(self.text):
            if self.facts.findings.overall_level == "not enough evidence" and (match := ALL_IS_WELL.search(sentence)):
                yield Problem(Kind.PRAISE, match.group())
            said, subject = words.praise.search(sentence), words.praised.search(sentence)
            if said is None or subject is None or words.not_said_of_this_swing.search(sentence):
                continue
            if said.group().lower() in self.facts.given.lower() or any(one.search(sentence) for one in earned):
                continue
            yield Problem(Kind.PRAISE, f"{said.group()} … {subject.group()}")

    def degrees(self) -> Iterator[Problem]:
        """Words that make a finding surer or graver than it is."""
        lists = vocabulary.load().lists
        if not any(finding.confidence == "high" for finding in self.about):
            yield from (Problem(Kind.CERTAINTY, words) for words in self._not_given(lists["certainty"]))
        if not any(finding.severity == Severity.CRITICAL for finding in self.about):
            yield from (Problem(Kind.SEVERITY, words) for words in self._not_given(lists["severity"]))

    def _not_given(self, words: re.Pattern[str]) -> Iterator[str]:
        return (match.group() for match in words.finditer(self.text) if not self._is_given(match.group()))

    def _is_given(self, words: str) -> bool:
        return bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", self.facts.given, re.IGNORECASE))

    def _unavailable(self, sentence: str) -> Iterator[Problem]:
        for found in self.facts.faults:  # a reverse spine angle is a fault's name, not a metric's
            sentence = vocabulary.load().faults[found].sub(" ", sentence)
        by_id: dict[str, list[Metric]] = {}
        for metric in self.facts.metrics:
            by_id.setdefault(metric.id, []).append(metric)
        in_evidence = {one.metric_id for found in self.facts.findings.findings for one in found.evidence}
        for metric_id, words in vocabulary.load().metrics.items():
            usable = any(one.trust in {Trust.MEASURED, Trust.LOW} for one in by_id.get(metric_id, ()))
            match = words.names.search(sentence)
            if match and not usable and metric_id not in in_evidence:
                yield Problem(Kind.UNAVAILABLE, match.group())

    def _drills(self) -> Iterator[Problem]:
        given = self.facts.given.lower()
        generic = vocabulary.load().generic_drill
        for match in _DRILL.finditer(self.text):
            if not generic.fullmatch(match[1]) and match.group().lower() not in given:
                yield Problem(Kind.DRILL, match.group())
        for drill in knowledge.load().drills.values():
            if drill.name.lower() in self.text.lower() and drill.name.lower() not in given:
                yield Problem(Kind.DRILL, drill.name)


def _wrong_ways(text: str, facts: SwingFacts, bound_to: Metric | None) -> Iterator[Problem]:
    """Phrases that send a body part the other way than it was measured to go."""
    words = vocabulary.load().metrics
    for clause in clauses(text):
        named = [one for one in facts.readings.values() if words[one.id].subjects.search(clause)]
        phases = {event for event, phrase in vocabulary.load().phases.items() if phrase.search(clause)}
        spoken_of = [one for one in named if not phases or one.phase in phases]
        if bound_to is not None and (bound_to in named or not named):
            elsewhere = phases and bound_to.phase is not None and bound_to.phase not in phases
            carried = any(
                _has_way(one) and _speaks(one, clause) and not says_other_way(clause, one) for one in spoken_of
            )
            if elsewhere and _speaks(bound_to, clause) and not carried:
                yield Problem(Kind.PHASE, f"“{clause.strip()}”")
            spoken_of = [bound_to] if not phases or bound_to.phase in phases else spoken_of
        with_a_way = [one for one in spoken_of if _has_way(one)]
        wrong = [phrase for one in with_a_way if (phrase := says_other_way(clause, one))]
        if wrong and len(wrong) == len([one for one in with_a_way if _speaks(one, clause)]):
            yield Problem(Kind.SIGN, f"{wrong[0]} in “{clause.strip()}”")


def _has_way(metric: Metric) -> bool:
    """Whether the metric went one way for sure: past its noise, and trusted as a direction at least."""
    return metric.noise is None or abs(metric.value or 0.0) > metric.noise


def _speaks(metric: Metric, clause: str) -> bool:
    words = vocabulary.load().metrics[metric.id]
    return bool(words.plus.search(clause) or words.minus.search(clause))


def complaint(problems: Iterable[Problem], most: int = 6) -> str:
    """The problems in one line, as a model is told them; each once, at most so many."""
    return "; ".join(list(dict.fromkeys(map(str, problems)))[:most])
