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
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


class Problem(Exception):
    """An error to answer with; `headers` go with the answer."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail, self.headers = status, code, detail, dict(headers or {})


class ProblemDocument(BaseModel):
    """What every error answer holds."""

    type: str = Field("about:blank", description="always about:blank: `code` says what happened")
    title: str
    status: int
    code: str = Field(description="stable; clients branch on it")
    detail: str = Field(description="a sentence for people")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="the fields that are wrong, if any")


_MEANING = {
    400: "The request is not one that this service can read",
    401: "No token came where one is needed, or one that is not valid",
    403: "The caller may not do this, or storage does not let us read the upload",
    404: "There is no such thing for this caller",
    408: "The body of the request took too long",
    409: "It cannot be done now: there is no result yet, or the same request is still under way",
    410: "It was deleted",
    412: "It was changed in the meantime: the If-Match header names an older state",
    413: "The body or the announced video is too large",
    414: "The address of the request is too long",
    415: "The body has a media type that this route does not take",
    422: "A field is missing or not valid, or an Idempotency-Key came with another request before",
    428: "An If-Match header is needed",
    429: "Too many requests; Retry-After tells when to come back",
    431: "The headers of the request are too large",
    500: "A fault of this service",
    503: "Storage or the catalog does not answer; try again",
}


EDGE_STATUSES = (400, 408, 413, 414, 431, 500)
"""What any request may be answered with before a route sees it, or because a route has a fault."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of a route that may answer with these errors.

    Raises:
        KeyError: a status that no answer of this service has.
    """
    return {status: {"model": ProblemDocument, "description": _MEANING[status]} for status in statuses}


def publish_media_type(document: dict[str, Any]) -> dict[str, Any]:
    """Correct an OpenAPI document: FastAPI gives documented errors the media type of the route's success.

    It also publishes its own shape of a 422 where a route documents none; what is sent is ours.
    """
    schemas = document.get("components", {}).get("schemas", {})
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            for response in operation["responses"].values():
                schemas_sent = [sent.get("schema", {}) for sent in response.get("content", {}).values()]
                for one in schemas_sent:
                    if "$ref" in one:  # of a stream FastAPI says that it is a text, beside what its events hold
                        one.pop("type", None)
                kind = next((one["$ref"].rpartition("/")[2] for one in schemas_sent if "$ref" in one), "")
                if kind in {"ProblemDocument", "HTTPValidationError"}:
                    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
                if kind == "HTTPValidationError":
                    response["description"] = _MEANING[422]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
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
        told.setdefault("Retry-After", str(RETRY_AFTER_S))
    if status == 401:
        told.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(document.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=told)


def answer_to_bug() -> JSONResponse:
    return answer(500, ErrorCode.INTERNAL, "Something went wrong on our side. Please try again later.")


def install(app: FastAPI) -> None:
    """Make every error of the app answer in the one shape."""

    @app.exception_handler(Problem)
    async def on_problem(_: Request, error: Problem) -> JSONResponse:
        return answer(error.status, error.code, error.detail, headers=error.headers)

    @app.exception_handler(SwingError)
    async def on_swing_error(_: Request, error: SwingError) -> JSONResponse:
        sentence = error.message
        if error.code == ErrorCode.STORAGE_UNAVAILABLE:
            # The error's own sentence is about a video in work, and its detail begins with a key that names a golfer.
            sentence = "Our storage does not answer. Please try again in a moment."
            log.error("storage does not answer: %s", error.detail.rpartition(": ")[2])
        return answer(_STATUS_OF_CODE.get(error.code, 500), error.code, sentence)

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
