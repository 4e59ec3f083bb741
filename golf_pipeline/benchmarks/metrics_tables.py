"""The tables of `golf-pipeline benchmark metrics`."""

from rich.console import Console
from rich.table import Table

from golf_pipeline.benchmarks.metrics import Errors, MetricsBenchmark, ReadingAccuracy

MOTIONS = ("own", "captured")

_NARROWEST = 200
"""Columns below which the figures of a reading no longer stand in one line."""


def print_tables(result: MetricsBenchmark, console: Console) -> None:
    """Valid views, other views, real videos, then what misses and what it ran on."""
    console.width = max(console.width, _NARROWEST)
    console.print(
        _accuracy_table(
            "In the views that a metric is valid for: estimate minus truth (red: measured, but beyond the reach)",
            [one for one in result.readings if one.valid],
        )
    )
    others = [one for one in result.readings if not one.valid and (one.found or one.true_events)]
    if others:
        console.print(_accuracy_table("In other views", others))
    if result.repeatability:
        console.print(_repeatability_table(result))
    never = [one for one in result.readings if one.valid and one.found is None]
    for one in never:
        console.print(f"never read in a valid view: {one.metric} {one.phase} {one.view} ({one.truths} clips)")
    missed = [one for one in result.readings if one.misses_reach]
    words = ", ".join(f"{one.metric} {one.phase} ({one.view})" for one in missed)
    console.print(f"Measured in a valid view, but beyond the reach in the median: {words or 'none'}", soft_wrap=True)
    _print_what_it_ran_on(result, console)


def _print_what_it_ran_on(result: MetricsBenchmark, console: Console) -> None:
    motions = ", ".join(f"{count} of {motion} motion" for motion, count in result.motions.items())
    console.print(
        f"Ran on {len(result.clips)} rendered clips ({motions}), {result.frames} frames, of {result.clips_folder}"
    )
    if result.note:
        console.print(f"  {result.note}", soft_wrap=True)
    for name, reason in result.left_out.items():
        console.print(f"  without {name}: {reason}")
    if result.videos or result.videos_left_out:
        console.print(
            f"and on {len(result.videos)} real videos, as they are and mirrored: {', '.join(result.videos)}",
            soft_wrap=True,
        )
        for name, reason in result.videos_left_out.items():
            console.print(f"  without {name}: {reason}")
    versions = ", ".join(f"{stage} {version}" for stage, version in result.algorithm_versions.items())
    console.print(f"Pose model {result.pose_model}; algorithm versions: {versions}", soft_wrap=True)


def _accuracy_table(title: str, readings: list[ReadingAccuracy]) -> Table:
    table = Table(title=title)
    for heading in ("metric", "phase", "view"):
        table.add_column(heading, no_wrap=True)
    for heading in ("clips", "none", "meas.", "low", "bias", "spread", "median", "worst", "within"):
        table.add_column(heading, justify="right")
    for heading in ("true events\nbias", "true events\nmedian", "bias\nown", "bias\ncaptured"):
        table.add_column(heading, justify="right")
    for one in readings:
        table.add_row(
            one.metric,
            one.phase,
            one.view,
            *(str(count) for count in (one.truths, one.unavailable)),
            *(str(one.trust.get(trust, 0) or "") for trust in ("measured", "low")),
            *_cells(one.found, red=one.misses_reach),
            "" if one.true_events is None else f"{one.true_events.bias:+.3g}",
            "" if one.true_events is None else f"{one.true_events.median:.3g}",
            *(f"{one.bias_by_motion[motion]:+.3g}" if motion in one.bias_by_motion else "" for motion in MOTIONS),
        )
    return table


def _cells(errors: Errors | None, *, red: bool) -> tuple[str, ...]:
    if errors is None:
        return ("",) * 5
    median = f"[red]{errors.median:.3g}[/]" if red else f"{errors.median:.3g}"
    within = "" if errors.within is None else f"{errors.within:.0%}"
    return f"{errors.bias:+.3g}", f"{errors.spread:.3g}", median, f"{errors.worst:.3g}", within


def _repeatability_table(result: MetricsBenchmark) -> Table:
    table = Table(
        title="Real videos, as they are against mirrored: difference over the root of two, a floor of the error"
    )
    for heading in ("metric", "phase", "view", "unit"):
        table.add_column(heading, no_wrap=True)
    for heading in ("videos", "median", "worst"):
        table.add_column(heading, justify="right")
    for one in result.repeatability:
        table.add_row(one.metric, one.phase, one.view, one.unit, str(one.n), f"{one.median:.3g}", f"{one.worst:.3g}")
    return table
