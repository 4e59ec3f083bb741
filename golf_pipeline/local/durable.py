"""What lets the embedded AWS forget nothing: objects and queue messages of `moto`, written through to a folder.

moto keeps everything in memory. Here its bucket and its queues get containers of ours, which put every change on disk
before moto goes on: a body as a file, its key, ETag, time and headers as a row of one SQLite index. The row is the
commit: a body without a row is left over from a crash and swept at the next start. The hook sits in moto's containers
and not in front of its HTTP interface, so that every way to change an object (PUT, copy, multipart, POST form, bulk
delete) passes it without our parsing requests.

Safe against the end of the process at any instant (kill -9), not against a power cut: nothing is fsynced.
What does not belong here: buckets, queue settings and the server itself (`aws.py`).
"""

import hashlib
import io
import json
import logging
import os
import re
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import unix_time_millis
from moto.s3.models import FakeBucket, FakeKey
from moto.s3.utils import _VersionedKeyStore
from moto.sqs.models import Message, Queue

COPY_BLOCK_BYTES = 1024 * 1024
SAFE_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
CHECKSUM_FIELDS = ("checksum_algorithm", "checksum_value")

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    last_modified TEXT NOT NULL, headers TEXT NOT NULL, checksums TEXT NOT NULL, PRIMARY KEY (bucket, key)
);
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, queue TEXT NOT NULL, body TEXT NOT NULL,
    sent_ms INTEGER NOT NULL
);
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredObject:
    """One row of the index: an object that was acknowledged."""

    key: str
    body: Path
    size: int
    etag: str
    last_modified: datetime
    headers: dict[str, str]
    checksums: dict[str, Any]


class BodyFile(io.RawIOBase):
    """A body on disk that looks like moto's buffer. It holds no descriptor, so a million objects cost none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence != os.SEEK_SET:
            raise io.UnsupportedOperation(f"whence {whence}")
        self._offset = offset
        return offset

    def read(self, size: int = -1, /) -> bytes:
        with self.path.open("rb") as body:
            body.seek(self._offset)
            data = body.read(size)
        self._offset += len(data)
        return data


class Folder:
    """Objects and messages on disk. Safe to share between the server's threads."""

    def __init__(self, path: Path) -> None:
        self._bodies = path / "objects"
        for number in range(256):
            (self._bodies / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        """Held while the index and moto's own dictionary change together: both must see writers in one order."""
        self._index = sqlite3.connect(path / "index.db", check_same_thread=False, isolation_level=None)
        self._index.execute("PRAGMA journal_mode=WAL")
        self._index.execute("PRAGMA synchronous=NORMAL")
        self._index.executescript(SCHEMA)

    def close(self) -> None:
        with self.lock:
            self._index.close()

    # Objects

    def write_body(self, key: str, source: BinaryIO) -> tuple[Path, int, str]:
        """Copy a body to a file of its own. Returns the file, its size in bytes and its MD5 in hex."""
        path = self._new_body(key)
        md5 = hashlib.md5(usedforsecurity=False)
        size = 0
        with path.open("xb") as body:
            source.seek(0)
            while block := source.read(COPY_BLOCK_BYTES):
                md5.update(block)
                body.write(block)
                size += len(block)
        return path, size, md5.hexdigest()

    def link_body(self, key: str, source: Path) -> Path:
        """A file for another object with the same body. Bodies are never written to again, so both may be one file.

        Raises:
            FileNotFoundError: the source was overwritten or deleted.
        """
        path = self._new_body(key)
        try:
            path.hardlink_to(source)
        except FileNotFoundError:
            raise
        except OSError:  # the file system has no links, or no more of them for this file
            shutil.copyfile(source, path)
        return path

    def save(self, bucket: str, stored: StoredObject) -> None:
        with self.lock:
            previous = self._body_of(bucket, stored.key)
            self._index.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    bucket,
                    _key_bytes(stored.key),
                    f"{stored.body.parent.name}/{stored.body.name}",
                    stored.size,
                    stored.etag,
                    stored.last_modified.isoformat(),
                    json.dumps(stored.headers),
                    json.dumps(stored.checksums),
                ),
            )
            if previous is not None and previous != stored.body:
                previous.unlink(missing_ok=True)

    def remove(self, bucket: str, key: str) -> None:
        with self.lock:
            body = self._body_of(bucket, key)
            self._index.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, _key_bytes(key)))
            if body is not None:
                body.unlink(missing_ok=True)

    def objects(self, bucket: str) -> Iterator[StoredObject]:
        """Yield every object of a bucket; one whose body is not what the index says is left out and logged."""
        rows = self._index.execute(
            "SELECT key, body, size, etag, last_modified, headers, checksums FROM objects WHERE bucket = ?", (bucket,)
        )
        for key, body, size, etag, last_modified, headers, checksums in rows.fetchall():
            path = self._bodies / body
            found = path.stat().st_size if path.is_file() else None
            name = key.decode("utf-8", "surrogatepass")
            if found != size:
                log.error("%r is left out: its body %s has %s bytes, %s expected", name, path, found, size)
                continue
            when = datetime.fromisoformat(last_modified)
            yield StoredObject(name, path, size, etag, when, json.loads(headers), json.loads(checksums))

    def names(self, bucket: str, prefix: bytes, after: bytes, most: int) -> list[bytes]:
        """Keys with a prefix that come after a position, in the order of their bytes."""
        with self.lock:
            rows = self._index.execute(
                "SELECT key FROM objects WHERE bucket = ? AND key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
                (bucket, after, prefix, prefix + b"\xff", most),
            )
            return [key for (key,) in rows]

    def sweep(self) -> int:
        """Delete bodies that no row names: what a crash left half done. Returns how many."""
        named = {row[0] for row in self._index.execute("SELECT body FROM objects")}
        orphans = [p for p in self._bodies.glob("*/*") if str(p.relative_to(self._bodies)) not in named]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)

    def _new_body(self, key: str) -> Path:
        name = hashlib.sha256(_key_bytes(key)).hexdigest()
        suffix = Path(key).suffix.lower()
        unique = f"{name[:32]}-{uuid.uuid4().hex[:12]}{suffix if SAFE_SUFFIX.fullmatch(suffix) else ''}"
        return self._bodies / name[:2] / unique

    def _body_of(self, bucket: str, key: str) -> Path | None:
        row = self._index.execute(
            "SELECT body FROM objects WHERE bucket = ? AND key = ?", (bucket, _key_bytes(key))
        ).fetchone()
        return None if row is None else self._bodies / row[0]

    # Messages

    def save_message(self, queue: str, message: Message) -> None:
        with self.lock:
            self._index.execute(
                "INSERT INTO messages (id, queue, body, sent_ms) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET queue = excluded.queue",
                (message.id, queue, message.body, message.sent_timestamp),
            )

    def remove_messages(self, ids: list[str]) -> None:
        with self.lock:
            self._index.executemany("DELETE FROM messages WHERE id = ?", [(i,) for i in ids])

    def messages(self, queue: str) -> list[Message]:
        """Return what a queue held, oldest first, visible again and with its count of receives back at 0."""
        rows = self._index.execute("SELECT id, body, sent_ms FROM messages WHERE queue = ? ORDER BY number", (queue,))
        found = []
        for message_id, body, sent_ms in rows.fetchall():
            message = Message(message_id, body)
            message.sent_timestamp = sent_ms
            found.append(message)
        return found


class DurableKeys(_VersionedKeyStore):
    """The objects of one unversioned bucket, each on disk before moto knows of it."""

    def __init__(self, folder: Folder, bucket: str) -> None:
        super().__init__()
        self._folder = folder
        self._bucket = bucket
        self._thread = threading.local()
        """`stored`: what was put by the request of this thread, as it is in the index."""

    def restore(self, bucket: FakeBucket) -> int:
        """Bring back every stored object, with its ETag and time. moto sends no event for this."""
        count = 0
        for stored in self._folder.objects(self._bucket):
            key = new_key(stored.key, bucket)
            key.contentsize = stored.size
            key.last_modified = stored.last_modified
            key._etag = stored.etag
            key.set_metadata(dict(stored.headers))
            for name, value in stored.checksums.items():
                setattr(key, name, value)
            _swap_body(key, stored.body)
            dict.__setitem__(self, stored.key, [key])
            count += 1
        return count

    def setlist(self, key: str, list_: Any) -> None:
        newest = list_[-1] if isinstance(list_, list) else list_
        path, size, md5 = self._folder.write_body(key, newest._value_buffer)
        newest._etag = newest._etag or md5
        newest.contentsize = size
        self._set(newest, path)

    def set_copy(self, source: FakeKey, copy: FakeKey) -> None:
        """Put an object that gets the body of another one, and its ETag with it.

        Raises:
            FileNotFoundError: the source was overwritten or deleted.
        """
        body = source._value_buffer
        if not isinstance(body, BodyFile):  # this instant it is put
            raise FileNotFoundError(source.name)
        copy._etag, copy.contentsize = source._etag, source.contentsize
        self._set(copy, self._folder.link_body(copy.name, body.path))

    def _set(self, newest: FakeKey, path: Path) -> None:
        stored = _stored(newest, path)
        with self._folder.lock:
            self._folder.save(self._bucket, stored)
            super().setlist(newest.name, [newest])
        _swap_body(newest, path)
        self._stored_here()[newest.name] = stored

    def pop(self, key: str) -> None:  # type: ignore[override]  # moto's own signature
        with self._folder.lock:
            if key in self:
                self._folder.remove(self._bucket, key)
            super().pop(key)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Around one HTTP request: moto sets headers and checksums after it has put the object; store them too."""
        self._thread.stored = {}
        yield
        for name, stored in self._stored_here().items():
            with self._folder.lock:
                key = self.get(name)
                if key is not None and isinstance(key._value_buffer, BodyFile):
                    _drop_composite_checksum(key)
                    changed = _stored(key, key._value_buffer.path)
                    if changed != stored:
                        self._folder.save(self._bucket, changed)

    def _stored_here(self) -> dict[str, StoredObject]:
        if not hasattr(self._thread, "stored"):
            self._thread.stored = {}
        stored: dict[str, StoredObject] = self._thread.stored
        return stored


class DurableQueue(Queue):
    """A queue whose messages are on disk from the moment they are sent until they are deleted."""

    def __init__(self, folder: Folder, name: str, region: str, **attributes: Any) -> None:
        super().__init__(name, region, DEFAULT_ACCOUNT_ID, **attributes)
        self._folder = folder
        self._messages = folder.messages(name)

    # moto counts all messages for each one that is sent, and reads the clock twice a message: with thousands waiting,
    # as after a burst, a single PUT then takes seconds.

    @property
    def messages(self) -> list[Message]:
        now = unix_time_millis()
        return [one for one in self._messages if one.visible_at < now and one.delayed_until <= now]

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        now = unix_time_millis()
        return sum(one.delayed_until > now for one in self._messages)

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        now = unix_time_millis()
        return sum(one.visible_at >= now for one in self._messages)

    def add_message(self, message: Message) -> None:
        # Also how moto moves a message to the dead-letter queue: the row then changes its queue.
        self._folder.save_message(self.name, message)
        super().add_message(message)

    def delete_message(self, receipt_handle: str) -> None:
        # moto builds a new list here without its lock: an event that arrives at that instant would be lost.
        with self._messages_lock:
            gone = [m.id for m in self._messages if m.had_receipt_handle(receipt_handle)]
            super().delete_message(receipt_handle)
        self._folder.remove_messages(gone)


def new_key(name: str, bucket: FakeBucket, body: bytes = b"") -> FakeKey:
    """An object as moto makes them for an unversioned bucket, which is not in the bucket yet."""
    account, region = bucket.account_id, bucket.region_name
    return FakeKey(name, body, account, region, bucket_name=bucket.name, version_id="null")


def _stored(key: FakeKey, path: Path) -> StoredObject:
    return StoredObject(
        key=key.name,
        body=path,
        size=key.contentsize,
        etag=str(key._etag),
        last_modified=key.last_modified,
        headers={str(name): str(value) for name, value in key.metadata.items()},
        checksums={name: getattr(key, name, None) for name in CHECKSUM_FIELDS},
    )


def _drop_composite_checksum(key: FakeKey) -> None:
    # moto hands the checksum of a multipart upload's parts to copies of the object as if it were that of the body, and
    # boto3 then refuses to read the copy. Without a checksum boto3 checks nothing.
    if key.checksum_parts:
        key.checksum_value = key.checksum_algorithm = key.checksum_parts = None


def _swap_body(key: FakeKey, path: Path) -> None:
    with key.lock:
        buffer, key._value_buffer = key._value_buffer, BodyFile(path)  # type: ignore[assignment]
    buffer.close()


def _key_bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
