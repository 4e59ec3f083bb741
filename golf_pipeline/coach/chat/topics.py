"""What a message asks for: topics and the names in it. It takes nothing else out of a message.

Whatever a message says, what leaves this module is topics, ids of our own lists and ids that the caller compares with
the golfer's own swings: no word of it can reach an answer.
"""

import re
import unicodedata
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from functools import lru_cache

from golf_pipeline.coach.chat.phrases import Named, Phrases, Topic, Which, load
from golf_pipeline.swing.documents import EventName

MOST_CHARACTERS = 1000
MOST_QUESTIONS = 6
"""Questions of one message that are looked at; who asks more is answered the first ones."""

_SENTENCE = re.compile(r"[.?!;\n\r]+")
_NEXT_QUESTION = re.compile(
    r"\s*(?:,|\band\b|\balso\b|\bplus\b)\s*(?:also |then )?"
    r"(?=(?:what|whats|which|how|hows|am i|why|can i|can you|is my|give|show|compare|tell|should i|do i|did i|where)\b)"
)
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_LATE = frozenset({Topic.MORE, Topic.OTHER_ONE, Topic.GREETING, Topic.THANKS})
"""Topics whose phrases are short and stand in many a question: they are heard where nothing else is."""

_FEWEST_LETTERS_MISSPELT = 4
_FEWEST_LETTERS_TWICE_MISSPELT = 8


@dataclass(frozen=True)
class Question:
    """One question of a message. Ids are those of `topics.toml` and of the knowledge files."""

    topic: Topic
    faults: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    events: tuple[EventName, ...] = ()
    flights: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    which: Which | None = None
    is_at_home: bool = False
    is_on_the_range: bool = False
    words: str = field(default="", repr=False, compare=False)


def questions_of(message: str) -> tuple[Question, ...]:
    """The questions of a message in their order, one for each topic; empty where nothing is recognised."""
    known = load()
    found: dict[tuple[Topic, tuple[str, ...]], Question] = {}
    for part in _parts(message):
        words = plain_words(part, known)
        question = _question(words, known) if words else None
        if question is not None:
            found.setdefault((question.topic, question.faults + question.metrics + question.flights), question)
    return tuple(found.values())


def _parts(message: str) -> Iterator[str]:
    text = unicodedata.normalize("NFKC", message[:MOST_CHARACTERS]).casefold()
    text = re.sub(r"['\N{RIGHT SINGLE QUOTATION MARK}`\N{ACUTE ACCENT}]", "", text)
    text = "".join(one for one in text if unicodedata.category(one) != "Cf")
    parts = (part for sentence in _SENTENCE.split(text) for part in _NEXT_QUESTION.split(sentence) if part.strip())
    return (part for part, _ in zip(parts, range(MOST_QUESTIONS), strict=False))


def plain_words(text: str, known: Phrases) -> str:
    """A text as plain words with single spaces: short forms written out, misspelt words put right, no fillers."""
    spoken = (known.spoken.get(word, word) for word in _NOT_A_WORD.sub(" ", text).split())
    words = " ".join(spoken).split()
    return " ".join(_spelt(word, known) for word in words if word not in known.fillers)


def _spelt(word: str, known: Phrases) -> str:
    """The word of ours that a word is one letter off (two in a long one); itself where there is none."""
    if len(word) < _FEWEST_LETTERS_MISSPELT or word in known.known_words or word in known.left_alone:
        return word
    index = _misspellings()
    near = index.get(word) or next((index[one] for one in _shorter(word) if one in index), None)
    if near is None and len(word) >= _FEWEST_LETTERS_TWICE_MISSPELT:
        twice = (two for one in _shorter(word) for two in _shorter(one))
        near = next((index[two] for two in twice if two in index and len(index[two]) >= len(word) - 1), None)
    return near if near and abs(len(near) - len(word)) <= 1 else word


@lru_cache
def _misspellings() -> dict[str, str]:
    """Each known word by itself and by what is left of it without one letter; the alphabet's first of several."""
    index: dict[str, str] = {}
    for word in sorted(load().known_words, reverse=True):
        if len(word) >= _FEWEST_LETTERS_MISSPELT:
            index |= dict.fromkeys(_shorter(word), word)
    index |= {word: word for word in load().known_words if len(word) >= _FEWEST_LETTERS_MISSPELT}
    return index


def _shorter(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def _question(words: str, known: Phrases) -> Question | None:
    named_faults, named_metrics = _named(known.faults, words), _named(known.metrics, words)
    events, flights = _named(known.events, words), _named(known.flights, words)
    topic = _topic(words, known, set(known.topics) - _LATE)
    if topic is None:
        named = {
            Topic.BALL_FLIGHT: flights,
            Topic.FAULT: named_faults,
            Topic.METRIC: named_metrics,
            Topic.EVENT: events,
        }
        topic = next((one for one, names in named.items() if names), None)
        topic = topic or _topic(words, known, _LATE) or _topic_of_words(words, known)
    if topic is None:
        return None
    return Question(
        topic=topic,
        faults=named_faults,
        metrics=tuple(dict.fromkeys(one for name in named_metrics for one in known.metric_ids.get(name, ()))),
        unmeasured=tuple(name for name in named_metrics if name in known.unmeasured),
        events=tuple(dict.fromkeys(event for name in events for event in known.event_names[name])),
        flights=flights,
        terms=_named(known.named_terms, words),
        which=next((name for name, pattern in known.which.items() if pattern.search(words)), None),
        is_at_home=" home" in words,
        is_on_the_range=" range" in words,
        words=words,
    )


def _topic(words: str, known: Phrases, among: Set[Topic]) -> Topic | None:
    """The topic of the longest phrase that fits; pain comes before all else."""
    if any(pattern.search(words) for pattern in known.topics[Topic.PAIN]):
        return Topic.PAIN
    best, longest = None, 0
    for topic in (one for one in known.topics if one in among):
        for pattern in known.topics[topic]:
            match = pattern.search(words)
            if match and len(match.group()) > longest:
                best, longest = topic, len(match.group())
    return best


def _topic_of_words(words: str, known: Phrases) -> Topic | None:
    return next((topic for topic, pattern in known.words.items() if pattern.search(words)), None)


def _named(things: tuple[Named, ...], words: str) -> tuple[str, ...]:
    """The things that a text names: where names overlap the longest one counts (`hip turn`, not `hip`)."""
    found = [(match.start(), match.end(), one.id) for one in things for match in one.pattern.finditer(words)]
    found.sort(key=lambda one: (one[0] - one[1], one[0]))
    taken: list[tuple[int, int, str]] = []
    for start, end, name in found:
        if all(end <= other[0] or start >= other[1] for other in taken):
            taken.append((start, end, name))
    return tuple(dict.fromkeys(name for _, _, name in sorted(taken)))
