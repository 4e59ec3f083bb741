"""Whether the service lives, whether what it needs answers, and its metrics."""

import hmac
import ipaddress
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from golf_pipeline import __version__
from golf_pipeline.api import metrics
from golf_pipeline.api.edge import settings_of
from golf_pipeline.api.gauges import Gauges
from golf_pipeline.api.identity import bearer_token, identify
from golf_pipeline.api.probes import outcomes
from golf_pipeline.api.problems import Problem, documented

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    version: str = __version__


class Readiness(BaseModel):
    status: Literal["ready", "not ready"]
    checks: dict[str, str]


@router.get("/health", operation_id="getHealth")
async def health() -> Health:
    """The process is up. Says nothing of what it depends on: a restart would not heal that."""
    # On the event loop: threads may all be waiting for S3, and that is no reason to end the process.
    return Health()


@router.get("/ready", operation_id="getReadiness", responses={503: {"model": Readiness}})
def ready(request: Request, response: Response) -> Readiness:
    """Whether the catalog and S3 answer in time; 503 names the one that does not."""
    checks = outcomes(request.app.state.probes)
    if any(outcome != "ok" for outcome in checks.values()):
        response.status_code = 503
        return Readiness(status="not ready", checks=checks)
    return Readiness(status="ready", checks=checks)


_FORWARDED = ("x-forwarded-", "forwarded", "x-real-ip", "via", "cf-connecting-ip", "true-client-ip")
"""How the names of headers begin that proxies add; not all proxies add one."""


async def scraping(request: Request, token: Annotated[str | None, Depends(bearer_token)]) -> None:
    """Whoever may read the metrics: they tell how much the service is used and what it costs.

    With GOLF_METRICS_TOKEN its bearer (and an admin); without it an admin, and whoever is on this machine. A request
    that a proxy passed on is not from this machine, even where the proxy is.

    Raises:
        Problem: 401 and 403, the caller is none of these.
    """
    secret = settings_of(request).metrics_token
    if (
        secret is not None
        and token is not None
        and hmac.compare_digest(token.encode(), secret.get_secret_value().encode())
    ):
        return
    if secret is None and token is None and _is_on_this_machine(request):
        return
    if token is None:
        raise Problem(401, "SIGN_IN_NEEDED", "Metrics need the token of GOLF_METRICS_TOKEN, or an admin's.")
    if not (await identify(request, token)).is_admin:
        raise Problem(403, "ROLE_NEEDED", "Metrics are for operators.")


def _is_on_this_machine(request: Request) -> bool:
    if request.client is None or any(name.startswith(_FORWARDED) for name in request.headers):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    dependencies=[Depends(scraping)],
    responses={**documented(401, 403, 503), 200: {"content": {"text/plain": {}}, "description": "Prometheus' format"}},
)
def get_metrics(request: Request) -> Response:
    """Counters of all workers of this machine, and gauges of the catalog and the queue as they are now."""
    gauges: Gauges = request.app.state.gauges
    return Response(metrics.counted() + gauges.text(), media_type=CONTENT_TYPE_LATEST)
