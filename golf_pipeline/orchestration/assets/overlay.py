"""The video with the pose drawn on it."""

from golf_pipeline.orchestration.documents import Metrics
from golf_pipeline.orchestration.stages import UPLOAD, Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import SwingSegmentation, VideoFacts
from golf_pipeline.swing.live_angles import shown_angles
from golf_pipeline.swing.overlay import ALGORITHM_VERSION, write_overlay

FILE_NAME = "overlay.mp4"


def _angles(swing: Swing) -> list[str]:
    """Of the metrics, the video shows the angles that could be measured; their values it reads from the pose."""
    return sorted(shown_angles(swing.document(SwingSegmentation, "events"), swing.document(Metrics, "metrics").metrics))


@swing_stage(
    stage="overlay",
    version=ALGORITHM_VERSION,
    inputs=(UPLOAD, "video", "pose", "events"),
    glances_at=("metrics",),
    follows=_angles,
    deps=("swing_metrics",),
    group="publish",
    kinds={"mp4"},
)
def overlay_video(swing: Swing) -> Made:
    """The annotated video that plays in a browser."""
    path = swing.folder / FILE_NAME
    video, facts = swing.video, swing.document(VideoFacts, "video")
    segmentation, metrics = swing.document(SwingSegmentation, "events"), swing.document(Metrics, "metrics").metrics
    write_overlay(video, facts, swing.track, segmentation, metrics, path)
    megabytes = round(path.stat().st_size / 2**20, 2)
    return Made(swing.put_file(path), {"megabytes": megabytes})
