"""What `golf-pipeline history` prints: one golfer's profile as a table, from folders of analyses or from the bucket.

Numbers and verdicts are `swing/profile.py`'s; nothing is computed here.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from golf_pipeline.settings import Settings
from golf_pipeline.swing.analysis import ANALYSIS_FILE
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.pages import with_noise, written
from golf_pipeline.swing.profile import ALGORITHM_VERSION, MetricSnapshot, ProfileSwing, SwingProfile, build_profile

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class NoHistory(Exception):
    """There is nothing to show; the message names the file or the golfer, and what to do."""


def profile_of_folders(name: str, folders: Sequence[Path]) -> tuple[SwingProfile, tuple[str, ...]]:
    """The profile of one golfer from the results of `golf-pipeline analyze`, and why files were left out.

    A folder holds an `analysis.json` or folders that do. A swing's day is the date at the start of its folder's name
    (2026-05-01...), else the time at which it was analysed: when it was filmed is not in the file.

    Raises:
        NoHistory: a folder holds no analysis, a file is none, or all of them were refused.
    """
    swings, left_out = [], []
    for path in dict.fromkeys(path.resolve() for folder in folders for path in _analyses(folder)):
        analysis = _read(path)
        if analysis.refusal is not None or analysis.capture is None or analysis.findings is None:
            why = analysis.refusal.message if analysis.refusal else "it holds no swing."
            left_out.append(f"{path.parent}: {why}")
            continue
        swings.append(
            ProfileSwing(
                analysis_id=path.parent.name,
                recorded_at=_recorded_at(path),
                view=analysis.capture.view,
                handedness=analysis.capture.handedness,
                time_base=analysis.capture.time_base,
                metrics=analysis.metrics,
                metrics_version=analysis.algorithm_versions.get("metrics", ""),
                findings=analysis.findings,
                findings_version=analysis.algorithm_versions.get("findings", ""),
                coaching_response=analysis.report.summary if analysis.report else "",
            )
        )
    if not swings:
        raise NoHistory("No folder holds a swing that was analysed. " + " ".join(left_out))
    return build_profile(name, swings), tuple(left_out)


def stored_profile(user_id: str, settings: Settings) -> SwingProfile:
    """The profile that the pipeline stored for a golfer in the configured bucket.

    Raises:
        NoHistory: there is none.
        SwingError: STORAGE_UNAVAILABLE, UPLOAD_FORBIDDEN.
    """
    from golf_pipeline.storage.keys import profile_key
    from golf_pipeline.storage.object_store import ObjectStore
    from golf_pipeline.swing.errors import ErrorCode, SwingError

    store = ObjectStore.connect(settings.bucket, settings.s3_endpoint_url, settings.region)
    key = profile_key(user_id, ALGORITHM_VERSION)
    try:
        return SwingProfile.model_validate_json(store.get_bytes(key))
    except SwingError as error:
        if error.code == ErrorCode.UPLOAD_DELETED:
            raise NoHistory(f"There is no {key} in the bucket {settings.bucket}: is the user id right?") from error
        raise


def trend_tables(profile: SwingProfile) -> list[Table]:
    """One table a side and hand, one row a series: the latest reading, its place among the earlier ones, its course."""
    scored = [(one.view, one.handedness) for one in profile.scores]
    sides = dict.fromkeys(scored + [(one.view, one.handedness) for one in profile.metrics])
    return [_table(profile, view, hand) for view, hand in sides]


def _table(profile: SwingProfile, view: str, hand: str) -> Table:
    filmed = f"{view}, {hand}-handed" if hand != "unknown" else f"{view}, hand not known"
    table = Table(title=filmed, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("metric", overflow="fold")
    table.add_column("latest", justify="right", overflow="fold")
    for heading in ("earlier\nmedian", "percentile", "readings", "practices"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("trend", overflow="fold")
    for score in profile.scores:
        if (score.view, score.handedness) == (view, hand):
            practices = str(score.trend.practices) if score.trend else ""
            cells = (_number(score.median, 0), _number(score.percentile, 0), str(score.scores), practices)
            table.add_row("Score", str(score.value), *cells, score.direction)
    for metric in profile.metrics:
        if (metric.view, metric.handedness) == (view, hand):
            table.add_row(*_row(metric))
    return table


def _row(metric: MetricSnapshot) -> tuple[str, ...]:
    def number(value: float) -> str:
        return written(value, metric.unit, metric.noise)

    trend = metric.trend
    course = f": {number(trend.first)} to {number(trend.last)}" if trend else ""
    return (
        escape(metric.name + (f", {metric.phase.replace('_', ' ')}" if metric.phase else "")),
        escape(with_noise(metric.value, metric.noise, metric.unit)),
        "" if metric.earlier_median is None else number(metric.earlier_median),
        _number(metric.percentile, 0),
        str(metric.readings),
        str(trend.practices) if trend else "",
        f"{metric.direction}{course}",
    )


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _analyses(folder: Path) -> list[Path]:
    own = folder / ANALYSIS_FILE
    found = [own] if own.is_file() else sorted(folder.glob(f"*/{ANALYSIS_FILE}"))
    if not found:
        raise NoHistory(f"{folder} holds no {ANALYSIS_FILE}: give folders that `golf-pipeline analyze --out` made.")
    return found


def _read(path: Path) -> SwingAnalysis:
    try:
        return SwingAnalysis.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise NoHistory(f"{path}: {where}: {first['msg']}. Analyse the video again.") from error


def _recorded_at(path: Path) -> datetime:
    named = _DATE.match(path.parent.name)
    if named:
        try:
            return datetime.fromisoformat(named.group()).replace(tzinfo=UTC)
        except ValueError:
            pass  # a name that only looks like a date
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
