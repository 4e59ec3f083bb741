"""The swing within the video, and its eight events."""

from golf_pipeline.orchestration.checks import events_in_order
from golf_pipeline.orchestration.stages import UPLOAD, Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.documents import VideoFacts
from golf_pipeline.swing.events import ALGORITHM_VERSION
from golf_pipeline.swing.impact import segment_video


@swing_stage(
    stage="events",
    version=ALGORITHM_VERSION,
    inputs=(UPLOAD, "video", "pose"),
    deps=("pose_keypoints",),
    group="video",
    kinds={"python", "json"},
    checks=(events_in_order,),
)
def swing_events(swing: Swing) -> Made:
    """Address, toe-up, mid-backswing, top, mid-downswing, impact, mid-follow-through and finish; or a refusal."""
    facts = swing.document(VideoFacts, "video")
    segmentation = segment_video(swing.video, facts, swing.track)
    capture = segmentation.capture
    return Made(
        swing.put_document("swing_events.json", segmentation),
        {
            **{event.event.value: event.frame for event in segmentation.events},
            "weakest_confidence": round(min(event.confidence for event in segmentation.events), 3),
            "candidates": len(segmentation.candidates),
            "view": capture.view.value,
            "handedness": capture.handedness.value,
            "time_base": capture.time_base.value,
            "ball": segmentation.impact_ball.status if segmentation.impact_ball else "not looked for",
        },
    )
