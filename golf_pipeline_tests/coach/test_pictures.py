"""Key frames for a model: small, no more than the tokens hold, in batches, and words only come back."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from golf_pipeline.coach.coach import coach_swing
from golf_pipeline.coach.pictures import Picture, image_tokens, small_picture, that_fit
from golf_pipeline.swing.documents import KeyFrame, SwingAnalysis
from golf_pipeline_tests.coach.conftest import GOOD, ModelServer, model_of


@pytest.fixture
def pictures(analysis: SwingAnalysis, tmp_path: Path) -> tuple[Picture, ...]:
    made = []
    for frame in analysis.key_frames:
        path = tmp_path / frame.file_name
        cv2.imwrite(str(path), np.full((1280, 720, 3), frame.frame_number, np.uint8))
        made.append(small_picture(frame, path))
    return tuple(made)


@pytest.mark.parametrize(
    ("height", "width", "size"), [(1280, 720, (448, 252)), (720, 1280, (252, 448)), (90, 60, (90, 60))]
)
def test_a_picture_fits_the_patches_that_are_paid_for_and_is_not_blown_up(
    analysis: SwingAnalysis, tmp_path: Path, height: int, width: int, size: tuple[int, int]
) -> None:
    path = tmp_path / "frame.jpg"
    cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))
    small = cv2.imdecode(np.frombuffer(small_picture(analysis.key_frames[0], path).jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert small is not None
    assert small.shape[:2] == size


def test_a_file_that_is_no_picture_is_named(analysis: SwingAnalysis, tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.jpg is no picture"):
        small_picture(analysis.key_frames[0], path)


def test_what_does_not_fit_is_left_out_and_events_stay_longest(pictures: tuple[Picture, ...]) -> None:
    between = KeyFrame(
        phase="transition", event=None, frame_number=45, timestamp=1.5, description="", file_name="frame_045.jpg"
    )
    many = (*pictures, Picture(between, pictures[0].jpeg))
    everything = that_fit(many, 100, 6, 10**6)
    assert [one.frame.frame_number for one in everything] == [10, 20, 30, 40, 45, 50, 60, 70, 80]
    eight = that_fit(many, 100, 6, image_tokens(8, 100, 6))
    assert [one.frame.frame_number for one in eight] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert that_fit(many, 100, 6, 10) == ()


def notes(**texts: str) -> dict[str, Any]:
    return {"notes": [{"frame": int(frame[1:]), "text": text} for frame, text in texts.items()]}


def test_frames_go_out_in_batches_and_what_was_seen_is_consolidated(
    model_server: ModelServer, analysis: SwingAnalysis, pictures: tuple[Picture, ...]
) -> None:
    model_server.say(
        notes(f10="You stand with your arms hanging.", f40="Both arms are above the shoulders.", f77="No.")
    )
    model_server.say(notes(f60="Your X-factor is 47 degrees.", f80="You face the target."))
    model_server.say(GOOD)
    coaching = coach_swing(analysis, model=model_of(model_server, frames_per_call=4), pictures=pictures)
    assert model_server.complaints == []
    first, second, words = (request["body"] for request in model_server.requests)
    shown = [part["type"] for part in first["messages"][1]["content"]]
    assert shown == ["text", "image_url"] * 4
    assert first["messages"][1]["content"][1]["image_url"]["detail"] == "low"
    frame = second["response_format"]["json_schema"]["schema"]["properties"]["notes"]["items"]["properties"]["frame"]
    assert frame["enum"] == [50, 60, 70, 80]
    data = words["messages"][1]["content"]
    assert "Both arms are above the shoulders." in data
    assert "X-factor is" not in data
    phases = {phase.frame_number: phase.observations for phase in coaching.swing_phases}
    assert "You face the target." in phases[80]
    assert phases[60] == ()
    assert (coaching.frames_analyzed, coaching.frames_skipped) == (8, 0)
    assert coaching.tokens_used == 2400


def test_frames_beyond_the_budget_are_skipped_and_counted(
    model_server: ModelServer, analysis: SwingAnalysis, pictures: tuple[Picture, ...]
) -> None:
    model_server.say(notes())
    model_server.say(GOOD)
    model = model_of(model_server, image_tokens=image_tokens(3, 100, 6))
    coaching = coach_swing(analysis, model=model, pictures=pictures)
    assert (coaching.frames_analyzed, coaching.frames_skipped) == (3, 5)
    assert not coaching.fallback_triggered


def test_a_batch_that_fails_leaves_the_rules_to_write(
    model_server: ModelServer, analysis: SwingAnalysis, pictures: tuple[Picture, ...]
) -> None:
    model_server.say(notes())
    model_server.fail(500)
    coaching = coach_swing(analysis, model=model_of(model_server, frames_per_call=4), pictures=pictures)
    assert coaching.fallback_triggered
    assert (coaching.tokens_used, coaching.frames_analyzed) == (800, 0)


def test_a_batch_outside_the_schema_costs_its_notes_only(
    model_server: ModelServer, analysis: SwingAnalysis, pictures: tuple[Picture, ...]
) -> None:
    model_server.say("not json")
    model_server.say(GOOD)
    assert not coach_swing(
        analysis, model=model_of(model_server, frames_per_call=8), pictures=pictures
    ).fallback_triggered
