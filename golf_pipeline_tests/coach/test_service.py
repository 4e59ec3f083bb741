"""A service that fails, refuses, dawdles or speaks otherwise: each end has a reason, and the rules write the report."""

import socket
import time
from typing import Any

import pytest

from golf_pipeline.coach.coach import CoachModel, coach_swing
from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.coach.conftest import GOOD, ModelServer, model_of


def fell_back(analysis: SwingAnalysis, model: CoachModel) -> AiAnalysis:
    coaching = coach_swing(analysis, model=model)
    assert (coaching.success, coaching.fallback_triggered, coaching.model) == (True, True, "rules")
    assert analysis.report is not None
    assert coaching.response == analysis.report.summary
    return coaching


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "refused the key"),
        (403, "may not use this model"),
        (404, "does not know this model"),
        (400, "refused the request"),
        (429, "busy or its quota"),
        (500, "failed (500)"),
        (503, "failed (503)"),
    ],
)
def test_a_failing_service_leaves_the_rules_to_write(
    model_server: ModelServer, analysis: SwingAnalysis, status: int, reason: str
) -> None:
    model_server.fail(status)
    coaching = fell_back(analysis, model_of(model_server))
    assert reason in coaching.fallback_reason
    assert coaching.tokens_used == 0


@pytest.mark.parametrize("status", [429, 500])
def test_a_busy_service_is_asked_again(model_server: ModelServer, analysis: SwingAnalysis, status: int) -> None:
    model_server.fail(status, retry_after="0.1")
    model_server.say(GOOD)
    assert not coach_swing(analysis, model=model_of(model_server, retries=1)).fallback_triggered
    assert len(model_server.requests) == 2


def test_a_service_that_asks_to_wait_long_is_not_waited_for(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    model_server.fail(429, retry_after="100")
    model_server.fail(429, retry_after="Wed, 21 Oct 2037 07:28:00 GMT")
    started = time.monotonic()
    assert "busy" in fell_back(analysis, model_of(model_server, retries=1)).fallback_reason
    assert time.monotonic() - started < 50
    assert len(model_server.requests) == 2


def test_a_service_that_dawdles_is_given_up_and_billed_as_if_it_had_answered(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    tokens = []
    for retries in (0, 1):
        for _ in range(retries + 1):
            model_server.sleep(1)
        coaching = fell_back(analysis, model_of(model_server, timeout_s=0.3, retries=retries))
        assert "did not answer in time" in coaching.fallback_reason
        tokens.append(coaching.tokens_used)
    assert tokens[0] > 1000
    assert tokens[1] == 2 * tokens[0]


def test_a_service_that_keeps_the_line_open_with_empty_lines_is_given_up(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.dribble(pieces=30, every_s=0.1)
    started = time.monotonic()
    assert "did not answer in time" in fell_back(analysis, model_of(model_server, timeout_s=0.4)).fallback_reason
    assert time.monotonic() - started < 2


def test_an_address_where_nobody_listens_is_told(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        model_server.url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    coaching = fell_back(analysis, model_of(model_server))
    assert "cannot be reached" in coaching.fallback_reason
    assert coaching.tokens_used == 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>welcome</html>", "text/html"),
        (b"{not json", "application/json"),
        ([1, 2], "application/json"),
        ({"choices": None}, "application/json"),
        ({"choices": []}, "application/json"),
        ({"choices": {"index": 0}}, "application/json"),
        ({"choices": [{"index": 0, "finish_reason": "stop"}]}, "application/json"),
        ({"object": "list", "data": []}, "application/json"),
    ],
    ids=[
        "html",
        "broken json",
        "a list",
        "no choices",
        "empty choices",
        "choices are no list",
        "no message",
        "another document",
    ],
)
def test_an_answer_in_another_form_is_none(
    model_server: ModelServer, analysis: SwingAnalysis, body: Any, kind: str
) -> None:
    model_server.reply(200, body, kind)
    assert fell_back(analysis, model_of(model_server)).fallback_reason in {
        "the model service answered in another form",
        "the model gave no answer",
    }


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"total_tokens": 800},
        {"prompt_tokens": "700", "completion_tokens": "100"},
        {"prompt_tokens": 700.5, "completion_tokens": 100},
        {"prompt_tokens": -7000, "completion_tokens": 0},
        "800",
    ],
)
def test_a_service_that_does_not_count_in_tokens_is_billed_by_the_estimate(
    model_server: ModelServer, analysis: SwingAnalysis, usage: Any
) -> None:
    model_server.say(GOOD, more={"usage": usage})
    coaching = coach_swing(analysis, model=model_of(model_server))
    assert not coaching.fallback_triggered
    assert coaching.tokens_used > 1000


@pytest.mark.parametrize("content", [5, {"summary": "a"}, [{"type": "text", "text": "a"}]])
def test_a_content_that_is_no_text_is_no_answer(
    model_server: ModelServer, analysis: SwingAnalysis, content: Any
) -> None:
    for _ in range(2):
        message = {"role": "assistant", "content": content}
        model_server.say("", more={"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    assert "does not follow the schema" in fell_back(analysis, model_of(model_server)).fallback_reason


def test_a_service_that_names_no_model_is_the_one_that_was_asked(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    for name in (None, 7, ""):
        model_server.say(GOOD, more={"model": name})
        assert coach_swing(analysis, model=model_of(model_server)).model == "test-model"


def test_a_refusal_and_a_content_filter_are_final_and_on_the_bill(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.say(None, refusal="I cannot do that")
    assert fell_back(analysis, model_of(model_server)).fallback_reason == "the model refused to answer"
    model_server.say("", finish="content_filter")
    coaching = fell_back(analysis, model_of(model_server))
    assert "content filter" in coaching.fallback_reason
    assert coaching.tokens_used == 800


def test_a_cut_off_answer_is_asked_for_again_shorter(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    model_server.say(GOOD, finish="length")
    model_server.say(GOOD)
    assert not coach_swing(analysis, model=model_of(model_server)).fallback_triggered
    assert "be shorter" in model_server.requests[1]["body"]["messages"][-1]["content"]


def test_a_model_that_refuses_temperature_and_seed_is_asked_without(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    said = (
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."
    )
    model_server.fail(400, said, "temperature")
    model_server.fail(400, "Unsupported parameter: 'seed' is not supported with this model.", "seed")
    model_server.say(GOOD)
    assert not coach_swing(analysis, model=model_of(model_server)).fallback_triggered
    asked = [set(request["body"]) & {"temperature", "seed"} for request in model_server.requests]
    assert asked == [{"temperature", "seed"}, {"seed"}, set()]


def test_an_option_that_is_refused_as_an_unknown_field_is_left_out(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    for name in ("seed", "max_completion_tokens"):
        model_server.reply(
            422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "not permitted"}]}
        )
    model_server.say(GOOD)
    assert not coach_swing(analysis, model=model_of(model_server)).fallback_triggered
    assert "max_tokens" in model_server.requests[-1]["body"]


def test_a_service_without_strict_schemas_is_asked_in_json_mode_with_the_schema_in_words(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.fail(400, "'response_format' of type json_schema is not supported")
    model_server.fail(400, "unknown field max_completion_tokens")
    model_server.say(GOOD, usage=False)
    coaching = coach_swing(analysis, model=model_of(model_server))
    assert not coaching.fallback_triggered
    body = model_server.requests[-1]["body"]
    assert body["response_format"] == {"type": "json_object"}
    assert "additionalProperties" in body["messages"][0]["content"]
    assert "max_tokens" in body
    assert coaching.tokens_used > 800, "a service that does not count is billed by the estimate"


def test_the_same_refusal_twice_ends_it(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    for _ in range(2):
        model_server.fail(400, "temperature is wrong", "temperature")
    assert "refused the request" in fell_back(analysis, model_of(model_server)).fallback_reason
    assert len(model_server.requests) == 2


def test_a_second_call_that_fails_keeps_the_bill_of_the_first(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.say("not json")
    model_server.fail(500)
    coaching = fell_back(analysis, model_of(model_server))
    assert coaching.tokens_used == 800
    assert "failed (500)" in coaching.fallback_reason
