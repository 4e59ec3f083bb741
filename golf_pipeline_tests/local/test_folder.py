"""The instance that a local stack writes for Dagster."""

from pathlib import Path

import yaml

from golf_pipeline.local.folder import write_instance
from golf_pipeline_tests.conftest import REPOSITORY


def instance_of(home: Path) -> dict[str, object]:
    document: dict[str, object] = yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8"))
    return document


def test_the_instance_of_a_plain_stack_is_the_one_of_the_project(tmp_path: Path) -> None:
    write_instance(tmp_path)
    assert (tmp_path / "dagster.yaml").read_bytes() == (REPOSITORY / "dagster.yaml").read_bytes()


def test_a_stack_on_postgresql_keeps_its_history_as_a_deployment_does(tmp_path: Path) -> None:
    write_instance(tmp_path, postgres=True)
    deployed = instance_of(REPOSITORY / "deploy")
    assert instance_of(tmp_path) == {**instance_of(REPOSITORY), "storage": deployed["storage"]}


def test_the_number_of_runs_at_once_can_be_another_one(tmp_path: Path) -> None:
    write_instance(tmp_path, max_concurrent_runs=5)
    expected = instance_of(REPOSITORY)
    assert isinstance(expected["run_queue"], dict)
    expected["run_queue"]["max_concurrent_runs"] = 5
    assert instance_of(tmp_path) == expected
