"""The work of the stages and the versions in use, on both databases, bounded."""

from datetime import timedelta

import pytest

from golf_pipeline.storage import operating_stages
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.operating_days import Spread
from golf_pipeline.storage.operating_stages import OldVersion, StageVersions
from golf_pipeline_tests.storage.operated import NOW, add_analysis, add_output, on_sqlite

MINUTE = timedelta(minutes=1)


def test_stages_tell_what_was_made_and_what_was_reused_in_a_day(catalog: Catalog) -> None:
    for number, seconds in enumerate((5.0, 6.0, 7.0)):
        name = add_analysis(catalog, f"s{number}", NOW)
        add_output(catalog, name, "pose", "3", NOW - number * MINUTE, compute_seconds=seconds, reused=False)
        add_output(catalog, name, "metrics", "2", NOW - number * MINUTE)
    add_analysis(catalog, "copied", NOW)
    add_output(catalog, "copied", "pose", "3", NOW, compute_seconds=0.1, reused=True)
    add_output(catalog, "copied", "video", "3", NOW - timedelta(days=2), compute_seconds=0.1, reused=True)
    lately = operating_stages.stages_lately(catalog.engine, NOW)
    assert lately.is_complete
    assert lately.since == NOW - timedelta(days=1)
    pose, metrics = lately.stages
    assert (pose.stage, pose.outputs, pose.reused) == ("pose", 4, 1)
    assert pose.seconds == Spread(count=3, median_s=6.0, p95_s=7.0)
    assert (metrics.stage, metrics.outputs, metrics.reused, metrics.seconds) == ("metrics", 3, 0, None)


@on_sqlite
def test_of_a_busy_day_only_the_latest_outputs_are_looked_at(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operating_stages, "MOST_OUTPUTS", 2)
    for number in range(4):
        name = add_analysis(catalog, f"s{number}", NOW)
        add_output(catalog, name, "pose", "3", NOW - number * MINUTE, compute_seconds=1.0)
    lately = operating_stages.stages_lately(catalog.engine, NOW)
    assert not lately.is_complete
    assert lately.since == NOW - MINUTE
    assert lately.stages[0].outputs == 2


def test_outputs_of_older_versions_are_counted_up_to_a_limit(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    assert operating_stages.versions_in_use(catalog.engine) == ()
    monkeypatch.setattr(operating_stages, "MOST_COUNTED", 2)
    for number, version in enumerate(("2-10", "2-9", "2-9", "1", "1", "1")):
        name = add_analysis(catalog, f"s{number}", NOW)
        add_output(catalog, name, "coaching", version, NOW)
        add_output(catalog, name, "pose", "3", NOW)
    older = (
        OldVersion(version="2-9", swings=2, are_more=False),
        OldVersion(version="1", swings=2, are_more=True),
    )
    assert operating_stages.versions_in_use(catalog.engine) == (
        StageVersions(stage="coaching", newest="2-10", older=older),
        StageVersions(stage="pose", newest="3", older=()),
    )
