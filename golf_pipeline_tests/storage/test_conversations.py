"""A golfer's conversation: one that is open, in order, whole, and without what was deleted; also under concurrency."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from golf_pipeline.coach.chat.documents import ChatAnswer, ChatMessage, CoachingThemes
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.conversations import ANSWER_CHARACTERS, Conversations
from golf_pipeline.storage.keys import GUEST, parse_upload_key
from golf_pipeline.storage.tables import analyses, conversations, messages, swing_references

THEMES = CoachingThemes(primary_focus="sway", session_count=2)
START = datetime(2020, 1, 1, tzinfo=UTC)


def answer(text: str = "Stay centred.", *swings: str, tokens: int = 10) -> ChatAnswer:
    return ChatAnswer(
        text=text, written_by="rules", model="rules", topic="why", swing_references=swings, tokens_used=tokens
    )


def summarise(earlier: str, older: Sequence[ChatMessage]) -> str:
    return " ".join([earlier, *(message.content for message in older)]).strip()


def texts(chat: Conversations, user_id: str = "ann") -> list[str]:
    return [message.content for message in chat.open(user_id, 1000).recent_messages]


def say(chat: Conversations, *questions: str, swings: tuple[str, ...] = ()) -> str:
    """Questions with the answer "to <question>"; returns the conversation's id."""
    conversation_id = chat.open("ann", 0).conversation_id
    for question in questions:
        chat.exchange(conversation_id, question, answer(f"to {question}", *swings), THEMES)
    return conversation_id


def positions(catalog: Catalog) -> list[int]:
    with catalog.engine.connect() as connection:
        return list(connection.execute(select(messages.c.position).order_by(messages.c.position)).scalars())


def test_a_golfer_has_one_open_conversation_that_is_found_again(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    first = chat.open("ann", 10)
    assert (first.recent_messages, first.conversation_status, first.message_count) == ((), "active", 0)
    assert chat.open("ann", 10) == first
    assert chat.open("bob", 10).conversation_id != first.conversation_id


def test_a_guest_has_no_conversation(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    with pytest.raises(ValueError, match="guests"):
        chat.open(GUEST, 10)
    with pytest.raises(ValueError, match="guests"):
        chat.post_analysis(GUEST, "s1", "ready")


def test_an_exchange_keeps_both_messages_the_themes_the_counters_and_the_swings(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = chat.open("ann", 10).conversation_id
    asked, told = chat.exchange(conversation_id, "Compare them", answer("Better.", "s2", "s1"), THEMES)
    chat.exchange(conversation_id, "And s3?", answer("Worse.", "s3"), THEMES)
    now = chat.open("ann", 3)
    assert [message.content for message in now.recent_messages] == ["Better.", "And s3?", "Worse."]
    assert now.recent_messages[0] == told
    assert [(one.role, one.swing_reference, one.tokens_used) for one in (asked, told)] == [
        ("user", "s2", 0),
        ("assistant", "s2", 10),
    ]
    assert now.coaching_themes == THEMES
    assert (now.message_count, now.total_tokens_used, now.swing_count) == (4, 20, 0)
    assert now.referenced_swings == ("s3", "s1", "s2")


def test_an_exchange_with_no_conversation_is_an_error_and_keeps_nothing(catalog: Catalog) -> None:
    with pytest.raises(LookupError):
        Conversations(catalog.engine).exchange("none", "Hello", answer(), THEMES)
    assert positions(catalog) == []


def test_an_exchange_is_kept_whole_or_not_at_all(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = chat.open("ann", 0).conversation_id
    broken = answer("x", "s1").model_copy(update={"tokens_used": "many"})
    with pytest.raises(Exception, match="many"):
        chat.exchange(conversation_id, "Hello", broken, THEMES)
    now = chat.open("ann", 10)
    assert (now.message_count, now.recent_messages, now.referenced_swings) == (0, (), ())


def test_every_text_is_sanitised_whoever_wrote_it(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = chat.open("ann", 0).conversation_id
    nasty = "system: <script>x</script> mail me@example.com\n\x00 now"
    chat.exchange(conversation_id, nasty, answer(nasty + "word " * ANSWER_CHARACTERS), THEMES)
    chat.post_analysis("ann", "s1", nasty)
    assert chat.compress(conversation_id, 2, lambda *_: nasty)
    now = chat.open("ann", 10)
    for text in [now.summary, *(message.content for message in now.recent_messages)]:
        assert text.startswith("x mail now"), text
        assert len(text) <= ANSWER_CHARACTERS


def test_fifty_who_open_at_once_find_one_conversation(catalog: Catalog) -> None:
    with ThreadPoolExecutor(50) as threads:
        found = set(threads.map(lambda _: Conversations(catalog.engine).open("ann", 5).conversation_id, range(50)))
    assert len(found) == 1


def test_exchanges_and_posts_at_once_leave_no_gap_and_no_double(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = chat.open("ann", 0).conversation_id

    def act(number: int) -> None:
        if number % 3:
            chat.exchange(conversation_id, f"q{number}", answer(f"a{number}"), THEMES)
        else:
            chat.post_analysis("ann", f"s{number % 2}", f"ready {number}")

    with ThreadPoolExecutor(24) as threads:
        list(threads.map(act, range(48)))
    now = chat.open("ann", 1000)
    assert positions(catalog) == list(range(32 * 2 + 2))
    assert (now.message_count, now.swing_count, now.total_tokens_used) == (66, 2, 320)
    said = [message.content for message in now.recent_messages]
    for number in range(48):
        if number % 3:
            assert said[said.index(f"q{number}") + 1] == f"a{number}"


def test_older_messages_are_folded_into_the_summary(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = say(chat, "one", "two", "three")
    assert chat.compress(conversation_id, 2, summarise)
    now = chat.open("ann", 10)
    assert [message.content for message in now.recent_messages] == ["three", "to three"]
    assert (now.conversation_status, now.summary) == ("compressed", "one to one two to two")
    assert now.message_count == 6
    assert not chat.compress(conversation_id, 2, summarise)
    say(chat, "four")
    assert chat.compress(conversation_id, 0, summarise)
    now = chat.open("ann", 10)
    assert (now.recent_messages, now.message_count) == ((), 8)
    assert now.summary == "one to one two to two three to three four to four"


def test_an_unknown_or_empty_conversation_has_nothing_to_fold(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    assert not chat.compress("none", 2, summarise)
    assert not chat.compress(chat.open("ann", 0).conversation_id, 0, summarise)
    with pytest.raises(ValueError, match="negative"):
        chat.compress("none", -1, summarise)


def test_an_exchange_while_the_summary_is_written_is_not_lost(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = say(chat, "one", "two")

    def slow(earlier: str, older: Sequence[ChatMessage]) -> str:
        say(chat, "meanwhile")
        return summarise(earlier, older)

    assert chat.compress(conversation_id, 2, slow)
    assert texts(chat) == ["two", "to two", "meanwhile", "to meanwhile"]
    assert chat.open("ann", 0).summary == "one to one"


def test_a_swing_that_is_deleted_while_the_summary_is_written_is_not_in_it(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = say(chat, "one", "two", swings=("s1",))
    say(chat, "three", "four")

    def slow(earlier: str, older: Sequence[ChatMessage]) -> str:
        chat.forget_swing("s1")
        return summarise(earlier, older)

    assert chat.compress(conversation_id, 2, slow)
    now = chat.open("ann", 10)
    assert (now.summary, now.referenced_swings) == ("three to three", ())


def test_messages_said_and_folded_at_once_are_each_kept_exactly_once(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = chat.open("ann", 0).conversation_id

    def act(number: int) -> None:
        if number % 4:
            chat.exchange(conversation_id, f"q{number}.", answer(f"a{number}."), THEMES)
        else:
            chat.compress(conversation_id, 4, summarise)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(act, range(40)))
    now = chat.open("ann", 1000)
    words = [*now.summary.split(), *(message.content for message in now.recent_messages)]
    assert sorted(words) == sorted(f"{who}{number}." for number in range(40) if number % 4 for who in "qa")
    assert now.message_count == 60


def test_an_analysis_is_posted_once_and_posted_again_it_is_replaced(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    say(chat, "one")
    before = datetime.now(UTC)
    for text in ("sway", "sway", "no sway"):
        chat.post_analysis("ann", "s1", text)
    say(chat, "two")
    now = chat.open("ann", 10)
    assert texts(chat) == ["one", "to one", "no sway", "two", "to two"]
    assert [(one.role, one.swing_reference) for one in now.recent_messages][2] == ("analysis", "s1")
    assert (now.swing_count, now.message_count, now.referenced_swings) == (1, 5, ("s1",))
    assert chat.posted_since("s1", before)
    assert not chat.posted_since("s1", datetime.now(UTC) + timedelta(seconds=1))
    assert not chat.posted_since("s2", before)


def test_fifty_posts_of_one_analysis_at_once_are_one_message(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    with ThreadPoolExecutor(25) as threads:
        list(threads.map(lambda _: chat.post_analysis("ann", "s1", "ready"), range(50)))
    now = chat.open("ann", 10)
    assert (texts(chat), now.swing_count, now.message_count) == (["ready"], 1, 1)


def test_an_analysis_that_was_folded_and_is_posted_again_is_no_further_swing(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    chat.post_analysis("ann", "s1", "sway")
    conversation_id = say(chat, "one")
    assert chat.compress(conversation_id, 2, summarise)
    chat.post_analysis("ann", "s1", "no sway")
    now = chat.open("ann", 10)
    assert (texts(chat), now.swing_count) == (["one", "to one", "no sway"], 1)
    chat.forget_swing("s1")
    now = chat.open("ann", 10)
    assert (texts(chat), now.swing_count, now.summary) == (["one", "to one"], 0, "")


def test_a_deleted_swing_is_not_posted(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    record = catalog.create("bucket", parse_upload_key("golf-swings/ann/s1.mp4"))
    with catalog.engine.begin() as connection:
        connection.execute(update(analyses).values(deleted_at=START))
    chat.post_analysis("ann", record.analysis_id, "ready")
    assert texts(chat) == []


def test_a_forgotten_swing_leaves_no_message_no_reference_and_no_summary_that_may_speak_of_it(
    catalog: Catalog,
) -> None:
    chat = Conversations(catalog.engine)
    chat.post_analysis("ann", "s1", "sway")
    conversation_id = say(chat, "about both", swings=("s2", "s1"))
    say(chat, "about another", swings=("s3",))
    chat.forget_swing("s1")
    now = chat.open("ann", 10)
    assert texts(chat) == ["about another", "to about another"]
    assert (now.referenced_swings, now.swing_count, now.message_count) == (("s3",), 0, 5)
    assert chat.compress(conversation_id, 0, summarise)
    chat.forget_swing("s2")
    assert chat.open("ann", 0).summary == "about another to about another"
    chat.forget_swing("s3")
    now = chat.open("ann", 0)
    assert (now.summary, now.conversation_status, now.referenced_swings) == ("", "active", ())
    with catalog.engine.connect() as connection:
        assert connection.execute(select(swing_references)).all() == []


def test_what_was_folded_long_ago_is_still_known_to_be_in_the_summary(catalog: Catalog) -> None:
    chat = Conversations(catalog.engine)
    conversation_id = say(chat, "one", "two", swings=("s1",))
    assert chat.compress(conversation_id, 0, summarise)
    say(chat, "three", swings=("s1",))
    chat.forget_swing("s1")
    now = chat.open("ann", 10)
    assert (now.summary, now.recent_messages) == ("", ())


def test_a_conversation_that_lay_idle_is_archived_and_the_next_message_begins_a_new_one(catalog: Catalog) -> None:
    old = say(Conversations(catalog.engine, now=lambda: START), "one")
    chat = Conversations(catalog.engine)
    assert chat.archive_idle(START + timedelta(days=180)) == 1
    assert chat.archive_idle(START + timedelta(days=180)) == 0
    assert say(chat, "two") != old
    assert texts(chat) == ["two", "to two"]
    with catalog.engine.connect() as connection:
        statuses = connection.execute(select(conversations.c.conversation_status)).scalars()
        assert sorted(statuses) == ["active", "archived"]
