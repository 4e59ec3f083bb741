"""What a model may look at before it answers: the profile, an analysis, a comparison, the drills.

Swings are named by short aliases (`s1` is the newest or the one that the golfer speaks of), which are the only ones
that a call may name; behind an alias stands an analysis that the golfer's own data holds. No id of anybody else can
be said here, whatever the message or the model wants: an alias that was not given is no tool call, and `GolferData`
knows one golfer only. Results are facts by id (`dossier.py`); nothing that a person typed is among them.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from golf_pipeline.coach.chat.data import ChatSwing, GolferData
from golf_pipeline.coach.chat.documents import Conversation
from golf_pipeline.coach.chat.dossier import Dossier, of_analysis, of_comparison, of_drills, of_profile
from golf_pipeline.coach.chat.said import told_day
from golf_pipeline.coach.chat.spoken_of import FINISHED, spoken_of_last
from golf_pipeline.coach.service import ToolCall
from golf_pipeline.swing.documents import EventName

MOST_CALLS = 2
"""Calls that are answered: the tokens of a chat request hold no more."""

MOST_SWINGS = 4
WHOLE = "whole"

_PHASES = tuple(event.value for event in (EventName.ADDRESS, EventName.TOP, EventName.IMPACT, EventName.FINISH))
"""The moments that golfers ask about by name; each one more would cost tokens of every question."""

_ID = re.compile(r"(?<![\w-])(?=[\w-]*\d)[A-Za-z0-9][\w-]{5,127}(?![\w-])")
"""What could be the id of an analysis in a message; whether it is one of this golfer's, only their data can say."""

_MOST_NAMED_IDS = 2


class BadToolCallError(Exception):
    """A call that names no tool, no swing of the golfer, or not what the tool asks for."""


@dataclass
class Choices:
    """The swings that may be spoken of, by alias, in the order of their worth; each is read at most once."""

    golfer: GolferData
    ids: dict[str, str]
    days: dict[str, str]
    _read: dict[str, ChatSwing | None] = field(default_factory=dict)

    def swing(self, alias: str) -> ChatSwing:
        """The analysis behind an alias.

        Raises:
            BadToolCallError: the alias was not given, or the analysis is not to be had any more.
        """
        analysis_id = self.ids.get(alias)
        if analysis_id is None:
            raise BadToolCallError("the model named a swing that it was not given")
        if analysis_id not in self._read:
            self._read[analysis_id] = self.golfer.swing(analysis_id)
        swing = self._read[analysis_id]
        if swing is None:
            raise BadToolCallError("the analysis that the model wants to see is not to be had")
        return swing

    @property
    def main(self) -> ChatSwing:
        """The swing that an answer is about unless something else is asked for."""
        return self.swing(next(iter(self.ids)))


def choices_of(
    message: str, golfer: GolferData, conversation: Conversation | None, about: str | None
) -> Choices | None:
    """The golfer's finished swings: the one that they speak of first, then the newest; None where there is none."""
    recent = [one for one in golfer.recent_swings(MOST_SWINGS + 2) if one.status == FINISHED]
    named = [about] if about else []
    named += [one for one in dict.fromkeys(_ID.findall(message)) if one != about][:_MOST_NAMED_IDS]
    read = {one: golfer.swing(one) for one in named}
    if about is not None and read[about] is None:
        return None
    days = {one: told_day(swing.recorded_at) for one, swing in read.items() if swing is not None}
    days |= {one.analysis_id: told_day(one.recorded_at) for one in recent if one.analysis_id not in read}
    if not days:
        return None
    wanted = list(days)[:MOST_SWINGS]
    last = spoken_of_last(conversation, set(wanted))
    if about is None and not (set(named) & set(days)) and last is not None:
        wanted = [last, *(one for one in wanted if one != last)]
    ids = {f"s{number}": analysis_id for number, analysis_id in enumerate(wanted, start=1)}
    found = {one: swing for one, swing in read.items() if one in wanted}
    return Choices(golfer, ids, {alias: days[analysis_id] for alias, analysis_id in ids.items()}, found)


def tools_of(choices: Choices) -> dict[str, Any]:
    """The tools as a service is told of them, strict: every alias and phase is an enum of what there is."""
    swing = {"type": "string", "enum": list(choices.ids)}
    at = {"type": "string", "enum": [WHOLE, *_PHASES]}
    tools = [
        _tool("analysis", "findings, or readings at a phase", swing=swing, at=at),
        _tool("drills", "for the findings of s1"),
        _tool("profile", "progress, habits, strengths"),
    ]
    if len(choices.ids) > 1:
        tools.append(_tool("comparison", "", earlier=swing, later=swing))
    return {"tools": tools, "tool_choice": "auto"}


def looked_up(calls: Sequence[ToolCall], choices: Choices) -> Dossier:
    """What the calls ask for; without a call what was found in the main swing.

    Raises:
        BadToolCallError: a call is unknown, malformed or names what is not this golfer's, or there are too many.
        SwingError: the stores do not answer.
    """
    wanted = list(dict.fromkeys(calls))
    if not wanted:
        return of_analysis(choices.main)
    if len(wanted) > MOST_CALLS:
        raise BadToolCallError("the model wants to look at more than it may")
    parts = [_run(call, choices, dated=len(wanted) > 1) for call in wanted]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.joined(part)
    return joined


def _run(call: ToolCall, choices: Choices, *, dated: bool) -> Dossier:
    tools: dict[str, tuple[set[str], Callable[[dict[str, str]], Dossier]]] = {
        "analysis": ({"swing", "at"}, lambda given: _analysis(given, choices, dated=dated)),
        "drills": (set(), lambda _: of_drills(choices.main)),
        "profile": (set(), lambda _: _profile(choices)),
        "comparison": ({"earlier", "later"}, lambda given: _comparison(given, choices)),
    }
    if call.name not in tools:
        raise BadToolCallError("the model called a tool that there is not")
    parameters, run = tools[call.name]
    return run(_arguments(call, parameters))


def _arguments(call: ToolCall, parameters: set[str]) -> dict[str, str]:
    try:
        given = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or set(given) != parameters:
        raise BadToolCallError("the model called a tool in another form")
    if not all(isinstance(value, str) for value in given.values()):
        raise BadToolCallError("the model called a tool in another form")
    return given


def _analysis(given: dict[str, str], choices: Choices, *, dated: bool) -> Dossier:
    swing = choices.swing(given["swing"])
    if given["at"] == WHOLE:
        return of_analysis(swing, dated=dated)
    if given["at"] not in _PHASES:
        raise BadToolCallError("the model named a phase that there is not")
    seen = of_analysis(swing, EventName(given["at"]), dated=dated)
    return seen if seen.facts else of_analysis(swing, dated=dated)


def _profile(choices: Choices) -> Dossier:
    profile = choices.golfer.profile()
    return of_analysis(choices.main) if profile is None else of_profile(profile, choices.main)


def _comparison(given: dict[str, str], choices: Choices) -> Dossier:
    # The newer one is measured against the older one, whichever way the model names them.
    first, second = sorted(
        (choices.swing(given["earlier"]), choices.swing(given["later"])), key=lambda one: one.recorded_at
    )
    if first.analysis_id == second.analysis_id:
        raise BadToolCallError("the model compares a swing with itself")
    comparison = choices.golfer.comparison(first.analysis_id, second.analysis_id)
    if comparison is None:
        raise BadToolCallError("the two swings that the model wants to compare are not to be had")
    return of_comparison(comparison, first, second)


def _tool(name: str, description: str, **parameters: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": parameters,
        "required": list(parameters),
        "additionalProperties": False,
    }
    function: dict[str, Any] = {"name": name, "strict": True, "parameters": schema}
    if description:
        function["description"] = description
    return {"type": "function", "function": function}
