"""The number walk catches planted numbers and lets every measured one pass."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.benchmarks.coach_swings import found_in, swings
from golf_pipeline.coach import vocabulary
from golf_pipeline.coach.coach import coach_swing, facts_of
from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.grounding import Kind, coaching_problems, number_problems, report_problems
from golf_pipeline.coach.vocabulary import VocabularyError
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import printed
from golf_pipeline.swing.documents import Metric, Report, SwingAnalysis, SwingScore, Trust


def kinds(text: str, facts: SwingFacts) -> set[Kind]:
    return {problem.kind for problem in number_problems(text, facts)}


def test_a_report_with_measured_numbers_only_is_grounded(report: Report, facts: SwingFacts) -> None:
    assert report_problems(report, facts) == ()


@pytest.mark.parametrize("planted", ["0.34 torso lengths", "45°", "-12.5", "41"])
def test_a_planted_number_is_caught_wherever_it_stands(planted: str, report: Report, facts: SwingFacts) -> None:
    issue = report.top_issues[0]
    places = (
        report.model_copy(update={"summary": f"Your pelvis moved {planted}."}),
        report.model_copy(update={"caveats": (f"Your pelvis is within {planted}.",)}),
        report.model_copy(update={"top_issues": (issue.model_copy(update={"text": f"It was {planted}."}),)}),
    )
    for place in places:
        (problem,) = report_problems(place, facts)
        assert problem.kind == Kind.VALUE
        assert planted.startswith(problem.words)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Your pelvis moved 0.14 torso lengths away from the target.", None),
        ("Your pelvis was at \N{MINUS SIGN}0.14 torso lengths.", None),
        ("Pelvis sway at the top: -0.14 torso lengths", None),
        ("It is seen in frame 40.", None),
        ("There are two causes, and one thing at a time.", None),
        ("Your pelvis moved 0.1432 torso lengths away from the target.", Kind.VALUE),
        ("Your pelvis moved .14 torso lengths away from the target.", None),
        ("Your pelvis moved .34 torso lengths away from the target.", Kind.VALUE),
        ("Your pelvis moved 14 % away from the target.", Kind.VALUE),
        ("Your pelvis moved 0.14 degrees away from the target.", Kind.UNIT),
        ("Your pelvis moved 0.14 away from the target.", Kind.UNIT),
        ("Your pelvis moved 0.14 torso lengths toward the target.", Kind.SIGN),
        ("Your pelvis moved 0.14 torso lengths.", Kind.SIGN),
        ("Your pelvis was at +0.14 torso lengths.", Kind.SIGN),
        ("Your head moved 0.14 torso lengths away from the target.", Kind.METRIC),
        ("It was 0.14 torso lengths.", Kind.METRIC),
        ("At impact your pelvis was 0.14 torso lengths away from the target.", Kind.PHASE),
        ("It is seen in frame 41.", Kind.FRAME),
        ("Your pelvis moved ten degrees.", Kind.QUANTITY),
        ("Your pelvis moved forty-five torso lengths.", Kind.QUANTITY),
        ("X-factor 47 deg", Kind.VALUE),
        ("A tempo of 3:1.", Kind.VALUE),
        ("With a 7-iron.", Kind.VALUE),
    ],
)
def test_a_number_needs_value_unit_sign_metric_and_phase(text: str, kind: Kind | None, facts: SwingFacts) -> None:
    assert kinds(text, facts) == ({kind} if kind else set())


def test_the_score_may_be_told_and_lends_its_numbers_to_nothing_measured(facts: SwingFacts) -> None:
    for value in (0, 72):
        scored = facts.findings.model_copy(update={"score": SwingScore(value=value, parts=())})
        with_score = SwingFacts(scored, facts.metrics, facts.segmentation)
        assert kinds(f"Your score is {value} of 100.", with_score) == set()
        assert kinds("Your score is 41.", with_score) == {Kind.VALUE}
        for planted in (f"At the low point your pelvis moved {value} cm.", "The low point moves by 100 degrees."):
            assert kinds(planted, with_score) == {Kind.VALUE}


@pytest.fixture(scope="module")
def one() -> SwingAnalysis:
    return next(analysis for name, analysis in swings() if name.startswith("no fault, down"))


@settings(deadline=None)
@given(value=st.floats(min_value=-89, max_value=89, allow_nan=False))
def test_a_measured_value_is_grounded_as_it_is_printed_and_its_opposite_is_not(
    one: SwingAnalysis, value: float
) -> None:
    metric = next(metric for metric in one.metrics if metric.id == "posture_change" and metric.value is not None)
    measured = metric.model_copy(update={"value": value})
    facts = SwingFacts(facts_of(one).findings, (measured,), facts_of(one).segmentation)
    told = f"{metric.name} at {metric.phase}: {{}}."
    assert kinds(told.format(printed(value, "deg")), facts) == set()
    if abs(value) >= 1:
        opposite = "-" if value > 0 else "+"
        size = printed(abs(value), "deg")
        assert kinds(told.format(opposite + size), facts) == {Kind.SIGN}
    assert kinds(told.format(printed(value + 2, "deg").replace("\N{MINUS SIGN}", "-")), facts) != set()


def test_the_rules_reports_on_every_fault_are_grounded() -> None:
    names = set()
    for name, analysis in swings():
        facts, coaching = facts_of(analysis), coach_swing(analysis)
        assert analysis.report is not None
        assert report_problems(analysis.report, facts) == (), name
        assert coaching_problems(coaching, facts) == (), name
        names |= set(found_in(analysis))
    assert names == {fault.id for fault in knowledge.load().faults.values() if fault.primary is not None}


def test_a_number_that_was_planted_into_the_coaching_is_caught_in_every_part(analysis: SwingAnalysis) -> None:
    facts, coaching, planted = facts_of(analysis), coach_swing(analysis), "Your pelvis moved 0.55 torso lengths."
    for part in ("response", "coaching_response", "root_cause", "overall_feedback"):
        assert coaching_problems(coaching.model_copy(update={part: planted}), facts)
    phase = coaching.swing_phases[0].model_copy(update={"observations": (planted,)})
    assert coaching_problems(coaching.model_copy(update={"swing_phases": (phase,)}), facts)
    change = coaching.recommendations[0].model_copy(update={"why": planted})
    assert coaching_problems(coaching.model_copy(update={"recommendations": (change,)}), facts)


def test_the_vocabulary_knows_every_metric_and_unit_that_is_measured() -> None:
    words = vocabulary.load()
    for metric in knowledge.load().metrics.values():
        assert words.metrics[metric.id].names.search(metric.name)
        assert words.metrics[metric.id].subjects.search(metric.name)
        if metric.most_trust != Trust.UNAVAILABLE:
            assert metric.unit in words.units, metric.unit


def test_a_direction_only_reading_is_never_printed_as_a_number(metrics: tuple[Metric, ...]) -> None:
    from golf_pipeline.coach.facts import told_reading

    assert told_reading(metrics[0].model_copy(update={"trust": Trust.DIRECTION_ONLY})) is None
    assert told_reading(metrics[1]) is None


def test_a_vocabulary_of_something_unknown_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vocabulary.toml"
    file.write_text(vocabulary.FILE.read_text() + '\n[metric.heart_rate]\nnames = ["pulse"]\n')
    with pytest.raises(VocabularyError, match="heart_rate"):
        vocabulary.load(file)
