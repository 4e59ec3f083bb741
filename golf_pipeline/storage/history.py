"""Questions over the golfers' stored history: one golfer's readings, and percentiles over all golfers.

DuckDB answers them from the Parquet objects beside the profiles (`history_tables.py`), which are fetched side by side
into a folder that ends with the `SwingHistory`; an object that has not changed is not fetched again. DuckDB may read
that folder and nothing else, and every value is bound as a parameter.

A golfer counts once, with the median of their readings, however many swings they have. Nothing is said about fewer than
`FEWEST_GOLFERS`, and no question takes a value to be ranked: only a stored golfer is, so that nobody can find another's
number by asking often. The shared id `guest` is nobody's history.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from golf_pipeline.storage.keys import GUEST, PROFILES_PREFIX, metric_history_key, swing_history_key
from golf_pipeline.storage.object_store import ObjectFacts, ObjectStore
from golf_pipeline.swing.documents import EventName, TimeBase, View
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline.swing.profile import ALGORITHM_VERSION, COUNTED_TRUSTS

FEWEST_GOLFERS = 11
"""Golfers below which no statistic is given out (the cell size of the US health statistics: 10 or fewer are kept)."""

PERCENTILES = (10, 25, 50, 75, 90)
"""Given out of a cohort; the ends are single golfers."""

MOST_BYTES = 512 * 2**20
"""Of history that one `SwingHistory` fetches; about a million swings."""

MOST_READINGS = 1000
"""Rows of one page of `metric_history`."""

_READERS = 10
"""Connections at once: what botocore keeps open by default."""


@dataclass(frozen=True)
class Reading:
    """One reading of a metric; `value` is None where it was unavailable."""

    analysis_id: str
    recorded_at: datetime
    handedness: str
    value: float | None
    unit: str
    trust: str
    noise: float | None
    algorithm_version: str


@dataclass(frozen=True)
class Cohort:
    """One metric over golfers: `percentiles` by percent, in `unit`."""

    golfers: int
    unit: str
    percentiles: dict[int, float]


@dataclass(frozen=True)
class FaultPrevalence:
    """One fault over the golfers in whose swings it could be judged.

    Attributes:
        share_of_swings: mean over golfers of the share of their judged swings in which it was found, 0..1.
        share_of_golfers: golfers in whom it was found in at least half of their judged swings, 0..1.
    """

    fault_id: str
    golfers: int
    share_of_swings: float
    share_of_golfers: float


class SwingHistory:
    """The stored history of all golfers; use it as a context manager.

    Raises:
        SwingError: STORAGE_UNAVAILABLE (retryable); INTERNAL, an object is no Parquet file or there is too much of it.
    """

    def __init__(self, objects: ObjectStore, version: str = ALGORITHM_VERSION, most_bytes: int = MOST_BYTES) -> None:
        """Args: version: of the profiles whose history is read; most_bytes: to fetch at most, all golfers together."""
        self.objects, self.version, self.most_bytes = objects, version, most_bytes

    def __enter__(self) -> "SwingHistory":
        import duckdb

        self._folder = tempfile.TemporaryDirectory(prefix="golf-history-")
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute(f"SET allowed_directories = [{_quoted(self._folder.name)}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._folder.cleanup()

    # -- one golfer ----------------------------------------------------------------------------------------------

    def metric_history(
        self,
        user_id: str,
        metric_id: str,
        phase: EventName | None,
        view: View,
        *,
        limit: int = MOST_READINGS,
        before: tuple[datetime, str] | None = None,
    ) -> tuple[Reading, ...]:
        """A golfer's readings of one metric in one view, newest first; empty where there is no history.

        Args:
            limit: rows at most, up to `MOST_READINGS`.
            before: (recorded_at, analysis_id) of the last row of the page before.
        """
        files = self._fetch([self._head(metric_history_key(user_id, self.version))])
        if not files:
            return ()
        time, analysis_id = before or (None, None)
        rows = self._ask(
            """
            SELECT analysis_id, recorded_at, handedness, value, unit, trust, noise, algorithm_version
            FROM read_parquet($files)
            WHERE user_id = $user_id AND metric_id = $metric_id AND view = $view AND phase IS NOT DISTINCT FROM $phase
              AND ($time::TIMESTAMPTZ IS NULL OR (recorded_at, analysis_id) < ($time::TIMESTAMPTZ, $analysis_id))
            ORDER BY recorded_at DESC, analysis_id DESC
            LIMIT $limit
            """,
            files=files,
            user_id=user_id,
            metric_id=metric_id,
            phase=phase,
            view=view,
            time=time,
            analysis_id=analysis_id,
            limit=max(0, min(limit, MOST_READINGS)),
        )
        return tuple(Reading(*row) for row in rows)

    # -- all golfers ---------------------------------------------------------------------------------------------

    def cohort(
        self, metric_id: str, phase: EventName | None, view: View, *, min_golfers: int = FEWEST_GOLFERS
    ) -> Cohort | None:
        """Percentiles of one metric in one view over all golfers; None below `min_golfers` (or `FEWEST_GOLFERS`).

        Readings of the version of the metrics that measured most golfers are taken: others do not compare. Nor do
        oblique cameras, for which there is None.
        """
        if view == View.OBLIQUE:
            return None
        self._collect_golfers(metric_id, phase, view)
        rows = self._ask(
            """
            SELECT count(*), any_value(unit), quantile_cont(value, $shares::DOUBLE[])
            FROM golfers GROUP BY algorithm_version ORDER BY count(*) DESC, algorithm_version DESC LIMIT 1
            """,
            shares=[percent / 100 for percent in PERCENTILES],
        )
        if not rows or rows[0][0] < max(min_golfers, FEWEST_GOLFERS):
            return None
        golfers, unit, values = rows[0]
        return Cohort(golfers, unit, dict(zip(PERCENTILES, values, strict=True)))

    def percentile_of(self, user_id: str, metric_id: str, phase: EventName | None, view: View) -> float | None:
        """Where a golfer's median lies among the other golfers', 0..100, equal ones half; high is not good.

        None where the golfer has no reading, or fewer than `FEWEST_GOLFERS` others have one of the same version, and
        for oblique cameras.
        """
        if view == View.OBLIQUE:
            return None
        self._collect_golfers(metric_id, phase, view)
        rows = self._ask(
            """
            SELECT count(*), avg(CASE WHEN other.value < own.value THEN 100.0 WHEN other.value = own.value THEN 50.0
                                 ELSE 0.0 END)
            FROM golfers own JOIN golfers other USING (algorithm_version)
            WHERE own.user_id = $user_id AND other.user_id <> $user_id
            GROUP BY algorithm_version ORDER BY count(*) DESC, algorithm_version DESC LIMIT 1
            """,
            user_id=user_id,
        )
        return round(rows[0][1], 1) if rows and rows[0][0] >= FEWEST_GOLFERS else None

    def fault_prevalence(self, view: View) -> tuple[FaultPrevalence, ...]:
        """How common each fault is in one view, the most common first; faults judged in too few golfers are left out.

        Findings of the version that judged most swings are taken.
        """
        files = self._all(swing_history_key)
        if not files:
            return ()
        rows = self._ask(
            """
            WITH stored AS (
                SELECT * FROM read_parquet($files) WHERE view = $view AND user_id <> $guest
            ), swings AS (
                SELECT user_id, faults, not_judged FROM stored WHERE algorithm_version = (
                    SELECT algorithm_version FROM stored GROUP BY 1 ORDER BY count(*) DESC, 1 DESC LIMIT 1
                )
            ), known AS (
                SELECT DISTINCT unnest(faults).fault_id AS fault_id FROM swings
            ), golfers AS (
                SELECT user_id, fault_id, avg(list_contains(list_transform(faults, lambda one: one.fault_id), fault_id)
                                              ::INTEGER) AS share
                FROM swings, known WHERE NOT list_contains(not_judged, fault_id) GROUP BY user_id, fault_id
            )
            SELECT fault_id, count(*), avg(share), avg((share >= 0.5)::INTEGER) FROM golfers
            GROUP BY fault_id HAVING count(*) >= $fewest ORDER BY avg(share) DESC, fault_id
            """,
            files=files,
            view=view,
            guest=GUEST,
            fewest=FEWEST_GOLFERS,
        )
        return tuple(FaultPrevalence(*row) for row in rows)

    # -- inside --------------------------------------------------------------------------------------------------

    def _collect_golfers(self, metric_id: str, phase: EventName | None, view: View) -> None:
        """Make the table `golfers`: one row a golfer and version, with the median of the readings that count."""
        self._ask(
            "CREATE OR REPLACE TEMP TABLE golfers (user_id TEXT, algorithm_version TEXT, value DOUBLE, unit TEXT)"
        )
        files = self._all(metric_history_key)
        if not files:
            return
        self._ask(
            """
            INSERT INTO golfers
            SELECT user_id, algorithm_version, median(value), any_value(unit) FROM read_parquet($files)
            WHERE metric_id = $metric_id AND view = $view AND phase IS NOT DISTINCT FROM $phase
              AND value IS NOT NULL AND isfinite(value) AND list_contains($trusts, trust) AND user_id <> $guest
              AND (unit <> 's' OR time_base <> $slow_motion)
            GROUP BY user_id, algorithm_version
            """,
            files=files,
            metric_id=metric_id,
            phase=phase,
            view=view,
            trusts=sorted(COUNTED_TRUSTS),
            guest=GUEST,
            slow_motion=TimeBase.SLOW_MOTION,
        )

    def _ask(self, question: str, **values: Any) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            return self._connection.execute(question, values).fetchall()
        except duckdb.Error as error:
            raise _broken(f"the stored history could not be read: {error}") from error

    def _head(self, key: str) -> ObjectFacts | None:
        try:
            return self.objects.head(key)
        except SwingError as error:
            if error.code == ErrorCode.UPLOAD_DELETED:
                return None
            raise

    def _all(self, key_of: Callable[[str, str], str]) -> list[str]:
        """The files of all golfers, of one of the two tables."""
        ending = key_of("", self.version).removeprefix(PROFILES_PREFIX)
        return self._fetch(one for one in self.objects.list_objects(PROFILES_PREFIX) if one.key.endswith(ending))

    def _fetch(self, wanted: Iterable[ObjectFacts | None]) -> list[str]:
        """The local files of objects, fetched where they are not here yet; who was deleted meanwhile is left out."""
        facts = [one for one in wanted if one is not None]
        size = sum(one.size for one in facts)
        if size > self.most_bytes:
            raise _broken(f"{size} bytes of history are more than the {self.most_bytes} that are fetched at once")
        with ThreadPoolExecutor(_READERS) as pool:
            return [str(path) for path in pool.map(self._file, facts) if path is not None]

    def _file(self, facts: ObjectFacts) -> Path | None:
        name = hashlib.sha256(f"{facts.key} {facts.etag}".encode()).hexdigest()
        path = Path(self._folder.name) / f"{name}.parquet"
        if path.exists():
            return path
        try:
            body = self.objects.get_bytes(facts.key)
        except SwingError as error:
            if error.code == ErrorCode.UPLOAD_DELETED:
                return None
            raise
        if not (body.startswith(b"PAR1") and body.endswith(b"PAR1")):
            raise _broken(f"{facts.key} is no Parquet file: materialise swing_profile of this golfer again")
        path.write_bytes(body)
        return path


def _quoted(text: str) -> str:
    """A setting's value as an SQL string: DuckDB takes no parameters in SET."""
    return "'" + text.replace("'", "''") + "'"


def _broken(detail: str) -> SwingError:
    return SwingError(ErrorCode.INTERNAL, "Something went wrong on our side.", detail=detail)
