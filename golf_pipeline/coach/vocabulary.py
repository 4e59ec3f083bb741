"""The vocabulary of the grounding check, read from `vocabulary.toml`: compiled patterns, nothing else.

Adding a word is an edit of that file. A metric or a fault without an entry is known by its own name alone.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName

FILE = Path(__file__).parent / "vocabulary.toml"
NOTHING = re.compile(r"(?!)")


class VocabularyError(Exception):
    """`vocabulary.toml` breaks its form: the message names the file and the entry."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _MetricWords(_Entry):
    names: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    direction: str = ""


class _Direction(_Entry):
    plus: tuple[str, ...]
    minus: tuple[str, ...]


class _Words(_Entry):
    words: tuple[str, ...]


class _Praise(_Words):
    subjects: tuple[str, ...]
    not_said_of_this_swing: tuple[str, ...]


class _Drill(_Words):
    generic: tuple[str, ...]


class _File(_Entry):
    metric: dict[str, _MetricWords]
    direction: dict[str, _Direction]
    unit: dict[str, tuple[str, ...] | _Words]
    fault: dict[str, tuple[str, ...]]
    praise: _Praise
    drill: _Drill
    never_measured: _Words
    flight: _Words
    medical: _Words
    promise: _Words
    comparison: _Words
    certainty: _Words
    severity: _Words
    quantity: _Words
    turned_round: _Words
    unjudged: _Words
    better: _Words
    worse: _Words
    belittling: _Words
    denial: _Words
    unfounded: _Words
    averted: _Words
    machinery: _Words
    common: _Words
    subject: dict[str, tuple[str, ...]]
    phase: dict[EventName, tuple[str, ...]]


@dataclass(frozen=True)
class MetricWords:
    """How a metric is called; `plus` and `minus` find the phrases that say its sign, where it has such phrases."""

    names: re.Pattern[str]
    subjects: re.Pattern[str]
    plus: re.Pattern[str]
    minus: re.Pattern[str]


@dataclass(frozen=True)
class Vocabulary:
    """Compiled patterns; see the file for what each list means."""

    metrics: dict[str, MetricWords]
    faults: dict[str, re.Pattern[str]]
    units: dict[str, re.Pattern[str]]
    foreign_unit: re.Pattern[str]
    phases: dict[EventName, re.Pattern[str]]
    praise: re.Pattern[str]
    praised: re.Pattern[str]
    not_said_of_this_swing: re.Pattern[str]
    generic_drill: re.Pattern[str]
    subjects: dict[str, re.Pattern[str]]
    lists: dict[str, re.Pattern[str]]


@lru_cache
def load(file: Path = FILE) -> Vocabulary:
    """Read, check and compile the vocabulary, once a process.

    Raises:
        VocabularyError: the file is no TOML, breaks its form, or names a metric or a fault that does not exist.
    """
    try:
        read = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise VocabularyError(f"{file.name}: {error}") from error
    known = knowledge.load()
    plain_words = set(read.fault.get("plain_words", ()))
    _check_known(file, "metric", read.metric, known.metrics)
    _check_known(file, "fault", set(read.fault) - {"plain_words"}, known.faults)
    units = {name: words for name, words in read.unit.items() if isinstance(words, tuple)}
    foreign = read.unit.get("foreign")
    return Vocabulary(
        metrics={
            metric.id: _metric_words(file, read, read.metric.get(metric.id, _MetricWords()), metric.name)
            for metric in known.metrics.values()
        },
        faults={
            fault.id: pattern(
                [*read.fault.get(fault.id, ()), *([] if fault.name.lower() in plain_words else [re.escape(fault.name)])]
            )
            for fault in known.faults.values()
        },
        units={name: _unit(words) for name, words in units.items()},
        foreign_unit=_unit(foreign.words if isinstance(foreign, _Words) else ()),
        phases={event: pattern(words) for event, words in read.phase.items()},
        praise=pattern(read.praise.words),
        praised=pattern(read.praise.subjects),
        not_said_of_this_swing=pattern(read.praise.not_said_of_this_swing),
        generic_drill=pattern(read.drill.generic),
        subjects={name: pattern(words) for name, words in read.subject.items()},
        lists={
            name: pattern(getattr(read, name).words)
            for name in _File.model_fields
            if isinstance(getattr(read, name), _Words)
        },
    )


def pattern(alternatives: Iterable[str]) -> re.Pattern[str]:
    """One pattern for any of the alternatives, as whole words, without regard to case; nothing where there is none."""
    joined = "|".join(f"(?:{one})" for one in alternatives)
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE) if joined else NOTHING


def _unit(words: Iterable[str]) -> re.Pattern[str]:
    joined = "|".join(f"(?:{one})" for one in words)
    return re.compile(rf"[ \u00a0-]?(?:{joined})(?!\w)", re.IGNORECASE) if joined else NOTHING


def _metric_words(file: Path, read: _File, words: _MetricWords, name: str) -> MetricWords:
    if words.direction and words.direction not in read.direction:
        raise VocabularyError(f"{file.name}: metric {name}: the direction {words.direction} is not defined")
    direction = read.direction.get(words.direction)
    names = [*words.names, re.escape(name)]
    return MetricWords(
        names=pattern(names),
        subjects=pattern([*names, *words.subjects]),
        plus=pattern(direction.plus) if direction else NOTHING,
        minus=pattern(direction.minus) if direction else NOTHING,
    )


def _check_known(file: Path, kind: str, named: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(named) - set(known)):
        raise VocabularyError(f"{file.name}: {kind}: {', '.join(unknown)} is not in the knowledge files")
