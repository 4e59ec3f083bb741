"""PCE of the eight events on labelled landmark clips.

No clip is scored by numbers that its own video had a part in: where a clip's video was used for fitting, the statistics
are fitted anew without it.
"""

import hashlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.errors import SwingNotFound
from golf_pipeline.swing.events import segment_swing
from golf_pipeline.swing.scoring import pce, tolerance
from golf_pipeline.swing.timing import EventTiming, rules_timing
from golf_pipeline.training.golfdb import LabelledClip, read_clips
from golf_pipeline.training.timing import Observed, fit_rules_timing, observe

CONFIDENCE_BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pce(_Document):
    """Share of events within tolerance, 0..1; a refused clip misses all eight."""

    pce: float
    by_event: dict[EventName, float]
    clips: int


class ConfidenceBin(_Document):
    """Events whose confidence lies in a range: what it promised and what was kept."""

    above: float
    up_to: float
    events: int
    mean_confidence: float
    hit_rate: float


class ClipErrors(_Document):
    """One clip: error of each event in frames (found minus label), or why it was refused."""

    clip: int
    view: str
    slow: bool
    tolerance: int
    errors: dict[EventName, int] | None
    missed: tuple[EventName, ...]
    refusal: str = ""


class EventsScore(_Document):
    """How well the events were placed.

    Attributes:
        cross_validated: clips scored by numbers fitted without their video, which the package's own are fitted on.
        calibration_error: mean distance of confidence and hit rate over the bins, weighted by events.
    """

    pce: float
    by_event: dict[EventName, float]
    by_view: dict[str, Pce]
    by_time_base: dict[str, Pce]
    clips: int
    refused: int
    cross_validated: int
    confidence: tuple[ConfidenceBin, ...]
    calibration_error: float
    per_clip: tuple[ClipErrors, ...]


class EventsBenchmark(_Document):
    """What was scored on what; `default` is what the package does when it is told nothing."""

    landmarks: str
    labels: str
    landmarks_sha256: str
    labels_sha256: str
    clips: int
    videos: int
    default: EventsScore


Segment = Callable[[LabelledClip], tuple[dict[EventName, tuple[int, float]], str]]
"""Frame and confidence of each event of a clip, or none and the reason of the refusal."""


def score_events(landmarks: Path, labels: Path) -> EventsBenchmark:
    """Score the events on every clip that has landmarks and labels.

    Raises:
        BenchmarkDataError: a file is not in GolfDB's form.
    """
    clips = read_clips(landmarks, labels)
    timings = timings_without_own_video(clips, observe(clips), rules_timing())

    def by_rules(clip: LabelledClip) -> tuple[dict[EventName, tuple[int, float]], str]:
        try:
            found = segment_swing(clip.track, timing=timings.get(clip.video))
        except SwingNotFound as refusal:
            return {}, refusal.message
        return {event.event: (event.frame, event.confidence) for event in found.events}, ""

    return EventsBenchmark(
        landmarks=landmarks.name,
        labels=labels.name,
        landmarks_sha256=_sha256(landmarks),
        labels_sha256=_sha256(labels),
        clips=len(clips),
        videos=len({clip.video for clip in clips}),
        default=_score(clips, by_rules, set(timings)),
    )


def timings_without_own_video(
    clips: list[LabelledClip], seen: list[Observed], shipped: EventTiming
) -> dict[int, EventTiming]:
    """Video -> statistics fitted without it, for each video that the shipped statistics were fitted on."""
    fitted = {clip.video for clip in clips if clip.id in shipped.fitted_on}
    known = [one for one in seen if one.clip.video in fitted]
    return {
        video: fit_rules_timing([one for one in known if one.clip.video != video], (shipped.mean, shipped.covariance))
        for video in sorted(fitted)
    }


def _score(clips: list[LabelledClip], segment: Segment, cross_validated: set[int]) -> EventsScore:
    """Score all clips; `cross_validated` are the videos whose clips were scored without them."""
    rows = [_errors(clip, *segment(clip)) for clip in clips]
    found = [row for row, _ in rows]
    overall = _pce(clips, found)
    bins = _bins([pair for _, pairs in rows for pair in pairs])
    events = sum(one.events for one in bins)
    return EventsScore(
        pce=overall.pce,
        by_event=overall.by_event,
        by_view=_by(clips, found, lambda clip: clip.view),
        by_time_base=_by(clips, found, lambda clip: "slow motion" if clip.slow else "real time"),
        clips=len(clips),
        refused=sum(row.errors is None for row in found),
        cross_validated=sum(clip.video in cross_validated for clip in clips),
        confidence=bins,
        calibration_error=round(
            sum(one.events * abs(one.mean_confidence - one.hit_rate) for one in bins) / max(events, 1), 4
        ),
        per_clip=tuple(found),
    )


def _errors(
    clip: LabelledClip, found: dict[EventName, tuple[int, float]], refusal: str
) -> tuple[ClipErrors, list[tuple[float, bool]]]:
    """The clip's errors, and (confidence, hit) of each event."""
    allowed = tolerance(clip.labels)
    if not found:
        return _row(clip, None, tuple(EventName), refusal), []
    errors = {name: round(found[name][0] - clip.labels[name]) for name in EventName}
    missed = tuple(name for name in EventName if abs(errors[name]) > allowed)
    return _row(clip, errors, missed, ""), [(found[name][1], name not in missed) for name in EventName]


def _row(
    clip: LabelledClip, errors: dict[EventName, int] | None, missed: tuple[EventName, ...], refusal: str
) -> ClipErrors:
    return ClipErrors(
        clip=clip.id,
        view=clip.view,
        slow=clip.slow,
        tolerance=tolerance(clip.labels),
        errors=errors,
        missed=missed,
        refusal=refusal,
    )


def _pce(clips: Iterable[LabelledClip], found: Iterable[ClipErrors]) -> Pce:
    score = pce(
        (
            None if row.errors is None else {name: clip.labels[name] + row.errors[name] for name in EventName},
            clip.labels,
        )
        for clip, row in zip(clips, found, strict=True)
    )
    return Pce(
        pce=round(score.pce, 4),
        by_event={name: round(share, 4) for name, share in score.per_event.items()},
        clips=score.swings,
    )


def _by(clips: list[LabelledClip], found: list[ClipErrors], kind_of: Callable[[LabelledClip], str]) -> dict[str, Pce]:
    kinds = sorted({kind_of(clip) for clip in clips})
    pairs = {kind: [(c, r) for c, r in zip(clips, found, strict=True) if kind_of(c) == kind] for kind in kinds}
    return {kind: _pce([c for c, _ in of], [r for _, r in of]) for kind, of in pairs.items()}


def _bins(pairs: list[tuple[float, bool]]) -> tuple[ConfidenceBin, ...]:
    bins = []
    for low, high in pairwise(CONFIDENCE_BINS):
        inside = [(sure, hit) for sure, hit in pairs if low < sure <= high or (low == 0 and sure == 0)]
        if inside:
            bins.append(
                ConfidenceBin(
                    above=low,
                    up_to=high,
                    events=len(inside),
                    mean_confidence=round(sum(sure for sure, _ in inside) / len(inside), 4),
                    hit_rate=round(sum(hit for _, hit in inside) / len(inside), 4),
                )
            )
    return tuple(bins)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def print_tables(result: EventsBenchmark, console: Console) -> None:
    console.print(
        f"{result.landmarks} ({result.landmarks_sha256[:12]}) with {result.labels} ({result.labels_sha256[:12]}): "
        f"{result.clips} clips of {result.videos} videos",
        soft_wrap=True,
    )
    score = result.default
    console.print(
        f"\nPCE [bold]{score.pce:.3f}[/] over eight events, by rules and statistics (free for commercial use); "
        f"{score.refused} of {score.clips} clips refused; {score.cross_validated} scored without their own video",
        soft_wrap=True,
    )
    table = Table("clips of", "n", "all", *(name.value.replace("_", " ") for name in EventName))
    groups = (
        {"all": Pce(pce=score.pce, by_event=score.by_event, clips=score.clips)} | score.by_view | score.by_time_base
    )
    for kind, one in groups.items():
        table.add_row(kind, str(one.clips), f"{one.pce:.3f}", *(f"{one.by_event[name]:.2f}" for name in EventName))
    console.print(table)
    kept = ", ".join(f"{one.mean_confidence:.2f} -> {one.hit_rate:.2f} (n={one.events})" for one in score.confidence)
    console.print(f"confidence -> hit rate: {kept}; mean distance {score.calibration_error:.3f}", soft_wrap=True)
    failures = Table("clip", "view", "tolerance", "missed: frames found minus label", title="Misses clip by clip")
    for row in score.per_clip:
        if row.errors is None:
            failures.add_row(str(row.clip), row.view, str(row.tolerance), f"refused: {row.refusal}")
        elif row.missed:
            words = ", ".join(f"{name.value.replace('_', ' ')} {row.errors[name]:+d}" for name in row.missed)
            failures.add_row(str(row.clip), row.view + (", slow" if row.slow else ""), str(row.tolerance), words)
    console.print(failures)
