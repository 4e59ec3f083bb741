"""What an operator wants to know of the catalog and the queue: counts, ages and costs, read when they are asked for.

Nothing here counts all swings ever: those under way are few and found along an index, those that ended are counted for
the last day only.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, func, select

from golf_pipeline.storage import database
from golf_pipeline.storage.queue import dead_letters_url
from golf_pipeline.storage.records import Status
from golf_pipeline.storage.tables import analyses, conversations, model_usage, stage_outputs

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ACTIVE = timedelta(minutes=15)
"""A conversation with a message in this time is an active one."""

SQS_TIMEOUT_S = 2


def _now() -> datetime:
    return datetime.now(UTC)


class CatalogReadings:
    """Readings of the catalog's database."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = _now) -> None:
        self._reader, self._now = database.for_reading(engine), now

    def under_way(self) -> dict[Status, int]:
        """How many swings stand at each status that is not an end."""
        statuses = [status for status in Status if not status.ended]
        query = select(analyses.c.status, func.count()).where(analyses.c.status.in_(statuses))
        return dict.fromkeys(statuses, 0) | self._counted(query.group_by(analyses.c.status))

    def ended_last_day(self) -> dict[Status, int]:
        """How many swings ended in the last 24 hours, by how; deleted ones are not counted."""
        query = select(analyses.c.status, func.count()).where(
            analyses.c.completed_at >= self._now() - DAY, analyses.c.deleted_at.is_(None)
        )
        ended = {status: 0 for status in Status if status.ended}
        counted = self._counted(query.group_by(analyses.c.status))
        return ended | {status: count for status, count in counted.items() if status in ended}

    def stages_last_hour(self) -> dict[str, tuple[int, float]]:
        """How many outputs each stage stored in the last hour, and how many seconds of work they took together."""
        seconds = func.coalesce(func.sum(stage_outputs.c.facts["compute_seconds"].as_float()), 0.0)
        query = (
            select(stage_outputs.c.stage, func.count(), seconds)
            .where(stage_outputs.c.stored_at >= self._now() - HOUR)
            .group_by(stage_outputs.c.stage)
        )
        with self._reader.connect() as connection:
            return {stage: (count, float(took)) for stage, count, took in connection.execute(query)}

    def failures_last_hour(self) -> dict[str, int]:
        """How many swings failed in the last hour, by error code; deleted ones are not counted."""
        query = select(analyses.c.error_code, func.count()).where(
            analyses.c.completed_at >= self._now() - HOUR,
            analyses.c.status == Status.FAILED,
            analyses.c.deleted_at.is_(None),
        )
        with self._reader.connect() as connection:
            return {code or "": count for code, count in connection.execute(query.group_by(analyses.c.error_code))}

    def waiting(self) -> tuple[int, float]:
        """How many uploads wait for a run, and for how many seconds the oldest has."""
        query = select(func.count(), func.min(analyses.c.uploaded_at)).where(
            analyses.c.status == Status.STARTED, analyses.c.etag.is_not(None), analyses.c.dispatched_at.is_(None)
        )
        with self._reader.connect() as connection:
            count, oldest = connection.execute(query).one()
        return count, 0.0 if oldest is None else max(0.0, (self._now() - oldest).total_seconds())

    def cost_today(self) -> dict[str, float]:
        """USD spent and reserved today (UTC) on models, by purpose."""
        today = self._now().astimezone(UTC).date().isoformat()
        query = select(model_usage.c.purpose, model_usage.c.usd).where(model_usage.c.day == today)
        with self._reader.connect() as connection:
            return {row.purpose: row.usd for row in connection.execute(query)}

    def active_conversations(self) -> int:
        """How many conversations had a message lately."""
        query = select(func.count()).select_from(conversations)
        with self._reader.connect() as connection:
            count: int = connection.execute(
                query.where(conversations.c.last_updated >= self._now() - ACTIVE)
            ).scalar_one()
        return count

    def _counted(self, query: Any) -> dict[Status, int]:
        with self._reader.connect() as connection:
            return {Status(status): count for status, count in connection.execute(query)}


class QueueReadings:
    """Readings of the upload queue and of the dead-letter queue behind it; SQS counts both approximately."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client, self._queue_url = client, queue_url
        self._dead_letters_url: str | None = None

    @classmethod
    def connect(cls, queue_url: str, endpoint_url: str | None, region: str) -> "QueueReadings":
        """Readings of a queue; nothing is asked before the first reading."""
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=SQS_TIMEOUT_S, read_timeout=SQS_TIMEOUT_S, retries={"total_max_attempts": 1})
        client = boto3.session.Session().client("sqs", endpoint_url=endpoint_url, region_name=region, config=config)
        return cls(client, queue_url)

    def messages(self) -> dict[tuple[str, str], int]:
        """How many messages each queue holds: (`uploads` or `dead_letters`, `waiting` or `in_flight`) -> number.

        Raises:
            BotoCoreError, ClientError: SQS does not answer, or not to us.
        """
        found, policy = self._attributes("uploads", self._queue_url)
        if policy is not None:
            if self._dead_letters_url is None:
                self._dead_letters_url = dead_letters_url(self._client, policy)
            found |= self._attributes("dead_letters", self._dead_letters_url)[0]
        return found

    def _attributes(self, name: str, url: str) -> tuple[dict[tuple[str, str], int], str | None]:
        told = self._client.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy"],
        )["Attributes"]
        counts = {
            (name, "waiting"): int(told["ApproximateNumberOfMessages"]),
            (name, "in_flight"): int(told["ApproximateNumberOfMessagesNotVisible"]),
        }
        return counts, told.get("RedrivePolicy")
