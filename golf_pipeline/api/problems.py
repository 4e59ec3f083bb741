"""Errors as RFC 9457 problem documents: one shape for all of them, with a stable `code`.

Handlers raise `Problem`; what FastAPI and Starlette raise themselves is put into the same shape, and an unexpected
exception becomes a 500 that tells the client nothing and the log everything.
"""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from golf_pipeline.swing.errors import ErrorCode, SwingError

MEDIA_TYPE = "application/problem+json"
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


class Problem(Exception):  # noqa: N818 RFC 9457's own word
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


def answer(status: int, code: str, detail: str, errors: list[dict[str, Any]] | None = None) -> JSONResponse:
    document = ProblemDocument(
        title=code.replace("_", " ").capitalize(), status=status, code=code, detail=detail, errors=errors or []
    )
    return JSONResponse(document.model_dump(), status_code=status, media_type=MEDIA_TYPE)


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
        return answer(error.status_code, code, str(error.detail))

    @app.exception_handler(Exception)
    async def on_bug(_: Request, error: Exception) -> JSONResponse:
        log.error("unexpected %s", type(error).__name__, exc_info=error)
        return answer(500, ErrorCode.INTERNAL, "Something went wrong on our side. Please try again later.")
