"""The score falls with every reading that gets worse, has no step, and counts what was measured alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golf_pipeline.swing import knowledge
from golf_pipeline.swing.documents import EventName, Metric, Trust, View
from golf_pipeline.swing.knowledge import Signal
from golf_pipeline.swing.score import largest_slope, score_swing
from golf_pipeline_tests.swing.test_faults import FINDABLE, metric, past

Reading = tuple[str, EventName | None]

SLOPE_OF_THE_DOCS = 13.0
"""Points by which one reading moves the score at most when it changes by its noise, as the module says."""


def signals_of(view: View) -> list[Signal]:
    metrics = knowledge.load().metrics
    return [one for fault in FINDABLE for one in fault.signals if view in metrics[one.metric].views]


def readings_of(view: View) -> list[Reading]:
    return list(dict.fromkeys((one.metric, one.event) for one in signals_of(view)))


def swing(values: dict[Reading, float], trust: Trust = Trust.MEASURED) -> tuple[Metric, ...]:
    return tuple(metric(name, phase, value, trust) for (name, phase), value in values.items())


def fine(view: View) -> dict[Reading, float]:
    """Readings at which no sign takes anything."""
    values: dict[Reading, float] = {}
    for signal in signals_of(view):
        values.setdefault((signal.metric, signal.event), signal.scale[0])
    values.update({("pelvis_sway", EventName.IMPACT): 0.2} if view == View.FACE_ON else {})
    return values


VIEWS = [View.FACE_ON, View.DOWN_THE_LINE]


@pytest.mark.parametrize("view", VIEWS)
def test_a_swing_without_a_sign_of_a_fault_keeps_all_its_points(view: View) -> None:
    score = score_swing(swing(fine(view)), view)
    assert score.value == 100
    assert all(part.points == part.most_points for part in score.parts)
    assert score.reason == ""


@pytest.mark.parametrize("view", VIEWS)
def test_a_swing_with_every_fault_at_its_worst_keeps_little(view: View) -> None:
    worst = {(one.metric, one.event): one.scale[1] for one in signals_of(view) if one.metric != "pelvis_sway"}
    worst |= {("pelvis_sway", EventName.TOP): -0.5, ("pelvis_sway", EventName.IMPACT): -0.5}
    score = score_swing(swing(worst), view)
    assert score.value is not None
    assert score.value <= 20


@pytest.mark.parametrize("view", VIEWS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_worse_reading_never_raises_the_score(view: View, data: st.DataObject) -> None:
    """Worse is further on the side on which a signal lies; pelvis sway at impact has a bad side at either end."""
    readings = readings_of(view)
    values = {reading: data.draw(st.floats(-40, 200), label=str(reading)) for reading in readings}
    values |= {one: data.draw(st.floats(-0.8, 0.8)) for one in readings if not is_in_degrees(one)}
    signal = data.draw(st.sampled_from(signals_of(view)))
    step = data.draw(st.floats(0, 0.5)) * (60.0 if is_in_degrees((signal.metric, signal.event)) else 1.0)
    reading = (signal.metric, signal.event)
    if has_two_bad_sides(reading):
        values[reading] = signal.scale[0]
    worse = values | {reading: values[reading] + (step if signal.beyond == "above" else -step)}
    before, after = (score_swing(swing(one), view).value for one in (values, worse))
    assert before is not None
    assert after is not None
    assert after <= before


def is_in_degrees(reading: Reading) -> bool:
    return knowledge.load().metrics[reading[0]].unit == "deg"


def can_be_measured(signal: Signal, view: View) -> bool:
    return knowledge.load().metrics[signal.metric].trust_at(signal.event, view)[0] == Trust.MEASURED


def has_two_bad_sides(reading: Reading) -> bool:
    sides = {one.beyond for view in VIEWS for one in signals_of(view) if (one.metric, one.event) == reading}
    return len(sides) > 1


@pytest.mark.parametrize("view", VIEWS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_change_by_a_noise_moves_the_score_by_no_more_than_is_documented(view: View, data: st.DataObject) -> None:
    signals = signals_of(view)
    values = {(one.metric, one.event): past(one, data.draw(st.floats(-6, 10))) for one in signals}
    reading = data.draw(st.sampled_from(readings_of(view)))
    noise = knowledge.load().metrics[reading[0]].noise_at(reading[1]) or 0.0
    moved = values | {reading: values[reading] + data.draw(st.floats(-1, 1)) * noise}
    before, after = (score_swing(swing_as_trusted(one), view).value for one in (values, moved))
    assert before is not None
    assert after is not None
    assert abs(after - before) <= SLOPE_OF_THE_DOCS + 1, "the value is rounded to whole points"


def swing_as_trusted(values: dict[Reading, float]) -> tuple[Metric, ...]:
    metrics = knowledge.load().metrics
    return tuple(
        one.model_copy(update={"trust": metrics[one.id].trust_at(one.phase, metrics[one.id].views[0])[0]})
        for one in swing(values)
    )


def test_the_largest_slope_is_the_documented_one() -> None:
    assert 0.5 * SLOPE_OF_THE_DOCS < largest_slope() <= SLOPE_OF_THE_DOCS


def test_what_is_not_measured_is_no_part_of_the_score() -> None:
    values = fine(View.DOWN_THE_LINE) | {("posture_change", EventName.IMPACT): -30.0}
    untrusted = [metric("hand_path_outside", EventName.MID_DOWNSWING, 0.9, Trust.LOW)]
    kept = {one: value for one, value in values.items() if one[0] != "hand_path_outside"}
    assert score_swing(swing(kept), View.DOWN_THE_LINE) == score_swing((*swing(kept), *untrusted), View.DOWN_THE_LINE)


@pytest.mark.parametrize("view", VIEWS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_movement_so_wild_that_its_reading_is_doubted_never_raises_the_score(view: View, data: st.DataObject) -> None:
    readings = readings_of(view)
    values = {reading: data.draw(st.floats(-40, 200), label=str(reading)) for reading in readings}
    values |= {one: data.draw(st.floats(-0.8, 0.8)) for one in readings if not is_in_degrees(one)}
    measured = [one for one in signals_of(view) if can_be_measured(one, view)]
    signal = data.draw(st.sampled_from(measured))
    step = data.draw(st.floats(0, 0.5)) * (60.0 if is_in_degrees((signal.metric, signal.event)) else 1.0)
    reading = (signal.metric, signal.event)
    if has_two_bad_sides(reading):
        values[reading] = signal.scale[0]
    worse = values[reading] + (step if signal.beyond == "above" else -step)
    rest = {one: value for one, value in values.items() if one != reading}
    before = score_swing(swing(values), view).value
    after = score_swing((*swing(rest), metric(*reading, worse, Trust.LOW)), view).value
    assert before is not None
    assert after is None or after <= before


def test_a_doubted_sign_takes_the_value_and_names_its_fault() -> None:
    values = fine(View.FACE_ON)
    del values[("pelvis_sway", EventName.TOP)]
    wild = score_swing((*swing(values), metric("pelvis_sway", EventName.TOP, -0.8, Trust.LOW)), View.FACE_ON)
    still = score_swing((*swing(values), metric("pelvis_sway", EventName.TOP, 0.0, Trust.LOW)), View.FACE_ON)
    assert (wild.value, still.value) == (None, 100)
    assert "a sign of sway" in wild.reason


def test_a_missing_second_sign_lowers_what_a_fault_can_cost_and_not_what_the_first_takes_of_it() -> None:
    both: dict[Reading, float] = {
        ("posture_change", EventName.IMPACT): -15.0,
        ("head_lift", EventName.IMPACT): 0.12,
        ("pelvis_thrust", EventName.IMPACT): 0.0,
    }
    one = {reading: value for reading, value in both.items() if reading[0] != "head_lift"}
    parts = [score_swing(swing(values), View.DOWN_THE_LINE).parts[0] for values in (both, one)]
    assert [part.most_points for part in parts] == [40.0, 20.0]
    assert [part.points / part.most_points for part in parts] == [0.5, 0.5]


def test_too_little_evidence_gives_no_value_and_says_so() -> None:
    thrust_alone = score_swing((metric("pelvis_thrust", EventName.IMPACT, 0.0),), View.DOWN_THE_LINE)
    assert (thrust_alone.value, thrust_alone.parts) == (None, ())
    assert "fewer than two faults" in thrust_alone.reason
    cheap: dict[Reading, float] = {
        ("pelvis_sway", EventName.TOP): 0.0,
        ("chest_sway", EventName.TOP): -0.1,
        ("pelvis_sway", EventName.IMPACT): 0.2,
    }
    some = score_swing(swing(cheap), View.FACE_ON)
    assert some.value is not None
    sway = cheap | {("pelvis_sway", EventName.IMPACT): 0.2}
    del sway[("pelvis_sway", EventName.TOP)]
    little = score_swing(swing(sway), View.FACE_ON)
    assert little.value is None
    assert "less than half" in little.reason
    assert [part.fault_id for part in little.parts] == ["slide", "hanging_back"]


def test_an_oblique_camera_gives_no_score() -> None:
    score = score_swing(swing(fine(View.FACE_ON)), View.OBLIQUE)
    assert score.value is None
    assert "oblique" in score.reason
