"""One version for the whole chain, for run keys: it changes when any stage's does."""

import hashlib

from golf_pipeline.orchestration.assets import swing_assets

PIPELINE_VERSION = hashlib.sha256(
    ";".join(
        f"{spec.key.to_user_string()}={spec.code_version}" for asset in swing_assets for spec in asset.specs
    ).encode()
).hexdigest()[:8]
