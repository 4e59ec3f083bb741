"""Errors as RFC 9457 problem documents: one shape for all of them, with a stable `code`.

Handlers raise `Problem`; what FastAPI and Starlette raise themselves is put into the same shape. An exception that
nobody expected becomes a 500 that tells the client nothing and the log everything (`edge.Edge` catches it).
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from golf_pipeline.swing.errors import ErrorCode, SwingError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 10
log = logging.getLogger(__name__)

_STATUS_OF_CODE = {
    ErrorCode.NOT_AN_UPLOAD: 422,
    ErrorCode.VIDEO_TOO_LARGE: 413,
    ErrorCode.UPLOAD_DELETED: 404,
    ErrorCode.UPLOAD_FORBIDDEN: 403,
    ErrorCode.STORAGE_UNAVAILABLE: 503,
}
_CODE_OF_STATUS = {
    401: "UNAUTHORIZED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
}


class Problem(Exception):
    """An error to answer with."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class ProblemDocument(BaseModel):
    """What every error answer holds."""

    type: str = Field("about:blank", description="always about:blank: `code` says what happened")
    title: str
    status: int
    code: str = Field(description="stable; clients branch on it")
    detail: str = Field(description="a sentence for people")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="the fields that are wrong, if any")


_MEANING = {
    400: "The gateway's user header is not valid",
    401: "A token came that cannot be checked",
    403: "Storage does not let us read the upload",
    404: "There is no such analysis or upload",
    409: "There is no result yet",
    410: "The result was deleted",
    413: "The body or the announced video is too large",
    422: "A field is missing or not valid",
    500: "A fault of this service",
    503: "Storage or the catalog does not answer; try again",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of a route that may answer with these errors."""
    return {status: {"model": ProblemDocument, "description": _MEANING[status]} for status in statuses}


def publish_media_type(document: dict[str, Any]) -> dict[str, Any]:
    """Correct an OpenAPI document: FastAPI gives documented errors the media type of the route's success."""
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            for response in operation["responses"].values():
                body = response.get("content", {}).get("application/json", {})
                if body.get("schema", {}).get("$ref", "").endswith("/ProblemDocument"):
                    response["content"] = {MEDIA_TYPE: body}
    return document


def answer(
    status: int,
    code: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    document = ProblemDocument(
        title=code.replace("_", " ").capitalize(), status=status, code=code, detail=detail, errors=errors or []
    )
    told = dict(headers or {})
    if status == 503:
        told["Retry-After"] = str(RETRY_AFTER_S)
    if status == 401:
        told["WWW-Authenticate"] = "Bearer"
    return JSONResponse(document.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=told)


def answer_to_bug() -> JSONResponse:
    return answer(500, ErrorCode.INTERNAL, "Something went wrong on our side. Please try again later.")


def install(app: FastAPI) -> None:
    """Make every error of the app answer in the one shape."""

    @app.exception_handler(Problem)
    async def on_problem(_: Request, error: Problem) -> JSONResponse:
        return answer(error.status, error.code, error.detail)

    @app.exception_handler(SwingError)
    async def on_swing_error(_: Request, error: SwingError) -> JSONResponse:
        return answer(_STATUS_OF_CODE.get(error.code, 500), error.code, error.message)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # The input is left out: it may hold personal data, and clients know what they sent.
        fields = [{"field": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        return answer(422, "INVALID_REQUEST", "Some fields are missing or not valid.", fields)

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        code = _CODE_OF_STATUS.get(error.status_code, f"HTTP_{error.status_code}")
        return answer(error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    @app.exception_handler(PoolTimeoutError)
    async def on_catalog_gone(_: Request, error: Exception) -> JSONResponse:
        log.error("the catalog does not answer: %s", error)
        return answer(503, "CATALOG_UNAVAILABLE", "Our database does not answer. Please try again in a moment.")
