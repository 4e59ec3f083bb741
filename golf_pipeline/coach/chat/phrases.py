"""How golfers ask, read from `topics.toml`: compiled phrases and names, nothing else.

Adding a phrase, a name or a spelling is an edit of that file, whose head says how phrases are written.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.knowledge import BallFlight

FILE = Path(__file__).parent / "topics.toml"
GAP = ".."
MASK = "@"
"""Names of a kind stand as so many of these where a phrase asks for a name: the length of what fits stays true."""
MOST_WORDS_IN_A_GAP = 4
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[a-z0-9]+")


class Topic(StrEnum):
    """What a message asks for. Stable names: `ChatAnswer.topic` carries them, and clients may branch on them."""

    WORK_ON = "work_on"
    OTHER_FAULT = "other_fault"
    WHY = "why"
    DRILL = "drill"
    ANOTHER_DRILL = "another_drill"
    PLAN = "plan"
    PROGRESS = "progress"
    COMPARE = "compare"
    EVENT = "event"
    METRIC = "metric"
    FAULT = "fault"
    SCORE = "score"
    STRENGTHS = "strengths"
    FILMING = "filming"
    WHY_NOT_JUDGED = "why_not_judged"
    BALL_FLIGHT = "ball_flight"
    MEANING = "meaning"
    STATUS = "status"
    OVERVIEW = "overview"
    HOW_SURE = "how_sure"
    PAIN = "pain"
    OUT_OF_SCOPE = "out_of_scope"
    GREETING = "greeting"
    THANKS = "thanks"
    WHO = "who"
    HELP = "help"
    MORE = "more"
    OTHER_ONE = "other_one"
    UNKNOWN = "unknown"


Which = Literal["latest", "previous", "first", "week", "month"]


class TopicsError(Exception):
    """`topics.toml` breaks its form: the message names the file and the entry."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Topic(_Entry):
    about: str = Field(min_length=1)
    phrases: tuple[str, ...] = Field(min_length=1)
    words: tuple[str, ...] = ()
    more: Topic = Topic.HELP


class _Metrics(_Entry):
    phrases: tuple[str, ...] = Field(min_length=1)
    metrics: tuple[str, ...] = Field(min_length=1)


class _Unmeasured(_Entry):
    name: str = Field(min_length=1)
    phrases: tuple[str, ...] = Field(min_length=1)
    why: str = Field(min_length=1)


class _Event(_Entry):
    phrases: tuple[str, ...] = Field(min_length=1)
    events: tuple[EventName, ...] = Field(min_length=1)


class _Flight(_Entry):
    phrases: tuple[str, ...] = Field(min_length=1)
    terms: tuple[BallFlight, ...] = ()
    right: bool = False
    left: bool = False


class _Term(_Entry):
    phrases: tuple[str, ...] = Field(min_length=1)
    text: str = Field(min_length=1)


class _File(_Entry):
    fillers: tuple[str, ...]
    plain: tuple[str, ...]
    spoken: dict[str, str]
    topic: dict[Topic, _Topic]
    which: dict[Which, tuple[str, ...]]
    metric: dict[str, _Metrics]
    unmeasured: dict[str, _Unmeasured]
    fault: dict[str, tuple[str, ...]]
    event: dict[str, _Event]
    flight: dict[str, _Flight]
    term: dict[str, _Term]


@dataclass(frozen=True)
class Named:
    """Names of one thing, as one pattern; each name has one of the words `begins`, so most texts need no search."""

    id: str
    pattern: re.Pattern[str]
    begins: frozenset[str]


@dataclass(frozen=True)
class Phrase:
    """A phrase; `kind` is the kind of name that it asks for, which is then masked in the text (`MASK`).

    A text fits only if it has a word of each of `needs`; asking for that first spares nearly all searches.
    """

    kind: str | None
    pattern: re.Pattern[str]
    needs: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Phrases:
    """Compiled patterns over a message's plain words; see the file for what each list means."""

    topics: dict[Topic, tuple[Phrase, ...]]
    words: dict[Topic, re.Pattern[str]]
    more: dict[Topic, Topic]
    about: dict[Topic, str]
    which: dict[Which, re.Pattern[str]]
    names: dict[str, tuple[Named, ...]]
    terms: dict[str, str]
    metric_ids: dict[str, tuple[str, ...]]
    event_names: dict[str, tuple[EventName, ...]]
    flight_terms: dict[str, _Flight]
    unmeasured: dict[str, _Unmeasured]
    fillers: frozenset[str]
    spoken: Mapping[str, str]
    known_words: frozenset[str]
    left_alone: frozenset[str]


@lru_cache
def load(file: Path = FILE) -> Phrases:
    """Read, check and compile the phrases, once a process.

    Raises:
        TopicsError: the file is no TOML, breaks its form, or names what does not exist; or a phrase cannot be read.
    """
    try:
        read = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise TopicsError(f"{file.name}: {error}") from error
    _check(file, read)
    faults = {
        fault.id: (*read.fault.get(fault.id, ()), _as_phrase(fault.name)) for fault in knowledge.load().faults.values()
    }
    of_metrics = {name: one.phrases for name, one in (read.metric | read.unmeasured).items()}
    names = {
        "metric": of_metrics,
        "fault": faults,
        "event": {name: one.phrases for name, one in read.event.items()},
        "flight": {name: one.phrases for name, one in read.flight.items()},
        "term": {name: one.phrases for name, one in read.term.items()},
    }
    return Phrases(
        topics={name: tuple(_phrase(one, set(names)) for one in topic.phrases) for name, topic in read.topic.items()},
        words={name: _any(topic.words) for name, topic in read.topic.items() if topic.words},
        more={name: topic.more for name, topic in read.topic.items()},
        about={name: topic.about for name, topic in read.topic.items()},
        which={name: _any(phrases) for name, phrases in read.which.items()},
        names={
            kind: tuple(_named(name, phrases) for name, phrases in things.items()) for kind, things in names.items()
        },
        terms={name: one.text for name, one in read.term.items()},
        metric_ids={name: one.metrics for name, one in read.metric.items()},
        event_names={name: one.events for name, one in read.event.items()},
        flight_terms=read.flight,
        unmeasured=read.unmeasured,
        fillers=frozenset(read.fillers),
        spoken=read.spoken,
        known_words=_words_of(read, faults),
        left_alone=frozenset(read.plain),
    )


def _check(file: Path, read: _File) -> None:
    known = knowledge.load()
    needed: dict[str, tuple[Set[str], Set[str]]] = {
        "topic": (set(read.topic), set(Topic) - {Topic.UNKNOWN}),
        "metric": ({one for group in read.metric.values() for one in group.metrics}, set(known.metrics)),
        "fault": (set(read.fault) | set(known.faults), set(known.faults)),
        "event": ({event for group in read.event.values() for event in group.events}, set(EventName)),
    }
    for kind, (given, wanted) in needed.items():
        if given != wanted:
            wrong = ", ".join(sorted(map(str, given ^ wanted)))
            raise TopicsError(f"{file.name}: {kind}: missing or unknown: {wrong}")
    twice = set(read.metric) & set(read.unmeasured)
    lost = set(read.fillers) & _words_of(read, {})
    for what, names in (("both metric and unmeasured", twice), ("a filler stands in a phrase and is never seen", lost)):
        if names:
            raise TopicsError(f"{file.name}: {what}: {', '.join(sorted(names))}")


def _words_of(read: _File, faults: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Every word of the phrases: what a misspelt word is taken for."""
    topics = list(read.topic.values())
    groups: list[Iterable[str]] = [*(one.phrases for one in topics), *(one.words for one in topics)]
    for things in (read.metric, read.unmeasured, read.event, read.flight, read.term):
        groups += [one.phrases for one in things.values()]
    groups += [*read.fault.values(), *read.which.values(), *faults.values()]
    texts = (_SLOT.sub(" ", phrase) for phrases in groups for phrase in phrases)
    return frozenset(word for text in texts for word in _WORD.findall(text))


def _as_phrase(name: str) -> str:
    return " ".join(_WORD.findall(name.lower()))


def _any(phrases: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(set(phrases), key=len, reverse=True)
    return re.compile(rf"(?<!\S)(?:{'|'.join(map(_source, longest_first))})(?!\S)")


def _phrase(phrase: str, kinds: Set[str]) -> Phrase:
    """
    Raises:
        TopicsError: the phrase names what is no kind of name, or two kinds.
    """
    kinds_named = set(_SLOT.findall(phrase))
    if len(kinds_named) > 1 or kinds_named - kinds:
        raise TopicsError(f"“{phrase}”: a phrase names one of {', '.join(sorted(kinds))} at most")
    pattern = re.compile(rf"(?<!\S){_source(phrase)}(?!\S)")
    return Phrase(kind=next(iter(kinds_named), None), pattern=pattern, needs=tuple(_needed_words(phrase)))


def _named(name: str, phrases: Iterable[str]) -> Named:
    return Named(name, _any(phrases), frozenset(word for one in phrases for word in next(_needed_words(one))))


def _needed_words(phrase: str) -> Iterator[frozenset[str]]:
    """For each word of a phrase that may not be missing, what it may be."""
    for part in phrase.split():
        if part != GAP and not part.endswith("?") and not _SLOT.fullmatch(part):
            yield frozenset(part.split("/"))


def _source(phrase: str) -> str:
    """A phrase as a regular expression over words that single spaces part.

    Raises:
        TopicsError: it begins or ends with a gap, or nothing in it is needed.
    """
    parts = phrase.split()
    if not parts or GAP in {parts[0], parts[-1]} or all(part.endswith("?") for part in parts):
        raise TopicsError(f"a phrase must begin and end with words: “{phrase}”")
    pattern = ""
    for place, part in enumerate(parts):
        if part == GAP:
            pattern += rf"(?:\S+ ){{0,{MOST_WORDS_IN_A_GAP}}}"
            continue
        words = part.removesuffix("?")
        any_word = "|".join(map(re.escape, words.split("/")))
        body = f"{MASK}+" if _SLOT.fullmatch(words) else f"(?:{any_word})"
        is_last = place == len(parts) - 1
        if not part.endswith("?"):
            pattern += body + ("" if is_last else " ")
        elif is_last:
            pattern = f"{pattern.removesuffix(' ')}(?: {body})?"
        else:
            pattern += f"(?:{body} )?"
    return pattern
