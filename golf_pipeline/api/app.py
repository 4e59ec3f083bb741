"""The application: routes, edge and errors put together. `create_app` takes its parts, so that a test can swap them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from golf_pipeline import __version__
from golf_pipeline.api import (
    chat,
    coaches,
    dashboard,
    documentation,
    drills,
    notices,
    operations,
    problems,
    swings,
    uploads,
    users,
    video,
)
from golf_pipeline.api.board import CLOSING, NoticeBoard
from golf_pipeline.api.edge import Edge
from golf_pipeline.api.gauges import Gauges
from golf_pipeline.api.identity import verifier_from_settings
from golf_pipeline.api.metrics import ModelCalls
from golf_pipeline.api.probes import Probe
from golf_pipeline.api.served import ServedResults
from golf_pipeline.api.watch import Watch
from golf_pipeline.coach.chat.chat import chat_model_from_settings
from golf_pipeline.settings import Settings
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.kept_objects import KeptObjects
from golf_pipeline.storage.notices import EndedAnalyses
from golf_pipeline.storage.object_store import FOR_A_CLIENT, ObjectStore
from golf_pipeline.storage.operating import CatalogReadings
from golf_pipeline.storage.queue import UploadQueue


def create_app(settings: Settings, catalog: Catalog | None = None, store: ObjectStore | None = None) -> FastAPI:
    """An app over the given parts; those left out are made from the settings, the catalog migrated."""
    if catalog is None:
        catalog = Catalog(settings.catalog_url)
        catalog.migrate()
    board = NoticeBoard(EndedAnalyses(catalog.engine))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        yield {CLOSING: board.closing}
        board.closing.set()

    app = FastAPI(
        title="golf_pipeline",
        version=__version__,
        description="Upload a golf swing video, poll, read what was measured and what to work on.",
        lifespan=lifespan,
        openapi_url=None,  # `documentation.py` serves it, rendered once
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # the redirect would name whatever host the request claims
    )
    app.state.notices = board
    app.state.settings = settings
    app.state.catalog = catalog
    store = store or ObjectStore.connect(settings.bucket, settings.s3_endpoint_url, settings.region, FOR_A_CLIENT)
    app.state.store = store
    app.state.kept = KeptObjects(store)
    app.state.probes = {"catalog": Probe(catalog.check), "s3": Probe(store.check)}
    app.state.gauges = Gauges.from_settings(settings, CatalogReadings(catalog.engine))
    app.state.dashboard = dashboard.Dashboard(settings, catalog.engine, app.state.probes)
    app.state.served = ServedResults(catalog)
    app.state.queue = UploadQueue.from_settings(settings)
    app.state.upload_slots = uploads.UploadSlots()
    app.state.chat_model = chat_model_from_settings(settings, ModelCalls())
    app.state.chat_threads = CapacityLimiter(chat.THREADS if app.state.chat_model else chat.THREADS_OF_RULES)
    app.state.verifier = verifier_from_settings(settings)
    app.add_middleware(Edge, settings.api_body_timeout_s, settings.api_max_header_bytes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "Last-Event-ID",
                "X-Request-Id",
            ],
            expose_headers=["ETag", "Idempotency-Replayed", "Location", "Retry-After", "X-Request-Id"],
        )
    app.add_middleware(Watch, settings)
    problems.install(app)
    # Routers are asked in this order: those that are polled come first.
    polled = (video.polled, swings.polled)
    others = (video.starting, video.router, uploads.router, swings.starting, swings.router, chat.router)
    people = (users.router, drills.router, coaches.router)
    watched = (operations.router, dashboard.router)
    for router in (*polled, *others, *people, notices.router, *watched, documentation.router):
        app.include_router(router, responses=problems.documented(*problems.EDGE_STATUSES))
    plain = app.openapi
    document = cache(lambda: documentation.readable(problems.publish_media_type(plain())))
    app.openapi = document  # type: ignore[method-assign]
    return app
