"""What to work on first: which of several findings explains the others.

The relations stand in `knowledge/causes.toml`. A finding accounts for itself and for every finding that can be reached
from it over findings of the same swing, each by its severity; the one that accounts for most leads. A hint (low
confidence) never leads where there is anything surer: it explains nothing that is better seen than itself.
"""

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import Finding, RootCause, Severity
from golf_pipeline.swing.knowledge import CauseLink

GRAVITY = {Severity.CRITICAL: 3, Severity.MAJOR: 2, Severity.MINOR: 1}
"""What a finding weighs. Of two that account for as much the graver leads, then the surer, then the earlier in
`faults.toml`."""

_SURENESS = {"high": 2, "medium": 1, "low": 0}


def order_findings(findings: list[Finding]) -> tuple[tuple[Finding, ...], RootCause | None]:
    """Put what explains others first, then the gravest; None where the first finding explains no other one.

    Args:
        findings: those of one swing, in the order of `faults.toml`.
    """
    links = knowledge.load().causes
    ranked = sorted(findings, key=_rank, reverse=True)
    sure = [finding for finding in ranked if finding.confidence != "low"]
    if not sure:
        return tuple(ranked), None
    weight = {finding.fault_id: GRAVITY[finding.severity] for finding in ranked}
    reach = {finding.fault_id: _explained_by(finding.fault_id, set(weight), links) for finding in sure}
    # `max` keeps the first of equals, and `sure` is in order of rank.
    first = max(sure, key=lambda one: weight[one.fault_id] + sum(weight[other] for other in reach[one.fault_id]))
    ordered = (first, *(finding for finding in ranked if finding is not first))
    return ordered, _root(first, ordered, reach[first.fault_id], links)


def neighbours(fault_id: str) -> frozenset[str]:
    """The faults that lead to a fault or that it leads to."""
    links = knowledge.load().causes
    ends = {link.effect for link in links if link.cause == fault_id}
    return frozenset(ends | {link.cause for link in links if link.effect == fault_id})


def _rank(finding: Finding) -> tuple[int, int]:
    return GRAVITY[finding.severity], _SURENESS[finding.confidence]


def _explained_by(fault_id: str, found: set[str], links: tuple[CauseLink, ...]) -> set[str]:
    """Everything that is reached from a fault over faults that were found."""
    reached: set[str] = set()
    waiting = [fault_id]
    while waiting:
        cause = waiting.pop()
        new = {link.effect for link in links if link.cause == cause and link.effect in found} - reached
        reached |= new
        waiting.extend(new)
    return reached


def _root(
    first: Finding, ordered: tuple[Finding, ...], explained: set[str], links: tuple[CauseLink, ...]
) -> RootCause | None:
    if not explained:
        return None
    inside = explained | {first.fault_id}
    why = [link.why for link in links if link.cause in inside and link.effect in explained]
    return RootCause(
        fault_id=first.fault_id,
        name=first.name,
        leads_to=tuple(finding.fault_id for finding in ordered if finding.fault_id in explained),
        explanation=" ".join(why),
    )
