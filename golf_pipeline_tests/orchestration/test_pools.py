"""The pool of the model's API: a step that finds it full waits, keeps no core busy, and goes on when it may."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

from golf_pipeline.definitions import build_defs
from golf_pipeline.orchestration.pools import MODEL_API
from golf_pipeline_tests.orchestration.conftest import Cloud, in_thread, run_swings, steps

SAMPLES = Path(__file__).parents[2] / "golf_pipeline" / "synthetic" / "samples"


@pytest.fixture
def with_one_slot(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(
        temp_dir=str(tmp_path), overrides={"concurrency": {"default_op_concurrency_limit": 1}}
    ) as instance:
        yield instance


def test_only_the_coaching_is_in_the_pool(cloud: Cloud) -> None:
    job = build_defs(cloud.settings).resolve_job_def("swing_job")
    pools = {
        node.name: node.definition.pool for node in job.graph.nodes if isinstance(node.definition, dg.OpDefinition)
    }
    assert {name for name, pool in pools.items() if pool} == {"coaching_report"}
    assert pools["coaching_report"] == MODEL_API


def test_a_coaching_that_finds_the_pool_full_waits_without_asking_on_and_on(
    cloud: Cloud, with_one_slot: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, looks, blocked = with_one_slot.event_log_storage, [], threading.Event()
    claim = InstanceConcurrencyContext.claim

    def counted(self: InstanceConcurrencyContext, *args: object, **named: object) -> bool:
        looks.append(claim(self, *args, **named))  # type: ignore[arg-type]
        if not looks[-1]:
            blocked.set()
        return looks[-1]

    monkeypatch.setattr(InstanceConcurrencyContext, "claim", counted)
    storage.initialize_concurrency_limit_to_default(MODEL_API)
    assert storage.claim_concurrency_slot(MODEL_API, "another run", "coaching_report").is_claimed

    def free_later() -> None:
        assert blocked.wait(120)
        time.sleep(3)
        storage.free_concurrency_slots_for_run("another run")

    freeing = in_thread(free_later)
    cloud.upload("golf-swings/ann/one.mp4", SAMPLES / "face_on_right.mp4")
    result = run_swings(cloud, with_one_slot, ["one"])
    freeing.join()
    assert result.success
    assert "coaching_report" in steps(result, "ENGINE_EVENT"), "the run's page says that it waits"
    assert looks[0] is False
    assert looks[-1] is True
    assert len(looks) < 20, "without a pause it asks thousands of times in these seconds"
    assert storage.get_concurrency_info(MODEL_API).active_slot_count == 0, "it gave its place back"
