"""The image's recipe, read line by line: no Docker is needed, and none has run here.

What a linter of Dockerfiles would ask, and what this project asks on top: the lock with its hashes, no address of an
index, no secret, nobody's root.
"""

import json
import os
import re
import shlex
import subprocess
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from golf_pipeline.settings import Settings
from golf_pipeline_tests.deploy.conftest import DEPLOY

PROJECT = DEPLOY.parent
ENTRYPOINT = DEPLOY / "entrypoint.sh"


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments), with continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in joined.splitlines()]


def all_of(name: str) -> list[str]:
    return [arguments for instruction, arguments in instructions() if instruction == name]


def variables() -> dict[str, str]:
    """What ENV sets, over both stages."""
    return dict(pair.split("=", 1) for arguments in all_of("ENV") for pair in shlex.split(arguments))


def test_the_base_is_a_named_slim_python_that_the_project_runs_on() -> None:
    [base] = all_of("ARG")
    version = re.fullmatch(r"PYTHON_IMAGE=python:(\d+\.\d+)-slim-[a-z]+", base)
    assert version is not None, "a moving tag such as latest is another image tomorrow"
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f">={version[1]}" == project["requires-python"]
    assert all(arguments.split()[0] == "${PYTHON_IMAGE}" for arguments in all_of("FROM"))


def test_every_package_comes_from_the_lock_with_its_hash_and_no_index_is_named() -> None:
    installs = [one for line in all_of("RUN") for one in line.split("&&") if re.search(r"\bpip\b.* install ", one)]
    [locked, own] = installs
    assert {"--require-hashes", "--no-deps", "--requirement"} <= set(locked.split())
    assert {"--no-deps", "--no-build-isolation", "/build"} <= set(own.split())
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "index" not in text
    assert set(re.findall(r"\w+://[^/\"]+", text)) == {"http://127.0.0.1:{os.environ['GOLF_API_PORT']}"}


def test_only_the_virtual_environment_leaves_the_build_stage_and_no_installer_is_left() -> None:
    names = [name for name, _ in instructions()]
    last_stage = instructions()[len(names) - 1 - names[::-1].index("FROM") :]
    copied = [arguments for name, arguments in last_stage if name == "COPY" and "--from=" in arguments]
    assert copied == ["--from=build /opt/venv /opt/venv"]
    [run] = [arguments for name, arguments in last_stage if name == "RUN"]
    assert "pip uninstall --yes --root-user-action=ignore setuptools wheel pip" in run
    assert "--no-install-recommends" in run
    assert "rm -rf /var/lib/apt/lists/*" in run
    assert not any(tool in run for tool in ("gcc", "build-essential", "curl", "git"))
    assert "--without-pip" in all_of("RUN")[0]
    assert any("uninstall --yes flit-core" in line for line in all_of("RUN"))


def test_it_runs_as_a_user_without_rights() -> None:
    users = all_of("USER")
    assert users[-1] == "10001:10001", "a number: an orchestrator can see that it is not root"
    names = [name for name, _ in instructions()]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")


def test_every_file_that_is_copied_exists_and_is_let_through_to_the_build() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for arguments in all_of("COPY"):
        if not arguments.startswith("--from="):
            for source in arguments.split()[:-1]:
                assert (PROJECT / source).exists(), source
                assert f"!{source}" in ignored, source
    assert not all_of("ADD")


def test_every_variable_is_a_setting_and_none_is_a_secret() -> None:
    for name in variables():
        if name.startswith("GOLF_"):
            assert name.removeprefix("GOLF_").lower() in Settings.model_fields, name
        assert not re.search(r"KEY|PASSWORD|SECRET|TOKEN|URL", name), name


def test_command_and_health_check_are_lists_of_what_is_installed() -> None:
    installed = {script.name for script in entry_points(group="console_scripts")}
    [command], [entry], [check] = all_of("CMD"), all_of("ENTRYPOINT"), all_of("HEALTHCHECK")
    assert json.loads(command)[0] in installed
    assert json.loads(entry) == ["/bin/sh", "/opt/golf/entrypoint.sh"]
    program = json.loads(check.partition(" CMD ")[2])
    assert program[:2] == ["python", "-c"]
    compile(program[2], "health check", "exec")
    assert "/health" in program[2]


def run_entrypoint(secrets: Path, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ENTRYPOINT), *command],
        env={"PATH": os.environ["PATH"], "SECRETS_FOLDER": str(secrets), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_secret_file_becomes_the_variable_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "GOLF_CATALOG_URL").write_text("postgresql://golf:p w'$(id)\"@db/golf\n")
    (tmp_path / "GOLF_LINK_KEY").write_text("")
    (tmp_path / "GOLF_OPENAI_API_KEY").write_text("from the file")
    (tmp_path / "not-a-name").write_text("x")
    ended = run_entrypoint(tmp_path, ["env"], GOLF_OPENAI_API_KEY="from the environment")
    assert "GOLF_CATALOG_URL=postgresql://golf:p w'$(id)\"@db/golf" in ended.stdout.splitlines()
    assert "GOLF_OPENAI_API_KEY=from the environment" in ended.stdout.splitlines()
    assert "GOLF_LINK_KEY" not in ended.stdout
    assert "not-a-name" not in ended.stdout


@pytest.mark.parametrize("status", [0, 3])
def test_the_entry_point_becomes_the_command_and_ends_as_it_does(tmp_path: Path, status: int) -> None:
    ended = run_entrypoint(tmp_path / "absent", ["sh", "-c", f"echo $$; exit {status}"])
    assert (ended.returncode, ended.stderr) == (status, "")
