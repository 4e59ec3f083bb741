"""The present version of each stage, and one for the whole chain: it changes when any stage's does."""

import hashlib

from golf_pipeline.orchestration.assets import SWING_STAGES

STAGE_VERSIONS = {stage.name: stage.version for stage in SWING_STAGES}

PIPELINE_VERSION = hashlib.sha256(
    ";".join(f"{stage}={version}" for stage, version in STAGE_VERSIONS.items()).encode()
).hexdigest()[:8]
"""For run keys."""
