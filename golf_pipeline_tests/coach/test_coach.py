"""The coach with a model that answers well or badly: the numbers are always the measured ones."""

import json
from typing import Any

import pytest

from golf_pipeline.coach.coach import DAY_IS_SPENT, NO_MODEL, coach_swing, facts_of, model_from_settings
from golf_pipeline.coach.documents import AiAnalysis, Spent, StoredAnswer
from golf_pipeline.coach.grounding import coaching_problems
from golf_pipeline.coach.prompts import SYSTEM_PROMPT
from golf_pipeline.settings import Settings
from golf_pipeline.swing.documents import RootCause, SwingAnalysis, SwingScore
from golf_pipeline_tests.coach.conftest import GOOD, ModelServer, model_of, with_claim


class Answers:
    """An answer store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredAnswer] = {}

    def get(self, key: str) -> StoredAnswer | None:
        return self.kept.get(key)

    def put(self, key: str, answer: StoredAnswer) -> None:
        self.kept[key] = answer


class Ledger:
    """A ledger in memory."""

    def __init__(self) -> None:
        self.usd = 0.0

    def reserve(self, usd: float, most_usd: float) -> bool:
        if self.usd + usd > most_usd:
            return False
        self.usd += usd
        return True

    def settle(self, reserved_usd: float, spent: Spent) -> None:
        self.usd += spent.usd - reserved_usd


def test_without_a_model_the_rules_write_the_coaching_and_say_so(analysis: SwingAnalysis) -> None:
    coaching = coach_swing(analysis)
    assert (coaching.fallback_triggered, coaching.fallback_reason, coaching.model) == (True, NO_MODEL, "rules")
    assert (coaching.tokens_used, coaching.cost_usd, coaching.frames_skipped) == (0, 0, 0)
    assert "0.14 torso lengths" in coaching.coaching_response
    assert coaching.recommendations[0].drill_id == "trail_hip_wall"
    assert coaching_problems(coaching, facts_of(analysis)) == ()


def test_a_models_words_are_used_and_the_numbers_stay_the_measured_ones(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.say(GOOD)
    coaching = coach_swing(analysis, model=model_of(model_server))
    assert (coaching.fallback_triggered, coaching.fallback_reason) == (False, "")
    assert coaching.response.startswith(f"{GOOD['summary']} Measured: your pelvis had moved 0.14 torso lengths")
    assert "away from the target at the top (frame 40)." in coaching.coaching_response
    assert coaching.technical_analysis.issues[0].impact == GOOD["claims"][0]["why_it_matters"]
    assert coaching.coaching_cues == (GOOD["claims"][0]["what_to_feel"],)
    assert coaching.tokens_used == 800
    assert coaching.cost_usd == pytest.approx((700 * 1.0 + 100 * 4.0) / 1e6)
    assert coaching.model == "test-model-1"
    assert coaching_problems(coaching, facts_of(analysis)) == ()


def test_the_request_is_strict_and_its_enums_are_the_swings_own_ids(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.say(GOOD)
    coach_swing(analysis, model=model_of(model_server))
    (request,) = model_server.requests
    assert model_server.complaints == []
    assert request["key"] == "Bearer test-key"
    body = request["body"]
    claim = body["response_format"]["json_schema"]["schema"]["properties"]["claims"]["items"]["properties"]
    assert claim["fault_id"]["enum"] == ["sway"]
    assert claim["evidence"]["enum"] == ["pelvis_sway@top"]
    assert body["messages"][0] == {"role": "system", "content": SYSTEM_PROMPT}
    assert (body["temperature"], body["seed"]) == (0, 1)


def test_the_prompt_begins_alike_for_every_swing_and_ends_with_its_data(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    assert analysis.findings is not None
    nothing = analysis.findings.model_copy(update={"findings": (), "overall_level": "no fault seen"})
    for one in (analysis, analysis.model_copy(update={"findings": nothing})):
        model_server.say(GOOD)
        coach_swing(one, model=model_of(model_server, attempts=1))
    first, second = (request["body"]["messages"] for request in model_server.requests)
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert [message["role"] for message in first] == ["system", "user"]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (GOOD | {"summary": "Your pelvis moved 0.34 torso lengths away from the target."}, "wrong number: 0.34"),
        (GOOD | {"summary": "Your pelvis moved 0.14 cm away from the target."}, "wrong unit: 0.14 cm"),
        (GOOD | {"summary": "Your pelvis moved +0.14 torso lengths."}, "wrong sign"),
        (GOOD | {"summary": "Your head moved 0.14 torso lengths back."}, "another metric: 0.14"),
        (GOOD | {"summary": "Your pelvis moved 0.14 torso lengths toward the target."}, "wrong sign"),
        (GOOD | {"summary": "Your X-factor is short."}, "not measured in this clip: X-factor"),
        (GOOD | {"summary": "Your X-factor is 47°."}, "wrong number: 47°"),
        (GOOD | {"summary": "Your clubhead speed is low."}, "nothing measures this: clubhead speed"),
        (GOOD | {"summary": "It shows in frame 41."}, "unknown frame: frame 41"),
        (GOOD | {"summary": "There is early extension as well."}, "fault not found: early extension"),
        (GOOD | {"summary": "Try the gate drill."}, "unknown drill: gate drill"),
        (GOOD | {"summary": "Hence your slice."}, "ball flight not listed: slice"),
        (GOOD | {"encouragement": "You turned ninety degrees, well done."}, "spelt-out quantity: ninety degrees"),
        (GOOD | {"encouragement": "Your tempo is superb."}, "praise not earned"),
        (GOOD | {"encouragement": "It will hurt your lower back."}, "medical claim"),
        (GOOD | {"encouragement": "You will gain distance."}, "promise"),
        (with_claim(what_happens="Your pelvis moves toward the target."), "wrong sign"),
        (with_claim(what_happens="It moves toward the target."), "wrong sign"),
        (with_claim(what_happens="At impact your pelvis is away from the target."), "another phase"),
        (with_claim(evidence="x_factor@top"), "x_factor@top is no sign of sway"),
        (with_claim(fault_id="casting"), "fault not found: casting"),
        (GOOD | {"praise": ["positive_1"]}, "praise not earned: positive_1"),
        (GOOD | {"claims": []}, "left out"),
        (GOOD | {"claims": GOOD["claims"] * 2}, "said twice"),
        (GOOD | {"overall_score": 99}, "does not follow the schema"),
        (GOOD | {"summary": "Your pelvis moved away from the target by .34 torso lengths."}, "wrong number: .34"),
        (GOOD | {"summary": ""}, "a text is empty"),
        (with_claim(what_to_feel="<b></b>"), "a text is empty"),
        ("not json", "does not follow the schema"),
        ("[1, 2", "does not follow the schema"),
        ("", "does not follow the schema"),
    ],
)
def test_a_fabrication_costs_one_repair_that_names_it(
    model_server: ModelServer, analysis: SwingAnalysis, answer: Any, named: str
) -> None:
    model_server.say(answer)
    model_server.say(GOOD)
    coaching = coach_swing(analysis, model=model_of(model_server))
    assert not coaching.fallback_triggered
    assert coaching.tokens_used == 1600
    assert coaching.response.startswith(GOOD["summary"])
    repair = model_server.requests[1]["body"]["messages"][-1]
    assert repair["role"] == "user"
    assert named in repair["content"]


def test_two_unusable_answers_leave_the_rules_to_write_and_are_still_on_the_bill(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    for _ in range(2):
        model_server.say(GOOD | {"summary": "Your pelvis moved 14 centimetres."})
    coaching = coach_swing(analysis, model=model_of(model_server))
    assert coaching.fallback_triggered
    assert "not usable: wrong number: 14 centimetres" in coaching.fallback_reason
    assert coaching.model == "rules"
    assert coaching.tokens_used == 1600
    assert analysis.report is not None
    assert coaching.response == analysis.report.summary


def test_markup_in_an_answer_becomes_plain_text(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    model_server.say(GOOD | {"encouragement": "**Take** <b>it</b> slowly: https://evil.example/x"})
    coaching = coach_swing(analysis, model=model_of(model_server))
    assert coaching.overall_feedback == "Take it slowly:"


def test_the_same_question_is_paid_for_once(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    answers = Answers()
    model_server.say(GOOD)
    first = coach_swing(analysis, model=model_of(model_server), answers=answers)
    second = coach_swing(analysis, model=model_of(model_server), answers=answers)
    assert len(model_server.requests) == 1
    assert (first.answer_reused, second.answer_reused) == (False, True)
    assert second == first.model_copy(update={"answer_reused": True})


def test_an_unusable_answer_is_not_paid_for_again_and_a_failed_service_is_asked_again(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    answers = Answers()
    model_server.fail(500)
    assert "failed (500)" in coach_swing(analysis, model=model_of(model_server), answers=answers).fallback_reason
    assert answers.kept == {}
    for _ in range(2):
        model_server.say("not json")
    for _ in range(2):
        coaching = coach_swing(analysis, model=model_of(model_server), answers=answers)
        assert "not usable" in coaching.fallback_reason
    assert len(model_server.requests) == 3


def test_a_stored_answer_that_the_check_no_longer_lets_pass_is_asked_for_anew(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    answers = Answers()
    model_server.say(GOOD)
    coach_swing(analysis, model=model_of(model_server), answers=answers)
    ((key, stored),) = answers.kept.items()
    assert stored.words is not None
    bad = stored.words.model_copy(update={"summary": "Your pelvis moved 9 cm."})
    answers.kept[key] = stored.model_copy(update={"words": bad})
    model_server.say(GOOD)
    assert coach_swing(analysis, model=model_of(model_server), answers=answers).response.startswith(GOOD["summary"])


def test_other_findings_another_model_or_another_service_ask_another_question(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    from golf_pipeline.coach.openai_coach import question_key

    assert analysis.findings is not None
    model = model_of(model_server)
    other_findings = analysis.findings.model_copy(update={"positives": ("You finish over the lead foot.",)})
    keys = {
        question_key(model, facts_of(analysis), ()),
        question_key(model, facts_of(analysis.model_copy(update={"findings": other_findings})), ()),
        question_key(model_of(model_server, attempts=1), facts_of(analysis), ()),
        question_key(model_of(model_server, tokens=3000), facts_of(analysis), ()),
    }
    assert len(keys) == 4
    assert question_key(model, facts_of(analysis), ()) in keys


def test_a_day_whose_money_is_spent_leaves_the_rules_to_write(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    ledger = Ledger()
    model_server.say(GOOD)
    first = coach_swing(analysis, model=model_of(model_server, usd_per_day=0.02), ledger=ledger)
    assert ledger.usd == pytest.approx(first.cost_usd)
    ledger.usd = 0.019
    second = coach_swing(analysis, model=model_of(model_server, usd_per_day=0.02), ledger=ledger)
    assert (second.fallback_triggered, second.fallback_reason) == (True, DAY_IS_SPENT)
    assert len(model_server.requests) == 1
    assert ledger.usd == pytest.approx(0.019)


def test_a_failed_call_gives_its_reservation_back(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    ledger = Ledger()
    model_server.fail(500)
    coach_swing(analysis, model=model_of(model_server), ledger=ledger)
    assert ledger.usd == pytest.approx(0)


def test_a_ledger_that_is_lost_after_the_answer_does_not_make_it_paid_for_again(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    class Lost(Ledger):
        def settle(self, reserved_usd: float, spent: Spent) -> None:
            raise OSError(f"the database is gone: {reserved_usd} reserved, {spent} spent")

    answers = Answers()
    model_server.say(GOOD)
    with pytest.raises(OSError, match="gone"):
        coach_swing(analysis, model=model_of(model_server), answers=answers, ledger=Lost())
    assert coach_swing(analysis, model=model_of(model_server), answers=answers, ledger=Lost()).answer_reused
    assert len(model_server.requests) == 1


def test_a_budget_too_small_for_an_answer_asks_nothing(model_server: ModelServer, analysis: SwingAnalysis) -> None:
    coaching = coach_swing(analysis, model=model_of(model_server, tokens=1000))
    assert "token budget" in coaching.fallback_reason
    assert model_server.requests == []


def test_no_second_answer_is_asked_for_where_the_budget_holds_none(
    model_server: ModelServer, analysis: SwingAnalysis
) -> None:
    model_server.say("not json")
    coaching = coach_swing(analysis, model=model_of(model_server, tokens=1900))
    assert "token budget of this coaching is used up: it does not follow the schema" in coaching.fallback_reason
    assert len(model_server.requests) == 1
    assert coaching.tokens_used == 800
    assert model_server.requests[0]["body"]["max_completion_tokens"] <= 1900


def test_root_cause_and_score_come_from_the_findings(analysis: SwingAnalysis) -> None:
    assert analysis.findings is not None
    root = RootCause(fault_id="sway", name="Sway", leads_to=(), explanation="It explains the rest.")
    score = SwingScore(value=72, parts=())
    with_both = analysis.findings.model_copy(update={"root_cause": root, "score": score})
    coaching = coach_swing(analysis.model_copy(update={"findings": with_both}))
    assert coaching.root_cause == "Sway: It explains the rest."
    assert coaching.overall_score == 72
    assert coach_swing(analysis).root_cause == "Sway: The pelvis drifts away from the target in the backswing."
    assert coach_swing(analysis).overall_score is None


def test_a_phase_says_its_readings_and_scores_only_two_or_more(analysis: SwingAnalysis) -> None:
    phases = {phase.phase.value: phase for phase in coach_swing(analysis).swing_phases}
    assert list(phases) == [event.event.value for event in analysis.events]
    assert phases["top"].observations == (
        "Pelvis sway at the top: \N{MINUS SIGN}0.14 torso lengths",
        "Sway shows here",
    )
    assert phases["top"].quality_score is None
    inside = analysis.metrics[0].model_copy(update={"id": "balance_position", "value": 0.0, "unit": "stance widths"})
    outside = inside.model_copy(update={"value": 0.2})
    for second, score in ((inside, 50.0), (outside, 0.0)):
        two = analysis.model_copy(update={"metrics": (*analysis.metrics, second)})
        assert {phase.phase.value: phase for phase in coach_swing(two).swing_phases}["top"].quality_score == score


def test_an_analysis_without_findings_cannot_be_coached(analysis: SwingAnalysis) -> None:
    for missing in ("findings", "capture", "report"):
        with pytest.raises(ValueError, match="missing"):
            coach_swing(analysis.model_copy(update={missing: None}))


def test_the_same_swing_gives_the_same_bytes(analysis: SwingAnalysis) -> None:
    assert coach_swing(analysis).model_dump_json() == coach_swing(analysis).model_dump_json()
    assert AiAnalysis.model_validate(json.loads(coach_swing(analysis).model_dump_json())) == coach_swing(analysis)


def test_a_model_without_a_known_price_is_billed_at_the_dearest() -> None:
    prices, images = {"a": (1, 9), "b": (3, 2)}, {"a": 85, "b": 180}
    settings = Settings(openai_api_key="k", openai_model="new", model_prices=prices, model_image_tokens=images)
    model = model_from_settings(settings)
    assert model is not None
    assert (model.price.usd_in, model.price.usd_out, model.price.image_tokens) == (3, 9, 180)


def test_without_a_key_there_is_no_model() -> None:
    assert model_from_settings(Settings(openai_api_key=None)) is None


def test_the_usual_names_of_key_and_address_work_and_our_own_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://usual/v1")
    settings = Settings()
    assert settings.openai_api_key is not None
    assert (settings.openai_api_key.get_secret_value(), settings.openai_base_url) == ("usual", "http://usual/v1")
    monkeypatch.setenv("GOLF_OPENAI_API_KEY", "own")
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    settings = Settings()
    assert settings.openai_api_key is not None
    assert (settings.openai_api_key.get_secret_value(), settings.openai_base_url) == ("own", None)
    model = model_from_settings(settings)
    assert model is not None
    assert str(model.client.base_url) == "https://api.openai.com/v1/", "the library reads the environment as well"


def test_a_key_from_a_file_loses_its_line_break_and_an_address_must_be_one() -> None:
    key = Settings(openai_api_key="k\n").openai_api_key
    assert key is not None
    assert key.get_secret_value() == "k"
    assert Settings(openai_base_url=" http://h:1/v1/ ").openai_base_url == "http://h:1/v1/"
    for wrong in ("h:1/v1", "http://h:abc/v1"):
        with pytest.raises(ValueError, match="up to /v1"):
            Settings(openai_base_url=wrong)


@pytest.mark.parametrize("wrong", [{"model_prices": {}}, {"model_image_tokens": {}}, {"model_prices": {"m": (-1, 0)}}])
def test_a_price_list_without_a_price_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)
