"""Dagster's storage in PostgreSQL over connections that stay open; `storage` in deploy/dagster.yaml names it.

Dagster opens a connection for each statement, in every process but the webserver, and closes it again. With a daemon
that looks at everything each second these are two dozen a second at rest, and each costs a process of the server and a
handshake: twelve milliseconds of CPU for a statement that takes a fraction of one.

The pool belongs to the process and not to the instance: a code server makes an instance for every tick of a sensor.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config

from golf_pipeline.storage.database import IdleCheck

if TYPE_CHECKING:
    from dagster_postgres.auth import PgTokenProvider
    from sqlalchemy import Engine

KEPT_OPEN = 3
"""Connections that a process keeps; where more threads need one at once they open their own and close them, as ever."""

RECYCLED_AFTER_S = 600

_engines: dict[str, "Engine"] = {}
"""By URL."""


class PooledPostgresStorage(DagsterPostgresStorage):
    """`DagsterPostgresStorage`, same configuration, same tables.

    A connection is asked first whether it lives: a database that restarts fails no statement that comes later, in the
    webserver neither, which makes a pool of its own, with limits of its own.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: "PgTokenProvider | None" = None,
    ) -> None:
        is_known = postgres_url in _engines  # then this process has seen that the tables are there
        super().__init__(postgres_url, should_autocreate_tables and not is_known, inst_data, token_provider)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = _engine(postgres_url, token_provider)
            optimize = storage.optimize_for_webserver
            storage.optimize_for_webserver = partial(_optimized_for_webserver, storage, optimize)  # type: ignore[method-assign]

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            token_provider=get_token_provider_from_config(config_value),
        )


def _engine(url: str, token_provider: "PgTokenProvider | None") -> "Engine":
    if url not in _engines:
        _engines[url] = create_pg_engine(
            url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT_OPEN,
            max_overflow=-1,
            pool_pre_ping=True,
            pool_recycle=RECYCLED_AFTER_S,
        )
    return _engines[url]


def _optimized_for_webserver(storage: Any, optimize: Callable[..., None], *args: Any, **limits: Any) -> None:
    optimize(*args, **limits)
    IdleCheck().attend(storage._engine)


def _forget_the_parents_connections() -> None:
    for engine in _engines.values():
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_the_parents_connections)
