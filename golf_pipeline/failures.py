"""What error codes mean to an operator, as data: `failures.toml` read and checked.

What a golfer is told is the error's own message; here is whose trouble it is and what to do about it.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, field_validator

from golf_pipeline.swing.errors import ErrorCode


class Cause(StrEnum):
    VIDEO = "video"
    """The file cannot be analysed; nothing is broken."""
    SERVICE = "service"
    """Ours to mend."""


class FailureMeaning(BaseModel):
    """What one error code means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: ErrorCode
    cause: Cause
    meaning: str = Field(min_length=15)
    action: str = Field(min_length=5)


class _Failures(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    failure: tuple[FailureMeaning, ...]

    @field_validator("failure")
    @classmethod
    def _explains_every_code_once(cls, value: tuple[FailureMeaning, ...]) -> tuple[FailureMeaning, ...]:
        codes = [one.code for one in value]
        wrong = [code.value for code in ErrorCode if codes.count(code) != 1]
        if wrong:
            raise ValueError(f"every error code must stand here once; missing or repeated: {', '.join(wrong)}")
        return value


def read_failures(text: str) -> Mapping[str, FailureMeaning]:
    """The meanings of a TOML text, by error code.

    Raises:
        ValueError: it is no TOML, a meaning is not complete, or a code is missing or stands twice.
    """
    return {one.code.value: one for one in _Failures.model_validate(tomllib.loads(text)).failure}


@lru_cache
def our_faults() -> frozenset[str]:
    """Codes of failures that are the service's own, or its operator's: once what was wrong is mended, the same bytes
    may succeed. All others say something of the video or of its upload, also where another try can help: a client that
    announced an upload and never made it may make it yet."""
    return frozenset(code for code, known in failures().items() if known.cause == Cause.SERVICE)


@lru_cache
def failures() -> Mapping[str, FailureMeaning]:
    """The meanings of this version, by error code."""
    return read_failures((files("golf_pipeline") / "failures.toml").read_text(encoding="utf-8"))
