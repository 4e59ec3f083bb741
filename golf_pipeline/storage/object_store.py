"""The object store: one S3 bucket, whose failures are this project's typed errors (`s3_errors.py`).

Small objects are moved whole by a fast client (`whole_objects.py`), all else is boto3's: videos, listings, signed
links, uploads in parts. What a key means is `keys.py`'s matter.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from golf_pipeline.storage.s3_errors import refused, unavailable
from golf_pipeline.storage.whole_objects import WholeObjects
from golf_pipeline.swing.errors import ErrorCode, SwingError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

USER_AGENT = "golf_pipeline"
"""In S3's access logs; boto3's own, with all that it runs on, is put together anew for each request."""

CHUNK_BYTES = 1024 * 1024
PART_BYTES = 5 * 1024 * 1024
"""Of a streamed upload: the least that S3 takes for a part that is not the last."""

DELETED_AT_ONCE = 1000
"""Keys in one request to delete: S3 takes no more."""


@dataclass(frozen=True)
class Patience:
    """How long S3 may take: for the connection, for the next bytes of an answer, and how often it is asked."""

    connect_s: float
    read_s: float
    attempts: int


IN_A_RUN = Patience(5, 60, 4)
"""Nobody waits for a run, and what it gives up has to be done again from the beginning."""

FOR_A_CLIENT = Patience(2, 10, 2)
"""A client waits, and holds one of a process's few threads: S3 that hangs must cost seconds, not minutes."""


@dataclass(frozen=True)
class ObjectFacts:
    """What S3 says of one object; `etag` without quotes."""

    key: str
    size: int
    etag: str
    last_modified: datetime


@dataclass(frozen=True)
class Level:
    """A page of what one folder holds: its objects, and the folders in it by their prefixes ("a/b/")."""

    objects: tuple[ObjectFacts, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True)
class IncompleteUpload:
    """An upload in parts that was begun and has not ended: no listing of objects shows it, and its parts cost money."""

    key: str
    upload_id: str
    initiated: datetime


class ObjectStore:
    """One bucket. All methods raise SwingError: UPLOAD_DELETED, UPLOAD_FORBIDDEN or STORAGE_UNAVAILABLE (retryable)."""

    def __init__(self, bucket: str, client: "S3Client", whole: WholeObjects) -> None:
        self.bucket, self.client, self._whole = bucket, client, whole

    @classmethod
    def connect(
        cls, bucket: str, endpoint_url: str | None = None, region: str | None = None, patience: Patience = IN_A_RUN
    ) -> Self:
        """A store over a new client; credentials are boto3's own business. Importing boto3 takes 0.3 s, hence here."""
        import boto3
        from botocore.config import Config
        from botocore.session import get_session

        # Other services than AWS do not all know boto3's newer checksum trailers, and want the bucket in the path. On
        # AWS the bucket goes into the host name: only then does boto3 presign for the bucket's own region. The global
        # host answers other regions with a redirect, which a signed PUT does not survive.
        other_service: Any = {
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
        config = Config(
            signature_version="s3v4",
            connect_timeout=patience.connect_s,
            read_timeout=patience.read_s,
            retries={"mode": "standard", "total_max_attempts": patience.attempts},
            s3={"addressing_style": "path" if endpoint_url else "virtual"},
            user_agent=USER_AGENT,
            **(other_service if endpoint_url else {}),
        )
        session = get_session()
        client = boto3.Session(botocore_session=session).client(
            "s3", endpoint_url=endpoint_url, region_name=region, config=config
        )
        certificates = session.get_config_variable("ca_bundle")
        whole = WholeObjects.connect(
            bucket,
            client.meta.endpoint_url,
            client.meta.region_name,
            session.get_credentials(),
            patience,
            in_host_name=endpoint_url is None,
            user_agent=USER_AGENT,
            certificates=Path(certificates).read_bytes() if certificates else None,
        )
        return cls(bucket, client, whole)

    def check(self) -> None:
        """Return if the bucket can be reached; whatever keeps us from it is STORAGE_UNAVAILABLE."""
        try:
            with _typed_errors(self.bucket):
                self.client.head_bucket(Bucket=self.bucket)
        except SwingError as error:
            raise unavailable(error.detail) from error

    def head(self, key: str) -> ObjectFacts:
        with _typed_errors(key):
            answer = self.client.head_object(Bucket=self.bucket, Key=key)
        return ObjectFacts(key, answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"])

    def download(self, key: str, path: Path, *, etag: str | None = None, max_bytes: int | None = None) -> ObjectFacts:
        """Write an object to a file, in chunks.

        Args:
            etag: fail (UPLOAD_DELETED) if the object is no longer the one with this ETag.
            max_bytes: fail (VIDEO_TOO_LARGE) before the first byte if the object is larger.

        A file that could not be read to its end is removed.
        """
        with _typed_errors(key):
            match: Any = {"IfMatch": f'"{etag}"'} if etag else {}
            answer = self.client.get_object(Bucket=self.bucket, Key=key, **match)
            with closing(answer["Body"]) as body:
                if max_bytes is not None and answer["ContentLength"] > max_bytes:
                    raise SwingError(
                        ErrorCode.VIDEO_TOO_LARGE,
                        f"The video is larger than {max_bytes // 2**20} MB. "
                        "Please trim it to the swing and upload it again.",
                        detail=f"{answer['ContentLength']} bytes",
                    )
                try:
                    with path.open("wb") as file:
                        for chunk in body.iter_chunks(CHUNK_BYTES):
                            file.write(chunk)
                except BaseException:
                    path.unlink(missing_ok=True)
                    raise
        return ObjectFacts(key, answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"])

    def put_bytes(self, key: str, body: bytes, content_type: str) -> None:
        self._whole.put(key, body, content_type)

    def get_bytes(self, key: str) -> bytes:
        return self._whole.get(key)

    def copy(self, source: str, target: str) -> None:
        """Copy within the bucket, without the bytes passing through here."""
        self._whole.copy(source, target)

    def list_objects(self, prefix: str, start_after: str | None = None) -> Iterator[ObjectFacts]:
        """Yield the objects under a prefix in key order."""
        after: Any = {"StartAfter": start_after} if start_after else {}
        with _typed_errors(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, **after)
            for page in pages:
                yield from map(_facts, page.get("Contents", []))

    def list_level(self, folder: str, start_after: str | None = None) -> Iterator[Level]:
        """Yield what is in a folder ("a/b/") itself, a page at a time in key order: objects, and folders as such."""
        after: Any = {"StartAfter": start_after} if start_after else {}
        with _typed_errors(folder):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=folder, Delimiter="/", **after
            )
            for page in pages:
                objects = tuple(_facts(entry) for entry in page.get("Contents", []))
                yield Level(objects, tuple(entry["Prefix"] for entry in page.get("CommonPrefixes", [])))

    def stream(self, key: str, content_type: str) -> "StreamedUpload":
        """An upload whose bytes come bit by bit; nothing is sent before the first whole part."""
        return StreamedUpload(self, key, content_type)

    def delete(self, keys: Iterable[str]) -> int:
        """Delete objects; returns how many were named. One that is not there is no error."""
        waiting, count = list(keys), 0
        while batch := waiting[count : count + DELETED_AT_ONCE]:
            with _typed_errors(batch[0]):
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
                )
            # The request succeeds although single keys fail.
            for failed in answer.get("Errors", []):
                raise unavailable(f"{failed.get('Key')}: {failed.get('Code')}")
            count += len(batch)
        return count

    def delete_prefix(self, prefix: str) -> int:
        """Delete all objects of a folder; returns how many there were.

        Raises:
            ValueError: the prefix does not end with a slash: "swings/a" is also how "swings/ab" begins.
        """
        if not prefix.endswith("/") or not prefix.strip("/"):
            raise ValueError(f"{prefix!r} is not a folder")
        return self.delete(found.key for found in self.list_objects(prefix))

    def incomplete_uploads(self, prefix: str) -> list[IncompleteUpload]:
        """Uploads in parts under a prefix that have not ended, a page of at most a thousand in key order."""
        with _typed_errors(prefix):
            answer = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix)
        return [IncompleteUpload(one["Key"], one["UploadId"], one["Initiated"]) for one in answer.get("Uploads", [])]

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Remove the parts of an upload that has not ended; one that has ended meanwhile is no error."""
        try:
            with _typed_errors(key):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except SwingError as error:
            if error.code != ErrorCode.UPLOAD_DELETED:
                raise

    def presign_put(self, key: str, content_type: str, content_length: int | None, expires_s: int) -> str:
        """A URL that takes one PUT of exactly this type and length (None: of any length)."""
        signed: Any = {"Bucket": self.bucket, "Key": key, "ContentType": content_type}
        if content_length is not None:
            signed["ContentLength"] = content_length
        return self.client.generate_presigned_url("put_object", Params=signed, ExpiresIn=expires_s)

    def presign_get(self, key: str, expires_s: int) -> str:
        return self.client.generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=expires_s
        )


class StreamedUpload:
    """One object that is written in parts (S3 multipart upload); what fits into one part is put in one go.

    At most one part is held in memory. Until `complete` there is no object; what was sent before an end by `abort` is
    removed by it. A process that dies in between leaves parts that only S3 sees: a bucket needs a lifecycle rule
    (AbortIncompleteMultipartUpload) for those. Methods raise as those of `ObjectStore`; they are not for two threads.
    """

    def __init__(self, store: ObjectStore, key: str, content_type: str) -> None:
        self._store, self._key, self._type = store, key, content_type
        self._held = bytearray()
        self._upload_id: str | None = None
        self._parts: list[str] = []
        self.size = 0

    def wants(self, length: int) -> bool:
        """Whether that many more bytes fill a part, so that `write` will send one."""
        return len(self._held) + length >= PART_BYTES

    def write(self, data: bytes) -> None:
        """Take more bytes; sends each part that is full."""
        self._held += data
        self.size += len(data)
        while len(self._held) >= PART_BYTES:
            part = bytes(memoryview(self._held)[:PART_BYTES])
            del self._held[:PART_BYTES]
            self._send(part)

    def complete(self) -> None:
        """Send what is held and make the object."""
        if self._upload_id is None:
            self._store.put_bytes(self._key, bytes(self._held), self._type)
        else:
            if self._held:
                self._send(bytes(self._held))
            parts: Any = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(self._parts, start=1)]
            with _typed_errors(self._key):
                self._store.client.complete_multipart_upload(
                    Bucket=self._store.bucket,
                    Key=self._key,
                    UploadId=self._upload_id,
                    MultipartUpload={"Parts": parts},
                )
        self._held.clear()
        self._upload_id = None

    def abort(self) -> None:
        """Remove what was sent; after `complete`, or a second time, nothing happens."""
        self._held.clear()
        if self._upload_id is not None:
            with _typed_errors(self._key):
                self._store.client.abort_multipart_upload(
                    Bucket=self._store.bucket, Key=self._key, UploadId=self._upload_id
                )
            self._upload_id = None

    def _send(self, part: bytes) -> None:
        with _typed_errors(self._key):
            if self._upload_id is None:
                begun = self._store.client.create_multipart_upload(
                    Bucket=self._store.bucket, Key=self._key, ContentType=self._type
                )
                self._upload_id = begun["UploadId"]
            sent = self._store.client.upload_part(
                Bucket=self._store.bucket,
                Key=self._key,
                UploadId=self._upload_id,
                PartNumber=len(self._parts) + 1,
                Body=part,
            )
            self._parts.append(sent["ETag"])


def _facts(entry: Any) -> ObjectFacts:
    return ObjectFacts(entry["Key"], entry["Size"], entry["ETag"].strip('"'), entry["LastModified"])


@contextmanager
def _typed_errors(key: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        answer: Any = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise refused(key, status, str(answer.get("Error", {}).get("Code", ""))) from error
    except BotoCoreError as error:
        raise unavailable(f"{key}: {type(error).__name__}") from error
