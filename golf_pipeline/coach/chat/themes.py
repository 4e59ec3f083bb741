"""What the coaching of a golfer is about, read off their profile after each exchange and each finished analysis."""

from golf_pipeline.coach.chat.documents import CoachingThemes, ProgressIndicator
from golf_pipeline.coach.chat.said import capital, told_metric
from golf_pipeline.swing.profile import MetricSnapshot, SwingProfile

MOST_INDICATORS = 12
MOST_IMPROVEMENTS = 5

_ORDER = ("better", "worse", "changed", "steady")
"""What moved comes first; what has no trend is no indicator."""


def themes_of(profile: SwingProfile | None, before: CoachingThemes) -> CoachingThemes:
    """The themes that a profile gives; those from before where there is no profile (yet, or for a guest).

    An improvement is what the profile's trend calls better, and nothing else: never a number, never two swings.
    """
    if profile is None:
        return before
    focus = [area.fault_id for area in profile.focus_areas]
    tested = [one for one in profile.metrics if one.trend is not None and one.direction in _ORDER]
    tested.sort(key=lambda one: (_ORDER.index(one.direction), one.metric_id, one.phase or "", one.view))
    better = [_name(one) for one in tested if one.direction == "better"]
    better += [f"Score {one.view}" for one in profile.scores if one.trend is not None and one.direction == "better"]
    return CoachingThemes(
        primary_focus=focus[0] if focus else None,
        secondary_focus=focus[1] if len(focus) > 1 else None,
        recent_improvements=tuple(dict.fromkeys(better))[:MOST_IMPROVEMENTS],
        session_count=profile.practice_count,
        progress_indicators=tuple(
            ProgressIndicator(metric_id=one.metric_id, name=_name(one), direction=one.direction)
            for one in tested[:MOST_INDICATORS]
        ),
    )


def _name(snapshot: MetricSnapshot) -> str:
    return f"{capital(told_metric(snapshot.name, snapshot.phase))}, {snapshot.view}"
