"""compose.yaml and the settings beside it: every name in them exists, and no secret stands in them."""

import re
from importlib.metadata import entry_points
from typing import Any

import pytest
import yaml

from golf_pipeline.settings import Settings
from golf_pipeline_tests.deploy.conftest import DEPLOY

SECRETS = ("GOLF_CATALOG_URL", "GOLF_LINK_KEY", "GOLF_OPENAI_API_KEY", "DAGSTER_PG_PASSWORD")
OURS = ("api", "code", "daemon", "webserver")
ENTRYPOINT = "/opt/golf/entrypoint.sh"
OF_THE_SYSTEM = {"sh", "python", "pg_isready"}


def compose(file: str = "compose.yaml") -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / file).read_text(encoding="utf-8"))
    return loaded


def settings_named() -> set[str]:
    """The settings that have a variable with the prefix."""
    return {f"GOLF_{name.upper()}" for name in Settings.model_fields}


def example() -> dict[str, str]:
    lines = (DEPLOY / "golf.env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_parts_are_the_four_of_the_image_and_a_database() -> None:
    services = compose()["services"]
    assert set(services) == {*OURS, "postgres"}
    for name in OURS:
        assert services[name]["image"].startswith("${IMAGE:?")


@pytest.mark.parametrize("name", OURS)
def test_each_part_can_do_little_on_its_machine(name: str) -> None:
    service = compose()["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert not {"privileged", "network_mode", "pid", "user", "cap_add"} & set(service)


def test_every_setting_that_is_named_exists() -> None:
    for file in ("compose.yaml", "golf.env.example", "dagster.yaml", "entrypoint.sh"):
        named = set(re.findall(r"\bGOLF_[A-Z0-9_]+", (DEPLOY / file).read_text(encoding="utf-8")))
        assert named <= settings_named(), file


def test_the_example_of_the_settings_is_read_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example().items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.cors_origins == ("https://app.example.com",)
    assert settings.oidc_issuer is not None
    assert not set(example()) & set(SECRETS)


def test_secrets_are_files_and_stand_nowhere_else() -> None:
    whole = compose()
    assert {name: one["file"] for name, one in whole["secrets"].items()} == {
        name: f"secrets/{name}" for name in SECRETS
    }
    for service in whole["services"].values():
        assert set(service["secrets"]) <= set(SECRETS)
        assert not set(service.get("environment", {})) & set(SECRETS)
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"golf.env", "secrets/"} <= set(ignored)


def test_each_part_gets_the_secrets_that_it_needs_and_no_other() -> None:
    services = compose()["services"]
    assert "DAGSTER_PG_PASSWORD" not in services["api"]["secrets"], "the API never reads Dagster's history"
    assert services["daemon"]["secrets"] == services["webserver"]["secrets"] == ["DAGSTER_PG_PASSWORD"]
    assert set(services["code"]["secrets"]) == set(SECRETS)


def test_what_the_instance_reads_from_the_environment_is_set_for_every_part_of_dagster() -> None:
    read = set(re.findall(r"\{env: (\w+)\}", (DEPLOY / "dagster.yaml").read_text(encoding="utf-8")))
    in_the_image = set(re.findall(r"^\s+(?:ENV )?(\w+)=", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.M))
    for name in ("code", "daemon", "webserver"):
        service = compose()["services"][name]
        assert read <= {*service["environment"], *service["secrets"], *in_the_image}, name


def test_every_command_is_installed_with_the_project_or_part_of_the_image() -> None:
    known = {script.name for script in entry_points(group="console_scripts")} | OF_THE_SYSTEM
    for name, service in compose()["services"].items():
        for command in (service.get("command"), service.get("healthcheck", {}).get("test", ["CMD"])[1:]):
            if command:
                program = command[command.index(ENTRYPOINT) + 1] if ENTRYPOINT in command else command[0]
                assert program in known, (name, program)


def test_a_health_check_that_needs_a_secret_goes_through_the_entry_point() -> None:
    check = compose()["services"]["daemon"]["healthcheck"]["test"]
    assert check == ["CMD", "sh", ENTRYPOINT, "dagster-daemon", "liveness-check"]


def test_only_this_machine_is_listened_on_unless_told_otherwise() -> None:
    services = compose()["services"]
    ports = {name: service.get("ports", []) for name, service in services.items()}
    assert ports == {
        "api": ["${API_ADDRESS:-127.0.0.1}:8000:8000"],
        "code": [],
        "daemon": [],
        "webserver": ["127.0.0.1:3000:3000"],
        "postgres": [],
    }


def test_the_code_server_is_where_the_workspace_looks_for_it() -> None:
    [location] = yaml.safe_load((DEPLOY / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    server = location["grpc_server"]
    command = compose()["services"][server["host"]]["command"][2]
    assert f"--port {server['port']} " in command
    assert command.endswith(f"--location-name {server['location_name']}")
    assert "golf_pipeline.local.crashed_runs &&" in command


def test_the_database_is_only_for_who_asks_for_it() -> None:
    whole = compose()
    assert whole["services"]["postgres"]["profiles"] == ["postgres"]
    for name in ("api", "code"):
        assert whole["services"][name]["depends_on"]["postgres"]["required"] is False
    assert "CREATE DATABASE dagster;" in (DEPLOY / "postgres-init.sql").read_text(encoding="utf-8")


def test_the_named_volumes_are_declared() -> None:
    whole = compose()
    used = {volume.split(":")[0] for service in whole["services"].values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(whole["volumes"])
    for name in used - set(whole["volumes"]):
        assert (DEPLOY / name).is_file()
