"""The sound of impact: a sharp transient close to the visual impact, as a confirmation and never as a correction.

On phones it comes 20-50 ms after the picture's impact; some exports shift the whole track by 0.2 s, slow motion makes
it useless, and a range is full of other people's shots. So it is looked for only near the visual impact, and what is
found is reported with its offset.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.swing.documents import EventName, ImpactSound, SwingSegmentation, TimeBase, VideoFacts
from golf_pipeline.swing.video import AudioTrack, read_audio

ALGORITHM_VERSION = "1"

WINDOW_S = 0.004
"""Length of one energy reading; a ball's strike rises within a few milliseconds."""

SEARCH_S = 0.3
"""How far from the visual impact a sound may be: exports were seen that shift it by 0.21 s."""

LEAST_RISE = 8.0
"""Energy of the loudest onset over the median of the second around it, for it to count as a strike."""

LEAST_LEAD = 2.0
"""How much sharper the strike must be than the next onset that is not part of it, to be taken for the strike."""

USUAL_OFFSET_S = (-0.04, 0.08)
"""Sound minus picture that confirms an impact: phones read 0.02-0.05 (data/videos), and the picture's impact is known
to about a frame, 0.033 s at 30 frames per second."""

SAME_STRIKE_S = 0.05
"""Onsets closer than this belong to one strike: club, ball and echo of the mat."""


def listen_for_impact(path: Path, facts: VideoFacts, segmentation: SwingSegmentation) -> ImpactSound:
    """Look for the strike near the visual impact; `offset_s` is sound minus picture."""
    if not facts.has_audio:
        return ImpactSound(status="no audio", reason="the clip has no sound")
    if segmentation.capture.time_base != TimeBase.REAL:
        return ImpactSound(status="not usable", reason="the sound of slow motion does not belong to the picture")
    audio = read_audio(path)
    if audio is None or not np.any(audio.samples):
        return ImpactSound(status="no audio", reason="the sound track is empty")
    impact_s = _exact_time(segmentation)
    times, rises = onsets(audio)
    near = np.abs(times - impact_s) <= SEARCH_S
    if not near.any():
        return ImpactSound(status="not heard", reason="the sound does not reach the moment of impact")
    best = int(np.flatnonzero(near)[np.argmax(rises[near])])
    others = near & (np.abs(times - times[best]) > SAME_STRIKE_S)
    if rises[best] < LEAST_RISE:
        return ImpactSound(status="not heard", reason="no sharp sound near the visual impact")
    if others.any() and rises[best] < LEAST_LEAD * rises[others].max():
        return ImpactSound(status="not heard", reason="several sharp sounds near the visual impact")
    at = float(times[best])
    offset = at - impact_s
    confirms = USUAL_OFFSET_S[0] <= offset <= USUAL_OFFSET_S[1]
    reason = "" if confirms else "the sound is shifted against the picture, so it does not confirm the moment of impact"
    return ImpactSound(status="heard", time_s=round(at, 3), offset_s=round(offset, 3), reason=reason)


def onsets(audio: AudioTrack) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How suddenly the sound grows louder at each moment.

    Returns:
        (n,) seconds on the frames' clock, and (n,) the growth of energy over the window before, in units of the track's
        median energy around it (a second to each side); 0 where it does not grow.
    """
    length = max(1, round(WINDOW_S * audio.rate))
    count = len(audio.samples) // length
    # A click is broadband: differencing takes rumble and voices down before the energy is taken.
    edges = np.diff(audio.samples.astype(np.float64), prepend=audio.samples[:1])
    energy = (edges[: count * length].reshape(count, length) ** 2).mean(axis=1)
    if not count:
        return np.empty(0), np.empty(0)
    second = round(1 / WINDOW_S)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(energy, second, mode="edge"), 2 * second + 1)
    usual = np.median(around, axis=1)
    growth = np.clip(np.diff(energy, prepend=energy[:1]), 0, None)
    times = audio.start_s + np.arange(count) * length / audio.rate
    return times, growth / np.maximum(usual, np.finfo(float).tiny)


def _exact_time(segmentation: SwingSegmentation) -> float:
    """Seconds of the sub-frame impact, from the two frames' times around it."""
    impact, top = segmentation.event(EventName.IMPACT), segmentation.event(EventName.TOP)
    frames = impact.frame - top.frame
    frame_s = (impact.time_s - top.time_s) / frames if frames else 0.0
    return impact.time_s + (impact.exact_frame - impact.frame) * frame_s
