"""What is kept of messages that are too old to be kept: how often was asked what, and which swings were spoken of.

The summary is made of our own words only. Nothing that a person or a model wrote gets into it, so an instruction in an
old message ends with that message. What an earlier summary says is read back by its form; anything else in it is lost.
"""

import re
from collections import Counter
from collections.abc import Sequence

from golf_pipeline.coach.chat.documents import ChatMessage, MessageRole
from golf_pipeline.coach.chat.phrases import Topic, load
from golf_pipeline.coach.chat.topics import questions_of
from golf_pipeline.swing.personal_text import sanitised

MOST_CHARACTERS = 600
MOST_TOPICS = 8
MOST_SWINGS = 4

_NOTHING_LATER = frozenset({Topic.GREETING, Topic.THANKS, Topic.MORE, Topic.OTHER_ONE})
"""Topics that say nothing to whoever reads the summary."""

_MESSAGES = re.compile(r"\AEarlier messages: (\d{1,9})\.")
_POSTED = re.compile(r" Analyses posted: (\d{1,9})\.")
_SWINGS = re.compile(r" Swings spoken of, the latest first: ([0-9a-fA-F, -]{8,200})\.")
_MACHINE_ID = re.compile(r"[0-9a-fA-F-]{8,36}")
"""Ids as the service makes them (UUIDs). Whoever uploads may choose another one, which could be words: not repeated."""


def summarise(earlier: str, messages: Sequence[ChatMessage]) -> str:
    """A summary of an earlier summary and of the messages after it, oldest first; empty where both hold nothing."""
    count, posted = _number(_MESSAGES, earlier) + len(messages), _number(_POSTED, earlier)
    posted += sum(one.role == MessageRole.ANALYSIS for one in messages)
    topics = _topics_of_summary(earlier)
    for message in messages:
        if message.role == MessageRole.USER:
            topics.update(one.topic for one in questions_of(message.content) if one.topic not in _NOTHING_LATER)
    if count == 0:
        return ""
    parts = [f"Earlier messages: {count}."]
    if posted:
        parts.append(f"Analyses posted: {posted}.")
    if topics:
        order = list(Topic)
        often = sorted(topics, key=lambda topic: (-topics[topic], order.index(topic)))[:MOST_TOPICS]
        asked = "; ".join(f"{load().about[topic]} ({topics[topic]})" for topic in often)
        parts.append(f"Asked about: {asked}.")
    if swings := _swings(earlier, messages):
        parts.append(f"Swings spoken of, the latest first: {', '.join(swings)}.")
    while len(" ".join(parts)) > MOST_CHARACTERS:
        parts.pop()
    return " ".join(parts)


def _number(pattern: re.Pattern[str], summary: str) -> int:
    match = pattern.search(summary)
    return int(match[1]) if match else 0


def _topics_of_summary(summary: str) -> Counter[Topic]:
    if not _MESSAGES.search(summary):
        return Counter()
    asked = summary.partition("Asked about: ")[2].partition(".")[0]
    found: Counter[Topic] = Counter()
    known = {about: topic for topic, about in load().about.items()}
    for one in asked.split("; "):
        match = re.fullmatch(r"(.+) \((\d{1,9})\)", one)
        if match and match[1] in known:
            found[known[match[1]]] = int(match[2])
    return found


def _swings(summary: str, messages: Sequence[ChatMessage]) -> list[str]:
    match = _SWINGS.search(summary) if _MESSAGES.search(summary) else None
    before = match[1].split(", ") if match else []
    later = [one.swing_reference for one in reversed(messages) if one.swing_reference]
    ids = [one for one in (*later, *before) if _MACHINE_ID.fullmatch(one) and sanitised(one, len(one)) == one]
    return list(dict.fromkeys(ids))[:MOST_SWINGS]
