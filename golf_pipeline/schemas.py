"""The published JSON schemas, made from the models so that they cannot drift; a test holds `docs/` to them."""

import json
from pathlib import Path

from pydantic import BaseModel

from golf_pipeline.storage.result import ResultDocument
from golf_pipeline.swing.compare import SwingComparison
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline.swing.profile import SwingProfile


def analysis_schema() -> str:
    """The schema of `analysis.json` as JSON text."""
    return _schema(SwingAnalysis)


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Write every published schema into a folder and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    documents: dict[str, type[BaseModel]] = {
        "analysis": SwingAnalysis,
        "comparison": SwingComparison,
        "profile": SwingProfile,
        "result": ResultDocument,
    }
    written = []
    for name, model in documents.items():
        path = folder / f"{name}.schema.json"
        path.write_text(_schema(model), encoding="utf-8")
        written.append(path)
    return tuple(written)


def _schema(model: type[BaseModel]) -> str:
    return json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"
