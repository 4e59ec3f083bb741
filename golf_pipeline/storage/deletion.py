"""Deleting a swing: its upload and everything made of it, in S3 and in the catalog, so that only a tombstone is left.

The tombstone comes first. From then on nobody is shown the swing and no run can write about it, and whatever breaks
off after that (the process, S3) is finished by whoever comes next: a repeated deletion, or `finish_deletions`, which
the pipeline calls on a schedule. It looks at each deleted swing once more when `SETTLED_AFTER` has passed, as a run
under way at the time may have put an object in the moment between the two.

A versioned bucket keeps what is deleted as older versions; how long is the bucket's lifecycle rule.
"""

import logging
from datetime import UTC, datetime, timedelta

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.idempotency import forget_answers
from golf_pipeline.storage.keys import GUEST, PROFILES_PREFIX, UPLOADS_PREFIX, parse_upload_key, user_context_key
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.tombstones import bury, due_for_purge, forget_profile, settle
from golf_pipeline.swing.errors import ErrorCode, SwingError

SETTLED_AFTER = timedelta(hours=1)
"""No step of a run works on one swing for that long."""

AT_ONCE = 20
"""Deletions that one call of `finish_deletions` finishes at most."""

TRIED_AGAIN_AFTER = timedelta(minutes=10)
"""One that could not be finished leaves its turn to the others for so long."""

log = logging.getLogger(__name__)


def delete_swing(catalog: Catalog, objects: ObjectStore, record: AnalysisRecord) -> int:
    """Delete a swing and everything made of it; safe to repeat. Returns how many objects were removed.

    Raises:
        SwingError: STORAGE_UNAVAILABLE; the swing is gone for everybody, a repetition removes the rest.
    """
    tombstone = bury(catalog, record)
    return _purge(catalog, objects, tombstone, datetime.now(UTC))


def finish_deletions(catalog: Catalog, objects: ObjectStore, limit: int = AT_ONCE, now: datetime | None = None) -> int:
    """Remove what deletions that broke off, or runs that were under way, have left. Returns how many objects.

    One that fails waits for the next call and does not hold up the others.

    Raises:
        SwingError: none of them could be finished.
    """
    now = now or datetime.now(UTC)
    removed, failures = 0, []
    due = due_for_purge(catalog, now, limit)
    for analysis_id in due:
        record = catalog.get(analysis_id)
        try:
            removed += _purge(catalog, objects, record, now) if record is not None else 0
        except SwingError as error:
            log.warning("the deletion of %s is not finished: %s", analysis_id, error.code)
            failures.append(error)
            if record is not None:  # others have their turn first, however many fail
                settle(catalog, record, now + TRIED_AGAIN_AFTER)
    if failures and len(failures) == len(due):
        raise failures[0]
    return removed


def _purge(catalog: Catalog, objects: ObjectStore, record: AnalysisRecord, now: datetime) -> int:
    if record.deleted_at is None:  # a newer upload has brought it back
        return 0
    Conversations(catalog.engine).forget_swing(record.analysis_id)
    with catalog.engine.begin() as connection:  # what the coach said of it may be kept for a repeated request
        forget_answers(connection, record.user_id, record.analysis_id)
    removed = objects.delete_prefix(f"{UPLOADS_PREFIX}{record.user_id}/{record.analysis_id}/")
    removed += _delete_upload(objects, record, record.deleted_at)
    if record.user_id != GUEST and forget_profile(catalog, record.user_id):
        folder = f"{PROFILES_PREFIX}{record.user_id}/"
        kept = user_context_key(record.user_id)  # what the golfer says of themselves is not made of swings
        removed += objects.delete(found.key for found in objects.list_objects(folder) if found.key != kept)
    settled_at = record.deleted_at + SETTLED_AFTER
    settle(catalog, record, settled_at if now < settled_at else None)
    log.info("deleted %s: %d objects", record.analysis_id, removed)
    return removed


def _delete_upload(objects: ObjectStore, record: AnalysisRecord, deleted_at: datetime) -> int:
    """Delete the upload itself, unless it came after the deletion: then it is a new swing."""
    try:
        parse_upload_key(record.s3_key)
        there = objects.head(record.s3_key)
    except SwingError as error:
        if error.code in {ErrorCode.NOT_AN_UPLOAD, ErrorCode.UPLOAD_DELETED}:
            return 0
        raise
    return objects.delete([record.s3_key]) if there.last_modified <= deleted_at else 0
