"""What could not be judged, why, and how to film it so that it can be.

The reason in words comes from the reading or the rule; the way out follows from a code (`knowledge.WhyNot`), never from
those words. What to do stands in `knowledge/filming.toml`, unless the capture check has seen what was wrong with this
clip.
"""

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import Capture, CaptureCode, Handedness, Metric, NotJudged, View
from golf_pipeline.swing.knowledge import FaultDefinition, WhyNot
from golf_pipeline.swing.readings import UNKNOWN_HAND

_HIDE_THE_GOLFER = frozenset(
    {
        CaptureCode.VIEW_FROM_BEHIND,
        CaptureCode.VIEW_FROM_TARGET,
        CaptureCode.CAMERA_MOVES,
        CaptureCode.BODY_LOST,
        CaptureCode.HANDS_UNCLEAR,
        CaptureCode.HEAD_OUTSIDE,
        CaptureCode.HANDS_OUTSIDE,
        CaptureCode.FEET_OUTSIDE,
        CaptureCode.GOLFER_SMALL,
        CaptureCode.STARTS_LATE,
    }
)
"""Remarks of the capture check that can be why a body part was not seen."""


class NotJudgedError(Exception):
    """The outcome of a rule that cannot be decided in this clip; `was_measured`: its first sign was a measured one."""

    def __init__(self, why: WhyNot, reason: str, *, was_measured: bool = False) -> None:
        super().__init__(reason)
        self.why, self.was_measured = why, was_measured


def not_readable(fault: FaultDefinition, metric: Metric | None, capture: Capture) -> NotJudgedError:
    """Say why the first sign of a fault has no value in this clip."""
    reason = metric.reason if metric and metric.reason else "it was not measured"
    if capture.view not in _views(fault) and capture.view != View.OBLIQUE:
        return NotJudgedError(WhyNot.OTHER_VIEW, reason)
    if reason == UNKNOWN_HAND and capture.handedness == Handedness.UNKNOWN:
        return NotJudgedError(WhyNot.UNKNOWN_HAND, reason)
    return NotJudgedError(WhyNot.OBLIQUE if capture.view == View.OBLIQUE else WhyNot.NOT_SEEN, reason)


def told(fault: FaultDefinition, outcome: NotJudgedError, capture: Capture) -> NotJudged:
    """The outcome as a document: in words, with the way out; empty where no video helps."""
    return NotJudged(fault_id=fault.id, name=fault.name, reason=str(outcome), how=_how(fault, outcome.why, capture))


def _how(fault: FaultDefinition, why: WhyNot, capture: Capture) -> str:
    filming = knowledge.load().filming
    if why == WhyNot.NO_VIDEO_HELPS:
        return ""
    if why in {WhyNot.OTHER_VIEW, WhyNot.OBLIQUE}:
        return " ".join(filming[view] for view in _views(fault))
    if why == WhyNot.NOT_SEEN:
        seen = next((issue.how for issue in capture.issues if issue.code in _HIDE_THE_GOLFER), "")
        return seen or filming[why]
    return filming[why]


def _views(fault: FaultDefinition) -> tuple[View, ...]:
    return knowledge.load().metrics[fault.primary.metric].views if fault.primary else ()
