"""The grounding check catches planted numbers and lets every measured one pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.coach.documents import CoachingWords
from golf_pipeline.coach.grounding import numbers_in_words, ungrounded_numbers
from golf_pipeline.swing.documents import Findings, Metric, Report


def test_a_report_with_measured_numbers_only_is_grounded(
    report: Report, findings: Findings, metrics: tuple[Metric, ...]
) -> None:
    assert ungrounded_numbers(report, findings, metrics) == ()


@pytest.mark.parametrize("planted", ["0.34", "45", "-12.5", "41"])
def test_a_planted_number_is_caught_wherever_it_stands(
    planted: str, report: Report, findings: Findings, metrics: tuple[Metric, ...]
) -> None:
    issue = report.top_issues[0]
    places = (
        report.model_copy(update={"summary": f"You turn {planted} degrees."}),
        report.model_copy(update={"caveats": (f"Within {planted}.",)}),
        report.model_copy(update={"top_issues": (issue.model_copy(update={"text": f"It was {planted}."}),)}),
    )
    assert [ungrounded_numbers(place, findings, metrics) for place in places] == [(planted,)] * len(places)


def test_the_number_of_an_unavailable_metric_is_never_grounded(
    report: Report, findings: Findings, metrics: tuple[Metric, ...]
) -> None:
    told = report.model_copy(update={"summary": "X-factor 47 deg"})
    assert ungrounded_numbers(told, findings, metrics) == ("47",)


@given(st.floats(min_value=-500, max_value=500, allow_nan=False), st.integers(min_value=0, max_value=3))
def test_a_measured_value_is_grounded_at_any_rounding(value: float, decimals: int) -> None:
    metric = Metric(
        id="m", name="m", phase=None, value=value, unit="deg", trust="measured", noise=None, valid_views=(), frames=()
    )
    told = Report(summary=f"It read {value:.{decimals}f} deg.", top_issues=(), drills=(), one_week_plan=(), caveats=())
    nothing = Findings(overall_level="no fault seen", findings=(), positives=(), not_judged=())
    assert ungrounded_numbers(told, nothing, (metric,)) == ()


@pytest.mark.parametrize("text", ["about 30 degrees", "forty-five degrees", "twice a week: two inches", "3:1"])
def test_a_models_quantities_are_seen_as_digits_and_as_words(text: str) -> None:
    words = CoachingWords(summary=text, root_cause_fault_id="none", issues=(), encouragement="")
    assert numbers_in_words(words)


def test_plain_words_hold_no_number() -> None:
    words = CoachingWords(
        summary="One thing at a time: first the turn, then the arms.",
        root_cause_fault_id="none",
        issues=(),
        encouragement="Your second half of the swing is steady.",
    )
    assert numbers_in_words(words) == ()
