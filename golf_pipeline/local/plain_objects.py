"""The short way to an object of the embedded AWS: whole objects are read, put and copied without moto's HTTP layers.

These take several milliseconds to find out what nearly every request of the pipeline is: signed, to a key without
odd characters, and with no header that asks for more than the object. Such a request goes at once to what `S3Response`
of moto changes for it: the bucket's keys, the tags and the queue. Two things are better for it: an object has its
headers before anyone hears of it, and a copy takes no reading of its bytes. Every other request is moto's matter.
"""

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.s3.notifications import S3NotificationEvent, send_event

from golf_pipeline.local.durable import DurableKeys, new_key

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]
Answer = tuple[dict[str, Any], bytes]

_KEY = re.compile(r"[\w.@+=:|~-]+(/[\w.@+=:|~-]+)*", re.ASCII)

_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
"""moto takes other host names for the name of a bucket."""

_BODY_HASH = re.compile(r"[0-9a-f]{64}|UNSIGNED-PAYLOAD")
"""Else the body has more in it than the object: chunks, their signatures, a checksum behind them."""

_COPY_SOURCE = "HTTP_X_AMZ_COPY_SOURCE"

_PLAIN_HEADERS = frozenset(
    {
        "HTTP_ACCEPT",
        "HTTP_ACCEPT_ENCODING",
        "HTTP_AMZ_SDK_INVOCATION_ID",
        "HTTP_AMZ_SDK_REQUEST",
        "HTTP_AUTHORIZATION",
        "HTTP_CONNECTION",
        "HTTP_EXPECT",
        "HTTP_HOST",
        "HTTP_USER_AGENT",
        "HTTP_X_AMZ_CONTENT_SHA256",
        "HTTP_X_AMZ_DATE",
        _COPY_SOURCE,
    }
)
"""What boto3 sends with every request, and the source of a copy. Any other header may ask for anything."""

_KEPT_HEADERS = {"content-type": "CONTENT_TYPE", "x-amz-content-sha256": "HTTP_X_AMZ_CONTENT_SHA256"}
"""Of those above, what moto keeps with an object and answers with it."""


class PlainObjects:
    """The plain requests to one bucket, which has no settings of its own but where its events go."""

    def __init__(self, bucket: FakeBucket, keys: DurableKeys, region: str) -> None:
        self._bucket, self._keys = bucket, keys
        self._backend = s3_backends[bucket.account_id][bucket.partition]
        # moto checks no signature, but reads from it which service is meant, and where.
        self._signed = re.compile(rf"AWS4-HMAC-SHA256 Credential=[^/,\s]+/\d+/{re.escape(region)}/s3/aws4_request,.*")

    def before(self, application: WsgiApplication) -> WsgiApplication:
        """An application that answers the plain requests, and leaves the others to the one that is given."""

        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            answered = self._answer(environ)
            if answered is None:
                return application(environ, start_response)
            headers, body = answered
            headers["x-amzn-requestid"] = uuid.uuid4().hex
            start_response("200 OK", [(str(name), str(value)) for name, value in headers.items()])
            return [body]

        return answer

    def _answer(self, environ: dict[str, Any]) -> Answer | None:
        """The headers and the body for a plain request that can be met, None for any other; then nothing was done."""
        key = self._key(environ["PATH_INFO"])
        if key is None or not self._asks_plainly(environ) or not self._is_plain():
            return None
        method, source = environ["REQUEST_METHOD"], environ.get(_COPY_SOURCE)
        if method == "PUT":
            return self._put(key, environ) if source is None else self._copy(unquote(source), key)
        return self._read(key, method) if method in {"GET", "HEAD"} and source is None else None

    def _key(self, path: str) -> str | None:
        bucket, _, key = path.removeprefix("/").partition("/")
        return key if bucket == self._bucket.name and _KEY.fullmatch(key) else None

    def _asks_plainly(self, environ: dict[str, Any]) -> bool:
        return (
            not environ["QUERY_STRING"]
            and all(name in _PLAIN_HEADERS for name in environ if name.startswith("HTTP_"))
            and self._signed.fullmatch(environ.get("HTTP_AUTHORIZATION", "")) is not None
            and _HOST.fullmatch(environ.get("HTTP_HOST", "")) is not None
            and _BODY_HASH.fullmatch(environ.get("HTTP_X_AMZ_CONTENT_SHA256", "UNSIGNED-PAYLOAD")) is not None
        )

    def _is_plain(self) -> bool:
        bucket = self._bucket
        return self._backend.buckets.get(bucket.name) is bucket and not (
            bucket.is_versioned or bucket.policy or bucket.logging or bucket.object_lock_enabled or bucket.encryption
        )

    def _found(self, key: str) -> FakeKey | None:
        """The object, if it is there and has nothing that moto answers in a way of its own."""
        found = self._backend.get_object(self._bucket.name, key)
        if found is None or found.storage_class != "STANDARD" or found.checksum_value:
            return None
        return found if found.metadata.keys() <= _KEPT_HEADERS.keys() else None

    def _read(self, key: str, method: str) -> Answer | None:
        found = self._found(key)
        if found is None:
            return None
        try:
            body = found.value if method == "GET" else b""
        except FileNotFoundError:  # overwritten or deleted at this moment
            return None
        return {**found.response_dict, **found.metadata, "Accept-Ranges": "bytes"}, body

    def _put(self, key: str, environ: dict[str, Any]) -> Answer:
        made = new_key(key, self._bucket, environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        kept = {header: environ[name] for header, name in _KEPT_HEADERS.items() if environ.get(name)}
        made.set_metadata(kept)
        made.set_acl(self._bucket.acl)
        self._keys.setlist(key, made)
        self._announce(S3NotificationEvent.OBJECT_CREATED_PUT_EVENT, made)
        if self._backend.tagger.has_tags(made.arn):  # those of the object that is replaced
            self._backend.put_object_tagging(made, {})
        return _without_length(made), b""

    def _copy(self, source: str, key: str) -> Answer | None:
        source_key = self._key(source)
        found = None if source_key is None or source_key == key else self._found(source_key)
        if found is None or "-" in found.etag:  # uploaded in parts, where a copy gets another ETag
            return None
        made = new_key(key, self._bucket)
        made.set_metadata(dict(found.metadata))
        made.set_acl(self._bucket.acl)
        try:
            self._keys.set_copy(found, made)
        except FileNotFoundError:  # overwritten or deleted at this moment
            return None
        self._backend.tagger.copy_tags(found.arn, made.arn)
        self._announce(S3NotificationEvent.OBJECT_CREATED_COPY_EVENT, made)
        body = (
            '<?xml version="1.0" encoding="utf-8"?>\n<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<ETag>{made.etag}</ETag><LastModified>{made.last_modified_ISO8601}</LastModified></CopyObjectResult>"
        )
        return {"Content-Type": "application/xml", **_without_length(made)}, body.encode()

    def _announce(self, event: S3NotificationEvent, made: FakeKey) -> None:
        send_event(self._bucket.account_id, event, self._bucket, made)


def _without_length(key: FakeKey) -> dict[str, Any]:
    return {name: value for name, value in key.response_dict.items() if name != "content-length"}
