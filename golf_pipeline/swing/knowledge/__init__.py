"""What experts edit: metrics, faults and drills as TOML, checked against these schemas when first read.

Code that computes is elsewhere (`metrics.py`, `faults.py`, `advice.py`). A mistake in a file is reported with the file
and the field.
"""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from golf_pipeline.swing.documents import Drill, EventName, Severity, Trust, View

FOLDER = Path(__file__).parent
M = TypeVar("M", bound=BaseModel)
N = TypeVar("N")


class KnowledgeError(Exception):
    """A knowledge file does not follow its schema, or refers to something that no file defines."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reading(_Entry):
    """A phase at which a metric is read, with the range of good swings there, if it is known."""

    phase: EventName | Literal["swing"]
    corridor: tuple[float | Literal["none"], float | Literal["none"]] | None = None
    corridor_source: str = ""
    positive: str = Field("", description="what may be said when a measured value lies inside the corridor")


class MetricDefinition(_Entry):
    id: str
    name: str
    definition: str
    sign: str
    unit: str
    views: tuple[View, ...]
    noise: float | None = None
    noise_source: str
    most_trust: Trust = Trust.MEASURED
    trust_reason: str = ""
    readings: tuple[Reading, ...]


class Signal(_Entry):
    """One sign of a fault: a metric beyond a threshold. `source` says where the threshold comes from."""

    metric: str
    phase: EventName | Literal["swing"]
    beyond: Literal["above", "below"]
    threshold: float
    source: str


class FaultDefinition(_Entry):
    id: str
    name: str
    explanation: str
    ball_flight: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    drills: tuple[str, ...] = ()
    primary: Signal | None = Field(None, description="without it the fault cannot be judged, and `not_judged` says why")
    supporting: Signal | None = Field(None, description="the second, independent sign")
    critical: float | None = Field(None, description="the primary metric beyond this makes the fault critical")
    not_judged: str = ""


class _Metrics(_Entry):
    metric: tuple[MetricDefinition, ...]


class _Faults(_Entry):
    fault: tuple[FaultDefinition, ...]


class _Drills(_Entry):
    drill: tuple[Drill, ...]


class Knowledge(_Entry):
    """All knowledge by id, in the files' order."""

    metrics: dict[str, MetricDefinition]
    faults: dict[str, FaultDefinition]
    drills: dict[str, Drill]


@lru_cache
def load(folder: Path = FOLDER) -> Knowledge:
    """Read and check the knowledge files of a folder, once a process.

    Raises:
        KnowledgeError: a file breaks its schema, or an id is unknown or given twice.
    """
    metrics = _by_id("metrics.toml", [(one.id, one) for one in _read(_Metrics, folder, "metrics.toml").metric])
    faults = _by_id("faults.toml", [(one.id, one) for one in _read(_Faults, folder, "faults.toml").fault])
    drills = _by_id("drills.toml", [(one.drill_id, one) for one in _read(_Drills, folder, "drills.toml").drill])
    _check_references(metrics, faults, drills)
    return Knowledge(metrics=metrics, faults=faults, drills=drills)


def severity_of(fault: FaultDefinition, value: float, supported: bool) -> Severity:
    """How grave a fault is: critical beyond its own limit, major with both signs, minor with one."""
    if fault.critical is not None and fault.primary is not None and is_beyond(fault.primary, value, fault.critical):
        return Severity.CRITICAL
    return Severity.MAJOR if supported else Severity.MINOR


def is_beyond(signal: Signal, value: float, threshold: float | None = None) -> bool:
    limit = signal.threshold if threshold is None else threshold
    return value >= limit if signal.beyond == "above" else value <= limit


def _read(model: type[M], folder: Path, name: str) -> M:
    try:
        return model.model_validate(tomllib.loads((folder / name).read_text(encoding="utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise KnowledgeError(f"{name}: {error}") from error


def _by_id(name: str, entries: list[tuple[str, N]]) -> dict[str, N]:
    by_id = dict(entries)
    if len(by_id) < len(entries):
        raise KnowledgeError(f"{name}: an id is given twice")
    return by_id


def _check_references(
    metrics: dict[str, MetricDefinition], faults: dict[str, FaultDefinition], drills: dict[str, Drill]
) -> None:
    for fault in faults.values():
        for signal in (fault.primary, fault.supporting):
            read = (
                {reading.phase for reading in metrics[signal.metric].readings}
                if signal and signal.metric in metrics
                else set()
            )
            if signal and signal.phase not in read:
                raise KnowledgeError(f"faults.toml: {fault.id}: metric {signal.metric} is not read at {signal.phase}")
        if fault.primary is None and not fault.not_judged:
            raise KnowledgeError(f"faults.toml: {fault.id}: without a primary signal it needs `not_judged`")
        if fault.primary is not None and not fault.drills:
            raise KnowledgeError(f"faults.toml: {fault.id}: a fault that can be found needs a drill")
        for drill_id in fault.drills:
            if drill_id not in drills or fault.id not in drills[drill_id].fault_ids:
                raise KnowledgeError(f"faults.toml: {fault.id}: drill {drill_id} is unknown or does not list the fault")
