"""What is kept of swings as tables: one row a metric reading, one row a swing; the schemas and the Parquet bytes.

The pipeline stores the readings of each swing beside its metrics, and both tables of a golfer beside the profile, made
anew with it: questions over many swings then open one object a golfer, not one a swing. Who asks them is `history.py`.
"""

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from golf_pipeline.swing.profile import MeasuredSwing, ProfileSwing

if TYPE_CHECKING:
    import polars as pl

S = TypeVar("S", bound=MeasuredSwing)


def metric_table(user_id: str, swings: Iterable[MeasuredSwing]) -> bytes:
    """Parquet with one row a reading, in the order of time: whose, how filmed, metric, value, unit, trust, version.

    `value` is null exactly where the metric is unavailable, `reason` then says why; `corridor_low` and `corridor_high`
    are null where that end is open. The same swings give the same bytes.
    """
    rows = [
        {
            **_swing_columns(user_id, swing),
            "time_base": swing.time_base,
            "algorithm_version": swing.metrics_version,
            "metric_id": metric.id,
            "phase": metric.phase,
            "value": metric.value,
            "unit": metric.unit,
            "trust": metric.trust,
            "reason": metric.reason,
            "noise": metric.noise,
            "corridor_low": metric.corridor[0] if metric.corridor else None,
            "corridor_high": metric.corridor[1] if metric.corridor else None,
        }
        for swing in _in_order(swings)
        for metric in swing.metrics
    ]
    return _parquet(rows, _metric_schema())


def swing_table(user_id: str, swings: Iterable[ProfileSwing]) -> bytes:
    """Parquet with one row a swing, in the order of time: score, level, the faults found and those not judged."""
    rows = [
        {
            **_swing_columns(user_id, swing),
            "algorithm_version": swing.findings_version,
            "overall_level": swing.findings.overall_level,
            "score": swing.findings.score.value if swing.findings.score else None,
            "root_cause": swing.findings.root_cause.fault_id if swing.findings.root_cause else None,
            "faults": [
                {"fault_id": one.fault_id, "severity": one.severity, "confidence": one.confidence}
                for one in swing.findings.findings
            ],
            "not_judged": [one.fault_id for one in swing.findings.not_judged],
        }
        for swing in _in_order(swings)
    ]
    return _parquet(rows, _swing_schema())


def _in_order(swings: Iterable[S]) -> list[S]:
    return sorted(swings, key=lambda swing: (swing.recorded_at, swing.analysis_id))


def _swing_columns(user_id: str, swing: MeasuredSwing) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "analysis_id": swing.analysis_id,
        "recorded_at": swing.recorded_at,
        "view": swing.view,
        "handedness": swing.handedness,
    }


def _common_schema() -> "dict[str, pl.DataType | type[pl.DataType]]":
    import polars as pl

    return {
        "user_id": pl.String,
        "analysis_id": pl.String,
        "recorded_at": pl.Datetime("us", "UTC"),
        "view": pl.String,
        "handedness": pl.String,
    }


def _metric_schema() -> "dict[str, pl.DataType | type[pl.DataType]]":
    import polars as pl

    return {
        **_common_schema(),
        "time_base": pl.String,
        "algorithm_version": pl.String,
        "metric_id": pl.String,
        "phase": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "trust": pl.String,
        "reason": pl.String,
        "noise": pl.Float64,
        "corridor_low": pl.Float64,
        "corridor_high": pl.Float64,
    }


def _swing_schema() -> "dict[str, pl.DataType | type[pl.DataType]]":
    import polars as pl

    fault = pl.Struct({"fault_id": pl.String, "severity": pl.String, "confidence": pl.String})
    return {
        **_common_schema(),
        "algorithm_version": pl.String,
        "overall_level": pl.String,
        "score": pl.Int32,
        "root_cause": pl.String,
        "faults": pl.List(fault),
        "not_judged": pl.List(pl.String),
    }


def _parquet(rows: Sequence[dict[str, Any]], schema: "dict[str, pl.DataType | type[pl.DataType]]") -> bytes:
    import polars as pl

    body = io.BytesIO()
    pl.DataFrame(rows, schema=schema).write_parquet(body)
    return body.getvalue()
