"""The coaching chat: a model's answer where there are a model, money and a grounded answer, the rules' otherwise.

`answer_chat` is the one way to it. A model may phrase what was measured; it never decides whether a golfer is answered.
"""

from golf_pipeline.coach.budget import ChatLedger
from golf_pipeline.coach.chat.breaker import LEFT_ALONE, breaker_of
from golf_pipeline.coach.chat.data import GolferData
from golf_pipeline.coach.chat.documents import ChatAnswer, Conversation
from golf_pipeline.coach.chat.dossier import drills_of, swings_of
from golf_pipeline.coach.chat.openai_chat import ChatLimits, ChatModel, ChatObserver, ModelCall, Written, write_answer
from golf_pipeline.coach.chat.rules import answer_by_rules
from golf_pipeline.coach.chat.tools import choices_of
from golf_pipeline.coach.coach import NO_MODEL, price_of
from golf_pipeline.coach.documents import Spent
from golf_pipeline.coach.service import connect
from golf_pipeline.settings import Settings

USER_DAY_IS_SPENT = "today's budget for this golfer's answers by a model is used up; it begins anew at midnight UTC"
EVERYBODYS_DAY_IS_SPENT = "today's budget for answers by a model is used up; it begins anew at midnight UTC"
NO_SWING = "there is no finished analysis for a model to speak of"


def chat_model_from_settings(settings: Settings, observer: ChatObserver | None = None) -> ChatModel | None:
    """The model that the settings name, or None without a key; models of one service share its breaker."""
    if settings.openai_api_key is None:
        return None
    client = connect(
        settings.openai_api_key.get_secret_value(),
        settings.openai_base_url,
        timeout_s=settings.chat_timeout_s,
        retries=0,
    )
    return ChatModel(
        client=client,
        name=settings.openai_model,
        price=price_of(settings),
        limits=ChatLimits(
            tokens=settings.chat_tokens, timeout_s=settings.chat_timeout_s, retries=settings.chat_retries
        ),
        breaker=breaker_of(
            str(client.base_url),
            settings.openai_model,
            settings.chat_breaker_failures,
            settings.chat_breaker_reset_s,
        ),
        observer=observer,
    )


def answer_chat(
    message: str,
    *,
    golfer: GolferData,
    conversation: Conversation | None,
    about: str | None = None,
    model: ChatModel | None = None,
    ledger: ChatLedger | None = None,
) -> ChatAnswer:
    """Answer a golfer's message; where no model's answer may be shown, the rules answer and say why.

    Args:
        about: the analysis that the message is about, where the golfer names one.
        ledger: what the day's chats may cost; without one only the limits of this request hold.

    Raises:
        SwingError: the golfer's data cannot be read.
    """
    written = _written(message, golfer, conversation, about, model, ledger)
    if written.reason:
        answer = answer_by_rules(message, golfer, conversation, about)
        bill = {"tokens_used": written.spent.tokens, "cost_usd": written.spent.usd}
        return answer.model_copy(update={"fallback_reason": written.reason, **bill})
    return ChatAnswer(
        text=written.text,
        written_by="model",
        model=written.model,
        topic=written.topic,
        swing_references=swings_of(written.cited),
        drill_ids=drills_of(written.cited),
        tokens_used=written.spent.tokens,
        cost_usd=written.spent.usd,
    )


def _written(
    message: str,
    golfer: GolferData,
    conversation: Conversation | None,
    about: str | None,
    model: ChatModel | None,
    ledger: ChatLedger | None,
) -> Written:
    """The model's answer, or the reason why there is none."""
    if model is None:
        return Written(Spent(), NO_MODEL)
    if model.breaker.is_closed_to_calls:
        if model.observer is not None:
            model.observer.called(ModelCall("look", "left alone", 0.0, Spent()))
        return Written(Spent(), LEFT_ALONE)
    choices = choices_of(message, golfer, conversation, about)
    if choices is None:
        return Written(Spent(), NO_SWING)
    reserved = model.most_usd
    if ledger is not None and (used_up := ledger.reserve(reserved)):
        return Written(Spent(), USER_DAY_IS_SPENT if used_up == "user" else EVERYBODYS_DAY_IS_SPENT)
    spent = Spent(usd=reserved)  # should anything else fail, the reservation stands: spent, as far as anybody knows
    try:
        written = write_answer(message, model, choices, conversation)
        spent = written.spent
    finally:
        if ledger is not None:
            ledger.settle(reserved, spent)
    return written
