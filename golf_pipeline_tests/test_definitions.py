"""The code location as Dagster loads it: its graph, its weight and its silence."""

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg

from golf_pipeline.definitions import build_defs
from golf_pipeline.settings import Settings

REPOSITORY = Path(__file__).parents[1]
SNAPSHOT = Path(__file__).parent / "definitions_snapshot.json"
HEAVY = (
    "mediapipe",
    "openai",
    "cv2",
    "scipy.signal",
    "av",
    "boto3",
    "polars",
    "numba",
    "matplotlib",
    "alembic.command",
)
REWRITE = "python -m golf_pipeline_tests.test_definitions"


def describe(defs: dg.Definitions) -> dict[str, object]:
    """The graph in words: what changes here is a change of what is deployed."""
    graph = defs.resolve_asset_graph()
    repository = defs.get_repository_def()
    assets = {
        node.key.to_user_string(): {
            "deps": sorted(key.to_user_string() for key in node.parent_keys),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "partitions": node.partitions_def.name
            if isinstance(node.partitions_def, dg.DynamicPartitionsDefinition)
            else None,
            "checks": sorted(key.name for key in node.check_keys),
        }
        for node in graph.asset_nodes
    }
    jobs = {
        job.name: sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys)
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    sensors = {
        sensor.name: {
            "runs": sorted(target.job_name for target in sensor.targets),
            "every_seconds": sensor.minimum_interval_seconds,
            "default": sensor.default_status.value,
        }
        for sensor in repository.sensor_defs
    }
    schedules = {
        schedule.name: {
            "runs": schedule.job_name,
            "cron": schedule.cron_schedule,
            "default": schedule.default_status.value,
        }
        for schedule in repository.schedule_defs
    }
    return {"assets": assets, "jobs": jobs, "schedules": schedules, "sensors": sensors}


def as_text(defs: dg.Definitions) -> str:
    return json.dumps(describe(defs), indent=2, sort_keys=True) + "\n"


def test_the_graph_is_the_one_that_was_agreed() -> None:
    assert as_text(build_defs(Settings())) == SNAPSHOT.read_text(encoding="utf-8"), f"if meant so: {REWRITE}"


def test_each_asset_says_what_it_is_and_who_owns_it() -> None:
    for node in build_defs(Settings()).resolve_asset_graph().asset_nodes:
        assert node.description and node.description.endswith(".")
        assert node.owners and node.kinds
        assert node.code_version or not node.is_executable  # what golfers make has no version of ours


def test_a_test_may_exchange_the_settings() -> None:
    defs = build_defs(Settings(bucket="other"))
    assert defs.resources is not None
    assert defs.resources["swing_store"].settings.bucket == "other"


def test_importing_the_definitions_imports_nothing_heavy() -> None:
    script = f"import golf_pipeline.definitions, sys; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"
    assert answer.stderr == ""


def test_dagster_validates_the_workspace_without_a_warning(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((REPOSITORY / "dagster.yaml").read_bytes())
    command = [sys.executable, "-W", "always", "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    environment = {"DAGSTER_HOME": str(home), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=REPOSITORY, env=environment
    )
    told = answer.stdout + answer.stderr
    assert answer.returncode == 0, told
    # The command complains about itself: its successor is in a package that is not needed for anything else.
    own = [line for line in told.splitlines() if "definitions_validate_command" not in line]
    assert not [line for line in own if "Warning" in line]


if __name__ == "__main__":
    SNAPSHOT.write_text(as_text(build_defs(Settings())), encoding="utf-8")
