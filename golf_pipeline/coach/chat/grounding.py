"""The number walk over an answer of the chat: every number in it is held against the data that it was made from.

The swings' readings pass as in the report (`coach/grounding.py`). A golfer's profile and a comparison of two swings
pass under the same rule: their numbers are laid out as readings, so value, unit, way, metric and phase are asked for
there as well. Besides, an answer may count practices and swings and name a swing by its day. What the library says (a
drill, a definition, how to film) is not about the swing and is not walked. What the walk cannot know is which of two
swings a sentence means.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from golf_pipeline.coach.chat.data import ChatSwing, SwingSummary
from golf_pipeline.coach.chat.said import told_day, told_failure, told_sign
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.grounding import Kind, Problem, number_problems_among
from golf_pipeline.swing import knowledge, trend
from golf_pipeline.swing.compare import SwingComparison
from golf_pipeline.swing.documents import (
    Capture,
    EventName,
    Findings,
    Handedness,
    Metric,
    SwingScore,
    SwingSegmentation,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.profile import RECENT_SWINGS, MetricSnapshot, ScoreSnapshot, SwingProfile

_DAYS_OF_A_PLAN = re.compile(r"\bDays? [1-7](?:(?:, | and | to )[1-7])*\b")
_COUNT = re.compile(
    r"(?<![\w.\N{MINUS SIGN}-])(?P<count>\d+)(?: (?:of|out of) (?:your |the )?(?:last |latest )?(?P<all>\d+))?"
    r" (?P<what>(?:recent |analysed |finished |latest )?(?:swings?|practices?|videos?|times?|readings?|scores?))\b"
)
_LEAST_LIBRARY_TEXT = 12
"""Characters of a library text that is left out of the walk: a shorter one could be a golfer's or a model's own."""


def answer_problems(
    text: str,
    swings: Sequence[ChatSwing],
    profile: SwingProfile | None = None,
    comparison: SwingComparison | None = None,
    listed: Sequence[SwingSummary] = (),
) -> tuple[Problem, ...]:
    """The numbers of an answer that neither a swing, the profile nor the comparison explains.

    Args:
        swings: those that the answer may speak of.
        profile: of the golfer, where the answer may speak of it.
        comparison: of two of the golfer's swings, where the answer may speak of it.
        listed: swings that the answer may name by their day, or whose failure it may repeat in the pipeline's words.
    """
    for one in listed:
        text = text.replace(told_failure(one), "")
    days = [one.recorded_at for one in swings] + [one.recorded_at for one in listed]
    for day in {*map(told_day, days), *_days_of(profile)}:
        text = text.replace(day, "")
    for ours in _library_texts():
        text = text.replace(ours, "")
    for reason in {metric.reason for swing in swings for metric in swing.metrics if metric.reason}:
        text = text.replace(reason, "")
    text = _DAYS_OF_A_PLAN.sub("", text)
    text, miscounted = _without_counts(text, _counts_of(swings, profile))
    known = [swing.facts() for swing in swings]
    if profile is not None:
        known += _facts_of_profile(profile)
    if comparison is not None:
        known += _facts_of_comparison(comparison)
    return (*miscounted, *number_problems_among(text, known or [_as_facts(())]))


def _without_counts(text: str, known: frozenset[tuple[int, int]]) -> tuple[str, tuple[Problem, ...]]:
    """The text without its counts of swings and practices, and those of them that nothing carries."""
    wrong = []
    for match in _COUNT.finditer(text):
        count, of = int(match["count"]), int(match["all"] or 0)
        if (count, of) not in known:
            wrong.append(Problem(Kind.VALUE, match.group()))
    return _COUNT.sub("", text), tuple(wrong)


def _counts_of(swings: Sequence[ChatSwing], profile: SwingProfile | None) -> frozenset[tuple[int, int]]:
    """Pairs (count, of how many); 0 where the answer counts without saying of how many."""
    counts = {(len(swings), 0), (trend.FEWEST_PRACTICES, 0)}
    if profile is not None:
        recent = min(profile.swing_count, RECENT_SWINGS)
        counts |= {(profile.swing_count, 0), (profile.practice_count, 0), (recent, 0)}
        for area in profile.focus_areas:
            counts |= {(area.seen_in, area.judged_in), (area.seen_in, 0), (area.judged_in, 0)}
        counts |= {(one.seen_in, recent) for one in profile.strengths} | {(one.seen_in, 0) for one in profile.strengths}
        counts |= {(one.trend.practices, 0) for one in _snapshots(profile) if one.trend}
        counts |= {(one.readings, 0) for one in profile.metrics} | {(one.scores, 0) for one in profile.scores}
    return frozenset(counts)


def _days_of(profile: SwingProfile | None) -> set[str]:
    if profile is None:
        return set()
    return {told_day(day) for day in (profile.first_swing_at, profile.latest_swing_at) if day}


@lru_cache
def _library_texts() -> tuple[str, ...]:
    """All texts of the knowledge files that an answer may repeat and that are not about a swing; the longest first."""
    known = knowledge.load()
    texts = set(known.filming.values())
    for drill in known.drills.values():
        texts |= {drill.name, drill.how, drill.dose, drill.cue}
    for metric in known.metrics.values():
        texts |= {
            metric.definition,
            told_sign(metric.sign),
            metric.trust_reason,
            *(doubt.reason for doubt in metric.doubts),
        }
    texts |= {fault.not_judged for fault in known.faults.values()}
    texts |= {fault.explanation for fault in known.faults.values()}
    return tuple(sorted((one for one in texts if len(one) >= _LEAST_LIBRARY_TEXT), key=len, reverse=True))


def _facts_of_profile(profile: SwingProfile) -> Iterator[SwingFacts]:
    """The profile's numbers as readings: the latest, the ends of a trend, what was usual before; by side and hand."""
    sides = {(one.view, one.handedness) for one in _snapshots(profile)}
    for side in sorted(sides):
        here = [one for one in profile.metrics if (one.view, one.handedness) == side]
        scores = [one for one in profile.scores if (one.view, one.handedness) == side]
        values = [(one, one.value) for one in here]
        earlier = [(one, one.earlier_median) for one in here if one.earlier_median is not None]
        first = [(one, one.trend.first) for one in here if one.trend]
        last = [(one, one.trend.last) for one in here if one.trend]
        for readings in (values, earlier, first, last):
            yield _as_facts(_of_snapshot(snapshot, value) for snapshot, value in readings)
        trends = [one.trend for one in scores if one.trend]
        ends = chain.from_iterable((round(one.first), round(one.last)) for one in trends)
        for score in {*(one.value for one in scores), *(round(one.median) for one in scores), *ends}:
            yield _as_facts((), score)


def _snapshots(profile: SwingProfile) -> list[MetricSnapshot | ScoreSnapshot]:
    return [*profile.metrics, *profile.scores]


def _of_snapshot(snapshot: MetricSnapshot, value: float) -> Metric:
    return _reading(snapshot.metric_id, snapshot.name, snapshot.phase, value, snapshot.unit)


def _facts_of_comparison(comparison: SwingComparison) -> Iterator[SwingFacts]:
    """The comparison's numbers as readings: the first swing's, the second's, and what lies between them."""
    for which in ("first", "second", "difference"):
        values = [(one, getattr(one, which)) for one in comparison.metrics]
        yield _as_facts(
            _reading(one.metric_id, one.name, one.phase, value, one.unit) for one, value in values if value is not None
        )
    for side in (comparison.first, comparison.second):
        if side.score is not None:
            yield _as_facts((), side.score)


def _reading(metric_id: str, name: str, phase: EventName | None, value: float, unit: str) -> Metric:
    return Metric(
        id=metric_id,
        name=name,
        phase=phase,
        value=value,
        unit=unit,
        trust=Trust.MEASURED,
        noise=None,
        valid_views=(),
        frames=(),
    )


def _as_facts(metrics: Iterable[Metric], score: int | None = None) -> SwingFacts:
    capture = Capture(
        view=View.OBLIQUE,
        view_confidence=0.0,
        handedness=Handedness.UNKNOWN,
        handedness_confidence=0.0,
        time_base=TimeBase.UNKNOWN,
        slow_motion_factor=None,
    )
    findings = Findings(
        overall_level="not enough evidence",
        findings=(),
        positives=(),
        not_judged=(),
        score=None if score is None else SwingScore(value=score, parts=()),
    )
    return SwingFacts(findings, tuple(metrics), SwingSegmentation(capture=capture, events=(), candidates=()))
