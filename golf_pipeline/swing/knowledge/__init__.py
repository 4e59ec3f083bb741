"""What experts edit: metrics, faults, what causes what, drills and how to film, as TOML, checked when first read.

Code that computes is elsewhere (`metrics.py`, `faults.py`, `causes.py`, `score.py`, `advice.py`). A mistake in a file
is reported with the file and the field.
"""

import re
import tomllib
from enum import StrEnum
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from golf_pipeline.swing.documents import Drill, EventName, Trust, View

FOLDER = Path(__file__).parent
M = TypeVar("M", bound=BaseModel)
N = TypeVar("N")
K = TypeVar("K", bound=str)


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
    noise: float | None = Field(None, description="of this phase, where it differs clearly from the metric's")

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
    def event(self) -> EventName | None:
        """None: the whole swing."""
        return None if self.phase == "swing" else EventName(self.phase)

    @property
    def bounds(self) -> tuple[float | None, float | None] | None:
        """The corridor with None for an open end; None without a corridor."""
        if self.corridor is None:
            return None
        low, high = (None if isinstance(bound, str) else bound for bound in self.corridor)
        return low, high


class Doubt(_Entry):
    """Where a metric is trusted less than elsewhere: at these phases, in these views; none named: at all, in all."""

    phases: tuple[EventName | Literal["swing"], ...] = ()
    views: tuple[View, ...] = ()
    reason: str = Field(min_length=1)


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
    doubts: tuple[Doubt, ...] = ()
    readings: tuple[Reading, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> "MetricDefinition":
        if self.most_trust != Trust.MEASURED and not self.trust_reason:
            raise ValueError("trust below `measured` needs `trust_reason`")
        if self.most_trust != Trust.UNAVAILABLE and (self.noise is None or not self.views):
            raise ValueError("a metric that is measured needs `noise` and `views`")
        if self.most_trust != Trust.MEASURED and any(one.positive for one in self.readings):
            raise ValueError("only what is measured is praised: `positive` would never be said")
        return self

    def noise_at(self, phase: EventName | None) -> float | None:
        """The noise of a reading at a phase (None: the whole swing)."""
        return next((one.noise for one in self.readings if one.event == phase and one.noise), self.noise)

    def trust_at(self, phase: EventName | None, view: View) -> tuple[Trust, str]:
        """The most trust that a reading can have at a phase (None: the whole swing) in a view, and why not more."""
        if self.most_trust == Trust.MEASURED:
            for doubt in self.doubts:
                if (phase or "swing") in (doubt.phases or (phase or "swing",)) and view in (doubt.views or (view,)):
                    return Trust.LOW, doubt.reason
        return self.most_trust, self.trust_reason


class Signal(_Entry):
    """One sign of a fault: a metric beyond a threshold. `source` says where the thresholds come from."""

    metric: str
    phase: EventName | Literal["swing"]
    beyond: Literal["above", "below"]
    threshold: float
    alone: float | None = Field(None, description="from here on the sign is enough by itself; None: it never is")
    scale: tuple[float, float] = Field(description="the score: up to the first nothing is lost, from the second on all")
    unit: str
    source: str = Field(min_length=1)
    scale_source: str = Field(min_length=1)
    says: str = Field(min_length=1, description="{size} prints the value without its sign, {signed} with it")

    @model_validator(mode="after")
    def _check(self) -> "Signal":
        if self.alone is not None and not is_beyond(self, self.alone):
            raise ValueError("`alone` must not be weaker than `threshold`")
        fine, worst = self.scale
        if worst == self.threshold or not is_beyond(self, worst) or not is_beyond(self, self.threshold, fine):
            raise ValueError("`scale` must begin at the threshold or before it and end beyond it")
        if "{size}" in self.says and (self.threshold < 0) == (self.beyond == "above") and self.threshold != 0:
            raise ValueError("`says` prints {size}, but values of either sign can lie beyond the threshold: {signed}")
        if re.search(r"\d|\{(?!size\}|signed\})", self.says):
            raise ValueError("`says` may hold {size} or {signed} and no number of its own")
        return self

    @property
    def event(self) -> EventName | None:
        """None: the whole swing."""
        return None if self.phase == "swing" else EventName(self.phase)


BallFlight = Literal["fat", "thin", "shank", "block", "push", "pull", "hook", "slice", "high", "weak"]
"""Terms of strike and flight that hold for either hand: a push or a block starts on the trail side of the target line,
a pull on the lead side; a slice curves toward the trail side, a hook toward the lead side."""


class FaultDefinition(_Entry):
    id: str
    name: str
    explanation: str
    ball_flight: tuple[BallFlight, ...] = ()
    causes: tuple[str, ...] = ()
    drills: tuple[str, ...] = ()
    primary: Signal | None = Field(None, description="without it the fault cannot be judged, and `not_judged` says why")
    supporting: Signal | None = Field(None, description="the second, independent sign")
    one_sign: str = Field("", description="why there is no second sign, or why it is a weak one")
    supporting_must_not_deny: bool = Field(False, description="a second sign measured and absent rules the fault out")
    critical: float | None = Field(None, description="the primary metric beyond this makes the fault a grave one")
    critical_source: str = ""
    cost: float = Field(0.0, ge=0, le=100, description="points of the score that the fault costs at its worst")
    cost_source: str = ""
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
        if self.primary is not None and self.supporting is None and not self.one_sign:
            raise ValueError("without a second sign it needs `one_sign`, which says why there is none")
        if self.primary is not None and not (self.cost and self.cost_source):
            raise ValueError("a fault that can be found needs `cost` and `cost_source`")
        return self

    @property
    def signals(self) -> tuple[Signal, ...]:
        return tuple(signal for signal in (self.primary, self.supporting) if signal is not None)


class CauseLink(_Entry):
    """One fault leads to another, in one sentence, for those of one swing."""

    cause: str = Field(alias="from")
    effect: str = Field(alias="to")
    why: str = Field(min_length=1)
    source: str = Field(min_length=1)


class WhyNot(StrEnum):
    """Why a fault was not judged. Internal: `NotJudged` carries the reason and the way out in words."""

    NO_VIDEO_HELPS = "no video helps"
    OTHER_VIEW = "other view"
    OBLIQUE = "oblique"
    UNKNOWN_HAND = "unknown hand"
    NOT_SEEN = "not seen"
    AT_THE_LIMIT = "at the limit"
    ONE_SIGN = "one sign"


class HowToFilm(_Entry):
    """What to do so that a fault can be judged next time; `reason` is a `WhyNot`, or a view: how to film from there."""

    reason: WhyNot | View
    how: str = Field(min_length=1)


class _Metrics(_Entry):
    metric: tuple[MetricDefinition, ...]


class _Faults(_Entry):
    fault: tuple[FaultDefinition, ...]


class _Drills(_Entry):
    drill: tuple[Drill, ...]


class _Causes(_Entry):
    cause: tuple[CauseLink, ...]


class _Filming(_Entry):
    filming: tuple[HowToFilm, ...]


class Knowledge(_Entry):
    """All knowledge by id, in the files' order."""

    metrics: dict[str, MetricDefinition]
    faults: dict[str, FaultDefinition]
    drills: dict[str, Drill]
    causes: tuple[CauseLink, ...]
    filming: dict[WhyNot | View, str]


@lru_cache
def load(folder: Path = FOLDER) -> Knowledge:
    """Read and check the knowledge files of a folder, once a process.

    Raises:
        KnowledgeError: a file breaks its schema, or an id is unknown or given twice.
    """
    metrics = _by_id("metrics.toml", [(one.id, one) for one in _read(_Metrics, folder, "metrics.toml").metric])
    faults = _by_id("faults.toml", [(one.id, one) for one in _read(_Faults, folder, "faults.toml").fault])
    drills = _by_id("drills.toml", [(one.drill_id, one) for one in _read(_Drills, folder, "drills.toml").drill])
    causes = _read(_Causes, folder, "causes.toml").cause
    filming = _read(_Filming, folder, "filming.toml").filming
    _check_references(metrics, faults, drills)
    _check_causes(causes, faults)
    _check_filming(filming)
    how = _by_id("filming.toml", [(one.reason, one.how) for one in filming])
    return Knowledge(metrics=metrics, faults=faults, drills=drills, causes=causes, filming=how)


def is_clear(signal: Signal, value: float, noise: float | None) -> bool:
    """Whether a value is past the signal's threshold by its noise or more: nearer to it, another take may say other."""
    return noise is not None and is_beyond(signal, value) and abs(value - signal.threshold) >= noise


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


def _by_id(name: str, entries: list[tuple[K, N]]) -> dict[K, N]:
    by_id: dict[K, N] = {}
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
        places = {drills[drill_id].where for drill_id in fault.drills}
        if fault.primary is not None and places != {"at home", "on the range"}:
            raise KnowledgeError(f"faults.toml: {fault.id}.drills: one at home and one on the range are needed")
    for drill in drills.values():
        for fault_id in drill.fault_ids:
            if fault_id not in faults or drill.drill_id not in faults[fault_id].drills:
                raise KnowledgeError(
                    f"drills.toml: {drill.drill_id}.fault_ids: {fault_id} is unknown or does not list the drill"
                )


def _check_causes(causes: tuple[CauseLink, ...], faults: dict[str, FaultDefinition]) -> None:
    for link in causes:
        for field, fault_id in (("from", link.cause), ("to", link.effect)):
            if fault_id not in faults or faults[fault_id].primary is None:
                raise KnowledgeError(f"causes.toml: {field}: {fault_id} is unknown or can never be found")
    try:
        TopologicalSorter(_causes_of(causes)).prepare()
    except CycleError as error:
        raise KnowledgeError(f"causes.toml: a fault causes itself: {' -> '.join(error.args[1])}") from error


def _causes_of(causes: tuple[CauseLink, ...]) -> dict[str, list[str]]:
    return {effect: [one.cause for one in causes if one.effect == effect] for effect in {one.effect for one in causes}}


def _check_filming(filming: tuple[HowToFilm, ...]) -> None:
    told = {one.reason for one in filming}
    by_view = {WhyNot.NO_VIDEO_HELPS, WhyNot.OTHER_VIEW, WhyNot.OBLIQUE}
    needed = {View.FACE_ON, View.DOWN_THE_LINE} | set(WhyNot) - by_view
    if told != needed:
        raise KnowledgeError(f"filming.toml: these reasons are missing or too many: {', '.join(sorted(told ^ needed))}")


def _check_signal(where: str, signal: Signal, metrics: dict[str, MetricDefinition]) -> None:
    if signal.metric not in metrics:
        raise KnowledgeError(f"{where}.metric: {signal.metric} is unknown")
    metric = metrics[signal.metric]
    if signal.phase not in {reading.phase for reading in metric.readings}:
        raise KnowledgeError(f"{where}.phase: metric {signal.metric} is not read at {signal.phase}")
    if signal.unit != metric.unit:
        raise KnowledgeError(f"{where}.unit: {signal.unit}, but {signal.metric} is in {metric.unit}")
