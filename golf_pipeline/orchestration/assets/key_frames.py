"""The pictures of the swing that clients show: 12 to 16 key frames."""

from golf_pipeline.orchestration.documents import KeyFrames
from golf_pipeline.orchestration.progress import mark_measured
from golf_pipeline.orchestration.swing_assets import Made, swing_asset
from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.swing.documents import SwingSegmentation, VideoFacts
from golf_pipeline.swing.pictures import ALGORITHM_VERSION, choose_key_frames, write_key_frames

FOLDER = "frames"


@swing_asset(stage="key_frames", version=ALGORITHM_VERSION, deps=["swing_events"], kinds={"jpeg", "json"})
def key_frames(swing: Swing) -> Made:
    """The biomechanically significant frames as JPEG, each with its phase, time and description."""
    segmentation = swing.document(SwingSegmentation, "events")
    chosen = choose_key_frames(segmentation, swing.track, swing.document(VideoFacts, "video"))
    folder = swing.folder / FOLDER
    write_key_frames(swing.video, chosen, folder)
    for frame in chosen:
        swing.put_frame(folder / frame.file_name)
    key = swing.put_document("key_frames", ALGORITHM_VERSION, "key_frames.json", KeyFrames(key_frames=chosen))
    phases = ", ".join(dict.fromkeys(frame.phase for frame in chosen))
    return Made(key, {"frames": len(chosen), "phases": phases}, then=lambda: mark_measured(swing, "key_frames"))
