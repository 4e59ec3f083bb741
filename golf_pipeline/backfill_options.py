"""The options of `golf-pipeline backfill start`, read into a `Selection`; what is wrong with them is said by name."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from pydantic import ValidationError

from golf_pipeline.storage.backfill_plan import PresentStage
from golf_pipeline.storage.backfill_selection import Selection
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.records import Status

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def present_stages() -> list[PresentStage]:
    """The stages of this program, in the order of the graph."""
    from golf_pipeline.orchestration.assets import SWING_STAGES
    from golf_pipeline.orchestration.stages import UPLOAD

    return [
        PresentStage(
            stage.name,
            stage.version,
            tuple(name for name in stage.inputs if name != UPLOAD),
            UPLOAD in stage.inputs,
        )
        for stage in SWING_STAGES
    ]


def selection(**conditions: Any) -> Selection:
    """Conditions as a selection.

    Raises:
        typer.BadParameter: they cannot hold together.
    """
    try:
        return Selection(**conditions)
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def moment(text: str | None, option: str, *, is_end: bool = False) -> datetime | None:
    """A day or a time, UTC unless it says otherwise; a day that is an end is one until its end.

    Raises:
        typer.BadParameter: it is neither.
    """
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        if is_end and _DAY.fullmatch(text):
            read += timedelta(days=1)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        why = f"{text!r} is no day: write 2026-05-01, or 2026-05-01T12:30 for a time (UTC)"
        raise typer.BadParameter(why, param_hint=option) from error


def versions(texts: Sequence[str], stages: Sequence[PresentStage]) -> dict[str, str]:
    """`metrics=3` as stage and version.

    Raises:
        typer.BadParameter: it has no version, or there is no such stage.
    """
    names = [stage.name for stage in stages]
    read = {}
    for text in texts:
        stage, _, version = text.partition("=")
        if stage not in names:
            raise typer.BadParameter(f"{stage!r} is none of {', '.join(names)}", param_hint="--older-than")
        if not re.search(r"\d", version):
            raise typer.BadParameter(f"{text!r} has no version: write {stage}=3", param_hint="--older-than")
        read[stage] = version
    return read


def why_none(catalog: Catalog, chosen: Selection) -> tuple[bool, str]:
    """Why a selection has no swing: whether what it names does not exist, and the sentence for the operator."""
    if chosen.analysis_id is None:
        return False, "No swing is chosen: nothing to do."
    name, record = chosen.analysis_id, catalog.get(chosen.analysis_id)
    if record is None:
        return True, f"There is no swing {name}."
    if record.deleted_at is not None:
        return True, f"The swing {name} was deleted."
    if record.etag is None:
        return False, f"The video of {name} has not come."
    if chosen.user_id not in {None, record.user_id}:
        return False, f"The swing {name} is not of golfer {chosen.user_id}."
    if record.status == Status.FAILED and not chosen.permanent:
        return False, f"{name} failed for good ({record.error_code}); with --permanent it is tried all the same."
    return False, f"The swing {name} ({record.status}) does not meet the other conditions: nothing to do."
