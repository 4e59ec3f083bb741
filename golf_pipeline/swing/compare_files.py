"""A comparison out of two folders that `analyze_swing` wrote: the document, the picture and the page.

What the numbers say is `compare.py`, the pictures are `compare_pictures.py`.
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from golf_pipeline.swing.analysis import ANALYSIS_FILE, KEY_FRAMES_FOLDER, KEYPOINTS_FILE
from golf_pipeline.swing.compare import (
    ComparedFault,
    ComparedMetric,
    NothingToCompare,
    SwingComparison,
    compare_swings,
)
from golf_pipeline.swing.compare_pictures import SwingPictures, pair_pictures, write_comparison_sheet
from golf_pipeline.swing.documents import EventName, SwingAnalysis
from golf_pipeline.swing.drawing import Image
from golf_pipeline.swing.landmarks import LandmarkTrack
from golf_pipeline.swing.pages import inline_picture, render
from golf_pipeline.swing.phases import EVENT_TITLES

COMPARISON_FILE, SHEET_FILE, PAGE_FILE = "comparison.json", "comparison.jpg", "comparison.html"

_ORDER = ("better", "worse", "changed")


def write_comparison(first: Path, second: Path, out: Path, labels: tuple[str, str] | None = None) -> SwingComparison:
    """Compare two analysed swings and write the document, the picture and the page into a folder.

    Args:
        first, second: folders that `analyze_swing` wrote.
        labels: how the page calls the two; by default the folders' names.

    Raises:
        NothingToCompare: a folder holds no analysis, or one that was refused or cannot be read.
        OSError: a picture cannot be read or a result not be written.
    """
    named = labels or (first.name, second.name)
    pair = read_swing(first, named[0]), read_swing(second, named[1])
    comparison = compare_swings(pair[0].analysis, pair[1].analysis)
    out.mkdir(parents=True, exist_ok=True)
    pictures = pair_pictures(*pair, comparison)
    (out / SHEET_FILE).unlink(missing_ok=True)
    write_comparison_sheet(pictures, comparison, named, out / SHEET_FILE)
    (out / PAGE_FILE).write_text(comparison_page(comparison, pictures, named), encoding="utf-8")
    (out / COMPARISON_FILE).write_text(comparison.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return comparison


def read_swing(folder: Path, label: str) -> SwingPictures:
    """What a folder of `analyze_swing` holds of one swing.

    Raises:
        NothingToCompare: a file is missing or cannot be read.
    """
    document, keypoints = folder / ANALYSIS_FILE, folder / KEYPOINTS_FILE
    way_out = f"Analyse its video again: golf-pipeline analyze VIDEO --out {folder}"
    try:
        analysis = SwingAnalysis.model_validate_json(document.read_bytes())
    except OSError as error:
        raise NothingToCompare(f"{document} cannot be read ({error.strerror}). {way_out}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise NothingToCompare(
            f"{document} is no analysis of this version ({field}: {first['msg']}). {way_out}"
        ) from error
    if analysis.refusal is not None:
        raise NothingToCompare(f"{label} was refused and holds no swing: {analysis.refusal.message}")
    if not keypoints.is_file():
        raise NothingToCompare(f"{keypoints} is missing. {way_out}")
    from polars.exceptions import PolarsError

    try:
        track = LandmarkTrack.read_parquet(keypoints)
    except (PolarsError, KeyError, ValueError) as error:
        raise NothingToCompare(f"{keypoints} is no pose track of this version. {way_out}") from error
    return SwingPictures(analysis, track, folder / KEY_FRAMES_FOLDER, label)


def comparison_page(comparison: SwingComparison, pairs: dict[EventName, Image], labels: tuple[str, str]) -> str:
    """The page of a comparison: one file that needs nothing else."""
    moved = [one for one in comparison.metrics if one.verdict in _ORDER]
    return render(
        "comparison.html.j2",
        comparison=comparison,
        labels=labels,
        pairs=[_pair(name, image, comparison, labels) for name, image in pairs.items()],
        moved=sorted(moved, key=lambda one: _ORDER.index(one.verdict)),
        steady=[one for one in comparison.metrics if one.verdict == "within noise"],
        apart=_by_reason([one for one in comparison.metrics if one.verdict == "not comparable"]),
        faults=_by_change(comparison.faults),
    )


@dataclass(frozen=True)
class _Pair:
    src: str
    width: int
    height: int
    title: str
    alt: str


def _pair(name: EventName, image: Image, comparison: SwingComparison, labels: tuple[str, str]) -> _Pair:
    title = EVENT_TITLES[name]
    changes = [
        f"{one.name.lower()} {one.verdict}" for one in comparison.metrics if one.phase == name and one.verdict in _ORDER
    ]
    nothing = ", nothing changed beyond noise" if comparison.comparable else ", positions not compared"
    told = f": {', '.join(changes)}" if changes else nothing
    mirrored = " (mirrored)" if comparison.mirrored else ""
    words = f"{labels[0]} on the left and {labels[1]}{mirrored} on the right at {title.lower()}{told}."
    return _Pair(inline_picture(image), image.shape[1], image.shape[0], title, words)


def _by_reason(metrics: list[ComparedMetric]) -> dict[str, list[str]]:
    """Names of what does not compare by its reason; a metric is named once a reason."""
    groups: dict[str, list[str]] = {}
    for metric in metrics:
        names = groups.setdefault(metric.reason.rstrip("."), [])
        if metric.name not in names:
            names.append(metric.name)
    return groups


def _by_change(faults: tuple[ComparedFault, ...]) -> dict[str, list[ComparedFault]]:
    titles = {"lost": "Gone", "gained": "New", "kept": "Still there", "not comparable": "Judged in one of them only"}
    groups = {title: [one for one in faults if one.change == change] for change, title in titles.items()}
    return {title: found for title, found in groups.items() if found}
