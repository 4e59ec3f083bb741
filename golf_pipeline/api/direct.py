"""Routes that many clients poll: documented as all are, but called without FastAPI's solver of dependencies.

The solver walks the whole tree of a route's parameters on every request, which here took a third of the time of an
answer that was already in memory. What it would have found is the same for all of these routes: who is calling, and
the parts of the path, which are texts.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from golf_pipeline.api.access import reading
from golf_pipeline.api.identity import bearer_token, calling


class DirectRoute(APIRoute):
    """A route whose endpoint takes texts of the path, `request`, and `caller` as `AnyCaller` or (by job id) `Reader`.

    It declares nothing else: what it declared would be published and never checked.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint

        async def direct(request: Request) -> Response:
            caller = await calling(request, await bearer_token(request))
            path = request.path_params
            link = request.query_params.get("link") if "job_id" in path else None
            if link is not None:
                caller = await reading(path["job_id"], request, caller, link)
            response: Response = await endpoint(**path, request=request, caller=caller)
            return response

        return direct
