"""The pictures of the swing: 12 to 16 key frames that clients show, and the contact sheet of the eight events."""

from golf_pipeline.orchestration.documents import KeyFrames
from golf_pipeline.orchestration.progress import mark_measured
from golf_pipeline.orchestration.stages import UPLOAD, Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import SwingSegmentation, VideoFacts
from golf_pipeline.swing.pictures import (
    ALGORITHM_VERSION,
    choose_key_frames,
    write_contact_sheet,
    write_key_frames,
)

FOLDER = "frames"
CONTACT_SHEET = "contact_sheet.jpg"


@swing_stage(
    stage="key_frames",
    version=ALGORITHM_VERSION,
    inputs=(UPLOAD, "video", "pose", "events"),
    deps=("swing_events",),
    group="video",
    kinds={"jpeg", "json"},
    then=mark_measured,
)
def key_frames(swing: Swing) -> Made:
    """The biomechanically significant frames as JPEG, each with phase, time and description, and the contact sheet."""
    segmentation = swing.document(SwingSegmentation, "events")
    chosen = choose_key_frames(segmentation, swing.track, swing.document(VideoFacts, "video"))
    folder, sheet = swing.folder / FOLDER, swing.folder / CONTACT_SHEET
    write_key_frames(swing.video, chosen, folder)
    write_contact_sheet(swing.video, swing.track, segmentation, sheet)
    for frame in chosen:
        swing.put_frame(folder / frame.file_name)
    swing.put_file(sheet)
    phases = ", ".join(dict.fromkeys(frame.phase for frame in chosen))
    key = swing.put_document("key_frames.json", KeyFrames(key_frames=chosen))
    return Made(key, {"frames": len(chosen), "phases": phases})
