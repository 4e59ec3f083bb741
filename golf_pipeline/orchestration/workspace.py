"""What one run knows: its work folder, the swings it carries, and which of them it has lost.

Everything in here can be lost with the run: whatever a later run needs is in S3 and in the catalog.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from golf_pipeline.orchestration.lease import Lease
from golf_pipeline.orchestration.partitions import resolve_swing
from golf_pipeline.orchestration.swing import SupersededError, Swing
from golf_pipeline.settings import Settings
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.work_list import MOST_INTERRUPTIONS
from golf_pipeline.swing.errors import SwingError

if TYPE_CHECKING:
    from golf_pipeline.storage.catalog import Catalog
    from golf_pipeline.storage.object_store import ObjectStore


REQUESTS_AT_ONCE = 4
"""Objects of a swing that are on their way to S3 together."""

FIRST_STAGE = "video"
"""What two uploads of the same bytes have in common first."""


def run_folder(settings: Settings, run_id: str) -> Path:
    """Where a run keeps its files; known from outside, so that a crashed run's files can be removed."""
    return (settings.work_folder or Path(tempfile.gettempdir())) / f"golf-run-{run_id}"


class Workspace:
    """The state of one run."""

    def __init__(
        self,
        settings: Settings,
        catalog: "Catalog",
        objects: "ObjectStore",
        run_id: str,
        *,
        attempts: Mapping[str, int] | None = None,
    ) -> None:
        """Args:
        attempts: by partition key, what the run was dispatched for. It may have waited while a newer upload came or
            another run brought the swing to its end: nobody asked for it once more. None: somebody asked for this
            run, and a swing that has ended begins a new attempt in it.
        """
        self.settings, self.catalog, self.objects, self.attempts = settings, catalog, objects, attempts
        self.folder = run_folder(settings, run_id)
        self.lost: dict[str, SwingError] = {}
        """By partition key: swings that an earlier step of this run has given up."""
        self.done: set[tuple[str, str]] = set()
        """(asset, partition key): what an earlier attempt of a step has finished."""
        self.pool = ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="s3")
        self._swings: dict[str, Swing] = {}
        self._lease = Lease(self.renew_leases)

    def renew_leases(self) -> None:
        """Say of all swings of this run that its process lives."""
        swings = list(self._swings.values())
        self.catalog.renew_leases({swing.record.analysis_id: swing.record.attempt for swing in swings})

    def swing(self, key: str) -> Swing:
        """The swing behind a partition key; the same object for all steps of the run.

        Raises:
            SwingError: no analysis has this key.
            SupersededError: it is at another attempt than the one that the run was dispatched for.
        """
        if key not in self._swings:
            record = resolve_swing(self.catalog, key)
            attempt = (self.attempts or {}).get(key, record.attempt)
            if record.attempt != attempt:
                raise SupersededError(f"{record.analysis_id} is no longer at attempt {attempt}")
            self._swings[key] = Swing(self, record, self.folder / key)
        return self._swings[key]

    def known(self, key: str) -> Swing | None:
        """The swing behind a partition key if it was looked up and not dropped."""
        return self._swings.get(key)

    def look_up(self, analysis_ids: Sequence[str]) -> dict[str, AnalysisRecord]:
        """Look up, in three queries, all that is asked of each of these swings in turn; the records, by analysis id.

        One whose video is nobody else's finds no output to copy, whatever the stage: it need not ask.
        """
        records, stages = self.catalog.get_all(analysis_ids), self.catalog.stages_of_all(analysis_ids)
        of_video = {one: done[FIRST_STAGE].fingerprint for one, done in stages.items() if FIRST_STAGE in done}
        shared = self.catalog.made_more_than_once([made_of for made_of in of_video.values() if made_of is not None])
        for analysis_id, record in records.items():
            swing = Swing(self, record, self.folder / record.partition_key)
            swing.stages = stages.get(analysis_id, {})
            made_of = of_video.get(analysis_id)
            swing.may_copy = made_of is None or made_of in shared
            self._swings[record.partition_key] = swing
        return records

    def hold(self, keys: Sequence[str]) -> None:
        """Have the run's lease on swings from now on; what cannot be looked up now fails where it is needed."""
        held = len(self._swings)
        with suppress(Exception):
            for key in keys:
                with suppress(SwingError, SupersededError):
                    self.swing(key)
            if len(self._swings) > held:
                self.renew_leases()

    def lose(self, key: str, error: SwingError) -> None:
        """Give a swing up in this run and leave it out from here on.

        Where another time can help it is taken up again later, so many times; else it has FAILED. A quiet one stays as
        it is.
        """
        swing = self._swings.get(key)
        if swing is not None and not swing.quiet:
            record = swing.record
            if not (error.retryable and self.catalog.take_up_again(record, MOST_INTERRUPTIONS)):
                self.catalog.fail(record.analysis_id, error, attempt=record.attempt)
        self.leave(key, error)

    def forget(self, key: str) -> None:
        """Drop a swing, so that it can be begun anew in this run."""
        if key in self._swings:
            self._swings.pop(key).release()
        self.lost.pop(key, None)

    def leave(self, key: str, error: SwingError) -> None:
        """Leave a swing out of the later steps of this run and remove its files; the catalog is not told."""
        if key in self._swings:
            self._swings[key].release()
        self.lost[key] = error

    def close(self) -> None:
        self._lease.close()
        self.pool.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)
