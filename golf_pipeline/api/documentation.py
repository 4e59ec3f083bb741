"""`GET /docs`: the published OpenAPI as a page to read and try.

The page's script and style come from a public CDN, pinned to one version, and only this page may load them (its own
Content-Security-Policy; all other answers may load nothing). Where the CDN cannot be reached, the page says so and
links to the document, which is all of ours.
"""

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

CDN = "https://cdn.jsdelivr.net"
SWAGGER_UI = f"{CDN}/npm/swagger-ui-dist@5.17.14"
_EMPTY = '<div id="swagger-ui">'
_TOLD = (
    "<p>This page needs JavaScript and cdn.jsdelivr.net. If nothing more appears, read "
    '<a href="/openapi.json">the OpenAPI document</a> itself.</p>'
)
_POLICY = (
    f"default-src 'none'; script-src {CDN} 'unsafe-inline'; style-src {CDN} 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def documentation(request: Request) -> HTMLResponse:
    """The page."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=request.app.title,
        swagger_js_url=f"{SWAGGER_UI}/swagger-ui-bundle.js",
        swagger_css_url=f"{SWAGGER_UI}/swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    text = bytes(page.body).decode().replace(_EMPTY, _EMPTY + _TOLD)
    return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})
