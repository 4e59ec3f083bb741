"""Old and new results of the same swings against each other: what a re-analysis changed. Pure; memory is bounded.

Both results are of the same video, so a difference is the program's: unlike `swing/compare.py`, which compares two
swings of a golfer, versions may differ and noise of the picture cancels. A number that moved by more than its own
noise is one that a golfer was told otherwise before.

Reading the results and writing the page is `backfill_report_files.py`.
"""

import random
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from golf_pipeline.storage.result import ResultDocument
from golf_pipeline.swing.documents import Document, EventName, Finding, Metric, View

SAMPLE = 10_000
"""Differences of one number that are kept: up to so many its percentiles are exact, beyond they are a sample's."""

EXAMPLES = 3
"""Swings that are named for each change of the main fault."""

NO_FAULT = "none"
"""What stands for the main fault of a swing without one."""

_OUTER = (0.05, 0.95)


@dataclass(frozen=True)
class ResultPair:
    """One swing's results before and after; `old` is None where it had failed before, `stages` were made anew."""

    old: ResultDocument | None
    new: ResultDocument
    stages: tuple[str, ...] = ()


class Spread(Document):
    """Differences, new minus old."""

    median: float
    p5: float
    p95: float


class MetricShift(Document):
    """By how much one reading moved over the swings that were filmed from one side."""

    metric_id: str
    name: str
    phase: EventName | None = Field(description="the event it is read at; None for the whole swing")
    view: View
    unit: str
    pairs: int = Field(description="swings in which it was measured before and after")
    difference: Spread | None = Field(description="in `unit`; None: no pair")
    moved: int = Field(description="pairs whose value differs at all")
    beyond_noise: int = Field(description="pairs that moved by more than the noise that was told before")
    appeared: int = Field(description="swings in which it is measured now and was not before")
    vanished: int


class EventShift(Document):
    """By how many frames one event moved."""

    event: EventName
    pairs: int
    moved: int
    difference: Spread | None = Field(description="frames, over all pairs")
    furthest: int = Field(description="frames, the largest move either way")


class Change(Document):
    """How many swings went from one verdict to another."""

    before: str
    after: str
    swings: int
    examples: tuple[str, ...] = Field(default=(), description="ids of some of them")


class FaultChange(Document):
    """How many swings show a fault: only before, only now, in both."""

    fault_id: str
    name: str
    lost: int
    gained: int
    kept: int


class ScoreShift(Document):
    """The overall score, 0..100."""

    pairs: int = Field(description="swings with a score before and after")
    moved: int
    difference: Spread | None
    appeared: int
    vanished: int


class BackfillReport(Document):
    """What changed over all pairs of results."""

    swings: int = Field(description="results that were looked at")
    compared: int = Field(description="of these, with a result before")
    newly_analysed: int = Field(description="of these, failed before")
    main_fault_changed: int
    main_faults: tuple[Change, ...] = Field(description="of fault ids; the most frequent first")
    level_changed: int
    levels: tuple[Change, ...]
    view_changed: int = Field(description="the side it was filmed from is another: its numbers are not compared")
    hand_changed: int
    score: ScoreShift
    faults: tuple[FaultChange, ...]
    metrics: tuple[MetricShift, ...] = Field(description="what moved most beyond its noise first")
    events: tuple[EventShift, ...]
    stages: dict[str, int] = Field(description="how many swings had a stage made anew")
    versions: tuple[Change, ...] = Field(description="of stages, as `stage version`")


def compare_results(pairs: Iterable[ResultPair]) -> BackfillReport:
    """What changed between the old and the new results, which are read one after the other and not kept."""
    tally = _Tally()
    for pair in pairs:
        tally.add(pair)
    return tally.report()


def main_fault(result: ResultDocument) -> str:
    """The id of the fault that a golfer is told to work on; `NO_FAULT` where there is none."""
    findings = result.pose.findings.findings
    return findings[0].fault_id if findings else NO_FAULT


@dataclass
class _Differences:
    """The differences of one number: all of them up to `SAMPLE`, then an even sample (Vitter's algorithm R)."""

    count: int = 0
    moved: int = 0
    furthest: float = 0.0
    kept: "array[float]" = field(default_factory=lambda: array("d"))
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def add(self, difference: float) -> None:
        self.count += 1
        self.moved += difference != 0
        self.furthest = max(self.furthest, abs(difference))
        if len(self.kept) < SAMPLE:
            self.kept.append(difference)
        elif (place := self.chance.randrange(self.count)) < SAMPLE:
            self.kept[place] = difference

    def spread(self) -> Spread | None:
        if not self.kept:
            return None
        ordered = sorted(self.kept)
        low, high = (_quantile(ordered, share) for share in _OUTER)
        return Spread(median=_quantile(ordered, 0.5), p5=low, p95=high)


@dataclass
class _Series:
    """One reading in one view."""

    name: str
    unit: str
    differences: _Differences = field(default_factory=_Differences)
    beyond_noise: int = 0
    appeared: int = 0
    vanished: int = 0


class _Changes:
    """Verdicts before and after, counted."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, before: str, after: str, analysis_id: str = "") -> None:
        self._counts[before, after] += 1
        examples = self._examples[before, after]
        if analysis_id and before != after and len(examples) < EXAMPLES:
            examples.append(analysis_id)

    @property
    def changed(self) -> int:
        return sum(count for (before, after), count in self._counts.items() if before != after)

    def report(self) -> tuple[Change, ...]:
        return tuple(
            Change(before=before, after=after, swings=count, examples=tuple(self._examples[before, after]))
            for (before, after), count in sorted(self._counts.items(), key=lambda one: (-one[1], one[0]))
        )


class _Tally:
    """What has been counted so far."""

    def __init__(self) -> None:
        self._swings = self._newly = self._views = self._hands = 0
        self._main, self._levels, self._versions = _Changes(), _Changes(), _Changes()
        self._faults: dict[str, tuple[str, Counter[str]]] = {}
        self._metrics: dict[tuple[str, EventName | None, View], _Series] = {}
        self._events: dict[EventName, _Differences] = {event: _Differences() for event in EventName}
        self._score, self._scored = _Differences(), Counter[str]()
        self._stages: Counter[str] = Counter()

    def add(self, pair: ResultPair) -> None:
        self._swings += 1
        self._stages.update(pair.stages)
        if pair.old is None:
            self._newly += 1
            return
        old, new = pair.old, pair.new
        self._main.add(main_fault(old), main_fault(new), new.analysis_id)
        self._levels.add(old.pose.findings.overall_level, new.pose.findings.overall_level, new.analysis_id)
        for stage, version in new.algorithm_versions.items():
            before = old.algorithm_versions.get(stage, "none")
            if before != version:
                self._versions.add(f"{stage} {before}", f"{stage} {version}")
        self._add_faults(old.pose.findings.findings, new.pose.findings.findings)
        self._add_score(old, new)
        self._add_events(old, new)
        then, now = old.analysis_results.capture, new.analysis_results.capture
        self._hands += then.handedness != now.handedness
        if then.view == now.view:
            self._add_metrics(now.view, old.pose.metrics, new.pose.metrics)
        else:
            self._views += 1

    def report(self) -> BackfillReport:
        return BackfillReport(
            swings=self._swings,
            compared=self._swings - self._newly,
            newly_analysed=self._newly,
            main_fault_changed=self._main.changed,
            main_faults=self._main.report(),
            level_changed=self._levels.changed,
            levels=self._levels.report(),
            view_changed=self._views,
            hand_changed=self._hands,
            score=ScoreShift(
                pairs=self._score.count,
                moved=self._score.moved,
                difference=self._score.spread(),
                appeared=self._scored["appeared"],
                vanished=self._scored["vanished"],
            ),
            faults=self._fault_changes(),
            metrics=self._metric_shifts(),
            events=tuple(
                EventShift(
                    event=event,
                    pairs=one.count,
                    moved=one.moved,
                    difference=one.spread(),
                    furthest=int(one.furthest),
                )
                for event, one in self._events.items()
            ),
            stages=dict(self._stages.most_common()),
            versions=self._versions.report(),
        )

    def _add_faults(self, old: tuple[Finding, ...], new: tuple[Finding, ...]) -> None:
        before, after = ({one.fault_id: one.name for one in findings} for findings in (old, new))
        for fault_id, name in (before | after).items():
            _, counts = self._faults.setdefault(fault_id, (name, Counter()))
            how = "kept" if fault_id in before and fault_id in after else "gained" if fault_id in after else "lost"
            counts[how] += 1

    def _add_score(self, old: ResultDocument, new: ResultDocument) -> None:
        before, after = (
            one.pose.findings.score.value if one.pose.findings.score is not None else None for one in (old, new)
        )
        if before is not None and after is not None:
            self._score.add(after - before)
        elif before is not None or after is not None:
            self._scored["appeared" if before is None else "vanished"] += 1

    def _add_events(self, old: ResultDocument, new: ResultDocument) -> None:
        before = {one.event: one.frame for one in old.analysis_results.events}
        for one in new.analysis_results.events:
            if one.event in before:
                self._events[one.event].add(one.frame - before[one.event])

    def _add_metrics(self, view: View, old: tuple[Metric, ...], new: tuple[Metric, ...]) -> None:
        before, after = ({(one.id, one.phase): one for one in metrics} for metrics in (old, new))
        for identity, shown in (before | after).items():
            then, now = before.get(identity), after.get(identity)
            series = self._metrics.setdefault((*identity, view), _Series(shown.name, shown.unit))
            was = then.value if then is not None and then.unit == shown.unit else None
            value = now.value if now is not None else None
            if was is not None and value is not None:
                series.differences.add(value - was)
                noise = then.noise if then is not None else None
                series.beyond_noise += noise is not None and abs(value - was) > noise
            elif was is not None or value is not None:
                series.appeared += was is None
                series.vanished += value is None

    def _fault_changes(self) -> tuple[FaultChange, ...]:
        changes = [
            FaultChange(fault_id=fault_id, name=name, lost=counts["lost"], gained=counts["gained"], kept=counts["kept"])
            for fault_id, (name, counts) in self._faults.items()
        ]
        return tuple(sorted(changes, key=lambda one: (-(one.lost + one.gained), one.fault_id)))

    def _metric_shifts(self) -> tuple[MetricShift, ...]:
        shifts = [
            MetricShift(
                metric_id=metric_id,
                name=series.name,
                phase=phase,
                view=view,
                unit=series.unit,
                pairs=series.differences.count,
                difference=series.differences.spread(),
                moved=series.differences.moved,
                beyond_noise=series.beyond_noise,
                appeared=series.appeared,
                vanished=series.vanished,
            )
            for (metric_id, phase, view), series in self._metrics.items()
        ]
        return tuple(
            sorted(shifts, key=lambda one: (-_share(one.beyond_noise, one.pairs), -_share(one.moved, one.pairs)))
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _quantile(ordered: list[float], share: float) -> float:
    """By linear interpolation between the two nearest."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (place - below), 6)
