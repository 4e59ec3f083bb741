"""Swings to coach on, made from the knowledge files alone: every fault that can be found, both views, both hands.

A swing shows one fault with both of its signs, one with its first sign alone where that is enough, several at once, and
none at all. The readings are put where the rules look for them; findings and report are made by the same code as any
other.
"""

from collections.abc import Iterator

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.advice import write_report
from golf_pipeline.swing.analysis import assemble_analysis
from golf_pipeline.swing.documents import (
    CandidateSwing,
    Capture,
    EventName,
    Handedness,
    KeyFrame,
    Metric,
    SwingAnalysis,
    SwingEvent,
    SwingSegmentation,
    TimeBase,
    Trust,
    View,
)
from golf_pipeline.swing.faults import find_faults
from golf_pipeline.swing.knowledge import FaultDefinition, MetricDefinition, Reading, Signal

FRAMES = dict(zip(EventName, (12, 31, 37, 45, 49, 53, 56, 78), strict=True))
VIEWS = (View.FACE_ON, View.DOWN_THE_LINE)
HANDS = (Handedness.RIGHT, Handedness.LEFT)
PAST_BY_NOISES = 2.5
"""How far past its limit a sign is put, in noises: clear of it, and with digits of its own."""


def swings() -> Iterator[tuple[str, SwingAnalysis]]:
    """Yield each swing with a name: fault, signs, view, hand; those that show nothing are called "no fault"."""
    for view in VIEWS:
        for hand in HANDS:
            yield f"no fault, {view}, {hand}", _swing(view, hand, ())
            for fault in knowledge.load().faults.values():
                if fault.primary is None or view not in knowledge.load().metrics[fault.primary.metric].views:
                    continue
                if fault.supporting is not None:
                    yield f"{fault.id}, both signs, {view}, {hand}", _swing(view, hand, fault.signals)
                if fault.primary.alone is not None and not fault.supporting_must_not_deny:
                    yield f"{fault.id}, first sign, {view}, {hand}", _swing(view, hand, (fault.primary,))
            yield f"several faults, {view}, {hand}", _swing(view, hand, _many_signs(view))


def found_in(analysis: SwingAnalysis) -> tuple[str, ...]:
    return tuple(finding.fault_id for finding in analysis.findings.findings) if analysis.findings else ()


def segmentation(view: View, hand: Handedness) -> SwingSegmentation:
    """The events of `FRAMES` at 30 frames a second."""
    capture = Capture(
        view=view,
        view_confidence=0.9,
        handedness=hand,
        handedness_confidence=0.9,
        time_base=TimeBase.REAL,
        slow_motion_factor=1.0,
    )
    events = tuple(
        SwingEvent(event=event, frame=frame, time_s=frame / 30, exact_frame=float(frame), confidence=0.9)
        for event, frame in FRAMES.items()
    )
    top, impact = FRAMES[EventName.TOP], FRAMES[EventName.IMPACT]
    only = CandidateSwing(top_frame=top, impact_frame=impact, complete=True, chosen=True, reason="complete swing")
    return SwingSegmentation(capture=capture, events=events, candidates=(only,))


def _swing(view: View, hand: Handedness, shown: tuple[Signal, ...]) -> SwingAnalysis:
    seen = segmentation(view, hand)
    beyond = {(signal.metric, signal.phase): _value_beyond(signal) for signal in shown}
    metrics = tuple(
        _metric(definition, reading, view, beyond.get((definition.id, reading.phase)))
        for definition in knowledge.load().metrics.values()
        for reading in definition.readings
    )
    findings = find_faults(metrics, seen)
    frames = tuple(
        KeyFrame(
            phase=event.value,
            event=event,
            frame_number=frame,
            timestamp=frame / 30,
            description=event.value,
            file_name=f"frame_{frame:03d}_Frame_at_{frame / 30:.2f}s.jpg",
        )
        for event, frame in FRAMES.items()
    )
    return assemble_analysis(
        segmentation=seen,
        measured=metrics,
        findings=findings,
        advice_report=write_report(findings, metrics, seen),
        key_frames=frames,
    )


def _many_signs(view: View) -> tuple[Signal, ...]:
    """The signs of as many faults as can be seen in one swing: each reading is asked for by one sign only."""
    taken: dict[tuple[str, str], Signal] = {}
    for fault in knowledge.load().faults.values():
        if fault.primary is None or view not in knowledge.load().metrics[fault.primary.metric].views:
            continue
        if not any((signal.metric, signal.phase) in taken for signal in fault.signals):
            taken |= {(signal.metric, signal.phase): signal for signal in fault.signals}
    return tuple(taken.values())


def _value_beyond(signal: Signal) -> float:
    noise = knowledge.load().metrics[signal.metric].noise or 0.0
    limit = signal.threshold if signal.alone is None else signal.alone
    return limit + PAST_BY_NOISES * noise * (1 if signal.beyond == "above" else -1)


def _metric(definition: MetricDefinition, reading: Reading, view: View, beyond: float | None) -> Metric:
    usable = view in definition.views and definition.most_trust != Trust.UNAVAILABLE
    value = (_plain_value(definition, reading) if beyond is None else beyond) if usable else None
    event = reading.event
    return Metric(
        id=definition.id,
        name=definition.name,
        phase=event,
        value=value,
        unit=definition.unit,
        trust=definition.most_trust if usable else Trust.UNAVAILABLE,
        reason="" if usable else definition.trust_reason or f"not measurable {view}",
        noise=definition.noise,
        valid_views=definition.views,
        corridor=reading.bounds,
        corridor_source=reading.corridor_source,
        frames=(FRAMES[event],) if event else (FRAMES[EventName.ADDRESS], FRAMES[EventName.IMPACT]),
    )


def _plain_value(definition: MetricDefinition, reading: Reading) -> float:
    """A value in which no rule sees anything: inside the corridor, and short of every threshold by three noises."""
    noise = definition.noise or 0.0
    low, high = reading.bounds or (None, None)
    value = (low + high) / 2 if low is not None and high is not None else (low or 0.0) + noise if low else 0.0
    for signal in _signals_of(definition.id, reading.phase):
        short_of = signal.threshold - 3 * noise if signal.beyond == "above" else signal.threshold + 3 * noise
        value = min(value, short_of) if signal.beyond == "above" else max(value, short_of)
    return round(value, 4)


def _signals_of(metric_id: str, phase: str) -> Iterator[Signal]:
    faults: tuple[FaultDefinition, ...] = tuple(knowledge.load().faults.values())
    for fault in faults:
        for signal in fault.signals:
            if signal.metric == metric_id and signal.phase == phase:
                yield signal
