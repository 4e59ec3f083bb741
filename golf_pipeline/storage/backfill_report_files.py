"""The report of a backfill as files: `report.json` and `report.html`, made of the stored results of its items.

Results are read side by side, a page of items at a time, so a backfill of any size is compared in little memory. The
old ones are there until retention takes them (`GOLF_OLD_OUTPUTS_DAYS`); what cannot be read any more is counted.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from golf_pipeline.storage.backfill_readings import BackfillReadings
from golf_pipeline.storage.backfill_records import BackfillItem, BackfillRecord, ItemState
from golf_pipeline.storage.backfill_report import BackfillReport, ResultPair, compare_results
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.result import ResultDocument
from golf_pipeline.swing.documents import Document
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.pages import render

REPORT_FILE = "report.json"
PAGE_FILE = "report.html"
REPORT_SCHEMA_VERSION = "1.0"

_READERS = 8
_PAGE = 64
"""Items whose results are in memory at once."""

log = logging.getLogger(__name__)

OnProgress = Callable[[int, int], None]


class BackfillFile(Document):
    """`report.json`: a backfill, how its items ended, and what changed in the results."""

    schema_version: str = REPORT_SCHEMA_VERSION
    made_at: datetime
    backfill: BackfillRecord
    items: dict[ItemState, int]
    failures: dict[str, int]
    unreadable: int
    changes: BackfillReport


class ResultPairs:
    """The results of a backfill's done items, old and new, as one iterates; `unreadable` counts what was left out."""

    def __init__(self, work: BackfillReadings, objects: ObjectStore, backfill_id: str, on_progress: OnProgress) -> None:
        self._work, self._objects, self._backfill_id = work, objects, backfill_id
        self._on_progress = on_progress
        self.unreadable = 0

    def __iter__(self) -> Iterator[ResultPair]:
        """Raises SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN."""
        total, seen, after = self._work.progress(self._backfill_id).done, 0, ""
        with ThreadPoolExecutor(_READERS, thread_name_prefix="results") as readers:
            while items := self._work.items(self._backfill_id, ItemState.DONE, after, _PAGE):
                for pair in readers.map(self._read, items):
                    seen += 1
                    self._on_progress(seen, max(total, seen))
                    if pair is None:
                        self.unreadable += 1
                    else:
                        yield pair
                after = items[-1].analysis_id

    def _read(self, item: BackfillItem) -> ResultPair | None:
        if item.new_result_key is None:
            return None
        new = self._document(item.new_result_key)
        old = self._document(item.old_result_key) if item.old_result_key is not None else None
        if new is None or (old is None and item.old_result_key is not None):
            return None
        return ResultPair(old, new, item.stages or ())

    def _document(self, key: str) -> ResultDocument | None:
        try:
            return ResultDocument.model_validate_json(self._objects.get_bytes(key))
        except ValidationError as error:
            log.warning("%s is left out, it does not follow ResultDocument: %d problems", key, error.error_count())
        except SwingError as error:
            if error.code != ErrorCode.UPLOAD_DELETED:
                raise
        return None


def report_of(
    work: BackfillReadings, objects: ObjectStore, backfill_id: str, on_progress: OnProgress = lambda _, __: None
) -> BackfillFile:
    """The report of a backfill as it is at the moment.

    Args:
        on_progress: told how many results are compared, of how many.

    Raises:
        LookupError: there is no such backfill.
        SwingError: STORAGE_UNAVAILABLE or UPLOAD_FORBIDDEN.
    """
    progress = work.progress(backfill_id)
    pairs = ResultPairs(work, objects, backfill_id, on_progress)
    changes = compare_results(pairs)
    return BackfillFile(
        made_at=datetime.now(UTC),
        backfill=progress.backfill,
        items={
            ItemState.WAITING: progress.waiting,
            ItemState.HANDED_OUT: progress.handed_out,
            ItemState.DONE: progress.done,
            ItemState.UNCHANGED: progress.unchanged,
            ItemState.FAILED: progress.failed,
            ItemState.CANCELED: progress.canceled,
        },
        failures=work.failures(backfill_id),
        unreadable=pairs.unreadable,
        changes=changes,
    )


def write_report(report: BackfillFile, out: Path) -> Path:
    """Write both files into a folder, made if needed; returns the page.

    Raises:
        OSError: the folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT_FILE).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    page = out / PAGE_FILE
    page.write_text(render("backfill.html.j2", report=report, changes=report.changes), encoding="utf-8")
    return page
