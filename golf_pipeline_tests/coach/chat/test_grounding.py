"""The number walk over an answer of the chat: what the swings, the profile and the comparison carry, and no more."""

import pytest

from golf_pipeline.coach.chat.grounding import answer_problems
from golf_pipeline.coach.grounding import Kind, number_problems_among
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.coach.chat.real_golfers import RealGolfer, analysed, with_readings
from golf_pipeline_tests.swing.stick_golfer import StickGolfer

MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def golfer() -> RealGolfer:
    face_on: SwingAnalysis = analysed(StickGolfer().track())
    return RealGolfer(analyses=[with_readings(face_on, pelvis_sway_at_top=-0.36 + 0.025 * step) for step in range(10)])


def kinds(text: str, golfer: RealGolfer, *, is_whole: bool = True) -> list[Kind]:
    first, *_, last = golfer.swings
    comparison = golfer.comparison(first, last) if is_whole else None
    profile = golfer.stored_profile if is_whole else None
    return [one.kind for one in answer_problems(text, [golfer.swings[last]], profile, comparison)]


@pytest.mark.parametrize(
    "text",
    [
        f"Pelvis sway at the top: {MINUS}0.14 torso lengths.",
        f"Pelvis sway at the top from {MINUS}0.36 torso lengths to {MINUS}0.14 torso lengths.",
        "Your pelvis moved 0.36 torso lengths away from the target at the top then.",
        "Your pelvis stayed 0.23 torso lengths more toward the target at the top than before.",
        "Pelvis sway at the top: better over 10 practices, seen in 10 swings.",
        "Your swing of 5 July 2026. Days 1, 2 and 5: 3 sets of 10 turns, slowly.",
        "Film three more swings; trends need 5 practices.",
    ],
)
def test_what_the_data_carry_passes(golfer: RealGolfer, text: str) -> None:
    assert kinds(text, golfer) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Pelvis sway at the top: {MINUS}0.77 torso lengths.", Kind.VALUE),
        ("Pelvis sway at the top: 0.36 torso lengths.", Kind.SIGN),
        ("Your pelvis was 0.36 cm away from the target at the top.", Kind.UNIT),
        (f"Your head at the top: {MINUS}0.36 torso lengths.", Kind.METRIC),
        (f"Pelvis sway at impact: {MINUS}0.36 torso lengths.", Kind.PHASE),
        ("It got better over 11 practices.", Kind.VALUE),
        ("I saw it in 4 of 7 swings.", Kind.VALUE),
        ("Your swing of 6 July 2026.", Kind.VALUE),
        ("Your score went up to 99 points.", Kind.VALUE),
    ],
)
def test_what_the_data_do_not_carry_is_found(golfer: RealGolfer, text: str, kind: Kind) -> None:
    assert kind in kinds(text, golfer)


def test_numbers_of_the_profile_and_of_a_comparison_need_these(golfer: RealGolfer) -> None:
    earlier = f"Pelvis sway at the top: {MINUS}0.36 torso lengths."
    assert kinds(earlier, golfer) == []
    assert kinds(earlier, golfer, is_whole=False) == [Kind.VALUE]


def test_without_any_data_every_number_is_found() -> None:
    assert [one.kind for one in answer_problems("Your tempo is 3.1.", ())] == [Kind.VALUE]
    with pytest.raises(ValueError, match="at least"):
        number_problems_among("Your tempo is 3.1.", ())
