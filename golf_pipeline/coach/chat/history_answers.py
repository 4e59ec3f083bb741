"""What the rules answer about several swings: trends of the profile, two swings compared, videos on their way.

A trend is told only where the profile calls it one, a change between two swings only where it is larger than the
measurement's noise.
"""

from collections.abc import Sequence

from golf_pipeline.coach.chat.data import SwingSummary
from golf_pipeline.coach.chat.said import capital, in_words, plain, told_day, told_failure, told_metric
from golf_pipeline.coach.chat.spoken_of import FAILED, FINISHED, MOST_SWINGS, Asked, SpokenOf
from golf_pipeline.coach.chat.swing_answers import Said
from golf_pipeline.swing import knowledge, trend
from golf_pipeline.swing.advice import printed
from golf_pipeline.swing.compare import ComparedMetric, SwingComparison, Verdict
from golf_pipeline.swing.documents import View
from golf_pipeline.swing.profile import Direction, MetricSnapshot, SwingProfile

MOST_CHANGES = 2
MOST_TRENDS = 3
MOST_NAMED = 3
_TOLD: tuple[Direction, ...] = ("better", "worse", "changed")
_CHANGES: tuple[tuple[Verdict, str], ...] = (
    ("better", "Better"),
    ("worse", "Worse"),
    ("changed", "Changed, which is neither good nor bad"),
)
_VERDICTS: dict[Verdict, str] = {
    "better": "which is better",
    "worse": "which is worse",
    "changed": "which is neither good nor bad",
    "within noise": "which is within the measurement's noise",
}


def progress(asked: Asked, profile: SwingProfile | None) -> Said:
    """What the profile's trends say, each with its practices; that there are too few practices where that is so."""
    if profile is None or profile.swing_count == 0:
        return Said("I keep no history here yet, so I cannot say. Trends need finished swings of several practices.")
    wanted = _metrics_meant(asked)
    series = [one for one in profile.metrics if not wanted or one.metric_id in wanted]
    named = f" in {in_words(sorted({plain(one.name) for one in series}), 'or')}" if wanted and series else ""
    tested = [one for one in series if one.trend is not None]
    scores = [] if wanted else [one for one in profile.scores if one.trend is not None]
    if not tested and not scores:
        return _too_few(profile, named)
    moved = sorted((one for one in tested if one.direction in _TOLD), key=lambda one: _TOLD.index(one.direction))
    texts = [_told_trend(one) for one in moved[:MOST_TRENDS]]
    for score in (one for one in scores if one.direction in {"better", "worse"} and one.trend):
        ends = score.trend
        if ends is not None:
            way = "up" if score.direction == "better" else "down"
            texts.append(
                f"Your score {score.view} went {way} over {ends.practices} practices, "
                f"from a score of {round(ends.first)} to a score of {round(ends.last)}."
            )
    if not texts:
        most = max(one.practices for one in (*(s.trend for s in tested), *(s.trend for s in scores)) if one)
        return Said(
            f"Not that I could tell{named}: over {most} practices nothing moved by more than the measurement's noise "
            "and your own spread. Steady is no bad sign; a change of the swing takes weeks. Keep to one drill."
        )
    steady = len(tested) - len(moved)
    if steady > 0:
        texts.append("The other numbers that I can follow are steady.")
    return Said(" ".join(texts))


def _too_few(profile: SwingProfile, named: str) -> Said:
    have = profile.practice_count
    count = f" You have {have} practice{'' if have == 1 else 's'} so far." if have else ""
    return Said(
        f"Too few practices to speak of a trend{named}: I call a change a trend from {trend.FEWEST_PRACTICES} "
        f"practices on that are filmed from the same side.{count} Film one or two swings each time you practise, "
        "always from the same place. Until then I can compare two swings for you."
    )


def _metrics_meant(asked: Asked) -> set[str]:
    """The metrics that the question names, those behind a fault that it names among them; empty: all."""
    faults = [knowledge.load().faults[one] for one in asked.question.faults]
    return {*asked.question.metrics, *(signal.metric for fault in faults for signal in fault.signals)}


def _told_trend(snapshot: MetricSnapshot) -> str:
    ends = snapshot.trend
    if ends is None:
        raise ValueError("a direction is told of a trend only")
    how = {"better": "better", "worse": "worse"}.get(snapshot.direction, "neither better nor worse, but changed")
    metric = capital(told_metric(snapshot.name, snapshot.phase))
    first, last = printed(ends.first, snapshot.unit), printed(ends.last, snapshot.unit)
    low = " (low trust: a hint)" if snapshot.trust == "low" else ""
    return f"{metric}, {snapshot.view}: {how} over {ends.practices} practices, from {first} to {last}{low}."


def compare(asked: Asked, spoken_of: SpokenOf) -> Said:
    """Two swings against each other: what changed by more than the noise, which faults went and came."""
    pair = spoken_of.pair(asked.question)
    if pair is None:
        return Said(
            "I need two finished swings of yours to compare, and I have no two of them yet. Film another one from the "
            "same side, and I put them side by side."
        )
    comparison = spoken_of.golfer.comparison(*pair)
    if comparison is None:
        return Said("I cannot put these two swings side by side: one of them is not to be had any more.")
    days = {one.analysis_id: told_day(one.recorded_at) for one in spoken_of.finished}
    one, other = (days[analysis_id] for analysis_id in pair)
    # The later one stands first: it is the swing that is spoken of from here on.
    return Said(_told_comparison(comparison, one, other, set(asked.question.metrics)), tuple(reversed(pair)))


def _told_comparison(comparison: SwingComparison, one: str, other: str, wanted: set[str]) -> str:
    when = f"of {one}, the earlier and the later one" if one == other else f"of {one} and {other}"
    texts = [f"Your swings {when}."]
    named = [metric for metric in comparison.metrics if metric.metric_id in wanted and _has_both(metric)]
    if named:
        changes = "; ".join(f"{_told_change(metric)}, {_VERDICTS[metric.verdict]}" for metric in named[:MOST_NAMED])
        return f"{texts[0]} {capital(changes)}."
    if not comparison.comparable:
        texts.append(f"Positions of the body do not compare: {comparison.reason}.")
    shown = 0
    for verdict, words in _CHANGES:
        changed = [metric for metric in comparison.metrics if metric.verdict == verdict and _is_shown(metric)]
        changed.sort(key=lambda metric: abs(metric.difference or 0.0) / (metric.noise or 1.0), reverse=True)
        if changed and shown < 2 * MOST_CHANGES:
            told = [_told_change(metric) for metric in changed[:MOST_CHANGES]]
            texts.append(f"{words}: {'; '.join(told)}.")
            shown += len(told)
    scores = (comparison.first.score, comparison.second.score)
    if comparison.comparable and None not in scores:
        doubt = "" if shown or scores[0] == scores[1] else ", on numbers that differ by no more than their noise"
        texts.append(f"The score was {scores[0]} of 100, then {scores[1]} of 100{doubt}.")
    if not shown and comparison.comparable:
        texts.append("No number changed by more than the measurement's noise.")
    texts += _told_faults(comparison)
    if shown and comparison.comparable:
        texts.append("The rest is within the noise or was not measured in both.")
    return " ".join(texts)


def _is_shown(metric: ComparedMetric) -> bool:
    """Whether the two numbers are still two when they are printed."""
    if metric.first is None or metric.second is None:
        return False
    return printed(metric.first, metric.unit) != printed(metric.second, metric.unit)


def _has_both(metric: ComparedMetric) -> bool:
    """Whether there is something to say of a metric that was asked for by name."""
    return metric.verdict != "not comparable" and metric.first is not None and metric.second is not None


def _told_change(metric: ComparedMetric) -> str:
    first, second = (printed(value or 0.0, metric.unit) for value in (metric.first, metric.second))
    hint = " (a hint)" if metric.reason.startswith("low trust") else ""
    return f"{told_metric(metric.name, metric.phase)} from {first} to {second}{hint}"


def _told_faults(comparison: SwingComparison) -> list[str]:
    texts = []
    for change, words in (("lost", "No longer found"), ("gained", "Newly found"), ("kept", "Found in both")):
        faults = [one for one in comparison.faults if one.change == change]
        if faults:
            doubt = " (the two swings may be alike there)" if any("noise" in one.reason for one in faults) else ""
            texts.append(f"{words}: {in_words([plain(one.name) for one in faults[:3]])}{doubt}.")
    return texts


def status(recent: Sequence[SwingSummary]) -> Said:
    """How the golfer's latest videos stand; a failed one with the pipeline's own reason."""
    if not recent:
        return Said("I have no video of yours yet. Upload one, and I tell you here when it is analysed.")
    latest = recent[0]
    day = told_day(latest.recorded_at)
    if latest.status == FINISHED:
        text = f"Your latest video, of {day}, is analysed. Ask me what to work on, or what I saw at impact."
        return Said(f"{text}{_how_many(recent)}", (latest.analysis_id,))
    if latest.status == FAILED:
        reason = told_failure(latest)
        because = f": {reason.rstrip('.')}." if reason else "."
        return Said(f"Your latest video, of {day}, could not be analysed{because} Film it again and upload it.")
    return Said(f"Your latest video, of {day}, is still being analysed. That usually takes a few minutes.")


def _how_many(recent: Sequence[SwingSummary]) -> str:
    """How many finished swings there are, and since when; empty where there may be more than are listed."""
    finished = [one for one in recent if one.status == FINISHED]
    if not 1 < len(finished) <= len(recent) < MOST_SWINGS:
        return ""
    return f" It is one of your {len(finished)} finished swings, the first of {told_day(finished[-1].recorded_at)}."


def not_the_latest(recent: Sequence[SwingSummary]) -> str:
    """What has to be said before an answer about "the latest" swing, where the latest video is not analysed."""
    return status(recent).text if recent and recent[0].status != FINISHED else ""


def no_swing_yet(recent: Sequence[SwingSummary], about: str | None) -> Said:
    """What is said where a question needs a finished swing and there is none, or not the one that is meant."""
    meant = [one for one in recent if about in {None, one.analysis_id}]
    if meant and meant[0].status != FINISHED:
        return status(meant)
    if any(one.status == FINISHED for one in recent):
        return Said("I find no finished swing of yours there. Ask me about another one, or about your latest.")
    film = knowledge.load().filming
    return Said(
        "I have no finished swing to speak of yet. Film one, from either side, the camera still, and upload it. "
        f"{film[View.FACE_ON]} {film[View.DOWN_THE_LINE]} One swing from each side shows me the most."
    )
