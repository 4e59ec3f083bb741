"""Which of a golfer's swings a question speaks of, and what was said before: the golfer's data as one answer needs it.

Everything is read once and only when it is needed. Ids out of a message are compared with the golfer's own swings and
go no further.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from golf_pipeline.coach.chat.data import ChatSwing, GolferData, SwingSummary
from golf_pipeline.coach.chat.documents import ChatMessage, Conversation, MessageRole
from golf_pipeline.coach.chat.phrases import Topic, Which, load
from golf_pipeline.coach.chat.topics import Question, questions_of
from golf_pipeline.swing.profile import SwingProfile

MOST_SWINGS = 50
"""Of the golfer's swings, the latest: ids and days of a message are looked for among them."""

MOST_MESSAGES = 12
"""Of the conversation, the latest: a follow-up seldom reaches back further."""

FINISHED = "AI_COMPLETED"
FAILED = "FAILED"
_BACK: dict[Which, timedelta] = {"week": timedelta(days=7), "month": timedelta(days=30)}
_ID = re.compile(r"[\w.-]{3,128}")
_KEEPS_THE_FAULT = frozenset({Topic.WHY, Topic.DRILL, Topic.ANOTHER_DRILL, Topic.HOW_SURE, Topic.PLAN, Topic.MEANING})
_NAMES_A_FAULT = _KEEPS_THE_FAULT | {Topic.FAULT, Topic.BALL_FLIGHT, Topic.OTHER_FAULT, Topic.WHY_NOT_JUDGED}
_SMALL_TALK = frozenset({Topic.GREETING, Topic.THANKS, Topic.HELP, Topic.WHO})


@dataclass(frozen=True)
class Asked:
    """A question with what the conversation adds: the fault meant, how far down the list, which swing."""

    question: Question
    rank: int = 0
    """Of the findings: 0 the first, 1 the next."""

    @property
    def topic(self) -> Topic:
        return self.question.topic


def asked_of(message: str, conversation: Conversation | None) -> tuple[Asked, ...]:
    """The questions of a message, follow-ups resolved by the golfer's own earlier messages; empty: none understood."""
    questions = questions_of(message)
    last = None if all(map(_stands_alone, questions)) else _asked_last(conversation)
    asked: list[Asked] = []
    for question in questions:
        resolved = _resolved(question, last)
        if resolved is not None:
            asked.append(resolved)
            last = resolved
    return tuple(dict.fromkeys(asked))


def _asked_last(conversation: Conversation | None) -> Asked | None:
    """What the golfer asked last, as far back as it takes to understand it; None where nothing was."""
    earlier: list[tuple[Question, ...]] = []
    for message in reversed(_golfers_messages(conversation)):
        questions = tuple(one for one in questions_of(message.content) if one.topic not in _SMALL_TALK)
        earlier.append(questions)
        if any(map(_stands_alone, questions)):
            break
    last: Asked | None = None
    for questions in reversed(earlier):
        for question in questions:
            last = _resolved(question, last) or last
    return last


def _stands_alone(question: Question) -> bool:
    """Whether a question means the same whatever was said before it."""
    if question.topic in {Topic.MORE, Topic.OTHER_ONE, Topic.OTHER_FAULT}:
        return False
    return question.topic not in _KEEPS_THE_FAULT or bool(_names(question))


def _names(question: Question) -> tuple[str, ...]:
    return question.faults + question.metrics + question.unmeasured + question.flights + question.terms


def _golfers_messages(conversation: Conversation | None) -> Sequence[ChatMessage]:
    if conversation is None:
        return ()
    return [one for one in conversation.recent_messages if one.role == MessageRole.USER][-MOST_MESSAGES:]


def _resolved(question: Question, last: Asked | None) -> Asked | None:
    """A question after the last one; None where it has no sense of its own and nothing came before it."""
    if question.topic in {Topic.MORE, Topic.OTHER_ONE} and last is None:
        return None
    if question.topic == Topic.OTHER_FAULT:
        rank = last.rank + 1 if last is not None and last.topic in {Topic.OTHER_FAULT, Topic.WORK_ON} else 1
        return Asked(question, rank)
    if last is None:
        return Asked(question)
    if question.topic == Topic.MORE:
        return replace(last, question=replace(last.question, topic=load().more[last.topic]))
    if question.topic == Topic.OTHER_ONE:
        if last.topic in {Topic.DRILL, Topic.ANOTHER_DRILL}:
            return replace(last, question=replace(last.question, topic=Topic.ANOTHER_DRILL))
        return replace(last, question=replace(last.question, which=question.which or "previous"))
    if question.topic in _KEEPS_THE_FAULT and last.topic in _NAMES_A_FAULT and not _names(question):
        return Asked(replace(question, faults=last.question.faults), last.rank)
    if question.topic == Topic.MEANING and not _names(question):
        return Asked(replace(question, metrics=last.question.metrics, unmeasured=last.question.unmeasured))
    return Asked(question)


def spoken_of_last(conversation: Conversation | None, among: Set[str]) -> str | None:
    """The swing that the latest message about one of some swings is about; None where there is none."""
    messages = reversed(conversation.recent_messages if conversation else ())
    return next((one.swing_reference for one in messages if one.swing_reference in among), None)


@dataclass
class SpokenOf:
    """The golfer's data as one answer reads it, each thing once."""

    golfer: GolferData
    message: str
    conversation: Conversation | None
    about: str | None

    def __post_init__(self) -> None:
        self._swings: dict[str, ChatSwing | None] = {}

    @cached_property
    def recent(self) -> tuple[SwingSummary, ...]:
        """The golfer's latest swings, newest first."""
        return self.golfer.recent_swings(MOST_SWINGS)

    @cached_property
    def finished(self) -> tuple[SwingSummary, ...]:
        return tuple(one for one in self.recent if one.status == FINISHED)

    @cached_property
    def profile(self) -> SwingProfile | None:
        return self.golfer.profile()

    @cached_property
    def named(self) -> tuple[str, ...]:
        """Ids of the golfer's finished swings that the message names, in its order."""
        own = {one.analysis_id.casefold(): one.analysis_id for one in self.finished}
        words = (word.strip(".-").casefold() for word in _ID.findall(self.message[:1000]))
        return tuple(dict.fromkeys(own[word] for word in words if word in own))

    @cached_property
    def current(self) -> str | None:
        """The swing that is being spoken of: the caller's, the conversation's latest, else the latest finished one."""
        if self.about is not None:
            return self.about
        own = {one.analysis_id for one in self.finished}
        return spoken_of_last(self.conversation, own) or (self.finished[0].analysis_id if self.finished else None)

    def swing(self, analysis_id: str | None) -> ChatSwing | None:
        if analysis_id is None:
            return None
        if analysis_id not in self._swings:
            self._swings[analysis_id] = self.golfer.swing(analysis_id)
        return self._swings[analysis_id]

    def swing_for(self, question: Question) -> ChatSwing | None:
        """The swing that a question speaks of; None where there is no finished one."""
        if self.named:
            return self.swing(self.named[0])
        if question.which == "latest" and self.about is None and self.finished:
            return self.swing(self.finished[0].analysis_id)
        if question.which not in {None, "latest"} and (other := self.other(question.which)):
            return self.swing(other)
        return self.swing(self.current)

    def pair(self, question: Question) -> tuple[str, str] | None:
        """Two swings to compare, the earlier one first; None where there are no two."""
        if len(self.named) > 1:
            two = set(self.named[:2])
        else:
            later = self.named[0] if self.named else self._later(question)
            other = self.other(question.which if question.which != "latest" else None, later)
            two = {one for one in (later, other) if one is not None}
        ordered = [one.analysis_id for one in reversed(self.finished) if one.analysis_id in two]
        return (ordered[0], ordered[1]) if len(ordered) == 2 else None

    def _later(self, question: Question) -> str | None:
        """The later one of a pair: the newest where "last week", "my first" or "my last two" count from now."""
        if question.which in {"latest", "first", *_BACK} and self.about is None and self.finished:
            return self.finished[0].analysis_id
        return self.current

    def other(self, which: Which | None, than: str | None = None) -> str | None:
        """The swing before a swing (by default the current one), or the one of a week or a month before it.

        None where there is none. Of the oldest swing it is the next one: two swings can be compared in either order.
        """
        ids = [one.analysis_id for one in self.finished]
        this = than or self.current
        if this not in ids or len(ids) < 2:
            return None
        place = ids.index(this)
        if which == "first":
            return ids[-1] if place < len(ids) - 1 else None
        earlier = self.finished[place + 1 :]
        if which in _BACK and earlier:
            wanted = self.finished[place].recorded_at - _BACK[which]
            return min(earlier, key=lambda one: abs(one.recorded_at - wanted)).analysis_id
        return earlier[0].analysis_id if earlier else ids[place - 1]

    @cached_property
    def drills_given(self) -> str:
        """What the coach wrote in the latest messages: a drill that is named there was given."""
        messages = self.conversation.recent_messages[-MOST_MESSAGES:] if self.conversation else ()
        return "\n".join(one.content for one in messages if one.role == MessageRole.ASSISTANT)
