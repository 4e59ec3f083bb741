"""A swing through all parts of compose.yaml, started by its commands (`machine.py`).

The database is a real PostgreSQL, the AWS the embedded one with the stack of the template.
"""

import time
from pathlib import Path

import httpx
import pytest

from golf_pipeline.synthetic import clip
from golf_pipeline_tests.deploy.conftest import Create, CreatedStack
from golf_pipeline_tests.deploy.machine import PATIENCE_S, Machine, machine_in, running

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")]

SAMPLE = Path(clip.__file__).parent / "samples" / "face_on_right.mp4"


@pytest.fixture
def stack(create: Create) -> CreatedStack:
    stack = create()
    stack.complete()
    return stack


@pytest.fixture
def machine(stack: CreatedStack, database_environment: dict[str, str], tmp_path: Path) -> Machine:
    return machine_in(tmp_path, stack, database_environment)


@pytest.mark.timeout(900)
def test_a_swing_goes_through_all_parts_as_compose_starts_them(machine: Machine) -> None:
    assert not machine.is_healthy("api"), "a health check must be able to fail"
    with running(machine, ["api", "code"]) as first:
        for name, process in first.items():
            machine.wait_until_healthy(name, process)
        with running(machine, ["daemon", "webserver"]) as second:
            for name, process in second.items():
                machine.wait_until_healthy(name, process)
            result = upload_and_wait(machine)
    assert result["status"] == "completed", result
    files = [path.name for path in machine.home.rglob("*") if path.is_file()]
    assert files == ["dagster.yaml"], "the home is part of an image: nothing is written"


def upload_and_wait(machine: Machine) -> dict[str, object]:
    video = SAMPLE.read_bytes()
    with httpx.Client(base_url=f"http://127.0.0.1:{machine.ports['api']}", timeout=30) as api:
        asked = {"fileName": "swing.mp4", "contentType": "video/mp4", "contentLength": len(video)}
        given = api.post("/api/video/presigned-url", json=asked).raise_for_status().json()
        httpx.put(given["uploadUrl"], content=video, headers=given["headers"], timeout=30).raise_for_status()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            result: dict[str, object] = api.get(f"/api/video/results/{given['jobId']}").raise_for_status().json()
            if result["status"] in {"completed", "failed"} or time.monotonic() > deadline:
                return result
            time.sleep(1)
