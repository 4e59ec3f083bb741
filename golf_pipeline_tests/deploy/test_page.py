"""docs/deploy.md says nothing that is not so: its settings, parameters, outputs and files exist."""

import re

from golf_pipeline.settings import Settings
from golf_pipeline_tests.deploy.conftest import DEPLOY, template

PROJECT = DEPLOY.parent
PAGE = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")


def test_its_settings_exist() -> None:
    named = set(re.findall(r"\bGOLF_[A-Z0-9_]*[A-Z0-9]\b", PAGE))
    assert named <= {f"GOLF_{name.upper()}" for name in Settings.model_fields}


def test_its_parameters_and_outputs_are_those_of_the_template() -> None:
    [overrides] = re.findall(r"--parameter-overrides (.*?)```", PAGE, re.DOTALL)
    given = set(re.findall(r"\b([A-Z]\w+)=", overrides))
    parameters = template()["Parameters"]
    assert given <= set(parameters)
    assert {name for name, one in parameters.items() if "Default" not in one} <= given
    assert "DeadLetterQueueUrl" in template()["Outputs"]
    assert {"ApiTaskRole", "PipelineTaskRole"} <= set(template()["Resources"])


def test_what_it_puts_beside_the_compose_file_is_read_there() -> None:
    [variables] = re.findall(r"```\n(IMAGE=.*?)```", PAGE, re.DOTALL)
    for line in variables.split():
        assert f"${{{line.partition('=')[0]}:" in COMPOSE, line


def test_its_files_exist() -> None:
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", PAGE)) - {"deploy/golf.env", "deploy/secrets", "deploy/.env"}
    for name in named:
        assert (PROJECT / name).exists(), name
