"""The number walk: every number in a text about a swing is held against what was measured.

A number passes when a reading of this clip has its value, at the decimals at which that unit is printed, in its unit,
with its sign or the phrase that says its way, and when the clause or sentence that prints it names that metric and no
other phase. Numbers spelt out in words pass under the same rule. A drill's text is not about the swing and is not
walked: its numbers ("three sets of ten") are the library's.

What it cannot catch: a right number in a wrong sentence about the right body part ("your pelvis moved 0.14 torso
lengths away from the target, which is rare"); a size in a word that is in no list; a way that is told by a picture
("like a door"). The words themselves are `words.py`'s matter.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from golf_pipeline.coach import vocabulary
from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.swing.advice import DECIMALS
from golf_pipeline.swing.documents import EventName, Metric, Report


class Kind(StrEnum):
    """What is wrong with a text; stable names, as the benchmark and the checks count by them."""

    VALUE = "wrong number"
    UNIT = "wrong unit"
    SIGN = "wrong sign or way"
    METRIC = "number of another metric"
    PHASE = "another phase"
    FRAME = "unknown frame"
    QUANTITY = "spelt-out quantity"
    UNAVAILABLE = "metric not measured in this clip"
    NEVER_MEASURED = "nothing measures this"
    FAULT = "fault not found"
    DRILL = "unknown drill"
    FLIGHT = "ball flight not listed"
    PRAISE = "praise not earned"
    MEDICAL = "medical claim"
    PROMISE = "promise"
    COMPARISON = "comparison without a source"
    CERTAINTY = "surer than the finding"
    SEVERITY = "graver than the finding"
    COVERAGE = "a finding left out or said twice"


@dataclass(frozen=True)
class Problem:
    """One thing in a text that the data do not carry, with the words that say it."""

    kind: Kind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


_UNITS_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten",
    "eleven",
    "twelve",
    *(f"{word}teen" for word in ("thir", "four", "fif", "six", "seven", "eigh", "nine")),
]
_TENS = [f"{word}ty" for word in ("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine")]
_WORD_VALUES: dict[str, int] = {
    "zero": 0,
    **{word: value for value, word in enumerate([*_UNITS_WORDS, *_TEENS], start=1)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    "hundred": 100,
}
_WORD = "|".join(sorted(_WORD_VALUES, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>[-+\N{{MINUS SIGN}}\N{{EN DASH}}]|(?:minus|plus) )?"
    rf"(?:(?P<digits>\d+(?:[.,]\d+)?|[.,]\d+)|(?P<word>(?:{_WORD})(?:[- ](?:{'|'.join(_UNITS_WORDS)}))?(?! of)(?!\w)))",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_CLAUSE_END = re.compile(r"(?<=[.!?;])\s+|\n+|,\s+(?:and|but|while|so)\s+")
_FRAME = re.compile(r"\bframes?\s*$", re.IGNORECASE)
_SCORE = re.compile(r"\bscore\b|\bpoints?\b|\bof 100\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Number:
    text: str
    sign: int  # 0 where none is printed
    size: float
    decimals: int | None  # None: spelt out
    unit: str | None  # one of ours, "foreign", or None where nothing follows
    start: int


def report_problems(report: Report, facts: SwingFacts) -> tuple[Problem, ...]:
    """Walk the numbers in all prose of the rules' report except the drills' own texts."""
    texts = [report.summary, *report.caveats, *(day.focus for day in report.one_week_plan)]
    texts += [text for issue in report.top_issues for text in (issue.title, issue.text)]
    return tuple(problem for text in texts for problem in number_problems(text, facts))


def coaching_problems(coaching: AiAnalysis, facts: SwingFacts) -> tuple[Problem, ...]:
    """The same walk over all prose of the `ai_analysis` part except the drills' own texts."""
    texts = [coaching.response, coaching.coaching_response, coaching.root_cause, coaching.overall_feedback]
    texts += [text for phase in coaching.swing_phases for text in phase.observations]
    texts += coaching.technical_analysis.positives
    for issue in coaching.technical_analysis.issues:
        texts += [issue.issue, issue.impact, issue.biomechanical_cause]
    for change in coaching.recommendations:
        texts += [change.change, change.why, change.expected_improvement]
    return tuple(problem for text in texts for problem in number_problems(text, facts))


def number_problems(text: str, facts: SwingFacts) -> tuple[Problem, ...]:
    """The numbers of one text that no reading of this clip explains."""
    return number_problems_among(text, (facts,))


def number_problems_among(text: str, known: Sequence[SwingFacts]) -> tuple[Problem, ...]:
    """The numbers of a text that none of several facts explains.

    It cannot know which of several swings a sentence means: a right number said of the other swing passes.

    Raises:
        ValueError: there are no facts to hold the text against.
    """
    if not known:
        raise ValueError("a text is held against the facts of one swing at least")
    for facts in known:
        text = _without_library(text, facts)
    found = []
    for sentence in split(_SENTENCE_END, text):
        for clause in split(_CLAUSE_END, sentence):
            for number in _numbers(clause):
                problems = [problem for facts in known if (problem := _judge(number, clause, sentence, facts))]
                if len(problems) == len(known):
                    # Where one of the swings has the value, what is wrong with it says more than "wrong number".
                    found.append(next((one for one in problems if one.kind != Kind.VALUE), problems[0]))
    return tuple(found)


def split(ends: re.Pattern[str], text: str) -> Iterator[str]:
    return (part for part in ends.split(text) if part.strip())


def sentences(text: str) -> Iterator[str]:
    return split(_SENTENCE_END, text)


def clauses(text: str) -> Iterator[str]:
    return split(_CLAUSE_END, text)


def says_other_way(clause: str, metric: Metric) -> str | None:
    """The phrase of a clause that says the opposite of the metric's sign and is not turned round; None without one."""
    words = vocabulary.load().metrics[metric.id]
    value = metric.value or 0.0
    opposite, own = (words.minus, words.plus) if value > 0 else (words.plus, words.minus)
    wrong = next((match for match in opposite.finditer(clause) if not _turned_round(clause, match.start())), None)
    if wrong is None or own.search(clause):
        return None
    return wrong.group()


def _turned_round(clause: str, start: int) -> bool:
    return bool(vocabulary.load().lists["turned_round"].search(clause, max(0, start - 45), start))


def _without_library(text: str, facts: SwingFacts) -> str:
    """The text without the library's reasons and the capture check's remarks: they speak of filming and measuring."""
    known = [text for fault in facts.findings.not_judged for text in (fault.reason, fault.how)]
    known += [issue.text for issue in facts.segmentation.capture.issues]
    for one in filter(None, known):
        text = text.replace(one, "")
    return text


def _numbers(clause: str) -> Iterator[_Number]:
    for match in _NUMBER.finditer(clause):
        unit, unit_text = _unit_after(clause, match.end())
        digits, word = match["digits"], match["word"]
        if word and unit is None:
            continue  # "one thing", "two causes": a count of words, not of anything measured
        size = float(digits.replace(",", ".")) if digits else float(_value_of(word))
        decimals = len(re.split(r"[.,]", digits)[1]) if digits and re.search(r"[.,]", digits) else 0
        sign = 0 if not match["sign"] else (1 if match["sign"].lower().strip() in {"+", "plus"} else -1)
        text = clause[match.start() : match.end()] + unit_text
        yield _Number(text.strip(), sign, size, decimals if digits else None, unit, match.start())


def _value_of(word: str) -> int:
    parts = re.split(r"[- ]", word.lower())
    return sum(_WORD_VALUES[part] for part in parts)


def _unit_after(clause: str, end: int) -> tuple[str | None, str]:
    words = vocabulary.load()
    for name, unit in words.units.items():
        if match := unit.match(clause, end):
            return name, match.group()
    if match := words.foreign_unit.match(clause, end):
        return "foreign", match.group()
    return None, ""


def _judge(number: _Number, clause: str, sentence: str, facts: SwingFacts) -> Problem | None:
    if _FRAME.search(clause[: number.start]):
        return None if number.size in facts.frames else Problem(Kind.FRAME, f"frame {number.text}")
    if facts.findings.score is not None and number.unit is None and _SCORE.search(sentence):
        of_score = {100.0} | {point for part in facts.findings.score.parts for point in (part.points, part.most_points)}
        if facts.findings.score.value is not None:
            of_score.add(float(facts.findings.score.value))
        if number.size in of_score:
            return None
    same_value = [one for one in facts.readings.values() if _has_value(one, number)]
    if not same_value:
        return Problem(Kind.QUANTITY if number.decimals is None else Kind.VALUE, number.text)
    same_unit = [one for one in same_value if (number.unit or "") == one.unit or _needs_no_unit(one, number)]
    if not same_unit:
        return Problem(Kind.UNIT, number.text)
    named = _named(same_unit, clause) or _named(same_unit, sentence)
    if not named:
        return Problem(Kind.METRIC, number.text)
    same_way = [one for one in named if _is_same_way(one, number, clause)]
    if not same_way:
        return Problem(Kind.SIGN, f"{number.text} in “{clause.strip()}”")
    if not any(_is_same_phase(one, clause) for one in same_way):
        return Problem(Kind.PHASE, f"{number.text} in “{clause.strip()}”")
    return None


def _has_value(metric: Metric, number: _Number) -> bool:
    decimals = DECIMALS.get(metric.unit, 2)
    if number.decimals is not None and number.decimals > decimals:
        return False  # more digits than the noise allows are invented ones
    rounded = round(abs(metric.value or 0.0), decimals)
    shown = decimals if number.decimals is None else min(number.decimals, decimals)
    return abs(round(rounded, shown) - number.size) < 0.5 * 10.0**-decimals and shown == decimals


def _needs_no_unit(metric: Metric, number: _Number) -> bool:
    return number.unit is None and metric.unit == "ratio"


def _named(metrics: Iterable[Metric], text: str) -> list[Metric]:
    words = vocabulary.load().metrics
    return [one for one in metrics if words[one.id].subjects.search(text)]


def _is_same_way(metric: Metric, number: _Number, clause: str) -> bool:
    value = metric.value or 0.0
    if round(value, DECIMALS.get(metric.unit, 2)) == 0.0:
        return True
    if number.sign:
        return number.sign == (1 if value > 0 else -1)
    if says_other_way(clause, metric):
        return False
    words = vocabulary.load().metrics[metric.id]
    return value > 0 or bool(words.minus.search(clause))


def _is_same_phase(metric: Metric, clause: str) -> bool:
    named = {event for event, words in vocabulary.load().phases.items() if words.search(clause)}
    return not named or metric.phase is None or metric.phase in named or metric.phase == EventName.ADDRESS
