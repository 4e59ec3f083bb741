"""A finished analysis is told in its golfer's conversation: once, not at the cost of the swing, and not forgotten."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.orchestration.told import MOST_NEWS, analysis_message, tell_golfer, tell_what_is_missing
from golf_pipeline.orchestration.workspace import Workspace
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.records import AnalysisRecord
from golf_pipeline.storage.tables import analyses
from golf_pipeline.storage.tombstones import bury
from golf_pipeline_tests.orchestration.conftest import Cloud
from golf_pipeline_tests.storage.stored_swings import coaching, finished, result


def posted(cloud: Cloud, user_id: str = "ann") -> list[str]:
    return [one.content for one in Conversations(cloud.catalog.engine).open(user_id, 50).recent_messages]


def a_swing(cloud: Cloud, user_id: str = "ann", name: str = "s1") -> Swing:
    record = finished(cloud.catalog, cloud.objects, user_id, name, result(name, 20.0))
    return Swing(Workspace(cloud.settings, cloud.catalog, cloud.objects, "run"), record, Path("nowhere"))


def missing(cloud: Cloud) -> int:
    return tell_what_is_missing(cloud.catalog, cloud.objects, "ann", cloud.catalog.completed_of_user("ann"))


@pytest.mark.parametrize(
    ("issues", "message"),
    [
        ((), "Your swing analysis is ready. You sway."),
        (("Sway", "Slide"), "Your swing analysis is ready. You sway."),
        (("Early extension",), "Your swing analysis is ready. You sway. First on the list: Early extension."),
    ],
)
def test_the_message_names_the_main_issue(issues: Sequence[str], message: str) -> None:
    assert analysis_message(coaching("You sway.", *issues)) == message


def test_a_finished_swing_is_told_once_and_an_analysis_again_replaces_the_text(cloud: Cloud) -> None:
    swing = a_swing(cloud)
    for response in ("You sway.", "You sway.", "You slide. <b>Mail me@example.com</b>"):
        tell_golfer(swing, coaching(response))
    assert posted(cloud) == ["Your swing analysis is ready. You slide. Mail"]


def test_guests_are_told_nothing(cloud: Cloud) -> None:
    swing = a_swing(cloud, GUEST)
    tell_golfer(swing, coaching("You sway."))
    with cloud.catalog.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM conversations").scalar() == 0


def test_a_swing_that_was_deleted_or_is_analysed_again_is_not_told(cloud: Cloud) -> None:
    deleted, again = a_swing(cloud, name="s1"), a_swing(cloud, name="s2")
    bury(cloud.catalog, deleted.record)
    cloud.catalog.request_analysis(again.record.analysis_id)
    for swing in (deleted, again):
        tell_golfer(swing, coaching("You sway."))
    assert posted(cloud) == []


def test_a_failed_post_costs_nobody_the_swing_and_the_profiles_run_makes_up_for_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("INSERT ... You sway.", {}, Exception("gone"))

    swing = a_swing(cloud)
    with monkeypatch.context() as patch:
        patch.setattr(Conversations, "post_analysis", fail)
        tell_golfer(swing, coaching("You sway."))
    assert "s1 is not in its golfer's conversation yet: OperationalError" in caplog.text
    assert "sway" not in caplog.text
    assert posted(cloud) == []
    assert [missing(cloud), missing(cloud)] == [1, 0]
    assert posted(cloud) == ["Your swing analysis is ready. coaching of s1"]


def test_a_text_that_was_not_replaced_after_an_analysis_again_is_made_up_for(cloud: Cloud) -> None:
    swing = a_swing(cloud)
    tell_golfer(swing, coaching("You sway."))
    assert missing(cloud) == 0
    _completed_at(cloud, swing.record, datetime.now(UTC) + timedelta(seconds=1))
    assert missing(cloud) == 1
    assert posted(cloud) == ["Your swing analysis is ready. coaching of s1"]


def test_only_what_is_news_is_made_up_for(cloud: Cloud) -> None:
    old = a_swing(cloud, name="old").record
    _completed_at(cloud, old, datetime.now(UTC) - timedelta(days=8))
    assert missing(cloud) == 0
    for number in range(MOST_NEWS + 1):
        a_swing(cloud, name=f"s{number:02}")
    assert missing(cloud) == MOST_NEWS
    assert "coaching of s00" not in " ".join(posted(cloud))


def test_a_result_that_is_gone_is_left_out(cloud: Cloud) -> None:
    key = cloud.catalog.stages(a_swing(cloud).record.analysis_id)["result"].key
    cloud.s3.delete_object(Bucket=cloud.settings.bucket, Key=key)
    assert missing(cloud) == 0


def _completed_at(cloud: Cloud, record: AnalysisRecord, moment: datetime) -> None:
    this = analyses.c.analysis_id == record.analysis_id
    with cloud.catalog.engine.begin() as connection:
        connection.execute(update(analyses).where(this).values(completed_at=moment))
