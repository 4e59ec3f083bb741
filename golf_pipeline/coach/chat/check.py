"""The check of a model's chat answer: nothing that it may not say reaches a golfer.

The report's check (`coach/words.py`) holds each text against the facts of the swing that it cites. A chat asks for
more, since a golfer's message may ask for anything. A text is plain English without a digit, a name, an address or a
word of the instructions, and is made of words that the library has too: else it is not about golf. A change is told
only where a cited trend or comparison states it; what was found is neither denied nor belittled; a part of the body,
a moment, the club or other swings are spoken of only where the facts given speak of them, and advice does not send the
body the way that was the fault; an answer cites at least one fact. At last the whole answer, as it would be shown, is
walked for numbers (`chat/grounding.py`).

What it cannot catch is what the report's check cannot: a claim in words that stand in no list, a picture, irony.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from golf_pipeline.coach import vocabulary
from golf_pipeline.coach.chat.dossier import Dossier, Fact
from golf_pipeline.coach.chat.prompts import ANSWER_PROMPT, LOOK_PROMPT, OTHER, ChatWords
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.grounding import Kind, Problem, clauses, sentences
from golf_pipeline.coach.words import ALL_IS_WELL, claimed_findings, text_problems
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import Severity
from golf_pipeline.swing.personal_text import sanitised

MOST_CHARACTERS = 320
"""Characters of one text: twice what the prompt asks for."""

LEAST_COMMON_SHARE = 0.3
"""Share of words of the list `common` below which a text is not plain English. The good answers of the tests have 0.4
and more, one in German, Spanish or French at most 0.2."""

FEWEST_WORDS_TO_TELL = 6

MOST_STRANGE_SHARE = 0.3
MOST_STRANGE_WORDS = 2
"""A text with more words than these that neither plain English nor the library has is not about golf. The honest texts
of `benchmark coach` have at most 0.29 and half of them below 0.1; sentences about anything else have 0.4 to 0.5."""

_REPEATED_WORDS = 6
"""So many words in a row as they stand in the instructions are taken from there."""

_MARKS_OF_SPEECH = str.maketrans(
    {"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{EN DASH}": "-"}
    | {"\N{EM DASH}": "-", "\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"'}
)
_WORD = re.compile(r"[a-z']+")
_CAPITAL = re.compile(r"(?<=[a-z,;:'\") -] )[\"'(]?[A-Z][\w'-]*")
_NEXT_THOUGHT = re.compile(r"[,;:]|\b(?:but|then|and|so|they|it)\b")
_NO_NAMES = frozenset({"i", "i'm", "i'll", "i'd", "x-factor", "c-posture", "s-posture"})


class ChatKind(StrEnum):
    """What is wrong with a chat answer beyond the report's kinds; stable names, told without the words themselves."""

    FORM = "not in the form that was asked for"
    MARKUP = "markup or an address"
    NUMBER = "a number of its own"
    LANGUAGE = "not plain English"
    NAME = "a name"
    MACHINERY = "the instructions or the system"
    TOPIC = "not about golf"
    CHANGE = "a change that was not measured"
    DENIAL = "what was found is denied or belittled"
    UNMEASURED = "something that no fact speaks of"
    ADVICE = "advice to do more of the fault"
    CITATION = "nothing measured is cited"
    LENGTH = "too long"


AnyKind = Kind | ChatKind


def wrong_with(words: ChatWords, dossier: Dossier) -> tuple[AnyKind, ...]:
    """The kinds of what may not be shown, each once; empty where all may."""
    facts = dossier.by_id
    cited = [facts[point.fact] for point in words.points if point.fact in facts]
    found = list(_form_problems(words, cited))
    for text in _texts(words):
        found += _plain_problems(text)
    found += _language_problems(" ".join(_texts(words)))
    found += _unmeasured_problems(words, dossier)
    for point in words.points:
        if (fact := facts.get(point.fact)) is not None:
            found += _point_problems(point.text, fact)
    for facts_of_one in _all_facts(dossier, cited):
        found += _free_problems(words.reply, facts_of_one, cited)
        found += [one.kind for one in _report_problems(words.try_this, facts_of_one, is_advice=True)]
        found += _advice_problems(words.try_this, facts_of_one)
    return tuple(dict.fromkeys(found))


def _form_problems(words: ChatWords, cited: Sequence[Fact]) -> Iterator[AnyKind]:
    if not words.reply.strip() or not all(point.text.strip() for point in words.points):
        yield ChatKind.FORM
    if len(cited) < len(words.points):
        yield ChatKind.FORM
    if words.topic != OTHER and not cited:
        yield ChatKind.CITATION


def _texts(words: ChatWords) -> list[str]:
    return [words.reply, *(point.text for point in words.points), *filter(None, [words.try_this])]


def _plain_problems(text: str) -> Iterator[AnyKind]:
    """What no text may hold, whatever it is about."""
    plain = " ".join(unicodedata.normalize("NFKC", text).translate(_MARKS_OF_SPEECH).split())
    if len(plain) > MOST_CHARACTERS:
        yield ChatKind.LENGTH
    if sanitised(plain, len(plain)) != plain or "/" in plain:
        yield ChatKind.MARKUP
    if any(unicodedata.category(one).startswith("N") for one in text):
        yield ChatKind.NUMBER
    if not plain.isascii():
        yield ChatKind.LANGUAGE
    if _is_strange(plain):
        yield ChatKind.TOPIC
    for sentence in sentences(plain):
        if any(one.strip("\"'(").lower() not in _known_capitals() for one in _CAPITAL.findall(sentence)):
            yield ChatKind.NAME
    if vocabulary.load().lists["machinery"].search(plain) or _runs(plain) & _instructions():
        yield ChatKind.MACHINERY


def _is_strange(text: str) -> bool:
    said = _WORD.findall(text.lower())
    common = vocabulary.load().lists["common"]
    strange = [word for word in said if word not in _library_words() and not common.fullmatch(word)]
    return len(strange) > max(MOST_STRANGE_WORDS, MOST_STRANGE_SHARE * len(said))


def _language_problems(text: str) -> Iterator[AnyKind]:
    said = _WORD.findall(text.lower())
    if len(said) < FEWEST_WORDS_TO_TELL:
        return
    if len(vocabulary.load().lists["common"].findall(text)) < LEAST_COMMON_SHARE * len(said):
        yield ChatKind.LANGUAGE


def _unmeasured_problems(words: ChatWords, dossier: Dossier) -> Iterator[AnyKind]:
    """What the facts given would have to speak of, and do not. A drill carries what to do, nothing about the swing."""
    facts = dossier.by_id
    drills = {fact_id for fact_id, fact in facts.items() if fact.kind == "drill"}
    measured = _told(fact for fact in dossier.facts if fact.kind != "drill")
    everything = _told(dossier.facts)
    is_of_drills = any(point.fact in drills for point in words.points)
    given = [(words.reply, everything if is_of_drills else measured), (words.try_this, everything)]
    given += [(point.text, everything if point.fact in drills else measured) for point in words.points]
    known = vocabulary.load()
    for text, carried in given:
        if any(one.search(text) and not one.search(carried) for one in known.subjects.values()):
            yield ChatKind.UNMEASURED
        if any(one.lower() not in carried.lower() for one in known.lists["unfounded"].findall(text)):
            yield ChatKind.UNMEASURED


def _told(facts: Iterable[Fact]) -> str:
    return " ".join(f"{fact.says} {fact.prints}" for fact in facts)


def _advice_problems(text: str, facts: SwingFacts) -> Iterator[AnyKind]:
    """Advice that sends a part of the body the way that it was found to go too far."""
    words = vocabulary.load()
    evidence = [one for finding in claimed_findings(facts) for one in finding.evidence]
    for clause in clauses(text):
        for one in evidence:
            metric = words.metrics[one.metric_id]
            way = (metric.plus if one.value > 0 else metric.minus).search(clause)
            if way and metric.subjects.search(clause) and not words.lists["averted"].search(clause[: way.start()]):
                yield ChatKind.ADVICE


def _point_problems(text: str, fact: Fact) -> Iterator[AnyKind]:
    """A text about one fact, against the swing that the fact is of."""
    about = fact.about or claimed_findings(fact.against)
    is_advice = fact.kind == "drill"
    for problem in text_problems(text, fact.against, about, bound_to=fact.bound_to, is_advice=is_advice):
        if not _is_carried(problem, fact):
            yield problem.kind
    yield from _change_problems(text, [fact])
    if not is_advice and fact.kind != "compared":
        yield from _denial_problems(text, fact.against)


def _is_carried(problem: Problem, fact: Fact) -> bool:
    """Whether the fact itself says what the swing that it is held against does not."""
    if problem.kind == Kind.FAULT and fact.fault_id:
        fault = vocabulary.load().faults.get(fact.fault_id)
        return bool(fault and fault.search(problem.words))
    return problem.kind == Kind.COMPARISON and fact.way != "" and "than" not in problem.words.lower()


def _free_problems(text: str, facts: SwingFacts, cited: Sequence[Fact]) -> Iterator[AnyKind]:
    """The reply, which cites nothing itself: it is held against every swing, and against what the points cite."""
    for problem in _report_problems(text, facts):
        if not any(_is_carried(problem, fact) for fact in cited):
            yield problem.kind
    yield from _change_problems(text, cited)
    yield from _denial_problems(text, facts)


def _report_problems(text: str, facts: SwingFacts, *, is_advice: bool = False) -> tuple[Problem, ...]:
    return text_problems(text, facts, claimed_findings(facts), is_advice=is_advice) if text else ()


def _change_problems(text: str, cited: Sequence[Fact]) -> Iterator[AnyKind]:
    """A word of a change that the cited facts do not all bear out."""
    ways = {fact.way for fact in cited if fact.way}
    lists = vocabulary.load().lists
    for way in ("better", "worse"):
        if lists[way].search(text) and ways != {way}:
            yield ChatKind.CHANGE


def _denial_problems(text: str, facts: SwingFacts) -> Iterator[AnyKind]:
    words, findings = vocabulary.load(), facts.findings.findings
    if findings and ALL_IS_WELL.search(text):
        yield ChatKind.DENIAL
    if any(one.severity != Severity.MINOR for one in findings) and words.lists["belittling"].search(text):
        yield ChatKind.DENIAL
    for finding in findings:
        name = re.compile(rf"(?<!\w){re.escape(finding.name)}(?!\w)", re.IGNORECASE)
        for sentence in sentences(text):
            for named in (*words.faults[finding.fault_id].finditer(sentence), *name.finditer(sentence)):
                before = _NEXT_THOUGHT.split(sentence[max(0, named.start() - 30) : named.start()])[-1]
                if words.lists["denial"].search(before):
                    yield ChatKind.DENIAL


def _all_facts(dossier: Dossier, cited: Sequence[Fact]) -> list[SwingFacts]:
    """The facts of every swing given, each with what the cited facts say besides."""
    said = tuple(text for fact in cited for text in fact.against.library_texts)
    made = []
    for swing in dossier.swings:
        facts = swing.facts()
        made.append(SwingFacts(facts.findings, facts.metrics, facts.segmentation, (*facts.library_texts, *said)))
    return made


@lru_cache
def _known_capitals() -> frozenset[str]:
    """Words that may stand inside a sentence with a capital: names of the library's faults, metrics and drills."""
    known = knowledge.load()
    names = [one.name for one in known.faults.values()]
    names += [one.name for one in known.metrics.values()]
    names += [one.name for one in known.drills.values()]
    return frozenset(word.lower() for name in names for word in name.split()) | _NO_NAMES


@lru_cache
def _library_words() -> frozenset[str]:
    """Every word that the knowledge files hold."""
    return frozenset(_WORD.findall(knowledge.load().model_dump_json().lower()))


@lru_cache
def _instructions() -> frozenset[tuple[str, ...]]:
    return frozenset(_runs(ANSWER_PROMPT) | _runs(LOOK_PROMPT))


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return {tuple(words[start : start + _REPEATED_WORDS]) for start in range(len(words) - _REPEATED_WORDS + 1)}
