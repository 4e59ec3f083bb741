"""The published schemas are the models' own."""

from pathlib import Path

import pytest

from golf_pipeline.schemas import write_schemas

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("stage", ["analysis", "comparison", "profile", "result"])
def test_the_published_schema_is_what_the_code_writes(stage: str, tmp_path: Path) -> None:
    name = f"{stage}.schema.json"
    assert tmp_path / name in write_schemas(tmp_path)
    assert (DOCS / name).read_text() == (tmp_path / name).read_text(), "run `golf-pipeline schema --out docs`"
