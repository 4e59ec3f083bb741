"""The first asset: the upload becomes a validated video with facts."""

from golf_pipeline.orchestration.swing_assets import Made, swing_asset
from golf_pipeline.orchestration.workspace import Swing
from golf_pipeline.swing.video import ALGORITHM_VERSION, VideoLimits, probe_video


@swing_asset(stage="video", version=ALGORITHM_VERSION, kinds={"s3", "mp4"})
def swing_video(swing: Swing) -> Made:
    """The uploaded video: downloaded, validated, and what its container and frames say about it."""
    swing.begin()
    settings = swing.settings
    limits = VideoLimits(settings.max_upload_bytes, settings.min_duration_s, settings.max_duration_s)
    facts = probe_video(swing.video, limits)
    swing.set_content(facts.sha256)
    return Made(
        swing.put_document("video", ALGORITHM_VERSION, "video.json", facts),
        {
            "golfer": swing.record.user_id,
            "codec": facts.codec,
            "size": f"{facts.width}x{facts.height}",
            "frames": facts.frame_count,
            "duration_seconds": facts.duration_s,
            "fps": facts.fps,
            "megabytes": round(facts.size_bytes / 2**20, 2),
        },
    )
