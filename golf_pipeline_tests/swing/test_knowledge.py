"""The knowledge files hold together, and a mistake in one is reported with its file and field."""

import re
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
        ("metrics.toml", "noise = 5.1", 'noise = "small"', r"metrics\.toml: metric\.spine_forward_bend\.noise"),
        ("metrics.toml", "noise = 5.1", "", r"spine_forward_bend: .*needs `noise`"),
        ("metrics.toml", "[17.0, 47.0]", "[47.0, 17.0]", r"spine_forward_bend\.readings\.0: .*low end"),
        (
            "metrics.toml",
            'views = ["down-the-line"]\nnoise = 3.2',
            'views = ["down-the-line"]\nmost_trust = "low"\ntrust_reason = "guessed"\nnoise = 3.2',
            r"posture_change: .*only what is measured is praised",
        ),
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
        ("faults.toml", '"head_against_wall", ', "", r"loss_of_posture\.drills: one at home and one on the range"),
        ("faults.toml", '"thin", "fat"', '"thin or fat"', r"loss_of_posture\.ball_flight\.0"),
        ("faults.toml", "cost = 40.0", "cost = 0.0", r"loss_of_posture: .*cost"),
        ("faults.toml", "scale = [-5.0, -25.0]", "scale = [-25.0, -5.0]", r"loss_of_posture\.primary: .*`scale`"),
        ("faults.toml", "scale = [-5.0, -25.0]", "scale = [-9.0, -25.0]", r"loss_of_posture\.primary: .*`scale`"),
        ("faults.toml", 'one_sign = "the elbow is the only landmark that shows it"', "", r"chicken_wing: .*one_sign"),
        ("causes.toml", 'from = "sway"', 'from = "swey"', r"causes\.toml: from: swey is unknown"),
        ("causes.toml", 'to = "chicken_wing"', 'to = "casting"', r"causes\.toml: to: casting .*never be found"),
        ("causes.toml", 'to = "chicken_wing"', 'to = "sway"', r"causes\.toml: a fault causes itself: .*hanging_back"),
        ("causes.toml", 'source = "coaching practice"', "", r"causes\.toml: cause\.\d+\.source"),
        ("filming.toml", 'reason = "not seen"', 'reason = "unseen"', r"filming\.toml: filming\.\d+\.reason"),
        ("filming.toml", 'reason = "not seen"', 'reason = "oblique"', r"filming\.toml: these reasons .*not seen"),
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


def own_texts() -> list[str]:
    """Everything of the faults, drills, causes and ways to film that a golfer reads."""
    known = knowledge.load()
    texts = [text for drill in known.drills.values() for text in (drill.name, drill.how, drill.dose, drill.cue)]
    for fault in known.faults.values():
        texts += [fault.name, fault.explanation, fault.not_judged, *fault.causes, *fault.ball_flight]
        texts += [signal.says for signal in fault.signals]
    return [*texts, *(link.why for link in known.causes), *known.filming.values()]


def test_no_text_promises_to_heal_or_names_an_injury() -> None:
    for word in ("pain", "injur", "hurt", "heal", "cure", "diagnos", "symptom"):
        assert not [text for text in own_texts() if word in text.lower()]


def test_no_text_says_left_or_right_so_that_each_holds_for_either_hand() -> None:
    assert [text for text in own_texts() if re.search(r"\b(left|right)\b", text, re.IGNORECASE)] == []


def test_every_fault_that_can_be_found_has_a_drill_at_home_and_one_on_the_range() -> None:
    known = knowledge.load()
    for fault in known.faults.values():
        if fault.primary is not None:
            assert {known.drills[one].where for one in fault.drills} == {"at home", "on the range"}, fault.id


def test_a_drill_at_home_needs_no_ball() -> None:
    at_home = [drill for drill in knowledge.load().drills.values() if drill.where == "at home"]
    assert at_home
    for drill in at_home:
        assert not re.search(r"\b(hit|shots?|balls)\b", f"{drill.how} {drill.dose}".lower()), drill.drill_id


def test_a_second_sign_is_never_the_first_one_s_number_again() -> None:
    for fault in knowledge.load().faults.values():
        if fault.primary is None or fault.supporting is None:
            continue
        same = {fault.primary.metric, fault.supporting.metric}
        assert len(same) == 2, fault.id
        # How far the pelvis moved and where it then is over the feet are one number at one moment.
        if same == {"pelvis_sway", "balance_position"}:
            assert fault.primary.phase != fault.supporting.phase, fault.id
