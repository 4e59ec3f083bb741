"""The knowledge files hold together, and a mistake in one is reported with its file and field."""

import shutil
from pathlib import Path

import pytest

from golf_pipeline.swing import knowledge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in knowledge.FOLDER.glob("*.toml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def test_every_threshold_and_corridor_names_its_source() -> None:
    known = knowledge.load()
    for metric in known.metrics.values():
        assert metric.noise_source
        assert all(reading.corridor_source for reading in metric.readings if reading.corridor)
    signals = [one for fault in known.faults.values() for one in (fault.primary, fault.supporting) if one]
    assert signals
    assert all(signal.source for signal in signals)


def test_every_drill_answers_a_fault_that_asks_for_it() -> None:
    known = knowledge.load()
    asked = {drill_id for fault in known.faults.values() for drill_id in fault.drills}
    assert asked == set(known.drills)


@pytest.mark.parametrize(
    ("name", "old", "new", "named"),
    [
        ("metrics.toml", 'unit = "deg"', 'unit = ["deg"]', r"metrics\.toml.*metric\.0\.unit"),
        ("metrics.toml", 'id = "posture_change"', 'id = "spine_forward_bend"', r"metrics\.toml: an id is given twice"),
        ("faults.toml", 'phase = "impact", beyond', 'phase = "toe_up", beyond', r"loss_of_posture.*not read at toe_up"),
        ("faults.toml", 'metric = "pelvis_thrust"', 'metric = "thrust"', r"early_extension.*thrust"),
        ("faults.toml", '"head_against_wall"', '"head_against_door"', r"head_against_door is unknown"),
        ("drills.toml", 'dose = "', "dose = ", r"drills\.toml"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_field(folder: Path, name: str, old: str, new: str, named: str) -> None:
    edit(folder, name, old, new)
    with pytest.raises(knowledge.KnowledgeError, match=f"(?s){named}"):
        knowledge.load(folder)
