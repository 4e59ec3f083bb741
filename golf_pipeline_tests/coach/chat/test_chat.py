"""The chat with a model that answers well: what it says, what stands behind it, what it costs; and the rules else."""

import json
from typing import Any

import pytest

from golf_pipeline.coach.chat.breaker import LEFT_ALONE, Breaker
from golf_pipeline.coach.chat.chat import (
    EVERYBODYS_DAY_IS_SPENT,
    NO_SWING,
    USER_DAY_IS_SPENT,
    answer_chat,
    chat_model_from_settings,
)
from golf_pipeline.coach.coach import NO_MODEL
from golf_pipeline.settings import Settings
from golf_pipeline.swing.documents import SwingAnalysis
from golf_pipeline_tests.coach.chat.golfers import Calls, Golfer, Ledger, chat_model, golfer_with
from golf_pipeline_tests.coach.conftest import ModelServer

QUESTION = "What should I work on?"
GOOD: dict[str, Any] = {
    "topic": "work_on",
    "reply": "Start with the way your hips move in the backswing.",
    "points": [{"fact": "f1", "text": "At the top your pelvis has drifted away from the target."}],
    "try_this": "Feel your trail hip turn behind you.",
}


def test_a_models_answer_is_its_words_with_the_measured_sentence_behind_each_point(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.call_tools(("analysis", {"swing": "s1", "at": "whole"}))
    model_server.say(GOOD)
    calls, ledger = Calls(), Ledger()
    model = chat_model(model_server, observer=calls)
    answer = answer_chat(QUESTION, golfer=golfer_with(analysis), conversation=None, model=model, ledger=ledger)
    assert answer.fallback_reason == ""
    assert answer.text == (
        "Start with the way your hips move in the backswing. At the top your pelvis has drifted away from the target. "
        "Measured: your pelvis had moved 0.14 torso lengths (about a hand wide) away from the target at the top "
        "(frame 40). Feel your trail hip turn behind you."
    )
    assert (answer.written_by, answer.model, answer.topic) == ("model", "test-model-1", "work_on")
    assert answer.swing_references == ("swing-100000",)
    assert answer.tokens_used == 330 + 800
    assert answer.cost_usd == pytest.approx((300 + 30 * 4 + 700 + 100 * 4) / 1e6)
    assert ledger.usd == pytest.approx(answer.cost_usd)
    assert calls.outcomes == [("look", "answered"), ("answer", "answered")]
    assert model_server.complaints == []


def test_a_cited_drill_is_named_and_its_text_is_the_librarys(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.call_tools()
    model_server.say(GOOD | {"points": [*GOOD["points"], {"fact": "f2", "text": "This drill lets you feel the turn."}]})
    answer = answer_chat(QUESTION, golfer=golfer_with(analysis), conversation=None, model=chat_model(model_server))
    assert answer.drill_ids == ("trail_hip_wall",)
    assert "Trail hip to the wall: Stand a hand's width from a wall. 3 x 10." in answer.text


def test_progress_and_comparison_are_told_with_their_numbers(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    golfer = golfer_with(analysis, (-0.12, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7))
    model_server.call_tools(("profile", {}))
    model_server.say(
        {
            "topic": "progress",
            "reply": "Yes, your pelvis is getting there.",
            "points": [{"fact": "f1", "text": "It has improved over your practices."}],
            "try_this": "",
        }
    )
    progress = answer_chat("Am I improving?", golfer=golfer, conversation=None, model=chat_model(model_server))
    assert progress.fallback_reason == ""
    assert (
        "pelvis sway at the top from \N{MINUS SIGN}0.70 torso lengths to \N{MINUS SIGN}0.10 torso lengths."
        in progress.text
    )
    model_server.call_tools(("comparison", {"earlier": "s1", "later": "s3"}))
    model_server.say(
        {
            "topic": "compare",
            "reply": "The later swing is better at the top.",
            "points": [{"fact": "f1", "text": "Your pelvis stays nearer to its place."}],
            "try_this": "",
        }
    )
    compared = answer_chat("Compare them", golfer=golfer, conversation=None, model=chat_model(model_server))
    assert compared.fallback_reason == ""
    assert "\N{MINUS SIGN}0.30 torso lengths then \N{MINUS SIGN}0.12 torso lengths" in compared.text
    assert set(compared.swing_references) == {"swing-100000", "swing-300000"}


def test_without_a_model_money_or_a_swing_the_rules_answer_and_say_why(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    golfer, model = golfer_with(analysis), chat_model(model_server)
    left_alone = chat_model(model_server, breaker=Breaker("b", 1, 3600))
    with pytest.raises(ZeroDivisionError):
        left_alone.breaker.run(lambda: 1 / 0)
    cases: list[tuple[str, dict[str, Any]]] = [
        (NO_MODEL, {"golfer": golfer}),
        (USER_DAY_IS_SPENT, {"golfer": golfer, "model": model, "ledger": Ledger(used_up="user")}),
        (EVERYBODYS_DAY_IS_SPENT, {"golfer": golfer, "model": model, "ledger": Ledger(used_up="all")}),
        (NO_SWING, {"golfer": Golfer({}), "model": model}),
        (NO_SWING, {"golfer": golfer, "model": model, "about": "another-golfers-1"}),
        (LEFT_ALONE, {"golfer": golfer, "model": left_alone}),
    ]
    for reason, how in cases:
        answer = answer_chat(QUESTION, conversation=None, **how)
        assert (answer.written_by, answer.model, answer.fallback_reason) == ("rules", "rules", reason)
        assert answer.text
        assert answer.tokens_used == 0
    assert model_server.requests == []


def test_a_ledger_holds_the_worst_case_while_the_model_is_asked(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    ledger, model = Ledger(), chat_model(model_server)
    model_server.fail(500)
    answer = answer_chat(QUESTION, golfer=golfer_with(analysis), conversation=None, model=model, ledger=ledger)
    assert "failed (500)" in answer.fallback_reason
    assert ledger.reserved == [pytest.approx(1500 * 4.0 / 1e6)]
    assert ledger.usd == pytest.approx(0.0)


def test_the_settings_name_the_model_its_limits_and_its_price() -> None:
    assert chat_model_from_settings(Settings(openai_api_key=None)) is None
    settings = Settings(
        openai_api_key="k", openai_base_url="http://h:1/v1", chat_tokens=900, chat_timeout_s=2, chat_retries=3
    )
    calls = Calls()
    model, other = chat_model_from_settings(settings, calls), chat_model_from_settings(settings)
    assert model is not None
    assert other is not None
    assert (model.limits.tokens, model.limits.timeout_s, model.limits.retries) == (900, 2, 3)
    assert (model.price.usd_in, model.price.usd_out) == (0.4, 1.6)
    assert model.observer is calls
    assert model.breaker is other.breaker, "one breaker for each service in a process"
    assert model.client.max_retries == 0


def test_nothing_that_a_person_typed_is_sent_but_the_message_and_the_talk(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    golfer = golfer_with(analysis, (-0.12, -0.3, -0.5))
    model_server.call_tools(("profile", {}))
    model_server.say(GOOD)
    answer_chat(QUESTION, golfer=golfer, conversation=None, model=chat_model(model_server))
    assert len(model_server.requests) == 2
    sent = json.dumps([request["body"] for request in model_server.requests])
    assert "Zebra" not in sent
    assert "ann" not in sent.replace("cannot", "").replace("channel", "").split('"')
    assert "swing-" not in sent, "no id of a swing is told, only aliases"
