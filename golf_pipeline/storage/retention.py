"""What is kept for a time only: uploads, and outputs that a newer one has replaced.

**Uploads.** Mark and deletion are one transaction: the rows are marked and thereby held, the objects are deleted, then
the mark is committed. Whatever breaks off in between takes the mark back, and the next call does both again; deleting
what is gone already is no error. The other orders lose something: an object deleted before its row says so can be
asked for by a new attempt that then ends without a video and without its old result; a row that says so before, and
an end in between, leave an object that nobody looks for any more. What was made of the video stays and is served.

**Replaced outputs.** The objects go first and the row that names them last: nothing reads them, and a row that is still
there has them deleted once more.

Both go page by page through an index and do a bounded part in a call. What is done leaves the query, so that the next
call goes on where this one ended.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select, update

from golf_pipeline.storage import database
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import swing_folder
from golf_pipeline.storage.object_store import ObjectFacts, ObjectStore
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, backfill_items, backfills, stage_outputs, superseded_outputs
from golf_pipeline.swing.errors import ErrorCode, SwingError

VIDEOS_AT_ONCE = 100
"""In one transaction. On SQLite it holds up every other writer for one request to S3."""

OUTPUTS_AT_ONCE = 200
LOOKS_AT_ONCE = 8
"""Requests to S3 side by side: thousands of uploads are looked at before they are deleted."""

RUN_LASTS_AT_MOST = timedelta(days=1)
ENDED = [status for status in Status if status.ended]


@dataclass
class RemovedVideos:
    """What one call removed; `replaced` are uploads that stay because another object is at their key by now."""

    videos: int = 0
    bytes: int = 0
    replaced: int = 0
    is_all: bool = False
    """No upload of that age is left that could go."""


@dataclass
class RemovedOutputs:
    """What one call removed; `kept` are outputs that are old enough and still needed."""

    outputs: int = 0
    objects: int = 0
    kept: int = 0
    is_all: bool = False


def is_being_analysed_again() -> ColumnElement[bool]:
    """Whether a backfill has taken an analysis up and has not ended it: its status says nothing of that.

    A backfill that was canceled leaves what its runs are at; a day later none of them is any more.
    """
    lately = datetime.now(UTC) - RUN_LASTS_AT_MOST
    return exists().where(
        backfill_items.c.analysis_id == analyses.c.analysis_id,
        backfill_items.c.backfill_id == backfills.c.backfill_id,
        backfill_items.c.ended_at.is_(None),
        or_(backfills.c.ended_at.is_(None), backfill_items.c.handed_out_at >= lately),
    )


def remove_old_videos(
    catalog: Catalog,
    objects: ObjectStore,
    before: datetime,
    *,
    most: int,
    deadline: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> RemovedVideos:
    """Delete uploads that came before a moment, the oldest first; never one of a swing that is under way.

    An object at the key that is not the one the catalog knows, or that was put later, is an upload whose event has not
    been read yet: it stays.

    Args:
        most: uploads at most.
        deadline: of `clock`; looked at between pages.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN; what was not deleted is not marked.
    """
    removed, after = RemovedVideos(), None
    while removed.videos < most and clock() < deadline:
        page = _old_videos(catalog, objects.bucket, before, after, min(VIDEOS_AT_ONCE, most - removed.videos))
        if not page:
            removed.is_all = True
            break
        after = page[-1]
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            found = list(pool.map(lambda row: _look(objects, row.s3_key), page))
        same = [
            row.analysis_id for row, there in zip(page, found, strict=True) if _is_the_old_one(row.etag, there, before)
        ]
        removed.replaced += len(page) - len(same)
        with catalog.engine.begin() as connection:
            marked = _mark_removed(connection, same, before)
            objects.delete(row.s3_key for row in marked)
        removed.videos += len(marked)
        removed.bytes += sum(row.size_bytes or 0 for row in marked)
    return removed


def _is_old(before: datetime) -> ColumnElement[bool]:
    return and_(
        analyses.c.uploaded_at < before,
        analyses.c.etag.is_not(None),
        analyses.c.video_removed_at.is_(None),
        analyses.c.deleted_at.is_(None),
        analyses.c.status.in_(ENDED),
        ~is_being_analysed_again(),
    )


def _old_videos(catalog: Catalog, bucket: str, before: datetime, after: Any, limit: int) -> Sequence[Any]:
    query = select(analyses.c.analysis_id, analyses.c.s3_key, analyses.c.etag, analyses.c.uploaded_at).where(
        _is_old(before), analyses.c.bucket_name == bucket
    )
    if after is not None:
        same_time = and_(analyses.c.uploaded_at == after.uploaded_at, analyses.c.analysis_id > after.analysis_id)
        query = query.where(or_(analyses.c.uploaded_at > after.uploaded_at, same_time))
        query = query.where(analyses.c.uploaded_at >= after.uploaded_at)  # where to begin in the index
    with database.for_reading(catalog.engine).connect() as connection:
        return connection.execute(query.order_by(analyses.c.uploaded_at, analyses.c.analysis_id).limit(limit)).all()


def _look(objects: ObjectStore, key: str) -> ObjectFacts | None:
    try:
        return objects.head(key)
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            return None
        raise


def _is_the_old_one(etag: str, there: ObjectFacts | None, before: datetime) -> bool:
    return there is None or (there.etag == etag and there.last_modified < before)


def _mark_removed(connection: Connection, analysis_ids: Collection[str], before: datetime) -> Sequence[Any]:
    """Mark those that are still old and at rest; returns their keys and sizes."""
    mark = update(analyses).where(analyses.c.analysis_id.in_(analysis_ids), _is_old(before))
    mark = mark.values(video_removed_at=datetime.now(UTC))
    return connection.execute(mark.returning(analyses.c.s3_key, analyses.c.size_bytes)).all()


def remove_superseded(
    catalog: Catalog,
    objects: ObjectStore,
    before: datetime,
    *,
    most: int,
    deadline: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> RemovedOutputs:
    """Delete outputs that were replaced before a moment, the oldest first.

    A file stays that a present output names, or one that was replaced later: a version that was taken back has its old
    names again. The whole output stays while its swing is under way, or while the comparison of a backfill that is not
    over, or was not before that moment, reads it.

    Args:
        most: outputs looked at, at most.
        deadline: of `clock`; looked at between pages.

    Raises:
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN; nothing is forgotten that was not deleted.
    """
    removed, after, looked_at = RemovedOutputs(), None, 0
    while looked_at < most and clock() < deadline:
        page = _superseded(catalog, before, after, min(OUTPUTS_AT_ONCE, most - looked_at))
        if not page:
            removed.is_all = True
            break
        after, looked_at = page[-1], looked_at + len(page)
        needed = _needed(catalog, {row.analysis_id for row in page}, before)
        done, keys = [], set()
        for row in page:
            own = {_key(row, name) for name in row.files}
            if row.analysis_id in needed.under_way or own & needed.for_comparisons:
                removed.kept += 1
                continue
            done.append(row.output_id)
            keys |= own - {key for key in own if needed.names(key, row.analysis_id)}
        removed.objects += objects.delete(sorted(keys))
        with catalog.engine.begin() as connection:
            connection.execute(delete(superseded_outputs).where(superseded_outputs.c.output_id.in_(done)))
        removed.outputs += len(done)
    return removed


@dataclass(frozen=True)
class _Needed:
    under_way: frozenset[str]
    for_comparisons: frozenset[str]
    keys: frozenset[str]
    folders: dict[str, tuple[str, ...]]
    """By analysis: where outputs are of which only the main object is known."""

    def names(self, key: str, analysis_id: str) -> bool:
        return key in self.keys or key.startswith(self.folders.get(analysis_id, ()))


def _superseded(catalog: Catalog, before: datetime, after: Any, limit: int) -> Sequence[Any]:
    table = superseded_outputs
    query = select(table, analyses.c.user_id).join(analyses, analyses.c.analysis_id == table.c.analysis_id)
    query = query.where(table.c.superseded_at < before)
    if after is not None:
        same_time = and_(table.c.superseded_at == after.superseded_at, table.c.output_id > after.output_id)
        query = query.where(or_(table.c.superseded_at > after.superseded_at, same_time))
        query = query.where(table.c.superseded_at >= after.superseded_at)
    with database.for_reading(catalog.engine).connect() as connection:
        return connection.execute(query.order_by(table.c.superseded_at, table.c.output_id).limit(limit)).all()


def _needed(catalog: Catalog, analysis_ids: Collection[str], before: datetime) -> _Needed:
    """What of these analyses must stay."""
    moving = select(analyses.c.analysis_id).where(
        analyses.c.analysis_id.in_(analysis_ids), or_(analyses.c.status.not_in(ENDED), is_being_analysed_again())
    )
    compared = (
        select(backfill_items.c.old_result_key, backfill_items.c.new_result_key)
        .join(backfills, backfills.c.backfill_id == backfill_items.c.backfill_id)
        .where(
            backfill_items.c.analysis_id.in_(analysis_ids),
            or_(backfills.c.ended_at.is_(None), backfills.c.ended_at >= before),
        )
    )
    present = select(stage_outputs.c.analysis_id, stage_outputs.c.key, stage_outputs.c.files, analyses.c.user_id)
    present = present.join(analyses, analyses.c.analysis_id == stage_outputs.c.analysis_id)
    later = select(superseded_outputs.c.analysis_id, superseded_outputs.c.files, analyses.c.user_id)
    later = later.join(analyses, analyses.c.analysis_id == superseded_outputs.c.analysis_id)
    keys: set[str] = set()
    folders: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    with database.for_reading(catalog.engine).connect() as connection:
        under_way = frozenset(connection.execute(moving).scalars())
        for_comparisons = frozenset(key for row in connection.execute(compared) for key in row if key)
        for row in connection.execute(present.where(stage_outputs.c.analysis_id.in_(analysis_ids))):
            keys |= {row.key, *(_key(row, name) for name in row.files or ())}
            if row.files is None:
                folders[row.analysis_id] += (row.key.rpartition("/")[0] + "/",)
        kept_longer = later.where(
            superseded_outputs.c.analysis_id.in_(analysis_ids), superseded_outputs.c.superseded_at >= before
        )
        for other in connection.execute(kept_longer):
            keys |= {_key(other, name) for name in other.files}
    return _Needed(under_way, for_comparisons, frozenset(keys), dict(folders))


def _key(row: Any, name: str) -> str:
    return swing_folder(row.user_id, row.analysis_id) + name
