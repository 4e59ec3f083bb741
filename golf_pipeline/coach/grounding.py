"""The grounding check: every number in coaching prose must be one that was measured.

Drill texts are not checked: their numbers ("three sets of ten") are the library's, not claims about the swing.
"""

import re
from collections.abc import Iterable

from golf_pipeline.coach.documents import AiAnalysis, CoachingWords
from golf_pipeline.swing.documents import Findings, Metric, Report

_NUMBER = re.compile(r"(?<![\w.])[-+\N{MINUS SIGN}]?\d+(?:[.,]\d+)?")
_NUMBER_WORD = re.compile(
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:[- ]\w+)?|hundred|half|double|twice)\s+"
    r"(?:degrees?|percent|inch(?:es)?|centimet\w+|millimet\w+|met(?:er|re)s?|seconds?|times|yards?|frames?)\b",
    re.IGNORECASE,
)
_DECIMALS = (0, 1, 2, 3)


def ungrounded_numbers(report: Report, findings: Findings, metrics: tuple[Metric, ...]) -> tuple[str, ...]:
    """Return the numbers in the report's prose that no measured metric, noise figure, corridor or frame explains."""
    texts = [report.summary, *report.caveats, *(day.focus for day in report.one_week_plan)]
    texts += [text for issue in report.top_issues for text in (issue.title, issue.text)]
    return _unexplained(texts, _allowed(findings, metrics))


def ungrounded_numbers_in_coaching(
    coaching: AiAnalysis, findings: Findings, metrics: tuple[Metric, ...]
) -> tuple[str, ...]:
    """The same check over all prose of the `ai_analysis` part except the drills' own texts."""
    texts = [coaching.response, coaching.coaching_response, coaching.root_cause, coaching.overall_feedback]
    texts += [text for phase in coaching.swing_phases for text in phase.observations]
    texts += coaching.technical_analysis.positives
    for issue in coaching.technical_analysis.issues:
        texts += [issue.issue, issue.impact, issue.biomechanical_cause]
    for change in coaching.recommendations:
        texts += [change.change, change.why, change.expected_improvement]
    return _unexplained(texts, _allowed(findings, metrics))


def numbers_in_words(words: CoachingWords) -> tuple[str, ...]:
    """Return every number, as digits or as a spelt-out quantity, in a model's words: it may contribute none."""
    texts = [words.summary, words.encouragement]
    texts += [text for issue in words.issues for text in (issue.what_happens, issue.why_it_matters)]
    return tuple(
        match.group() for text in texts for pattern in (_NUMBER, _NUMBER_WORD) for match in pattern.finditer(text)
    )


def _allowed(findings: Findings, metrics: tuple[Metric, ...]) -> set[str]:
    values: set[float] = set()
    for metric in metrics:
        if metric.value is None:
            continue
        values.add(metric.value)
        values.update(float(frame) for frame in metric.frames)
        values.update(bound for bound in metric.corridor or () if bound is not None)
        if metric.noise is not None:
            values.add(metric.noise)
    for finding in findings.findings:
        for evidence in finding.evidence:
            values.update((evidence.value, float(evidence.frame)))
    return {f"{abs(value):.{decimals}f}" for value in values for decimals in _DECIMALS}


def _unexplained(texts: Iterable[str], allowed: set[str]) -> tuple[str, ...]:
    found = (match.group() for text in texts for match in _NUMBER.finditer(text))
    return tuple(number for number in found if number.lstrip("+-\N{MINUS SIGN}").replace(",", ".") not in allowed)
