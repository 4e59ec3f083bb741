"""Whether the service lives, and whether what it needs answers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from golf_pipeline import __version__

CHECK_TIMEOUT_S = 3.0

router = APIRouter(tags=["operations"])
_checkers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="ready")


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    version: str = __version__


class Readiness(BaseModel):
    status: Literal["ready", "not ready"]
    checks: dict[str, str]


@router.get("/health", operation_id="getHealth")
def health() -> Health:
    """The process is up. Says nothing of what it depends on: a restart would not heal that."""
    return Health()


@router.get("/ready", operation_id="getReadiness", responses={503: {"model": Readiness}})
def ready(request: Request, response: Response) -> Readiness:
    """Whether the catalog and S3 answer in time; 503 names the one that does not."""
    asked = {
        "catalog": _checkers.submit(request.app.state.catalog.check),
        "s3": _checkers.submit(request.app.state.store.check),
    }
    checks = {name: _outcome(future.result) for name, future in asked.items()}
    if any(outcome != "ok" for outcome in checks.values()):
        response.status_code = 503
        return Readiness(status="not ready", checks=checks)
    return Readiness(status="ready", checks=checks)


def _outcome(wait: Callable[[float], object]) -> str:
    try:
        wait(CHECK_TIMEOUT_S)
    except TooLate:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:
        return type(error).__name__
    return "ok"
