"""The deployment on workers: compose.workers.yaml and its Dagster instance, beside those of one machine."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster_celery.launcher import CeleryRunLauncher

from golf_pipeline.orchestration.worker_launcher import LOST_AFTER_LOOKS, LOST_AFTER_S, WorkerRunLauncher
from golf_pipeline_tests.deploy.conftest import DEPLOY
from golf_pipeline_tests.deploy.test_compose import ENTRYPOINT, OURS, SECRETS, compose

OF_THE_BROKER = ("DAGSTER_CELERY_BROKER", "DAGSTER_CELERY_BACKEND")
OTHERWISE = {
    "run_queue": {"max_concurrent_runs", "max_user_code_failure_retries"},
    "run_monitoring": {"start_timeout_seconds", "poll_interval_seconds"},
}
"""What the instance of workers says in another way than the one of a single machine."""


def with_workers() -> dict[str, Any]:
    """Both compose files as Compose merges them: maps joined, secrets added, all else replaced."""
    base, more = compose(), compose("compose.workers.yaml")
    services = dict(base["services"])
    for name, given in more["services"].items():
        before = base["services"].get(given["extends"]["service"] if "extends" in given else name, {})
        services[name] = {
            **before,
            **given,
            "environment": {**before.get("environment", {}), **given.get("environment", {})},
            "secrets": [*before.get("secrets", []), *given.get("secrets", [])],
            "depends_on": {**before.get("depends_on", {}), **given.get("depends_on", {})},
        }
    return {name: {**base[name], **more[name]} for name in ("secrets", "volumes")} | {"services": services}


def instance_of(file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / file).read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def instance(
    database_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dg.DagsterInstance:
    """The instance as deployed; nobody listens at the broker's address."""
    (tmp_path / "dagster.yaml").write_text((DEPLOY / "dagster-workers.yaml").read_text(encoding="utf-8"))
    results = database_environment["GOLF_CATALOG_URL"].replace("postgresql:", "db+postgresql+psycopg2:")
    more = {
        "DAGSTER_HOME": str(tmp_path),
        "GOLF_DATA_FOLDER": str(tmp_path),
        "DAGSTER_CELERY_BROKER": "redis://127.0.0.1:1/0",
        "DAGSTER_CELERY_BACKEND": results,
        "DAGSTER_RUNS_AT_ONCE": "8",
    }
    for name, value in {**database_environment, **more}.items():
        monkeypatch.setenv(name, value)
    return dg.DagsterInstance.get()


def test_the_instance_hands_its_runs_to_workers_and_keeps_what_it_knows_of_them(instance: dg.DagsterInstance) -> None:
    with instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, WorkerRunLauncher)
        assert isinstance(launcher, CeleryRunLauncher)
        settings = launcher.celery.conf
        assert settings.broker_url == "redis://127.0.0.1:1/0"
        assert settings.result_backend.startswith("db+postgresql+psycopg2://")
        assert (settings.task_acks_late, settings.worker_prefetch_multiplier) == (True, 1), (
            "none waits behind a long run"
        )
        assert not settings.task_reject_on_worker_lost, "Dagster ignores a run that is delivered again"
        assert settings.broker_transport_options["queue_order_strategy"] == "priority"
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 8
        longest = instance.run_monitoring_start_timeout_seconds + instance.run_monitoring_max_runtime_seconds
        assert settings.broker_transport_options["visibility_timeout"] > 2 * longest, "nothing under way comes again"
        assert settings.result_expires > settings.broker_transport_options["visibility_timeout"]
        lost_after = max(LOST_AFTER_S, LOST_AFTER_LOOKS * instance.run_monitoring_poll_interval_seconds)
        assert lost_after < 60


def test_it_is_the_instance_of_one_machine_with_a_launcher_and_what_follows_from_it() -> None:
    one, many = instance_of("dagster.yaml"), instance_of("dagster-workers.yaml")
    assert set(many) - set(one) == {"run_launcher"}
    for section, said in one.items():
        differs = OTHERWISE.get(section, set())
        rest = {name: value for name, value in said.items() if name not in differs}
        assert {name: value for name, value in many[section].items() if name not in differs} == rest, section
        assert all(many[section][name] != said[name] for name in differs)


def test_its_file_is_where_the_parts_look_for_it() -> None:
    home = compose("compose.workers.yaml")["x-dagster-instance"]["DAGSTER_HOME"]
    recipe = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert f"COPY deploy/dagster-workers.yaml {home}/dagster.yaml\n" in recipe
    for name in ("code", "daemon", "webserver", "worker"):
        assert with_workers()["services"][name]["environment"]["DAGSTER_HOME"] == home


def test_what_it_reads_from_the_environment_is_set_for_every_part_of_dagster() -> None:
    read = set(re.findall(r"\{env: (\w+)\}", (DEPLOY / "dagster-workers.yaml").read_text(encoding="utf-8")))
    in_the_image = set(re.findall(r"^\s+(?:ENV )?(\w+)=", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.M))
    for name in ("code", "daemon", "webserver", "worker"):
        service = with_workers()["services"][name]
        assert read <= {*service["environment"], *service["secrets"], *in_the_image}, name


def test_a_worker_has_what_the_code_server_has_and_is_as_confined() -> None:
    services = with_workers()["services"]
    code, worker = services["code"], services["worker"]
    for name in ("image", "cap_drop", "security_opt", "read_only", "init", "env_file", "volumes", "restart"):
        assert worker[name] == code[name], name
    assert set(worker["secrets"]) == set(code["secrets"]) == {*SECRETS, *OF_THE_BROKER}
    assert "code" not in worker["depends_on"], "on another machine there is none"
    assert "crashed_runs" not in str(code["command"]), "runs of workers outlive the code server"


def test_every_part_but_the_broker_is_ours_and_its_secrets_are_files() -> None:
    whole = with_workers()
    assert set(whole["services"]) == {*OURS, "worker", "postgres", "broker"}
    for name, secret in whole["secrets"].items():
        assert secret["file"] == f"secrets/{name}"
    broker = whole["services"]["broker"]
    assert broker["secrets"] == ["BROKER_PASSWORD"]
    assert broker["profiles"] == ["broker"]
    assert broker["ports"] == ["${BROKER_ADDRESS:-127.0.0.1}:6379:6379"]
    assert "requirepass" in broker["command"][2]
    assert "--appendonly yes --maxmemory-policy noeviction" in broker["command"][2], "it forgets nothing"
    assert "api" not in compose("compose.workers.yaml")["services"], "clients notice nothing"


def test_the_health_check_of_a_worker_goes_through_the_entry_point() -> None:
    check = with_workers()["services"]["worker"]["healthcheck"]["test"]
    assert check[:3] == ["CMD", "sh", ENTRYPOINT]
    assert "inspect ping" in check[-1]
