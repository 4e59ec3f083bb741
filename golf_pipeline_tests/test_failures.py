"""What error codes mean to an operator: complete, and of one mind with the alarms."""

from importlib.resources import files

import pytest

from golf_pipeline.failures import our_faults, read_failures


def test_ours_to_mend_is_what_no_other_video_would_help() -> None:
    of_our_own = {"INTERNAL", "STORAGE_UNAVAILABLE", "UPLOAD_FORBIDDEN", "POSE_MODEL_MISSING", "POSE_MODEL_WRONG"}
    assert our_faults() == of_our_own


def test_a_code_that_is_missing_or_stands_twice_is_named() -> None:
    text = (files("golf_pipeline") / "failures.toml").read_text(encoding="utf-8")
    wrong = text.replace('code = "NO_GOLFER"', 'code = "VIDEO_EMPTY"')
    with pytest.raises(ValueError, match="missing or repeated: VIDEO_EMPTY, NO_GOLFER"):
        read_failures(wrong)
