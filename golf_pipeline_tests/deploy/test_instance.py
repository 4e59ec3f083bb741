"""The deployed Dagster instance on a real PostgreSQL, and what starts a deployment on it."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from golf_pipeline_tests.deploy.conftest import DEPLOY

OWN = {"storage", "local_artifact_storage", "compute_logs"}
"""What a deployment sets and the local stack does not."""


@pytest.fixture
def environment(database_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The variables of a part of compose.yaml, with a home as the image has it."""
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    data.mkdir()
    (home / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    return {**database_environment, "DAGSTER_HOME": str(home), "GOLF_DATA_FOLDER": str(data)}


@dg.op
def measure() -> int:
    return 42


@dg.job
def tiny() -> None:
    measure()


def test_a_job_runs_on_the_instance_and_its_history_is_in_postgresql(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.run_storage, PostgresRunStorage)
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert isinstance(instance.schedule_storage, PostgresScheduleStorage)
        result = tiny.execute_in_process(instance=instance)
        assert result.output_for_node("measure") == 42
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        assert (run.job_name, run.status) == ("tiny", dg.DagsterRunStatus.SUCCESS)
        kinds = [entry.dagster_event_type for entry in instance.all_logs(run.run_id)]
        assert dg.DagsterEventType.STEP_SUCCESS in kinds
    home = Path(environment["DAGSTER_HOME"])
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"], (
        "the home is part of an image: nothing is written"
    )


def test_what_the_code_server_does_first_works_on_an_empty_database(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "golf_pipeline.local.crashed_runs"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_the_deployed_instance_is_the_local_one_but_for_where_things_are() -> None:
    local = yaml.safe_load((DEPLOY.parent / "dagster.yaml").read_text(encoding="utf-8"))
    deployed = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    assert {name: section for name, section in deployed.items() if name not in OWN} == local
    assert set(deployed) - set(local) == OWN
    database = deployed["storage"]["custom"]["config"]["postgres_db"]
    assert database["scheme"] == "postgresql+psycopg2", "SQLAlchemy 2.1 takes postgresql:// for psycopg 3"
    assert database["password"] == {"env": "DAGSTER_PG_PASSWORD"}
