"""The rules on real swings: every topic answered, every number walked, whoever the golfer is, whichever hand plays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from golf_pipeline.coach.chat.grounding import answer_problems
from golf_pipeline.coach.chat.rules import MOST_WORDS, Topic, answer_by_rules
from golf_pipeline.swing.documents import Handedness
from golf_pipeline.swing.personal_text import sanitised
from golf_pipeline_tests.coach.chat.phrasings import FIRST, LATER
from golf_pipeline_tests.coach.chat.real_golfers import RealGolfer, asked_before, real_swings

ONE_OF_EACH = tuple(texts[0] for texts in FIRST.values())
NAMED = tuple(text for topic in ("metric", "event", "meaning", "fault", "ball_flight") for text in FIRST[topic])
MOST_CHARACTERS = 1500


@pytest.fixture(scope="module")
def golfers(shared_data: Path) -> tuple[RealGolfer, ...]:
    """Each of GolfDB's swings as a golfer's latest one, after the swing of another golfer."""
    swings = [right for right, _ in real_swings(shared_data / "golfdb")]
    return tuple(RealGolfer(analyses=(swings[place - 1], swing)) for place, swing in enumerate(swings))


def wrong(message: str, golfer: RealGolfer, before: str = "") -> Iterator[str]:
    """What is wrong with the answer to a message: empty, too long, a number that nothing carries, marks in it."""
    answer = answer_by_rules(message, golfer, asked_before(before) if before else None, None)
    if not answer.text.strip() or len(answer.text.split()) > 2 * MOST_WORDS or len(answer.text) > MOST_CHARACTERS:
        yield f"{message}: {len(answer.text.split())} words"
    comparison = golfer.comparison(*golfer.swings) if len(golfer.swings) == 2 else None
    swings = list(golfer.swings.values())
    for problem in answer_problems(answer.text, swings, golfer.stored_profile, comparison):
        yield f"{message}: {problem} in “{answer.text}”"
    if sanitised(answer.text, len(answer.text)) != answer.text:
        yield f"{message}: it is stored otherwise than it is said: “{answer.text}”"


def test_every_topic_is_answered_from_real_swings_with_grounded_numbers_only(golfers: tuple[RealGolfer, ...]) -> None:
    assert len(golfers) > 50
    found = [one for golfer in golfers[::2] for message in ONE_OF_EACH for one in wrong(message, golfer)]
    assert found == []


def test_every_metric_moment_word_and_fault_by_name_is_answered_with_grounded_numbers_only(
    golfers: tuple[RealGolfer, ...],
) -> None:
    found = [one for golfer in golfers[1::6] for message in NAMED for one in wrong(message, golfer)]
    assert found == []


def test_every_phrasing_after_every_topic_is_answered_with_grounded_numbers_only(
    golfers: tuple[RealGolfer, ...],
) -> None:
    follow_ups = ("and why?", "tell me more", "what about the other one", "another drill", "what else?", "what is that")
    texts = [text for texts in (*FIRST.values(), *LATER.values()) for text in texts]
    found = [one for place, text in enumerate(texts) for one in wrong(text, golfers[place % len(golfers)])]
    for place, before in enumerate(ONE_OF_EACH):
        found += [one for text in follow_ups for one in wrong(text, golfers[(7 * place) % len(golfers)], before)]
    assert found == []


def test_a_mirrored_golfer_is_told_the_same_words(shared_data: Path) -> None:
    told = 0
    for right, left in real_swings(shared_data / "golfdb")[::2]:
        hands = {one.capture.handedness for one in (right, left) if one.capture}
        if hands != {Handedness.RIGHT, Handedness.LEFT}:
            continue
        golfers = [RealGolfer(analyses=(one,)) for one in (right, left)]
        for message in (*ONE_OF_EACH, "what did you see at impact", "do I sway", "my head movement"):
            one, other = (answer_by_rules(message, golfer, None, None).text for golfer in golfers)
            assert one == other, message
            told += 1
    assert told > 500


def test_the_faults_of_real_swings_lead_the_answer_with_a_drill_of_theirs(golfers: tuple[RealGolfer, ...]) -> None:
    with_faults = 0
    for golfer in golfers:
        latest = list(golfer.swings.values())[-1]
        findings = latest.findings.findings
        if not findings:
            continue
        with_faults += 1
        work_on, drill = (answer_by_rules(text, golfer, None, None) for text in ("what should I work on", "a drill"))
        assert work_on.topic == Topic.WORK_ON
        assert findings[0].name.lower() in work_on.text.lower()
        assert set(drill.drill_ids) <= set(findings[0].drill_ids)
        assert ("hint" in work_on.text.lower()) == (findings[0].confidence == "low")
    assert with_faults > 4


def test_a_swing_without_findings_gets_no_drill_and_no_fault(golfers: tuple[RealGolfer, ...]) -> None:
    for golfer in golfers:
        latest = list(golfer.swings.values())[-1]
        if latest.findings.findings:
            continue
        for text in ("what should I work on", "give me a drill", "why?", "make me a plan"):
            answer = answer_by_rules(text, golfer, None, None)
            assert answer.drill_ids == (), answer.text
