"""The ledger of a burst: what was put, and whether each upload came to its one right end.

It believes nobody: what the catalog says must be in S3, what is in S3 must hold the numbers of the same film in calm,
and Dagster must not have finished a swing twice.
"""

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from golf_pipeline.local.probes import graphql
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument
from golf_pipeline_tests.chaos.burst import Upload
from golf_pipeline_tests.chaos.rig import Rig

LATE_S = 120.0
"""An upload that took longer counts as late: told, and no failure."""

MOST_LATE_TOLD = 5
POLL_S = 0.3
MATERIALIZATIONS = """query($keys: [String!]) {
  assetNodeOrError(assetKey: {path: ["analysis_result"]}) {
    ... on AssetNode { assetMaterializations(partitions: $keys, limit: 1000) { partition runId } } } }"""


@dataclass
class Account:
    """What became of a burst; the lists hold sentences."""

    uploads: int = 0
    results: int = 0
    failures: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    late: dict[str, float] = field(default_factory=dict)
    """Seconds by key."""
    seconds: list[float] = field(default_factory=list)
    attempts: int = 0

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.wrong or self.doubled)

    def __str__(self) -> str:
        middle = statistics.median(self.seconds) if self.seconds else 0.0
        lines = [
            f"{self.uploads} uploads: {self.results} right results, {self.failures} right failures; "
            f"{len(self.lost)} lost, {len(self.wrong)} wrong, {len(self.doubled)} doubled, {len(self.late)} late",
            f"{self.attempts} attempts; {middle:.0f} s from put to end in the middle, "
            f"{max(self.seconds, default=0.0):.0f} s at most",
        ]
        for name in ("lost", "wrong", "doubled"):
            lines += [f"{name}: {sentence}" for sentence in getattr(self, name)]
        latest = sorted(self.late.items(), key=lambda one: -one[1])[:MOST_LATE_TOLD]
        lines += [f"late: {key}, {seconds:.0f} s" for key, seconds in latest]
        return "\n".join(lines)


class Ledger:
    """The uploads of one test on a rig."""

    def __init__(self, rig: Rig, references: Mapping[str, ResultDocument]) -> None:
        self._rig, self._references = rig, references
        self._uploads: dict[str, Upload] = {}
        self._put_at: dict[str, float] = {}
        self._contents: dict[str, int] = {}

    def put(self, uploads: Iterable[Upload]) -> None:
        """Put uploads into the bucket; one under a known key replaces what was there."""
        for upload in uploads:
            self._uploads[upload.key] = upload
            self._contents[upload.key] = self._contents.get(upload.key, 0) + 1
            self._put_at[upload.key] = time.time()
            self._rig.put(upload.key, upload.body)

    def wait(self, timeout_s: float) -> None:
        """Look after the stack until every upload has ended, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while self.open() and time.monotonic() < deadline:
            self._rig.look_after()
            time.sleep(POLL_S)

    def open(self) -> list[str]:
        """The keys whose present content has not come to an end; all of them while the catalog cannot be asked."""
        records = self._rig.records(self._uploads)
        return [key for key, upload in self._uploads.items() if not _has_ended(records.get(key), upload)]

    def ended(self) -> int:
        return len(self._uploads) - len(self.open())

    def audit(self) -> Account:
        """Compare what should be with what is."""
        account = Account(uploads=len(self._uploads))
        records = self._rig.records(self._uploads)
        finished = self._times_finished([record.partition_key for record in records.values()])
        for key, upload in self._uploads.items():
            record = records.get(key)
            if record is None or not _has_ended(record, upload):
                at = "not in the catalog" if record is None else f"{record.status}, attempt {record.attempt}"
                account.lost.append(f"{key}: {at}")
                continue
            account.attempts += record.attempt
            self._note_time(account, key, record)
            complaint = self._complaint(upload, record)
            if complaint:
                account.wrong.append(f"{key}: {complaint}")
            elif record.status == Status.FAILED:
                account.failures += 1
            else:
                account.results += 1
            times = finished.get(record.partition_key, 0)
            if times > self._contents[key]:
                account.doubled.append(f"{key}: finished {times} times, put {self._contents[key]} times")
        return account

    def _note_time(self, account: Account, key: str, record: AnalysisRecord) -> None:
        if record.completed_at is not None:
            seconds = record.completed_at.timestamp() - self._put_at[key]
            account.seconds.append(seconds)
            if seconds > LATE_S:
                account.late[key] = seconds

    def _complaint(self, upload: Upload, record: AnalysisRecord) -> str | None:
        """What is wrong with an end; None if nothing is."""
        if upload.sample is None:
            if (record.status, record.error_code) != (Status.FAILED, upload.code):
                return f"{record.status} {record.error_code}, {upload.code} expected"
            return None
        if record.status != Status.AI_COMPLETED:
            return f"{record.status} {record.error_code}: {record.error_message}"
        if record.content_sha256 != upload.sha256:
            return "the result is of other bytes"
        return self._complaint_about_result(upload, record)

    def _complaint_about_result(self, upload: Upload, record: AnalysisRecord) -> str | None:
        stages = self._rig.catalog.stages(record.analysis_id)
        there = self._rig.keys(f"golf-swings/{record.user_id}/{record.analysis_id}/")
        missing = [stage for stage, output in stages.items() if output.key not in there]
        if RESULT_STAGE not in stages or missing:
            return f"no object for the stages {missing or [RESULT_STAGE]}"
        result = ResultDocument.model_validate_json(self._rig.read(stages[RESULT_STAGE].key))
        named = [frame.key for frame in result.analysis_results.frames] + list(result.artifacts.values())
        gone = [key for key in named if key not in there]
        if gone:
            return f"the result names objects that are not there: {gone[:3]}"
        if result.analysis_id != record.analysis_id:
            return f"the result is of {result.analysis_id}"
        noted = {stage: output.version for stage, output in stages.items()}
        told = {stage: version for stage, version in result.algorithm_versions.items() if stage in noted}
        if any(noted[stage] != version for stage, version in told.items()):
            return f"the result says it is of {told}, the catalog of {noted}"
        if numbers(result) != numbers(self._references[upload.sample or ""]):
            return "the numbers are not those of the same film in calm"
        return None

    def _times_finished(self, partitions: Sequence[str]) -> dict[str, int]:
        """Partition -> how often Dagster has it that its result was made."""
        answer = graphql(self._rig.stack.dagster_port, MATERIALIZATIONS, {"keys": list(partitions)})
        times: dict[str, int] = {}
        for made in answer["assetNodeOrError"]["assetMaterializations"]:
            times[made["partition"]] = times.get(made["partition"], 0) + 1
        return times


def numbers(result: ResultDocument) -> dict[str, Any]:
    """What two analyses of the same film must agree on."""
    document = result.model_dump(mode="json")
    facts, pose = document["analysis_results"], document["pose"]
    return {
        "events": facts["events"],
        "frames": [frame["frame_number"] for frame in facts["frames"]],
        "metrics": pose["metrics"],
        "findings": pose["findings"],
    }


def _has_ended(record: AnalysisRecord | None, upload: Upload) -> bool:
    return record is not None and record.status.ended and record.etag == upload.etag
