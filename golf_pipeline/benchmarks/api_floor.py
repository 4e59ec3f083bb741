"""The floor under the API's benchmark: a bare FastAPI route that answers with as many bytes, served in the same way."""

import sys

import uvicorn
from fastapi import FastAPI, Response


def main(port: int, size: int) -> None:
    """Serve `/` on the port, with a body of so many bytes, until killed."""
    app, body = FastAPI(openapi_url=None), b"x" * size

    @app.get("/")
    async def floor() -> Response:
        return Response(body, media_type="application/json")

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, server_header=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
