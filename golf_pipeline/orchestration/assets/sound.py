"""What the microphone heard."""

from golf_pipeline.orchestration.stages import UPLOAD, Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import SwingSegmentation, VideoFacts
from golf_pipeline.swing.sound import ALGORITHM_VERSION, listen_for_impact


@swing_stage(
    stage="sound",
    version=ALGORITHM_VERSION,
    inputs=(UPLOAD, "video", "events"),
    deps=("swing_events",),
    group="video",
    kinds={"audio", "json"},
)
def impact_sound(swing: Swing) -> Made:
    """The sharp transient near impact, as a confirmation of the visual impact only."""
    facts, segmentation = swing.document(VideoFacts, "video"), swing.document(SwingSegmentation, "events")
    heard = listen_for_impact(swing.video, facts, segmentation)
    metadata: dict[str, str | float] = {"status": heard.status}
    if heard.offset_s is not None:
        metadata["offset_seconds"] = heard.offset_s
    return Made(swing.put_document("impact_sound.json", heard), metadata)
