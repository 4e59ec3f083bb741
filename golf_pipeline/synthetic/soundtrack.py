"""The sound of a clip: the hiss of a quiet range, and the strike when it reaches the camera."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golf_pipeline.synthetic.exact import strikes_s
from golf_pipeline.synthetic.spec import ClipSpec

SAMPLE_RATE = 44_100
STRIKE_S = 0.004


def soundtrack(spec: ClipSpec, capture: Path | None = None) -> NDArray[np.float32]:
    """(n,) mono: noise and, for every strike that is filmed in real time, a crack of a few milliseconds."""
    noise = np.random.default_rng(1)
    samples = noise.normal(0, 0.002, round(spec.clip_frame_count / spec.fps * SAMPLE_RATE))
    length = round(STRIKE_S * SAMPLE_RATE)
    fading = np.exp(-np.arange(length) / (length / 4))
    for time_s in strikes_s(spec, capture):
        first = round(time_s * SAMPLE_RATE)
        if first < len(samples) - length:
            samples[first : first + length] += 0.6 * fading * noise.normal(0, 1, length)
    return np.clip(samples, -1, 1).astype(np.float32)
