"""The alarms: complete, over metrics that are really there, and rendered as Prometheus reads them."""

import json
import re
import tomllib

import pytest
import yaml

from golf_pipeline.alarms import Alarm, alarm_named, alarms, alerting_rules, read_alarms, watched_alarms
from golf_pipeline.failures import our_faults
from golf_pipeline.storage.service_readings import Reading

ALARM = """
[[alarm]]
name = "TooMany"
expression = "sum(golf_chat_tokens_total)"
above = 1
for_s = 0
severity = "warning"
unit = "tokens"
meaning = "There are more tokens than there should be."
action = "Look at who uses them, and talk to them."
"""


def test_every_alarm_of_the_specification_is_there() -> None:
    assert {
        "ChatTokensHigh",
        "ApiErrorsHigh",
        "ApiSlow",
        "ChatSlow",
        "ModelCostOverLimit",
        "QueueLong",
        "QueueNeverEmpty",
        "SwingsWaitTooLong",
        "DeadLetters",
        "SwingsFailing",
    } <= {alarm.name for alarm in alarms()}


@pytest.mark.parametrize(
    "wrong",
    [
        ALARM.replace("sum(", "sum(("),
        ALARM.replace("golf_chat_tokens_total", "up"),
        ALARM.replace('"warning"', '"bad"'),
        ALARM.replace("above = 1", ""),
        ALARM + 'extra = "x"\n',
        ALARM + ALARM,
        ALARM.replace('"Look at who uses them, and talk to them."', '"?"'),
        "",
    ],
)
def test_an_alarm_that_is_not_complete_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        read_alarms(wrong)


def test_a_text_that_is_no_toml_is_refused() -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        read_alarms("[[alarm")


def test_alarms_are_rendered_as_rules_of_prometheus_in_json_that_is_yaml() -> None:
    rendered = alerting_rules(read_alarms(ALARM))
    assert yaml.safe_load(rendered) == json.loads(rendered)
    (group,) = json.loads(rendered)["groups"]
    (rule,) = group["rules"]
    assert rule["expr"] == "(sum(golf_chat_tokens_total)) > 1"
    assert (rule["alert"], rule["for"], rule["labels"]["severity"]) == ("TooMany", "0s", "warning")
    assert rule["annotations"]["runbook"] == "Look at who uses them, and talk to them."


def test_an_alarm_knows_which_metrics_it_needs() -> None:
    (alarm,) = read_alarms(ALARM)
    assert isinstance(alarm, Alarm)
    assert alarm.metrics == {"golf_chat_tokens_total"}


def test_an_alarm_that_the_pipeline_watches_names_a_number_that_it_reads() -> None:
    watched = {alarm.name: alarm.reading for alarm in watched_alarms()}
    assert {"DeadLetters", "QueueLong", "SwingsWaitTooLong", "SwingsStuck", "SwingsFailing", "CatalogDown"} <= set(
        watched
    )
    assert set(watched.values()) == set(Reading)
    with pytest.raises(ValueError, match="reading"):
        read_alarms(ALARM + 'reading = "weather"\n')


def test_an_alarm_without_any_number_is_refused_and_one_without_expression_is_no_rule() -> None:
    bare = ALARM.replace('expression = "sum(golf_chat_tokens_total)"\n', "")
    with pytest.raises(ValueError, match="neither an expression nor a reading"):
        read_alarms(bare)
    rendered = json.loads(alerting_rules(read_alarms(bare + 'reading = "dead_letters"\n')))
    assert rendered["groups"][0]["rules"] == []


def test_prometheus_counts_the_same_failures_as_ours_as_the_pipeline_does() -> None:
    expression = alarm_named("SwingsFailing").expression or ""
    (codes,) = re.findall(r'code=~"([^"]+)"', expression)
    assert codes.split("|") == sorted(our_faults())
