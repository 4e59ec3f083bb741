"""The check of a model's words: what it catches, what it lets pass, and that it knows what it is about."""

import pytest

from golf_pipeline.coach.documents import CoachingWords
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.grounding import Kind
from golf_pipeline.coach.words import text_problems, words_problems
from golf_pipeline.swing.documents import EventName
from golf_pipeline_tests.coach.conftest import GOOD


def test_an_honest_answer_passes(facts: SwingFacts) -> None:
    assert words_problems(CoachingWords.model_validate(GOOD), facts) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Your pelvis should not move away from the target.",
        "Your hips never move toward the target on the way back.",
        "Casting could not be judged from here.",
        "A good way to begin is the listed drill.",
        "First the turn, then the arms: one thing at a time.",
    ],
)
def test_what_is_turned_round_wished_or_left_open_is_no_claim(text: str, facts: SwingFacts) -> None:
    assert text_problems(text, facts, facts.findings.findings) == ()


def test_advice_may_name_the_other_way(facts: SwingFacts) -> None:
    text = "Move your pelvis toward the target as you turn your hips."
    assert text_problems(text, facts, facts.findings.findings, is_advice=True) == ()
    assert Kind.SIGN in {problem.kind for problem in text_problems(text, facts, facts.findings.findings)}


def test_another_reading_of_the_same_body_part_carries_only_the_way_that_it_tells(facts: SwingFacts) -> None:
    sway = next(one for one in facts.metrics if one.id == "pelvis_sway")
    bound = sway.model_copy(update={"phase": EventName.IMPACT, "value": 0.6})
    lift = sway.model_copy(update={"id": "pelvis_lift", "name": "Pelvis lift", "value": 0.3})
    told = "At the top your pelvis has moved toward the target."
    for at_the_top, kinds in ((lift, {Kind.PHASE}), (sway.model_copy(update={"value": 0.3}), set())):
        both = SwingFacts(facts.findings, (bound, at_the_top), facts.segmentation)
        assert {one.kind for one in text_problems(told, both, facts.findings.findings, bound_to=bound)} == kinds


def test_without_enough_evidence_nobody_says_that_all_is_well(facts: SwingFacts) -> None:
    nothing = facts.findings.model_copy(update={"findings": (), "overall_level": "not enough evidence"})
    unknown = SwingFacts(nothing, facts.metrics, facts.segmentation)
    assert {one.kind for one in text_problems("There is no fault in your swing.", unknown, ())} == {Kind.PRAISE}


def test_a_listed_positive_may_be_praised_and_nothing_else(facts: SwingFacts) -> None:
    praised = facts.findings.model_copy(update={"positives": ("You keep your posture from address to impact.",)})
    with_praise = SwingFacts(praised, facts.metrics, facts.segmentation)
    assert text_problems("Your posture is solid.", with_praise, ()) == ()
    assert {one.kind for one in text_problems("Your finish is solid.", with_praise, ())} == {Kind.PRAISE}
