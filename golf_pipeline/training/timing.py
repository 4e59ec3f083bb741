"""Statistics of event timing: the rhythm of labelled swings, and how far the rules' estimates are from the labels.

Statistics only: a mean, a covariance, and per event a bias, a noise and one factor for the confidence.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.errors import SwingNotFound
from golf_pipeline.swing.events import find_swing
from golf_pipeline.swing.placement import read_events
from golf_pipeline.swing.scoring import tolerance
from golf_pipeline.swing.signals import Floats
from golf_pipeline.swing.timing import EventTiming
from golf_pipeline.training.golfdb import LabelledClip

NAMES = list(EventName)
TOP, IMPACT = NAMES.index(EventName.TOP), NAMES.index(EventName.IMPACT)

PRIOR_IDS_FROM = 100
"""The prior is made of GolfDB's clips from this id on: those below have landmarks and are what is scored."""

RULES_IMPACT_OFF = 0.10
RULES_DOWNSWING_OFF = 0.15
"""How far the rules' impact (downswings) and downswing (share) may be off: the prior's clock is the rules', not the
labels'. Wider than the rules' own errors (0.07 and 0.12), because the two also correlate with the other events."""

LEAST_NOISE = 0.03
"""Downswings. A frame is 0.14 at 30 fps, and labels are whole frames."""

LABELLED_IMPACT_LATE = 0.045
"""Downswings by which GolfDB's experts label impact late: the first frame after contact. The rules read impact 0.015
before 12 impacts read by eye (data/videos), motion capture says 0.00, and GolfDB's labels come 0.06 later (n = 59)."""

PRIOR_REPEATS = 20
LEAST_DOWNSWING = 3
OUTER_PERCENT = 1


@dataclass(frozen=True)
class Observed:
    """One clip in which the rules found a swing: all (8,), downswings from the rules' impact.

    Attributes:
        allowed: GolfDB's tolerance, half a frame of rounding included.
        exact_frames: (2,) fractional frame of the rules' impact and frames in the rules' downswing.
    """

    clip: LabelledClip
    rules: Floats
    sureness: Floats
    labels: Floats
    allowed: float
    exact_frames: tuple[float, float]


def observe(clips: list[LabelledClip]) -> list[Observed]:
    """What the rules read in each clip; those in which they find no swing are left out."""
    return [one for one in map(observe_clip, clips) if one is not None]


def observe_clip(clip: LabelledClip) -> Observed | None:
    try:
        found = find_swing(clip.track)
    except SwingNotFound:
        return None
    estimate = read_events(found.scene, found.height, found.chosen)
    impact = float(estimate.samples[IMPACT])
    down = impact - float(estimate.samples[TOP])
    start = found.scene.exact_frame(0.0)
    labels = np.array([clip.labels[name] for name in NAMES])
    labels[IMPACT] -= LABELLED_IMPACT_LATE * down
    return Observed(
        clip=clip,
        rules=(estimate.samples - impact) / down,
        sureness=estimate.sureness,
        labels=(labels - start - impact) / down,
        allowed=(tolerance(clip.labels) + 0.5) / down,
        exact_frames=(start + impact, down),
    )


def prior_of_labels(labels: Path) -> tuple[Floats, Floats]:
    """Mean (8,) and covariance (8, 8) of the events' positions in labelled swings, on the rules' clock."""
    rows = pl.read_csv(labels).filter(pl.col("id") >= PRIOR_IDS_FROM)
    frames = rows.select([f"clip_{name.value}" for name in NAMES]).to_numpy().astype(np.float64)
    down = frames[:, IMPACT] - frames[:, TOP]
    frames[:, IMPACT] -= LABELLED_IMPACT_LATE * down
    long_enough = down > LEAST_DOWNSWING
    rhythm = ((frames - frames[:, [IMPACT]]) / down[:, None])[long_enough]
    low, high = np.percentile(rhythm, [OUTER_PERCENT, 100 - OUTER_PERCENT], axis=0)
    rhythm = np.repeat(np.clip(rhythm, low, high), PRIOR_REPEATS, axis=0)
    random = np.random.default_rng(0)
    shift = random.normal(0, RULES_IMPACT_OFF, (len(rhythm), 1))
    scale = np.exp(random.normal(0, RULES_DOWNSWING_OFF, (len(rhythm), 1)))
    seen = shift + scale * rhythm
    return seen.mean(axis=0), np.cov(seen.T)


def fit_errors(timing: EventTiming, rules: Floats, sureness: Floats, labels: Floats) -> EventTiming:
    """The timing with the rules' bias and noise.

    Args:
        rules, sureness: (n, 8) positions in downswings, and how sure each is.
        labels: (n, 8) in downswings.
    """
    error = rules - labels
    bias = np.median(error, axis=0)
    deviation = 1.4826 * np.median(np.abs(error - bias) * sureness, axis=0)
    return replace(timing, bias=bias, noise=np.hypot(deviation, LEAST_NOISE))


def fit_spread(timing: EventTiming, seen: list[Observed], judged: list["Judged"]) -> EventTiming:
    """The timing with the spread that makes its confidences most likely.

    Args:
        judged: of each clip in `seen`, by a timing that was not fitted on the clip's video.
    """
    factors = np.geomspace(0.25, 4.0, 41)
    hits = np.stack([one.hit for one in judged])
    likelihood = np.empty((len(factors), len(NAMES)))
    for row, factor in enumerate(factors):
        trial = replace(timing, spread=np.full(len(NAMES), factor))
        sure = np.stack(
            [trial.confidence(j.deviation, one.allowed, one.sureness) for one, j in zip(seen, judged, strict=True)]
        )
        likelihood[row] = np.log(np.clip(np.where(hits, sure, 1 - sure), 0.01, 1.0)).sum(axis=0)
    return replace(timing, spread=factors[likelihood.argmax(axis=0)])


@dataclass(frozen=True)
class Judged:
    """What a timing says of one clip: (8,) positions and deviations in downswings, and whether each is a hit."""

    position: Floats
    deviation: Floats
    hit: NDArray[np.bool_]


def judge(timing: EventTiming, one: Observed) -> Judged:
    position, deviation = timing.weigh(one.rules, one.sureness)
    return Judged(position, deviation, np.abs(position - one.labels) <= one.allowed)


def fit_rules_timing(seen: list[Observed], prior: tuple[Floats, Floats]) -> EventTiming:
    """The rules' statistics; the spread of the confidence comes from videos left out one after another."""
    ones = np.ones(len(NAMES))
    blank = EventTiming(prior[0], prior[1], bias=0 * ones, noise=ones, spread=ones)
    labels = np.stack([one.labels for one in seen])
    rules = np.stack([one.rules for one in seen])
    sureness = np.stack([one.sureness for one in seen])
    videos = np.array([one.clip.video for one in seen])
    judged: list[Judged] = []
    for position, one in enumerate(seen):
        others = videos != videos[position]
        judged.append(judge(fit_errors(blank, rules[others], sureness[others], labels[others]), one))
    return fit_spread(fit_errors(blank, rules, sureness, labels), seen, judged)


def write_timing(timing: EventTiming, path: Path, source: str, clips: list[int]) -> None:
    """Write the form that `read_timing` reads; `clips` are the ids of those that the errors were fitted on."""

    def numbers(values: Floats) -> str:
        return "[" + ", ".join(f"{value:.4f}" for value in values) + "]"

    lines = [
        "# Timing of the eight events in downswings from impact, and their estimates' errors; see swing/timing.py.",
        f"# {source}",
        "# Made by `golf-pipeline train timing`; edit nothing here.",
        "",
        f"fitted_on = {clips}",
    ]
    for number, name in enumerate(NAMES):
        lines += [
            "",
            f"[events.{name.value}]",
            f"mean = {timing.mean[number]:.4f}",
            f"covariance = {numbers(timing.covariance[number])}",
            f"bias = {timing.bias[number]:.4f}",
            f"noise = {timing.noise[number]:.4f}",
            f"spread = {timing.spread[number]:.3f}",
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
