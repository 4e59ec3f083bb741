"""The alarms as data: `alarms.toml` read, checked, and rendered as alerting rules of Prometheus.

What belongs here is what an alarm says. Evaluating them and telling somebody is not done here: Prometheus does it from
the rendered rules, and the pipeline itself (`orchestration/watch.py`) does it for those that name a reading.
"""

import json
import re
import tomllib
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from golf_pipeline.storage.service_readings import Reading

_METRIC = re.compile(r"\bgolf_[a-z0-9_]+")


class Severity(StrEnum):
    WARNING = "warning"
    """To be looked at on a working day."""
    CRITICAL = "critical"
    """Golfers notice, or something is lost: now."""


class Alarm(BaseModel):
    """One alarm: it rings when its number has been above the threshold for so long.

    The number has one source or two that mean the same: an expression for Prometheus, and a reading that the pipeline
    takes by itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Z][A-Za-z]{2,60}$")
    expression: str | None = Field(None, min_length=1, description="PromQL that yields the number to compare")
    reading: Reading | None = Field(None, description="the same number as the pipeline reads it; None: it cannot")
    above: float = Field(description="the threshold")
    for_s: int = Field(ge=0, description="for how many seconds it must hold")
    severity: Severity
    unit: str = Field(min_length=1)
    meaning: str = Field(min_length=20, description="what it means, for whoever is woken")
    action: str = Field(min_length=20, description="what to do")

    @field_validator("expression")
    @classmethod
    def _is_closed_and_names_a_metric(cls, value: str | None) -> str | None:
        if value is None:
            return None
        for opening, closing in ("()", "[]", "{}"):
            if value.count(opening) != value.count(closing):
                raise ValueError(f"{opening} and {closing} do not pair")
        if not _METRIC.search(value):
            raise ValueError("it names none of our metrics (golf_...)")
        return value

    @model_validator(mode="after")
    def _has_a_number(self) -> "Alarm":
        if self.expression is None and self.reading is None:
            raise ValueError("it has neither an expression nor a reading: nothing could make it ring")
        return self

    @property
    def metrics(self) -> frozenset[str]:
        """The names of our metrics in the expression, as they stand there."""
        return frozenset(_METRIC.findall(self.expression or ""))


class Alarms(BaseModel):
    """The whole of `alarms.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alarm: tuple[Alarm, ...] = Field(min_length=1)

    @field_validator("alarm")
    @classmethod
    def _are_told_apart(cls, value: tuple[Alarm, ...]) -> tuple[Alarm, ...]:
        names = [one.name for one in value]
        if len(names) != len(set(names)):
            raise ValueError("two alarms have the same name")
        return value


def read_alarms(text: str) -> tuple[Alarm, ...]:
    """The alarms of a TOML text.

    Raises:
        ValueError: it is no TOML, or an alarm is not complete; the message names the place.
    """
    return Alarms.model_validate(tomllib.loads(text)).alarm


@lru_cache
def alarms() -> tuple[Alarm, ...]:
    """The alarms of this version."""
    return read_alarms((files("golf_pipeline") / "alarms.toml").read_text(encoding="utf-8"))


def alarm_named(name: str) -> Alarm:
    """The alarm of this name.

    Raises:
        KeyError: there is none.
    """
    return {alarm.name: alarm for alarm in alarms()}[name]


def watched_alarms() -> tuple[Alarm, ...]:
    """The alarms that the pipeline evaluates by itself."""
    return tuple(alarm for alarm in alarms() if alarm.reading is not None)


def alerting_rules(of: tuple[Alarm, ...] | None = None) -> str:
    """The alarms that Prometheus can evaluate, as a rules file of it (JSON, which is YAML too)."""
    rules = [
        {
            "alert": alarm.name,
            "expr": f"({alarm.expression}) > {alarm.above:g}",
            "for": f"{alarm.for_s}s",
            "labels": {"severity": alarm.severity.value, "service": "golf_pipeline"},
            "annotations": {
                "summary": f"{alarm.name}: {{{{ $value }}}} {alarm.unit} (threshold {alarm.above:g})",
                "description": alarm.meaning,
                "runbook": alarm.action,
            },
        }
        for alarm in (alarms() if of is None else of)
        if alarm.expression is not None
    ]
    return json.dumps({"groups": [{"name": "golf_pipeline", "rules": rules}]}, indent=2) + "\n"
