"""What experts edit: metrics, faults and drills as TOML, checked against these schemas when first read.

Code that computes is elsewhere (`metrics.py`, `faults.py`, `advice.py`). A mistake in a file is reported with the file
and the field.
"""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

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

    @model_validator(mode="after")
    def _check(self) -> "Reading":
        low, high = self.bounds or (None, None)
        if low is not None and high is not None and low >= high:
            raise ValueError("the corridor's low end must be below its high end")
        if (self.corridor is None) != (not self.corridor_source):
            raise ValueError("`corridor` and `corridor_source` go together")
        if self.positive and self.corridor is None:
            raise ValueError("without a corridor there is nothing to praise")
        if re.search(r"\d", self.positive):
            raise ValueError("`positive` must hold no number: it is said of every swing alike")
        return self

    @property
    def bounds(self) -> tuple[float | None, float | None] | None:
        """The corridor with None for an open end; None without a corridor."""
        if self.corridor is None:
            return None
        low, high = (None if isinstance(bound, str) else bound for bound in self.corridor)
        return low, high


class MetricDefinition(_Entry):
    id: str
    name: str
    definition: str
    sign: str
    unit: str
    views: tuple[View, ...]
    noise: float | None = None
    noise_source: str = Field(min_length=1)
    most_trust: Trust = Trust.MEASURED
    trust_reason: str = ""
    readings: tuple[Reading, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> "MetricDefinition":
        if self.most_trust != Trust.MEASURED and not self.trust_reason:
            raise ValueError("trust below `measured` needs `trust_reason`")
        if self.most_trust != Trust.UNAVAILABLE and (self.noise is None or not self.views):
            raise ValueError("a metric that is measured needs `noise` and `views`")
        return self


class Signal(_Entry):
    """One sign of a fault: a metric beyond a threshold. `source` says where the thresholds come from."""

    metric: str
    phase: EventName | Literal["swing"]
    beyond: Literal["above", "below"]
    threshold: float
    alone: float | None = Field(None, description="from here on the sign is enough by itself; None: it never is")
    unit: str
    source: str = Field(min_length=1)
    says: str = Field(min_length=1, description="{size} prints the value without its sign, {signed} with it")

    @model_validator(mode="after")
    def _check(self) -> "Signal":
        if self.alone is not None and not is_beyond(self, self.alone):
            raise ValueError("`alone` must not be weaker than `threshold`")
        if "{size}" in self.says and (self.threshold < 0) == (self.beyond == "above") and self.threshold != 0:
            raise ValueError("`says` prints {size}, but values of either sign can lie beyond the threshold: {signed}")
        if re.search(r"\d|\{(?!size\}|signed\})", self.says):
            raise ValueError("`says` may hold {size} or {signed} and no number of its own")
        return self


class FaultDefinition(_Entry):
    id: str
    name: str
    explanation: str
    ball_flight: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    drills: tuple[str, ...] = ()
    primary: Signal | None = Field(None, description="without it the fault cannot be judged, and `not_judged` says why")
    supporting: Signal | None = Field(None, description="the second, independent sign")
    supporting_must_not_deny: bool = Field(False, description="a second sign measured and absent rules the fault out")
    critical: float | None = Field(None, description="the primary metric beyond this makes the fault a grave one")
    critical_source: str = ""
    not_judged: str = ""

    @model_validator(mode="after")
    def _check(self) -> "FaultDefinition":
        if self.primary is None and not self.not_judged:
            raise ValueError("without a primary signal it needs `not_judged`")
        if self.primary is not None and not self.drills:
            raise ValueError("a fault that can be found needs a drill")
        if (self.critical is None) != (not self.critical_source):
            raise ValueError("`critical` and `critical_source` go together")
        if self.critical is not None and (self.primary is None or not is_beyond(self.primary, self.critical)):
            raise ValueError("`critical` must lie beyond the primary signal's threshold")
        if self.primary is not None and self.primary.alone is None and self.supporting is None:
            raise ValueError("with one signal only it needs `alone`, or it is never found")
        return self


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
    """How grave a fault is: major, beyond its critical limit critical; without the second sign one step less."""
    grave = fault.critical is not None and fault.primary is not None and is_beyond(fault.primary, value, fault.critical)
    if supported:
        return Severity.CRITICAL if grave else Severity.MAJOR
    return Severity.MAJOR if grave else Severity.MINOR


def is_beyond(signal: Signal, value: float, threshold: float | None = None) -> bool:
    """Whether a value is at or past a threshold on the side of the signal; by default its own threshold."""
    limit = signal.threshold if threshold is None else threshold
    return value >= limit if signal.beyond == "above" else value <= limit


def _read(model: type[M], folder: Path, name: str) -> M:
    try:
        table = tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"{name}: {error}") from error
    try:
        return model.model_validate(table)
    except ValidationError as error:
        mistakes = "; ".join(f"{_field(table, one['loc'])}: {one['msg']}" for one in error.errors(include_url=False))
        raise KnowledgeError(f"{name}: {mistakes}") from error


def _field(table: dict[str, Any], location: tuple[int | str, ...]) -> str:
    """A field's place with the entry's id where it has one: `metric.pelvis_sway.readings.0.phase`."""
    if len(location) < 2 or not isinstance(location[1], int):
        return ".".join(map(str, location))
    entry = table[str(location[0])][location[1]]
    named = entry.get("id") or entry.get("drill_id") or location[1]
    return ".".join(map(str, (location[0], named, *location[2:])))


def _by_id(name: str, entries: list[tuple[str, N]]) -> dict[str, N]:
    by_id: dict[str, N] = {}
    for entry_id, entry in entries:
        if entry_id in by_id:
            raise KnowledgeError(f"{name}: the id {entry_id} is given twice")
        by_id[entry_id] = entry
    return by_id


def _check_references(
    metrics: dict[str, MetricDefinition], faults: dict[str, FaultDefinition], drills: dict[str, Drill]
) -> None:
    for fault in faults.values():
        for field, signal in (("primary", fault.primary), ("supporting", fault.supporting)):
            if signal is not None:
                _check_signal(f"faults.toml: {fault.id}.{field}", signal, metrics)
        for drill_id in fault.drills:
            if drill_id not in drills or fault.id not in drills[drill_id].fault_ids:
                raise KnowledgeError(
                    f"faults.toml: {fault.id}.drills: {drill_id} is unknown or does not list the fault"
                )
    for drill in drills.values():
        for fault_id in drill.fault_ids:
            if fault_id not in faults or drill.drill_id not in faults[fault_id].drills:
                raise KnowledgeError(
                    f"drills.toml: {drill.drill_id}.fault_ids: {fault_id} is unknown or does not list the drill"
                )


def _check_signal(where: str, signal: Signal, metrics: dict[str, MetricDefinition]) -> None:
    if signal.metric not in metrics:
        raise KnowledgeError(f"{where}.metric: {signal.metric} is unknown")
    metric = metrics[signal.metric]
    if signal.phase not in {reading.phase for reading in metric.readings}:
        raise KnowledgeError(f"{where}.phase: metric {signal.metric} is not read at {signal.phase}")
    if signal.unit != metric.unit:
        raise KnowledgeError(f"{where}.unit: {signal.unit}, but {signal.metric} is in {metric.unit}")
