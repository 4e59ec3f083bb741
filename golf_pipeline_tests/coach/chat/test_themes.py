"""The themes of a golfer's coaching are read off the profile and say no more than it does."""

import re

import pytest

from golf_pipeline.coach.chat.documents import CoachingThemes
from golf_pipeline.coach.chat.themes import MOST_IMPROVEMENTS, MOST_INDICATORS, themes_of
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.coach.chat.real_golfers import RealGolfer, analysed, with_readings
from golf_pipeline_tests.swing.stick_golfer import StickGolfer

BEFORE = CoachingThemes(primary_focus="slide", recent_improvements=("Tempo",), session_count=3)


@pytest.fixture(scope="module")
def face_on() -> SwingAnalysis:
    return analysed(StickGolfer().track())


def test_without_a_profile_the_themes_stay_as_they_were() -> None:
    assert themes_of(None, BEFORE) == BEFORE


def test_the_focus_is_the_profiles_and_replaces_the_one_before(face_on: SwingAnalysis) -> None:
    swayed = with_readings(face_on, pelvis_sway_at_top=-0.24, chest_sway_at_top=-0.42, secondary_axis_tilt_at_top=-7.0)
    profile = RealGolfer(analyses=(swayed,)).stored_profile
    assert profile is not None
    themes = themes_of(profile, BEFORE)
    focus = [area.fault_id for area in profile.focus_areas]
    assert themes.primary_focus == focus[0] == "sway"
    assert themes.secondary_focus == (focus[1] if len(focus) > 1 else None)
    assert themes.recent_improvements == ()


def test_only_what_a_trend_calls_better_is_an_improvement_and_no_number_is_told(face_on: SwingAnalysis) -> None:
    swings = [with_readings(face_on, pelvis_sway_at_top=-0.36 + 0.025 * step) for step in range(10)]
    profile = RealGolfer(analyses=swings).stored_profile
    assert profile is not None
    themes = themes_of(profile, BEFORE)
    assert "Pelvis sway at the top, face-on" in themes.recent_improvements
    better = [one for one in (*profile.metrics, *profile.scores) if one.direction == "better"]
    assert len(themes.recent_improvements) == min(len(better), MOST_IMPROVEMENTS)
    assert not re.search(
        r"\d", " ".join([*themes.recent_improvements, *(one.name for one in themes.progress_indicators)])
    )
    assert themes.progress_indicators[0].direction == "better"
    assert len(themes.progress_indicators) <= MOST_INDICATORS


def test_swings_of_one_practice_improve_nothing_and_count_once(face_on: SwingAnalysis) -> None:
    swings = [with_readings(face_on, pelvis_sway_at_top=-0.36 + 0.025 * step) for step in range(10)]
    themes = themes_of(RealGolfer(analyses=swings, days_apart=0.01).stored_profile, BEFORE)
    assert (themes.session_count, themes.recent_improvements, themes.progress_indicators) == (1, (), ())
    assert themes_of(RealGolfer(analyses=swings).stored_profile, BEFORE).session_count == 10


def test_the_same_profile_gives_the_same_themes_again(face_on: SwingAnalysis) -> None:
    profile = RealGolfer(analyses=[face_on] * 6).stored_profile
    once = themes_of(profile, BEFORE)
    assert themes_of(profile, once) == once
