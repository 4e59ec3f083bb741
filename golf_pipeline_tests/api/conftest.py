"""The API on a real port, over a real SQLite catalog and an S3 that speaks HTTP."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from golf_pipeline.api.app import create_app
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.databases import sqlite_catalog
from golf_pipeline_tests.storage.conftest import s3_url, store

__all__ = ["s3_url", "store"]

Serve = Callable[..., httpx.Client]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = sqlite_catalog(tmp_path)
    yield catalog
    catalog.engine.dispose()


@pytest.fixture(scope="session")
def tokens() -> Iterator[TestIssuer]:
    """The issuer that the API of tests trusts: `api.get(path, headers=tokens.headers("ann", "coach"))`."""
    issuer = TestIssuer()
    yield issuer
    issuer.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """The app on a free port, and a client of it."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the API ended while starting"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def serve(catalog: Catalog, store: ObjectStore, tokens: TestIssuer) -> Iterator[Serve]:
    """Start the API with the given settings, maybe over another catalog or store, and return a client of it."""
    with ExitStack() as servers:

        def start(its_catalog: Catalog = catalog, its_store: ObjectStore = store, **settings: object) -> httpx.Client:
            app = create_app(Settings(bucket=store.bucket, **(tokens.settings | settings)), its_catalog, its_store)
            return servers.enter_context(serving(app))

        yield start


@pytest.fixture
def api(serve: Serve) -> httpx.Client:
    return serve()
