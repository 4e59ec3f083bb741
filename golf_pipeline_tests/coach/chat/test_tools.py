"""The model's tools: strict, of one golfer's own swings only, and without a word that a person typed."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golf_pipeline.coach.chat.documents import Conversation, MessageRole
from golf_pipeline.coach.chat.dossier import Dossier
from golf_pipeline.coach.chat.tools import BadToolCallError, Choices, choices_of, looked_up, tools_of
from golf_pipeline.coach.service import ToolCall
from golf_pipeline.swing.documents import EventName, SwingAnalysis
from golf_pipeline_tests.coach.chat.golfers import SECRET, Golfer, golfer_with
from golf_pipeline_tests.coach.chat.real_golfers import said_before
from golf_pipeline_tests.coach.conftest import not_strict


@pytest.fixture
def golfer(analysis: SwingAnalysis) -> Golfer:
    return golfer_with(analysis, (-0.15, -0.3, -0.4, -0.5, -0.6, -0.7))


@pytest.fixture
def choices(golfer: Golfer) -> Choices:
    found = choices_of("What should I work on?", golfer, None, None)
    assert found is not None
    return found


def says(dossier: Dossier) -> str:
    return " ".join(f"{fact.says} {fact.prints}" for fact in dossier.facts)


def test_swings_are_named_by_aliases_the_newest_first(choices: Choices) -> None:
    assert choices.ids == {"s1": "swing-100000", "s2": "swing-200000", "s3": "swing-300000", "s4": "swing-400000"}
    assert choices.days["s1"] == "3 May 2026"
    assert choices.main.analysis_id == "swing-100000"


def test_a_swing_that_the_golfer_names_comes_first_wherever_it_is_named(golfer: Golfer) -> None:
    by_field = choices_of("why?", golfer, None, "swing-600000")
    by_message = choices_of("what about swing-500000 then?", golfer, None, None)
    by_memory = choices_of("why?", golfer, conversation("swing-200000"), None)
    assert by_field
    assert by_message
    assert by_memory
    assert by_field.ids["s1"] == "swing-600000"
    assert by_message.ids["s1"] == "swing-500000"
    assert by_memory.ids["s1"] == "swing-200000"


def test_another_golfers_id_gives_nothing_wherever_it_is_named(golfer: Golfer) -> None:
    assert choices_of("why?", golfer, None, "another-golfers-1") is None
    for message, memory in (("show me another-golfers-1", None), ("why?", conversation("another-golfers-1"))):
        found = choices_of(message, golfer, memory, None)
        assert found is not None
        assert set(found.ids.values()) <= set(golfer.analyses)


def test_the_tools_are_strict_and_their_enums_are_what_there_is(choices: Choices, analysis: SwingAnalysis) -> None:
    tools = {one["function"]["name"]: one["function"] for one in tools_of(choices)["tools"]}
    assert list(tools) == ["analysis", "drills", "profile", "comparison"]
    assert all(tool["strict"] and not not_strict(tool["parameters"]) for tool in tools.values())
    assert tools["analysis"]["parameters"]["properties"]["swing"]["enum"] == ["s1", "s2", "s3", "s4"]
    alone = choices_of("why?", golfer_with(analysis, (-0.2,)), None, None)
    assert alone is not None
    assert "comparison" not in [one["function"]["name"] for one in tools_of(alone)["tools"]]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (ToolCall("analysis", '{"swing":"s2","at":"whole"}'), "0.30 torso lengths"),
        (
            ToolCall("analysis", '{"swing":"s1","at":"top"}'),
            "Pelvis sway at the top: \N{MINUS SIGN}0.15 torso lengths.",
        ),
        (ToolCall("analysis", '{"swing":"s1","at":"impact"}'), "0.15 torso lengths"),
        (ToolCall("profile", "{}"), "over 6 practices"),
        (ToolCall("comparison", '{"earlier":"s1","later":"s4"}'), "\N{MINUS SIGN}0.50 torso lengths then"),
        (ToolCall("drills", ""), "Trail hip"),
    ],
)
def test_each_tool_gives_facts_with_their_numbers_and_nothing_personal(
    choices: Choices, call: ToolCall, told: str
) -> None:
    dossier = looked_up([call], choices)
    assert told in says(dossier) or call.name == "drills"
    assert dossier.facts
    assert SECRET not in says(dossier)
    assert len(says(dossier)) < 3000
    assert set(dossier.by_id) == {f"f{number}" for number in range(1, len(dossier.facts) + 1)}


def test_no_call_gives_the_findings_of_the_main_swing_and_two_calls_give_both(choices: Choices) -> None:
    assert [swing.analysis_id for swing in looked_up([], choices).swings] == ["swing-100000"]
    calls = [ToolCall("analysis", f'{{"swing":"{alias}","at":"whole"}}') for alias in ("s1", "s2")]
    both = looked_up([*calls, calls[0]], choices)
    assert [swing.analysis_id for swing in both.swings] == ["swing-100000", "swing-200000"]
    assert both.facts[0].prints.startswith("On 3 May 2026: ")


@pytest.mark.parametrize(
    "call",
    [
        ToolCall("delete_swing", "{}"),
        ToolCall("", ""),
        ToolCall("analysis", "{}"),
        ToolCall("analysis", "not json"),
        ToolCall("analysis", "[" * 100_000),
        ToolCall("analysis", '{"swing":"s1","at":' + "9" * 5000 + "}"),
        ToolCall("analysis", '{"swing":"s9","at":"whole"}'),
        ToolCall("analysis", '{"swing":"swing-100000","at":"whole"}'),
        ToolCall("analysis", '{"swing":"another-golfers-1","at":"whole"}'),
        ToolCall("analysis", '{"swing":["s1"],"at":"whole"}'),
        ToolCall("analysis", '{"swing":"s1","at":"mars"}'),
        ToolCall("analysis", '{"swing":"s1","at":"whole","user_id":"bob"}'),
        ToolCall("comparison", '{"earlier":"s1","later":"s1"}'),
        ToolCall("profile", '{"user_id":"bob"}'),
    ],
    ids=lambda call: f"{call.name} {call.arguments[:40]}",
)
def test_a_call_of_anything_else_is_refused(choices: Choices, call: ToolCall) -> None:
    with pytest.raises(BadToolCallError):
        looked_up([call], choices)


def test_more_calls_than_there_is_room_for_are_refused(choices: Choices) -> None:
    calls = [ToolCall("analysis", f'{{"swing":"{alias}","at":"whole"}}') for alias in choices.ids]
    with pytest.raises(BadToolCallError, match="more than it may"):
        looked_up(calls, choices)


def test_an_analysis_that_is_gone_by_now_is_refused(golfer: Golfer, choices: Choices) -> None:
    del golfer.analyses["swing-200000"]
    with pytest.raises(BadToolCallError, match="not to be had"):
        looked_up([ToolCall("analysis", '{"swing":"s2","at":"whole"}')], choices)


@pytest.fixture
def asked_of(analysis: SwingAnalysis) -> Callable[[str, str, str], set[tuple[str, ...]]]:
    """What a message and a call make a golfer's data be asked for."""

    def ask(message: str, name: str, arguments: str) -> set[tuple[str, ...]]:
        golfer = golfer_with(analysis)
        found = choices_of(message, golfer, None, None)
        assert found is not None
        asked_before = len(golfer.asked)
        with contextlib.suppress(BadToolCallError):
            looked_up([ToolCall(name, arguments)], found)
        return set(golfer.asked[asked_before:])

    return ask


# The fixture makes a golfer anew for each example.
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.text(max_size=60) | st.just("compare swing-100000 with another-golfers-1"),
    name=st.sampled_from(["analysis", "comparison", "profile", "drills", "sql"]) | st.text(max_size=8),
    arguments=st.text(max_size=40)
    | st.builds(
        '{{"swing":"{}","at":"whole"}}'.format, st.sampled_from(["s1", "s2", "s3", "../x", "another-golfers-1"])
    ),
)
def test_whatever_the_model_and_the_message_say_a_call_reads_only_the_golfers_own_swings(
    asked_of: Callable[[str, str, str], set[tuple[str, ...]]], message: str, name: str, arguments: str
) -> None:
    own = {"swing-100000", "swing-200000"}
    assert all(set(asked[1:]) <= own for asked in asked_of(message, name, arguments))


def test_every_phase_of_the_tools_is_one_of_the_swing(choices: Choices) -> None:
    (analysis,) = (one for one in tools_of(choices)["tools"] if one["function"]["name"] == "analysis")
    phases = analysis["function"]["parameters"]["properties"]["at"]["enum"]
    assert set(phases) - {"whole"} <= {event.value for event in EventName}


def conversation(*about: str) -> Conversation:
    return said_before(*((MessageRole.USER, "what did you see", analysis_id) for analysis_id in about))
