"""Imports point down: the rule of the house, held by reading every import of every module."""

import ast
from pathlib import Path

import pytest

import golf_pipeline

PACKAGE = Path(golf_pipeline.__file__).parent

MAY_IMPORT = {
    "swing": {"swing"},
    "synthetic": {"synthetic", "swing"},
    "training": {"training", "swing"},
    "benchmarks": {
        "benchmarks",
        "coach",
        "training",
        "synthetic",
        "swing",
        "settings",
        "model_download",
        "progress",
        "storage",
        "local",
        "orchestration",
    },
    "storage": {"storage", "coach", "swing", "settings", "failures"},
    "coach": {"coach", "swing", "settings"},
    "orchestration": {"orchestration", "coach", "storage", "swing", "settings", "model_download", "alarms", "notify"},
    "api": {"api", "coach", "storage", "swing", "settings", "alarms", "failures"},
}
LAYERED = sorted(path for layer in MAY_IMPORT for path in (PACKAGE / layer).rglob("*.py"))
"""All others (definitions, cli, local and the top modules) may import everything."""

FOREIGN_TO_SWING = {"dagster", "boto3", "botocore", "fastapi", "sqlalchemy", "requests", "httpx", "urllib", "openai"}


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", LAYERED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_own_layer_or_below(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0]
    ours = {name.split(".")[1] for name in imported_modules(path) if name.startswith("golf_pipeline.")}
    assert ours - {"__version__"} <= MAY_IMPORT[layer]


@pytest.mark.parametrize("path", sorted((PACKAGE / "swing").rglob("*.py")), ids=lambda path: path.name)
def test_the_core_knows_no_dagster_no_cloud_and_no_network(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported_modules(path)} & FOREIGN_TO_SWING


def test_the_rule_reads_the_imports_inside_functions_too(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def late():\n    from golf_pipeline import api\n    import dagster\n")
    assert {"golf_pipeline.api", "dagster"} <= imported_modules(module)
