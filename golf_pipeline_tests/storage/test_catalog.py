"""The catalog on SQLite and on a real PostgreSQL: nothing twice, nothing backwards, nothing lost."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from golf_pipeline.storage import database
from golf_pipeline.storage.announced import end_announced
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.keys import parse_upload_key, upload_key
from golf_pipeline.storage.listing import list_swings
from golf_pipeline.storage.profiles import record_profile
from golf_pipeline.storage.records import AnalysisRecord, RegisterOutcome, StageOutput, Status
from golf_pipeline.storage.tables import superseded_outputs
from golf_pipeline.swing.errors import ErrorCode, SwingError
from golf_pipeline_tests.databases import new_database
from golf_pipeline_tests.storage.kept_swings import change, record

BUCKET = "swings"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NO_SWING = SwingError(ErrorCode.NO_COMPLETE_SWING, "No complete swing.")


def register(catalog: Catalog, key: str, etag: str = "e1", at: datetime = NOON) -> AnalysisRecord:
    return catalog.register_object(BUCKET, parse_upload_key(key), etag, 1000, at)[0]


def finish(catalog: Catalog, analysis_id: str) -> None:
    catalog.mark_dispatched([analysis_id])
    for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
        assert catalog.set_status(analysis_id, status, status)


def test_the_migrations_make_the_tables_that_the_code_reads(catalog: Catalog) -> None:
    with catalog.engine.connect() as connection:
        assert database.differences(connection) == []


def test_many_processes_may_migrate_at_once(tmp_path: Path) -> None:
    catalogs = [Catalog(f"sqlite:///{tmp_path / 'new' / 'catalog.db'}") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Catalog.migrate, catalogs))
    assert catalogs[0].pending_count() == 0


def test_real_processes_may_migrate_at_once(tmp_path: Path, postgres_url: str) -> None:
    code = "import sys; from golf_pipeline.storage.catalog import Catalog; Catalog(sys.argv[1]).migrate()"
    urls = [f"sqlite:///{tmp_path / 'catalog.db'}", new_database(postgres_url)] * 2
    started = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE) for url in urls]
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert ended == [(b"", 0)] * 4
    assert [Catalog(url).pending_count() for url in urls[:2]] == [0, 0]


def test_a_catalog_of_the_first_version_keeps_its_records(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    with catalog.engine.connect() as connection:
        assert database.differences(connection), "the first version lacks something"
    catalog.migrate()
    with catalog.engine.connect() as connection:
        assert database.differences(connection) == []
    assert catalog.pending_count() == 1


def test_a_wrong_statement_does_not_print_the_golfers_data(catalog: Catalog) -> None:
    upload = parse_upload_key("golf-swings/ann/s1.mov")
    with pytest.raises(SQLAlchemyError) as caught:
        catalog.create(BUCKET, upload, user_email="ann@example.com", user_name=object())
    assert "ann@example.com" not in str(caught.value)


def test_an_announced_upload_waits_until_its_object_is_there(catalog: Catalog) -> None:
    upload = parse_upload_key("golf-swings/ann/s1.mov")
    announced = catalog.create(BUCKET, upload, session_id="lesson-1")
    assert (announced.status, announced.etag, announced.session_id) == (Status.STARTED, None, "lesson-1")
    assert catalog.pending(10) == []
    assert catalog.request_analysis("s1") == announced
    record, outcome = catalog.register_object(BUCKET, upload, "e1", 5, NOON)
    assert outcome == RegisterOutcome.NEW
    assert [one.analysis_id for one in catalog.pending(10)] == [record.analysis_id] == ["s1"]


def test_the_same_event_twice_changes_nothing(catalog: Catalog) -> None:
    upload = parse_upload_key("golf-swings/ann/s1.mov")
    outcomes = [catalog.register_object(BUCKET, upload, "e1", 5, NOON)[1] for _ in range(3)]
    assert outcomes == [RegisterOutcome.NEW, RegisterOutcome.KNOWN, RegisterOutcome.KNOWN]
    assert catalog.pending_count() == 1


def test_many_consumers_of_one_event_make_one_record(catalog: Catalog) -> None:
    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(lambda _: register(catalog, "golf-swings/ann/s1.mov"), range(24)))
    assert {record.analysis_id for record in records} == {"s1"}
    assert catalog.pending_count() == 1


def test_other_bytes_under_the_same_key_begin_a_new_attempt(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    finish(catalog, "s1")
    record = register(catalog, "golf-swings/ann/s1.mov", "e2", NOON + timedelta(minutes=1))
    assert (record.status, record.attempt, record.etag, record.completed_at) == (Status.STARTED, 2, "e2", None)


def test_a_late_event_of_an_older_object_does_not_bring_it_back(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov", "e2", NOON)
    record = register(catalog, "golf-swings/ann/s1.mov", "e1", NOON - timedelta(minutes=1))
    assert (record.etag, record.attempt) == ("e2", 1)


def test_what_is_known_of_many_objects_is_what_registering_each_would_say(catalog: Catalog) -> None:
    for name in ("same", "other", "deleted", "back"):
        register(catalog, f"golf-swings/ann/{name}.mov")
    catalog.create(BUCKET, parse_upload_key("golf-swings/ann/announced.mov"))
    for name, moment in (("deleted", NOON + timedelta(hours=1)), ("back", NOON - timedelta(hours=1))):
        change(catalog, name, deleted_at=moment)
    names = ("same", "other", "deleted", "back", "announced", "never")
    seen = {f"golf-swings/ann/{name}.mov": ("new" if name == "other" else "e1", NOON) for name in names}
    known = catalog.known_objects(BUCKET, seen)
    assert known == {"golf-swings/ann/same.mov", "golf-swings/ann/deleted.mov"}
    said = {
        key: catalog.register_object(BUCKET, parse_upload_key(key), one_etag, 9, at)[1]
        for key, (one_etag, at) in seen.items()
    }
    assert {key for key, outcome in said.items() if outcome == RegisterOutcome.KNOWN} == known


def test_two_golfers_may_use_the_same_file_name(catalog: Catalog) -> None:
    ids = {
        register(catalog, key).analysis_id
        for key in ("golf-swings/ann/s1.mov", "golf-swings/bob/s1.mov", "golf-swings/ann/s1.mp4")
    }
    assert len(ids) == 3
    assert "s1" in ids


def test_a_key_that_is_no_upload_gets_a_failed_record_once(catalog: Catalog) -> None:
    error = SwingError(ErrorCode.NOT_AN_UPLOAD, "This is no upload.")
    first = catalog.register_failure(BUCKET, "golf-swings/readme.txt", error)
    assert catalog.register_failure(BUCKET, "golf-swings/readme.txt", error) == first
    assert (first.status, first.error_code, first.error_message) == ("FAILED", "NOT_AN_UPLOAD", "This is no upload.")
    assert catalog.pending_count() == 0


def test_two_dispatchers_never_start_the_same_swing(catalog: Catalog) -> None:
    ids = [register(catalog, f"golf-swings/ann/s{number}.mov").analysis_id for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: catalog.mark_dispatched(ids), range(4)))
    assert sorted(claimed for claim in claims for claimed in claim) == sorted(ids)
    assert catalog.pending(100) == []


def test_a_run_that_is_late_cannot_end_the_attempt_that_came_after_it(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    catalog.mark_dispatched(["s1"])
    assert catalog.set_status("s1", Status.PROCESSING, "looking", attempt=1)
    assert register(catalog, "golf-swings/ann/s1.mov", "e2", NOON + timedelta(minutes=1)).attempt == 2
    assert not catalog.fail("s1", NO_SWING, attempt=1)
    assert not catalog.set_status("s1", Status.COMPLETED, "late", attempt=1)
    assert not catalog.set_content("s1", "0" * 64, attempt=1)
    assert not catalog.record_stage(StageOutput(analysis_id="s1", stage="pose", version="1", key="old"), attempt=1)
    (waiting,) = catalog.pending(5)
    assert (waiting.attempt, waiting.status, waiting.content_sha256) == (2, Status.STARTED, None)
    assert catalog.stages("s1") == {}
    assert catalog.record_stage(StageOutput(analysis_id="s1", stage="pose", version="1", key="new"), attempt=2)
    assert catalog.set_content("s1", "1" * 64, attempt=2)
    assert catalog.fail("s1", NO_SWING, attempt=2)


def test_a_run_that_nobody_dispatched_uses_up_its_attempt_too(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    catalog.set_status("s1", Status.PROCESSING, "started by hand")
    assert register(catalog, "golf-swings/ann/s1.mov", "e2", NOON + timedelta(minutes=1)).attempt == 2


def test_of_many_who_restart_a_failed_analysis_one_begins_it(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    catalog.mark_dispatched(["s1"])
    catalog.fail("s1", NO_SWING)

    def restart_and_dispatch(_: int) -> int:
        catalog.request_analysis("s1", only_ended=True)
        return len(catalog.mark_dispatched(["s1"]))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(restart_and_dispatch, range(12))) == 1
    record = catalog.get("s1")
    assert record is not None
    assert record.attempt == 2


@pytest.mark.parametrize("key", ["golf-swings/a\x00b.mp4", "golf-swings/\ud800/x.mp4", "x" * 5000])
def test_a_key_that_no_database_can_store_still_gets_its_record_once(catalog: Catalog, key: str) -> None:
    error = SwingError(ErrorCode.NOT_AN_UPLOAD, "This is no upload.")
    first = catalog.register_failure(BUCKET, key, error)
    assert catalog.register_failure(BUCKET, key, error) == first == catalog.by_key(BUCKET, key)
    assert catalog.get(key) is None
    assert catalog.by_partition_key(key) is None


def test_many_writers_of_one_stage_leave_one_output(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    with ThreadPoolExecutor(8) as pool:
        noted = pool.map(
            lambda number: catalog.record_stage(
                StageOutput(analysis_id="s1", stage="pose", version="1", key=f"k{number}")
            ),
            range(24),
        )
        assert all(noted)
        list(pool.map(lambda number: record_profile(catalog.engine, "ann", "1", f"k{number}", NOON), range(24)))
    assert list(catalog.stages("s1")) == ["pose"]


def test_an_output_of_an_unknown_analysis_is_refused(catalog: Catalog) -> None:
    with pytest.raises(IntegrityError):
        catalog.record_stage(StageOutput(analysis_id="nobody", stage="pose", version="1", key="k"))
    assert not catalog.record_stage(StageOutput(analysis_id="nobody", stage="pose", version="1", key="k"), attempt=1)


def test_a_status_never_goes_back(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    finish(catalog, "s1")
    for status in Status:
        assert not catalog.set_status("s1", status, "late")
    assert not catalog.fail("s1", NO_SWING)
    record = catalog.get("s1")
    assert record is not None
    assert (record.status, record.ai_analysis_completed) == (Status.AI_COMPLETED, True)
    assert record.completed_at is not None
    assert record.completed_at.tzinfo is not None


@pytest.mark.parametrize("last", list(Status)[:4])
def test_a_failure_may_come_from_anywhere_and_a_new_attempt_clears_it(catalog: Catalog, last: Status) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    catalog.mark_dispatched(["s1"])
    for status in list(Status)[1 : list(Status).index(last) + 1]:
        catalog.set_status("s1", status, status)
    assert catalog.fail("s1", NO_SWING)
    failed = catalog.get("s1")
    assert failed is not None
    assert (failed.status, failed.error_code, failed.retryable) == (Status.FAILED, "NO_COMPLETE_SWING", False)
    again = catalog.request_analysis("s1")
    assert again is not None
    assert (again.status, again.attempt, again.error_code, again.dispatched_at) == (Status.STARTED, 2, None, None)
    assert [one.analysis_id for one in catalog.pending(5)] == ["s1"]


def test_asking_twice_for_an_analysis_that_waits_uses_up_one_attempt(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    catalog.request_analysis("s1")
    again = catalog.request_analysis("s1")
    assert again is not None
    assert again.attempt == 1


def test_an_unknown_analysis_is_none_everywhere(catalog: Catalog) -> None:
    assert catalog.get("x") is None
    assert catalog.request_analysis("x") is None
    assert not catalog.set_status("x", Status.PROCESSING, "")
    assert catalog.mark_dispatched(["x"]) == []


def test_a_users_analyses_come_newest_first_and_page_by_page(catalog: Catalog) -> None:
    for number in range(5):
        register(catalog, f"golf-swings/ann/s{number}.mov")
    register(catalog, "golf-swings/bob/other.mov")
    first = list_swings(catalog, "ann", limit=3)
    rest = list_swings(catalog, "ann", limit=3, before=(first[-1].created_at, first[-1].analysis_id))
    assert [one.analysis_id for one in first + rest] == ["s4", "s3", "s2", "s1", "s0"]
    assert all(a.created_at >= b.created_at for a, b in pairwise(first + rest))


def of_pose(key: str, **known: Any) -> StageOutput:
    return StageOutput(analysis_id="s1", stage="pose", version="1", key=f"golf-swings/ann/s1/{key}", **known)


def test_the_latest_output_of_a_stage_stands_and_is_found_by_what_it_is_made_of(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    first = of_pose("pose/1-a/p.parquet", fingerprint="a", output_sha256="x", files=("pose/1-a/p.parquet",))
    second = of_pose("pose/1-b/p.parquet", fingerprint="b", facts={"seconds": 2.5}, files=("pose/1-b/p.parquet",))
    assert catalog.record_stage(first)
    assert catalog.stages("s1") == {"pose": first}
    assert catalog.record_stage(second)
    assert catalog.stages("s1") == {"pose": second}
    assert catalog.find_stage_output("pose", "b") == second
    assert catalog.find_stage_output("pose", "a") is None
    assert catalog.find_stage_output("events", "b") is None


def test_what_is_asked_of_one_analysis_can_be_asked_of_several(catalog: Catalog) -> None:
    for name in ("s1", "s2", "s3"):
        register(catalog, f"golf-swings/ann/{name}.mov")
    made = {
        name: of_pose("p", fingerprint=made_of).model_copy(update={"analysis_id": name})
        for name, made_of in (("s1", "same"), ("s2", "same"), ("s3", "other"))
    }
    for output in made.values():
        catalog.record_stage(output)
    asked = ["s1", "s3", "unknown"]
    assert catalog.get_all(asked) == {name: catalog.get(name) for name in ("s1", "s3")}
    assert catalog.stages_of_all(asked) == {name: {"pose": made[name]} for name in ("s1", "s3")}
    assert catalog.made_more_than_once(["same", "other", "unknown"]) == {"same"}


def test_an_output_that_is_replaced_leaves_the_names_of_what_only_it_had(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    catalog.record_stage(of_pose("pose/1-a/p.json", files=("pose/1-a/p.json", "frames/s1/f1.jpg", "frames/s1/f2.jpg")))
    catalog.record_stage(of_pose("pose/1-a/p.json", files=("pose/1-a/p.json", "frames/s1/f1.jpg", "frames/s1/f2.jpg")))
    catalog.record_stage(of_pose("pose/1-b/p.json", files=("pose/1-b/p.json", "frames/s1/f2.jpg")))
    with catalog.engine.connect() as connection:
        (row,) = connection.execute(select(superseded_outputs)).all()
    assert (row.analysis_id, row.stage, row.files) == ("s1", "pose", ["frames/s1/f1.jpg", "pose/1-a/p.json"])


def test_a_finished_swing_is_swapped_as_a_whole_or_not_at_all(catalog: Catalog) -> None:
    record = register(catalog, "golf-swings/ann/s1.mov")
    catalog.mark_dispatched(["s1"])
    assert not catalog.swap_outputs(record, [of_pose("a")]), "it is under way"
    for status in (Status.PROCESSING, Status.COMPLETED, Status.AI_PROCESSING, Status.AI_COMPLETED):
        catalog.set_status("s1", status, "x")
    assert catalog.swap_outputs(record, [of_pose("a")])
    catalog.request_analysis("s1")
    assert not catalog.swap_outputs(record, [of_pose("b")]), "another attempt began"
    assert catalog.stages("s1")["pose"].key.endswith("/a")


def test_what_stands_still_is_found(catalog: Catalog) -> None:
    register(catalog, "golf-swings/ann/s1.mov")
    register(catalog, "golf-swings/ann/s2.mov")
    catalog.mark_dispatched(["s1"])
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert [one.analysis_id for one in catalog.in_progress_since(later)] == ["s1"]
    assert catalog.in_progress_since(later - timedelta(minutes=5)) == []


UPLOAD = parse_upload_key(upload_key("ann", "s1", "mp4"))
NOW = datetime(2026, 8, 1, tzinfo=UTC)


def test_a_video_that_comes_after_all_is_analysed(catalog: Catalog) -> None:
    catalog.create("bucket", UPLOAD)
    change(catalog, "s1", created_at=NOW - timedelta(days=3))
    assert end_announced(catalog.engine, NOW - timedelta(days=2), 9) == 1
    catalog.register_object("bucket", UPLOAD, "etag", 9, NOW)
    assert [one.analysis_id for one in catalog.pending(9)] == ["s1"]
    came = record(catalog, "s1")
    assert (came.status, came.attempt, came.error_code) == (Status.STARTED, 2, None)


def test_a_video_that_is_uploaded_anew_after_it_was_removed_is_analysed(catalog: Catalog) -> None:
    catalog.register_object("bucket", UPLOAD, "etag", 9, NOW - timedelta(days=400))
    catalog.set_status("s1", Status.AI_COMPLETED, "")
    change(catalog, "s1", video_removed_at=NOW - timedelta(days=1))
    catalog.register_object("bucket", UPLOAD, "etag", 9, NOW - timedelta(days=400))  # a late event
    assert record(catalog, "s1").status == Status.AI_COMPLETED
    catalog.register_object("bucket", UPLOAD, "etag", 9, NOW)
    again = record(catalog, "s1")
    assert (again.status, again.video_removed_at, again.uploaded_at) == (Status.STARTED, None, NOW)


def test_other_bytes_after_the_removal_clear_its_mark(catalog: Catalog) -> None:
    catalog.register_object("bucket", UPLOAD, "etag", 9, NOW - timedelta(days=400))
    catalog.set_status("s1", Status.AI_COMPLETED, "")
    change(catalog, "s1", video_removed_at=NOW - timedelta(days=1))
    catalog.register_object("bucket", UPLOAD, "other", 9, NOW)
    assert record(catalog, "s1").video_removed_at is None


def test_no_attempt_begins_without_the_video(catalog: Catalog) -> None:
    catalog.register_object("bucket", UPLOAD, "etag", 9, NOW - timedelta(days=400))
    catalog.set_status("s1", Status.AI_COMPLETED, "")
    change(catalog, "s1", video_removed_at=NOW)
    catalog.request_analysis("s1", only_ended=True)
    assert record(catalog, "s1").status == Status.AI_COMPLETED
