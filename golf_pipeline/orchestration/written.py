"""What a stage writes of one swing, as the catalog keeps it: names, hashes, the folder that only this output has."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from golf_pipeline.storage.keys import counterpart, swing_folder
from golf_pipeline.storage.records import AnalysisRecord, StageOutput
from golf_pipeline.swing.errors import SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.object_store import ObjectStore

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


def copied_output(
    objects: "ObjectStore", pool: ThreadPoolExecutor, other: StageOutput, record: AnalysisRecord
) -> StageOutput | None:
    """Another swing's output, its objects copied into this one's folder; None where they are unknown or gone.

    Args:
        pool: in which they are copied side by side; none is under way any more on return.

    Raises:
        SwingError: STORAGE_UNAVAILABLE.
    """
    if not other.files:
        return None
    source, target = other.folder, swing_folder(record.user_id, record.analysis_id)
    names = [counterpart(name, other.analysis_id, record.analysis_id) for name in other.files]
    main = names[other.files.index(other.key.removeprefix(source))]
    places = [(source + theirs, target + ours) for theirs, ours in zip(other.files, names, strict=True)]
    copies = [pool.submit(objects.copy, theirs, ours) for theirs, ours in places if theirs != ours]
    wait(copies)
    try:
        for copy in copies:
            copy.result()
    except SwingError as error:
        if error.retryable:
            raise
        return None  # deleted meanwhile
    ours_is = {"analysis_id": record.analysis_id, "key": target + main, "files": tuple(names)}
    return other.model_copy(update={**ours_is, "stored_at": datetime.now(UTC)})
