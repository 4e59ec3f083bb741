"""What golfers really ask, one turn after the other: which swing is meant, what cannot be known, ordinary words."""

from datetime import timedelta

import pytest

from golf_pipeline.coach.chat.chat import answer_chat
from golf_pipeline.coach.chat.data import SwingSummary
from golf_pipeline.coach.chat.documents import ChatAnswer, Conversation, MessageRole
from golf_pipeline.coach.chat.phrases import Topic, load
from golf_pipeline.coach.chat.rules import answer_by_rules
from golf_pipeline.coach.chat.topics import plain_words, questions_of
from golf_pipeline.swing.documents import EventName, Handedness, SwingAnalysis
from golf_pipeline_tests.coach.chat.real_golfers import START, RealGolfer, said_before, with_readings
from golf_pipeline_tests.coach.chat.test_rules import face_on, steadier, swayed

__all__ = ["face_on", "steadier", "swayed"]


def after(question: str, answer: ChatAnswer) -> Conversation:
    """The conversation as it is kept: both messages are about the answer's first swing."""
    about = answer.swing_references[0] if answer.swing_references else None
    return said_before((MessageRole.USER, question, about), (MessageRole.ASSISTANT, answer.text, about))


def turns(golfer: RealGolfer, first: str, second: str) -> ChatAnswer:
    before = answer_chat(first, golfer=golfer, conversation=None)
    return answer_chat(second, golfer=golfer, conversation=after(first, before))


@pytest.mark.parametrize(
    "second", ["what should I work on", "do I sway", "what did you see at the top", "how did I do"]
)
def test_after_a_comparison_the_later_swing_is_spoken_of(
    swayed: SwingAnalysis, steadier: SwingAnalysis, second: str
) -> None:
    golfer = RealGolfer(analyses=(swayed, steadier))
    assert turns(golfer, "compare my last two swings", second).swing_references == ("swing-001",)


def test_last_week_the_last_two_and_the_first_count_from_the_newest_swing_wherever_the_talk_is(
    steadier: SwingAnalysis,
) -> None:
    golfer = RealGolfer(analyses=(steadier,) * 6)
    about_first = said_before((MessageRole.USER, "how was my first swing", "swing-000"))
    wanted = {
        "compare with last week": ("swing-005", "swing-004"),
        "compare my last two": ("swing-005", "swing-004"),
        "compare with last month": ("swing-005", "swing-001"),
        "compare my first and my latest swing": ("swing-005", "swing-000"),
        "compare my latest with my first swing": ("swing-005", "swing-000"),
    }
    for message, swings in wanted.items():
        assert answer_by_rules(message, golfer, about_first, None).swing_references == swings, message


def test_a_number_that_is_named_is_compared_and_nothing_else(swayed: SwingAnalysis, steadier: SwingAnalysis) -> None:
    answer = answer_by_rules("how is my tempo vs last week", RealGolfer(analyses=(swayed, steadier)), None, None)
    assert answer.topic == Topic.COMPARE
    assert "tempo over" not in answer.text.lower()
    assert "within the measurement's noise" in answer.text
    assert "sway" not in answer.text.lower()


@pytest.mark.parametrize(("status", "told"), [("PROCESSING", "still being analysed"), ("FAILED", "could not be")])
def test_todays_swing_is_not_an_older_one_in_its_place(swayed: SwingAnalysis, status: str, told: str) -> None:
    newest = SwingSummary(analysis_id="newest", recorded_at=START + timedelta(days=30), status=status)
    golfer = RealGolfer(analyses=(swayed,), others=(newest,))
    for message in ("how was todays swing", "what should I work on in my latest swing"):
        text = answer_by_rules(message, golfer, None, None).text
        assert text.index(told) < text.index("sway"), message
    assert told not in answer_by_rules("what should I work on", golfer, None, None).text


def test_a_moment_with_a_part_of_the_body_is_answered_with_its_numbers_only(swayed: SwingAnalysis) -> None:
    text = answer_by_rules("what about my hips at the top", RealGolfer(analyses=(swayed,)), None, None).text
    assert "Pelvis sway at the top" in text
    assert "Head" not in text
    assert "axis" not in text


def test_what_is_not_judged_as_a_number_says_that_it_is_neither_good_nor_bad(face_on: SwingAnalysis) -> None:
    golfer = RealGolfer(analyses=(face_on,))
    weak = [one for one in face_on.metrics if one.id == "lead_arm" and one.trust == "low" and one.value is not None]
    assert weak
    assert "whether it is good I cannot say" in answer_by_rules("is my left arm straight", golfer, None, None).text
    none = [one for one in face_on.metrics if one.id == "head_lift" and one.trust == "measured"]
    assert none
    assert not any(one.corridor for one in none)
    assert "neither good nor bad" in answer_by_rules("do i lift my head", golfer, None, None).text


@pytest.mark.parametrize(("hand", "lead"), [(Handedness.RIGHT, "left"), (Handedness.LEFT, "right")])
def test_the_lead_arm_is_named_by_its_side_and_by_none_where_the_hand_is_not_known(
    face_on: SwingAnalysis, hand: Handedness, lead: str
) -> None:
    def told(handedness: Handedness) -> str:
        assert face_on.capture
        capture = face_on.capture.model_copy(update={"handedness": handedness})
        golfer = RealGolfer(analyses=(face_on.model_copy(update={"capture": capture}),))
        return answer_by_rules("is my right arm straight", golfer, None, None).text

    assert f"lead is your {lead} side" in told(hand)
    assert "lead is your" not in told(Handedness.UNKNOWN)


def test_a_fault_that_is_asked_for_over_time_is_first_answered_for_the_swing(
    swayed: SwingAnalysis, steadier: SwingAnalysis
) -> None:
    golfer = RealGolfer(analyses=(swayed, steadier))
    answer = answer_by_rules("is my sway gone", golfer, None, None)
    assert answer.topic == Topic.PROGRESS
    assert answer.swing_references == ("swing-001",)
    assert answer.text.index("no sign of sway") < answer.text.index("Too few practices to speak of a trend in")


def test_a_score_that_differs_where_no_number_does_says_so(swayed: SwingAnalysis) -> None:
    again = with_readings(swayed, pelvis_sway_at_top=-0.235)
    assert again.findings
    assert again.findings.score
    score = again.findings.score.model_copy(update={"value": (again.findings.score.value or 0) + 7})
    again = again.model_copy(update={"findings": again.findings.model_copy(update={"score": score})})
    text = answer_by_rules("compare my last two", RealGolfer(analyses=(swayed, again)), None, None).text
    assert "of 100, on numbers that differ by no more than their noise" in text


def test_how_many_swings_there_are_is_told(swayed: SwingAnalysis) -> None:
    text = answer_by_rules("how many swings do i have", RealGolfer(analyses=(swayed,) * 3), None, None).text
    assert "one of your 3 finished swings, the first of 3 May 2026" in text


def test_readings_of_a_tempo_say_what_the_ratio_is_of(face_on: SwingAnalysis) -> None:
    golfer = RealGolfer(analyses=(with_readings(face_on),))
    assert "as long the backswing takes as the downswing" in answer_by_rules("my tempo", golfer, None, None).text


@pytest.mark.parametrize(
    "message",
    [
        *("what in plain inches", "hours on the range and no better", "the store is closed", "keep the pins in view"),
        *("in other words", "i dont agree", "tell me whether i sway", "id rather know why", "shows what"),
    ],
)
def test_an_ordinary_word_is_not_taken_for_pain_a_club_or_another_golfer(message: str) -> None:
    assert {one.topic for one in questions_of(message)}.isdisjoint({Topic.PAIN, Topic.OUT_OF_SCOPE})


def test_words_of_every_day_are_never_taken_for_misspelt_ones() -> None:
    ordinary = "along asked below even free hours keys never plain rather steep three tour using whether words"
    assert plain_words(ordinary, load()) == ordinary


def test_a_video_that_shows_too_little_is_answered_with_how_to_film(face_on: SwingAnalysis) -> None:
    assert face_on.findings
    findings = face_on.findings.model_copy(update={"overall_level": "not enough evidence", "findings": ()})
    answer = answer_by_rules(
        "what should I work on", RealGolfer(analyses=(face_on.model_copy(update={"findings": findings}),)), None, None
    )
    assert "Film" in answer.text


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        ("ok how often", Topic.DRILL),
        ("am i getting better at early extension", Topic.PROGRESS),
        ("how is my posture over time", Topic.PROGRESS),
        ("which one was better", Topic.COMPARE),
        ("so im perfect?", Topic.HOW_SURE),
        ("how many swings until you know", Topic.HOW_SURE),
        ("how long will it take to fix", Topic.MEANING),
        ("what did i ask you before", Topic.MEANING),
        ("im left handed do you know that", Topic.MEANING),
        ("did my last one work", Topic.STATUS),
        ("what can you tell me", Topic.OVERVIEW),
        ("which of my swings was the best", Topic.SCORE),
    ],
)
def test_a_follow_up_is_taken_for_what_it_asks(message: str, topic: Topic) -> None:
    assert [one.topic for one in questions_of(message)] == [topic]


@pytest.mark.parametrize(
    "message", ["how far did that go", "did i hit it good", "am i too steep", "was my backswing too long"]
)
def test_what_the_club_and_the_ball_did_is_said_to_be_unknown(swayed: SwingAnalysis, message: str) -> None:
    assert answer_by_rules(message, RealGolfer(analyses=(swayed,)), None, None).text.startswith("I cannot tell ")


def test_a_moment_alone_still_tells_all_of_its_readings(swayed: SwingAnalysis) -> None:
    text = answer_by_rules("what did you see at the top", RealGolfer(analyses=(swayed,)), None, None).text
    assert text.count(" at the top: ") > 1
    assert EventName.TOP in text
