"""A mirrored copy of a video: the same swing by a golfer of the other hand."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from golf_pipeline.swing.errors import SwingError
from golf_pipeline.swing.video import probe_video, read_frames

TICKS_PER_S = 90_000


def mirror_video(video: Path, copy: Path) -> Path | None:
    """Write the frames mirrored at their own times, without sound; None for a video that cannot be read."""
    import av

    try:
        facts = probe_video(video)
    except SwingError:
        return None
    width, height = facts.width - facts.width % 2, facts.height - facts.height % 2
    with av.open(str(copy), "w") as container:
        stream = container.add_stream("libx264", rate=round(facts.fps), options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
        for frame in read_frames(video):
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(frame.image[:height, width - 1 :: -1]), format="rgb24"
            )
            picture.pts, picture.time_base = round(frame.time_s * TICKS_PER_S), Fraction(1, TICKS_PER_S)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return copy
