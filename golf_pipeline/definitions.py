"""What Dagster loads: `build_defs()` puts the code location together, and nothing else is here.

Assets, sensors, schedules, jobs and resources live in `orchestration/`; a test builds a whole location with other
settings or with one resource exchanged.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from golf_pipeline.orchestration.assets import golfer_assets, swing_assets
from golf_pipeline.orchestration.dead_letter_jobs import redrive_dead_letters
from golf_pipeline.orchestration.housekeeping import housekeeping_jobs, housekeeping_schedules
from golf_pipeline.orchestration.jobs import all_jobs
from golf_pipeline.orchestration.reanalysis import reanalysis_job
from golf_pipeline.orchestration.resources import SwingStore
from golf_pipeline.orchestration.sensors import all_sensors
from golf_pipeline.orchestration.service_checks import (
    service_checks,
    service_checks_job,
    service_checks_schedule,
    uploads,
)
from golf_pipeline.orchestration.watch import watch_service
from golf_pipeline.settings import Settings, get_settings


def build_defs(settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The code location, with other settings or resources where they are given."""
    resources = {"swing_store": SwingStore(settings=settings or get_settings())}
    return dg.Definitions(
        assets=[uploads, *swing_assets, *golfer_assets],
        asset_checks=[service_checks],
        jobs=[*all_jobs, reanalysis_job, *housekeeping_jobs, service_checks_job, redrive_dead_letters],
        schedules=[*housekeeping_schedules, service_checks_schedule],
        sensors=[*all_sensors, watch_service],
        resources={**resources, **(resource_overrides or {})},
        executor=dg.in_process_executor,
    )


defs = build_defs()
