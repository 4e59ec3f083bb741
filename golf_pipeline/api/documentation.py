"""The published OpenAPI, and `GET /docs`, a page to read and try it (Swagger UI), with nothing loaded from elsewhere.

The files come from a package in the lock, so the page works where there is no internet, and its policy allows this
service's own files and the one script of the page itself.
"""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

from golf_pipeline.api.problems import Problem

FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_CACHED = {"Cache-Control": "public, max-age=86400"}
_END_OF_SUMMARY = re.compile(r"[.:;](\s|$)")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
def openapi_document(request: Request) -> Response:
    """The document itself, rendered once; in a thread, as the first time takes most of a second."""
    state = request.app.state
    if not hasattr(state, "openapi_document"):
        state.openapi_document = json.dumps(request.app.openapi(), ensure_ascii=False).encode()
    return Response(state.openapi_document, media_type="application/json")


@router.get("/docs")
async def documentation(request: Request) -> HTMLResponse:
    """The page."""
    page, policy = _page(request.app.title)
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


@router.get("/docs/{name}")
def documentation_file(name: str) -> FileResponse:
    """A script or a style of the page."""
    if name not in FILES:
        raise Problem(404, "NOT_FOUND", "There is no such file.")
    folder = Path(str(files("fastapi_offline") / "static"))
    return FileResponse(folder / name, media_type=FILES[name], headers=_CACHED)


def readable(document: dict[str, Any]) -> dict[str, Any]:
    """Correct an OpenAPI document: FastAPI's summaries are names of functions, and it drops nulls from examples.

    The summary of an operation is how its description begins. An example shows every field that an answer must have.
    """
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            told = " ".join(operation.get("description", "").split())
            if told:
                operation["summary"] = _END_OF_SUMMARY.split(told)[0]
    for schema in document.get("components", {}).get("schemas", {}).values():
        for example in schema.get("examples", ()):
            example.update(dict.fromkeys(set(schema.get("required", ())) - set(example)))
    return document


@cache
def _page(title: str) -> tuple[str, str]:
    """The page and its Content-Security-Policy, which names the page's own script by its hash."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=title,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    text = bytes(page.body).decode()
    scripts = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in _SCRIPT.findall(text)]
    allowed = " ".join(f"'sha256-{one}'" for one in scripts)
    policy = (
        f"default-src 'none'; script-src 'self' {allowed}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return text, policy
