"""The embedded AWS: one bucket, its queue and its dead-letter queue over HTTP, on this machine only.

`moto` in server mode, made durable by `durable.py`. Chosen over an own S3 and over MinIO or SeaweedFS: it is pure
Python, has the queue and its redrive as well, and speaks to the same boto3 code as AWS does.

For development only: moto checks no signature, no expiry and no signed length, and allows every web origin. So the
server binds to the loopback address and nothing else. Run by the stack as `python -m golf_pipeline.local.aws`;
everything it needs is in GOLF_* variables, the port is the one of GOLF_S3_ENDPOINT_URL.
"""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from golf_pipeline.settings import Settings, get_settings
from golf_pipeline.storage.keys import VIDEO_EXTENSIONS

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from golf_pipeline.local.plain_objects import WsgiApplication

HOST = "127.0.0.1"
ACCOUNT_ID = "123456789012"
UPLOAD_PREFIX = "golf-swings/"

RETENTION_S = 14 * 24 * 3600
LONG_POLL_S = 20
MAX_RECEIVES = 3

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    # A developer's own profile must not leak into the local stack, nor the local stack ask a cloud for a role.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What boto3 needs to sign requests that nobody checks; good for the embedded endpoint and nowhere else."""


@dataclass(frozen=True)
class EmbeddedAws:
    """Where the embedded AWS is and what it holds."""

    folder: Path
    port: int
    bucket: str = "golf-swings"
    region: str = "us-east-1"
    visibility_s: int = 120

    @classmethod
    def from_settings(cls, settings: Settings) -> "EmbeddedAws":
        """Read the port from the S3 endpoint.

        Raises:
            ValueError: the endpoint is not `http://127.0.0.1:<port>`.
        """
        address = urlsplit(settings.s3_endpoint_url or "")
        if address.scheme != "http" or address.hostname != HOST or not address.port:
            raise ValueError(f"GOLF_S3_ENDPOINT_URL is {settings.s3_endpoint_url!r}, not http://{HOST}:<port>")
        return cls(
            folder=settings.data_folder / "aws",
            port=address.port,
            bucket=settings.bucket,
            region=settings.region,
            visibility_s=settings.queue_visibility_s,
        )

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def queue_name(self) -> str:
        return f"{self.bucket}-uploads"

    @property
    def dead_letter_queue_name(self) -> str:
        return f"{self.bucket}-uploads-dead-letters"

    @property
    def queue_url(self) -> str:
        return f"{self.endpoint_url}/{ACCOUNT_ID}/{self.queue_name}"

    @property
    def dead_letter_queue_url(self) -> str:
        return f"{self.endpoint_url}/{ACCOUNT_ID}/{self.dead_letter_queue_name}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point the pipeline at this endpoint."""
        return {
            "GOLF_BUCKET": self.bucket,
            "GOLF_REGION": self.region,
            "GOLF_S3_ENDPOINT_URL": self.endpoint_url,
            "GOLF_SQS_ENDPOINT_URL": self.endpoint_url,
            "GOLF_QUEUE_URL": self.queue_url,
            "GOLF_QUEUE_VISIBILITY_S": str(self.visibility_s),
            "AWS_DEFAULT_REGION": self.region,
            **CREDENTIALS,
        }


def make_server(config: EmbeddedAws) -> "BaseWSGIServer":
    """Restore what the folder holds, set up bucket, queues and notifications, and bind the port.

    Once this returns, requests are queued by the kernel; `serve_forever()` answers them. Nothing is announced for
    objects that are restored.

    Raises:
        OSError: the port is taken (werkzeug says so on stderr and exits) or the folder cannot be written.
    """
    from werkzeug.serving import make_server as make_wsgi_server

    from golf_pipeline.local.aws_http import KeepAliveHandler
    from golf_pipeline.local.durable import DurableKeys, Folder
    from golf_pipeline.local.indexed_listing import IndexedListing
    from golf_pipeline.local.plain_objects import PlainObjects

    _silence()
    folder = Folder(config.folder)
    folder.sweep()
    keys = DurableKeys(folder, config.bucket)
    bucket = _make_bucket(config)
    keys.restore(bucket)
    bucket.keys = keys
    IndexedListing(folder, bucket, keys).install(_s3_backend())
    _make_queues(config, folder)
    _announce_uploads(config, bucket)

    application = _store_before_answering(PlainObjects(bucket, keys, config.region).before(_application()), keys)
    return make_wsgi_server(HOST, config.port, application, threaded=True, request_handler=KeepAliveHandler)


def main() -> None:
    """Serve until the process is told to end. No clean end is needed: all that was acknowledged is on disk."""
    server = make_server(EmbeddedAws.from_settings(get_settings()))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def _application() -> "WsgiApplication":
    """moto's application; it lists its own folder to find a host's service, which is done here once a host."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    class Dispatcher(DomainDispatcherApplication):
        @cache  # noqa: B019 there is one, which lives as long as its process
        def get_backend_for_host(self, host: str | None) -> Any:
            return super().get_backend_for_host(host)

    return Dispatcher(create_backend_app)


def _s3_backend() -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT_ID]["aws"]


def _make_bucket(config: EmbeddedAws) -> Any:
    return _s3_backend().create_bucket(config.bucket, config.region)


def _make_queues(config: EmbeddedAws, folder: Any) -> None:
    from moto.sqs.models import sqs_backends

    from golf_pipeline.local.durable import DurableQueue

    queues = sqs_backends[ACCOUNT_ID][config.region].queues
    shared = {"MessageRetentionPeriod": RETENTION_S, "ReceiveMessageWaitTimeSeconds": LONG_POLL_S}
    dead_letters = DurableQueue(folder, config.dead_letter_queue_name, config.region, **shared)  # type: ignore[abstract]
    queues[dead_letters.name] = dead_letters
    redrive = {"deadLetterTargetArn": dead_letters.queue_arn, "maxReceiveCount": MAX_RECEIVES}
    uploads = DurableQueue(  # type: ignore[abstract]  # moto does the same
        folder,
        config.queue_name,
        config.region,
        VisibilityTimeout=config.visibility_s,
        RedrivePolicy=json.dumps(redrive),
        **shared,
    )
    queues[uploads.name] = uploads


def _announce_uploads(config: EmbeddedAws, bucket: Any) -> None:
    """Send ObjectCreated events of videos under the upload prefix to the queue, from now on.

    A swing leaves thirty objects beside its video, whose events would only be read to be dropped. A suffix is compared
    letter by letter: what is named `.Mp4` is found by listing.

    Set on the bucket itself: moto's public call would put another s3:TestEvent into the queue at every start.
    """
    from moto.s3.models import NotificationConfiguration

    queues = [
        {
            "Id": f"uploads-{suffix}",
            "Queue": f"arn:aws:sqs:{config.region}:{ACCOUNT_ID}:{config.queue_name}",
            "Event": ["s3:ObjectCreated:*"],
            "Filter": {
                "S3Key": {
                    "FilterRule": [
                        {"Name": "prefix", "Value": UPLOAD_PREFIX},
                        {"Name": "suffix", "Value": f".{suffix}"},
                    ]
                }
            },
        }
        for extension in VIDEO_EXTENSIONS
        for suffix in (extension, extension.upper())
    ]
    bucket.notification_configuration = NotificationConfiguration(queue=queues)


def _store_before_answering(application: "WsgiApplication", keys: Any) -> "WsgiApplication":
    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with keys.request():
            return application(environ, start_response)

    return answer


def _silence() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    logging.getLogger("botocore").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
