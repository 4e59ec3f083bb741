"""The coach with a model that answers well, badly, or not at all: the numbers are always the measured ones."""

from typing import Any

import pytest

from golf_pipeline.coach import openai_coach
from golf_pipeline.coach.coach import CoachModel, model_from_settings, write_coaching
from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.coach.grounding import ungrounded_numbers_in_coaching
from golf_pipeline.settings import Settings
from golf_pipeline.swing.documents import Findings, Metric, Report, SwingSegmentation
from golf_pipeline_tests.coach.conftest import ModelServer

GOOD: dict[str, Any] = {
    "summary": "Your hips slide away from the target before they turn.",
    "root_cause_fault_id": "sway",
    "issues": [
        {"fault_id": "sway", "what_happens": "The hips drift.", "why_it_matters": "The low point of the arc moves."}
    ],
    "encouragement": "One clear thing to work on is a good place to be.",
}

Case = tuple[Findings, tuple[Metric, ...], SwingSegmentation, Report]


@pytest.fixture
def case(findings: Findings, metrics: tuple[Metric, ...], segmentation: SwingSegmentation, report: Report) -> Case:
    return findings, metrics, segmentation, report


def coach_with(server: ModelServer, case: Case) -> AiAnalysis:
    client = openai_coach.connect("test-key", server.url).with_options(max_retries=0)
    return write_coaching(*case, key_frame_count=14, model=CoachModel(client, "test-model", (1.0, 4.0)))


def test_without_a_model_the_rules_write_the_coaching_and_say_so(case: Case) -> None:
    coaching = write_coaching(*case, key_frame_count=14)
    assert coaching.fallback_triggered
    assert coaching.fallback_reason == "no model is configured"
    assert coaching.model == "rules"
    assert coaching.tokens_used == 0
    assert "0.14 torso lengths" in coaching.coaching_response
    assert coaching.recommendations[0].drill_id == "trail_hip_wall"


def test_a_models_words_are_used_and_the_numbers_stay_the_measured_ones(model_server: ModelServer, case: Case) -> None:
    model_server.say(GOOD)
    coaching = coach_with(model_server, case)
    assert not coaching.fallback_triggered
    assert coaching.response == GOOD["summary"]
    assert "The hips drift. At the top (frame 40)" in coaching.coaching_response
    assert coaching.tokens_used == 800
    assert coaching.cost_usd == pytest.approx((700 * 1.0 + 100 * 4.0) / 1e6)
    assert coaching.model == "test-model-1"
    assert ungrounded_numbers_in_coaching(coaching, case[0], case[1]) == ()


def test_the_request_is_a_strict_schema_whose_fault_ids_are_the_findings_own(
    model_server: ModelServer, case: Case
) -> None:
    model_server.say(GOOD)
    coach_with(model_server, case)
    request = model_server.requests[0]
    assert request["path"] == "/v1/chat/completions"
    schema = request["body"]["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["additionalProperties"] is False
    assert schema["schema"]["properties"]["issues"]["items"]["properties"]["fault_id"]["enum"] == ["sway"]
    assert request["body"]["messages"][0] == {"role": "system", "content": openai_coach.SYSTEM_PROMPT}


@pytest.mark.parametrize(
    ("field", "fabrication"),
    [
        ("summary", "Your hips slide 14 centimetres."),
        ("summary", "Your X-factor is 52."),
        ("encouragement", "You turned ninety degrees, well done."),
    ],
)
def test_a_fabricated_number_costs_one_repair_and_then_the_good_answer_is_used(
    model_server: ModelServer, case: Case, field: str, fabrication: str
) -> None:
    model_server.say(GOOD | {field: fabrication})
    model_server.say(GOOD)
    coaching = coach_with(model_server, case)
    assert not coaching.fallback_triggered
    assert fabrication not in coaching.coaching_response + coaching.overall_feedback
    assert coaching.tokens_used == 1600
    assert "prints numbers" in model_server.requests[1]["body"]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "answer",
    [
        "not json",
        GOOD | {"root_cause_fault_id": "casting"},
        GOOD | {"issues": []},
        GOOD | {"issues": [*GOOD["issues"], GOOD["issues"][0] | {"fault_id": "slide"}]},
        GOOD | {"overall_score": "perfect"},
    ],
    ids=["no json", "unknown root cause", "a fault left out", "an invented fault", "an extra field"],
)
def test_an_answer_outside_the_findings_twice_leaves_the_rules_to_write(
    model_server: ModelServer, case: Case, answer: object
) -> None:
    model_server.say(answer)
    model_server.say(answer)
    coaching = coach_with(model_server, case)
    assert coaching.fallback_triggered
    assert "not usable" in coaching.fallback_reason
    assert coaching.response == case[3].summary


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_failing_service_leaves_the_rules_to_write(model_server: ModelServer, case: Case, status: int) -> None:
    model_server.fail(status)
    coaching = coach_with(model_server, case)
    assert coaching.fallback_triggered
    assert coaching.success
    assert "service failed" in coaching.fallback_reason


def test_a_model_without_a_known_price_is_billed_at_the_dearest() -> None:
    settings = Settings(openai_api_key="k", openai_model="brand-new", model_prices={"a": (1, 9), "b": (3, 2)})
    model = model_from_settings(settings)
    assert model is not None
    assert model.usd_per_million == (3, 9)


def test_without_a_key_there_is_no_model() -> None:
    assert model_from_settings(Settings(openai_api_key=None)) is None
