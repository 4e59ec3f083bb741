"""The biomechanics of the swing. Whoever looks at many swings reads the golfers' tables, which the profile keeps."""

from collections import Counter

from golf_pipeline.orchestration.documents import Metrics
from golf_pipeline.orchestration.progress import mark_measured
from golf_pipeline.orchestration.stages import Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import SwingSegmentation, Trust
from golf_pipeline.swing.metrics import ALGORITHM_VERSION, measure_swing


@swing_stage(
    stage="metrics",
    version=ALGORITHM_VERSION,
    inputs=("pose", "events"),
    deps=("swing_events",),
    group="measure",
    kinds={"python", "json"},
    then=mark_measured,
)
def swing_metrics(swing: Swing) -> Made:
    """Each metric with unit, view, trust, noise and the frames it came from."""
    measured = measure_swing(swing.track, swing.document(SwingSegmentation, "events"))
    key = swing.put_document("swing_metrics.json", Metrics(metrics=measured))
    trusts = Counter(metric.trust for metric in measured)
    counts = {f"trust_{trust.name.lower()}": trusts.get(trust, 0) for trust in Trust}
    return Made(key, {"metrics": len(measured), **counts})
