"""The one status that two stages bring about together."""

from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.storage.records import Status

_BOTH = frozenset({"key_frames", "metrics"})


def mark_measured(swing: Swing) -> None:
    """COMPLETED once key frames and metrics are stored, whichever comes second."""
    if swing.passed >= _BOTH:
        swing.set_status(Status.COMPLETED, "Your swing is measured. The coach is next.")
