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
        ("metrics.toml", 'unit = "deg"', 'unit = ["deg"]', r"metrics\.toml: metric\.spine_forward_bend\.unit"),
        ("metrics.toml", "noise = 1.1", 'noise = "small"', r"metrics\.toml: metric\.spine_forward_bend\.noise"),
        ("metrics.toml", "noise = 1.1", "", r"spine_forward_bend: .*needs `noise`"),
        ("metrics.toml", "[17.0, 47.0]", "[47.0, 17.0]", r"spine_forward_bend\.readings\.0: .*low end"),
        ("metrics.toml", 'id = "posture_change"', 'id = "spine_forward_bend"', r"id spine_forward_bend is given twice"),
        ("metrics.toml", "definition =", "formula =", r"spine_forward_bend\.definition: .*; .*\.formula: Extra"),
        (
            "faults.toml",
            'phase = "impact"',
            'phase = "toe_up"',
            r"loss_of_posture\.primary\.phase: .*not read at toe_up",
        ),
        (
            "faults.toml",
            'phase = "impact"',
            'phase = "impakt"',
            r"faults\.toml: fault\.loss_of_posture\.primary\.phase",
        ),
        ("faults.toml", 'metric = "pelvis_thrust"', 'metric = "thrust"', r"early_extension\.primary\.metric: thrust"),
        ("faults.toml", 'unit = "deg"', 'unit = "rad"', r"loss_of_posture\.primary\.unit: rad"),
        ("faults.toml", "alone = -13.0", "alone = -7.0", r"loss_of_posture\.primary: .*weaker"),
        ("faults.toml", "critical = -18.0", "critical = 18.0", r"loss_of_posture: .*beyond"),
        ("faults.toml", "stood up by {size} at impact", "stood up by 9°", r"loss_of_posture\.primary: .*no number"),
        ("faults.toml", "was at {signed}", "was at {size}", r"hanging_back\.primary: .*either sign"),
        ("faults.toml", '"head_against_wall"', '"head_against_door"', r"head_against_door is unknown"),
        ("drills.toml", 'fault_ids = ["sway"]', 'fault_ids = ["swey"]', r"trail_hip_wall"),
        ("drills.toml", 'dose = "', "dose = ", r"drills\.toml"),
        ("drills.toml", "dose =", "amount =", r"drills\.toml: drill\.head_against_wall\.dose"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_field(folder: Path, name: str, old: str, new: str, named: str) -> None:
    edit(folder, name, old, new)
    with pytest.raises(knowledge.KnowledgeError, match=f"(?s){named}"):
        knowledge.load(folder)


def test_the_files_are_read_once_a_process() -> None:
    assert knowledge.load() is knowledge.load()


def test_no_drill_or_fault_promises_to_heal_or_names_an_injury() -> None:
    known = knowledge.load()
    texts = [text for drill in known.drills.values() for text in (drill.name, drill.how, drill.dose, drill.cue)]
    texts += [text for one in known.faults.values() for text in (one.explanation, *one.causes, *one.ball_flight)]
    for word in ("pain", "injur", "hurt", "heal", "cure", "diagnos", "symptom"):
        assert not [text for text in texts if word in text.lower()]
