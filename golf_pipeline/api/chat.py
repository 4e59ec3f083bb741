"""The chat routes: limits, the golfer's own data and conversation around `coach/chat`, which writes the answer.

A model may take many seconds. Its threads are therefore the chat's own, so that a slow model leaves the other routes
their thread pool; the loop only waits.
"""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request

from golf_pipeline.api.chat_messages import ChatReply, ChatRequest, CoachingReply, ReachedLimit, StoredConversation
from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.idempotency import IdempotentRoute
from golf_pipeline.api.identity import AnyCaller, Caller, SignedIn
from golf_pipeline.api.limits import Limit, limited, of_address, subject_of
from golf_pipeline.api.metrics import observe_chat
from golf_pipeline.api.problems import Problem, documented
from golf_pipeline.coach.chat.chat import EVERYBODYS_DAY_IS_SPENT, USER_DAY_IS_SPENT, answer_chat
from golf_pipeline.coach.chat.documents import ChatAnswer, CoachingThemes, Conversation
from golf_pipeline.coach.chat.memory import summarise
from golf_pipeline.coach.chat.themes import themes_of
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.golfer_data import StoredGolfer
from golf_pipeline.storage.rates import Rate
from golf_pipeline.storage.usage import GolferLedger
from golf_pipeline.swing.personal_text import sanitised

HOUR_S = 3600.0
THREADS = 100
"""Answers at once in one process, where a model writes; who comes later waits. 100 golfers at once is the target (SPEC
section 6), and while the model thinks a thread only waits."""

THREADS_OF_RULES = 2
"""The same where rules write: they compute, and threads that compute take each other's turns. Measured, more answer
fewer in a second, as whoever is SQLite's one writer waits for a turn at each statement."""

MOST_SHOWN = 50
"""Messages of a conversation in one answer: more than are kept word for word by the settings as they are."""

BREATHER = "I need a breather: you have asked a lot this hour."

_ERRORS = documented(400, 401, 404, 409, 413, 422, 429, 503)

router = APIRouter(prefix="/api/chat", tags=["chat"], route_class=IdempotentRoute)


@router.post("", operation_id="chat", responses=_ERRORS)
async def chat(asked: ChatRequest, request: Request, caller: AnyCaller) -> ChatReply:
    """One message to the coach, who remembers the golfer's earlier ones. Guests name their swing; nothing is kept."""
    reply, _ = await _answer_in_thread(asked, request, caller)
    return reply


@router.post("/coaching", operation_id="coachingChat", responses=_ERRORS)
async def coaching_chat(asked: ChatRequest, request: Request, caller: AnyCaller) -> CoachingReply:
    """The same coach and the same memory, with the context of the answer: themes, swings, conversation."""
    reply, conversation = await _answer_in_thread(asked, request, caller)
    themes = conversation.coaching_themes if conversation else CoachingThemes()
    return CoachingReply(
        **reply.model_dump(),
        coaching_themes=themes,
        referenced_swings=conversation.referenced_swings if conversation else reply.swing_references,
        conversation_status=conversation.conversation_status if conversation else None,
        message_count=conversation.message_count if conversation else 0,
        swing_count=conversation.swing_count if conversation else 0,
        total_tokens_used=conversation.total_tokens_used if conversation else 0,
    )


@router.get("/conversation", operation_id="getConversation", responses=documented(401, 404, 503))
def get_conversation(request: Request, caller: SignedIn) -> StoredConversation:
    """The caller's conversation with the coach: its latest messages, its themes, and a summary of what came before."""
    found = Conversations(request.app.state.catalog.engine).find(caller.user_id, MOST_SHOWN)
    if found is None:
        raise Problem(404, "NO_CONVERSATION", "You have not talked with the coach yet. Ask something: POST /api/chat.")
    return StoredConversation.model_validate(found.model_dump())


async def _answer_in_thread(
    asked: ChatRequest, request: Request, caller: Caller
) -> tuple[ChatReply, Conversation | None]:
    threads: CapacityLimiter = request.app.state.chat_threads
    return await to_thread.run_sync(partial(_answer, asked, request, caller), limiter=threads)


def _answer(asked: ChatRequest, request: Request, caller: Caller) -> tuple[ChatReply, Conversation | None]:
    """Write the answer and keep the exchange; returns the reply and, of a golfer, the conversation as it is now."""
    began = time.perf_counter()
    settings, state = settings_of(request), request.app.state
    message = _message(asked.message, settings.chat_message_characters)
    rate = Rate("chat", settings.chat_requests_per_user_hour, HOUR_S)
    left = limited(request, of_address(request), Limit(rate, subject_of(request, caller), BREATHER))
    golfer = StoredGolfer(state.catalog, state.kept, caller.user_id, asked.analysis_id if caller.is_guest else None)
    if caller.is_guest:
        answer = answer_chat(message, golfer=golfer, conversation=None, about=asked.analysis_id)
        observe_chat(answer, time.perf_counter() - began)
        return _reply(answer, left, None, None), None
    conversations = Conversations(state.catalog.engine)
    conversation = conversations.open(caller.user_id, settings.chat_kept_messages)
    answer = answer_chat(
        message,
        golfer=golfer,
        conversation=conversation,
        about=asked.analysis_id,
        model=state.chat_model,
        ledger=GolferLedger(
            state.catalog.engine, caller.user_id, settings.chat_usd_per_user_day, settings.chat_usd_per_day
        ),
    )
    themes = themes_of(golfer.profile(), conversation.coaching_themes)
    _, written = conversations.exchange(conversation.conversation_id, message, answer, themes)
    if conversation.message_count + 2 > settings.chat_compress_after:
        conversations.compress(
            conversation.conversation_id, settings.chat_kept_messages, summarise, settings.chat_compress_after
        )
    observe_chat(answer, time.perf_counter() - began)
    now = conversation.model_copy(
        update={
            "coaching_themes": themes,
            "message_count": conversation.message_count + 2,
            "total_tokens_used": conversation.total_tokens_used + answer.tokens_used,
            "referenced_swings": tuple(dict.fromkeys((*answer.swing_references, *conversation.referenced_swings))),
        }
    )
    return _reply(answer, left, conversation.conversation_id, written.message_id), now


def _message(text: str, most_characters: int) -> str:
    """The message as one line of plain words.

    Raises:
        Problem: 422, it is too long, or nothing is left of it.
    """
    if len(text) > most_characters:
        raise Problem(
            422,
            "MESSAGE_TOO_LONG",
            f"That is a lot at once. Tell me in at most {most_characters} characters, and we take it from there.",
        )
    plain = sanitised(text, most_characters)
    if not plain:
        raise Problem(422, "MESSAGE_EMPTY", "I could not read any words in that. What would you like to know?")
    return plain


def _reply(answer: ChatAnswer, left: int, conversation_id: str | None, message_id: str | None) -> ChatReply:
    return ChatReply(
        response=answer.text,
        topic=answer.topic,
        written_by=answer.written_by,
        model=answer.model,
        conversation_id=conversation_id,
        message_id=message_id,
        swing_references=answer.swing_references,
        drill_ids=answer.drill_ids,
        tokens_used=answer.tokens_used,
        cost_usd=answer.cost_usd,
        requests_left=left,
        limit=_reached(answer.fallback_reason),
    )


def _reached(reason: str) -> ReachedLimit | None:
    """The limit behind the rules' answer, if it was one of money."""
    if reason not in {USER_DAY_IS_SPENT, EVERYBODYS_DAY_IS_SPENT}:
        return None
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return ReachedLimit(
        code="DAILY_BUDGET_SPENT",
        message="I have talked a lot today, so this answer is a short one. I say more after midnight UTC.",
        retry_after_s=max(1, int((midnight - now).total_seconds())),
    )
