"""The published schemas are the models' own."""

from pathlib import Path

import pytest

from golf_pipeline.schemas import write_schemas

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["analysis.schema.json", "comparison.schema.json", "result.schema.json"])
def test_the_published_schema_is_what_the_code_writes(name: str, tmp_path: Path) -> None:
    write_schemas(tmp_path)
    assert (DOCS / name).read_text() == (tmp_path / name).read_text(), "run `golf-pipeline schema --out docs`"
