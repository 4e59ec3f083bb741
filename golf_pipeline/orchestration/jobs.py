"""The two jobs of the graph: one carries swings through the whole chain, one makes a golfer's profile.

Both run in process: eleven small steps take a second together there, and ten seconds with a process each; and the
downloaded video and the landmarks stay in one process.
"""

import dagster as dg

from golf_pipeline.orchestration.assets import golfer_assets, swing_assets

RETRY_TAGS = {
    # A crashed run (a lost worker, not a failed step) is started once more by Dagster. From the beginning: what its
    # process had in memory is gone, and the pose is not computed twice.
    "dagster/retry_strategy": "ALL_STEPS",
}

swing_job = dg.define_asset_job(
    "swing_job",
    selection=list(swing_assets),
    description="Video, pose, events, frames and metrics, findings, coaching, pictures and result of the run's swings.",
    executor_def=dg.in_process_executor,
    tags=RETRY_TAGS,
)
profile_job = dg.define_asset_job(
    "profile_job",
    selection=list(golfer_assets),
    description="The profile of one golfer.",
    executor_def=dg.in_process_executor,
    tags=RETRY_TAGS,
)
all_jobs = (swing_job, profile_job)
