"""The embedded PostgreSQL as a process: what was committed outlasts any end, and nobody gets in without a password."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from golf_pipeline.local.ports import claim_port
from golf_pipeline.local.postgres import CATALOG_DATABASE, DATABASES, EmbeddedPostgres
from golf_pipeline_tests.local.support import wait_until


class PostgresProcess:
    """`python -m golf_pipeline.local.postgres` on a free port."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(folder, claim_port(0, "a test", ""))
        self.server.prepare()
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.server.command, start_new_session=True, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.process.poll() is not None or self.server.accepts() is None)
        assert self.process.poll() is None, "the server ended while starting"

    def end(self, number: signal.Signals) -> int:
        os.killpg(self.process.pid, number)
        return self.process.wait(timeout=20)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg2.connect(self.server.url(CATALOG_DATABASE)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            found: list[tuple[object, ...]] = cursor.fetchall() if cursor.description else []
        connection.close()
        return found


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresProcess]:
    # Not pytest's own folder: started by root, the server's user must be able to pass through the folders above.
    with tempfile.TemporaryDirectory(prefix="golf-postgres-", ignore_cleanup_errors=True) as folder:
        running = PostgresProcess(Path(folder) / "postgres")
        yield running
        running.end(signal.SIGKILL)


def test_what_was_committed_is_there_after_a_kill_and_after_a_stop_with_a_client_still_connected(
    postgres: PostgresProcess,
) -> None:
    postgres.rows("CREATE TABLE swings (name text); INSERT INTO swings VALUES ('before the kill')")
    postgres.end(signal.SIGKILL)
    postgres.start()
    postgres.rows("INSERT INTO swings VALUES ('before the stop')")
    idle = psycopg2.connect(postgres.server.url(CATALOG_DATABASE))
    assert postgres.end(signal.SIGINT) == 0, "it waits for no client"
    idle.close()
    postgres.start()
    assert postgres.rows("SELECT name FROM swings") == [("before the kill",), ("before the stop",)]


def test_nobody_gets_in_without_the_password_of_the_folder(postgres: PostgresProcess) -> None:
    for database in DATABASES:
        url = postgres.server.url(database).replace(postgres.server.password, "guess")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(url)
    assert (postgres.server.folder / "password").stat().st_mode & 0o077 == 0
    assert postgres.rows("SHOW unix_socket_directories") == [("",)]


def test_a_first_start_that_was_cut_off_is_begun_anew(postgres: PostgresProcess) -> None:
    folder = postgres.server.folder.parent / "cut-off"
    (folder / "data.unfinished" / "base").mkdir(parents=True)
    begun_anew = PostgresProcess(folder)
    assert begun_anew.rows("SELECT 1") == [(1,)]
    begun_anew.end(signal.SIGKILL)
    assert not (folder / "data.unfinished").exists()
