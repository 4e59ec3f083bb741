"""What error codes mean to an operator: complete, and of one mind with the alarms."""

from importlib.resources import files

import pytest

from golf_pipeline.failures import Cause, failures, read_failures
from golf_pipeline.storage.service_readings import OUR_FAULTS


def test_what_is_ours_to_mend_is_what_the_alarms_count_as_ours() -> None:
    assert {code for code, one in failures().items() if one.cause == Cause.SERVICE} == OUR_FAULTS


def test_a_code_that_is_missing_or_stands_twice_is_named() -> None:
    text = (files("golf_pipeline") / "failures.toml").read_text(encoding="utf-8")
    wrong = text.replace('code = "NO_GOLFER"', 'code = "VIDEO_EMPTY"')
    with pytest.raises(ValueError, match="missing or repeated: VIDEO_EMPTY, NO_GOLFER"):
        read_failures(wrong)
