"""What a measurement of the pipeline says: numbers, each with its target beside it, and what they were taken on."""

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

MOST_COMPLAINTS = 10


class Number(BaseModel):
    """One number; with a target it is met or missed, without one it is only told."""

    name: str
    value: float | int | str
    unit: str = ""
    target: str = ""
    met: bool | None = None


class Measurement(BaseModel):
    """One part of the benchmark: what it ran on, what came out, and what was not as it should be, in sentences."""

    name: str
    ran_on: dict[str, str]
    numbers: tuple[Number, ...]
    complaints: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Number, ...]:
        return tuple(number for number in self.numbers if number.met is False)


class PipelineResult(BaseModel):
    """All measurements of one call, and the machine."""

    machine: dict[str, str]
    measurements: tuple[Measurement, ...]

    @property
    def met(self) -> bool:
        return not any(one.missed for one in self.measurements)


def told(name: str, value: float | int | str, unit: str = "", digits: int = 1) -> Number:
    """A number without a target."""
    return Number(name=name, value=_rounded(value, digits), unit=unit)


def at_most(name: str, value: float, limit: float, unit: str = "", digits: int = 1) -> Number:
    return Number(name=name, value=_rounded(value, digits), unit=unit, target=f"<= {limit:g}", met=value <= limit)


def at_least(name: str, value: float, limit: float, unit: str = "", digits: int = 2) -> Number:
    return Number(name=name, value=_rounded(value, digits), unit=unit, target=f">= {limit:g}", met=value >= limit)


def exactly(name: str, value: int, wanted: int, unit: str = "") -> Number:
    return Number(name=name, value=value, unit=unit, target=f"{wanted:,}", met=value == wanted)


def print_tables(result: PipelineResult, console: Console) -> None:
    """Print the machine, and a table for each measurement with what it ran on."""
    console.print(_listed(result.machine), highlight=False)
    for one in result.measurements:
        table = Table(title=one.name, title_justify="left", caption=_listed(one.ran_on), caption_justify="left")
        for column in ("what", "", "unit", "target", ""):
            table.add_column(column, justify="right" if not column and not table.columns[1:] else "left")
        for number in one.numbers:
            verdict = "" if number.met is None else "[green]met[/]" if number.met else "[bold red]MISSED[/]"
            table.add_row(number.name, _shown(number.value), number.unit, number.target, verdict)
        console.print()
        console.print(table)
        for complaint in one.complaints[:MOST_COMPLAINTS]:
            console.print(f"  {complaint}", markup=False, highlight=False, soft_wrap=True)
        if len(one.complaints) > MOST_COMPLAINTS:
            console.print(f"  and {len(one.complaints) - MOST_COMPLAINTS} more")


def _rounded(value: float | int | str, digits: int) -> float | int | str:
    return round(value, digits) if isinstance(value, float) else value


def _shown(value: float | int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _listed(facts: dict[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in facts.items())
