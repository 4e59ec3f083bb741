"""What a stage writes of one swing, as the catalog keeps it: names, hashes, the folder that only this output has."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from golf_pipeline.storage.records import StageOutput

JSON_TYPE = "application/json"
CONTENT_TYPES = {
    ".json": JSON_TYPE,
    ".parquet": "application/vnd.apache.parquet",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".html": "text/html; charset=utf-8",
}
FINGERPRINT_CHARACTERS = 8
"""Of a fingerprint, in the name of an output's folder: enough to tell apart what was made of one swing."""


@dataclass
class Written:
    """What a stage has written so far: its folder, the names below the swing's folder, the hashes of the bytes."""

    analysis_id: str
    stage: str
    version: str
    folder: str
    names: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)

    def output(self, key: str, fingerprint: str | None, facts: dict[str, Any]) -> StageOutput:
        return StageOutput(
            analysis_id=self.analysis_id,
            stage=self.stage,
            version=self.version,
            key=key,
            facts=facts,
            stored_at=datetime.now(UTC),
            fingerprint=fingerprint,
            output_sha256=self.hashes.get(key),
            files=tuple(self.names),
        )
