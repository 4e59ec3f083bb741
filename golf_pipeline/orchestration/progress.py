"""The one status that two assets bring about together."""

from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.storage.records import Status

_BOTH = frozenset({"key_frames", "metrics"})


def mark_measured(swing: Swing, stage: str) -> None:
    """Note that key frames or metrics are stored; COMPLETED once both are, whichever comes second."""
    swing.measured.add(stage)
    if swing.measured >= _BOTH:
        swing.set_status(Status.COMPLETED, "Your swing is measured. The coach is next.")
