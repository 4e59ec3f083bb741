"""The biomechanics of the swing."""

from collections import Counter

from golf_pipeline.orchestration.documents import Metrics
from golf_pipeline.orchestration.progress import mark_measured
from golf_pipeline.orchestration.swing_assets import Made, swing_asset
from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.swing.documents import SwingSegmentation, Trust
from golf_pipeline.swing.metrics import ALGORITHM_VERSION, measure_swing


@swing_asset(stage="metrics", version=ALGORITHM_VERSION, deps=["swing_events"], kinds={"python", "json"})
def swing_metrics(swing: Swing) -> Made:
    """Each metric with unit, view, trust, noise and the frames it came from."""
    measured = measure_swing(swing.track, swing.document(SwingSegmentation, "events"))
    key = swing.put_document("metrics", ALGORITHM_VERSION, "swing_metrics.json", Metrics(metrics=measured))
    trusts = Counter(metric.trust for metric in measured)
    counts = {f"trust_{trust.name.lower()}": trusts.get(trust, 0) for trust in Trust}
    return Made(key, {"metrics": len(measured), **counts}, then=lambda: mark_measured(swing, "metrics"))
