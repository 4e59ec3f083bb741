"""Which swings a selection chooses."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, select

from golf_pipeline.storage import database
from golf_pipeline.storage.backfill_selection import Selection, matches, stored_versions, version_order
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, metadata
from golf_pipeline_tests.storage.backfilled_swings import BEGAN, PRESENT, add_swing


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Swings of every kind; each is named for what it is."""
    engine: Engine = database.connect(f"sqlite:///{tmp_path_factory.mktemp('selection') / 'catalog.db'}")
    metadata.create_all(engine)
    failed = {"status": Status.FAILED}
    with engine.begin() as connection:
        add_swing(connection, "present", versions=PRESENT)
        add_swing(connection, "old metrics", versions=PRESENT | {"metrics": "1"})
        add_swing(connection, "newer pose", versions=PRESENT | {"pose": "10"}, user_id="bob")
        add_swing(connection, "no metrics", versions={"pose": "3", "result": "2.1"})
        add_swing(connection, "later", versions=PRESENT, uploaded_at=BEGAN + timedelta(days=3))
        add_swing(connection, "under way", status=Status.PROCESSING)
        add_swing(connection, "retryable", **failed, retryable=True, error_code="VIDEO_TRUNCATED")
        add_swing(connection, "our trouble", **failed, error_code="POSE_MODEL_MISSING")
        add_swing(connection, "no golfer", **failed, error_code="NO_GOLFER")
        add_swing(connection, "failed, no video", **failed, retryable=True, video_removed_at=BEGAN)
        add_swing(connection, "no upload", **failed, retryable=True, error_code="NOT_AN_UPLOAD")
        add_swing(connection, "finished, no video", versions=PRESENT, video_removed_at=BEGAN)
        add_swing(connection, "deleted", versions=PRESENT, deleted_at=BEGAN)
        add_swing(connection, "announced", status=Status.STARTED, etag=None)
        yield connection
    engine.dispose()


def chosen(connection: Connection, **selection: object) -> set[str]:
    condition = matches(connection, Selection.model_validate(selection))
    return set(connection.execute(select(analyses.c.analysis_id).where(condition)).scalars())


FINISHED = {"present", "old metrics", "newer pose", "no metrics", "later", "finished, no video"}
WORTH_A_TRY = {"retryable", "our trouble"}


def test_without_conditions_all_swings_are_chosen_but_failures_that_stay_ones(connection: Connection) -> None:
    assert chosen(connection) == FINISHED | WORTH_A_TRY | {"under way"}
    assert chosen(connection, permanent=True) == FINISHED | WORTH_A_TRY | {"under way", "no golfer"}


def test_failed_only_chooses_those_worth_a_try_and_permanent_ones_if_asked_for(connection: Connection) -> None:
    assert chosen(connection, failed_only=True) == WORTH_A_TRY
    assert chosen(connection, failed_only=True, permanent=True) == WORTH_A_TRY | {"no golfer"}


def test_one_swing_and_one_golfer_are_chosen_by_their_ids(connection: Connection) -> None:
    assert chosen(connection, analysis_id="present") == {"present"}
    assert chosen(connection, analysis_id="no golfer") == set()
    assert chosen(connection, user_id="bob") == {"newer pose"}
    assert chosen(connection, user_id="bob", analysis_id="present") == set()


def test_a_range_of_days_has_its_begin_and_not_its_end(connection: Connection) -> None:
    assert chosen(connection, since=BEGAN + timedelta(seconds=1)) == {"later"}
    assert "later" not in chosen(connection, since=BEGAN, until=BEGAN + timedelta(days=3))
    assert chosen(connection, since=BEGAN, until=BEGAN + timedelta(days=3)) == chosen(connection) - {"later"}


def test_older_than_a_version_counts_numbers_and_takes_no_newer_one(connection: Connection) -> None:
    assert chosen(connection, older_than={"metrics": "2"}) == {"old metrics"}
    assert chosen(connection, older_than={"pose": "10"}) == FINISHED - {"newer pose"}
    assert chosen(connection, older_than={"metrics": "2", "pose": "3"}) == {"old metrics"}
    assert chosen(connection, older_than={"metrics": "1"}) == set()


def test_outdated_is_a_swing_with_any_output_that_is_missing_or_of_another_version(connection: Connection) -> None:
    assert chosen(connection, outdated=PRESENT) == {"old metrics", "newer pose", "no metrics"}
    assert chosen(connection, outdated={"pose": "3"}) == {"newer pose"}


def test_the_versions_of_a_stage_are_those_that_are_stored(connection: Connection) -> None:
    assert stored_versions(connection, "pose") == ["10", "3"]
    assert stored_versions(connection, "unheard of") == []


def test_versions_are_ordered_by_their_numbers() -> None:
    versions = ["2-10", "10", "2-9", "2", "2.1"]
    assert sorted(versions, key=version_order) == ["2", "2.1", "2-9", "2-10", "10"]


def test_a_selection_survives_being_stored_and_its_times_are_utc() -> None:
    east = timezone(timedelta(hours=2))
    selection = Selection(since=datetime(2026, 5, 1, 2, tzinfo=east), outdated=PRESENT, force=True)
    assert selection.since == datetime(2026, 5, 1, tzinfo=UTC) and selection.since.tzinfo is UTC
    assert Selection.model_validate_json(selection.model_dump_json()) == selection


@pytest.mark.parametrize(
    ("selection", "why"),
    [
        ({"since": datetime(2026, 5, 1)}, "needs a zone"),
        ({"since": BEGAN, "until": BEGAN}, "must be before"),
        ({"failed_only": True, "outdated": PRESENT}, "failed swings have no outputs"),
        ({"everything": True}, "Extra inputs"),
    ],
)
def test_a_selection_that_can_hold_for_nothing_is_refused(selection: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Selection.model_validate(selection)
