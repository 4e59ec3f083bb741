"""What became of uploads: lost, wrong, doubled. It believes nobody: catalog, bucket and Dagster must agree."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from golf_pipeline.benchmarks.pipeline_bare import BareEnd
from golf_pipeline.benchmarks.pipeline_clips import Upload
from golf_pipeline.benchmarks.pipeline_rig import WRITERS, Rig
from golf_pipeline.storage.keys import UPLOADS_PREFIX
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument

PAGE = 1000
RESULT_FILE = "result.json"


@dataclass
class Account:
    """What became of uploads; the lists hold sentences."""

    uploads: int
    results: int = 0
    failures: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> tuple[str, ...]:
        return (*self.lost, *self.wrong, *self.doubled)


def audit(rig: Rig, name: str, uploads: Sequence[Upload], ends: Mapping[str, BareEnd]) -> Account:
    """Compare what should be with what is.

    Args:
        ends: how each clip ends in the bare analysis, by its name.
    """
    account = Account(len(uploads))
    records = rig.records(name)
    finished = times_finished(rig)
    stored = results_in_the_bucket(rig, uploads)

    def complaint(upload: Upload) -> str | None:
        record = records.get(upload.analysis_id)
        return None if record is None else _complaint(rig, record, ends[upload.clip.name])

    with ThreadPoolExecutor(WRITERS) as pool:
        complaints = list(pool.map(complaint, uploads))
    for upload, wrong in zip(uploads, complaints, strict=True):
        record = records.get(upload.analysis_id)
        if record is None or not record.status.ended:
            account.lost.append(f"{upload.key}: {'not in the catalog' if record is None else record.status}")
            continue
        if wrong:
            account.wrong.append(f"{upload.key}: {wrong}")
        elif record.status == Status.FAILED:
            account.failures += 1
        else:
            account.results += 1
        times = finished[record.partition_key]
        objects = stored[upload.analysis_id]
        if record.attempt != 1 or times > 1 or objects > 1:
            account.doubled.append(
                f"{upload.key}: attempt {record.attempt}, finished {times} times, {objects} result objects"
            )
    return account


def times_finished(rig: Rig) -> Counter[str]:
    """Partition -> how often Dagster has it that its result was made."""
    from dagster import AssetKey

    times: Counter[str] = Counter()
    cursor, more = None, True
    while more:
        page = rig.dagster.fetch_materializations(AssetKey("analysis_result"), PAGE, cursor)
        times.update(record.partition_key or "" for record in page.records)
        cursor, more = page.cursor, page.has_more
    return times


def results_in_the_bucket(rig: Rig, uploads: Sequence[Upload]) -> Counter[str]:
    """Analysis id -> how many result documents the bucket has of it."""
    stored: Counter[str] = Counter()
    for user_id in sorted({upload.user_id for upload in uploads}):
        for found in rig.objects.list_objects(f"{UPLOADS_PREFIX}{user_id}/"):
            if found.key.endswith(f"/{RESULT_FILE}"):
                stored[found.key.split("/")[2]] += 1
    return stored


def _complaint(rig: Rig, record: AnalysisRecord, expected: BareEnd) -> str | None:
    """What is wrong with an end; None if nothing is."""
    if expected.code is not None:
        is_right = (record.status, record.error_code) == (Status.FAILED, expected.code)
        return None if is_right else f"{record.status} {record.error_code}, {expected.code} expected"
    if record.status != Status.AI_COMPLETED:
        return f"{record.status} {record.error_code}: {record.error_message}"
    output = rig.catalog.stages(record.analysis_id).get(RESULT_STAGE)
    if output is None:
        return "finished, and the catalog has no result"
    result = ResultDocument.model_validate_json(rig.objects.get_bytes(output.key))
    if result.analysis_id != record.analysis_id:
        return f"the result is of {result.analysis_id}"
    return None if _numbers(result) == expected.numbers else "the numbers are not those of the bare analysis"


def _numbers(result: ResultDocument) -> dict[str, Any]:
    document = result.model_dump(mode="json")
    return {
        "events": document["analysis_results"]["events"],
        "metrics": document["pose"]["metrics"],
        "findings": document["pose"]["findings"],
    }
