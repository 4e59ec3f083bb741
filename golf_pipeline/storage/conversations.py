"""A golfer's conversation with the coach: one that is open, its messages in order, and a summary of the older ones.

Whoever changes a conversation holds its row until the change is whole, so that messages of several requests and of the
pipeline come one after the other: `message_count` is the position of the next, and no position is used twice, also
after messages were folded into the summary or removed with their swing. All text is sanitised here, whoever wrote it.

Guests share one id, so they have no conversation.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, bindparam, delete, exists, func, select, update

from golf_pipeline.coach.chat.documents import ChatAnswer, ChatMessage, CoachingThemes, Conversation, MessageRole
from golf_pipeline.storage import database
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.tables import analyses, conversations, messages, swing_references
from golf_pipeline.swing.personal_text import sanitised

QUESTION_CHARACTERS = 4000
"""More than any sensible setting of `chat_message_characters`."""

ANSWER_CHARACTERS = 8000
"""A model's 1,500 tokens have about 6,000 characters."""

ANALYSIS_CHARACTERS = 2000
SUMMARY_CHARACTERS = 4000
MOST_REFERENCED_SWINGS = 50
"""Swings that a conversation names; those spoken of before the latest fifty are not listed."""

_COMPRESS_TRIES = 3

Summarise = Callable[[str, Sequence[ChatMessage]], str]


def _now() -> datetime:
    return datetime.now(UTC)


class Conversations:
    """The conversations in the catalog's database."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = _now) -> None:
        self._engine, self._reader, self._now = engine, database.for_reading(engine), now

    def open(self, user_id: str, recent: int) -> Conversation:
        """The golfer's open conversation with its `recent` latest messages; an empty one where there is none.

        Raises:
            ValueError: a guest has no conversation.
        """
        if (found := self.find(user_id, recent)) is not None:
            return found
        with self._engine.begin() as connection:
            return _conversation(connection, self._held_open(connection, user_id), recent)

    def find(self, user_id: str, recent: int) -> Conversation | None:
        """As `open`, but None where there is none."""
        _refuse_guest(user_id)
        with self._reader.connect() as connection:
            row = connection.execute(_OPEN, {"user": user_id}).first()
            return None if row is None else _conversation(connection, row, recent)

    def exchange(
        self, conversation_id: str, question: str, answer: ChatAnswer, themes: CoachingThemes
    ) -> tuple[ChatMessage, ChatMessage]:
        """Add a question and its answer, all or nothing; returns the two messages as they are kept.

        Raises:
            LookupError: there is no such conversation.
        """
        swings = tuple(dict.fromkeys(answer.swing_references))
        about = swings[0] if swings else None
        with self._engine.begin() as connection:
            row = _held(connection, conversation_id)
            if row is None:
                raise LookupError(f"there is no conversation {conversation_id}")
            asked = self._message(MessageRole.USER, sanitised(question, QUESTION_CHARACTERS), about)
            told = self._message(
                MessageRole.ASSISTANT, sanitised(answer.text, ANSWER_CHARACTERS), about, answer.tokens_used
            )
            _add(connection, row, (asked, told), swings)
            changes = {
                "coaching_themes": themes.model_dump(mode="json"),
                "total_tokens_used": row.total_tokens_used + answer.tokens_used,
                "message_count": row.message_count + 2,
                "last_updated": self._now(),
            }
            connection.execute(_EXCHANGED, {"conversation": conversation_id, **changes})
        return asked, told

    def compress(self, conversation_id: str, keep: int, summarise: Summarise, more_than: int = 0) -> bool:
        """Fold all but the newest `keep` messages into the summary; returns whether any were.

        Nothing is done unless there are more than `more_than` messages that are not folded yet.

        `summarise` gets the summary so far and the messages, oldest first. It runs outside of a transaction, as it may
        take its time; what it read must still stand when its summary is written, else it is asked again.

        Raises:
            ValueError: `keep` is negative.
        """
        if keep < 0:
            raise ValueError(f"keep must not be negative: {keep}")
        for _ in range(_COMPRESS_TRIES):
            with self._reader.connect() as connection:
                before = _older(
                    connection, connection.execute(_READ, {"conversation": conversation_id}).first(), keep, more_than
                )
            if before is None:
                return False
            earlier, folded, last = before
            summary = sanitised(summarise(earlier, folded), SUMMARY_CHARACTERS)
            with self._engine.begin() as connection:
                row = _held(connection, conversation_id)
                if row is None or (row.summary, _up_to(connection, conversation_id, last)) != (earlier, folded):
                    continue
                _fold(connection, conversation_id, last)
                changes = {"summary": summary, "conversation_status": "compressed"}
                connection.execute(update(conversations).where(_is(conversation_id)).values(changes))
            return True
        return False

    def post_analysis(self, user_id: str, analysis_id: str, content: str) -> None:
        """Tell of a finished analysis in its golfer's open conversation, once; posted again, the text is replaced.

        Nothing is posted of a deleted swing.

        Raises:
            ValueError: a guest has no conversation.
        """
        _refuse_guest(user_id)
        content = sanitised(content, ANALYSIS_CHARACTERS)
        with self._engine.begin() as connection:
            # The swing's row is held, so that a deletion comes before this, and is seen, or after it, and removes it.
            deleted = select(analyses.c.deleted_at).where(analyses.c.analysis_id == analysis_id)
            if connection.execute(deleted.with_for_update(read=True)).scalar() is not None:
                return
            row = self._held_open(connection, user_id)
            if _replaced(connection, row, analysis_id, content, self._now()):
                return
            position = row.message_count
            # Where an earlier post was folded into the summary, this is the same swing again and no further one.
            earlier = update(swing_references).where(_posted(row, analysis_id)).values(posted_at=None)
            again = connection.execute(earlier).rowcount
            _add(connection, row, (self._message(MessageRole.ANALYSIS, content, analysis_id),), (analysis_id,))
            here = _posted_at_position(row, analysis_id, position)
            connection.execute(update(swing_references).where(here).values(posted_at=self._now()))
            changes = {
                "message_count": position + 1,
                "swing_count": row.swing_count + (0 if again else 1),
                "last_updated": self._now(),
            }
            connection.execute(update(conversations).where(_is(row.conversation_id)).values(changes))

    def posted_since(self, analysis_id: str, moment: datetime) -> bool:
        """Whether the analysis was posted at that moment or later."""
        query = select(swing_references.c.position).where(
            swing_references.c.analysis_id == analysis_id, swing_references.c.posted_at >= moment
        )
        with self._reader.connect() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def forget_swing(self, analysis_id: str) -> None:
        """Remove every message that speaks of a swing, and the summary of messages that may have spoken of it."""
        of_swing = select(swing_references.c.conversation_id).where(swing_references.c.analysis_id == analysis_id)
        with self._reader.connect() as connection:
            concerned = connection.execute(of_swing.distinct()).scalars().all()
        for conversation_id in concerned:
            with self._engine.begin() as connection:
                row = _held(connection, conversation_id)
                if row is not None:
                    _forget(connection, row, analysis_id)

    def archive_idle(self, since: datetime) -> int:
        """Archive conversations in which nothing happened since a moment; returns how many.

        The golfer's next message begins a new one. An exchange under way at that moment goes into the old one.
        """
        idle = and_(conversations.c.conversation_status != "archived", conversations.c.last_updated < since)
        with self._engine.begin() as connection:
            return connection.execute(update(conversations).where(idle).values(conversation_status="archived")).rowcount

    # -- inside --------------------------------------------------------------------------------------------------

    def _held_open(self, connection: Connection, user_id: str) -> Row[Any]:
        query = select(conversations).where(_is_open(user_id)).with_for_update()
        while (row := connection.execute(query).first()) is None:
            now = self._now()
            new = {
                "conversation_id": str(uuid4()),
                "user_id": user_id,
                "created_at": now,
                "last_updated": now,
                "conversation_status": "active",
                "coaching_themes": CoachingThemes().model_dump(mode="json"),
                "summary": "",
                "total_tokens_used": 0,
                "message_count": 0,
                "swing_count": 0,
            }
            database.insert_if_absent(connection, conversations, new)
        return row

    def _message(self, role: MessageRole, content: str, about: str | None, tokens: int = 0) -> ChatMessage:
        return ChatMessage(
            message_id=str(uuid4()),
            role=role,
            content=content,
            timestamp=self._now(),
            swing_reference=about,
            tokens_used=tokens,
        )


def _refuse_guest(user_id: str) -> None:
    if user_id == GUEST:
        raise ValueError("guests share one id and have no conversation")


# -- which rows ------------------------------------------------------------------------------------------------------


def _is_open(user_id: Any) -> ColumnElement[bool]:
    return and_(conversations.c.user_id == user_id, conversations.c.conversation_status != "archived")


def _is(conversation_id: str) -> ColumnElement[bool]:
    return conversations.c.conversation_id == conversation_id


def _held(connection: Connection, conversation_id: str) -> Row[Any] | None:
    return connection.execute(_HELD, {"conversation": conversation_id}).first()


# What every message runs is built once: building took as long as running it.
_THIS = conversations.c.conversation_id == bindparam("conversation")
_OPEN = select(conversations).where(_is_open(bindparam("user")))
_READ = select(conversations).where(_THIS)
_HELD = _READ.with_for_update()
_EXCHANGED = (
    update(conversations)
    .where(_THIS)
    .values(
        {name: bindparam(name) for name in ("coaching_themes", "total_tokens_used", "message_count", "last_updated")}
    )
)
_LATEST = (
    select(messages)
    .where(messages.c.conversation_id == bindparam("conversation"))
    .order_by(messages.c.position.desc())
    .limit(bindparam("most"))
)
_REFERENCED = (
    select(swing_references.c.analysis_id)
    .where(swing_references.c.conversation_id == bindparam("conversation"))
    .group_by(swing_references.c.analysis_id)
    .order_by(func.max(swing_references.c.position).desc(), swing_references.c.analysis_id)
    .limit(MOST_REFERENCED_SWINGS)
)


def _posted(row: Row[Any], analysis_id: str) -> ColumnElement[bool]:
    return and_(
        swing_references.c.conversation_id == row.conversation_id,
        swing_references.c.analysis_id == analysis_id,
        swing_references.c.posted_at.is_not(None),
    )


def _posted_at_position(row: Row[Any], analysis_id: str, position: int) -> ColumnElement[bool]:
    return and_(
        swing_references.c.conversation_id == row.conversation_id,
        swing_references.c.analysis_id == analysis_id,
        swing_references.c.position == position,
    )


# -- reading ---------------------------------------------------------------------------------------------------------


def _conversation(connection: Connection, row: Row[Any], recent: int) -> Conversation:
    latest = connection.execute(_LATEST, {"conversation": row.conversation_id, "most": recent})
    found = [_chat_message(one) for one in latest]
    referenced = connection.execute(_REFERENCED, {"conversation": row.conversation_id}).scalars()
    return Conversation(
        conversation_id=row.conversation_id,
        user_id=row.user_id,
        created_at=row.created_at,
        last_updated=row.last_updated,
        recent_messages=tuple(reversed(found)),
        coaching_themes=CoachingThemes.model_validate(row.coaching_themes),
        referenced_swings=tuple(referenced),
        total_tokens_used=row.total_tokens_used,
        swing_count=row.swing_count,
        message_count=row.message_count,
        conversation_status=row.conversation_status,
        summary=row.summary,
    )


def _chat_message(row: Row[Any]) -> ChatMessage:
    return ChatMessage(
        message_id=row.message_id,
        role=MessageRole(row.role),
        content=row.content,
        timestamp=row.timestamp,
        swing_reference=row.swing_reference,
        tokens_used=row.tokens_used,
    )


def _up_to(connection: Connection, conversation_id: str, last: int) -> tuple[ChatMessage, ...]:
    query = select(messages).where(messages.c.conversation_id == conversation_id, messages.c.position <= last)
    return tuple(_chat_message(row) for row in connection.execute(query.order_by(messages.c.position)))


def _older(
    connection: Connection, row: Row[Any] | None, keep: int, more_than: int
) -> tuple[str, tuple[ChatMessage, ...], int] | None:
    """The summary so far, all but the newest messages, and the last one's position; None: nothing is to be folded."""
    if row is None or row.conversation_status == "archived":
        return None
    mine = select(messages.c.position).where(messages.c.conversation_id == row.conversation_id)
    newest_first = mine.order_by(messages.c.position.desc()).limit(1)
    last = connection.execute(newest_first.offset(keep)).scalar()
    if last is None or connection.execute(newest_first.offset(more_than)).scalar() is None:
        return None
    return row.summary, _up_to(connection, row.conversation_id, last), last


# -- writing, the conversation's row being held ------------------------------------------------------------------------


def _add(connection: Connection, row: Row[Any], added: Sequence[ChatMessage], swings: Collection[str]) -> None:
    """Write messages, one after the other behind those that are there, and which swings each of them speaks of."""
    numbered = list(enumerate(added, row.message_count))
    of_row = {"conversation_id": row.conversation_id}
    connection.execute(
        messages.insert(), [message.model_dump() | of_row | {"position": position} for position, message in numbered]
    )
    references = [of_row | {"analysis_id": one, "position": position} for position, _ in numbered for one in swings]
    if references:
        connection.execute(swing_references.insert(), references)


def _replaced(connection: Connection, row: Row[Any], analysis_id: str, content: str, now: datetime) -> bool:
    """Put another text into the message of an analysis; False where it has none (any more)."""
    this = and_(
        messages.c.conversation_id == row.conversation_id,
        messages.c.swing_reference == analysis_id,
        messages.c.role == MessageRole.ANALYSIS,
    )
    kept = connection.execute(select(messages.c.content).where(this)).scalar()
    if kept is None:
        return False
    connection.execute(update(swing_references).where(_posted(row, analysis_id)).values(posted_at=now))
    if kept != content:
        connection.execute(update(messages).where(this).values(content=content, timestamp=now))
        connection.execute(update(conversations).where(_is(row.conversation_id)).values(last_updated=now))
    return True


def _fold(connection: Connection, conversation_id: str, last: int) -> None:
    """Remove the messages up to a position; of their references each swing keeps its last, and the post of it."""
    folded = and_(messages.c.conversation_id == conversation_id, messages.c.position <= last)
    connection.execute(delete(messages).where(folded))
    later = swing_references.alias()
    superseded = exists().where(
        later.c.conversation_id == conversation_id,
        later.c.analysis_id == swing_references.c.analysis_id,
        later.c.position > swing_references.c.position,
        later.c.position <= last,
    )
    of_folded = and_(swing_references.c.conversation_id == conversation_id, swing_references.c.position <= last)
    connection.execute(delete(swing_references).where(of_folded, swing_references.c.posted_at.is_(None), superseded))


def _forget(connection: Connection, row: Row[Any], analysis_id: str) -> None:
    mine = swing_references.c.conversation_id == row.conversation_id
    of_swing = select(swing_references.c.position, swing_references.c.posted_at)
    spoken = connection.execute(of_swing.where(mine, swing_references.c.analysis_id == analysis_id)).all()
    positions = [one.position for one in spoken]
    here = and_(messages.c.conversation_id == row.conversation_id, messages.c.position.in_(positions))
    removed = connection.execute(delete(messages).where(here).returning(messages.c.position)).scalars().all()
    connection.execute(delete(swing_references).where(mine, swing_references.c.position.in_(removed)))
    connection.execute(delete(swing_references).where(mine, swing_references.c.analysis_id == analysis_id))
    changes: dict[str, Any] = {"swing_count": row.swing_count - any(one.posted_at for one in spoken)}
    if len(removed) < len(positions):
        # Nobody can tell which of the summary's words are of this swing.
        changes["summary"] = ""
        if row.conversation_status == "compressed":
            changes["conversation_status"] = "active"
    connection.execute(update(conversations).where(_is(row.conversation_id)).values(changes))
