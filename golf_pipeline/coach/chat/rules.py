"""The coach by rules: answers a message from the golfer's stored data, without a model.

It speaks where there is no model, no money or no answer. What a message asks for is recognised by phrases
(`topics.py`); the answers are the report's own words and numbers (`swing_answers.py`, `number_answers.py`,
`history_answers.py`) or fixed ones (`talk.py`). No word of a message, of an earlier one or of what golfers say of
themselves ever stands in an answer, so none of them can change what is said.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from golf_pipeline.coach.chat import history_answers, number_answers, swing_answers, talk
from golf_pipeline.coach.chat.data import GolferData
from golf_pipeline.coach.chat.documents import ChatAnswer, Conversation
from golf_pipeline.coach.chat.phrases import Topic
from golf_pipeline.coach.chat.spoken_of import Asked, SpokenOf, asked_of
from golf_pipeline.coach.chat.swing_answers import Case, Said
from golf_pipeline.coach.grounding import sentences

__all__ = ["MOST_ANSWERS", "MOST_WORDS", "Topic", "answer_by_rules"]

MOST_ANSWERS = 2
"""Questions of one message that are answered; who asks more is told so."""

MOST_WORDS = 120
"""Of one answer: what a golfer reads on a phone between two balls."""

MORE_ASKED = "One thing after the other: ask me the rest again."

_OfSwing = Callable[[Case], Said]

_OF_SWING: dict[Topic, _OfSwing] = {
    Topic.WORK_ON: swing_answers.work_on,
    Topic.OTHER_FAULT: swing_answers.other_fault,
    Topic.WHY: swing_answers.why,
    Topic.DRILL: swing_answers.drill,
    Topic.ANOTHER_DRILL: swing_answers.another_drill,
    Topic.PLAN: swing_answers.plan,
    Topic.FAULT: swing_answers.one_fault,
    Topic.BALL_FLIGHT: swing_answers.ball_flight,
    Topic.EVENT: number_answers.moment,
    Topic.METRIC: number_answers.numbers,
    Topic.SCORE: number_answers.score,
    Topic.STRENGTHS: number_answers.strengths,
    Topic.HOW_SURE: number_answers.how_sure,
    Topic.WHY_NOT_JUDGED: number_answers.not_judged,
    Topic.FILMING: number_answers.filming,
    Topic.OVERVIEW: number_answers.overview,
}
_WITH_PROFILE = frozenset(
    {Topic.WORK_ON, Topic.WHY, Topic.DRILL, Topic.ANOTHER_DRILL, Topic.SCORE, Topic.STRENGTHS, Topic.FAULT}
)
"""The others do not read it: a question about impact costs one object."""
_PLEASANTRIES = frozenset({Topic.GREETING, Topic.THANKS})


def answer_by_rules(
    message: str, golfer: GolferData, conversation: Conversation | None, about: str | None
) -> ChatAnswer:
    """Answer a message from the golfer's data; the same message, data and conversation give the same answer.

    Args:
        conversation: what was said before, so that "and why?" is understood; None where nothing is kept (guests).
        about: the analysis that the caller has in view; None: the one that is spoken of, else the latest.

    Raises:
        SwingError: the stores do not answer (STORAGE_UNAVAILABLE).
    """
    spoken_of = SpokenOf(golfer, message, conversation, about)
    asked = _to_answer(asked_of(message, conversation))
    if not asked:
        return _as_answer((Said(talk.FIXED[Topic.UNKNOWN]),), Topic.UNKNOWN)
    said = [_say(one, spoken_of) for one in asked[:MOST_ANSWERS]]
    if len(asked) > MOST_ANSWERS:
        said.append(Said(MORE_ASKED))
    return _as_answer(said, asked[0].topic)


def _to_answer(asked: tuple[Asked, ...]) -> tuple[Asked, ...]:
    """The questions that want an answer: pain alone where it is spoken of, a greeting only where it stands alone."""
    pain = tuple(one for one in asked if one.topic == Topic.PAIN)
    return pain[:1] or tuple(one for one in asked if one.topic not in _PLEASANTRIES) or asked[:1]


def _say(asked: Asked, spoken_of: SpokenOf) -> Said:
    topic = asked.topic
    if topic in talk.FIXED:
        return Said(talk.FIXED[topic])
    if topic == Topic.MEANING:
        return talk.meaning(asked)
    if topic == Topic.STATUS:
        return history_answers.status(spoken_of.recent)
    if topic == Topic.PROGRESS:
        return _progress(asked, spoken_of)
    if topic == Topic.COMPARE:
        return history_answers.compare(asked, spoken_of)
    swing = spoken_of.swing_for(asked.question)
    if swing is None:
        return history_answers.no_swing_yet(spoken_of.recent, spoken_of.about)
    profile = spoken_of.profile if topic in _WITH_PROFILE else None
    said = _OF_SWING[topic](Case(asked, swing, profile, spoken_of.drills_given))
    is_of_latest = asked.question.which == "latest" and spoken_of.about is None and not spoken_of.named
    before = history_answers.not_the_latest(spoken_of.recent) if is_of_latest else ""
    return replace(said, text=f"{before} {said.text}") if before else said


def _progress(asked: Asked, spoken_of: SpokenOf) -> Said:
    """What moved over time; of a fault that is asked for by name, first whether the swing spoken of shows it."""
    said = history_answers.progress(asked, spoken_of.profile)
    swing = spoken_of.swing_for(asked.question) if asked.question.faults else None
    if swing is None:
        return said
    now = swing_answers.one_fault(Case(asked, swing, spoken_of.profile))
    return replace(now, text=f"{now.text} {said.text}")


def _as_answer(said: Iterable[Said], topic: Topic) -> ChatAnswer:
    different = list({one.text: one for one in said}.values())
    return ChatAnswer(
        text=" ".join(_shortened(one.text) for one in different),
        written_by="rules",
        model="rules",
        topic=topic,
        swing_references=tuple(dict.fromkeys(swing for one in different for swing in one.swings)),
        drill_ids=tuple(dict.fromkeys(drill for one in different for drill in one.drill_ids)),
    )


def _shortened(text: str) -> str:
    """The sentences of a text that fit into `MOST_WORDS`, the first one in any case."""
    kept: list[str] = []
    words = 0
    for sentence in sentences(text):
        words += len(sentence.split())
        if kept and words > MOST_WORDS:
            break
        kept.append(sentence.strip())
    return " ".join(kept)
