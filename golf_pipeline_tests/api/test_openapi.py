"""The published OpenAPI document held against the running service: requests made from it, by the thousand."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from golf_pipeline.api.app import create_app
from golf_pipeline.settings import Settings
from golf_pipeline.storage.coaches import create_session, name_coaches
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.api.conftest import serving
from golf_pipeline_tests.api.finished import Swings
from golf_pipeline_tests.api.issuer import TestIssuer
from golf_pipeline_tests.api.test_video import analysis
from golf_pipeline_tests.coach.conftest import findings, metrics, report, segmentation
from golf_pipeline_tests.databases import sqlite_catalog

__all__ = ["analysis", "findings", "metrics", "report", "segmentation"]

ENDLESS = "/api/v1/realtime/events"
"""A stream has no end to be held against a schema; `test_notices.py` reads it."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

KNOWN_IDS = {
    "job_id": "finished",
    "analysis_id": "finished",
    "other_id": "another",
    "user_id": "ann",
    "drill_id": "pump_drill",
    "artifact": "report",
}


@pytest.fixture(scope="module")
def service(
    s3_url: str, tmp_path_factory: pytest.TempPathFactory, tokens: TestIssuer, analysis: SwingAnalysis
) -> Iterator[httpx.Client]:
    """The API over a catalog with swings in several states, without the limits that a flood would meet."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ACCESS_KEY_ID", "test")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "test")
        catalog = sqlite_catalog(tmp_path_factory.mktemp("openapi"))
        store = ObjectStore.connect("published", s3_url, "us-east-1")
        store.client.create_bucket(Bucket=store.bucket)
        swings = Swings(catalog, store, analysis)
        for name in ("finished", "another", "spare"):
            swings.finished(name)
        swings.uploaded("waiting")
        create_session(catalog.engine, "ann", "Monday", "", ("ann",))
        with catalog.engine.begin() as connection:
            name_coaches(connection, "bob", ("ann",))
        unlimited = {"requests_per_minute_per_ip": 10**6, "chat_requests_per_user_hour": 10**6}
        app = create_app(
            Settings(bucket=store.bucket, uploads_per_user_hour=10**6, **unlimited, **tokens.settings), catalog, store
        )
        with serving(app) as client:
            yield client
        catalog.engine.dispose()


CALLERS: dict[str, tuple[str, ...] | None] = {"guest": None, "user": (), "coach": ("coach",), "admin": ("admin",)}
CHANGES = ("/reanalyze", "/api/v1/swings/{analysis_id}")
"""Where a swing is ended or begun again: those get one of their own, so that the others find theirs finished."""


@pytest.mark.parametrize("examples", [5, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_no_request_breaks_the_service_or_its_own_contract(
    examples: int, service: httpx.Client, tokens: TestIssuer
) -> None:
    document = service.get("/openapi.json").json()
    broken = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        if operation.path == ENDLESS:
            continue
        for mode in schemathesis.GenerationMode:
            try:
                _hold(operation, mode, examples, service, tokens)
            except Unsatisfiable:
                continue  # an operation that takes nothing cannot be asked wrongly
            except FailureGroup as failures:
                broken += [f"{operation.label} ({mode.value}): {one}" for one in failures.exceptions]
            except Failure as failure:
                broken.append(f"{operation.label} ({mode.value}): {failure}")
    assert not broken, "\n\n".join(broken)


def test_every_example_is_what_its_schema_says(service: httpx.Client) -> None:
    document = service.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    shown, broken = 0, []
    for name, schema in schemas.items():
        validator = Draft202012Validator({"components": document["components"], "$ref": f"#/components/schemas/{name}"})
        for example in schema.get("examples", ()):
            shown += 1
            broken += [f"{name}: {error.json_path} {error.message}" for error in validator.iter_errors(example)]
    assert not broken, "\n".join(broken)
    assert shown >= 20
    assert schemas["Results"]["examples"][0]["completed_at"] is None, "what may be null is shown as null"


def test_every_operation_has_a_summary_that_is_no_function_name(service: httpx.Client) -> None:
    operations = [one for path in service.get("/openapi.json").json()["paths"].values() for one in path.values()]
    summaries = [one["summary"] for one in operations]
    assert all(one["description"].replace("\n", " ").startswith(one["summary"]) for one in operations)
    assert len(set(summaries)) == len(operations)


def _hold(
    operation: Any, mode: schemathesis.GenerationMode, examples: int, service: httpx.Client, tokens: TestIssuer
) -> None:
    """Make requests of one operation, right or wrong ones, each by every caller."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def hold(case: schemathesis.Case) -> None:
        changes = case.method != "GET" and case.path.endswith(CHANGES)
        for name in set(case.path_parameters or {}) & set(KNOWN_IDS):
            # Ids that exist, about half of the time: random ones are nobody's, and would only ever meet a 404.
            if len(str(case.path_parameters[name])) % 2 == 0:
                case.path_parameters[name] = "spare" if changes else KNOWN_IDS[name]
        for roles in CALLERS.values():
            headers = {} if roles is None else tokens.headers("ann", *roles)
            case.call_and_validate(base_url=str(service.base_url), headers=headers, checks=CHECKS)

    hold()
