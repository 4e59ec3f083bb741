"""Serving the API with uvicorn."""

import uvicorn

from golf_pipeline.api.app import create_app
from golf_pipeline.settings import Settings

GRACE_S = 10


def run(settings: Settings) -> None:
    """Serve until a signal; requests under way get `GRACE_S` seconds to end."""
    uvicorn.run(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    from golf_pipeline.settings import get_settings

    run(get_settings())
