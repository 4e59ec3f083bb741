"""Dagster's storage over connections that stay open, on a real PostgreSQL."""

import os

import pytest
from sqlalchemy import create_engine, make_url, text

from golf_pipeline.orchestration.pooled_storage import PooledPostgresStorage
from golf_pipeline.storage import database
from golf_pipeline_tests.databases import new_database
from golf_pipeline_tests.storage.conftest import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
def url(postgres_url: str) -> str:
    url = make_url(new_database(postgres_url)).set(drivername="postgresql+psycopg2")
    return url.render_as_string(hide_password=False)


def backends(url: str) -> set[int]:
    """Process ids of the server's processes that others hold in this database."""
    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {row.pid for row in connection.execute(query)}
    engine.dispose()
    return found


def test_the_statements_of_all_instances_of_a_process_share_a_connection(url: str) -> None:
    PooledPostgresStorage(url).run_storage.get_runs_count()
    first = backends(url)
    for _ in range(3):
        storage = PooledPostgresStorage(url)
        storage.run_storage.get_runs_count()
        storage.schedule_storage.all_instigator_state()
        storage.event_log_storage.get_maximum_record_id()
    assert len(first) == 1
    assert backends(url) == first


@pytest.mark.parametrize("webserver", [False, True])
def test_a_connection_that_the_server_has_ended_is_replaced_unnoticed(
    url: str, webserver: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TRUSTED_FOR_S", 0.0)
    storage = PooledPostgresStorage(url)
    if webserver:
        storage.run_storage.optimize_for_webserver(statement_timeout=15_000, pool_recycle=3600, max_overflow=20)
    storage.run_storage.get_runs_count()
    ended = backends(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM unnest(CAST(:all AS int[])) pid"), {"all": [*ended]}
        )
    engine.dispose()
    assert storage.run_storage.get_runs_count() == 0
    assert not backends(url) & ended


def test_a_forked_process_leaves_its_parents_connection_alone(url: str) -> None:
    storage = PooledPostgresStorage(url)
    storage.run_storage.get_runs_count()
    before = backends(url)
    child = os.fork()
    if child == 0:
        os._exit(0 if storage.run_storage.get_runs_count() == 0 and len(backends(url)) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0, "the child has a connection of its own"
    assert storage.run_storage.get_runs_count() == 0
    assert before <= backends(url)
