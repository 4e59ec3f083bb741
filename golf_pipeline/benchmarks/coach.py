"""Grounding measured: what is planted into honest coaching and caught, by kind, and how often honest words are refused.

The swings come from the knowledge files (`coach_swings.py`), or are stored analyses. Two texts are tried: the rules'
report with its numbers, into which numbers are planted that differ in value, unit, sign, metric, phase or frame; and
the words a model could have written, made of the honest texts of `coach_texts.toml`, into which one sentence at a time
is planted. The texts were written by those who wrote the check: what it catches in a model's own words may be less.
No model is asked; the tokens are those that the prompt and the longest honest answer are estimated at.
"""

import statistics
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from golf_pipeline.benchmarks.coach_swings import swings
from golf_pipeline.coach import vocabulary
from golf_pipeline.coach.budget import estimated_tokens
from golf_pipeline.coach.coach import coach_swing, facts_of
from golf_pipeline.coach.documents import Claim, CoachingWords
from golf_pipeline.coach.facts import SwingFacts, phase_words
from golf_pipeline.coach.grounding import Kind, coaching_problems, number_problems, report_problems
from golf_pipeline.coach.prompts import repair_messages, words_messages, words_schema
from golf_pipeline.coach.words import claimed_findings, complaint, evidence_ids, words_problems
from golf_pipeline.settings import get_settings
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import DECIMALS, printed
from golf_pipeline.swing.documents import EventName, Metric, Severity, SwingAnalysis, Trust

TEXTS = Path(__file__).parent / "coach_texts.toml"
MOST_EXAMPLES = 12


class KindScore(BaseModel):
    kind: str
    hard: bool
    planted: int = 0
    caught: int = 0
    missed: tuple[str, ...] = ()


class Tokens(BaseModel):
    """Estimated tokens of one coaching: asked once, and with the longest repair."""

    median: int
    most: int
    most_with_repair: int
    allowed: int


class CoachScore(BaseModel):
    swings: int
    honest_texts: int
    false_alarms: tuple[str, ...]
    kinds: tuple[KindScore, ...]
    tokens: Tokens


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Honest(_Entry):
    fault: str
    what_happens: list[str]
    why_it_matters: list[str]
    what_to_feel: list[str]


class _HonestOfAll(_Entry):
    summary: list[str]
    encouragement: list[str]
    without_a_fault: list[str]


class _Planted(_Entry):
    kind: Kind
    plain: list[str]
    hard: list[str] = []
    fault: str | None = None
    only_unsure: bool = False
    only_not_critical: bool = False


class _Texts(_Entry):
    honest: list[_Honest]
    honest_of_all: _HonestOfAll
    planted: list[_Planted]


@dataclass(frozen=True)
class _Plant:
    kind: Kind
    hard: bool
    text: str
    caught: bool


def score_coach(analyses: Path | None = None) -> CoachScore:
    """Plant and count over the swings of the knowledge files, or over the analyses stored under a folder.

    Raises:
        ValueError: the folder holds no analysed swing, or a file in it is no analysis.
    """
    found = list(_stored(analyses) if analyses else swings())
    if not found:
        raise ValueError(f"{analyses} holds no analysis.json of an analysed swing")
    return score_swings(found)


def score_swings(named: Sequence[tuple[str, SwingAnalysis]]) -> CoachScore:
    """Plant and count over these swings, at least one."""
    texts = _Texts.model_validate(tomllib.loads(TEXTS.read_text(encoding="utf-8")))
    alarms: list[str] = []
    plants: list[_Plant] = []
    asked, repaired = [], []
    honest = 0
    for name, analysis in named:
        facts = facts_of(analysis)
        honest += 1
        alarms += [f"{name}: rules: {problem}" for problem in _rules_problems(analysis, facts)]
        plants += _planted_numbers(facts)
        for words in _honest_words(texts, facts):
            honest += 1
            alarms += [f"{name}: {problem}" for problem in words_problems(words, facts)]
            once, twice = _tokens(words, facts)
            asked.append(once)
            repaired.append(twice)
        plants += _planted_words(texts, facts)
    return CoachScore(
        swings=len(named),
        honest_texts=honest,
        false_alarms=tuple(alarms),
        kinds=tuple(_by_kind(plants)),
        tokens=Tokens(
            median=int(statistics.median(asked)),
            most=max(asked),
            most_with_repair=max(repaired),
            allowed=get_settings().coach_tokens,
        ),
    )


def _stored(folder: Path) -> Iterator[tuple[str, SwingAnalysis]]:
    for path in sorted(folder.rglob("analysis.json")):
        try:
            analysis = SwingAnalysis.model_validate_json(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path} is no analysis of this version: {error}") from error
        if analysis.status == "analysed":
            yield path.parent.name, analysis


def _rules_problems(analysis: SwingAnalysis, facts: SwingFacts) -> Iterator[str]:
    if analysis.report is not None:
        yield from map(str, report_problems(analysis.report, facts))
    yield from map(str, coaching_problems(coach_swing(analysis), facts))


def _honest_words(texts: _Texts, facts: SwingFacts) -> Iterator[CoachingWords]:
    """Every honest text of this swing at least once."""
    claimed = claimed_findings(facts)
    by_fault = {one.fault: one for one in texts.honest}
    main = claimed[0].name.lower() if claimed else ""
    summaries = [text.format(fault=main) for text in texts.honest_of_all.summary]
    if not claimed:
        summaries = texts.honest_of_all.without_a_fault
    own = [by_fault[finding.fault_id] for finding in claimed]
    most = max([len(summaries), len(texts.honest_of_all.encouragement), *(len(one.what_happens) for one in own)])
    for number in range(most):
        claims = tuple(
            Claim(
                fault_id=finding.fault_id,
                evidence=evidence_ids(finding)[0],
                what_happens=_nth(one.what_happens, number),
                why_it_matters=_nth(one.why_it_matters, number),
                what_to_feel=_nth(one.what_to_feel, number),
            )
            for finding, one in zip(claimed, own, strict=True)
        )
        yield CoachingWords(
            summary=_nth(summaries, number),
            claims=claims,
            praise=("positive_1",) if facts.findings.positives else (),
            encouragement=_nth(texts.honest_of_all.encouragement, number),
        )


def _planted_words(texts: _Texts, facts: SwingFacts) -> Iterator[_Plant]:
    claimed = claimed_findings(facts)
    base = next(_honest_words(texts, facts))
    for planted in texts.planted:
        if planted.fault is not None and (not claimed or claimed[0].fault_id != planted.fault):
            continue
        if planted.only_unsure and any(finding.confidence == "high" for finding in claimed):
            continue
        if planted.only_not_critical and any(finding.severity == Severity.CRITICAL for finding in claimed):
            continue
        for hard, sentences in ((False, planted.plain), (True, planted.hard)):
            for text in sentences:
                if planted.kind == Kind.PHASE and _is_true_there(text, base, facts):
                    continue  # this swing went that way at that phase as well: no fabrication
                yield _plant(planted.kind, text, base, facts, hard=hard, replace=planted.fault is not None)
    for fault in knowledge.load().faults.values():
        if fault.id not in facts.faults:
            yield _plant(Kind.FAULT, f"I also see some {fault.name.lower()} in this swing.", base, facts)
    for drill in knowledge.load().drills.values():
        if drill.name.lower() not in facts.given.lower():
            yield _plant(Kind.DRILL, f"Add this to your week: {drill.name.lower()}.", base, facts)
    for name in dict.fromkeys(one.name for one in facts.metrics if _is_suppressed(one, facts)):
        yield _plant(Kind.UNAVAILABLE, f"Your {name.lower()} is on the short side.", base, facts)


def _is_true_there(text: str, base: CoachingWords, facts: SwingFacts) -> bool:
    """Whether the first claim's metric goes the same way, past its noise, at a phase that the text names."""
    bound = facts.readings[base.claims[0].evidence]
    named = {event for event, words in vocabulary.load().phases.items() if words.search(text)}
    there = [one for one in facts.readings.values() if one.id == bound.id and one.phase in named]
    way = 1 if (bound.value or 0.0) > 0 else -1
    return any(way * (one.value or 0.0) > (one.noise or 0.0) for one in there)


def _is_suppressed(metric: Metric, facts: SwingFacts) -> bool:
    return metric.trust == Trust.UNAVAILABLE and not any(one.id == metric.id for one in facts.readings.values())


def _plant(
    kind: Kind, text: str, base: CoachingWords, facts: SwingFacts, *, hard: bool = False, replace: bool = False
) -> _Plant:
    """Put a sentence where a model would: in place of what happens, or behind the summary."""
    if replace and base.claims:
        first = base.claims[0].model_copy(update={"what_happens": text})
        words = base.model_copy(update={"claims": (first, *base.claims[1:])})
    else:
        words = base.model_copy(update={"summary": f"{base.summary} {text}"})
    new = set(words_problems(words, facts)) - set(words_problems(base, facts))
    return _Plant(kind, hard, text, caught=bool(new))


def _planted_numbers(facts: SwingFacts) -> Iterator[_Plant]:
    """Numbers of this swing's own evidence, each made wrong in one way, in a sentence that names metric and phase."""
    for finding in facts.findings.findings:
        for sign in evidence_ids(finding):
            metric = facts.readings[sign]
            if metric.trust != Trust.DIRECTION_ONLY:
                for kind, text in _wrong_numbers(metric, facts):
                    yield _Plant(kind, False, text, caught=bool(number_problems(text, facts)))


def _wrong_numbers(metric: Metric, facts: SwingFacts) -> Iterator[tuple[Kind, str]]:
    value = metric.value or 0.0
    step = 10.0 ** -DECIMALS[metric.unit]
    when = phase_words(metric.phase)
    said = f"{metric.name} {when}: {{}}."
    for wrong in (value + 3 * step, value * 1.5 + 2 * step, value - 4 * step):
        yield Kind.VALUE, said.format(printed(wrong, metric.unit))
    number = printed(value, metric.unit).removesuffix(metric.unit).rstrip("° ")
    for unit in (" cm", " inches", " percent", "°" if metric.unit != "deg" else " torso lengths"):
        yield Kind.UNIT, said.format(number + unit)
    yield Kind.SIGN, said.format(("-" if value > 0 else "+") + number.lstrip("\N{MINUS SIGN}") + _unit(metric))
    for other in _others(metric, facts):
        yield Kind.METRIC, f"{other.name} {when}: {printed(value, metric.unit)}."
    later = EventName.IMPACT if metric.phase == EventName.TOP else EventName.TOP
    if metric.phase not in {None, EventName.ADDRESS}:
        yield Kind.PHASE, f"{metric.name} {phase_words(later)}: {printed(value, metric.unit)}."
    yield Kind.FRAME, f"It is seen in frame {max(facts.frames) + 7}."


def _unit(metric: Metric) -> str:
    return "°" if metric.unit == "deg" else f" {metric.unit}"


def _others(metric: Metric, facts: SwingFacts) -> Iterator[Metric]:
    """Readings of another body part, none of whose numbers is this one's."""
    words = vocabulary.load().metrics
    number = printed(metric.value or 0.0, metric.unit)
    has_it = {one.id for one in facts.readings.values() if printed(one.value or 0.0, one.unit) == number}
    others = {one.id: one for one in facts.readings.values() if one.id not in has_it}
    return islice((one for one in others.values() if not words[metric.id].subjects.search(one.name)), 4)


def _tokens(words: CoachingWords, facts: SwingFacts) -> tuple[int, int]:
    messages, schema = words_messages(facts), words_schema(facts)
    said = words.model_dump_json()
    answer = estimated_tokens([{"role": "assistant", "content": said}], {}, 0)
    once = estimated_tokens(messages, schema, 0) + answer
    wrong = complaint(words_problems(words.model_copy(update={"summary": "Your slice will disappear."}), facts))
    again: list[dict[str, Any]] = [*messages, *repair_messages(said, wrong)]
    return once, once + estimated_tokens(again, schema, 0) + answer


def _by_kind(plants: list[_Plant]) -> Iterator[KindScore]:
    for hard in (False, True):
        for kind in Kind:
            here = [plant for plant in plants if plant.kind == kind and plant.hard == hard]
            if here:
                missed = dict.fromkeys(plant.text for plant in here if not plant.caught)
                yield KindScore(
                    kind=kind,
                    hard=hard,
                    planted=len(here),
                    caught=sum(plant.caught for plant in here),
                    missed=tuple(islice(missed, MOST_EXAMPLES)),
                )


def _nth(texts: list[str], number: int) -> str:
    return next(islice(cycle(texts), number, None))
