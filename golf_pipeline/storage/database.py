"""The catalog's database, SQLite or PostgreSQL by URL: connecting, migrating, and a write that both understand."""

import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, make_url, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, InvalidatePoolError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 15_000
BUSY_POLL_S = 0.05
POOL_SIZE = 5
CONNECT_TIMEOUT_S = 5
TRUSTED_FOR_S = 1.0
"""A connection that rested for less is not asked whether it lives."""

MAX_KEY_LENGTH = 1024
_READS_ONLY = "golf_reads_only"
_HAS_TURN = "golf_has_turn"
_RESTS_SINCE = "golf_rests_since"
_POSTGRES_LOCK = 4_701_204  # any fixed number: whoever migrates holds this advisory lock


def connect(url: str) -> Engine:
    """An engine for the URL; plain `postgresql://` means psycopg2, which the lock carries.

    Its errors do not show the values of a statement: they are logged, and may hold a golfer's name or e-mail.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.get_backend_name() != "sqlite":
        timeout = {"connect_timeout": CONNECT_TIMEOUT_S}
        # Else psycopg2 asks once for each row of a statement that has several.
        many: Any = {"executemany_mode": "values_plus_batch"} if parsed.get_driver_name() == "psycopg2" else {}
        engine = create_engine(parsed, pool_size=POOL_SIZE, hide_parameters=True, connect_args=timeout, **many)
        IdleCheck().attend(engine)
        return engine
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _configure_sqlite)
    _WritersQueue().attend(engine)
    return engine


def for_reading(engine: Engine) -> Engine:
    """The same engine for who only reads: on SQLite they neither wait for a writer nor hold one up.

    On PostgreSQL each statement stands for itself, which saves two round trips, and sees what is committed as within a
    transaction of its default isolation.
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine.execution_options(**{_READS_ONLY: True})


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing; a second process waits for the first."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # an ini value: "%" is special
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _POSTGRES_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def differences(connection: Connection) -> list[Any]:
    """What the migrated schema lacks or has too much against `tables.py`; empty when they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from golf_pipeline.storage.tables import metadata

    return list(compare_metadata(MigrationContext.configure(connection), metadata))


def upsert(connection: Connection, table: Table, identity: dict[str, Any], values: dict[str, Any]) -> None:
    """Update the row with this identity, or insert it; also when another process inserts it in between."""
    change = update(table).where(*(table.c[name] == value for name, value in identity.items())).values(values)
    if connection.execute(change).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(identity | values))
    except IntegrityError:
        if not connection.execute(change).rowcount:
            raise


def upsert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or update those whose primary keys are taken, in one statement; all rows have the same columns."""
    if not rows:
        return
    identity = [column.name for column in table.primary_key]
    insert_rows = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    others = {name: insert_rows.excluded[name] for name in rows[0] if name not in identity}
    connection.execute(insert_rows.on_conflict_do_update(index_elements=identity, set_=others), list(rows))


def insert_if_absent(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless one of its keys is taken; returns whether it was inserted.

    On PostgreSQL it waits for whoever inserts the same key at the moment: the row can be read afterwards either way.
    """
    if connection.dialect.name == "postgresql":
        return bool(connection.execute(postgresql.insert(table).values(row).on_conflict_do_nothing()).rowcount)
    return bool(connection.execute(sqlite.insert(table).values(row).on_conflict_do_nothing()).rowcount)


def storable(text: str) -> str:
    """What a database can keep of any text: no NUL, no half characters, at most the length of an S3 key."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")[:MAX_KEY_LENGTH]


class IdleCheck:
    """Looks whether a connection still lives before it is used again, where it has rested for a while.

    A database that restarts leaves dead connections in the pool. Asking before every use costs as much as the statement
    itself; within the moment that a connection is trusted it may die as well as during the statement.
    """

    def attend(self, engine: Engine) -> None:
        event.listen(engine, "checkin", self._rests)
        event.listen(engine, "checkout", partial(self._checked, engine))

    def _rests(self, _: Any, record: Any) -> None:
        record.info[_RESTS_SINCE] = monotonic()

    def _checked(self, engine: Engine, connection: Any, record: Any, _: Any) -> None:
        rests_since = record.info.get(_RESTS_SINCE)
        if rests_since is None or monotonic() - rests_since < TRUSTED_FOR_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The others in the pool are as old: none of them is used again.
            raise InvalidatePoolError from error


class _WritersQueue:
    """Lets the writers of one process begin one after the other, on SQLite, which has one writer at a time.

    SQLite itself lets them sleep and look again, longer each time, so that under load some wait a hundred times longer
    than others. The queue is a courtesy and no lock that anything rests on: after `BUSY_TIMEOUT_MS` a writer goes on to
    SQLite without its turn, and writers of other processes meet it there.
    """

    def __init__(self) -> None:
        self._turn = Lock()

    def attend(self, engine: Engine) -> None:
        """Take the turn with each transaction that may write, and give it back with its connection."""
        event.listen(engine, "begin", self._begin)
        for end in ("checkin", "invalidate"):
            event.listen(engine, end, self._end)

    def _begin(self, connection: Connection) -> None:
        # A transaction that reads and then writes fails at once, without waiting, if another one wrote in between: so
        # one that may write begins as a writer, and waits its turn there.
        if connection.get_execution_options().get(_READS_ONLY, False):
            connection.exec_driver_sql("BEGIN")
            return
        if _HAS_TURN not in connection.info and self._turn.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            connection.info[_HAS_TURN] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def _end(self, _: Any, record: Any, *__: Any) -> None:
        if record.info.pop(_HAS_TURN, False):
            self._turn.release()


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_write_ahead_log(cursor)
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _use_write_ahead_log(cursor: Any) -> None:
    """Several processes may open a new file at once, and for this change SQLite itself does not wait its turn."""
    deadline = monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if monotonic() > deadline:
                raise
            sleep(BUSY_POLL_S)
