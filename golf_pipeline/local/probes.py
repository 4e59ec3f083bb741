"""Whether a part of the stack is ready: each probe asks the part itself and answers with what is still missing.

A probe returns None when its part is ready, else one line about why not. It never raises and never waits long: the
stack asks again. What runs in a part that starts badly is told by its log, which the stack shows.
"""

from collections.abc import Callable
from typing import Any

from golf_pipeline.local.http import post_json, request
from golf_pipeline.local.ports import HOST

PROBE_TIMEOUT_S = 5.0
Probe = Callable[[], str | None]

LOCATIONS = """{ workspaceOrError { __typename ... on Workspace { locationEntries { name loadStatus
  locationOrLoadError { __typename ... on PythonError { message } } } } ... on PythonError { message } } }"""
DAEMONS = """{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy
  lastHeartbeatTime lastHeartbeatErrors { message } } } } }"""


def answers(port: int, path: str) -> str | None:
    """Does GET `path` succeed?"""
    try:
        answer = request("GET", f"http://{HOST}:{port}{path}", timeout_s=PROBE_TIMEOUT_S)
    except OSError as error:
        return str(error)
    return None if answer.ok else f"GET {path} answers {answer}"


def code_server_serves(port: int) -> str | None:
    """Does the gRPC server of the definitions report itself as serving?"""
    import grpc  # type: ignore[import-untyped]
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

    try:
        with grpc.insecure_channel(f"{HOST}:{port}") as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            answer = check(health_pb2.HealthCheckRequest(service="DagsterApi"), timeout=PROBE_TIMEOUT_S)
    except grpc.RpcError as error:
        return str(error.code())
    return None if answer.status == health_pb2.HealthCheckResponse.SERVING else "not serving"


def definitions_loaded(port: int) -> str | None:
    """Has the webserver loaded the definitions from the code server, without an error?"""
    try:
        workspace = graphql(port, LOCATIONS)["workspaceOrError"]
    except (OSError, ValueError, KeyError) as error:
        return str(error)
    if workspace["__typename"] != "Workspace":
        return str(workspace.get("message", workspace))
    for entry in workspace["locationEntries"]:
        loaded = entry["locationOrLoadError"]
        if loaded is None or entry["loadStatus"] != "LOADED":
            return f"{entry['name']} is loading"
        if loaded["__typename"] == "PythonError":
            return f"{entry['name']}: {loaded['message']}"
    return None if workspace["locationEntries"] else "no code location"


def daemon_beats(port: int, since: float) -> str | None:
    """Has every required daemon sent a heartbeat since the Unix time `since`? (A beat of an earlier run is no life.)"""
    try:
        statuses = graphql(port, DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
    except (OSError, ValueError, KeyError) as error:
        return str(error)
    late = [s["daemonType"] for s in statuses if s["required"] and (s["lastHeartbeatTime"] or 0.0) < since]
    return f"no heartbeat from {', '.join(late)}" if late else None


def graphql(port: int, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask Dagster's webserver.

    Raises:
        OSError: no answer, or none of its own.
        ValueError: the query failed.
    """
    answer = post_json(f"http://{HOST}:{port}/graphql", {"query": query, "variables": variables or {}})
    if not answer.ok:
        raise OSError(f"/graphql answers {answer}")
    document = answer.json()
    if document.get("errors"):
        raise ValueError(str(document["errors"][0].get("message")))
    data: dict[str, Any] = document["data"]
    return data
