"""The chat that asks an OpenAI-compatible model: what to look at, then the answer, within one small token budget.

The budget is of one chat request: both questions, both answers, and what was asked in vain. A question goes out only
where its estimate and the room for its answer are left; where the budget does not hold both, nothing is looked up and
the main swing's findings are what is answered from; where it does not hold an answer, the rules answer. Memory and
facts are trimmed to fit, the oldest and the least first.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import ValidationError

from golf_pipeline.coach.budget import Price, estimated_tokens
from golf_pipeline.coach.chat.breaker import Breaker, BreakerOpenError
from golf_pipeline.coach.chat.check import wrong_with
from golf_pipeline.coach.chat.documents import Conversation
from golf_pipeline.coach.chat.dossier import Dossier, Fact
from golf_pipeline.coach.chat.grounding import answer_problems
from golf_pipeline.coach.chat.prompts import (
    OTHER,
    ChatWords,
    Memory,
    answer_messages,
    answer_schema,
    look_messages,
    memory_of,
)
from golf_pipeline.coach.chat.tools import BadToolCallError, Choices, looked_up, tools_of
from golf_pipeline.coach.documents import Spent
from golf_pipeline.coach.service import CoachUnavailableError, Reply, ToolsRefusedError, ask
from golf_pipeline.swing.personal_text import sanitised

if TYPE_CHECKING:
    from openai import OpenAI

LOOK_TOKENS = 64
"""Two tool calls have 20 to 50 tokens."""

MOST_ANSWER_TOKENS = 360
LEAST_ANSWER_TOKENS = 200
"""An answer with two points has 130 to 190 tokens: with less room it would be cut off."""

LEAST_FACT_TOKENS = 220
"""Kept for the facts of an answer when it is decided whether there is room to look: four findings or drills."""

WAITS = 2
"""Time-outs that one chat request waits for in all, its tries and the waits between them included."""

LEAST_WAIT_S = 0.05
FIRST_BACKOFF_S = 0.5

MOST_TIMES_COUNTED = 4
"""A count above so many times what a question and its longest answer can have is none: services wrap a question in
words of their own, which costs hundreds of tokens, not thousands."""

MOST_TEXT_CHARACTERS = 2400

NO_ROOM = "the message leaves no room for a model's answer"
NOT_IN_THE_DATA = "the model found nothing in the golfer's data to answer from"
OVERCHARGED = "the model service counted more tokens than a request can have"
NO_TIME = "the model service did not answer in time"


Outcome = Literal["answered", "refused", "failed", "overcharged", "left alone"]
"""How a call ended: `refused` by the service for what was asked or who asked, `left alone` by the open breaker."""


@dataclass(frozen=True)
class ModelCall:
    """One call to the model service, as metrics count it; it holds no text."""

    kind: Literal["look", "answer"]
    outcome: Outcome
    seconds: float
    spent: Spent


class ChatObserver(Protocol):
    """Whoever counts calls, tokens, cost and latency; called from the thread that asked."""

    def called(self, call: ModelCall) -> None: ...


@dataclass(frozen=True)
class ChatLimits:
    """What one chat request may take; see the settings of the same names."""

    tokens: int = 1500
    timeout_s: float = 15.0
    retries: int = 1


@dataclass(frozen=True)
class ChatModel:
    """A language model to chat with; its client repeats nothing itself, as the repeats are of the same budget."""

    client: "OpenAI"
    name: str
    price: Price
    limits: ChatLimits
    breaker: Breaker
    observer: ChatObserver | None = None

    @property
    def most_usd(self) -> float:
        """What a chat request costs at most: all of its tokens at the dearer price."""
        return self.limits.tokens * max(self.price.usd_in, self.price.usd_out) / 1e6


@dataclass(frozen=True)
class Written:
    """A model's answer as it may be shown, or the reason why there is none; what it cost in either case."""

    spent: Spent
    reason: str = ""
    model: str = ""
    topic: str = ""
    text: str = ""
    cited: tuple[Fact, ...] = ()


class _NoAnswerError(Exception):
    """The request ends here without an answer of the model, for the reason given."""


@dataclass
class _Request:
    """One chat request on its way: what is left of its tokens and of its time."""

    model: ChatModel
    spent: Spent = field(default_factory=Spent)
    until: float = 0.0

    def __post_init__(self) -> None:
        self.until = time.monotonic() + WAITS * self.model.limits.timeout_s

    @property
    def tokens_left(self) -> int:
        return self.model.limits.tokens - self.spent.tokens

    @property
    def seconds_left(self) -> float:
        return self.until - time.monotonic()

    def ask(
        self,
        kind: Literal["look", "answer"],
        messages: list[dict[str, Any]],
        form: dict[str, Any],
        room: int,
        keep: int,
    ) -> Reply:
        """Ask, again where the service could not take it and tokens (but `keep`) and time are left for another try."""
        need = needed_tokens(messages, form) + room + keep
        for attempt in range(self.model.limits.retries + 1):
            try:
                return self._try(kind, messages, form, room)
            except CoachUnavailableError as error:
                wait_s = max(error.retry_after_s, FIRST_BACKOFF_S * 2**attempt * random.uniform(0.5, 1.0))
                is_last = attempt == self.model.limits.retries or not error.may_pass
                if is_last or need > self.tokens_left or wait_s + LEAST_WAIT_S > self.seconds_left:
                    raise
                time.sleep(wait_s)
        raise AssertionError("a try returns or raises")

    def _try(
        self, kind: Literal["look", "answer"], messages: list[dict[str, Any]], form: dict[str, Any], room: int
    ) -> Reply:
        model, begun = self.model, time.monotonic()
        timeout_s = min(model.limits.timeout_s, self.seconds_left)
        if timeout_s < LEAST_WAIT_S:
            raise CoachUnavailableError(NO_TIME)
        most = (needed_tokens(messages, form) + room) * MOST_TIMES_COUNTED

        def call() -> Reply:
            reply = ask(model.client, model.name, model.price, messages, form, room, timeout_s=timeout_s)
            if reply.spent.tokens > most:
                raise _Overcharged(OVERCHARGED, model.price.of(most - room, room))
            return reply

        outcome: Literal["answered", "refused", "failed", "overcharged", "left alone"] = "answered"
        spent = Spent()
        try:
            reply = model.breaker.run(call)
            spent = reply.spent
        except CoachUnavailableError as error:
            spent, outcome = error.spent, _outcome(error)
            raise
        finally:
            self.spent += spent
            if model.observer is not None:
                model.observer.called(ModelCall(kind, outcome, time.monotonic() - begun, spent))
        return reply


class _Overcharged(CoachUnavailableError):
    """The count cannot be true; what is booked is the most that is taken for a count."""


def write_answer(message: str, model: ChatModel, choices: Choices, conversation: Conversation | None) -> Written:
    """Ask the model; whatever it and its service do, this returns.

    Raises:
        SwingError: the golfer's data cannot be read.
    """
    said = sanitised(message, len(message))
    request = _Request(model)
    try:
        dossier = _looked_up(request, said, choices, memory_of(conversation))
        return _answered(request, said, dossier, memory_of(conversation))
    except (CoachUnavailableError, BadToolCallError, _NoAnswerError) as error:
        return Written(request.spent, str(error))


def needed_tokens(messages: list[dict[str, Any]], form: dict[str, Any]) -> int:
    """The estimate of a question without its answer."""
    return estimated_tokens(messages, form, image_tokens=0)


def _looked_up(request: _Request, message: str, choices: Choices, memory: Memory) -> Dossier:
    """What the model wants to see; the main swing's findings where the budget holds no look besides an answer."""
    tools = tools_of(choices)
    keep = _answer_tokens(message, Dossier((), ()), Memory()) + LEAST_FACT_TOKENS + LEAST_ANSWER_TOKENS

    def look(memory: Memory) -> list[dict[str, Any]]:
        return look_messages(message, choices.days, memory)

    room = request.tokens_left - keep - LOOK_TOKENS
    fitting = _fitted(memory, lambda one: needed_tokens(look(one), tools) <= room)
    if fitting is None:
        return looked_up((), choices)
    try:
        reply = request.ask("look", look(fitting), tools, LOOK_TOKENS, keep)
    except ToolsRefusedError:
        return looked_up((), choices)
    return looked_up(reply.tool_calls, choices)


def _answered(request: _Request, message: str, dossier: Dossier, memory: Memory) -> Written:
    left = request.tokens_left - LEAST_ANSWER_TOKENS
    while len(dossier.facts) > 1 and _answer_tokens(message, dossier, Memory()) > left:
        dossier = dossier.shorter()
    fitting = _fitted(memory, lambda one: _answer_tokens(message, dossier, one) <= left)
    if fitting is None or not dossier.facts:
        raise _NoAnswerError(NO_ROOM)
    messages, schema = answer_messages(message, dossier, fitting), answer_schema(list(dossier.by_id))
    room = min(MOST_ANSWER_TOKENS, request.tokens_left - needed_tokens(messages, schema))
    reply = request.ask("answer", messages, schema, room, 0)
    words = _words_of(reply)
    if words.topic == OTHER:
        raise _NoAnswerError(NOT_IN_THE_DATA)
    if wrong := wrong_with(words, dossier):
        raise _NoAnswerError(f"the model's answer was not usable: {'; '.join(wrong)}")
    cited = tuple(dossier.by_id[one] for one in dict.fromkeys(point.fact for point in words.points))
    text = sanitised(_rendered(words, dossier.by_id), MOST_TEXT_CHARACTERS)
    # A drill's numbers are the library's, and not about the swing.
    measured = {fact_id: fact for fact_id, fact in dossier.by_id.items() if fact.kind != "drill"}
    to_walk = _rendered(words, measured)
    if wrong_numbers := answer_problems(to_walk, dossier.swings, dossier.profile, dossier.comparison):
        kinds = "; ".join(dict.fromkeys(one.kind for one in wrong_numbers))
        raise _NoAnswerError(f"the model's answer was not usable: {kinds}")
    return Written(request.spent, "", reply.model, words.topic, text, cited)


def _words_of(reply: Reply) -> ChatWords:
    if reply.cut_off:
        raise _NoAnswerError("the model's answer was not usable: it was cut off for its length")
    if reply.tool_calls:
        raise _NoAnswerError("the model wants to look at more than it may")
    try:
        return ChatWords.model_validate_json(reply.text)
    except ValidationError as error:
        raise _NoAnswerError("the model's answer was not usable: it does not follow the schema") from error


def _rendered(words: ChatWords, printed: Mapping[str, Fact]) -> str:
    """The answer as the golfer reads it: after each point the sentence that its fact prints, once a fact."""
    parts, left = [words.reply], dict(printed)
    for point in words.points:
        fact = left.pop(point.fact, None)
        parts += [point.text, fact.prints] if fact else [point.text]
    return " ".join([*parts, words.try_this])


def _answer_tokens(message: str, dossier: Dossier, memory: Memory) -> int:
    ids = list(dossier.by_id) or ["f1", "f2", "f3", "f4"]
    return needed_tokens(answer_messages(message, dossier, memory), answer_schema(ids))


def _fitted(memory: Memory, fits: Callable[[Memory], bool]) -> Memory | None:
    """As much of the memory as fits, the oldest given up first; None where the question does not fit without it."""
    one: Memory | None = memory
    while one is not None and not fits(one):
        one = one.less()
    return one


def _outcome(error: CoachUnavailableError) -> Literal["refused", "failed", "overcharged", "left alone"]:
    if isinstance(error, BreakerOpenError):
        return "left alone"
    if isinstance(error, _Overcharged):
        return "overcharged"
    return "refused" if error.served else "failed"
