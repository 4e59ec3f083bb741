"""Telling golfers of a finished analysis, in their conversation with the coach, so that chat and analysis share it.

The run that finishes a swing posts it at once, after its status says so. That must not cost the golfer the swing: where
it fails, or the process dies in between, the run that makes the golfer's profile next posts what is missing. There is
such a run after each finished swing, tried again like any other.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from golf_pipeline.coach.documents import AiAnalysis
from golf_pipeline.orchestration.swing import Swing
from golf_pipeline.storage.catalog import Catalog
from golf_pipeline.storage.conversations import Conversations
from golf_pipeline.storage.golfer_data import StoredGolfer
from golf_pipeline.storage.keys import GUEST
from golf_pipeline.storage.object_store import ObjectStore
from golf_pipeline.storage.records import AnalysisRecord, Status

NEWS_FOR = timedelta(days=7)
MOST_NEWS = 10
"""Swings that were never told of, as those from before there were conversations, are told of only while they are news:
a golfer's ten latest of the last seven days."""

log = logging.getLogger(__name__)


def analysis_message(coaching: AiAnalysis) -> str:
    """A few sentences on a finished analysis: the coach's summary, and the main issue where that does not name it."""
    message = f"Your swing analysis is ready. {coaching.response}"
    first = next((issue.issue for issue in coaching.technical_analysis.issues), "")
    return message if first.lower() in message.lower() else f"{message} First on the list: {first}."


def tell_golfer(swing: Swing, coaching: AiAnalysis) -> None:
    """Post a swing that was just completed; whatever fails is logged, and healed by `tell_what_is_missing`."""
    record = swing.record
    if record.user_id == GUEST:
        return
    catalog = swing.workspace.catalog
    try:
        now = catalog.get(record.analysis_id)
        if now is not None and (now.attempt, now.status) == (record.attempt, Status.AI_COMPLETED):
            message = analysis_message(coaching)
            Conversations(catalog.engine).post_analysis(record.user_id, record.analysis_id, message)
    except Exception as error:
        log.warning("%s is not in its golfer's conversation yet: %s", record.analysis_id, type(error).__name__)


def tell_what_is_missing(
    catalog: Catalog, objects: ObjectStore, user_id: str, completed: Sequence[AnalysisRecord]
) -> int:
    """Post those of a golfer's finished swings that are news and were not posted; returns how many.

    Args:
        completed: the golfer's finished analyses, oldest first.
    """
    conversations = Conversations(catalog.engine)
    golfer = StoredGolfer(catalog, objects, user_id)
    since = datetime.now(UTC) - NEWS_FOR
    told = 0
    for record in completed[-MOST_NEWS:]:
        finished = record.completed_at
        if finished is None or finished < since or conversations.posted_since(record.analysis_id, finished):
            continue
        swing = golfer.swing(record.analysis_id)
        if swing is not None:  # else it was deleted meanwhile, or is analysed again: that run posts it
            conversations.post_analysis(user_id, record.analysis_id, analysis_message(swing.ai_analysis))
            told += 1
    return told
