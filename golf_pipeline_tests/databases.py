"""Empty catalogs for tests, migrated once: SQLite's file is copied; of PostgreSQL, where a copy takes longer than most
tests, one database is emptied again and again."""

import tempfile
from functools import cache
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, create_engine, delete, make_url, text

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.tables import metadata


def sqlite_catalog(folder: Path) -> Catalog:
    """An empty, migrated catalog in a file of the folder."""
    path = folder / "catalog.db"
    path.write_bytes(_migrated_sqlite())
    return Catalog(f"sqlite:///{path}")


def postgres_catalog(server_url: str) -> Catalog:
    """An empty, migrated catalog in a database of its own."""
    return Catalog(new_database(server_url, template=_migrated_postgres(server_url)))


def emptied_postgres_catalog(server_url: str) -> Catalog:
    """An empty, migrated catalog in a database that the tests of a process have one after the other."""
    catalog = Catalog(_shared_postgres(server_url))
    with catalog.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    return catalog


def new_database(server_url: str, template: str = "template1") -> str:
    """A database on the server, a copy of the template; the URL that an operator would write."""
    server = make_url(server_url).set(drivername="postgresql+psycopg2")
    name = f"golf_{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    return _shown(server.set(drivername="postgresql", database=name))


@cache
def _migrated_sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.db"
        _migrate(f"sqlite:///{path}")
        return path.read_bytes()


@cache
def _migrated_postgres(server_url: str) -> str:
    url = new_database(server_url)
    _migrate(url)
    return str(make_url(url).database)


@cache
def _shared_postgres(server_url: str) -> str:
    return new_database(server_url, template=_migrated_postgres(server_url))


def _migrate(url: str) -> None:
    """Leaves no connection: a database that is used is no template, and SQLite has all in one file then."""
    catalog = Catalog(url)
    catalog.migrate()
    catalog.engine.dispose()


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)
