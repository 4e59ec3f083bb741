"""The first stage: the upload becomes a validated video with facts."""

from golf_pipeline.orchestration.stages import UPLOAD, Made, swing_stage
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.swing.video import ALGORITHM_VERSION, VideoLimits, probe_video


def _limits(swing: Swing) -> tuple[float, ...]:
    settings = swing.settings
    return settings.max_upload_bytes, settings.min_duration_s, settings.max_duration_s


@swing_stage(
    stage="video",
    version=ALGORITHM_VERSION,
    inputs=(UPLOAD,),
    follows=_limits,
    deps=("uploads",),
    group="video",
    kinds={"s3", "mp4"},
    before=Swing.begin,
)
def swing_video(swing: Swing) -> Made:
    """The uploaded video: downloaded, validated, and what its container and frames say about it."""
    settings = swing.settings
    limits = VideoLimits(settings.max_upload_bytes, settings.min_duration_s, settings.max_duration_s)
    facts = probe_video(swing.video, limits)
    return Made(
        swing.put_document("video.json", facts),
        {
            "codec": facts.codec,
            "size": f"{facts.width}x{facts.height}",
            "frames": facts.frame_count,
            "duration_seconds": facts.duration_s,
            "fps": facts.fps,
            "megabytes": round(facts.size_bytes / 2**20, 2),
        },
    )
