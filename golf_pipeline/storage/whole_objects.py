"""Objects that are read, written or copied in one request each, by obstore: an S3 client in Rust.

A swing is some twenty small objects, and boto3 takes 2.2 ms of CPU for a request where obstore takes 0.35 (on the
embedded S3): that was a third of what it costs to measure a stored swing anew. Who we are, where the bucket is and
whose certificates hold is what boto3 found out, so that there is one way to set it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from golf_pipeline.storage.s3_errors import refused, unavailable

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from obstore.store import ClientConfig, S3Credential, S3Store

    from golf_pipeline.storage.object_store import Patience

CREDENTIALS_FOR = timedelta(minutes=9)
"""How long credentials are good for at least: boto3 renews those that end ten minutes before they do."""

LONGEST_REQUESTS = 10
"""A whole request, body and all, may take so many times what the next bytes of an answer may."""

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")


class WholeObjects:
    """The objects of one bucket; errors as those of `ObjectStore`."""

    def __init__(self, store: "S3Store") -> None:
        self._store = store

    @classmethod
    def connect(
        cls,
        bucket: str,
        endpoint_url: str,
        region: str,
        credentials: "Credentials | None",
        patience: "Patience",
        *,
        in_host_name: bool,
        user_agent: str,
        certificates: bytes | None = None,
    ) -> "WholeObjects":
        """Args:
        endpoint_url: the service's, without the bucket.
        in_host_name: the bucket goes into the host name, not into the path.
        certificates: PEM, of authorities to trust beside the machine's own.
        """
        from obstore.store import S3Store

        url = urlsplit(endpoint_url)
        place = urlunsplit(url._replace(netloc=f"{bucket}.{url.netloc}")) if in_host_name else endpoint_url
        options: ClientConfig = {
            "allow_http": url.scheme == "http",
            "connect_timeout": timedelta(seconds=patience.connect_s),
            "read_timeout": timedelta(seconds=patience.read_s),
            "timeout": timedelta(seconds=patience.read_s * LONGEST_REQUESTS),
            "user_agent": user_agent,
        }
        if certificates is not None:
            options["root_certificate"] = certificates
        store = S3Store(
            bucket,
            aws_endpoint_url_s3=place,  # before the environment's, which boto3 has already heeded
            region=region,
            virtual_hosted_style_request=in_host_name,
            credential_provider=_Credentials(credentials),
            client_options=options,
            retry_config={
                "max_retries": patience.attempts - 1,
                "retry_timeout": timedelta(seconds=patience.attempts * (patience.connect_s + patience.read_s)),
                "backoff": {"init_backoff": timedelta(seconds=0.5), "max_backoff": timedelta(seconds=20), "base": 2},
            },
        )
        return cls(store)

    def get(self, key: str) -> bytes:
        with _typed_errors(key):
            return bytes(self._store.get(key).bytes())

    def put(self, key: str, body: bytes, content_type: str) -> None:
        with _typed_errors(key):
            self._store.put(key, body, attributes={"Content-Type": content_type}, use_multipart=False)

    def copy(self, source: str, target: str) -> None:
        with _typed_errors(source):
            self._store.copy(source, target)


class _Credentials:
    """boto3's credentials of the moment, as obstore asks for them."""

    def __init__(self, credentials: "Credentials | None") -> None:
        self._credentials = credentials

    def __call__(self) -> "S3Credential":
        frozen = self._credentials.get_frozen_credentials() if self._credentials is not None else None
        if frozen is None or frozen.access_key is None or frozen.secret_key is None:
            raise PermissionError("there are no AWS credentials")
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + CREDENTIALS_FOR,
        }


@contextmanager
def _typed_errors(key: str) -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        # Of what S3 said obstore keeps the words only.
        status, code = _STATUS.search(str(error)), _CODE.search(str(error))
        if status is None:
            raise unavailable(f"{key}: {type(error).__name__}") from error
        raise refused(key, int(status[1]), code[1] if code else "") from error
