"""The two jobs of the graph: one carries swings through the whole chain, one makes golfers' profiles.

Both run in process: eleven small steps take a second together there, and ten seconds with a process each; and the
downloaded video and the landmarks stay in one process.
"""

import dagster as dg

from golf_pipeline.orchestration.assets import golfer_assets, swing_assets

SWING_TAGS = {
    # What a run that died carried is taken up again swing by swing (`recovery.py`), not as the same run once more.
    "dagster/max_retries": "0",
}

swing_job = dg.define_asset_job(
    "swing_job",
    selection=list(swing_assets),
    description="Video, pose, events, frames and metrics, findings, coaching, pictures and result of the run's swings.",
    executor_def=dg.in_process_executor,
    tags=SWING_TAGS,
)
profile_job = dg.define_asset_job(
    "profile_job",
    selection=list(golfer_assets),
    description="The profiles of the run's golfers.",
    executor_def=dg.in_process_executor,
    tags={
        # Whoever's profile is still not made the sensor hands out again, without the golfer who ended the run.
        "dagster/max_retries": "0",
        # Nobody waits for a profile as they wait for a swing.
        "dagster/priority": "-1",
    },
)
all_jobs = (swing_job, profile_job)
