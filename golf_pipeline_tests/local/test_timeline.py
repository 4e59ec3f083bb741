"""The demo's table: consecutive parts whose sum is the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.local.timeline import Step, SwingRun, split_time, total_seconds


def test_the_time_of_a_swing_is_cut_into_parts_that_follow_each_other() -> None:
    run = SwingRun("r", 103.0, (Step("video", 107.0, 108.0), Step("pose", 108.5, 113.5), Step("result", 113.5, 114.0)))
    parts = {part.name: part.seconds for part in split_time(100.0, 101.0, run, completed=114.2)}
    assert parts == pytest.approx(
        {"upload": 1, "queue": 2, "launch": 4, "video": 1, "pose": 5, "result": 0.5, "between steps": 0.7}
    )


def test_a_step_after_the_completion_is_not_the_golfers_time() -> None:
    run = SwingRun("r", 1.0, (Step("result", 2.0, 4.0), Step("profile", 5.0, 9.0)))
    parts = split_time(0.0, 0.5, run, completed=3.0)
    assert [part.name for part in parts] == ["upload", "queue", "launch", "result", "between steps"]
    assert total_seconds(parts) == pytest.approx(3.0)


def test_steps_at_the_same_time_are_not_counted_twice() -> None:
    run = SwingRun("r", 1.0, (Step("a", 2.0, 6.0), Step("b", 3.0, 5.0), Step("c", 5.0, 8.0)))
    parts = {part.name: part.seconds for part in split_time(0.0, 0.5, run, completed=8.0)}
    assert (parts["a"], parts["b"], parts["c"]) == (4.0, 0.0, 2.0)


@given(
    pauses=st.lists(st.floats(0, 100), min_size=3, max_size=3),
    steps=st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=1, max_size=8),
    late=st.floats(0, 100),
)
def test_the_parts_add_up_to_the_whole_time(pauses: list[float], steps: list[tuple[float, float]], late: float) -> None:
    put_ended = pauses[0]
    created = put_ended + pauses[1]
    first = created + pauses[2]
    run_steps = sorted((Step(str(n), first + at, first + at + took) for n, (at, took) in enumerate(steps)), key=began)
    run_steps[0] = Step("first", first, max(first, run_steps[0].ended))
    completed = max(step.ended for step in run_steps) + late
    parts = split_time(0.0, put_ended, SwingRun("r", created, tuple(run_steps)), completed)
    assert total_seconds(parts) == pytest.approx(completed)
    assert all(part.seconds >= 0 for part in parts)


def began(step: Step) -> float:
    return step.began
