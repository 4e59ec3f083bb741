"""What a message asks for: topics and the names in it. It takes nothing else out of a message.

Whatever a message says, what leaves this module is topics, ids of our own lists and ids that the caller compares with
the golfer's own swings: no word of it can reach an answer.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from golf_pipeline.coach.chat.phrases import MASK, Named, Phrases, Topic, Which, load
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
_MOST_LETTERS = 16
"""Of a word that may be a misspelt one of ours: none of ours is longer, and a thousand letters would take seconds."""


_BY_NAME = {Topic.BALL_FLIGHT: "flight", Topic.FAULT: "fault", Topic.METRIC: "metric", Topic.EVENT: "event"}
"""What a question asks for that only names something."""

_AT_HOME, _ON_THE_RANGE = "home", "range"
Span = tuple[int, int, str]


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
    if (
        not _FEWEST_LETTERS_MISSPELT <= len(word) <= _MOST_LETTERS
        or word in known.known_words
        or word in known.left_alone
    ):
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
    have = frozenset(words.split())
    spans = {
        kind: _spans([one for one in things if not one.begins.isdisjoint(have)], words)
        for kind, things in known.names.items()
    }
    named = {kind: tuple(dict.fromkeys(name for _, _, name in found)) for kind, found in spans.items()}
    topic = _topic(words, spans, known, set(known.topics) - _LATE)
    topic = topic or next((one for one, kind in _BY_NAME.items() if named[kind]), None)
    topic = topic or _topic(words, spans, known, _LATE) or _topic_of_words(words, known)
    if topic is None:
        return None
    if topic == Topic.WHY and named["flight"] and not named["fault"]:
        topic = Topic.BALL_FLIGHT  # "why do I hook it": of the ball, not of the fault that was spoken of
    return Question(
        topic=topic,
        faults=named["fault"],
        metrics=tuple(dict.fromkeys(one for name in named["metric"] for one in known.metric_ids.get(name, ()))),
        unmeasured=tuple(name for name in named["metric"] if name in known.unmeasured),
        events=tuple(dict.fromkeys(event for name in named["event"] for event in known.event_names[name])),
        flights=named["flight"],
        terms=named["term"],
        which=next((name for name, pattern in known.which.items() if pattern.search(words)), None),
        is_at_home=_AT_HOME in words.split(),
        is_on_the_range=_ON_THE_RANGE in words.split(),
    )


def _topic(words: str, spans: dict[str, list[Span]], known: Phrases, among: Set[Topic]) -> Topic | None:
    """The topic of the longest phrase that fits; pain comes before all else."""
    if any(phrase.pattern.search(words) for phrase in known.topics[Topic.PAIN]):
        return Topic.PAIN
    texts: dict[str | None, str] = {kind: _masked(words, found) for kind, found in spans.items() if found}
    texts[None] = words
    have = frozenset(words.split())
    best, longest = None, 0
    for topic in (one for one in known.topics if one in among):
        for phrase in known.topics[topic]:
            if phrase.kind not in texts or any(one.isdisjoint(have) for one in phrase.needs):
                continue
            match = phrase.pattern.search(texts[phrase.kind])
            if match and len(match.group()) > longest:
                best, longest = topic, len(match.group())
    return best


def _topic_of_words(words: str, known: Phrases) -> Topic | None:
    return next((topic for topic, pattern in known.words.items() if pattern.search(words)), None)


def _spans(things: Sequence[Named], words: str) -> list[Span]:
    """What a text names, in its order: where names overlap the longest one counts (`hip turn`, not `hip`)."""
    found = [(match.start(), match.end(), one.id) for one in things for match in one.pattern.finditer(words)]
    found.sort(key=lambda one: (one[0] - one[1], one[0]))
    taken: list[Span] = []
    for start, end, name in found:
        if all(end <= other[0] or start >= other[1] for other in taken):
            taken.append((start, end, name))
    return sorted(taken)


def _masked(words: str, spans: list[Span]) -> str:
    for start, end, _ in spans:
        words = words[:start] + MASK * (end - start) + words[end:]
    return words
