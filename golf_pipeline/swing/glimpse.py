"""A few pictures of a video near given times, without decoding what comes before them.

For judgements that rest on a moment or two of a long recording. Who needs exact frame numbers, or every frame, reads
with `video.read_frames`: numbers are only known by counting from the start.
"""

from collections.abc import Sequence
from pathlib import Path

from golf_pipeline.swing.decoder import Upright, decode, open_video, picture_stream, read_packets
from golf_pipeline.swing.errors import VideoRefused
from golf_pipeline.swing.video import Frame, VideoLimits


def glimpse(path: Path, times_s: Sequence[float], *, max_side_px: int) -> list[Frame]:
    """The first picture at or after each of the times, upright and scaled as by `read_frames`.

    Args:
        path: a video that `probe_video` accepted.
        times_s: increasing, in seconds from the first frame shown.
        max_side_px: the longer side has at most this many pixels.

    Returns:
        at most one frame a time; none where the file cannot be entered there. `Frame.number` counts the answers: the
        frame's own number is not known.
    """
    from av.error import FFmpegError
    from av.video.reformatter import VideoReformatter

    found: list[Frame] = []
    if not times_s:
        return found
    wanted, reformatter = list(times_s), VideoReformatter()
    with open_video(path, VideoLimits().max_pixels) as container:
        stream = picture_stream(container)
        stream.thread_type = "AUTO"
        unit_s = float(stream.time_base or 0)
        try:
            # From the packets: a phone's lead-in, up to a second that no player shows, need not be decoded.
            shown = (one.pts for one in read_packets(container, stream) if one.size and not one.is_discard)
            start = min(pts for pts in shown if pts is not None)
            container.seek(start + int(wanted[0] / unit_s), stream=stream)
            for frame in decode(container, stream):
                if frame.pts is None or (frame.pts - start) * unit_s < wanted[0] - unit_s:
                    continue
                time_s = (frame.pts - start) * unit_s
                shape = Upright.of(frame, stream).scaled(max_side_px)
                found.append(Frame(len(found), time_s, shape.picture(frame, reformatter)))
                wanted = [one for one in wanted[1:] if one > time_s]
                if not wanted:
                    break
        except (VideoRefused, FFmpegError, ValueError):  # ValueError: no packet has a time
            return found
    return found
