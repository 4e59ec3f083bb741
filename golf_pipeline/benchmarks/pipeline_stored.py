"""Many finished swings without analysing them: a few go through the pipeline, the others are copies of what they left.

Objects are copied within the bucket and rows within the catalog, keys as the pipeline makes them. Pictures of key
frames and overlay videos are left out: nothing that analyses a swing again reads them.

Each copy counts as content of its own, by the hashes in its rows, and its outputs are named by fingerprints that follow
from those: else the first one that is measured anew would be copied to all others.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from golf_pipeline.benchmarks.pipeline_rig import WRITERS, Rig
from golf_pipeline.orchestration.assets import SWING_STAGES
from golf_pipeline.orchestration.stages import fingerprint
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.orchestration.workspace import Workspace
from golf_pipeline.settings import Settings
from golf_pipeline.storage.keys import counterpart, partition_key, swing_folder, upload_key
from golf_pipeline.storage.records import AnalysisRecord, StageOutput
from golf_pipeline.storage.result import RESULT_STAGE
from golf_pipeline.storage.tables import analyses, stage_outputs

LEFT_OUT = ("frames/", "overlay/")
BETWEEN = timedelta(minutes=7)
"""Between the uploads of two stored swings."""


@dataclass(frozen=True)
class Finished:
    """A swing that went through the pipeline."""

    record: AnalysisRecord
    outputs: tuple[StageOutput, ...]


def store_copies(
    rig: Rig,
    sources: Sequence[Finished],
    name: str,
    count: int,
    golfers: int,
    on_stored: Callable[[int], None],
    *,
    with_video: bool,
) -> None:
    """Store `count` finished swings `{name}-00000`, ... of so many golfers.

    Args:
        with_video: their uploads too.
    """

    def store(number: int) -> None:
        source = sources[number % len(sources)]
        copy = _Copy(source.record, f"{name}-golfer-{number % golfers:03}", f"{name}-{number:05}")
        swing = Swing(workspace, _record_of(copy, number), workspace.folder / copy.analysis_id)
        swing.stages = {output.stage: _of_copy(output, copy) for output in source.outputs}
        for output in source.outputs:
            _copy_objects(rig, output, copy)
        with rig.catalog.engine.begin() as connection:
            connection.execute(insert(analyses).values(swing.record.model_dump()))
            connection.execute(insert(stage_outputs), _fingerprinted(swing))
        if with_video:  # last: its event finds a swing that is known
            rig.objects.copy(source.record.s3_key, copy.upload_key)

    workspace = Workspace(Settings(), rig.catalog, rig.objects, name)
    with ThreadPoolExecutor(WRITERS) as pool:
        for done, _ in enumerate(pool.map(store, range(count)), start=1):
            on_stored(done)


@dataclass(frozen=True)
class _Copy:
    source: AnalysisRecord
    user_id: str
    analysis_id: str

    @property
    def upload_key(self) -> str:
        return upload_key(self.user_id, self.analysis_id, self.source.s3_key.rpartition(".")[2])

    @property
    def old_folder(self) -> str:
        return swing_folder(self.source.user_id, self.source.analysis_id)

    @property
    def new_folder(self) -> str:
        return swing_folder(self.user_id, self.analysis_id)

    def named(self, name: str) -> str:
        """What an object of the source, below its folder, is called below the copy's."""
        return counterpart(name, self.source.analysis_id, self.analysis_id)


def _record_of(copy: _Copy, number: int) -> AnalysisRecord:
    moment = datetime.now(UTC) - (number + 1) * BETWEEN
    times = dict.fromkeys(("created_at", "updated_at", "uploaded_at", "dispatched_at", "started_at"), moment)
    own = {
        "analysis_id": copy.analysis_id,
        "partition_key": partition_key(copy.analysis_id),
        "user_id": copy.user_id,
        "s3_key": copy.upload_key,
        "content_sha256": _hash(copy.analysis_id),
        "completed_at": moment + timedelta(seconds=30),
    }
    return copy.source.model_copy(update=times | own)


def _of_copy(output: StageOutput, copy: _Copy) -> StageOutput:
    own = {
        "analysis_id": copy.analysis_id,
        "key": copy.new_folder + copy.named(output.key.removeprefix(copy.old_folder)),
        "files": tuple(copy.named(name) for name in output.names),
        "output_sha256": _hash(f"{copy.analysis_id} {output.output_sha256}"),
    }
    return output.model_copy(update=own)


def _fingerprinted(swing: Swing) -> list[dict[str, Any]]:
    """The rows of a copy's outputs, named by what they count as made of."""
    rows = []
    for stage in SWING_STAGES:
        output = swing.stages[stage.name]
        row = output.model_dump() | {"fingerprint": fingerprint(swing, stage), "files": list(output.names)}
        rows.append(row)
    return rows


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _copy_objects(rig: Rig, output: StageOutput, copy: _Copy) -> None:
    for name in output.names:
        if name.startswith(LEFT_OUT):
            continue
        target = copy.new_folder + copy.named(name)
        if output.stage != RESULT_STAGE:
            rig.objects.copy(copy.old_folder + name, target)
            continue
        body = rig.objects.get_bytes(copy.old_folder + name).decode()
        theirs = (copy.old_folder, f'"{copy.source.analysis_id}"')
        for old, new in zip(theirs, (copy.new_folder, f'"{copy.analysis_id}"'), strict=True):
            body = body.replace(old, new)
        rig.objects.put_bytes(target, body.encode(), "application/json")
