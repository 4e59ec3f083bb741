"""The stages of a swing and the assets made of them, one module each and thin: read, call the core, store, say what.

`SWING_STAGES` and `golfer_assets` list what is deployed, in the order of the graph; nothing is discovered.
"""

from golf_pipeline.orchestration.assets.coaching import coaching_report
from golf_pipeline.orchestration.assets.events import swing_events
from golf_pipeline.orchestration.assets.findings import swing_findings
from golf_pipeline.orchestration.assets.key_frames import key_frames
from golf_pipeline.orchestration.assets.metrics import swing_metrics
from golf_pipeline.orchestration.assets.overlay import overlay_video
from golf_pipeline.orchestration.assets.pose import pose_keypoints
from golf_pipeline.orchestration.assets.profile import swing_profile
from golf_pipeline.orchestration.assets.report import swing_report
from golf_pipeline.orchestration.assets.result import analysis_result
from golf_pipeline.orchestration.assets.sound import impact_sound
from golf_pipeline.orchestration.assets.video import swing_video
from golf_pipeline.orchestration.swing_assets import swing_asset

SWING_STAGES = (
    swing_video,
    pose_keypoints,
    swing_events,
    key_frames,
    swing_metrics,
    impact_sound,
    swing_findings,
    coaching_report,
    overlay_video,
    swing_report,
    analysis_result,
)
swing_assets = tuple(swing_asset(stage) for stage in SWING_STAGES)
golfer_assets = (swing_profile,)
