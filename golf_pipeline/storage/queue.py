"""The queue of upload events, as who announces an upload uses it; `orchestration/ingest.py` reads it.

What is sent has the shape of S3's own notification, so the reader knows one kind of message. S3 announces the same
object as well, and registering twice changes nothing: this message is for services whose bucket announces nothing.
"""

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from golf_pipeline.settings import Settings
from golf_pipeline.storage.object_store import ObjectFacts

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 3
ATTEMPTS = 2
"""A caller waits for the answer, and the listing finds the upload anyway: at most ten seconds are spent."""


class QueueUnavailableError(Exception):
    """The queue did not take the message; the message of this error names the kind of failure only."""


def dead_letters_url(client: "SQSClient", redrive_policy: str) -> str:
    """The URL of the dead-letter queue that a queue's attribute `RedrivePolicy` (JSON) names.

    Raises:
        BotoCoreError, ClientError: SQS does not answer, or there is no such queue, or not for us.
    """
    _, _, _, _, account, name = json.loads(redrive_policy)["deadLetterTargetArn"].split(":")
    return client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]


class UploadQueue:
    """One queue of upload events."""

    def __init__(self, client: "SQSClient", queue_url: str, region: str) -> None:
        self._client, self._queue_url, self._region = client, queue_url, region

    @classmethod
    def from_settings(cls, settings: Settings) -> "UploadQueue | None":
        """The queue that the settings name, over a new client; None where they name none."""
        if settings.queue_url is None:
            return None
        import boto3
        from botocore.config import Config

        endpoint_url = settings.sqs_endpoint_url or settings.s3_endpoint_url
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        client = boto3.client("sqs", endpoint_url=endpoint_url, region_name=settings.region, config=config)
        return cls(client, settings.queue_url, settings.region)

    def send_object_created(self, bucket: str, created: ObjectFacts) -> str:
        """Announce an object as S3 would; returns the message's id.

        Raises:
            QueueUnavailableError: the queue does not answer or refuses.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        body = json.dumps({"Records": [self._record(bucket, created)]})
        try:
            return self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)["MessageId"]
        except ClientError as error:
            raise QueueUnavailableError(str(error.response.get("Error", {}).get("Code", "refused"))) from error
        except BotoCoreError as error:
            raise QueueUnavailableError(type(error).__name__) from error

    def _record(self, bucket: str, created: ObjectFacts) -> dict[str, Any]:
        when = created.last_modified.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": self._region,
            "eventTime": when,
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": bucket},
                "object": {"key": quote_plus(created.key, safe="/"), "size": created.size, "eTag": created.etag},
            },
        }
