"""The biomechanics of the swing: one document for the later stages, one table for whoever looks at many swings."""

from collections import Counter

from golf_pipeline.orchestration.documents import Metrics
from golf_pipeline.orchestration.progress import mark_measured
from golf_pipeline.orchestration.stages import Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.storage.history_tables import metric_table
from golf_pipeline.swing.documents import Metric, SwingSegmentation, Trust
from golf_pipeline.swing.metrics import ALGORITHM_VERSION, measure_swing
from golf_pipeline.swing.profile import MeasuredSwing


def _whose(swing: Swing) -> tuple[object, ...]:
    """The table names the golfer and the swing: it is never another's. What is concluded from the numbers may be."""
    return swing.record.user_id, swing.record.analysis_id, swing.record.recorded_at.isoformat()


@swing_stage(
    stage="metrics",
    version=ALGORITHM_VERSION,
    inputs=("pose", "events"),
    follows=_whose,
    deps=("swing_events",),
    group="measure",
    kinds={"python", "json"},
    then=mark_measured,
)
def swing_metrics(swing: Swing) -> Made:
    """Each metric with unit, view, trust, noise and the frames it came from."""
    segmentation = swing.document(SwingSegmentation, "events")
    measured = measure_swing(swing.track, segmentation)
    key = swing.put_document("swing_metrics.json", Metrics(metrics=measured))
    swing.put_bytes("swing_metrics.parquet", _table(swing, segmentation, measured))
    trusts = Counter(metric.trust for metric in measured)
    counts = {f"trust_{trust.name.lower()}": trusts.get(trust, 0) for trust in Trust}
    return Made(key, {"metrics": len(measured), **counts})


def _table(swing: Swing, segmentation: SwingSegmentation, measured: tuple[Metric, ...]) -> bytes:
    record, capture = swing.record, segmentation.capture
    row = MeasuredSwing(
        analysis_id=record.analysis_id,
        recorded_at=record.recorded_at,
        view=capture.view,
        handedness=capture.handedness,
        time_base=capture.time_base,
        metrics=measured,
        metrics_version=ALGORITHM_VERSION,
    )
    return metric_table(record.user_id, [row])
