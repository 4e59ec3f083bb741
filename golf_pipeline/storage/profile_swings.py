"""A golfer's finished swings as the profile needs them, read from stored results; those read before are kept together.

A result is read from S3 once. What the profile needs of it is then kept in one object beside the profile, under the key
and the moment of the result that it came from: another result of the same swing is another one, and a swing that the
catalog no longer has as finished is left out. So the answer is the same with and without what is kept; it only saves
requests, and may be deleted at any time.

One thing the catalog does not know: a result that a rule of the bucket has expired. Such rules count in days, so once
a day (UTC) it is asked of S3 whether the results are still there.
"""

import gzip
import logging
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pydantic import ValidationError
from sqlalchemy import select

from golf_pipeline.storage import database
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import profile_swings_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, Status
from golf_pipeline.storage.result import RESULT_STAGE, ResultDocument
from golf_pipeline.storage.tables import analyses, stage_outputs
from golf_pipeline.swing.documents import Document
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, ProfileSwing

_READERS = 10
"""Requests at once: the connections that botocore keeps open by default."""

_LEVEL = 1
"""Of gzip: a tenth of the size in a tenth of the time that the reading takes."""

log = logging.getLogger(__name__)


class KeptSwing(Document):
    """A swing, and the result that it was read from."""

    result_key: str
    result_stored_at: datetime
    swing: ProfileSwing


class KeptSwings(Document):
    """`swings.json.gz`; `looked_for_on` is the day (UTC) on which the results were last seen in S3."""

    looked_for_on: date
    swings: tuple[KeptSwing, ...]


@dataclass(frozen=True)
class FinishedSwings:
    """A golfer's finished analyses, oldest first, what could be read of them, and how many results were read for it."""

    records: tuple[AnalysisRecord, ...]
    swings: tuple[ProfileSwing, ...]
    read: int


def finished_swings(
    catalog: Catalog,
    objects: ObjectStore,
    user_id: str,
    *,
    today: date | None = None,
    warn: Callable[[str], None] = log.warning,
) -> FinishedSwings:
    """A golfer's finished swings; `warn` is told of a result that cannot be read, which is left out.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    today = today or datetime.now(UTC).date()
    records = catalog.completed_of_user(user_id)
    wanted = _results(catalog, user_id)
    kept = _read_kept(objects, user_id)
    known = {one.swing.analysis_id: one for one in (kept.swings if kept else ())}
    with ThreadPoolExecutor(_READERS) as pool:
        if kept is not None and kept.looked_for_on != today:
            there = pool.map(lambda one: _is_there(objects, one.result_key), known.values())
            known = {name: one for (name, one), found in zip(known.items(), there, strict=True) if found}
        usable = {
            record.analysis_id: known[record.analysis_id]
            for record in records
            if record.analysis_id in known and _is_of(known[record.analysis_id], record, wanted)
        }
        missing = [one for one in records if one.analysis_id not in usable and one.analysis_id in wanted]
        read = [one for one in pool.map(lambda one: _read(objects, one, wanted, warn), missing) if one is not None]
    now_known = usable | {one.swing.analysis_id: one for one in read}
    latest = KeptSwings(looked_for_on=today, swings=tuple(_in_order(records, now_known)))
    if latest != kept and (kept or latest.swings):
        body = gzip.compress(latest.model_dump_json().encode(), _LEVEL, mtime=0)
        objects.put_bytes(profile_swings_key(user_id, ALGORITHM_VERSION), body, "application/gzip")
    return FinishedSwings(tuple(records), tuple(one.swing for one in latest.swings), len(missing))


Results = dict[str, tuple[str, datetime]]
"""Key of the result and when it was stored, by analysis id."""


def _results(catalog: Catalog, user_id: str) -> Results:
    query = (
        select(stage_outputs.c.analysis_id, stage_outputs.c.key, stage_outputs.c.stored_at)
        .join(analyses, analyses.c.analysis_id == stage_outputs.c.analysis_id)
        .where(
            analyses.c.user_id == user_id,
            analyses.c.status == Status.AI_COMPLETED,
            stage_outputs.c.stage == RESULT_STAGE,
        )
    )
    with database.for_reading(catalog.engine).connect() as connection:
        return {row.analysis_id: (row.key, row.stored_at) for row in connection.execute(query)}


def _read_kept(objects: ObjectStore, user_id: str) -> KeptSwings | None:
    try:
        body = objects.get_bytes(profile_swings_key(user_id, ALGORITHM_VERSION))
        return KeptSwings.model_validate_json(gzip.decompress(body))
    except (ValidationError, OSError, EOFError, zlib.error):  # written by another version, or broken: it is made anew
        return None
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            return None
        raise


def _is_of(kept: KeptSwing, record: AnalysisRecord, wanted: Results) -> bool:
    same_result = wanted.get(record.analysis_id) == (kept.result_key, kept.result_stored_at)
    return same_result and kept.swing.recorded_at == record.recorded_at


def _is_there(objects: ObjectStore, key: str) -> bool:
    try:
        objects.head(key)
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            return False
        raise
    return True


def _read(
    objects: ObjectStore, record: AnalysisRecord, wanted: Results, warn: Callable[[str], None]
) -> KeptSwing | None:
    key, stored_at = wanted[record.analysis_id]
    try:
        result = ResultDocument.model_validate_json(objects.get_bytes(key))
    except ValidationError:  # an older version wrote it in another shape; analysed again it can be read
        warn(f"{record.analysis_id} is left out of the profile: its result does not follow ResultDocument")
        return None
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            return None
        raise
    return KeptSwing(result_key=key, result_stored_at=stored_at, swing=profile_swing(record, result))


def profile_swing(record: AnalysisRecord, result: ResultDocument) -> ProfileSwing:
    """What the profile needs of a finished analysis."""
    capture = result.analysis_results.capture
    return ProfileSwing(
        analysis_id=record.analysis_id,
        recorded_at=record.recorded_at,
        view=capture.view,
        handedness=capture.handedness,
        time_base=capture.time_base,
        metrics=result.pose.metrics,
        metrics_version=result.algorithm_versions.get("metrics", ""),
        findings=result.pose.findings,
        findings_version=result.algorithm_versions.get("findings", ""),
        coaching_response=result.ai_analysis.coaching_response,
    )


def _in_order(records: Iterable[AnalysisRecord], known: dict[str, KeptSwing]) -> list[KeptSwing]:
    return [known[record.analysis_id] for record in records if record.analysis_id in known]
