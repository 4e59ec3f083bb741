"""Which of several findings leads: what explains most, unless it is no more than a hint."""

from typing import Literal

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.causes import neighbours, order_findings
from golf_pipeline.swing.documents import Finding, Severity


def finding(
    fault_id: str, severity: Severity = Severity.MAJOR, confidence: Literal["high", "medium", "low"] = "high"
) -> Finding:
    fault = knowledge.load().faults[fault_id]
    return Finding(
        fault_id=fault_id,
        name=fault.name,
        severity=severity,
        confidence=confidence,
        explanation=fault.explanation,
        evidence=(),
        ball_flight=fault.ball_flight,
        causes=fault.causes,
        drill_ids=fault.drills,
    )


def ids(findings: tuple[Finding, ...]) -> list[str]:
    return [one.fault_id for one in findings]


def test_no_finding_has_no_root() -> None:
    assert order_findings([]) == ((), None)


def test_a_single_finding_explains_nothing() -> None:
    ordered, root = order_findings([finding("sway")])
    assert (ids(ordered), root) == (["sway"], None)


def test_the_root_is_what_explains_most_also_over_others_and_it_says_why() -> None:
    found = [finding("hanging_back"), finding("chicken_wing", Severity.MINOR), finding("sway", Severity.MINOR)]
    ordered, root = order_findings(found)
    assert ids(ordered) == ["sway", "hanging_back", "chicken_wing"]
    assert root is not None
    assert (root.fault_id, root.leads_to) == ("sway", ("hanging_back", "chicken_wing"))
    assert root.explanation.count(".") == 2, "one sentence for each link"


def test_the_way_to_an_effect_goes_over_faults_that_were_found() -> None:
    _, root = order_findings([finding("sway"), finding("chicken_wing")])
    assert root is None, "a sway brings a chicken wing only by way of hanging back"


def test_a_hint_never_leads_where_something_is_surer() -> None:
    hint = finding("sway", Severity.MINOR, "low")
    ordered, root = order_findings([hint, finding("hanging_back"), finding("reverse_spine_angle")])
    assert ordered[0].fault_id == "reverse_spine_angle"
    assert root is not None
    assert root.fault_id == "reverse_spine_angle"


def test_among_hints_alone_there_is_no_root() -> None:
    hints = [finding(one, Severity.MINOR, "low") for one in ("flat_shoulder_plane", "over_the_top", "c_posture")]
    ordered, root = order_findings(hints)
    assert ids(ordered) == ["flat_shoulder_plane", "over_the_top", "c_posture"]
    assert root is None


def test_a_grave_fault_that_nothing_explains_is_not_displaced_by_a_small_root() -> None:
    found = [finding("sway", Severity.MINOR), finding("slide", Severity.MINOR)]
    ordered, root = order_findings([*found, finding("early_extension", Severity.CRITICAL)])
    assert ids(ordered) == ["early_extension", "sway", "slide"]
    assert root is None


def test_without_links_the_gravest_comes_first_then_the_surest() -> None:
    found = [
        finding("chicken_wing", Severity.MINOR),
        finding("slide", Severity.MAJOR, "medium"),
        finding("early_extension", Severity.MAJOR),
        finding("reverse_spine_angle", Severity.CRITICAL, "medium"),
    ]
    ordered, _ = order_findings(found)
    assert ids(ordered) == ["reverse_spine_angle", "early_extension", "slide", "chicken_wing"]


def test_neighbours_are_the_faults_at_the_other_ends_of_a_fault_s_links() -> None:
    assert neighbours("hanging_back") == {"sway", "reverse_spine_angle", "chicken_wing"}
    assert neighbours("slide") == {"sway"}
