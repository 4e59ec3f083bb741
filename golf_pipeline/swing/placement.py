"""Where the eight events lie inside one candidate swing.

Belongs here: event positions in samples of a scene and how far to trust each. Which candidate is the swing is
`candidates.py`'s work, frame numbers and documents are `events.py`'s.

Everything is measured in the swing's own units: torso lengths, the descent of the hands from top to impact (level 1 at
the top, 0 at the lowest point), the downswing's duration. The levels come from motion capture with a tracked club
(data/mocap: 8 swings of an amateur, a tour average with driver and one with iron), not from the labels that the result
is scored against:

    club parallel in the backswing     level 0.10 (0.09-0.11, n = 5)
    lead arm parallel in the backswing level 0.58 (0.57-0.66, n = 10)
    lead arm parallel in the downswing level 0.58 (0.55-0.64, n = 10)

Two levels differ from it, because the camera's hands are not the markers' hands: see MID_DOWNSWING_LEVEL and
MID_FOLLOW_THROUGH_LEVEL.
"""

from dataclasses import dataclass

import numpy as np

from golf_pipeline.swing.candidates import Candidate
from golf_pipeline.swing.documents import EventName
from golf_pipeline.swing.scoring import REAL_TIME_DIVISOR
from golf_pipeline.swing.signals import (
    Floats,
    Scene,
    body_path,
    despike,
    last_crossing,
    lowest_point,
    next_crossing,
    smooth,
    speed_of,
)
from golf_pipeline.swing.timing import EventTiming

TOE_UP_LEVEL = 0.10
MID_BACKSWING_LEVEL = 0.58
ARM_PARALLEL_BELOW_SHOULDERS = 0.15
"""Torso lengths that the hands are below the shoulders when the lead arm is parallel in the backswing (mocap 0.10-0.13,
n = 8; the picture's torso is foreshortened by the bend of the spine). Second estimate beside the level."""
MID_DOWNSWING_LEVEL = 0.5
"""Half way down: mocap says 0.58, but at 30 fps the descent takes three frames and a low-pass shortens it at the top;
at the labels the level reads 0.50 (quartiles 0.41-0.60, n = 59 GolfDB clips)."""
MID_FOLLOW_THROUGH_LEVEL = 0.4
"""Mocap says 0.2 for the moment in which the shaft is parallel; at the labels, the first frame after it, the level
reads 0.43 (quartiles 0.36-0.56, same clips)."""

TOP_SPEED_SHARE = 0.10
"""The downswing begins where the speed falls below this share of its peak, going back from the peak."""
ADDRESS_SPEED_SHARE = 0.05
"""The body stands still where it moves slower than this share of the downswing's fastest."""

TEMPO_RANGE = (2.0, 6.5)
"""Downswings between address and top: GolfDB's real-time clips, 5th to 95th percentile 2.6-5.3 (n = 758), widened by a
quarter because one frame at 30 fps is 0.4."""
FINISH_WITHIN = 4.0
"""Downswings after impact by which a finish is reached (GolfDB: median 2.6)."""

LEAST_ORDER = 0.02
"""Downswings that two events are apart at least."""

KNOWN_IMPACT_NOISE = 0.01
"""Downswings that an impact told by something surer than the pose may be off: the ball leaves within one frame."""

AT_THE_EDGE = 0.3
"""Sureness of an estimate on the first or last sample of the scene: the event may lie outside."""


@dataclass(frozen=True)
class Place:
    """A position in (fractional) samples of the scene and how far to trust it (0..1)."""

    sample: float
    confidence: float


Placed = dict[EventName, Place]


@dataclass(frozen=True)
class Estimate:
    """What the rules say of the eight events of a candidate, in GolfDB's order.

    Attributes:
        samples: (8,) positions in samples of the scene.
        sureness: (8,) in 0..1, 1 for a clearly seen event.
    """

    samples: Floats
    sureness: Floats


def place_events(
    scene: Scene, height: Floats, candidate: Candidate, timing: EventTiming, known_impact: float | None = None
) -> Placed:
    """The eight events of a candidate, in order.

    Args:
        height: (n,) height of the hands, torso lengths (`signals.hand_height`).
        timing: what the readings are weighed with.
        known_impact: sample of impact where something surer than the pose tells it; the other events follow it.

    The confidence of an event is the probability that it lies within GolfDB's tolerance of an expert's label.
    """
    names = list(EventName)
    rules = read_events(scene, height, candidate)
    impact = rules.samples[names.index(EventName.IMPACT)]
    down = impact - rules.samples[names.index(EventName.TOP)]
    estimate = (rules.samples - impact) / down
    known = names.index(EventName.IMPACT)
    if known_impact is not None:
        estimate[known] = (known_impact - impact) / down
        timing = timing.with_exact(known, KNOWN_IMPACT_NOISE)
    position, deviation = timing.weigh(estimate, rules.sureness)
    if known_impact is not None:
        position[known] = estimate[known]
    ordered = np.maximum.accumulate(position - LEAST_ORDER * np.arange(len(names)))
    position = ordered + LEAST_ORDER * np.arange(len(names))
    samples = np.clip(impact + down * position, 0.0, len(scene) - 1.0)
    outside = np.abs(samples - (impact + down * position)) / down
    frames = samples[names.index(EventName.IMPACT)] - samples[names.index(EventName.ADDRESS)]
    allowed = max(1, round(frames / REAL_TIME_DIVISOR)) + 0.5  # frames are whole: half a frame more rounds to a hit
    confidence = timing.confidence(deviation + outside, allowed / down, rules.sureness)
    return {
        name: Place(float(sample), round(float(sure), 3))
        for name, sample, sure in zip(names, samples, confidence, strict=True)
    }


def read_events(scene: Scene, height: Floats, candidate: Candidate) -> Estimate:
    """What the rules read off the hands and the body, each event by itself."""
    body = body_path(scene)
    impact = _impact(scene, height, candidate)
    top = _top(body, height, candidate, impact)
    down = impact - top
    light = smooth(height, 0.2 * candidate.fall)
    level = (light - light[candidate.impact]) / (light[round(top)] - light[candidate.impact])
    mid_backswing = _mid_backswing(scene, level, light, top)
    toe_up = last_crossing(level, TOE_UP_LEVEL, int(mid_backswing))
    address = _address(speed_of(body, 0.5 * candidate.fall), toe_up, top, impact)
    mid_downswing = float(np.clip(next_crossing(level, MID_DOWNSWING_LEVEL, round(top)), top, impact))
    follow = max(impact, next_crossing(level, MID_FOLLOW_THROUGH_LEVEL, round(impact)))
    finish = max(follow, _finish(speed_of(body, candidate.fall), impact, down))
    samples = np.array([address, toe_up, mid_backswing, top, mid_downswing, impact, follow, finish])
    inside = (samples > 0) & (samples < len(scene) - 1)
    return Estimate(samples, np.where(inside, 1.0, AT_THE_EDGE) * _seen(scene, samples))


def _seen(scene: Scene, samples: Floats) -> Floats:
    """(k,) visibility of the better wrist around some samples."""
    better = np.maximum(scene.seen("left_wrist"), scene.seen("right_wrist"))
    near = [slice(max(0, round(sample) - 1), round(sample) + 2) for sample in samples]
    return np.array([better[window].mean() for window in near])


def _impact(scene: Scene, height: Floats, candidate: Candidate) -> float:
    """Where the hands are furthest below the shoulders.

    Measured from the shoulders because these rise through impact, more with a driver than with a wedge: 12 eye-read
    impacts (data/videos) lie 0.015 downswings before it (spread 0.05), mocap 0.00 (amateur, n = 8), GolfDB's labels
    0.07 after it (spread 0.05, n = 59). The lowest point itself scatters more and its bias depends on the club.
    """
    sigma = 0.2 * candidate.fall
    reach = int(np.ceil(1.5 * candidate.fall))
    near = slice(max(candidate.top + 1, candidate.impact - reach), candidate.impact + reach + 1)
    shoulders = despike(scene.midpoint("shoulder")[:, 1] / scene.torso)
    signal = smooth(height + shoulders, sigma)
    return lowest_point(signal, near.start + int(np.argmin(signal[near])))


def _top(body: Floats, height: Floats, candidate: Candidate, impact: float) -> float:
    """Median of three estimates of the moment in which the downswing begins.

    The hands' height walked back from its fastest fall to where it dies; the same for the whole body's motion along
    the direction of the downswing (hands that circle at the top leave no clear peak in height); the moment in which the
    body moves least between backswing and downswing.
    """
    fall_speed = -np.gradient(smooth(height, 0.5 * candidate.fall))
    by_height = _walk_back(fall_speed, candidate.top, round(impact))
    down = impact - by_height
    middle = by_height + 0.55 * down
    path = smooth(body, 0.5 * candidate.fall)
    before, after = max(0, int(middle - 0.15 * down)), min(len(path) - 1, int(middle + 0.15 * down) + 1)
    along = np.gradient(path, axis=0) @ (path[after] - path[before])
    by_body = _walk_back(along, max(0, int(middle - 2)), min(len(path) - 1, int(middle + 3)))
    speed = speed_of(body, 0.5 * candidate.fall)
    start = max(0, int(by_height - 0.6 * down))
    by_rest = start + int(np.argmin(speed[start : int(by_height + 0.35 * down) + 1]))
    estimates = np.array([by_height, by_body, by_rest])
    return float(np.clip(np.median(estimates), 0.0, impact - 1.0))


def _mid_backswing(scene: Scene, level: Floats, light: Floats, top: float) -> float:
    """Mean of two estimates of the lead arm's horizontal in the backswing."""
    ankles = float(np.median(scene.midpoint("ankle")[:, 1]))
    shoulders = (ankles - despike(scene.midpoint("shoulder")[:, 1])) / scene.torso
    by_level = last_crossing(level, MID_BACKSWING_LEVEL, round(top))
    by_shoulders = last_crossing(light - shoulders, -ARM_PARALLEL_BELOW_SHOULDERS, round(top))
    if by_shoulders <= 0 or by_shoulders >= top:
        return by_level
    return (by_level + by_shoulders) / 2


def _walk_back(speed: Floats, start: int, stop: int) -> float:
    """Where a speed dies, going back from its peak within start..stop."""
    peak = start + int(np.argmax(speed[start : stop + 1]))
    return last_crossing(speed, TOP_SPEED_SHARE * float(speed[peak]), peak)


def _address(speed: Floats, toe_up: float, top: float, impact: float) -> float:
    """Last still moment before the takeaway.

    A golfer who never stands still (a waggle into the takeaway) is at address where he moves least within the tempos
    that golfers have.
    """
    down = impact - top
    earliest, latest = (max(0, int(top - tempo * down)) for tempo in reversed(TEMPO_RANGE))
    start = int(toe_up)
    still = ADDRESS_SPEED_SHARE * float(speed[int(top) : int(impact) + 1].max())
    quiet = np.flatnonzero(speed[: start + 1] <= still)
    if len(quiet) and quiet[-1] >= earliest:
        address = last_crossing(speed, still, start) if quiet[-1] < start else float(start)
    else:
        stop = max(earliest, min(latest, start))
        address = float(earliest + int(np.argmin(speed[earliest : stop + 1])))
    return min(address, float(latest), toe_up)


def _finish(speed: Floats, impact: float, down: float) -> float:
    """The stillest moment after the follow-through: GolfDB's "just before the final pose is relaxed"."""
    start = min(len(speed) - 1, round(impact + down))
    stop = min(len(speed), int(impact + FINISH_WITHIN * down) + 1)
    return float(start + int(np.argmin(speed[start:stop]))) if stop > start else float(start)
