"""What `golf-pipeline cohort` prints: one metric over all golfers of the bucket, or how common each fault is.

The questions are `storage/history.py`'s, which says nothing about few golfers; here is only how the answers are shown.
"""

from rich.table import Table

from golf_pipeline.storage.history import FEWEST_GOLFERS, SwingHistory
from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName, View


class NoCohort(Exception):
    """The question has no answer; the message says why, and what can be asked."""


def metric_cohort(history: SwingHistory, metric_id: str, phase: str, view: View) -> Table:
    """Percentiles of one reading, each golfer counted once with their median.

    Args:
        phase: an event's name, or "swing" for a metric of the whole swing.

    Raises:
        NoCohort: the metric or the phase is unknown, or too few golfers have it.
        SwingError: as `SwingHistory`.
    """
    cohort = history.cohort(metric_id, _phase(metric_id, phase), view)
    if cohort is None:
        raise NoCohort(f"Fewer than {FEWEST_GOLFERS} golfers have {metric_id} at {phase}, {view}: nothing is told.")
    table = Table(title=f"{metric_id} at {phase.replace('_', ' ')}, {view}, {cohort.unit}", title_justify="left")
    table.add_column("golfers", justify="right")
    for percent in cohort.percentiles:
        table.add_column(f"{percent} %", justify="right")
    table.add_row(str(cohort.golfers), *(f"{value:.4g}" for value in cohort.percentiles.values()))
    return table


def fault_cohort(history: SwingHistory, view: View) -> Table:
    """How common each fault is among the golfers in whose swings it could be judged, the most common first.

    Raises:
        NoCohort: too few golfers have been judged in this view.
        SwingError: as `SwingHistory`.
    """
    faults = history.fault_prevalence(view)
    if not faults:
        raise NoCohort(f"Fewer than {FEWEST_GOLFERS} golfers were judged {view}: nothing is told.")
    table = Table(title=f"Faults, {view}", title_justify="left")
    table.add_column("fault")
    for heading in ("golfers judged", "of their swings", "golfers who mostly show it"):
        table.add_column(heading, justify="right")
    for one in faults:
        table.add_row(one.fault_id, str(one.golfers), f"{one.share_of_swings:.0%}", f"{one.share_of_golfers:.0%}")
    return table


def _phase(metric_id: str, phase: str) -> EventName | None:
    metrics = knowledge.load().metrics
    if metric_id not in metrics:
        raise NoCohort(f"There is no metric {metric_id}. There are: {', '.join(metrics)}.")
    phases = [str(reading.phase) for reading in metrics[metric_id].readings]
    if phase not in phases:
        raise NoCohort(f"{metric_id} is not read at {phase}. It is read at: {', '.join(phases)}.")
    return None if phase == "swing" else EventName(phase)
