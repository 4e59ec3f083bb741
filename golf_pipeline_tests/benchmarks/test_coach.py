"""The benchmark of the coach's words: each kind is planted, the plain ones are caught, nothing honest is refused."""

from pathlib import Path

import pytest

from golf_pipeline.benchmarks.coach import score_coach, score_swings
from golf_pipeline.benchmarks.coach_swings import swings
from golf_pipeline.coach.grounding import Kind


def test_every_kind_is_planted_the_plain_ones_are_caught_and_no_honest_text_is_refused() -> None:
    score = score_swings(list(swings())[::4])  # all of them take half a minute
    assert score.swings >= 8
    assert score.false_alarms == ()
    plain = [kind for kind in score.kinds if not kind.hard]
    assert {kind.kind for kind in plain} == set(Kind) - {Kind.COVERAGE}
    assert all(kind.caught >= 0.95 * kind.planted for kind in plain)
    assert score.tokens.most_with_repair <= score.tokens.allowed


def test_a_folder_without_an_analysis_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no analysis\.json of an analysed swing"):
        score_coach(tmp_path)
