"""What is checked about an asset once it is stored: a warning to look, never a reason to stop the run.

A check judges one swing; `swing_assets` evaluates it over the swings of a run in the asset's own step, which costs
microseconds, and reports one result with the values of each swing. What must stop a swing is an error in the core.
"""

from itertools import pairwise

from golf_pipeline.coach.facts import SwingFacts
from golf_pipeline.coach.grounding import coaching_problems, report_problems
from golf_pipeline.orchestration.documents import Coaching, Metrics
from golf_pipeline.orchestration.stages import SwingCheck, Verdict
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import EventName, Findings, SwingSegmentation

LEAST_COVERAGE = 0.8
"""Share of frames with a body. Detection is 0.98-1.0 on nearly every real clip, so less is worth a look."""

LEAST_CONFIDENCE = 0.4
"""Confidence of top and impact, on which every metric stands: half of what a clearly seen one has (0.8 and more).
Address and finish are never that sure, so they are not asked."""


def _judge_coverage(swing: Swing) -> Verdict:
    coverage = float(swing.stored("pose").facts["coverage"])
    return Verdict(coverage >= LEAST_COVERAGE, {"coverage": coverage})


def _judge_events(swing: Swing) -> Verdict:
    events = swing.document(SwingSegmentation, "events").events
    names_in_order = tuple(event.event for event in events) == tuple(EventName)
    times_in_order = all(earlier.time_s < later.time_s for earlier, later in pairwise(events))
    in_order = names_in_order and times_in_order
    confidence = {event.event: event.confidence for event in events if event.event in (EventName.TOP, EventName.IMPACT)}
    sure = all(one >= LEAST_CONFIDENCE for one in confidence.values())
    return Verdict(in_order and sure, {"in_order": in_order, **{name.value: one for name, one in confidence.items()}})


def _judge_grounding(swing: Swing) -> Verdict:
    coaching = swing.document(Coaching, "coaching")
    facts = SwingFacts(
        swing.document(Findings, "findings"),
        swing.document(Metrics, "metrics").metrics,
        swing.document(SwingSegmentation, "events"),
    )
    problems = report_problems(coaching.report, facts) + coaching_problems(coaching.ai_analysis, facts)
    return Verdict(not problems, {"ungrounded_numbers": [str(problem) for problem in problems]})


pose_coverage = SwingCheck(
    "pose_coverage", f"A body was found in at least {LEAST_COVERAGE:.0%} of the frames.", _judge_coverage
)
events_in_order = SwingCheck(
    "events_in_order",
    f"The eight events follow each other; top and impact have a confidence of at least {LEAST_CONFIDENCE}.",
    _judge_events,
)
numbers_grounded = SwingCheck(
    "numbers_grounded",
    "Every number in the coach's words is measured, with its unit, sign and metric.",
    _judge_grounding,
)
